//! docs/RISK.md says what is so: its matrix is the code's, and the files, tests and defaults that it names are there.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

use std::collections::BTreeSet;
use std::fs;

use keel_domain::Purpose;
use keel_risk::TradingState;
use keel_tests::document::{quoted, sources_of_tests, table};
use keel_tests::root;

const STATES: [TradingState; 4] = [
    TradingState::Active,
    TradingState::EntriesBlocked,
    TradingState::ReduceOnly,
    TradingState::Halted,
];

fn document() -> String {
    fs::read_to_string(root().join("docs/RISK.md")).unwrap()
}

/// The engine's own test of the same page compares the columns of cancels and stops with what a machine does.
#[test]
fn f12_the_matrix_of_states_is_the_codes() {
    let rows = table(&document(), "States");
    assert_eq!(rows.len(), STATES.len());
    for (row, state) in rows.iter().zip(STATES) {
        let word = |purpose| if state.permits(purpose) { "yes" } else { "no" };
        let expected = [
            &state.to_string(),
            word(Purpose::Entry),
            word(Purpose::ReduceOnly),
        ];
        assert_eq!(row[..3], expected);
    }
}

#[test]
fn every_control_names_a_file_a_test_and_the_models_default() {
    let model = fs::read_to_string(root().join("config/paper.toml")).unwrap();
    let tests = sources_of_tests();
    let rows = table(&document(), "Controls");
    assert!(rows.len() > 25, "{} rows were read", rows.len());
    for row in rows {
        let control = &row[0];
        let [_, _, place, test, default] = &row[..] else {
            panic!("{control}: not five cells");
        };
        for path in quoted(place) {
            assert!(root().join(&path).is_file(), "{control}: no file {path}");
        }
        let named = quoted(test);
        assert!(!named.is_empty(), "{control} names no test");
        for name in named {
            assert!(
                tests.contains(&format!("fn {name}(")),
                "{control}: no test {name}"
            );
        }
        for setting in quoted(default) {
            let is_there = model.lines().any(|line| line.starts_with(&setting));
            assert!(is_there, "{control}: `{setting}` is not in config/paper.toml");
        }
    }
}

#[test]
fn every_test_that_the_page_names_is_there() {
    let tests = sources_of_tests();
    let is_test = |name: &&String| name.starts_with('f') && name.contains('_') && !name.contains('.');
    for name in quoted(&document()).iter().filter(is_test) {
        assert!(tests.contains(&format!("fn {name}(")), "no test {name}");
    }
}

/// Every rule of the gate has a row: its file's name is the rule's.
#[test]
fn every_rule_of_the_gate_has_its_row() {
    let document = document();
    let rules = root().join("crates/risk/src/rules");
    let files: BTreeSet<String> = fs::read_dir(rules)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "mod.rs")
        .collect();
    assert!(files.len() >= 14, "{files:?}");
    for file in files {
        let path = format!("crates/risk/src/rules/{file}");
        assert!(document.contains(&path), "{path} has no row");
    }
}
