//! `trader explain` as a person meets it, on the journal of a trader that runs and of one that has ended.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use keel_tests::{Drill, FAR, binary, eventually, root};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(20);

/// The client order id of an order of the account that the venue has in this state.
fn order_in(drill: &Drill, status: &str) -> Option<Value> {
    let orders = drill.all_orders();
    orders.into_iter().find(|order| order["status"] == status)
}

fn wait_for_order_in(drill: &Drill, status: &str) -> Value {
    eventually(status, SOON, || {
        std::thread::sleep(Duration::from_millis(500));
        order_in(drill, status).is_some()
    });
    order_in(drill, status).unwrap()
}

/// Explains; the end is durable a moment after it is known.
fn explain_until_ended(drill: &Drill, order: &str) -> Value {
    let mut told = Value::Null;
    eventually("its end is recorded", SOON, || {
        let (code, answer) = drill.operator(&["explain", order]);
        assert_eq!(code, 0, "{answer}");
        told = answer;
        !told["end"].is_null()
    });
    told
}

fn kinds(told: &Value) -> Vec<&str> {
    let life = told["life"].as_array().unwrap();
    life.iter().map(|event| event["kind"].as_str().unwrap()).collect()
}

fn check<'a>(told: &'a Value, rule: &str) -> &'a Value {
    let checks = told["decision"]["checks"].as_array().unwrap();
    checks.iter().find(|check| check["rule"] == rule).unwrap()
}

fn files(drill: &Drill) -> BTreeMap<std::ffi::OsString, Vec<u8>> {
    let entries = std::fs::read_dir(drill.dir.path()).unwrap();
    let files = entries.map(Result::unwrap).filter(|entry| entry.path().is_file());
    files
        .map(|entry| (entry.file_name(), std::fs::read(entry.path()).unwrap()))
        .collect()
}

/// What people read of it.
fn text(drill: &Drill, order: &str) -> String {
    let output = Command::new(binary("trader"))
        .current_dir(root())
        .args(["explain", order, "--dir"])
        .arg(drill.dir.path())
        .output()
        .unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn an_orders_life_is_told_while_the_trader_runs_and_after_it() {
    let drill = Drill::start(111);
    let trader = drill.trader(&[]);
    let filled = wait_for_order_in(&drill, "FILLED");
    let id = filled["clientOrderId"].as_str().unwrap();
    let told = explain_until_ended(&drill, id);
    assert_eq!(told["cl_ord_id"], id);
    assert_eq!(told["order_id"], filled["orderId"]);
    assert_eq!(told["issued_by"], "strategy quoter, boot 1");
    let of_life = kinds(&told);
    assert_eq!(of_life[0], "Intent");
    assert!(of_life.contains(&"Execution"), "{of_life:?}");
    assert_eq!(told["traded_qty"].as_str(), Some("0.01"), "{told}");
    assert!(told["end"].as_str().unwrap().starts_with("Filled"), "{told}");
    let decision = &told["decision"];
    assert_eq!(decision["limits_known"], true, "{decision}");
    assert!(decision["seen"]["bid_ask"].is_array(), "{decision}");
    assert_eq!(
        check(&told, "OrderQty")["value"],
        filled["origQty"].as_str().unwrap().trim_end_matches('0')
    );
    assert_eq!(check(&told, "OrderQty")["limit"], "at most 0.02");
    assert_eq!(check(&told, "State")["value"], "Active");

    let number = filled["orderId"].to_string();
    let (code, by_number) = drill.operator(&["explain", &number]);
    assert_eq!((code, &by_number["cl_ord_id"]), (0, &json!(id)));

    drill.end(trader);
    let before = files(&drill);
    let again = explain_until_ended(&drill, id);
    assert_eq!(again["decision"], told["decision"]);
    assert_eq!(again["trades"], told["trades"]);
    let said = text(&drill, id);
    for part in [
        format!("order {id}, the venue's id: {number}"),
        "every check was passed:".to_owned(),
        "(its limits: give --config that very configuration)".to_owned(),
        "end: Filled, 0.01 traded".to_owned(),
    ] {
        assert!(said.contains(&part), "{part}: {said}");
    }
    let (code, other) = drill.operator(&["explain", id, "--set", "risk.orders_per_10s_max=30"]);
    assert_eq!((code, &other["decision"]["limits_known"]), (0, &json!(false)));
    assert!(
        check(&other, "OrderRate")["limit"].is_null(),
        "these were not its limits"
    );
    assert!(before == files(&drill), "it only reads");
}

#[test]
fn a_canceled_order_says_what_restricted_trading_while_it_lived() {
    let drill = Drill::start(112);
    let trader = drill.trader(&FAR);
    eventually("an open order", SOON, || !drill.open_orders().is_empty());
    let id = drill.open_orders()[0]["clientOrderId"]
        .as_str()
        .unwrap()
        .to_owned();
    let (code, open) = drill.operator(&["explain", &id]);
    assert_eq!((code, &open["end"]), (0, &Value::Null), "{open}");
    let (code, answer) = drill.operator(&["halt", "--reason", "looks wrong"]);
    assert_eq!(code, 0, "{answer}");
    let told = explain_until_ended(&drill, &id);
    assert_eq!(told["end"], "Canceled, 0 traded");
    let life = told["life"].as_array().unwrap();
    let halted = life.iter().find(|event| event["kind"] == "Restricted").unwrap();
    assert_eq!(halted["is_own"], false);
    assert!(
        halted["text"].as_str().unwrap().contains("looks wrong"),
        "{halted}"
    );
    assert!(kinds(&told).contains(&"Cancel"), "{told}");
    drop(trader);
}

#[test]
fn refusals_are_listed_with_rule_value_and_limit_and_an_unknown_id_with_a_remedy() {
    let drill = Drill::start(113);
    let trader = drill.trader(&["risk.stage=shadow"]);
    let mut told = Value::Null;
    eventually("a refusal on record", SOON, || {
        let (code, answer) = drill.operator(&["explain", "--refused"]);
        told = answer;
        // Before its first record there is no journal.
        code == 0 && told["recorded"] != 0
    });
    let refusal = &told["refusals"][0];
    assert_eq!(refusal["rule"], "Stage", "{told}");
    assert_eq!(refusal["intent"]["symbol"], "BTCUSDT");
    assert!(refusal["still_allowed"].is_string());
    assert_eq!(drill.placed(), 0);

    let (code, unknown) = drill.operator(&["explain", "k1-quoter-1-77777"]);
    assert_eq!(code, 1, "{unknown}");
    assert!(
        unknown["error"]
            .as_str()
            .unwrap()
            .contains("no order k1-quoter-1-77777")
    );
    assert!(
        unknown["remedy"]
            .as_str()
            .unwrap()
            .contains("trader explain --refused")
    );
    let (code, _) = drill.operator(&["explain"]);
    assert_eq!(code, 2, "neither an order nor --refused");
    drop(trader);
}
