//! `trader doctor` against the simulated exchange: what is well, and each thing that can be provoked not to be.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use keel_binance_wire::params::Params;
use keel_journal::FsDisk;
use keel_tests::{API_SECRET, Drill, Exchange, FAR, OTHER_ACCOUNT, eventually};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(20);

/// What was found, and the exit code.
struct Examined {
    code: i32,
    json: Value,
    said: String,
}

impl Examined {
    /// How one thing is, with what is said of it.
    fn of(&self, what: &str) -> (&str, &str) {
        let found = self.json["findings"].as_array().unwrap();
        let found = found.iter().find(|finding| finding["what"] == what);
        let found = found.unwrap_or_else(|| panic!("nothing of {what}: {}", self.json));
        (found["health"].as_str().unwrap(), found["text"].as_str().unwrap())
    }

    fn assert_well(&self) {
        let found = self.json["findings"].as_array().unwrap();
        for finding in found {
            assert_eq!(
                (&finding["health"], &finding["remedy"]),
                (&json!("ok"), &Value::Null),
                "{finding}"
            );
        }
        assert_eq!((self.code, &self.json["ok"]), (0, &json!(true)));
    }

    /// Everything is well but this, which has a remedy.
    fn assert_only(&self, what: &str, health: &str) {
        let found = self.json["findings"].as_array().unwrap();
        for finding in found {
            let is_it = finding["what"] == what;
            let expected = if is_it { health } else { "ok" };
            assert_eq!(finding["health"], expected, "{finding}");
            assert_eq!(finding["remedy"].is_string(), is_it, "{finding}");
        }
        assert!(
            found.iter().any(|finding| finding["what"] == what),
            "{}",
            self.json
        );
        let is_fault = health == "FAIL";
        assert_eq!(
            (self.code, &self.json["ok"]),
            (i32::from(is_fault), &json!(!is_fault))
        );
    }
}

/// Examines by a run's command line, with other settings and environment.
fn examine(run: &Command, settings: &[&str], environment: &[(&str, &str)]) -> Examined {
    let mut command = Command::new(run.get_program());
    command.current_dir(keel_tests::root()).arg("doctor");
    command.args(run.get_args().skip(1)).arg("--json");
    for (name, value) in run.get_envs() {
        command.env(name, value.unwrap());
    }
    for setting in settings {
        command.args(["--set", setting]);
    }
    command.envs(environment.iter().copied());
    let output = command.output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!told.contains(API_SECRET) && !said.contains(API_SECRET));
    let json = told
        .lines()
        .last()
        .map(|line| serde_json::from_str(line).unwrap());
    Examined {
        code: output.status.code().unwrap(),
        json: json.unwrap_or(Value::Null),
        said,
    }
}

fn of_drill(drill: &Drill, settings: &[&str]) -> Examined {
    examine(&drill.exchange.trader(drill.dir.path()), settings, &[])
}

fn order_by_hand(exchange: &Exchange, cl_ord_id: &str) {
    let order = Params::new()
        .with("symbol", "BTCUSDT")
        .with("side", "BUY")
        .with("type", "LIMIT")
        .with("timeInForce", "GTC")
        .with("price", "60000")
        .with("quantity", "0.001")
        .with("newClientOrderId", cl_ord_id);
    let placed = exchange.order(order);
    assert_eq!(placed["status"], "NEW", "{placed}");
}

fn cancel_all(exchange: &Exchange) {
    let symbol = Params::new().with("symbol", "BTCUSDT");
    let account = (keel_tests::API_KEY, API_SECRET);
    let canceled = exchange.signed("DELETE", "/api/v3/openOrders", symbol, account);
    assert!(canceled.is_array(), "{canceled}");
}

#[test]
fn before_beside_and_after_a_run_all_is_well_and_nothing_is_changed() {
    let drill = Drill::start(121);
    let absent = drill.dir.path().join("not-yet");
    let before = examine(&drill.exchange.trader(&absent), &[], &[]);
    before.assert_well();
    assert!(!absent.exists(), "it is not made");
    for what in [
        "disk space",
        "streams",
        "WS API",
        "REST",
        "clock",
        "key",
        "fees BTCUSDT",
    ] {
        assert_eq!(before.of(what).0, "ok");
    }

    let trader = drill.trader(&FAR);
    eventually("an open order", SOON, || !drill.open_orders().is_empty());
    let (open, placed) = (drill.open_orders(), drill.placed());
    let beside = of_drill(&drill, &[]);
    beside.assert_well();
    assert_eq!(beside.of("trader").1, "runs here, state Active");
    assert!(beside.of("account").1.contains("the records are of it"));
    assert_eq!((drill.open_orders(), drill.placed()), (open, placed));
    drill.end(trader);

    let files = || {
        let entries = std::fs::read_dir(drill.dir.path()).unwrap().map(Result::unwrap);
        let mut files: Vec<_> = entries
            .map(|entry| (entry.path(), entry.metadata().unwrap().modified().unwrap()))
            .collect();
        files.sort();
        files
    };
    let written = files();
    let after = of_drill(&drill, &[]);
    after.assert_well();
    assert_eq!(after.of("trader").1, "none runs here");
    assert_eq!(files(), written);
}

#[test]
fn clock_pair_size_and_orders_are_judged_by_what_the_venue_tells() {
    let drill = Drill::start(122);
    let skew = |ms: i64| drill.fault(json!({ "id": "skew", "action": "clock_skew", "ms": ms }));
    skew(900);
    of_drill(&drill, &[]).assert_only("clock", "warn");
    drill.heal("skew");
    skew(-5_000);
    of_drill(&drill, &[]).assert_only("clock", "FAIL");
    drill.heal("skew");

    let status = |status: &str| {
        let told = drill
            .exchange
            .operate("POST", "symbol/BTCUSDT/status", &json!({ "status": status }));
        assert!(told.get("problem").is_none(), "{told}");
    };
    status("HALT");
    of_drill(&drill, &[]).assert_only("pair BTCUSDT", "FAIL");
    status("TRADING");
    let too_small = of_drill(&drill, &["strategy.quoter.order_qty=0.00002"]);
    too_small.assert_only("pair BTCUSDT", "FAIL");

    order_by_hand(&drill.exchange, "by-hand");
    of_drill(&drill, &[]).assert_only("open orders BTCUSDT", "warn");
    order_by_hand(&drill.exchange, "k1-quoter-1-1");
    let lost = of_drill(&drill, &[]);
    lost.assert_only("open orders BTCUSDT", "FAIL");
    assert!(lost.said.contains("trader adopt"), "{}", lost.said);
    order_by_hand(&drill.exchange, "k2-quoter-1-1");
    let other = of_drill(&drill, &[]);
    other.assert_only("open orders BTCUSDT", "FAIL");
    assert!(other.of("open orders BTCUSDT").1.contains("instance k2"));
    cancel_all(&drill.exchange);
    of_drill(&drill, &[]).assert_well();
}

#[test]
fn a_key_that_is_wrong_or_may_too_much_or_too_little_is_named() {
    let right = "reading,spot_trading,ip_restrict";
    let keys = [
        ("thief", format!("{right},withdrawals")),
        ("idle", format!("{right},futures")),
        ("roaming", "reading,spot_trading".to_owned()),
        ("reader", "reading,ip_restrict".to_owned()),
    ];
    let mut args = vec!["--bnb-fees".to_owned(), "1".to_owned()];
    for (key, rights) in &keys {
        args.extend(["--account".to_owned(), format!("{key}:{key}-secret")]);
        args.extend(["--permissions".to_owned(), format!("{key}={rights}")]);
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let exchange = Exchange::start_with(123, &args);
    let dir = tempfile::tempdir().unwrap();
    let run = exchange.trader(dir.path());
    let with =
        |key: &str, secret: &str| examine(&run, &[], &[("KEEL_API_KEY", key), ("KEEL_API_SECRET", secret)]);
    for (key, health) in [
        ("thief", "FAIL"),
        ("idle", "warn"),
        ("roaming", "warn"),
        ("reader", "FAIL"),
    ] {
        let found = with(key, &format!("{key}-secret"));
        assert_eq!(found.of("key").0, health, "{key}: {}", found.said);
        assert_eq!(found.code, i32::from(health == "FAIL"));
        let (health, text) = found.of("fees BTCUSDT");
        assert!(health == "warn" && text.contains("paid in BNB"), "{text}");
    }
    let wrong = with("thief", "not-its-secret");
    assert_eq!((wrong.code, wrong.of("key").0), (1, "FAIL"));
    assert!(!wrong.said.contains("not-its-secret"));

    let nowhere = "credentials.api_secret_file=/nowhere/secret";
    let missing = examine(&run, &[nowhere], &[]);
    assert_eq!((missing.code, missing.of("key").0), (1, "FAIL"));
    assert_eq!(
        missing.of("pair BTCUSDT").0,
        "ok",
        "what needs no key is asked all the same"
    );
    let unmeant = examine(&run, &["risk.book_age_ms_max=never"], &[]);
    assert_eq!((unmeant.code, unmeant.json), (2, Value::Null));
}

#[test]
fn a_venue_that_is_not_there_and_money_that_is_not_are_told() {
    let exchange = Exchange::start_with(124, &["--fund", "USDT=1"]);
    let dir = tempfile::tempdir().unwrap();
    let poor = examine(&exchange.trader(dir.path()), &[], &[]);
    poor.assert_only("balances BTCUSDT", "warn");
    // Nothing listens on port 1.
    let away = examine(&exchange.trader_through("127.0.0.1:1", dir.path()), &[], &[]);
    for what in ["streams", "WS API", "REST"] {
        assert_eq!(away.of(what).0, "FAIL", "{}", away.said);
    }
    assert_eq!(away.code, 1);
}

#[test]
fn a_state_directory_of_others_or_harmed_or_held_is_named() {
    let drill = Drill::start(125);
    let trader = drill.trader(&FAR);
    eventually("an open order", SOON, || !drill.open_orders().is_empty());
    drill.end(trader);
    let run = drill.exchange.trader(drill.dir.path());
    let (key, secret) = OTHER_ACCOUNT;
    let other = examine(&run, &[], &[("KEEL_API_KEY", key), ("KEEL_API_SECRET", secret)]);
    other.assert_only("account", "FAIL");

    let elsewhere = Exchange::start(126);
    let found = examine(&elsewhere.trader(drill.dir.path()), &[], &[]);
    assert_eq!(found.of("records").0, "FAIL", "{}", found.said);

    let (code, answer) = drill.operator(&["halt", "--reason", "before the weekend"]);
    assert_eq!(code, 0, "{answer}");
    let halted = of_drill(&drill, &[]);
    halted.assert_only("halt", "warn");
    assert!(halted.of("halt").1.contains("before the weekend"));
    let (code, answer) = drill.operator(&["resume", "--reason", "monday"]);
    assert_eq!(code, 0, "{answer}");

    let held = FsDisk::lock(drill.dir.path()).unwrap();
    of_drill(&drill, &[]).assert_only("trader", "FAIL");
    drop(held);
    harm(drill.dir.path());
    of_drill(&drill, &[]).assert_only("records", "FAIL");

    let file = drill.dir.path().join("a-file");
    std::fs::write(&file, "").unwrap();
    let found = examine(&drill.exchange.trader(&file), &[], &[]);
    found.assert_only("state directory", "FAIL");
}

/// Turns a bit of the first record.
fn harm(dir: &Path) {
    let path = dir.join("00000000000000000001.journal");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[300] ^= 1;
    std::fs::write(path, bytes).unwrap();
}
