//! The log stays within its bound and never stops the run.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use std::fs;
use std::io::Write;

use keel_runtime::CappedLog;

fn line(number: u32) -> String {
    format!("{{\"line\":{number:03}}}\n")
}

#[test]
fn f63_the_log_keeps_the_newest_lines_within_its_bound() {
    let dir = tempfile::tempdir().unwrap();
    let per_file = 4;
    let bytes_max = line(0).len() as u64 * per_file;
    let mut log = CappedLog::open(dir.path(), "keel", bytes_max, 3).unwrap();
    for number in 0..20 {
        log.write_all(line(number).as_bytes()).unwrap();
    }
    let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
    let lines = |range: std::ops::Range<u32>| range.map(line).collect::<String>();
    assert_eq!(
        read("keel.jsonl"),
        lines(16..20),
        "a file that is exactly full is not rolled yet"
    );
    assert_eq!(read("keel.1.jsonl"), lines(12..16));
    assert_eq!(read("keel.2.jsonl"), lines(8..12));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
    drop(log);
    let mut reopened = CappedLog::open(dir.path(), "keel", bytes_max, 3).unwrap();
    reopened.write_all(line(20).as_bytes()).unwrap();
    assert_eq!(read("keel.jsonl"), line(20), "what is there already counts");
}

#[test]
fn f63_a_log_that_cannot_be_written_is_counted_and_stops_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let inside = dir.path().join("log");
    let mut log = CappedLog::open(&inside, "keel", 8, 2).unwrap();
    log.write_all(line(1).as_bytes()).unwrap();
    // Rolling needs the directory, which is gone.
    fs::remove_dir_all(&inside).unwrap();
    log.write_all(line(2).as_bytes()).unwrap();
    log.write_all(line(3).as_bytes()).unwrap();
    assert_eq!(log.dropped(), 2);
    fs::create_dir(&inside).unwrap();
    log.write_all(line(4).as_bytes()).unwrap();
    assert_eq!(log.dropped(), 0);
    let text = fs::read_to_string(inside.join("keel.jsonl")).unwrap();
    assert!(
        text.contains("\"log_lines_dropped\":2") && text.ends_with(&line(4)),
        "{text}"
    );
}
