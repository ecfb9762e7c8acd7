//! The dead man against the real trader and exchange: a process that is gone, one that stands still, one that ended in order.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

use std::process::{Command, Stdio};
use std::time::Duration;

use keel_binance_wire::params::Params;
use keel_tests::{Drill, Process, binary, eventually, root};
use serde_json::json;

const SOON: Duration = Duration::from_secs(30);
/// Short, so that the tests are; beats come every 100 ms.
const SILENCE: &str = "guard.silence_ms_max=3000";
/// Quotes that the market does not reach, and that are left where they are.
const FAR: &[&str] = &[
    "strategy.quoter.quote_offset_ticks=100000",
    "strategy.quoter.requote_ticks=90000",
];
const COUNT: &str = "GET /api/v3/openOrders";
const CANCEL: &str = "DELETE /api/v3/openOrders";

/// The guard's command line beside the drill's trader.
fn command(drill: &Drill) -> Command {
    let run = drill.exchange.trader(drill.dir.path());
    let mut command = Command::new(binary("trader"));
    command
        .current_dir(root())
        .arg("guard")
        .args(run.get_args().skip(1))
        .args(["--set", SILENCE]);
    for (name, value) in run.get_envs() {
        command.env(name, value.unwrap());
    }
    command
}

fn guard(drill: &Drill) -> Process {
    let mut guard = Process::start(&mut command(drill));
    guard.wait_for("listening for the trader's heartbeat", SOON);
    guard
}

/// A trader with resting orders, and a guard that heard it.
fn guarded(drill: &Drill) -> (Process, Process) {
    let mut guard = guard(drill);
    let trader = drill.trader(FAR);
    guard.wait_for("the trader is guarded", SOON);
    wait_for_open_order(drill);
    (trader.process, guard)
}

fn wait_for_open_order(drill: &Drill) {
    eventually("an open order", SOON, || !drill.open_orders().is_empty());
}

/// Waits until the guard has cleared everything, and asks the exchange whether that is so.
fn assert_cleared(drill: &Drill, guard: &mut Process) {
    guard.wait_for("ALERT [operator] no heartbeat for", SOON);
    guard.wait_for("no order is open, twice in a row", SOON);
    assert_eq!(drill.open_orders(), Vec::<serde_json::Value>::new());
}

/// A buy that the market does not reach, from the trader's account but not by the trader.
fn place_far_below(drill: &Drill) {
    let ticker = drill.public("/api/v3/ticker/price?symbol=BTCUSDT");
    let whole = ticker["price"].as_str().unwrap().split('.').next().unwrap();
    let params = Params::new()
        .with("symbol", "BTCUSDT")
        .with("side", "BUY")
        .with("type", "LIMIT")
        .with("timeInForce", "GTC")
        .with("price", whole.parse::<u64>().unwrap() / 2)
        .with("quantity", "0.01");
    let placed = drill.exchange.order(params);
    assert!(placed["orderId"].is_u64(), "{placed}");
}

/// Returns once a silence that begins now has been noticed by another guard, elsewhere.
fn silence_passes() {
    let elsewhere = Drill::start(89);
    std::fs::create_dir(elsewhere.dir.path().join("control")).unwrap();
    std::fs::write(elsewhere.dir.path().join("control/running"), "").unwrap();
    let mut witness = guard(&elsewhere);
    witness.wait_for("ALERT [operator] no heartbeat for", SOON);
}

/// Ends the guard; gives its exit code and all that it said.
fn end(guard: Process) -> (Option<i32>, String) {
    guard.signal("TERM");
    guard.finish(SOON)
}

/// A guard that fired stays fired: the successor trades nothing until an operator has seen why.
#[test]
fn f25_a_killed_traders_orders_are_canceled_and_its_successor_is_halted_until_it_is_resumed() {
    let drill = Drill::start(81);
    let (trader, mut guard) = guarded(&drill);
    trader.signal("KILL");
    let _killed = trader.finish(SOON);
    assert!(!drill.open_orders().is_empty(), "a dead process cancels nothing");
    assert_cleared(&drill, &mut guard);
    eventually("the mark is left", SOON, || {
        guard
            .said()
            .contains("its next start will be, until `trader resume")
    });

    let placed = drill.placed();
    let next = drill.trader(FAR);
    guard.wait_for("the trader is guarded", SOON);
    eventually("the session is up", SOON, || {
        drill.operator(&["reconcile"]).0 == 0
    });
    let (_, status) = drill.operator(&["status"]);
    assert_eq!(
        (&status["state"], drill.placed()),
        (&json!("Halted"), placed),
        "{status}"
    );
    let (code, answer) = drill.operator(&["resume", "--reason", "the machine was rebooted"]);
    assert_eq!(code, 0, "{answer}");
    let lifted = answer["text"].as_str().unwrap();
    assert!(
        lifted.contains("the guard heard nothing from the trader"),
        "{lifted}"
    );

    wait_for_open_order(&drill);
    next.process.signal("KILL");
    assert_cleared(&drill, &mut guard);
    let (code, said) = end(guard);
    assert_eq!(code, Some(1), "a trader fell silent: {said}");
    assert!(said.contains("canceled"), "{said}");
    // Without a trader, too.
    let (code, answer) = drill.operator(&["resume", "--reason", "and again"]);
    assert_eq!(code, 0, "{answer}");
    let lifted = answer["text"].as_str().unwrap();
    assert!(
        lifted.contains("the guard heard nothing from the trader"),
        "{lifted}"
    );
    let (_, answer) = drill.operator(&["resume", "--reason", "once more"]);
    assert_eq!(answer["text"], "nothing to lift: nothing was restricted");
    let last = drill.trader(FAR);
    wait_for_open_order(&drill);
    drop(last);
}

#[test]
fn f25_a_guard_that_can_leave_no_mark_says_so_and_cancels_all_the_same() {
    let drill = Drill::start(98);
    let (trader, mut guard) = guarded(&drill);
    trader.signal("KILL");
    let _killed = trader.finish(SOON);
    // What cannot be written to.
    std::fs::create_dir(drill.dir.path().join("HALTED")).unwrap();
    guard.wait_for("ALERT the trader's next start is NOT halted", SOON);
    guard.wait_for("no order is open, twice in a row", SOON);
    assert_eq!(drill.open_orders(), Vec::<serde_json::Value>::new());
}

#[test]
fn f31_a_killed_traders_stop_stays_while_its_other_orders_go() {
    let drill = Drill::start(90);
    let mut guard = guard(&drill);
    let trader = drill.trader(&[FAR, &["protection.mode=venue"]].concat());
    wait_for_open_order(&drill);
    drill.force_fill();
    // Stops, and exits that carry one.
    let protecting = || {
        let orders = drill.open_orders();
        let of_stop = |order: &serde_json::Value| order["type"] == "STOP_LOSS";
        let lists: Vec<_> = orders
            .iter()
            .filter(|order| of_stop(order))
            .map(|order| order["orderListId"].clone())
            .collect();
        let in_list =
            |order: &serde_json::Value| order["orderListId"] != -1 && lists.contains(&order["orderListId"]);
        let stays = |order: &serde_json::Value| of_stop(order) || in_list(order);
        orders.iter().filter(|o| stays(o)).cloned().collect::<Vec<_>>()
    };
    eventually("a stop rests", SOON, || !protecting().is_empty());
    trader.process.signal("KILL");
    let _killed = trader.process.finish(SOON);
    place_far_below(&drill);
    let left = protecting();
    assert!(!left.is_empty());
    guard.wait_for("ALERT [operator] no heartbeat for", SOON);
    guard.wait_for("no order is open except", SOON);
    assert_eq!(drill.open_orders(), left, "what protects, and nothing else");
    let (code, said) = end(guard);
    assert_eq!(code, Some(1), "{said}");
}

#[test]
fn f67_a_trader_that_stands_still_is_silent_and_looks_after_its_orders_once_it_goes_on() {
    let drill = Drill::start(82);
    let (trader, mut guard) = guarded(&drill);
    trader.signal("STOP");
    assert!(!drill.open_orders().is_empty());
    assert_cleared(&drill, &mut guard);
    trader.signal("CONT");
    guard.wait_for("the trader is guarded", SOON);
    trader.signal("KILL");
    drop(trader);
    assert_cleared(&drill, &mut guard);
}

#[test]
fn a_trader_that_ends_in_order_does_not_set_the_guard_off() {
    let drill = Drill::start(83);
    drill.count("canceled-all", &json!([CANCEL]));
    let mut guard = guard(&drill);
    let trader = drill.trader(FAR);
    guard.wait_for("the trader is guarded", SOON);
    wait_for_open_order(&drill);
    drill.end(trader);
    guard.wait_for("the trader ended in order", SOON);
    // An order of a person is none of the guard's business then, for as long as a silence lasts.
    place_far_below(&drill);
    silence_passes();
    let (code, said) = end(guard);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = end(self::guard(&drill));
    assert_eq!(code, Some(0), "{said}");
    assert!(
        !said.contains("heartbeat is expected"),
        "the farewell is on record: {said}"
    );
    assert_eq!(drill.rule("canceled-all", "matched"), 0);
    assert_eq!(drill.open_orders().len(), 1);
}

#[test]
fn f60_the_guard_waits_as_long_as_a_429_says_and_succeeds() {
    let drill = Drill::start(84);
    let (trader, mut guard) = guarded(&drill);
    trader.signal("KILL");
    let _killed = trader.finish(SOON);
    for (id, request) in [("count-429", COUNT), ("cancel-429", CANCEL)] {
        drill.fault(json!({
            "id": id, "request": [request], "action": "rate_limit", "retry_after_s": 3, "max": 1
        }));
    }
    assert_cleared(&drill, &mut guard);
    for id in ["count-429", "cancel-429"] {
        assert_eq!(
            (drill.rule(id, "fired"), drill.rule(id, "impatient")),
            (1, 0),
            "{id}"
        );
    }
    let said = guard.said();
    assert_eq!(said.matches("HTTP 429: no request for 3 s").count(), 2, "{said}");
}

#[test]
fn f61_the_guard_goes_on_while_the_venue_is_down_or_loses_answers() {
    let drill = Drill::start(85);
    let (trader, mut guard) = guarded(&drill);
    trader.signal("KILL");
    let _killed = trader.finish(SOON);
    drill.fault(json!({
        "id": "down", "request": [COUNT], "action": "status", "status": 503, "stage": "before", "max": 3
    }));
    drill.fault(
        json!({ "id": "not-done", "request": [CANCEL], "action": "reset", "stage": "before", "max": 1 }),
    );
    assert_cleared(&drill, &mut guard);
    assert_eq!(
        (drill.rule("down", "fired"), drill.rule("not-done", "fired")),
        (3, 1)
    );
    let said = guard.said();
    assert!(
        said.contains("HTTP 503: outcome unknown; tried again in 1000 ms"),
        "it backs off: {said}"
    );
}

#[test]
fn f31_a_guard_that_starts_after_the_traders_death_cancels_too_and_tells_machines_each_step() {
    let drill = Drill::start(86);
    let trader = drill.trader(FAR);
    wait_for_open_order(&drill);
    trader.process.signal("KILL");
    drop(trader);
    let out = drill.dir.path().join("guard.out");
    let mut command = command(&drill);
    command.arg("--json").stdout(std::fs::File::create(&out).unwrap());
    let mut guard = Process::start(&mut command);
    guard.wait_for("its heartbeat is expected from now on", SOON);
    assert_cleared(&drill, &mut guard);
    let (code, said) = end(guard);
    assert_eq!(code, Some(1), "{said}");
    let mut told: Vec<serde_json::Value> = std::fs::read_to_string(&out)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let marks = told.iter().filter(|event| event["event"] == "marked").count();
    assert_eq!(marks, 1, "{told:?}");
    told.retain(|event| event["event"] != "marked");
    let names: Vec<&str> = told
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["ready", "expected", "silent", "canceled", "cleared"]);
    assert!(told[2]["silence_ms"].as_u64().unwrap() >= 3_000, "{told:?}");
    assert!(told[3]["orders"].as_u64().unwrap() >= 1, "{told:?}");
}

#[test]
fn a_guard_that_cannot_guard_says_so_at_its_start_and_ends_with_2() {
    let drill = Drill::start(87);
    let first = guard(&drill);
    let start = |command: &mut Command| Process::start(command.stdout(Stdio::null())).finish(SOON);
    let (code, said) = start(&mut command(&drill));
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("another guard listens"), "{said}");
    assert_eq!(end(first).0, Some(0));
    let (code, said) = start(command(&drill).env("KEEL_API_SECRET", "a wrong one"));
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("-1022") && said.contains("remedy"), "{said}");
}

#[test]
fn a_guard_that_is_ended_while_orders_may_be_open_ends_with_4() {
    let drill = Drill::start(88);
    let (trader, mut guard) = guarded(&drill);
    drill.fault(json!({
        "id": "down", "request": [COUNT, CANCEL], "action": "status", "status": 503, "stage": "before"
    }));
    trader.signal("KILL");
    let _killed = trader.finish(SOON);
    guard.wait_for("HTTP 503", SOON);
    let (code, said) = end(guard);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("look before you act"), "{said}");
}

/// F25: nobody watches the watcher but the one it watches.
#[test]
fn f25_the_trader_tells_that_its_guard_has_gone_and_that_another_listens() {
    let drill = Drill::start(99);
    let (mut trader, first) = guarded(&drill);
    first.signal("KILL");
    let _killed = first.finish(SOON);
    trader.wait_for("ALERT [operator] no guard listens", SOON);
    let second = guard(&drill);
    trader.wait_for("a guard listens again", SOON);
    trader.signal("INT");
    let (code, said) = trader.finish(SOON);
    assert_eq!(code, Some(0), "{said}");
    second.signal("INT");
    let (code, said) = second.finish(SOON);
    assert_eq!(code, Some(0), "{said}");
}
