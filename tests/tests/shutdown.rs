//! How a trader ends: verified, or in haste and saying what may be left; and the unit files that end it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use keel_runtime::CLOSE_WITHIN;
use keel_tests::{Drill, Exchange, Process, eventually, root};
use serde_json::json;

const SOON: Duration = Duration::from_secs(20);
const FAR: &[&str] = &[
    "strategy.quoter.quote_offset_ticks=100000",
    "strategy.quoter.requote_ticks=90000",
];

/// The venue takes no cancel any more.
fn no_cancels(drill: &Drill) {
    drill.fault(json!({
        "id": "no-cancels", "request": ["order.cancel", "DELETE /api/v3/order"],
        "action": "status", "status": 503, "stage": "before"
    }));
}

#[test]
fn f11_a_second_ctrl_c_ends_at_once_with_4_and_names_what_may_be_left() {
    let drill = Drill::start(92);
    let mut trader = drill.trader(FAR).process;
    eventually("an order is open", SOON, || !drill.open_orders().is_empty());
    no_cancels(&drill);
    trader.signal("INT");
    trader.wait_for("closing: no new orders", SOON);
    drill.wait_for_fault("no-cancels", 1, SOON);
    let placed = drill.placed();
    trader.signal("INT");
    let (code, said) = trader.finish(Duration::from_secs(5));
    assert_eq!(code, Some(4), "{said}");
    let open = drill.open_orders();
    assert!(!open.is_empty());
    for order in &open {
        let id = order["clientOrderId"].as_str().unwrap();
        assert!(said.contains(id), "{id} is not named: {said}");
    }
    assert_eq!(drill.placed(), placed, "nothing was sent while it ended");
}

/// A trader that was started so that a hangup does what `env` is told, whatever this test was started with.
fn started_with(hangup: &str, exchange: &Exchange, dir: &Path) -> Process {
    let plain = exchange.trader(dir);
    let mut command = Command::new("env");
    command
        .arg(format!("--{hangup}-signal=HUP"))
        .arg(plain.get_program())
        .args(plain.get_args())
        .args(FAR.iter().flat_map(|setting| ["--set", setting]))
        .envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .current_dir(root());
    let mut trader = Process::start(&mut command);
    trader.wait_for("dashboard http", SOON);
    trader
}

#[test]
fn f11_a_terminal_that_closes_ends_the_trader_in_order_and_under_nohup_it_goes_on() {
    let exchange = Exchange::start(94);
    let dir = tempfile::tempdir().unwrap();
    let trader = started_with("default", &exchange, &dir.path().join("1"));
    trader.signal("HUP");
    let (code, said) = trader.finish(SOON);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("closed: the venue shows no order of ours"),
        "{said}"
    );

    let trader = started_with("ignore", &exchange, &dir.path().join("2"));
    trader.signal("HUP");
    // A second request to end would end it at once, with exit code 4.
    trader.signal("TERM");
    let (code, said) = trader.finish(SOON);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn f11_sigterm_without_a_verified_end_is_4_too() {
    let drill = Drill::start(93);
    let trader = drill.trader(FAR).process;
    eventually("an order is open", SOON, || !drill.open_orders().is_empty());
    no_cancels(&drill);
    trader.signal("TERM");
    let (code, said) = trader.finish(Duration::from_secs(60));
    assert_eq!(code, Some(4), "{said}");
    let open = drill.open_orders();
    assert!(
        said.contains(open[0]["clientOrderId"].as_str().unwrap()),
        "{said}"
    );
}

/// What the unit files start exists, they stop as it expects, and no exit code that a restart cannot cure is restarted.
#[test]
fn the_unit_files_start_and_stop_what_there_is() {
    for (file, command) in [("keel-trader.service", "run"), ("keel-guard.service", "guard")] {
        let text = std::fs::read_to_string(root().join("docs/systemd").join(file)).unwrap();
        let value = |key: &str| {
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix(&format!("{key}=")));
            line.unwrap_or_else(|| panic!("{file}: no {key}")).to_owned()
        };
        let start = format!("/usr/local/bin/trader {command} --config /etc/keel/keel.toml");
        assert_eq!(value("ExecStart"), start);
        assert_eq!(value("KillSignal"), "SIGTERM");
        let never: Vec<String> = value("RestartPreventExitStatus")
            .split(' ')
            .map(str::to_owned)
            .collect();
        assert_eq!(
            never,
            ["2", "3", "4"],
            "{file}: none of them gets better by itself"
        );
        let credentials: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("LoadCredential="))
            .filter_map(|line| line.split(':').next())
            .collect();
        assert_eq!(
            credentials,
            ["api_key", "api_secret"],
            "as the trader looks for them"
        );
        let help = std::process::Command::new(keel_tests::binary("trader"))
            .args([command, "--help"])
            .output()
            .unwrap();
        assert!(help.status.success(), "{command}");
    }
}

fn seconds(file: &str, key: &str) -> Duration {
    let text = std::fs::read_to_string(root().join(file)).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    Duration::from_secs(
        line.unwrap_or_else(|| panic!("{file}: no {key}"))
            .parse()
            .unwrap(),
    )
}

/// Each waits for longer than what it waits for takes.
#[test]
fn the_unit_waits_for_the_end_and_restarts_before_silence_counts_and_the_page_says_how_long_an_end_takes() {
    let unit = "docs/systemd/keel-trader.service";
    assert!(seconds(unit, "TimeoutStopSec=") > CLOSE_WITHIN);
    // The start itself takes time, too.
    let silence = Duration::from_secs(10);
    assert!(seconds(unit, "RestartSec=") <= silence / 2);
    for config in ["config/paper.toml", "config/testnet.toml"] {
        let model = std::fs::read_to_string(root().join(config)).unwrap();
        let setting = format!("silence_ms_max = {} #", silence.as_millis());
        assert!(model.contains(&setting), "{config}: no {setting}");
    }
    let page = std::fs::read_to_string(root().join("docs/OPERATIONS.md")).unwrap();
    let told = format!("What cannot be verified in {} s", CLOSE_WITHIN.as_secs());
    assert!(page.contains(&told), "OPERATIONS.md does not say: {told}");
}
