//! Two strategies in one trader, on one account and pair, with the real binaries.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use keel_binance_wire::params::Params;
use keel_domain::Money;
use keel_tests::{Exchange, Process, eventually, read, root};
use serde_json::Value;

const LONG: Duration = Duration::from_secs(60);

/// The paper model with quoters of these names instead of its strategy. They buy up to a position, and lean so far towards more
/// of it that none sells within a test.
fn configuration(dir: &Path, names: &[&str]) -> PathBuf {
    let model = std::fs::read_to_string(root().join("config/paper.toml")).unwrap();
    let (before, rest) = model.split_once("[strategy]").unwrap();
    let (_, after) = rest.split_once("[risk] #").unwrap();
    let mut strategies = String::new();
    for name in names {
        let _infallible = write!(
            strategies,
            "[strategies.{name}]\nname = \"quoter\"\n[strategies.{name}.quoter]\norder_qty = \"0.01\"\n\
             position_target = \"0.03\"\nposition_max = \"0.03\"\nquote_offset_ticks = 0\nrequote_ticks = 100\n\
             skew_ticks_max = 5000\n"
        );
    }
    let file = dir.join("strategies.toml");
    std::fs::write(&file, format!("{before}{strategies}[risk] #{after}")).unwrap();
    file
}

fn money(value: &Value) -> Money {
    value.as_str().unwrap().parse().unwrap()
}

fn btcusdt() -> Params {
    Params::new().with("symbol", "BTCUSDT")
}

/// What the orders of each strategy have made of BTC at the venue, by their ids.
fn held_at_venue(exchange: &Exchange) -> BTreeMap<String, Money> {
    let orders = exchange.ask("/api/v3/allOrders", btcusdt().with("limit", 1_000));
    let owner_of: BTreeMap<u64, String> = orders
        .as_array()
        .unwrap()
        .iter()
        .map(|order| {
            let id = order["clientOrderId"].as_str().unwrap();
            let owner = id.split('-').nth(1).unwrap_or_default().to_owned();
            (order["orderId"].as_u64().unwrap(), owner)
        })
        .collect();
    let mut held = BTreeMap::new();
    let trades = exchange.ask("/api/v3/myTrades", btcusdt().with("limit", 1_000));
    for trade in trades.as_array().unwrap() {
        let owner = &owner_of[&trade["orderId"].as_u64().unwrap()];
        let qty = money(&trade["qty"]);
        let signed = if trade["isBuyer"] == true { qty } else { -qty };
        let fee = if trade["commissionAsset"] == "BTC" {
            money(&trade["commission"])
        } else {
            Money::ZERO
        };
        *held.entry(owner.clone()).or_insert(Money::ZERO) += signed - fee;
    }
    held
}

/// What stops at the venue sell for a strategy.
fn stopped(exchange: &Exchange, name: &str) -> Money {
    let open = exchange.ask("/api/v3/openOrders", btcusdt());
    let mark = format!("k1-{name}-");
    let orders = open.as_array().unwrap().iter();
    orders
        .filter(|order| order["clientOrderId"].as_str().unwrap().starts_with(&mark))
        .filter(|order| order["type"] == "STOP_LOSS")
        .map(|order| money(&order["origQty"]))
        .sum()
}

/// The same as the report of a run tells it: every strategy's position and dust.
fn positions(report: &Value) -> BTreeMap<String, Money> {
    let lines = report["positions"].as_array().unwrap().iter();
    lines
        .map(|line| {
            (
                line["strategy"].as_str().unwrap().to_owned(),
                money(&line["position"]),
            )
        })
        .collect()
}

fn report(dir: &Path) -> Value {
    let text = std::fs::read_to_string(dir.join("report/report.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn is_near(one: Money, other: Money) -> bool {
    // What is too small to sell is no position any more.
    (one - other).abs() < Money::new(1, 4)
}

/// F41: the sum of what each strategy holds is what the venue sees; a strategy that is taken out leaves its position behind, with a
/// stop, and the other one goes on without touching it.
#[test]
fn f41_two_strategies_share_an_account_and_keep_their_positions_apart() {
    let exchange = Exchange::start(43);
    let dir = tempfile::tempdir().unwrap();
    let start = |names: &[&str]| {
        let mut command = exchange.trader_with(&configuration(dir.path(), names), dir.path());
        command.args(["--set", "protection.mode=venue"]);
        let mut trader = Process::start(&mut command);
        let line = trader.wait_for("dashboard http://", LONG);
        let url = line.split_whitespace().next_back().unwrap().to_owned();
        (trader, format!("{url}metrics"))
    };
    let (first, metrics) = start(&["far", "near"]);
    let holds = |page: &str, name: &str| {
        let metric = format!("keel_strategy_position{{symbol=\"BTCUSDT\",strategy=\"{name}\"}} ");
        let value = page.lines().find_map(|line| line.strip_prefix(&metric));
        value.is_some_and(|value| value.parse::<Money>().unwrap() > Money::ZERO)
    };
    eventually("each strategy holds something", LONG, || {
        let page = read(&metrics);
        holds(&page, "far") && holds(&page, "near")
    });
    first.signal("TERM");
    let (code, said) = first.finish(LONG);
    assert_eq!(code, Some(0), "{said}");
    let of_first = report(dir.path());
    assert_eq!(of_first["identity_ok"], true, "{said}");
    let (told, at_venue) = (positions(&of_first), held_at_venue(&exchange));
    for name in ["far", "near"] {
        assert!(
            is_near(told[name], at_venue[name]),
            "{name}: {told:?} {at_venue:?}"
        );
        assert!(told[name] > Money::ZERO, "{name} leans to a position: {told:?}");
        let days = of_first["statement"]["days"].as_array().unwrap();
        assert!(days.iter().any(|day| day["strategy"] == name), "{days:?}");
    }

    let (mut second, _) = start(&["near"]);
    second.wait_for("held by strategy far", LONG);
    eventually("what far holds has its stop", LONG, || {
        is_near(stopped(&exchange, "far"), told["far"])
    });
    second.signal("TERM");
    let (code, said) = second.finish(LONG);
    assert_eq!(code, Some(0), "{said}");
    let after = held_at_venue(&exchange);
    assert_eq!(after["far"], at_venue["far"], "nobody touched it");
    assert_eq!(positions(&report(dir.path()))["far"], told["far"]);
    assert!(is_near(stopped(&exchange, "far"), told["far"]), "{said}");
}
