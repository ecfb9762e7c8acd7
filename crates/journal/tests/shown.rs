//! What whole records behind a bad one show, and what does not count as one.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

mod common;

use common::open;
use keel_journal::{Disk, FileId, FsDisk, Journal, JournalError, Limits, MemDisk, inspect};

/// Bytes of a segment before its first record.
const SEGMENT_HEADER: usize = 28 + 3;
const RECORD_HEADER: usize = 24;
const FIRST: FileId = FileId::Segment(1);

/// A log of so many records with this payload, each made durable by itself.
fn log_of(count: usize, payload: &[u8]) -> (MemDisk, Journal<MemDisk>) {
    let disk = MemDisk::default();
    let mut anything = |_, _: &[u8]| Ok(());
    let (mut journal, _) = Journal::open(disk.clone(), Limits::default(), b"one", &mut anything).unwrap();
    for _ in 0..count {
        journal.append(payload).unwrap();
        journal.sync().unwrap();
    }
    (disk, journal)
}

#[test]
fn f64_a_record_without_bytes_at_the_very_end_shows_that_the_one_before_was_durable() {
    let (disk, _) = log_of(2, b"");
    disk.flip(FIRST, SEGMENT_HEADER + 4, 0);
    let refused = open(disk, Limits::default(), "one");
    assert!(matches!(refused, Err(JournalError::Harmed(harm)) if harm.sequence == 1));
}

/// How far a sequence may be ahead counts from the one that is due, not from the first.
#[test]
fn f64_harm_shortly_before_the_end_of_a_long_log_is_no_torn_end() {
    let (disk, _) = log_of(101, b"");
    disk.flip(FIRST, SEGMENT_HEADER + 99 * RECORD_HEADER + 4, 0);
    let refused = open(disk, Limits::default(), "one");
    assert!(matches!(refused, Err(JournalError::Harmed(harm)) if harm.sequence == 100));
}

/// A payload may hold the bytes of another log's record. So few bytes cannot lead to a sequence that is so far ahead.
#[test]
fn f64_a_record_within_a_torn_payload_shows_nothing() {
    let (other, _) = log_of(400, b"");
    let bytes = other.read(FIRST).unwrap();
    let (_, foreign) = bytes.split_last_chunk::<RECORD_HEADER>().unwrap();
    let (disk, mut journal) = log_of(2, b"");
    journal.append(&[&[0; 150], foreign.as_slice()].concat()).unwrap();
    journal.write().unwrap();
    disk.flip(FIRST, SEGMENT_HEADER + 2 * RECORD_HEADER + 20, 0);
    let (_, state, recovered) = open(disk, Limits::default(), "one").unwrap();
    let torn = RECORD_HEADER + 150 + RECORD_HEADER;
    assert_eq!((state.count, recovered.torn_bytes), (2, torn as u64));
}

#[test]
fn only_the_segment_that_was_begun_last_is_appended_to() {
    let dir = tempfile::tempdir().unwrap();
    let mut disk = FsDisk::lock(dir.path()).unwrap();
    disk.create_temporary().unwrap();
    disk.rename_temporary(FIRST).unwrap();
    disk.append(FIRST, b"ours").unwrap();
    let refused = disk.append(FileId::Segment(2), b"not ours").unwrap_err();
    assert!(
        refused.to_string().contains("is not open for appending"),
        "{refused}"
    );
    assert_eq!(disk.read(FIRST).unwrap(), b"ours");
    assert!(disk.sync(FileId::Segment(2)).is_err(), "nothing was synced");
    assert_eq!(disk.list().unwrap(), [FIRST]);
    disk.remove(FIRST).unwrap();
    assert_eq!(disk.list().unwrap(), []);
    std::fs::remove_dir_all(dir.path()).unwrap();
    assert!(disk.sync_names().is_err(), "there are no names to sync");
}

#[test]
fn an_inspection_tells_a_whole_log_from_a_harmed_one() {
    let (disk, _) = log_of(3, b"");
    let whole = inspect(&disk, |_, _| {}).unwrap();
    assert!(whole.is_whole() && !whole.is_empty());
    assert!(inspect(&MemDisk::default(), |_, _| {}).unwrap().is_empty());
    disk.flip(FIRST, SEGMENT_HEADER + 4, 0);
    assert!(!inspect(&disk, |_, _| {}).unwrap().is_whole());
}
