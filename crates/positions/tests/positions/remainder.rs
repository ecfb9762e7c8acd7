//! Dust, and quantities that no trade explains.

use keel_domain::{Money, Price, Qty, Side, Timestamp, Trade, TradeId};
use keel_positions::{Adjustment, Applied, CostMethod, Dust, Exit, Ledger, LedgerError, RefusedCause};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::common::{apply, asset, instrument, ledger_of, money, realised, symbol, taking, trade};
use crate::generated::{any_arrival, any_trades};

fn px(text: &str) -> Price {
    text.parse().unwrap()
}

fn exit(held: &str, price: &str) -> (String, String) {
    let exit = Exit::of(&instrument(), held.parse().unwrap(), px(price));
    assert_eq!(exit.is_possible(), exit.sellable > Qty::ZERO);
    (exit.sellable.to_string(), exit.dust.to_string())
}

fn exit_is(sellable: &str, dust: &str) -> (String, String) {
    (sellable.to_owned(), dust.to_owned())
}

fn dust(after: u64, qty: &str) -> Dust {
    Dust {
        symbol: symbol(),
        after: TradeId(after),
        qty: money(qty),
    }
}

fn adjustment(after: Option<u64>, qty: &str, at: &str) -> Adjustment {
    Adjustment {
        symbol: symbol(),
        after: after.map(TradeId),
        at: Timestamp::EPOCH,
        qty: money(qty),
        px: px(at),
    }
}

fn adjust(ledger: &mut Ledger, adjustment: &Adjustment) -> Result<Applied, LedgerError> {
    ledger.adjust(adjustment, asset("BTC"), asset("USDT"))
}

fn refused(result: &Result<Applied, LedgerError>) -> Option<RefusedCause> {
    match result {
        Err(LedgerError::Refused { cause, .. }) => Some(*cause),
        _ => None,
    }
}

#[test]
fn f44_what_has_filled_is_sellable_from_the_smallest_value_and_quantity_on() {
    // 5 USDT is the smallest value, 0.002 BTC the smallest quantity, 0.001 the step.
    assert_eq!(exit("0.05", "100"), exit_is("0.05", "0"));
    assert_eq!(exit("0.05", "99.99"), exit_is("0", "0.05"));
    assert_eq!(exit("0.002", "10000"), exit_is("0.002", "0"));
    assert_eq!(exit("0.001", "10000"), exit_is("0", "0.001"));
    assert_eq!(exit("0", "100"), exit_is("0", "0"));
}

#[test]
fn f45_a_sale_is_floored_to_the_step_and_the_rest_is_dust() {
    assert_eq!(exit("0.9995", "100"), exit_is("0.999", "0.0005"));
    // The value counts after flooring: 0.0509 floors to 0.05, which is worth 5 at 100 and less at 99.
    assert_eq!(exit("0.0509", "100"), exit_is("0.05", "0.0009"));
    assert_eq!(exit("0.0509", "99"), exit_is("0", "0.0509"));
}

#[test]
fn more_than_one_order_can_sell_is_sellable_in_several() {
    assert_eq!(exit("25.0004", "100"), exit_is("25", "0.0004"));
}

#[test]
fn f44_a_remainder_below_the_smallest_value_leaves_the_position_with_its_cost_and_stays_in_equity() {
    let mut ledger = ledger_of(&[
        taking(trade(1, Side::Buy, "1", "100"), "0.001", "BTC"),
        trade(2, Side::Sell, "0.95", "110"),
    ]);
    assert_eq!(
        ledger.remainder(&instrument(), px("110")),
        None,
        "5.39 can still be sold"
    );
    let remainder = ledger.remainder(&instrument(), px("100")).unwrap();
    assert_eq!(remainder, dust(2, "0.049"));

    let profit = realised(&ledger);
    let equity = ledger.book(symbol()).unwrap().unrealised(money("130"));
    let changes = ledger.asset_changes();
    assert_eq!(ledger.book_dust(&remainder), Ok(Applied::New));
    assert_eq!(ledger.position(symbol()).to_string(), "0");
    assert_eq!(ledger.avg_px(symbol()), None);
    let book = ledger.book(symbol()).unwrap();
    assert_eq!(book.dust().position(), money("0.049"));
    assert_eq!(book.dust().cost(), money("4.9"));
    assert_eq!(book.unrealised(money("130")), equity);
    assert_eq!(realised(&ledger), profit);
    assert_eq!(ledger.asset_changes(), changes);

    assert_eq!(ledger.book_dust(&remainder), Ok(Applied::Duplicate));
    assert_eq!(ledger.remainder(&instrument(), px("100")), None, "no retries");
}

#[test]
fn a_short_or_flat_position_has_no_remainder() {
    let short = ledger_of(&[trade(1, Side::Sell, "0.001", "100")]);
    assert_eq!(short.remainder(&instrument(), px("100")), None);
    assert_eq!(Ledger::new().remainder(&instrument(), px("100")), None);
}

#[test]
fn dust_that_is_not_held_or_follows_no_trade_or_differs_is_refused_and_changes_nothing() {
    let mut ledger = ledger_of(&[
        trade(1, Side::Buy, "0.01", "100"),
        trade(2, Side::Buy, "0.01", "100"),
    ]);
    assert_eq!(ledger.book_dust(&dust(1, "0.004")), Ok(Applied::New));
    let before = ledger.clone();
    for (dust, cause) in [
        (dust(2, "0.02"), RefusedCause::NotHeld),
        (dust(2, "0"), RefusedCause::NotHeld),
        (dust(2, "-0.01"), RefusedCause::NotHeld),
        (dust(3, "0.01"), RefusedCause::NoSuchTrade),
        (dust(1, "0.005"), RefusedCause::Other),
    ] {
        assert_eq!(refused(&ledger.book_dust(&dust)), Some(cause), "{dust:?}");
        assert_eq!(ledger, before);
    }
    assert_eq!(
        refused(&Ledger::new().book_dust(&dust(1, "0.1"))),
        Some(RefusedCause::NoSuchTrade)
    );
}

#[test]
fn f23_an_opening_quantity_is_held_at_an_estimated_cost_and_said_to_be() {
    let mut ledger = Ledger::new();
    assert_eq!(
        adjust(&mut ledger, &adjustment(None, "2", "100")),
        Ok(Applied::New)
    );
    apply(&mut ledger, &trade(5, Side::Sell, "1", "130")).unwrap();
    assert_eq!(
        adjust(&mut ledger, &adjustment(None, "2", "100")),
        Ok(Applied::Duplicate)
    );
    let book = ledger.book(symbol()).unwrap();
    assert!(book.is_estimated());
    assert_eq!(ledger.position(symbol()).to_string(), "1");
    assert_eq!(book.realised(), money("30"));
    assert_eq!(book.adopted().position(), money("2"));
    // It was not traded, so no asset changed by it.
    assert_eq!(ledger.asset_changes().unwrap()[&asset("BTC")], money("-1"));
    assert!(book.bookings(CostMethod::AverageCost).unwrap()[0].is_estimated);
}

#[test]
fn f23_what_the_venue_does_not_hold_leaves_at_its_cost_and_realises_nothing() {
    let mut ledger = ledger_of(&[trade(1, Side::Buy, "1", "100"), trade(2, Side::Buy, "1", "110")]);
    adjust(&mut ledger, &adjustment(Some(2), "-0.5", "300")).unwrap();
    assert_eq!(ledger.position(symbol()).to_string(), "1.5");
    assert_eq!(ledger.avg_px(symbol()), Some(money("105")));
    let book = ledger.book(symbol()).unwrap();
    assert_eq!(book.realised(), Money::ZERO);
    let fifo = book.fifo().unwrap();
    assert_eq!(fifo.realised(), Money::ZERO);
    assert_eq!(fifo.cost(), Ok(money("160")));
}

#[test]
fn an_adjustment_after_an_unknown_trade_or_with_another_quantity_is_refused() {
    let mut ledger = ledger_of(&[trade(1, Side::Buy, "1", "100")]);
    adjust(&mut ledger, &adjustment(Some(1), "1", "100")).unwrap();
    let before = ledger.clone();
    for (adjustment, cause) in [
        (adjustment(Some(2), "1", "100"), RefusedCause::NoSuchTrade),
        (adjustment(Some(1), "2", "100"), RefusedCause::Other),
        (
            adjustment(None, "92233720368.54775807", "1"),
            RefusedCause::OutOfRange,
        ),
    ] {
        assert_eq!(
            refused(&adjust(&mut ledger, &adjustment)),
            Some(cause),
            "{adjustment:?}"
        );
        assert_eq!(ledger, before);
    }
    assert!(adjust(&mut Ledger::new(), &adjustment(Some(2), "1", "1")).is_err());
}

#[test]
fn two_adjustments_after_one_trade_are_told_apart_by_their_time() {
    let mut ledger = ledger_of(&[trade(1, Side::Buy, "1", "100")]);
    let later = Adjustment {
        at: Timestamp::from_millis(1),
        ..adjustment(Some(1), "2", "100")
    };
    adjust(&mut ledger, &adjustment(Some(1), "1", "100")).unwrap();
    assert_eq!(adjust(&mut ledger, &later), Ok(Applied::New));
    assert_eq!(ledger.position(symbol()).to_string(), "4");
    assert_eq!(
        ledger.book(symbol()).unwrap().fifo().unwrap().position(),
        Ok(money("4"))
    );
}

#[test]
fn bookings_tell_what_each_trade_realised_by_either_method() {
    let ledger = ledger_of(&[
        trade(1, Side::Buy, "1", "100"),
        taking(trade(2, Side::Buy, "1", "110"), "0.1", "USDT"),
        taking(trade(3, Side::Sell, "1", "120"), "0.2", "BNB"),
    ]);
    let book = ledger.book(symbol()).unwrap();
    let of = |method| -> Vec<(Money, Money)> {
        let bookings = book.bookings(method).unwrap();
        assert!(bookings.iter().all(|booking| !booking.is_estimated));
        bookings.iter().map(|b| (b.realised, b.fee_in_quote)).collect()
    };
    let zero = Money::ZERO;
    let fee = money("0.1");
    assert_eq!(
        of(CostMethod::default()),
        [(zero, zero), (zero, fee), (money("15"), zero)]
    );
    assert_eq!(
        of(CostMethod::Fifo),
        [(zero, zero), (zero, fee), (money("20"), zero)]
    );
}

proptest! {
    /// Dust and adjustments are booked in the middle, then trades come late: the same facts give the same ledger.
    #[test]
    fn late_trades_around_dust_and_adjustments_give_the_same_ledger(
        (trades, arrivals) in any_arrival(),
        at: Index,
        adjusted in -1_000_000_i64..1_000_000,
        share in 1_i64..=100,
    ) {
        let after = at.get(&trades).trade_id;
        let until: Vec<Trade> = trades.iter().filter(|trade| trade.trade_id <= after).copied().collect();
        let mut late = ledger_of(&until);
        let adjustment = Adjustment { symbol: symbol(), after: Some(after), at: Timestamp::EPOCH, qty: Money::new(adjusted, 8), px: px("77.7") };
        adjust(&mut late, &adjustment).unwrap();
        let held = late.book(symbol()).unwrap().average().position();
        let dust = Dust { symbol: symbol(), after, qty: (held * Money::new(share, 2)).round_dp(8) };
        let is_booked = late.book_dust(&dust).is_ok();
        prop_assert_eq!(is_booked, dust.qty > Money::ZERO);
        for trade in &arrivals {
            apply(&mut late, trade).unwrap();
        }
        let mut in_order = ledger_of(&trades);
        adjust(&mut in_order, &adjustment).unwrap();
        if is_booked {
            in_order.book_dust(&dust).unwrap();
        }
        prop_assert_eq!(&late, &in_order);
        let text = serde_json::to_string(&late).unwrap();
        prop_assert_eq!(serde_json::from_str::<Ledger>(&text).unwrap(), late);
    }

    /// Whatever dust is set aside, profit and equity stay what they were, to the last digit.
    #[test]
    fn f44_dust_changes_no_money(trades in any_trades(), share in 1_i64..=100, mark in 1_i64..=10_000_000_000_000) {
        let mut ledger = ledger_of(&trades);
        let worth = |ledger: &Ledger| {
            let book = ledger.book(symbol()).unwrap();
            book.realised() + book.unrealised(Money::new(mark, 8)).unwrap()
        };
        let before = worth(&ledger);
        let held = ledger.book(symbol()).unwrap().average().position();
        let after = trades.last().unwrap().trade_id;
        let dust = Dust { symbol: symbol(), after, qty: (held * Money::new(share, 2)).round_dp(8) };
        prop_assume!(dust.qty > Money::ZERO);
        ledger.book_dust(&dust).unwrap();
        prop_assert_eq!(worth(&ledger), before);
        let book = ledger.book(symbol()).unwrap();
        prop_assert_eq!(book.average().position() + book.dust().position(), held);
        prop_assert_eq!(book.fifo().unwrap().position().unwrap(), held);
    }

    #[test]
    fn bookings_add_up_to_the_whole_by_either_method(trades in any_trades()) {
        let ledger = ledger_of(&trades);
        let book = ledger.book(symbol()).unwrap();
        for (method, realised) in [
            (CostMethod::AverageCost, book.realised()),
            (CostMethod::Fifo, book.fifo().unwrap().realised()),
        ] {
            let bookings = book.bookings(method).unwrap();
            prop_assert_eq!(bookings.iter().map(|b| b.realised).sum::<Money>(), realised);
            prop_assert_eq!(bookings.iter().map(|b| b.fee_in_quote).sum::<Money>(), book.fees_in_quote());
        }
    }
}
