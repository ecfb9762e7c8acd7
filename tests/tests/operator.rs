//! The operator's commands, the signal and the file, against the real trader.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

use std::time::Duration;

use keel_binance_wire::params::Params;
use keel_tests::{Drill, eventually};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(20);

fn operator(drill: &Drill, args: &[&str]) -> (i32, Value) {
    drill.operator(args)
}

fn wait_for_open_order(drill: &Drill) {
    eventually("an open order", SOON, || !drill.open_orders().is_empty());
}

/// The trader is halted, nothing is open, and nothing is sent any more, whatever the strategy wants.
fn assert_halted(drill: &Drill, cause: &str) {
    eventually("it is halted and verified", SOON, || {
        operator(drill, &["status"]).1["state"] == "Halted" && drill.open_orders().is_empty()
    });
    let (code, status) = operator(drill, &["status"]);
    assert_eq!(code, 0, "{status}");
    assert!(status["cause"].as_str().unwrap().contains(cause), "{status}");
    assert_eq!(status["still_allowed"], "cancels only");
    let placed = drill.placed();
    let (_, again) = operator(drill, &["halt", "--reason", "again"]);
    assert_eq!(again["verdict"], "done", "{again}");
    assert!(
        again["cause"].as_str().unwrap().contains(cause),
        "the first cause stays: {again}"
    );
    assert_eq!(drill.placed(), placed);
}

#[test]
fn f12_halt_is_verified_at_the_venue_latched_over_a_kill_and_lifted_with_its_record_shown() {
    let drill = Drill::start(61);
    let trader = drill.trader(&[]);
    wait_for_open_order(&drill);
    let (code, answer) = operator(&drill, &["halt", "--reason", "looks wrong"]);
    assert_eq!((code, &answer["verdict"]), (0, &json!("done")), "{answer}");
    assert_eq!(
        answer["verified"],
        "the venue shows no order of ours but stops that protect a position"
    );
    assert!(drill.open_orders().is_empty(), "{answer}");
    assert_halted(&drill, "looks wrong");
    let placed = drill.placed();

    trader.process.signal("KILL");
    let _killed = trader.process.finish(SOON);
    let mut next = drill.trader(&[]);
    assert!(
        next.process
            .said()
            .contains("ALERT [operator] trading is Halted since an earlier run")
    );
    assert_halted(&drill, "looks wrong");
    assert_eq!(drill.placed(), placed);

    let (code, answer) = operator(&drill, &["resume", "--reason", "it was right"]);
    assert_eq!(code, 0, "{answer}");
    assert!(
        answer["text"].as_str().unwrap().contains("looks wrong"),
        "{answer}"
    );
    wait_for_open_order(&drill);
    assert!(drill.placed() > placed);
    drill.end(next);
}

#[test]
fn f12_signal_and_file_halt_and_the_file_keeps_halted() {
    let drill = Drill::start(62);
    let trader = drill.trader(&[]);
    wait_for_open_order(&drill);
    trader.process.signal("USR1");
    assert_halted(&drill, "SIGUSR1");
    let (code, _) = operator(&drill, &["resume", "--reason", "only a test"]);
    assert_eq!(code, 0);
    wait_for_open_order(&drill);

    let kill_file = drill.dir.path().join("KILL");
    std::fs::write(&kill_file, "").unwrap();
    assert_halted(&drill, "KILL");
    let (code, answer) = operator(&drill, &["resume", "--reason", "too early"]);
    assert_eq!((code, &answer["verdict"]), (3, &json!("refused")), "{answer}");
    std::fs::remove_file(&kill_file).unwrap();
    let (code, _) = operator(&drill, &["resume", "--reason", "removed"]);
    assert_eq!(code, 0);
    wait_for_open_order(&drill);
    drill.end(trader);
}

#[test]
fn f12_a_stopped_trader_is_halted_for_its_next_start() {
    let drill = Drill::start(63);
    let (code, answer) = operator(&drill, &["status"]);
    assert_eq!(code, 2, "no trader runs: {answer}");
    let (code, answer) = operator(&drill, &["halt", "--reason", "before the weekend"]);
    assert_eq!(code, 0, "{answer}");
    let trader = drill.trader(&[]);
    eventually("the session is up", SOON, || {
        operator(&drill, &["reconcile"]).0 == 0
    });
    assert_halted(&drill, "before the weekend");
    assert_eq!(drill.placed(), 0);
    trader.process.signal("TERM");
    let (code, said) = trader.process.finish(SOON);
    assert_eq!(code, Some(1), "{said}");
    let (code, _) = operator(&drill, &["resume", "--reason", "monday"]);
    assert_eq!(code, 0);
    let trader = drill.trader(&[]);
    wait_for_open_order(&drill);
    drill.end(trader);
}

#[test]
fn f12_cancel_all_and_reduce_only_are_verified() {
    let drill = Drill::start(64);
    let trader = drill.trader(&[]);
    wait_for_open_order(&drill);
    let (code, answer) = operator(&drill, &["cancel-all"]);
    assert_eq!(code, 0, "{answer}");
    let (code, answer) = operator(&drill, &["reduce-only", "--reason", "news"]);
    assert_eq!((code, &answer["state"]), (0, &json!("ReduceOnly")), "{answer}");
    drop(trader);
}

#[test]
fn flatten_sells_what_is_held_and_the_venue_confirms_it() {
    let drill = Drill::start(67);
    let trader = drill.trader(&[
        "protection.mode=venue",
        "strategy.quoter.position_target=0.05",
        "strategy.quoter.requote_ticks=1000000",
    ]);
    eventually("something is held", SOON, || !drill.held().is_zero());
    // Losses are read twice, a second apart, before they count.
    for shown in [
        "BTCUSDT: position 0.0",
        "lost today, USDT:",
        "exits in a row that lost:",
    ] {
        eventually(shown, SOON, || {
            let (code, status) = operator(&drill, &["status"]);
            assert_eq!(code, 0, "{status}");
            status["text"].as_str().unwrap().contains(shown)
        });
    }
    let (code, answer) = operator(&drill, &["flatten", "--reason", "going away"]);
    assert_eq!((code, &answer["state"]), (0, &json!("ReduceOnly")), "{answer}");
    assert!(
        answer["verified"]
            .as_str()
            .unwrap()
            .contains("nothing that can be sold is held"),
        "{answer}"
    );
    assert_eq!(drill.open_orders(), Vec::<Value>::new());
    let smallest = "0.0001".parse().unwrap();
    assert!(drill.held() < smallest, "{} is held", drill.held());
    drop(trader);
}

/// A person buys in the trader's account, which leaves only exits on the pair.
fn trade_by_hand(drill: &Drill) {
    let market = Params::new().with("symbol", "BTCUSDT").with("side", "BUY");
    let traded = drill
        .exchange
        .order(market.with("type", "MARKET").with("quantity", "0.02"));
    assert_eq!(traded["status"], "FILLED", "{traded}");
}

#[test]
fn f41_a_pairs_own_restriction_is_shown_with_its_cause_wherever_a_state_is_told_and_resume_names_it() {
    const CAUSE: &str = "is not ours";
    let drill = Drill::start(68);
    let trader = drill.trader(&[]);
    wait_for_open_order(&drill);
    trade_by_hand(&drill);
    let pair_is_restricted = |answer: &Value| {
        let pair = &answer["pairs"][0];
        pair["symbol"] == "BTCUSDT"
            && pair["state"] == "ReduceOnly"
            && pair["cause"].as_str().is_some_and(|cause| cause.contains(CAUSE))
    };
    eventually("the pair is restricted", SOON, || {
        pair_is_restricted(&operator(&drill, &["status"]).1)
    });
    let (_, answer) = operator(&drill, &["cancel-all"]);
    assert!(pair_is_restricted(&answer), "{answer}");
    assert_eq!(
        (&answer["state"], &answer["cause"]),
        (&json!("Active"), &Value::Null)
    );
    let pair_shown = || trader.snapshot()["symbols"][0].clone();
    // A snapshot is a quarter of a second old at most.
    eventually("the dashboard shows it", SOON, || {
        pair_shown()["state"] == "ReduceOnly"
    });
    assert!(pair_shown()["cause"].as_str().unwrap().contains(CAUSE));
    assert!(
        trader
            .metrics()
            .contains("keel_symbol_trading_state{symbol=\"BTCUSDT\",state=\"ReduceOnly\"} 1")
    );

    let (_, answer) = operator(&drill, &["halt", "--reason", "both"]);
    assert_eq!(answer["pairs"][0]["state"], "Halted", "{answer}");
    let (code, answer) = operator(&drill, &["resume", "--reason", "it was me"]);
    assert_eq!(code, 0, "{answer}");
    let lifted = answer["text"].as_str().unwrap();
    assert!(
        lifted.contains("Halted, which was set because: operator: both"),
        "{lifted}"
    );
    assert!(
        lifted.contains("BTCUSDT ReduceOnly") && lifted.contains(CAUSE),
        "{lifted}"
    );
    assert_eq!(answer["pairs"][0]["state"], "Active", "{answer}");

    trade_by_hand(&drill);
    eventually("the pair is restricted again", SOON, || {
        pair_is_restricted(&operator(&drill, &["status"]).1)
    });
    trader.process.signal("TERM");
    let (code, said) = trader.process.finish(SOON);
    assert_eq!(code, Some(1), "{said}");
    let (code, answer) = operator(&drill, &["resume", "--reason", "me again"]);
    assert_eq!(code, 0, "{answer}");
    let lifted = answer["text"].as_str().unwrap();
    assert!(
        lifted.contains("BTCUSDT ReduceOnly") && lifted.contains(CAUSE),
        "{lifted}"
    );
}
