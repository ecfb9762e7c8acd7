//! Client order ids over boots and instances.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use std::collections::BTreeSet;

use keel_execution::{ClOrdIdSource, InstanceTag, StrategyMark};
use proptest::prelude::*;

proptest! {
    /// F56: unique over restarts, whatever the clock does, since no clock is asked.
    #[test]
    fn f56_ids_are_unique_over_boots_and_instances(counts in proptest::collection::vec(0usize..50, 1..6)) {
        let mut seen = BTreeSet::new();
        for (tag, strategy) in [("k1", "trend"), ("k1", "quoter"), ("k2", "trend"), ("k", "1-trend")] {
            let tag: InstanceTag = tag.parse().unwrap();
            let mark = StrategyMark::of(strategy);
            for (boot, count) in counts.iter().enumerate() {
                let mut source = ClOrdIdSource::new(tag, mark, boot as u64);
                for _ in 0..*count {
                    let id = source.next_id().unwrap();
                    prop_assert!(tag.owns(&id));
                    prop_assert_eq!(tag.strategy_in(&id).map(str::to_owned), Some(mark.to_string()));
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
    let id = ClOrdIdSource::new(ours, StrategyMark::of("trend"), 1)
        .next_id()
        .unwrap();
    assert!(ours.owns(&id));
    assert!(!theirs.owns(&id));
    assert_eq!(
        (ours.strategy_in(&id), theirs.strategy_in(&id)),
        (Some("trend"), None)
    );
}

#[test]
fn f42_another_instances_id_is_told_from_a_persons_and_from_our_own() {
    let ours: InstanceTag = "k1".parse().unwrap();
    let other = |text: &str| ours.other_in(&text.parse().unwrap()).map(|tag| tag.to_string());
    assert_eq!(other("k2-quoter-3-71").as_deref(), Some("k2"));
    for id in [
        "k1-quoter-3-71",
        "k2-quoter-3",
        "k2-quoter-3-71-1",
        "k2-quoter-3-x",
        "k2-quoter--71",
        "k2-Quoter-3-71",
        "kk222-quoter-3-71",
        "web_1a2b-3",
    ] {
        assert_eq!(other(id), None, "{id}");
    }
}

#[test]
fn f56_an_id_tells_which_boot_of_ours_made_it() {
    let ours: InstanceTag = "k1".parse().unwrap();
    let boot = |text: &str| ours.boot_in(&text.parse().unwrap());
    assert_eq!(boot("k1-trend-12-345"), Some(12));
    for id in ["k2-trend-12-345", "k1-trend", "k1-trend-x-345", "web_1a2b-3"] {
        assert_eq!(boot(id), None, "{id}");
    }
}

#[test]
fn the_longest_id_fits_the_venue_and_a_longer_one_is_an_error() {
    let tag: InstanceTag = "abcd".parse().unwrap();
    let mark = StrategyMark::of("A very long name");
    assert_eq!(mark.to_string(), "averylon");
    let id = ClOrdIdSource::new(tag, mark, u64::from(u32::MAX))
        .next_id()
        .unwrap();
    assert!(id.as_str().len() + "99999999999".len() - 1 <= 36, "{id}");
    assert!(ClOrdIdSource::new(tag, mark, u64::MAX).next_id().is_ok(), "{id}");
    assert_eq!(StrategyMark::of("--").to_string(), "x");
}

#[test]
fn a_tag_the_venue_or_a_person_could_misread_is_refused() {
    for bad in ["", "abcde", "K1", "a-b", "ä"] {
        assert!(bad.parse::<InstanceTag>().is_err(), "{bad}");
    }
}
