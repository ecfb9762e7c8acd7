//! Rebuilds position and profit from a list of trades, as an accounting tool would from an export.
//!
//! `cargo run -p keel-positions --example rebuild`

use keel_domain::{Asset, OrderId, Side, Symbol, Timestamp, Trade, TradeId};
use keel_positions::Ledger;

/// Trade id, side, quantity, price, commission and its asset. Trade 12 is there twice, as in exports that overlap, and
/// trade 13 comes late.
const EXPORT: &str = "\
11 BUY  0.1001 64000.00 0.0001 BTC
12 BUY  0.2000 63400.00 12.68  USDT
14 SELL 0.0500 65200.00 3.26   USDT
12 BUY  0.2000 63400.00 12.68  USDT
13 SELL 0.1000 65000.00 6.50   USDT";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (symbol, base, quote): (Symbol, Asset, Asset) = ("BTCUSDT".parse()?, "BTC".parse()?, "USDT".parse()?);
    let mut ledger = Ledger::new();
    for line in EXPORT.lines() {
        ledger.apply(&parse_trade(symbol, line)?, base, quote)?;
    }
    let book = ledger.book(symbol).ok_or("no trades")?;
    println!("position   {} {base}", ledger.position(symbol));
    println!(
        "realised   {} {quote} by average cost",
        book.realised().normalize()
    );
    println!(
        "realised   {} {quote} by FIFO",
        book.fifo()?.realised().normalize()
    );
    println!(
        "unrealised {} {quote} at 65000",
        book.unrealised(65_000.into())?.normalize()
    );
    println!("fees       {} {quote}", book.fees_in_quote().normalize());
    for (asset, change) in ledger.asset_changes()? {
        println!("{asset:<10} {:+}", change.normalize());
    }
    Ok(())
}

fn parse_trade(symbol: Symbol, line: &str) -> Result<Trade, Box<dyn std::error::Error>> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let &[id, side, qty, px, commission, commission_asset] = fields.as_slice() else {
        return Err(format!("{line}: not six fields").into());
    };
    Ok(Trade {
        symbol,
        trade_id: TradeId(id.parse()?),
        order_id: OrderId(id.parse()?),
        side: match side {
            "BUY" => Side::Buy,
            "SELL" => Side::Sell,
            other => return Err(format!("{other}: neither BUY nor SELL").into()),
        },
        last_px: px.parse()?,
        last_qty: qty.parse()?,
        commission: commission.parse()?,
        commission_asset: Some(commission_asset.parse()?),
        is_maker: false,
        transact_time: Timestamp::EPOCH,
    })
}
