//! Makes a statement from trades and orders: books them, asks what each trade realised, prints the CSV tables.
//!
//! `cargo run -p keel-report --example statement`

use keel_domain::{Asset, Money, OrderId, Side, StrategyId, Symbol, Timestamp, Trade, TradeId};
use keel_positions::{Booking, CostMethod, Ledger};
use keel_report::{DayEnd, Statement, StatementOrder, StatementTrade, Statistics};

/// Trade id, side, quantity, price, commission and its asset.
type Row = (u64, Side, &'static str, &'static str, &'static str, &'static str);
const TRADES: [Row; 4] = [
    (1, Side::Buy, "1", "64000", "0.001", "BTC"),
    (2, Side::Sell, "0.999", "65000", "64.935", "USDT"),
    (3, Side::Buy, "1", "64500", "0.05", "BNB"),
    (4, Side::Sell, "1", "64200", "64.2", "USDT"),
];

/// What a commission in BNB is worth; a real program asks `keel_positions::Prices` at the trade's time.
const BNB_USDT: i64 = 600;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (symbol, base, quote): (Symbol, Asset, Asset) = ("BTCUSDT".parse()?, "BTC".parse()?, "USDT".parse()?);
    let strategy: StrategyId = "trend".parse()?;
    let mut ledger = Ledger::new();
    for trade in TRADES {
        ledger.apply(&parse(symbol, trade)?, base, quote)?;
    }

    let book = ledger.book(symbol).ok_or("no trades")?;
    let bookings = book.bookings(CostMethod::AverageCost)?;
    let lines: Vec<StatementTrade> = bookings
        .iter()
        .map(|booking| StatementTrade {
            strategy,
            trade: booking.trade,
            currency: quote,
            realised: booking.realised,
            fee: Some(fee(booking)),
            is_estimated: booking.is_estimated,
        })
        .collect();
    let order = StatementOrder {
        strategy,
        symbol,
        currency: quote,
        order_id: Some(OrderId(1)),
        decided_at: Timestamp::EPOCH,
        order_qty: "2".parse()?,
        cum_qty: "1".parse()?,
        book: Some(("63998".parse()?, "64000".parse()?)),
    };
    let statement = Statement::new(&lines, &[order], &[]);
    print!("{}\n{}\n", statement.trades_csv(), statement.days_csv());

    let closed: Vec<Money> = bookings
        .iter()
        .filter(|booking| !booking.realised.is_zero())
        .map(|booking| booking.realised - fee(booking))
        .collect();
    let day = |equity: i64| DayEnd {
        equity: equity.into(),
        transferred: Money::ZERO,
    };
    println!(
        "{:#?}",
        Statistics::new(&[day(70_000), day(70_871), day(70_477)], &closed)
    );
    Ok(())
}

/// The fee in quote: as booked, or valued where it was taken in BNB.
fn fee(booking: &Booking) -> Money {
    if booking
        .trade
        .commission_asset
        .is_some_and(|asset| asset.as_str() == "BNB")
    {
        booking.trade.commission * Money::from(BNB_USDT)
    } else {
        booking.fee_in_quote
    }
}

fn parse(symbol: Symbol, row: Row) -> Result<Trade, Box<dyn std::error::Error>> {
    let (id, side, qty, px, commission, asset) = row;
    Ok(Trade {
        symbol,
        trade_id: TradeId(id),
        order_id: OrderId(id),
        side,
        last_px: px.parse()?,
        last_qty: qty.parse()?,
        commission: commission.parse()?,
        commission_asset: Some(asset.parse()?),
        is_maker: false,
        transact_time: Timestamp::from_millis(i64::try_from(id)? * 43_200_000),
    })
}
