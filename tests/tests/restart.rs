//! The trader killed with open orders, and started again.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use std::collections::BTreeSet;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use keel_binance_wire::params::Params;
use keel_domain::{Money, Symbol};
use keel_engine::{DurableState, Fact, Record};
use keel_journal::{FsDisk, read_all};
use keel_tests::{Exchange, OTHER_ACCOUNT, Process, binary, eventually, root};

fn btcusdt() -> Params {
    Params::new().with("symbol", "BTCUSDT")
}

fn client_ids(orders: &serde_json::Value) -> Vec<String> {
    orders
        .as_array()
        .unwrap()
        .iter()
        .map(|order| order["clientOrderId"].as_str().unwrap().to_owned())
        .collect()
}

fn records(dir: &Path) -> Vec<Record> {
    let recovered = read_all(&FsDisk::read_only(dir)).unwrap();
    recovered
        .records
        .iter()
        .map(|payload| serde_json::from_slice(payload).unwrap())
        .collect()
}

fn money(text: &serde_json::Value) -> Money {
    text.as_str().unwrap().parse().unwrap()
}

fn btc_held(exchange: &Exchange) -> Money {
    let account = exchange.ask("/api/v3/account", Params::new());
    let mut balances = account.get("balances").unwrap().as_array().unwrap().iter();
    let held = balances.find(|balance| balance["asset"] == "BTC");
    held.map_or(Money::ZERO, |balance| {
        money(&balance["free"]) + money(&balance["locked"])
    })
}

/// The sequences that snapshots stand for.
fn snapshots(dir: &Path) -> Vec<usize> {
    let names = std::fs::read_dir(dir)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut sequences: Vec<usize> = names
        .filter_map(|name| name.strip_suffix(".snapshot")?.parse().ok())
        .collect();
    sequences.sort_unstable();
    sequences
}

/// F1, F31: whatever the moment of the kill, no order is forgotten, none is sent twice, and the position is right.
#[test]
fn f31_f1_killed_with_open_orders_the_trader_takes_them_up_again() {
    let exchange = Exchange::start(11);
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        let mut trader = Process::start(&mut exchange.trader(dir.path()));
        trader.wait_for("FILL", Duration::from_secs(20));
        eventually("an open order", Duration::from_secs(20), || {
            !client_ids(&exchange.ask("/api/v3/openOrders", btcusdt())).is_empty()
        });
        trader.signal("KILL");
        let (code, _) = trader.finish(Duration::from_secs(5));
        assert_eq!(code, None, "killed by the signal");
    }
    let left_open = client_ids(&exchange.ask("/api/v3/openOrders", btcusdt()));

    let last = Process::start(exchange.trader(dir.path()).args(["--duration", "3"]));
    let (code, said) = last.finish(Duration::from_secs(40));
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("closed: the venue shows no order of ours"),
        "{said}"
    );
    assert!(client_ids(&exchange.ask("/api/v3/openOrders", btcusdt())).is_empty());

    let at_venue = client_ids(&exchange.ask("/api/v3/allOrders", btcusdt().with("limit", 1_000)));
    let distinct: BTreeSet<&String> = at_venue.iter().collect();
    assert_eq!(distinct.len(), at_venue.len(), "an order was sent twice");
    let records = records(dir.path());
    let intents: BTreeSet<String> = records
        .iter()
        .filter_map(|record| match &record.fact {
            Fact::Intent { cl_ord_id, .. } => Some(cl_ord_id.to_string()),
            _ => None,
        })
        .collect();
    assert!(
        at_venue.iter().all(|id| intents.contains(id)),
        "an order at the venue has no durable intent"
    );
    assert!(left_open.iter().all(|id| at_venue.contains(id)));

    let mut state = DurableState::default();
    for record in &records {
        state.apply(record).unwrap();
    }
    assert_eq!(
        state.orders().live().count(),
        0,
        "every order has come to its end"
    );
    let symbol: Symbol = "BTCUSDT".parse().unwrap();
    assert_eq!(
        state.ledgers().position(symbol).to_decimal(),
        btc_held(&exchange),
        "three ways to the same position"
    );
    let booked = state.ledgers().trade_count(symbol);
    let trades = exchange.ask("/api/v3/myTrades", btcusdt().with("limit", 1_000));
    assert_eq!(trades.as_array().unwrap().len(), booked);
}

/// Knight Capital's eighth server ran another binary than the rest: on the same records it is another build, whatever its version.
#[test]
fn f8_another_binary_of_the_same_version_on_the_same_records_is_told_and_the_same_is_not() {
    let exchange = Exchange::start(16);
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let other = dir.path().join("trader");
    let mut bytes = std::fs::read(binary("trader")).unwrap();
    // Behind its last section nothing of it is run.
    bytes.push(0);
    std::fs::write(&other, bytes).unwrap();
    std::fs::set_permissions(&other, Permissions::from_mode(0o755)).unwrap();
    let said = |program: &Path| {
        let command = exchange.trader(&state);
        let mut again = Command::new(program);
        again.current_dir(root()).args(command.get_args());
        let set = command.get_envs().filter_map(|(key, value)| Some((key, value?)));
        let run = Process::start(again.envs(set).args(["--duration", "1"]));
        let (code, said) = run.finish(Duration::from_secs(40));
        assert_eq!(code, Some(0), "{said}");
        said
    };
    let same = binary("trader");
    let first = said(&same);
    assert!(first.contains("build 0.1.0+"), "{first}");
    let told = "CHANGED the records were written by build 0.1.0+";
    assert!(!said(&same).contains(told));
    assert!(said(&other).contains(told));
    assert!(!said(&other).contains(told));
}

/// A start reads what the last run's end amounted to, and the records after it, however old the journal is.
#[test]
fn f31_a_start_reads_the_snapshot_and_the_records_after_it() {
    let exchange = Exchange::start(15);
    let dir = tempfile::tempdir().unwrap();
    let first = Process::start(exchange.trader(dir.path()).args(["--duration", "3"]));
    let (code, said) = first.finish(Duration::from_secs(40));
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("journal: 0 records, 0 orders"), "{said}");
    let covered = records(dir.path()).len();

    let mut second = Process::start(&mut exchange.trader(dir.path()));
    let line = second.wait_for("journal: a snapshot and 0 records", Duration::from_secs(10));
    assert!(line.contains("0 orders to follow up"), "{line}");
    second.wait_for("FILL", Duration::from_secs(20));
    second.signal("KILL");
    let _killed = second.finish(Duration::from_secs(5));
    let after = records(dir.path()).len() - covered;

    let third = Process::start(exchange.trader(dir.path()).args(["--duration", "1"]));
    let (code, said) = third.finish(Duration::from_secs(40));
    assert_eq!(code, Some(0), "{said}");
    let replayed = format!("journal: a snapshot and {after} records");
    assert!(said.contains(&replayed), "not {replayed}: {said}");
    let mut state = DurableState::default();
    for record in &records(dir.path()) {
        state.apply(record).unwrap();
    }
    let venue = exchange.ask("/api/v3/myTrades", btcusdt().with("limit", 1_000));
    let symbol: Symbol = "BTCUSDT".parse().unwrap();
    let booked = state.ledgers().trade_count(symbol);
    assert_eq!(venue.as_array().unwrap().len(), booked);
}

/// A trader that never ended well starts from the last snapshot that it took on the way, and goes on with the same orders
/// and the same position.
#[test]
fn f31_killed_between_snapshots_a_start_reads_few_of_many_records() {
    const EVERY: usize = 10;
    let exchange = Exchange::start(18);
    let dir = tempfile::tempdir().unwrap();
    let setting = format!("state.snapshot_records={EVERY}");
    let first = Process::start(exchange.trader(dir.path()).args(["--set", &setting]));
    eventually(
        "many records, a snapshot and an open order",
        Duration::from_secs(40),
        || {
            let is_old = snapshots(dir.path()).last().is_some_and(|last| *last > 3 * EVERY);
            is_old && !client_ids(&exchange.ask("/api/v3/openOrders", btcusdt())).is_empty()
        },
    );
    first.signal("KILL");
    assert_eq!(
        first.finish(Duration::from_secs(5)).0,
        None,
        "killed by the signal"
    );
    let left_open = client_ids(&exchange.ask("/api/v3/openOrders", btcusdt()));
    let covered = *snapshots(dir.path()).last().unwrap();
    let after = records(dir.path()).len() - covered;
    assert!(after < covered, "{after} records after {covered}");

    let second = Process::start(
        exchange
            .trader(dir.path())
            .args(["--set", &setting, "--duration", "1"]),
    );
    let (code, said) = second.finish(Duration::from_secs(40));
    assert_eq!(code, Some(0), "{said}");
    let replayed = format!("journal: a snapshot and {after} records");
    assert!(said.contains(&replayed), "not {replayed}: {said}");
    let all = client_ids(&exchange.ask("/api/v3/allOrders", btcusdt().with("limit", 1_000)));
    assert!(left_open.iter().all(|id| all.contains(id)));
    let distinct: BTreeSet<&String> = all.iter().collect();
    assert_eq!(distinct.len(), all.len(), "an order was sent twice");
    assert!(client_ids(&exchange.ask("/api/v3/openOrders", btcusdt())).is_empty());

    // The run left a snapshot; with the records alone the same comes out, and it is the venue's truth.
    let mut state = DurableState::default();
    for record in &records(dir.path()) {
        state.apply(record).unwrap();
    }
    assert_eq!(state.orders().live().count(), 0);
    let position = state.ledgers().position("BTCUSDT".parse().unwrap());
    assert_eq!(position.to_decimal(), btc_held(&exchange));
    let last = *snapshots(dir.path()).last().unwrap();
    let file = std::fs::read(dir.path().join(format!("{last:020}.snapshot"))).unwrap();
    let kept: DurableState = serde_json::from_slice(file.get(32..).unwrap()).unwrap();
    assert_eq!(last, records(dir.path()).len());
    assert_eq!(kept, state);
}

#[test]
fn f10_f42_a_second_trader_on_the_same_state_is_refused() {
    let exchange = Exchange::start(12);
    let dir = tempfile::tempdir().unwrap();
    let mut first = Process::start(&mut exchange.trader(dir.path()));
    first.wait_for("dashboard", Duration::from_secs(10));
    let second = Process::start(&mut exchange.trader(dir.path()));
    let (code, said) = second.finish(Duration::from_secs(10));
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("in use by another process"), "{said}");
    first.signal("TERM");
    assert_eq!(first.finish(Duration::from_secs(20)).0, Some(0));
}

#[test]
fn f70_a_state_directory_belongs_to_one_venue() {
    let dir = tempfile::tempdir().unwrap();
    let first = Exchange::start(13);
    let (code, _) =
        Process::start(first.trader(dir.path()).args(["--duration", "1"])).finish(Duration::from_secs(30));
    assert_eq!(code, Some(0));
    let second = Exchange::start(14);
    let (code, said) = Process::start(&mut second.trader(dir.path())).finish(Duration::from_secs(10));
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("this state directory belongs to mode paper"),
        "{said}"
    );
}

#[test]
fn f70_f17_a_state_directory_belongs_to_one_account() {
    let dir = tempfile::tempdir().unwrap();
    let exchange = Exchange::start(16);
    let first = Process::start(exchange.trader(dir.path()).args(["--duration", "1"]));
    assert_eq!(first.finish(Duration::from_secs(30)).0, Some(0));
    let before = records(dir.path()).len();
    let (key, secret) = OTHER_ACCOUNT;
    let mut other = exchange.trader(dir.path());
    other.env("KEEL_API_KEY", key).env("KEEL_API_SECRET", secret);
    let (code, said) = Process::start(&mut other).finish(Duration::from_secs(20));
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("this state directory belongs to account"), "{said}");
    let since = records(dir.path()).split_off(before);
    let facts: Vec<&Fact> = since.iter().map(|record| &record.fact).collect();
    let is_no_money = |fact: &&Fact| matches!(fact, Fact::Booted { .. } | Fact::Instrument(_));
    assert!(facts.iter().all(is_no_money), "{facts:?}");
}

#[test]
fn f42_an_open_order_of_another_instance_refuses_the_start_and_stays() {
    let dir = tempfile::tempdir().unwrap();
    let exchange = Exchange::start(17);
    let theirs = btcusdt()
        .with("side", "BUY")
        .with("type", "LIMIT")
        .with("timeInForce", "GTC")
        .with("price", "50000")
        .with("quantity", "0.001")
        .with("newClientOrderId", "k2-quoter-1-1");
    assert_eq!(exchange.order(theirs)["status"], "NEW");
    let (code, said) = Process::start(&mut exchange.trader(dir.path())).finish(Duration::from_secs(30));
    assert_eq!(code, Some(3), "{said}");
    assert!(
        said.contains("order k2-quoter-1-1 of instance k2 is open on BTCUSDT"),
        "{said}"
    );
    let open = client_ids(&exchange.ask("/api/v3/openOrders", btcusdt()));
    assert_eq!(open, ["k2-quoter-1-1"], "it is left alone, and nothing was added");
}
