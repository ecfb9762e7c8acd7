//! Records and snapshots through the journal, with a toy state in place of the engine's.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use keel_domain::Timestamp;
use keel_engine::{Fact, Identity, Record, RecordLog};
use keel_journal::{FileId, Journal, JournalError, Limits, MemDisk, inspect, read_all};
use keel_runtime::{JournalLog, LogError, Opened, SNAPSHOT_RECORDS, SnapshotTaken};
use serde::{Deserialize, Serialize};

/// How many records there were, and the last one's time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Toy {
    count: u64,
    last: Timestamp,
}

impl Toy {
    fn apply(&mut self, record: &Record) {
        self.count += 1;
        self.last = record.at;
    }
}

fn identity(build: &str) -> Identity {
    Identity {
        mode: "paper".to_owned(),
        venue: "test".to_owned(),
        build: build.to_owned(),
        config_hash: "c0".to_owned(),
    }
}

fn record(n: u64) -> Record {
    Record {
        at: Timestamp::from_millis(i64::try_from(n).unwrap()),
        fact: Fact::Resumed {
            reason: format!("number {n}"),
        },
    }
}

fn open(disk: &MemDisk) -> (JournalLog<MemDisk>, Toy, u64) {
    let opened: Opened<Toy, _> = JournalLog::open(disk.clone(), Limits::default(), &identity("1")).unwrap();
    let mut toy = opened.state.unwrap_or_default();
    opened.records.iter().for_each(|record| toy.apply(record));
    (opened.log, toy, opened.records.len() as u64)
}

fn commit(log: &mut JournalLog<MemDisk>, toy: &mut Toy, count: u64) {
    for _ in 0..count {
        let record = record(toy.count + 1);
        log.commit(std::slice::from_ref(&record), false).unwrap();
        toy.apply(&record);
    }
}

#[test]
fn a_snapshot_is_taken_at_the_bound_and_a_start_replays_what_follows_it() {
    let disk = MemDisk::default();
    let (mut log, mut toy, _) = open(&disk);
    commit(&mut log, &mut toy, SNAPSHOT_RECORDS - 1);
    assert_eq!(log.snapshot_if_due(&toy).unwrap(), None);
    // The count goes on over a restart, or a trader that is restarted often would never take one.
    drop(log);
    let (mut log, mut toy, replayed) = open(&disk);
    assert_eq!(replayed, SNAPSHOT_RECORDS - 1);
    commit(&mut log, &mut toy, 1);
    assert_eq!(
        log.snapshot_if_due(&toy).unwrap(),
        Some(SnapshotTaken::UpTo(SNAPSHOT_RECORDS))
    );
    assert_eq!(log.snapshot_if_due(&toy).unwrap(), None);
    commit(&mut log, &mut toy, 3);
    log.flush().unwrap();
    let (_, again, replayed) = open(&disk);
    assert_eq!((again, replayed), (toy, 3));
}

#[test]
fn a_snapshot_of_another_version_is_passed_over_and_the_records_replayed() {
    let disk = MemDisk::default();
    let (mut log, mut toy, _) = open(&disk);
    commit(&mut log, &mut toy, SNAPSHOT_RECORDS);
    log.snapshot_if_due(&"the state of another version").unwrap();
    let opened: Opened<Toy, _> = JournalLog::open(disk.clone(), Limits::default(), &identity("2")).unwrap();
    assert_eq!(opened.passed_over.len(), 1);
    assert_eq!(open(&disk).1, toy);
}

#[test]
fn f63_no_room_for_a_snapshot_is_not_the_end_and_it_is_tried_again_later() {
    let disk = MemDisk::default();
    let (mut log, mut toy, _) = open(&disk);
    commit(&mut log, &mut toy, SNAPSHOT_RECORDS);
    log.flush().unwrap();
    disk.fill_after(30);
    assert_eq!(log.snapshot_if_due(&toy).unwrap(), Some(SnapshotTaken::NoRoom));
    assert_eq!(log.snapshot_if_due(&toy).unwrap(), None);
    disk.fill_after(usize::MAX);
    commit(&mut log, &mut toy, SNAPSHOT_RECORDS);
    assert_eq!(
        log.snapshot_if_due(&toy).unwrap(),
        Some(SnapshotTaken::UpTo(2 * SNAPSHOT_RECORDS))
    );
}

#[test]
fn a_record_of_another_version_is_refused_by_its_number() {
    let disk = MemDisk::default();
    let mut anything = |_, _: &[u8]| Ok(());
    let (mut journal, _) = Journal::open(disk.clone(), Limits::default(), b"old", &mut anything).unwrap();
    journal.append(&serde_json::to_vec(&record(1)).unwrap()).unwrap();
    journal.append(br#"{"at":5,"fact":"Unheard"}"#).unwrap();
    journal.sync().unwrap();
    let refused = JournalLog::open::<Toy>(disk, Limits::default(), &identity("1")).unwrap_err();
    assert!(matches!(refused, LogError::Decode { sequence: 2, .. }));
    assert!(
        refused.to_string().contains("run the version that wrote it"),
        "{refused}"
    );
}

#[test]
fn records_reach_the_system_at_once_and_the_disk_when_they_must() {
    let disk = MemDisk::default();
    let (mut log, mut toy, _) = open(&disk);
    commit(&mut log, &mut toy, 2);
    assert_eq!(
        read_all(&disk).unwrap().records.len(),
        2,
        "they outlive the process"
    );
    log.commit(&[record(3), record(4)], true).unwrap();
    disk.fail_syncs();
    log.flush().expect("there is nothing left to sync");
    commit(&mut log, &mut toy, 1);
    assert!(matches!(
        log.flush(),
        Err(LogError::Journal(JournalError::Disk { .. }))
    ));
}

#[test]
fn each_segment_carries_build_and_configuration() {
    let disk = MemDisk::default();
    for build in ["1", "2"] {
        let mut opened: Opened<Toy, _> =
            JournalLog::open(disk.clone(), Limits::default(), &identity(build)).unwrap();
        opened.log.commit(&[record(1)], true).unwrap();
    }
    let segments = inspect(&disk, |_, _| {}).unwrap().segments;
    let labels: Vec<Identity> = segments
        .iter()
        .map(|segment| serde_json::from_slice(&segment.label).unwrap())
        .collect();
    assert_eq!(labels, [identity("1"), identity("2")]);
    assert_eq!(segments[1].file, FileId::Segment(2));
}

#[test]
fn every_record_of_all_runs_is_shown_again_from_the_one_that_is_asked_for() {
    let disk = MemDisk::default();
    let (mut log, mut toy, _) = open(&disk);
    commit(&mut log, &mut toy, 5);
    log.take_snapshot(&toy).unwrap();
    drop(log);
    let (mut log, mut toy, replayed) = open(&disk);
    assert_eq!(replayed, 0, "they are in the snapshot");
    commit(&mut log, &mut toy, 2);
    assert_eq!(log.record_count(), 7);
    for (from, first) in [(0, 1), (1, 1), (4, 4), (8, 8)] {
        let mut seen = Vec::new();
        log.each_record(from, |record| seen.push(record.clone())).unwrap();
        assert_eq!(seen, (first..=7).map(record).collect::<Vec<_>>());
    }
}
