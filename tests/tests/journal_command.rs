//! `trader journal` as a person meets it: what it says, and the exit codes.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use keel_domain::Timestamp;
use keel_engine::{Fact, Record};
use keel_journal::{FsDisk, Journal, Limits};
use keel_tests::{Exchange, Process, binary, eventually, root};
use serde_json::Value;

struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Said {
    /// The last line of standard output.
    fn json(&self) -> Value {
        serde_json::from_str(self.out.lines().last().unwrap()).unwrap()
    }
}

fn journal(arguments: &[&str], dir: &Path) -> Said {
    let output = Command::new(binary("trader"))
        .current_dir(root())
        .arg("journal")
        .args(arguments)
        .arg("--dir")
        .arg(dir)
        .output()
        .unwrap();
    Said {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn record(n: i64) -> Vec<u8> {
    let record = Record {
        at: Timestamp::from_millis(n),
        fact: Fact::Resumed {
            reason: format!("\"quoted\", number {n}"),
        },
    };
    serde_json::to_vec(&record).unwrap()
}

/// Five records, each synced, and a snapshot after the third.
fn written(dir: &Path) {
    let mut anything = |_, _: &[u8]| Ok(());
    let (mut journal, _) = Journal::open(
        FsDisk::lock(dir).unwrap(),
        Limits::default(),
        b"tests",
        &mut anything,
    )
    .unwrap();
    for n in 1..=5 {
        journal.append(&record(n)).unwrap();
        journal.sync().unwrap();
        if n == 3 {
            journal.take_snapshot(b"state").unwrap();
        }
    }
}

const SEGMENT: &str = "00000000000000000001.journal";
const SNAPSHOT: &str = "00000000000000000003.snapshot";

/// Turns one bit.
fn flip(dir: &Path, file: &str, at: usize) {
    let path = dir.join(file);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[at] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_whole_journal_is_verified_and_a_torn_end_is_no_fault() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path());
    let said = journal(&["verify", "--json"], dir.path());
    assert_eq!(said.code, Some(0), "{}", said.err);
    let json = said.json();
    assert_eq!(
        (&json["ok"], &json["records"], &json["segments"]),
        (&true.into(), &5.into(), &1.into())
    );
    assert_eq!((&json["snapshots"], &json["torn_bytes"]), (&1.into(), &0.into()));
    assert!(said.out.contains("the chain is unbroken"), "{}", said.out);

    let path = dir.path().join(SEGMENT);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
    let said = journal(&["verify", "--json"], dir.path());
    assert_eq!(said.code, Some(0), "{}", said.err);
    let record_bytes = 24 + record(5).len() - 3;
    assert_eq!(
        (&said.json()["records"], &said.json()["torn_bytes"]),
        (&4.into(), &record_bytes.into())
    );
    assert!(said.out.contains("the next start cuts it off"), "{}", said.out);
}

#[test]
fn f64_harm_is_named_with_file_and_place_and_exit_code_1() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path());
    let second = 28 + "tests".len() + 24 + record(1).len();
    flip(dir.path(), SEGMENT, second + 30);
    for command in [vec!["verify", "--json"], vec!["show", "--json"]] {
        let said = journal(&command, dir.path());
        assert_eq!(said.code, Some(1), "{}", said.err);
        let expected = format!("{SEGMENT} is harmed at byte {second}, where record 2 should stand");
        assert!(said.err.contains(&expected), "{}", said.err);
        assert_eq!(said.json()["harm"]["offset"], second);
        assert_eq!(said.json()["harm"]["file"], SEGMENT);
    }
    flip(dir.path(), SEGMENT, second + 30);
    flip(dir.path(), SNAPSHOT, 33);
    let said = journal(&["verify", "--json"], dir.path());
    assert_eq!(said.code, Some(1), "{}", said.out);
    assert_eq!(said.json()["snapshot_faults"][0]["file"], SNAPSHOT);
}

#[test]
fn a_directory_that_is_none_or_holds_no_journal_is_wrong_usage() {
    let dir = tempfile::tempdir().unwrap();
    for command in [
        vec!["verify"],
        vec!["show"],
        vec!["export", "--format", "csv", "--out", "/nowhere/x"],
    ] {
        let said = journal(&command, &dir.path().join("absent"));
        assert_eq!(said.code, Some(2), "{}", said.out);
        assert!(said.err.contains("absent is not a directory"), "{}", said.err);
        let said = journal(&command, dir.path());
        assert_eq!(said.code, Some(2), "{}", said.out);
        assert!(said.err.contains("holds no journal"), "{}", said.err);
    }
}

#[test]
fn export_writes_a_new_file_that_other_tools_read() {
    let dir = tempfile::tempdir().unwrap();
    written(dir.path());
    let file = dir.path().join("out");
    let out = file.to_str().unwrap();
    let said = journal(
        &["export", "--format", "json", "--out", out, "--json"],
        dir.path(),
    );
    assert_eq!(
        (said.code, &said.json()["shown"]),
        (Some(0), &5.into()),
        "{}",
        said.err
    );
    let array: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(array.as_array().unwrap().len(), 5);
    assert_eq!(array[4]["fact"]["Resumed"]["reason"], "\"quoted\", number 5");
    let said = journal(&["export", "--format", "csv", "--out", out], dir.path());
    assert_eq!(
        said.code,
        Some(2),
        "a file that is there is left alone: {}",
        said.out
    );
    std::fs::remove_file(&file).unwrap();
    let said = journal(
        &["export", "--format", "csv", "--out", out, "--from", "5"],
        dir.path(),
    );
    assert_eq!(said.code, Some(0), "{}", said.err);
    let fact = r#""{""Resumed"":{""reason"":""\""quoted\"", number 5""}}""#;
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        format!("sequence,time,kind,cl_ord_id,fact\n5,1970-01-01T00:00:00.005000Z,Resumed,,{fact}\n")
    );
    std::fs::remove_file(&file).unwrap();
    let arguments = ["export", "--format", "json", "--out", out, "--kind", "intent"];
    assert_eq!(journal(&arguments, dir.path()).code, Some(0));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "[]\n");
}

/// On the journal of a trader that is running.
#[test]
fn a_running_traders_journal_is_shown_by_sequence_kind_and_order() {
    let exchange = Exchange::start(31);
    let dir = tempfile::tempdir().unwrap();
    let mut trader = Process::start(&mut exchange.trader(dir.path()));
    trader.wait_for("FILL", Duration::from_secs(20));
    let show = |filters: &[&str]| {
        let said = journal(&[&["show", "--json"], filters].concat(), dir.path());
        assert_eq!(said.code, Some(0), "{}", said.err);
        let mut lines: Vec<Value> = said
            .out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let summary = lines.pop().unwrap();
        assert_eq!(summary["shown"], lines.len());
        lines
    };
    let mut filled = Value::Null;
    eventually("a fill in the journal", Duration::from_secs(10), || {
        let executions = show(&["--kind", "execution"]);
        let found = executions
            .iter()
            .find(|line| !line["fact"]["Execution"]["trade"].is_null());
        filled = found.map_or(Value::Null, |line| line["fact"]["Execution"]["cl_ord_id"].clone());
        !filled.is_null()
    });
    let intents = show(&["--kind", "intent"]);
    assert!(intents.iter().all(|line| line["fact"]["Intent"].is_object()));
    let of_order = show(&["--order", filled.as_str().unwrap()]);
    let kind = |line: &Value| line["fact"].as_object().unwrap().keys().next().unwrap().clone();
    assert_eq!(kind(&of_order[0]), "Intent");
    assert!(of_order.iter().any(|line| kind(line) == "Execution"));
    assert!(of_order.len() < show(&[]).len());
    let first = show(&["--from", "3"]);
    assert_eq!(first[0]["sequence"], 3);
    assert_eq!(show(&["--last", "2"]).len(), 2);
    assert_eq!(show(&["--kind", "no-such-kind"]).len(), 0);
    assert_eq!(journal(&["verify"], dir.path()).code, Some(0));
    trader.signal("TERM");
    assert_eq!(trader.finish(Duration::from_secs(20)).0, Some(0));
    let said = journal(&["verify", "--json"], dir.path());
    assert_eq!((said.code, &said.json()["torn_bytes"]), (Some(0), &0.into()));
}
