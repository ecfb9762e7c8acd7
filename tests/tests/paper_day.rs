//! The main job: the whole system over real sockets.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use std::process::Command;
use std::time::Duration;

use keel_tests::{Process, binary, root};

fn paper_sim(dir: &std::path::Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary("paper-sim"));
    command
        .current_dir(root())
        .args(["--json", "run", "--report", dir.to_str().unwrap()])
        .args(arguments);
    command
}

#[test]
fn a_paper_run_trades_and_its_money_adds_up() {
    let dir = tempfile::tempdir().unwrap();
    let output = paper_sim(dir.path(), &["--duration", "12s", "--seed", "7"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let last = String::from_utf8(output.stdout).unwrap();
    let report: serde_json::Value = serde_json::from_str(last.lines().last().unwrap()).unwrap();
    assert_eq!(report["identity_ok"], true, "{said}");
    let fills = report["fills"].as_array().unwrap();
    assert!(!fills.is_empty(), "{said}");
    let first = fills[0]["at"].as_i64().unwrap() - report["started_at"].as_i64().unwrap();
    assert!(first < 10_000_000_000, "the first fill came after {first} ns");
    for line in report["identity"].as_array().unwrap() {
        assert!(line["traded"] != "0", "both assets moved: {line}");
    }
    let page = std::fs::read_to_string(dir.path().join("report.html")).unwrap();
    assert!(page.contains("The money adds up") && page.contains("<svg"));
}

#[test]
fn the_trend_strategy_runs_the_same_way() {
    let dir = tempfile::tempdir().unwrap();
    let faster = [
        "--set",
        "strategy.trend.bar_ms=200",
        "--set",
        "strategy.trend.fast_bars=2",
    ];
    let mut command = paper_sim(
        dir.path(),
        &[
            "--duration",
            "12s",
            "--strategy",
            "trend",
            "--scenario",
            "volatile",
        ],
    );
    let output = command
        .args(faster)
        .args(["--set", "strategy.trend.slow_bars=5"])
        .output()
        .unwrap();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let last = String::from_utf8(output.stdout).unwrap();
    let report: serde_json::Value = serde_json::from_str(last.lines().last().unwrap()).unwrap();
    assert!(!report["fills"].as_array().unwrap().is_empty());
    assert!(
        report["fills"]
            .as_array()
            .unwrap()
            .iter()
            .all(|fill| fill["is_maker"] == false)
    );
}

#[test]
fn f11_ctrl_c_closes_the_gate_cancels_everything_and_verifies() {
    let dir = tempfile::tempdir().unwrap();
    let mut process = Process::start(&mut paper_sim(dir.path(), &[]));
    process.wait_for("FILL", Duration::from_secs(20));
    process.signal("INT");
    let (code, said) = process.finish(Duration::from_secs(20));
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("closed: the venue shows no order of ours"),
        "{said}"
    );
}
