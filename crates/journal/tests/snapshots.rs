//! Snapshots: what a start reads, what it falls back to, and what is kept.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

mod common;

use common::{SMALL, State, append, open};
use keel_journal::{Disk, FileId, Journal, JournalError, Limits, MemDisk, inspect};

/// Writes so many records, with a snapshot after every `every`.
fn written(limits: Limits, count: u64, every: u64) -> MemDisk {
    let disk = MemDisk::default();
    let (mut journal, ..) = open(disk.clone(), limits, "one").unwrap();
    for sequence in 1..=count {
        append(&mut journal, 1).unwrap();
        if sequence.is_multiple_of(every) {
            assert_eq!(
                journal.take_snapshot(&State::after(sequence).to_bytes()).unwrap(),
                sequence
            );
        }
    }
    journal.sync().unwrap();
    disk
}

fn files(disk: &MemDisk) -> (Vec<u64>, Vec<u64>) {
    let (mut segments, mut snapshots) = (Vec::new(), Vec::new());
    for file in disk.list().unwrap() {
        match file {
            FileId::Segment(first) => segments.push(first),
            FileId::Snapshot(sequence) => snapshots.push(sequence),
            FileId::Temporary => panic!("an unfinished file was left"),
        }
    }
    (segments, snapshots)
}

const KEEP_ALL: Limits = Limits {
    snapshots_kept: usize::MAX,
    covered_segments_kept: usize::MAX,
    ..SMALL
};

#[test]
fn a_start_reads_the_newest_snapshot_and_the_records_after_it() {
    let disk = written(SMALL, 53, 10);
    let (_, state, recovered) = open(disk, SMALL, "one").unwrap();
    assert_eq!((recovered.snapshot, recovered.records.len()), (Some(50), 3));
    assert_eq!(state, State::after(53));
    assert_eq!(recovered.passed_over, []);
}

#[test]
fn a_start_reads_no_more_however_old_the_log_is() {
    let read = |count| {
        let disk = written(KEEP_ALL, count, 10);
        let counted = Counted(disk, std::cell::Cell::new(0));
        let mut usable = |_, _: &[u8]| Ok(());
        // It cannot be written, so opening fails, after everything was read.
        let refused = Journal::open(&counted, KEEP_ALL, b"one", &mut usable);
        assert!(matches!(refused, Err(JournalError::Disk { .. })));
        counted.1.get()
    };
    assert!(
        read(2_005) <= read(35) + 100,
        "{} against {}",
        read(2_005),
        read(35)
    );
}

/// Counts the bytes that are read.
struct Counted(MemDisk, std::cell::Cell<usize>);

impl Disk for &Counted {
    fn list(&self) -> std::io::Result<Vec<FileId>> {
        self.0.list()
    }
    fn read(&self, file: FileId) -> std::io::Result<Vec<u8>> {
        let bytes = self.0.read(file)?;
        self.1.set(self.1.get() + bytes.len());
        Ok(bytes)
    }
    fn create_temporary(&mut self) -> std::io::Result<()> {
        Err(std::io::ErrorKind::Unsupported.into())
    }
    fn resume(&mut self, _: u64, _: u64, _: u64) -> std::io::Result<()> {
        Err(std::io::ErrorKind::Unsupported.into())
    }
    fn append(&mut self, _: FileId, _: &[u8]) -> std::io::Result<()> {
        Err(std::io::ErrorKind::Unsupported.into())
    }
    fn sync(&mut self, _: FileId) -> std::io::Result<()> {
        Err(std::io::ErrorKind::Unsupported.into())
    }
    fn rename_temporary(&mut self, _: FileId) -> std::io::Result<()> {
        Err(std::io::ErrorKind::Unsupported.into())
    }
    fn remove(&mut self, _: FileId) -> std::io::Result<()> {
        Err(std::io::ErrorKind::Unsupported.into())
    }
    fn sync_names(&mut self) -> std::io::Result<()> {
        Err(std::io::ErrorKind::Unsupported.into())
    }
}

#[test]
fn f64_a_harmed_snapshot_falls_back_to_the_one_before_then_to_the_whole_log_and_says_so() {
    let disk = written(KEEP_ALL, 25, 10);
    for bit in 0..disk.length(FileId::Snapshot(20)) * 8 {
        let disk = disk.after_kill();
        disk.flip(FileId::Snapshot(20), bit / 8, u8::try_from(bit % 8).unwrap());
        let (_, state, recovered) = open(disk.clone(), KEEP_ALL, "one").unwrap();
        assert_eq!(state, State::after(25));
        assert_eq!((recovered.snapshot, recovered.records.len()), (Some(10), 15));
        assert_eq!(recovered.passed_over.len(), 1);
        assert_eq!(recovered.passed_over[0].file, FileId::Snapshot(20));
        assert!(recovered.passed_over[0].why.contains("harmed"));
        assert!(!inspect(&disk, |_, _| {}).unwrap().is_whole());
    }
    disk.flip(FileId::Snapshot(20), 40, 0);
    disk.flip(FileId::Snapshot(10), 40, 0);
    let (_, state, recovered) = open(disk, KEEP_ALL, "one").unwrap();
    assert_eq!(state, State::after(25));
    assert_eq!((recovered.snapshot, recovered.records.len()), (None, 25));
    assert_eq!(recovered.passed_over.len(), 2);
}

#[test]
fn f64_without_snapshot_and_without_the_whole_log_nothing_starts() {
    let disk = written(SMALL, 95, 10);
    disk.flip(FileId::Snapshot(80), 40, 0);
    disk.flip(FileId::Snapshot(90), 40, 0);
    let refused = open(disk.clone(), SMALL, "one").map(|_| ()).unwrap_err();
    assert!(
        refused.to_string().contains("no snapshot that can be used"),
        "{refused}"
    );
    let inspection = inspect(&disk, |_, _| {}).unwrap();
    assert!(inspection.harm.is_some());
}

/// The state's form may change with a version; what it stands for is in the records.
#[test]
fn a_state_that_the_caller_cannot_use_is_passed_over() {
    let disk = written(KEEP_ALL, 25, 10);
    let mut offered = Vec::new();
    let mut usable = |sequence, _: &[u8]| {
        offered.push(sequence);
        Err("of another version".to_owned())
    };
    let (_, recovered) = Journal::open(disk, KEEP_ALL, b"one", &mut usable).unwrap();
    assert_eq!(offered, [20, 10]);
    assert_eq!(recovered.records.len(), 25);
    assert_eq!(recovered.passed_over[0].why, "of another version");
}

#[test]
fn what_no_start_needs_is_removed_to_the_bounds() {
    for covered_segments_kept in [0, 1, 3] {
        for snapshots_kept in [0, 1, 2, 3] {
            let limits = Limits {
                snapshots_kept,
                covered_segments_kept,
                ..SMALL
            };
            let disk = written(limits, 200, 10);
            let (segments, snapshots) = files(&disk);
            let kept = u64::try_from(snapshots_kept.max(1)).unwrap();
            let expected: Vec<u64> = (0..kept).rev().map(|n| 200 - 10 * n).collect();
            assert_eq!(snapshots, expected);
            let needed = segments
                .iter()
                .rposition(|first| *first <= expected[0] + 1)
                .unwrap();
            assert_eq!(needed, covered_segments_kept, "{segments:?}, {snapshots:?}");
            // Each snapshot kept is good for a start.
            for newer in 0..kept - 1 {
                disk.flip(FileId::Snapshot(200 - 10 * newer), 40, 0);
                assert_eq!(open(disk.clone(), limits, "one").unwrap().1, State::after(200));
            }
        }
    }
}

#[test]
fn no_segment_is_removed_before_there_are_as_many_snapshots_as_are_kept() {
    let limits = Limits {
        covered_segments_kept: 0,
        ..SMALL
    };
    let (segments, snapshots) = files(&written(limits, 55, 50));
    assert_eq!((segments[0], snapshots), (1, vec![50]));
    let (segments, snapshots) = files(&written(limits, 105, 50));
    assert!(segments[0] > 1 && segments[0] <= 51, "{segments:?}");
    assert_eq!(snapshots, [50, 100]);
}

/// Bytes that a snapshot stands for were durable, so their loss is seen though nothing follows them.
#[test]
fn f64_a_log_that_ends_before_its_snapshot_is_refused() {
    let disk = written(KEEP_ALL, 20, 10);
    let file = disk
        .list()
        .unwrap()
        .into_iter()
        .filter(|file| matches!(file, FileId::Segment(_)))
        .max()
        .unwrap();
    let length = disk.length(file);
    disk.flip(file, length - 1, 0);
    assert!(matches!(
        open(disk.clone(), KEEP_ALL, "one"),
        Err(JournalError::Harmed(_))
    ));

    let mut disk = written(KEEP_ALL, 20, 10);
    disk.remove(file).unwrap();
    let refused = open(disk.clone(), KEEP_ALL, "one").map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("ends before the state"), "{refused}");
    for file in disk.list().unwrap() {
        if matches!(file, FileId::Segment(_)) {
            disk.remove(file).unwrap();
        }
    }
    let refused = open(disk, KEEP_ALL, "one").map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("no segments"), "{refused}");
}

#[test]
fn f64_the_snapshot_of_another_log_is_refused() {
    let disk = written(KEEP_ALL, 15, 10);
    let mut other = MemDisk::default();
    let mut anything = |_, _: &[u8]| Ok(());
    let (mut journal, _) = Journal::open(other.clone(), KEEP_ALL, b"one", &mut anything).unwrap();
    for _ in 0..15 {
        journal.append(b"something else").unwrap();
    }
    journal.sync().unwrap();
    other.create_temporary().unwrap();
    other
        .append(FileId::Temporary, &disk.read(FileId::Snapshot(10)).unwrap())
        .unwrap();
    other.rename_temporary(FileId::Snapshot(10)).unwrap();
    let refused = open(other.clone(), KEEP_ALL, "one").map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("another log"), "{refused}");
    assert!(!inspect(&other, |_, _| {}).unwrap().is_whole());
}

#[test]
fn f63_no_room_for_a_snapshot_is_said_and_the_log_goes_on() {
    let disk = written(SMALL, 25, 10);
    for room in 0..48 {
        let disk = disk.after_kill();
        let (mut journal, ..) = open(disk.clone(), SMALL, "one").unwrap();
        append(&mut journal, 1).unwrap();
        journal.sync().unwrap();
        disk.fill_after(room);
        assert!(matches!(
            journal.take_snapshot(&[7; 16]),
            Err(JournalError::NoRoom)
        ));
        assert_eq!(files(&disk).1, [10, 20]);
        disk.fill_after(usize::MAX);
        append(&mut journal, 1).unwrap();
        journal.sync().unwrap();
        assert_eq!(open(disk, SMALL, "one").unwrap().1, State::after(27));
    }
}

#[test]
fn a_journal_without_records_can_have_a_snapshot() {
    let disk = MemDisk::default();
    let (mut journal, ..) = open(disk.clone(), SMALL, "one").unwrap();
    assert_eq!(journal.take_snapshot(&State::default().to_bytes()).unwrap(), 0);
    append(&mut journal, 1).unwrap();
    journal.sync().unwrap();
    let (_, state, recovered) = open(disk, SMALL, "one").unwrap();
    assert_eq!((state, recovered.snapshot), (State::after(1), Some(0)));
}
