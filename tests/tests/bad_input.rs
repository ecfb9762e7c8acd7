//! What a person gets for a mistake: a clear line, a remedy, the right exit code, and nothing started.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use std::process::Command;
use std::time::Duration;

use keel_tests::{API_SECRET, Exchange, Process, binary, root};

fn trader(arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(binary("trader"));
    command.current_dir(root()).args(arguments);
    Process::start(command.env_remove("KEEL_API_KEY")).finish(Duration::from_secs(20))
}

#[test]
fn a_misspelt_key_names_place_and_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("my.toml");
    let text = std::fs::read_to_string(root().join("config/paper.toml")).unwrap();
    std::fs::write(&path, text.replace("collar_away_bps", "collar_awy_bps")).unwrap();
    let (code, said) = trader(&["check", "--config", path.to_str().unwrap()]);
    assert_eq!(code, Some(2));
    let line = text
        .lines()
        .position(|line| line.starts_with("collar_away_bps"))
        .unwrap()
        + 1;
    assert!(
        said.contains(&format!("my.toml:{line}:1: risk.collar_awy_bps")),
        "{said}"
    );
    assert!(said.contains("did you mean `collar_away_bps`?"), "{said}");
}

#[test]
fn f16_live_trading_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("live.toml");
    let text = std::fs::read_to_string(root().join("config/paper.toml")).unwrap();
    let live = text
        .replace("mode = \"paper\"", "mode = \"live\"")
        .replace("\"http://127.0.0.1:9100\"", "\"https://api.binance.com\"")
        .replace("\"ws://127.0.0.1:9100\"", "\"wss://stream.binance.com:9443\"")
        .replace(
            "\"ws://127.0.0.1:9100/ws-api/v3\"",
            "\"wss://ws-api.binance.com:443/ws-api/v3\"",
        );
    std::fs::write(&path, live).unwrap();
    let (code, said) = trader(&["run", "--config", path.to_str().unwrap()]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("remedy"), "{said}");
    let mut paper_sim = Command::new(binary("paper-sim"));
    paper_sim
        .current_dir(root())
        .args(["run", "--config", path.to_str().unwrap()]);
    let (code, said) = Process::start(&mut paper_sim).finish(Duration::from_secs(20));
    assert_eq!(code, Some(2), "{said}");
}

#[test]
fn missing_credentials_say_where_they_are_looked_for() {
    let (code, said) = trader(&["run", "--config", "config/testnet.toml"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("KEEL_API_KEY"), "{said}");
}

/// What an earlier run left belongs to an exchange that is gone; and paper-sim's own settings are not taken silently.
#[test]
fn a_paper_run_does_not_go_where_an_earlier_one_was_and_ignores_no_setting() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("journal")).unwrap();
    let report = dir.path().to_str().unwrap();
    for (arguments, named) in [
        (["--report", report], "--report"),
        (["--set", "state.dir=elsewhere"], "state.dir"),
        (["--set", "credentials.kind=ed25519"], "credentials.kind"),
    ] {
        let mut command = Command::new(binary("paper-sim"));
        command.current_dir(root()).arg("run").args(arguments);
        let (code, said) = Process::start(&mut command).finish(Duration::from_secs(20));
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("remedy") && said.contains(named), "{said}");
    }
}

#[test]
fn a_port_in_use_is_named_with_the_remedy() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut exchange = Command::new(binary("paper-sim"));
    let (code, said) =
        Process::start(exchange.args(["exchange", "--listen", &address])).finish(Duration::from_secs(20));
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains(&address) && said.contains("--listen"), "{said}");
}

#[test]
fn a_wrong_secret_is_told_by_the_venues_words_and_never_repeated() {
    let exchange = Exchange::start(21);
    let dir = tempfile::tempdir().unwrap();
    let mut command = exchange.trader(dir.path());
    command
        .env("KEEL_API_SECRET", "wrong-canary-8c2e")
        .env("RUST_LOG", "trace")
        .args(["--duration", "2"]);
    let (code, said) = Process::start(&mut command).finish(Duration::from_secs(40));
    assert_eq!(code, Some(2), "nothing was started: {said}");
    assert!(
        said.contains("-1022 Signature for this request is not valid.") && said.contains("remedy"),
        "{said}"
    );
    assert!(!said.contains("wrong-canary-8c2e"), "the secret was printed");
}

#[test]
fn an_unknown_key_ends_with_the_remedy() {
    let exchange = Exchange::start(23);
    let dir = tempfile::tempdir().unwrap();
    let mut unknown_key = exchange.trader(dir.path());
    let (code, said) =
        Process::start(unknown_key.env("KEEL_API_KEY", "nobody")).finish(Duration::from_secs(20));
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("-2015") && said.contains("remedy"), "{said}");
}

fn ends_for_an_unknown_symbol(exchange: &Exchange) {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("doge.toml");
    let text = std::fs::read_to_string(root().join("config/paper.toml")).unwrap();
    std::fs::write(&config, text.replace("BTCUSDT", "DOGEUSDT")).unwrap();
    let mut command = exchange.trader_with(&config, &dir.path().join("state"));
    let (code, said) = Process::start(&mut command).finish(Duration::from_secs(20));
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("-1121 Invalid symbol.") && said.contains("[trading] symbols"),
        "{said}"
    );
}

#[test]
fn an_unknown_symbol_ends_with_the_remedy() {
    ends_for_an_unknown_symbol(&Exchange::start(23));
}

/// Which comes first, the session or the refusal, is chance where nothing is late.
#[test]
fn an_unknown_symbol_that_the_venue_refuses_after_the_session_is_up_ends_with_the_remedy_too() {
    let dir = tempfile::tempdir().unwrap();
    let faults = dir.path().join("late.toml");
    let rule =
        "[[rule]]\nid = \"late\"\nrequest = \"GET /api/v3/exchangeInfo\"\naction = \"delay\"\nms = 2000";
    std::fs::write(&faults, rule).unwrap();
    let exchange = Exchange::start_with(23, &["--faults", faults.to_str().unwrap()]);
    ends_for_an_unknown_symbol(&exchange);
}

#[test]
fn f71_the_secret_is_in_no_output_log_or_file() {
    let exchange = Exchange::start(22);
    let dir = tempfile::tempdir().unwrap();
    let mut command = exchange.trader(dir.path());
    command.env("RUST_LOG", "trace").args(["--duration", "3"]);
    let (code, said) = Process::start(&mut command).finish(Duration::from_secs(40));
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains(API_SECRET), "the secret is in the log");
    let mut files = vec![dir.path().to_owned()];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(
                std::fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let found = bytes
                .windows(API_SECRET.len())
                .any(|window| window == API_SECRET.as_bytes());
            assert!(!found, "the secret is in {}", path.display());
        }
    }
}
