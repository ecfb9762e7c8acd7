//! Client order ids over boots and instances.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use std::collections::BTreeSet;

use keel_domain::StrategyId;
use keel_execution::{ClOrdIdSource, IdParts, InstanceTag, IssuedBy};
use proptest::prelude::*;

proptest! {
    /// F56: unique over restarts, whatever the clock does, since no clock is asked.
    #[test]
    fn f56_ids_are_unique_over_boots_and_instances(counts in proptest::collection::vec(0usize..50, 1..6)) {
        let mut seen = BTreeSet::new();
        for (tag, strategy) in [("k1", "trend"), ("k1", "quoter"), ("k2", "trend"), ("k", "1trend")] {
            let tag: InstanceTag = tag.parse().unwrap();
            let strategy: StrategyId = strategy.parse().unwrap();
            for (boot, count) in counts.iter().enumerate() {
                let mut source = ClOrdIdSource::new(tag, strategy, boot as u64);
                for number in 0..*count {
                    let issued_by = [IssuedBy::Strategy, IssuedBy::Protection, IssuedBy::Operator][number % 3];
                    let id = source.next_id(issued_by).unwrap();
                    prop_assert!(tag.owns(&id));
                    let boot = boot as u64;
                    prop_assert_eq!(tag.parts_of(&id), Some(IdParts { tag, strategy, boot, issued_by }));
                    prop_assert!(id.as_str().len() <= 36);
                    prop_assert!(seen.insert(id));
                }
            }
        }
    }
}

#[test]
fn f42_an_id_tells_whose_it_is() {
    let ours: InstanceTag = "k1".parse().unwrap();
    let theirs: InstanceTag = "k".parse().unwrap();
    let mut source = ClOrdIdSource::new(ours, "trend".parse().unwrap(), 7);
    for (issued_by, text) in [
        (IssuedBy::Strategy, "k1-trend-7-1"),
        (IssuedBy::Protection, "k1-trend-7-stop2"),
        (IssuedBy::Operator, "k1-trend-7-flat3"),
    ] {
        let id = source.next_id(issued_by).unwrap();
        assert_eq!(id.as_str(), text);
        assert!(ours.owns(&id) && !theirs.owns(&id));
        let parts = ours.parts_of(&id).unwrap();
        assert_eq!(
            (parts.strategy.as_str(), parts.boot, parts.issued_by),
            ("trend", 7, issued_by)
        );
        assert_eq!(theirs.parts_of(&id), None);
    }
}

#[test]
fn f42_another_instances_id_is_told_from_a_persons_and_from_our_own() {
    let ours: InstanceTag = "k1".parse().unwrap();
    let other = |text: &str| ours.other_in(&text.parse().unwrap()).map(|tag| tag.to_string());
    for id in ["k2-quoter-3-71", "k2-quoter-3-stop71"] {
        assert_eq!(other(id).as_deref(), Some("k2"), "{id}");
    }
    for id in [
        "k1-quoter-3-71",
        "k2-quoter-3",
        "k2-quoter-3-71-1",
        "k2-quoter-3-x",
        "k2-quoter-3-stop",
        "k2-quoter-3-flatstop1",
        "k2-quoter-stop3-71",
        "k2-quoter--71",
        "k2-Quoter-3-71",
        "kk222-quoter-3-71",
        "web_1a2b-3",
    ] {
        assert_eq!(other(id), None, "{id}");
    }
}

#[test]
fn the_longest_id_fits_the_venue_and_a_longer_one_is_an_error() {
    let tag: InstanceTag = "abcd".parse().unwrap();
    let strategy: StrategyId = "averylon".parse().unwrap();
    let mut source = ClOrdIdSource::new(tag, strategy, u64::from(u32::MAX));
    let id = source.next_id(IssuedBy::Strategy).unwrap();
    assert!(id.as_str().len() + "99999999999".len() - 1 <= 36, "{id}");
    let stop = source.next_id(IssuedBy::Protection).unwrap();
    assert!(stop.as_str().len() + "9999999".len() - 1 <= 36, "{stop}");
    let mut source = ClOrdIdSource::new(tag, strategy, u64::MAX);
    assert!(source.next_id(IssuedBy::Strategy).is_ok());
    assert!(source.next_id(IssuedBy::Protection).is_err());
}

#[test]
fn a_strategy_that_an_id_could_not_carry_has_no_name() {
    for bad in ["", "averylong", "Trend", "a-b", "stop me"] {
        assert!(bad.parse::<StrategyId>().is_err(), "{bad}");
    }
}

#[test]
fn a_tag_the_venue_or_a_person_could_misread_is_refused() {
    for bad in ["", "abcde", "K1", "a-b", "ä"] {
        assert!(bad.parse::<InstanceTag>().is_err(), "{bad}");
    }
}
