//! A lost state directory: the records are made anew from the exchange's, and the trader goes on.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use keel_domain::{Money, Symbol};
use keel_engine::DurableState;
use keel_tests::{Drill, binary, eventually, root};
use serde_json::Value;

const SOON: Duration = Duration::from_secs(30);

fn adopt(drill: &Drill) -> (Option<i32>, Value, String) {
    let run = drill.exchange.trader(drill.dir.path());
    let mut command = Command::new(binary("trader"));
    command
        .current_dir(root())
        .args(["adopt", "--reason", "the disk died", "--json"])
        .args(run.get_args().skip(1));
    for (name, value) in run.get_envs() {
        command.env(name, value.unwrap());
    }
    let output = command.output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let json = serde_json::from_str(told.lines().last().unwrap_or_default()).unwrap_or(Value::Null);
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), json, said)
}

fn owned(drill: &Drill) -> Money {
    let mut state = DurableState::default();
    for record in drill.records() {
        state.apply(&record).unwrap();
    }
    let symbol: Symbol = "BTCUSDT".parse().unwrap();
    state.ledgers().position(symbol).to_decimal() + state.ledgers().dust(symbol)
}

#[test]
fn f31_a_lost_state_directory_is_adopted_from_the_venue_and_trading_goes_on() {
    let drill = Drill::start(91);
    let trader = drill.trader(&[]);
    eventually("it holds something and has an order open", SOON, || {
        !drill.held().is_zero() && !drill.open_orders().is_empty()
    });
    trader.process.signal("KILL");
    let _killed = trader.process.finish(SOON);
    for entry in std::fs::read_dir(drill.dir.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap();
        } else {
            std::fs::remove_file(path).unwrap();
        }
    }

    let (code, told, said) = adopt(&drill);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        drill.open_orders().is_empty(),
        "what was open is canceled: {said}"
    );
    let pair = &told["pairs"][0];
    assert_eq!(pair["is_estimated"], false, "{told}");
    let position: Money = pair["position"].as_str().unwrap().parse().unwrap();
    // A part of a commission is below what a position is counted in.
    assert!(
        (position - drill.held()).abs() < Money::new(1, 7),
        "{told} {}",
        drill.held()
    );
    let (code, _, said) = adopt(&drill);
    assert_eq!(code, Some(3), "its records are not overwritten: {said}");

    let before = drill.all_orders().len();
    let again = drill.trader(&[]);
    eventually("it trades again", SOON, || drill.all_orders().len() > before + 2);
    again.process.signal("INT");
    let (code, said) = again.process.finish(SOON);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(owned(&drill), drill.held(), "{said}");
    let orders = drill.all_orders();
    let ids: BTreeSet<&str> = orders
        .iter()
        .map(|order| order["clientOrderId"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), orders.len(), "no id was used twice");
}
