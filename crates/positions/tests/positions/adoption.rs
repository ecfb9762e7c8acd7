//! A ledger rebuilt from what the venue still lists.

use keel_domain::{Money, Price, Side, Timestamp};
use keel_positions::{Adjustment, Applied, CostMethod, Ledger};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::common::{asset, instrument, ledger_of, money, symbol, taking, trade};
use crate::generated::any_trades;

const MARK: &str = "500";

/// The same adoption twice, as a restart in the middle of it does.
fn adopt(ledger: &mut Ledger, held: &str) -> Option<Adjustment> {
    let (at, px) = (Timestamp::from_millis(9), MARK.parse::<Price>().unwrap());
    let adjustment = ledger.unexplained(&instrument(), money(held), at, px).unwrap();
    if let Some(adjustment) = &adjustment {
        let (base, quote) = (asset("BTC"), asset("USDT"));
        assert_eq!(ledger.adjust(adjustment, base, quote), Ok(Applied::New));
        assert_eq!(ledger.adjust(adjustment, base, quote), Ok(Applied::Duplicate));
    }
    adjustment
}

#[test]
fn f23_trades_that_reach_back_to_the_start_leave_nothing_to_estimate() {
    let mut ledger = ledger_of(&[
        taking(trade(1, Side::Buy, "1", "100"), "0.001", "BTC"),
        trade(2, Side::Sell, "0.5", "120"),
    ]);
    assert_eq!(adopt(&mut ledger, "0.499"), None);
    assert!(!ledger.book(symbol()).unwrap().is_estimated());
}

#[test]
fn f23_what_the_trades_do_not_reach_was_held_before_them_at_an_estimated_cost() {
    // The purchase of 3 is out of reach; 1 of it was sold since.
    let mut ledger = ledger_of(&[trade(8, Side::Sell, "1", "120"), trade(9, Side::Buy, "1", "130")]);
    let adjustment = adopt(&mut ledger, "3").unwrap();
    assert_eq!((adjustment.after, adjustment.qty), (None, money("3")));
    assert_eq!(adjustment.px, "120".parse().unwrap());
    let book = ledger.book(symbol()).unwrap();
    assert_eq!(ledger.position(symbol()).to_string(), "3");
    assert_eq!(
        book.realised(),
        Money::ZERO,
        "sold at what it is taken to have cost"
    );
    assert!(book.is_estimated());
    assert!(
        book.bookings(CostMethod::Fifo)
            .unwrap()
            .iter()
            .all(|booking| booking.is_estimated)
    );
}

#[test]
fn f23_less_than_the_trades_say_has_left_at_its_cost_after_them() {
    let mut ledger = ledger_of(&[trade(1, Side::Buy, "1", "100"), trade(2, Side::Buy, "1", "110")]);
    let adjustment = adopt(&mut ledger, "1.5").unwrap();
    assert_eq!(adjustment.after.map(|id| id.0), Some(2));
    assert_eq!(ledger.avg_px(symbol()), Some(money("105")));
    assert_eq!(ledger.position(symbol()).to_string(), "1.5");
    let book = ledger.book(symbol()).unwrap();
    assert_eq!(book.realised(), Money::ZERO);
    let estimated: Vec<bool> = book
        .bookings(CostMethod::AverageCost)
        .unwrap()
        .iter()
        .map(|booking| booking.is_estimated)
        .collect();
    assert_eq!(estimated, [false, false], "only what follows is an estimate");
}

#[test]
fn f23_without_any_known_trade_the_given_price_is_the_cost() {
    let mut ledger = Ledger::new();
    let adjustment = adopt(&mut ledger, "2").unwrap();
    assert_eq!((adjustment.after, adjustment.px), (None, MARK.parse().unwrap()));
    assert_eq!(ledger.avg_px(symbol()), Some(money(MARK)));
    assert_eq!(adopt(&mut Ledger::new(), "0"), None);
}

#[test]
fn f44_dust_is_a_part_of_what_is_held() {
    let mut ledger = ledger_of(&[trade(1, Side::Buy, "0.01", "100")]);
    let dust = ledger.remainder(&instrument(), "100".parse().unwrap()).unwrap();
    ledger.book_dust(&dust).unwrap();
    assert_eq!(adopt(&mut ledger, "0.01"), None);
}

#[test]
fn a_second_adoption_comes_after_the_last_trade() {
    let mut ledger = ledger_of(&[trade(1, Side::Buy, "1", "100")]);
    assert_eq!(adopt(&mut ledger, "2").unwrap().after, None);
    let second = ledger
        .unexplained(
            &instrument(),
            money("3"),
            Timestamp::from_millis(10),
            "1".parse().unwrap(),
        )
        .unwrap()
        .unwrap();
    assert_eq!(second.after.map(|id| id.0), Some(1));
}

proptest! {
    /// Whatever the venue still lists, the quantity is its word; and with all of it, the ledger is the one that was lost.
    #[test]
    fn f23_the_quantity_is_right_however_far_the_trades_reach(trades in any_trades(), lost: Index) {
        let whole = ledger_of(&trades);
        let held = whole.book(symbol()).unwrap().average().position();
        let lost = lost.index(trades.len());
        let mut rebuilt = ledger_of(&trades[lost..]);
        let adjustment = adopt(&mut rebuilt, &held.to_string());
        prop_assert_eq!(rebuilt.position(symbol()), whole.position(symbol()));
        let book = rebuilt.book(symbol()).unwrap();
        prop_assert_eq!(book.is_estimated(), adjustment.is_some());
        if lost == 0 {
            prop_assert_eq!(rebuilt, whole);
        }
    }
}
