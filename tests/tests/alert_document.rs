//! docs/ALERTS.md says what is so: each class of alerts with its owner, its first step, and a test that is there.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

use std::fs;

use keel_domain::AlertClass;
use keel_tests::document::{quoted, sources_of_crates, sources_of_tests, table};
use keel_tests::root;

#[test]
fn every_class_of_alerts_has_its_row_with_its_owner_its_first_step_and_a_test() {
    let document = fs::read_to_string(root().join("docs/ALERTS.md")).unwrap();
    let tests = sources_of_tests();
    let rows = table(&document, "Classes");
    assert_eq!(rows.len(), AlertClass::ALL.len());
    for (row, class) in rows.iter().zip(AlertClass::ALL) {
        let [name, owner, _, remedy, named] = &row[..] else {
            panic!("{class}: not five cells");
        };
        assert_eq!(name, &format!("`{class}`"));
        assert_eq!(owner, class.owner().name(), "{class}");
        assert_eq!(remedy, class.remedy(), "{class}");
        let named = quoted(named);
        let is_of_class = |test: &String| test.contains(&class.name().replace('-', "_"));
        assert!(named.iter().any(is_of_class), "{class} has no test of its own");
        for test in named {
            let is_there = tests.contains(&format!("#[test]\nfn {test}("));
            let is_unit_test = tests.contains(&format!("#[test]\n    fn {test}("));
            assert!(is_there || is_unit_test, "{class}: no test {test}");
        }
    }
}

/// A class that nothing raises would be a promise that nobody keeps.
#[test]
fn every_class_of_alerts_is_raised_somewhere_in_the_code() {
    let sources = sources_of_crates(&["src"]);
    for class in AlertClass::ALL {
        let name = format!("AlertClass::{class:?}");
        let is_used = sources.match_indices(&name).any(|(at, _)| {
            let after = sources[at + name.len()..].chars().next().unwrap();
            !after.is_alphanumeric()
        });
        assert!(is_used, "{name} is raised nowhere");
    }
}
