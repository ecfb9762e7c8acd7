//! `trader incident`: one file for somebody else, without a secret.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use keel_tests::{API_SECRET, Drill, eventually};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(20);

fn incident(drill: &Drill, out: &Path, settings: &[&str]) -> (i32, Value) {
    let mut args = vec!["incident", "--out", out.to_str().unwrap()];
    for setting in settings {
        args.extend(["--set", setting]);
    }
    drill.operator(&args)
}

/// Unpacks with the system's own tool.
fn unpack(bundle: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    let status = Command::new("tar")
        .arg("-xf")
        .arg(bundle)
        .arg("-C")
        .arg(to)
        .status();
    assert!(status.unwrap().success());
}

fn read(dir: &Path, name: &str) -> String {
    fs::read_to_string(dir.join(name)).unwrap_or_else(|error| format!("{name}: {error}"))
}

fn json_of(dir: &Path, name: &str) -> Value {
    serde_json::from_str(&read(dir, name)).unwrap()
}

#[test]
fn a_bundle_of_a_running_trader_says_what_happened_and_no_secret() {
    let drill = Drill::start(131);
    let trader = drill.trader(&[]);
    eventually("a trade", SOON, || !drill.held().is_zero());
    // A library that logs more than it should, somebody's link to the secret, and a secret mistaken for its file.
    let log = drill.dir.path().join("log");
    fs::write(
        log.join("other.jsonl"),
        format!("GET /x?apiKey={API_SECRET}&signature={API_SECRET}\n"),
    )
    .unwrap();
    let secret = drill.dir.path().join("secret");
    fs::write(&secret, API_SECRET).unwrap();
    symlink(&secret, log.join("link.jsonl")).unwrap();
    let mistaken = format!("credentials.api_secret_file={API_SECRET}");

    let elsewhere = tempfile::tempdir().unwrap();
    let out = elsewhere.path().join("incident.tar");
    let (code, told) = incident(&drill, &out, &[&mistaken, "risk.book_age_ms_max=1999"]);
    assert_eq!((code, &told["journal_whole"]), (0, &json!(true)), "{told}");
    assert_eq!(fs::metadata(&out).unwrap().mode() & 0o777, 0o600);
    let bytes = fs::read(&out).unwrap();
    let shows_secret = bytes
        .windows(API_SECRET.len())
        .any(|part| part == API_SECRET.as_bytes());
    assert!(!shows_secret && !told.to_string().contains(API_SECRET), "{told}");
    assert_eq!(told["redacted"], 2);
    assert_eq!(told["left_out"], json!(["log/link.jsonl: it is no log file"]));

    let dir = elsewhere.path().join("unpacked");
    unpack(&out, &dir);
    let configuration = read(&dir, "configuration.txt");
    assert!(
        configuration.contains("risk.book_age_ms_max = 1999  # --set"),
        "{configuration}"
    );
    assert!(
        configuration.contains("credentials.api_secret_file = [REDACTED]"),
        "{configuration}"
    );
    assert_eq!(json_of(&dir, "status.json")["state"], "Active");
    let about = json_of(&dir, "about.json");
    assert_eq!(
        (&about["mode"], &about["kill_file"]),
        (&json!("paper"), &json!(false))
    );
    assert!(
        about["build"].is_string() && about["config_hash"].is_string(),
        "{about}"
    );
    let journal = read(&dir, "journal.jsonl");
    let first: Value = serde_json::from_str(journal.lines().next().unwrap()).unwrap();
    assert!(
        first["sequence"] == 1 && first["fact"]["Booted"].is_object(),
        "{first}"
    );
    assert!(journal.contains("\"Execution\""));
    assert!(read(&dir, "log/keel.jsonl").contains("\"level\""));
    drill.end(trader);

    let (code, told) = incident(&drill, &out, &[]);
    assert_eq!((code, told), (2, Value::Null), "what is there is not overwritten");
    assert_eq!(fs::read(&out).unwrap(), bytes);
}

#[test]
fn a_harmed_journal_and_a_trader_that_does_not_run_are_named_and_the_rest_is_there() {
    let drill = Drill::start(132);
    let (code, answer) = drill.operator(&["halt", "--reason", "before the weekend"]);
    assert_eq!(code, 0, "{answer}");
    let elsewhere = tempfile::tempdir().unwrap();
    let sound = elsewhere.path().join("sound.tar");
    let (code, told) = incident(&drill, &sound, &["risk.book_age_ms_max=1999"]);
    assert_eq!(code, 0, "{told}");
    assert!(
        told["left_out"][0]
            .as_str()
            .unwrap()
            .starts_with("status.json: no trader runs")
    );
    let dir = elsewhere.path().join("unpacked");
    unpack(&sound, &dir);
    assert!(read(&dir, "journal.jsonl").contains("before the weekend"));

    let segment = drill.dir.path().join("00000000000000000001.journal");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[10] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let harmed = elsewhere.path().join("harmed.tar");
    let (code, told) = incident(&drill, &harmed, &[]);
    assert_eq!((code, &told["journal_whole"]), (1, &json!(false)), "{told}");
    let dir = elsewhere.path().join("unpacked-too");
    unpack(&harmed, &dir);
    assert!(json_of(&dir, "journal.json")["harm"]["file"].is_string());
}
