//! Client order ids over boots and instances.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use std::collections::BTreeSet;

use keel_execution::{ClOrdIdSource, InstanceTag};
use proptest::prelude::*;

proptest! {
    /// F56: unique over restarts, whatever the clock does, since no clock is asked.
    #[test]
    fn f56_ids_are_unique_over_boots_and_instances(counts in proptest::collection::vec(0usize..50, 1..6)) {
        let mut seen = BTreeSet::new();
        for tag in ["k1", "k2", "k"] {
            let tag: InstanceTag = tag.parse().unwrap();
            for (boot, count) in counts.iter().enumerate() {
                let mut source = ClOrdIdSource::new(tag, boot as u64);
                for _ in 0..*count {
                    let id = source.next_id().unwrap();
                    prop_assert!(tag.owns(&id));
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
    let id = ClOrdIdSource::new(ours, 1).next_id().unwrap();
    assert!(ours.owns(&id));
    assert!(!theirs.owns(&id));
}

#[test]
fn the_longest_id_fits_the_venue() {
    let tag: InstanceTag = "abcd".parse().unwrap();
    let id = ClOrdIdSource::new(tag, u64::MAX).next_id().unwrap();
    assert!(id.as_str().len() <= 36, "{id}");
}

#[test]
fn a_tag_the_venue_or_a_person_could_misread_is_refused() {
    for bad in ["", "abcde", "K1", "a-b", "ä"] {
        assert!(bad.parse::<InstanceTag>().is_err(), "{bad}");
    }
}
