//! A stop at the venue outlives the trader.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

use std::time::Duration;

use keel_binance_wire::params::Params;
use keel_domain::Money;
use keel_tests::{Exchange, Process, eventually, read};

const SOON: Duration = Duration::from_secs(30);

fn btcusdt() -> Params {
    Params::new().with("symbol", "BTCUSDT")
}

fn money(text: &serde_json::Value) -> Money {
    text.as_str().unwrap().parse().unwrap()
}

/// The ids of the stops that rest, and what they sell in all.
fn stops(exchange: &Exchange) -> (Vec<String>, Money) {
    let open = exchange.ask("/api/v3/openOrders", btcusdt());
    let stops = open
        .as_array()
        .unwrap()
        .iter()
        .filter(|order| order["type"] == "STOP_LOSS");
    stops.fold((Vec::new(), Money::ZERO), |(mut ids, sum), order| {
        ids.push(order["clientOrderId"].as_str().unwrap().to_owned());
        (ids, sum + money(&order["origQty"]))
    })
}

fn held(exchange: &Exchange) -> Money {
    let account = exchange.ask("/api/v3/account", Params::new());
    let balances = account["balances"].as_array().unwrap();
    let btc = balances.iter().find(|balance| balance["asset"] == "BTC");
    btc.map_or(Money::ZERO, |btc| money(&btc["free"]) + money(&btc["locked"]))
}

/// F25, F31: killed, the trader leaves its stop at the venue; started again it takes the stop up and adds no second one; ended
/// in good order it leaves it there, and says so.
#[test]
fn f25_f31_a_stop_outlives_the_trader_and_is_taken_up_again() {
    let exchange = Exchange::start(31);
    let dir = tempfile::tempdir().unwrap();
    let start = || {
        let mut command = exchange.trader(dir.path());
        // Buys once, and never sells within this test.
        command.args([
            "--set",
            "protection.mode=venue",
            "--set",
            "strategy.quoter.position_target=0.05",
        ]);
        command.args(["--set", "strategy.quoter.requote_ticks=1000000"]);
        Process::start(&mut command)
    };
    let mut trader = start();
    let dashboard = trader.wait_for("dashboard http://", SOON);
    let metrics = format!("{}metrics", dashboard.split_whitespace().next_back().unwrap());
    trader.wait_for("FILL", SOON);
    eventually("a stop rests", SOON, || !stops(&exchange).0.is_empty());
    eventually("the metrics tell how it is protected", SOON, || {
        read(&metrics).contains("keel_unprotected_seconds{symbol=\"BTCUSDT\"}")
    });
    trader.signal("KILL");
    let _killed = trader.finish(SOON);
    let (left, on_sale) = stops(&exchange);
    assert!(
        !left.is_empty() && on_sale <= held(&exchange),
        "{left:?} {on_sale}"
    );

    let again = start();
    eventually("all that no exit claims has its stop", SOON, || {
        let (_, on_sale) = stops(&exchange);
        on_sale <= held(&exchange) && !on_sale.is_zero()
    });
    again.signal("INT");
    let (code, said) = again.finish(Duration::from_secs(60));
    assert_eq!(code, Some(0), "{said}");
    let (left, on_sale) = stops(&exchange);
    assert!(on_sale <= held(&exchange));
    for id in &left {
        assert!(said.contains(id), "{id} is not named: {said}");
    }
    let open = exchange.ask("/api/v3/openOrders", btcusdt());
    assert_eq!(
        open.as_array().unwrap().len(),
        left.len(),
        "nothing but stops is left: {open}"
    );
}
