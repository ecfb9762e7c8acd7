//! First in, first out, and the limits of exact money.

use keel_domain::{Money, Side, Trade, TradeId};
use keel_positions::{Applied, LedgerError};
use proptest::prelude::*;

use crate::common::{apply, asset, ledger_of, money, realised, symbol, taking, trade};
use crate::generated::any_arrival;

/// The nth unit ever sold closes the nth unit ever bought, so what is realised is the price of the first units sold
/// less the price of the first units bought: no lots, no order between the two sides.
fn naive_fifo_realised(trades: &[Trade]) -> Money {
    let (mut bought, mut sold) = (Vec::new(), Vec::new());
    for trade in trades {
        let px = i128::from(trade.last_px.units());
        let qty = i128::from(trade.last_qty.units());
        match trade.side {
            Side::Buy => bought.push((qty, px)),
            Side::Sell => sold.push((qty, px)),
        }
        if trade.commission_asset == Some(asset("BTC")) {
            let mut fee = trade.commission;
            fee.rescale(8);
            sold.push((fee.mantissa(), px));
        }
    }
    let total = |side: &[(i128, i128)]| side.iter().map(|(qty, _)| qty).sum::<i128>();
    let closed = total(&bought).min(total(&sold));
    let value_of_first = |side: &[(i128, i128)]| {
        let mut left = closed;
        side.iter().fold(0, |value, (qty, px)| {
            let taken = left.min(*qty);
            left -= taken;
            value + taken * px
        })
    };
    Money::from_i128_with_scale(value_of_first(&sold) - value_of_first(&bought), 16)
}

proptest! {
    #[test]
    fn fifo_is_that_of_matching_units_in_their_order((trades, arrivals) in any_arrival()) {
        let ledger = ledger_of(&arrivals);
        let book = ledger.book(symbol()).unwrap();
        let fifo = book.fifo().unwrap();
        prop_assert_eq!(fifo.realised(), naive_fifo_realised(&trades));
        prop_assert_eq!(fifo.position().unwrap(), book.average().position());
    }

    #[test]
    fn both_methods_tell_the_same_whole_profit((_, arrivals) in any_arrival(), mark in 1_i64..=10_000_000_000_000) {
        let ledger = ledger_of(&arrivals);
        let book = ledger.book(symbol()).unwrap();
        let (fifo, average, mark) = (book.fifo().unwrap(), book.average(), Money::new(mark, 8));
        let by_fifo = fifo.realised() + fifo.unrealised(mark).unwrap();
        prop_assert_eq!(by_fifo, average.realised() + average.unrealised(mark).unwrap());
    }
}

#[test]
fn f48_fifo_closes_the_oldest_and_average_cost_a_part_of_all() {
    let ledger = ledger_of(&[
        trade(1, Side::Buy, "1", "100"),
        trade(2, Side::Buy, "1", "110"),
        trade(3, Side::Sell, "1.5", "120"),
    ]);
    let fifo = ledger.book(symbol()).unwrap().fifo().unwrap();
    // 20 of the first, half of 10 of the second; by average cost 1.5 times 15.
    assert_eq!(fifo.realised(), money("25"));
    assert_eq!(realised(&ledger), money("22.5"));
    let lots: Vec<_> = fifo.lots().map(|lot| (lot.qty, lot.price)).collect();
    assert_eq!(lots, [(money("0.5"), money("110"))]);
    assert_eq!(fifo.cost(), Ok(money("55")));
}

#[test]
fn fifo_turns_from_long_to_short_at_the_price_of_the_trade() {
    let ledger = ledger_of(&[
        trade(1, Side::Buy, "1", "100"),
        trade(2, Side::Sell, "3", "110"),
        trade(3, Side::Buy, "1", "90"),
    ]);
    let fifo = ledger.book(symbol()).unwrap().fifo().unwrap();
    assert_eq!(fifo.realised(), money("30"));
    assert_eq!(fifo.position(), Ok(money("-1")));
    assert_eq!(fifo.unrealised(money("100")), Ok(money("10")));
}

/// The largest trade has 28 digits of value; the eighth of them would make a sum of 29.
#[test]
fn a_sum_beyond_28_digits_is_refused_and_never_rounded() {
    let huge = |id| trade(id, Side::Buy, "9999.99999999", "99999999.99999999");
    let mut ledger = ledger_of(&[1, 2, 3, 4, 5, 6, 7].map(huge));
    let before = ledger.clone();
    let refused = huge(8);
    let error = LedgerError::OutOfRange {
        trade: Box::new(refused),
    };
    assert_eq!(apply(&mut ledger, &refused), Err(error));
    assert_eq!(ledger, before);
    // A late trade is refused as a late one too, and what was booked stays as it was.
    let late = Trade {
        trade_id: TradeId(0),
        ..refused
    };
    assert!(apply(&mut ledger, &late).is_err());
    assert_eq!(ledger, before);
    // One whose value has fewer digits still fits where the sum does not round.
    assert_eq!(
        apply(&mut ledger, &trade(9, Side::Buy, "1", "1")),
        Ok(Applied::New)
    );
    let expected = money("6999999999992.9993000000000007") + Money::ONE;
    assert_eq!(ledger.book(symbol()).unwrap().turnover(), expected);
}

#[test]
fn a_commission_with_more_digits_than_its_value_can_keep_is_refused() {
    let fine = taking(
        trade(1, Side::Buy, "1", "12345678.12345678"),
        "0.000000000000000000000000001",
        "BTC",
    );
    assert!(apply(&mut keel_positions::Ledger::new(), &fine).is_err());
}
