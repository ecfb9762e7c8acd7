//! A ledger that is stored and read again.

use keel_domain::Side;
use keel_positions::Ledger;
use proptest::prelude::*;

use crate::common::{asset, ledger_of, taking, trade};
use crate::generated::any_arrival;

proptest! {
    #[test]
    fn a_stored_ledger_is_the_same_ledger_and_is_written_alike((trades, arrivals) in any_arrival()) {
        let ledger = ledger_of(&arrivals);
        let text = serde_json::to_string(&ledger).unwrap();
        let read: Ledger = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&read, &ledger);
        prop_assert_eq!(serde_json::to_string(&read).unwrap(), text.clone());
        prop_assert_eq!(serde_json::to_string(&ledger_of(&trades)).unwrap(), text);
    }
}

#[test]
fn a_stored_trade_that_could_not_be_booked_is_not_read() {
    let ledger = ledger_of(&[taking(trade(1, Side::Buy, "1", "100"), "0.25", "BTC")]);
    let text = serde_json::to_string(&ledger).unwrap();
    let changed = text.replace("\"0.25\"", "\"1.25\"");
    assert_ne!(changed, text);
    let error = serde_json::from_str::<Ledger>(&changed).unwrap_err().to_string();
    assert!(error.contains("out of range"), "{error}");
}

#[test]
fn a_stored_trade_twice_with_other_contents_is_not_read() {
    let ledger = ledger_of(&[trade(1, Side::Buy, "1", "100"), trade(2, Side::Buy, "1", "101")]);
    let text = serde_json::to_string(&ledger).unwrap();
    let changed = text.replace("\"trade_id\":2", "\"trade_id\":1");
    let error = serde_json::from_str::<Ledger>(&changed).unwrap_err().to_string();
    assert!(error.contains("came twice"), "{error}");
    assert_eq!(ledger.book(crate::common::symbol()).unwrap().base(), asset("BTC"));
}
