//! Market data recorded from real sockets, and replayed.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use keel_tests::{Exchange, Process, binary, eventually, root};
use serde_json::Value;

fn recorder(exchange: &Exchange, out: &Path) -> Command {
    let address = exchange.rest_url.trim_start_matches("http://");
    let mut command = Command::new(binary("trader"));
    command
        .current_dir(root())
        .args(["--json", "record", "--config", "config/paper.toml", "--out"])
        .arg(out);
    let settings = [
        format!("venue.rest_url=http://{address}"),
        format!("venue.stream_url=ws://{address}"),
        format!("venue.ws_api_url=ws://{address}/ws-api/v3"),
    ];
    for setting in settings {
        command.args(["--set", &setting]);
    }
    command
}

fn replay(arguments: &[&str], report: &Path) -> Output {
    Command::new(binary("paper-sim"))
        .current_dir(root())
        .args(["--json", "replay", "--report"])
        .arg(report)
        .args(arguments)
        .output()
        .unwrap()
}

/// The report of a replay, without what names its directories.
fn report(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let last = String::from_utf8_lossy(&output.stdout);
    let mut report: Value = serde_json::from_str(last.lines().last().unwrap()).unwrap();
    assert_eq!(report["identity_ok"], true, "{said}");
    report["title"]["config_hash"].take();
    report
}

fn size(dir: &Path) -> u64 {
    let segment = dir.join("segment-000001.ndjson.zst");
    std::fs::metadata(segment).map_or(0, |file| file.len())
}

#[test]
fn a_recorded_market_is_traded_on_the_same_way_each_time() {
    let exchange = Exchange::start(21);
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("recording");
    let output = recorder(&exchange, &out)
        .args(["--duration", "8s"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(told["records"].as_u64().unwrap() > 80, "{told}");
    assert_eq!(
        (told["dropped"].as_u64(), told["gaps"].as_u64()),
        (Some(0), Some(0))
    );

    // At the best price, so that eight seconds bring fills.
    let at_best = "strategy.quoter.quote_offset_ticks=0";
    let data = ["--data", out.to_str().unwrap(), "--set", at_best];
    let first = report(&replay(&data, &dir.path().join("1")));
    let again = report(&replay(&data, &dir.path().join("2")));
    assert!(!first["fills"].as_array().unwrap().is_empty());
    assert_eq!(first, again);

    let output = recorder(&exchange, &out)
        .args(["--duration", "1s"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("never continued or overwritten"), "{said}");
}

#[test]
fn f31_what_a_killed_recorder_had_synced_is_replayed() {
    let exchange = Exchange::start(22);
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("recording");
    let process = Process::start(&mut recorder(&exchange, &out));
    eventually("some blocks on the disk", Duration::from_secs(30), || {
        size(&out) > 9_000
    });
    process.signal("KILL");
    let (code, _) = process.finish(Duration::from_secs(5));
    assert_eq!(code, None, "killed by the signal");
    // The disk had begun a block.
    let segment = out.join("segment-000001.ndjson.zst");
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes.extend_from_slice(&[0x28, 0xb5, 0x2f, 0xfd, 0x24]);
    std::fs::write(&segment, bytes).unwrap();

    let output = replay(&["--data", out.to_str().unwrap()], &dir.path().join("1"));
    report(&output);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("5 bytes of a torn end were cut"), "{said}");
}

#[test]
fn a_recording_that_is_not_there_or_lacks_the_pair_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |arguments: &[&str], why: &str| {
        let output = replay(arguments, &dir.path().join("report"));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(why), "{said}");
    };
    refused(&["--data", "/no/such/recording"], "no such directory");
    refused(&["--data", dir.path().to_str().unwrap()], "index.ndjson");
    refused(&[], "--data DIR");
    refused(&["--queue-rule", "probabilistic"], "--data");
    refused(&["--data", "x", "--scenario", "calm"], "cannot be used with");
}
