//! Where things begin and end: segments, groups, the buffer, what is kept and what is read.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

mod common;

use std::io::ErrorKind;

use common::watched::Watched;
use keel_journal::{Disk, FileId, FsDisk, Journal, JournalError, Limits, MemDisk, Recovered, inspect};

/// Bytes of a segment before its first record, and of a record without payload.
const SEGMENT_HEADER: u64 = 28 + 3;
const RECORD: u64 = 24;
const FIRST: FileId = FileId::Segment(1);

/// Segments of exactly four records without payload; two snapshots and what they need are kept.
const BY_FOUR: Limits = Limits {
    segment_bytes: SEGMENT_HEADER + 4 * RECORD,
    record_bytes_max: 1024,
    snapshots_kept: 2,
    covered_segments_kept: 0,
};

fn opened<D: Disk>(disk: D, limits: Limits) -> (Journal<D>, Recovered) {
    let mut anything = |_, _: &[u8]| Ok(());
    Journal::open(disk, limits, b"one", &mut anything).unwrap()
}

fn append<D: Disk>(journal: &mut Journal<D>, count: u64) {
    for _ in 0..count {
        journal.append(b"").unwrap();
    }
}

/// Eight records in two segments, with a snapshot at the end of each. The first segment is not needed any more.
fn two_snapshots() -> MemDisk {
    let disk = MemDisk::default();
    let (mut journal, _) = opened(disk.clone(), BY_FOUR);
    for sequence in [4, 8] {
        append(&mut journal, 4);
        assert_eq!(journal.take_snapshot(b"").unwrap(), sequence);
    }
    disk
}

#[test]
fn a_segment_that_has_its_bytes_is_followed_by_another() {
    let disk = MemDisk::default();
    let (mut journal, _) = opened(disk.clone(), BY_FOUR);
    append(&mut journal, 12);
    journal.sync().unwrap();
    let inspection = inspect(&disk, |_, _| {}).unwrap();
    let segments: Vec<_> = inspection
        .segments
        .iter()
        .map(|segment| (segment.file, segment.records))
        .collect();
    assert_eq!(
        segments,
        [(FIRST, 4), (FileId::Segment(5), 4), (FileId::Segment(9), 4)]
    );
    assert_eq!(inspection.records(), 12);
    assert_eq!((inspection.first_sequence, inspection.last_sequence), (1, 12));
}

#[test]
fn records_are_held_in_memory_up_to_256_kib() {
    let disk = MemDisk::default();
    let (mut journal, _) = opened(disk.clone(), Limits::default());
    let empty = disk.length(FIRST);
    for _ in 0..255 {
        journal.append(&[7; 1000]).unwrap();
    }
    assert_eq!(disk.length(FIRST), empty);
    journal.append(&[7; 1000]).unwrap();
    assert_eq!(disk.length(FIRST), empty + 256 * 1024);
}

#[test]
fn a_sync_of_nothing_new_costs_nothing() {
    let disk = MemDisk::default();
    let (mut journal, _) = opened(disk.clone(), BY_FOUR);
    append(&mut journal, 1);
    journal.sync().unwrap();
    let before = disk.operations();
    journal.sync().unwrap();
    assert_eq!(disk.operations(), before);
}

#[test]
fn a_snapshot_that_ends_with_its_segment_does_not_need_it() {
    let disk = two_snapshots();
    let mut files = disk.list().unwrap();
    files.sort_unstable();
    assert_eq!(
        files,
        [FileId::Segment(5), FileId::Snapshot(4), FileId::Snapshot(8)]
    );
    let inspection = inspect(&disk, |_, _| {}).unwrap();
    assert!(inspection.is_whole(), "{inspection:?}");
    assert_eq!((inspection.first_sequence, inspection.last_sequence), (5, 8));
    disk.flip(FileId::Snapshot(8), 0, 0);
    let (_, recovered) = opened(disk, BY_FOUR);
    assert_eq!((recovered.snapshot, recovered.records.len()), (Some(4), 4));
}

#[test]
fn an_old_file_that_somebody_else_has_removed_is_no_failure() {
    let mut disk = MemDisk::default();
    let (mut journal, _) = opened(disk.clone(), BY_FOUR);
    append(&mut journal, 4);
    journal.take_snapshot(b"").unwrap();
    append(&mut journal, 4);
    disk.remove(FIRST).unwrap();
    assert_eq!(journal.take_snapshot(b"").unwrap(), 8);
}

#[test]
fn an_old_file_that_cannot_be_removed_ends_the_journal() {
    let disk = Watched {
        unremovable: Some(ErrorKind::PermissionDenied),
        ..Watched::default()
    };
    let (mut journal, _) = opened(disk, BY_FOUR);
    append(&mut journal, 4);
    journal.take_snapshot(b"").unwrap();
    append(&mut journal, 4);
    let doing = "removing an old file";
    assert!(matches!(journal.take_snapshot(b""), Err(JournalError::Disk { doing: at, .. }) if at == doing));
    assert!(matches!(journal.append(b""), Err(JournalError::Poisoned)));
}

/// A sync that failed in an earlier process may have left bytes in memory only, marked as written.
#[test]
fn f63_a_start_writes_again_what_nothing_shows_to_be_durable() {
    for (synced, then_written, expected) in [(3, 0, 2), (1, 2, 1), (0, 3, 0)] {
        let disk = Watched::default();
        let (mut journal, _) = opened(disk.clone(), Limits::default());
        for _ in 0..synced {
            append(&mut journal, 1);
            journal.sync().unwrap();
        }
        append(&mut journal, then_written);
        journal.write().unwrap();
        drop(journal);
        opened(disk.clone(), Limits::default());
        assert_eq!(
            disk.rewritten_from.get(),
            Some(SEGMENT_HEADER + expected * RECORD),
            "{synced} and {then_written}"
        );
    }
}

/// Four segments, and a listing that was made when all of them were there.
fn listed() -> Watched {
    let disk = Watched::default();
    let (mut journal, _) = opened(disk.clone(), BY_FOUR);
    append(&mut journal, 16);
    journal.sync().unwrap();
    Watched {
        listing: Some(disk.list().unwrap()),
        ..disk
    }
}

#[test]
fn one_who_looks_while_the_oldest_segments_are_removed_sees_the_others() {
    let mut disk = listed();
    disk.remove(FIRST).unwrap();
    disk.remove(FileId::Segment(5)).unwrap();
    let inspection = inspect(&disk, |_, _| {}).unwrap();
    assert_eq!((inspection.first_sequence, inspection.last_sequence), (9, 16));
}

#[test]
fn f64_a_segment_that_is_gone_where_none_is_removed_is_a_failure() {
    for gone in [5, 13] {
        let mut disk = listed();
        disk.remove(FileId::Segment(gone)).unwrap();
        assert!(inspect(&disk, |_, _| {}).is_err(), "{gone}");
    }
    let mut all = listed();
    for first in [1, 5, 9, 13] {
        all.remove(FileId::Segment(first)).unwrap();
    }
    assert!(inspect(&all, |_, _| {}).is_err(), "the last is never removed");
    let unreadable = Watched {
        unreadable: Some(FIRST),
        ..listed()
    };
    assert!(
        inspect(&unreadable, |_, _| {}).is_err(),
        "there, and not readable"
    );
}

/// The oldest segment has no other before it that it could be held against; what it says of itself has to be its name's.
#[test]
fn f64_an_oldest_segment_that_holds_the_records_of_another_is_refused() {
    let mut disk = two_snapshots();
    let (mut journal, _) = opened(disk.clone(), BY_FOUR);
    append(&mut journal, 4);
    journal.sync().unwrap();
    let (fifth, ninth) = (FileId::Segment(5), FileId::Segment(9));
    disk.create_temporary().unwrap();
    disk.append(FileId::Temporary, &disk.read(ninth).unwrap())
        .unwrap();
    disk.rename_temporary(fifth).unwrap();
    disk.remove(ninth).unwrap();
    let mut anything = |_, _: &[u8]| Ok(());
    let refused = Journal::open(disk, BY_FOUR, b"one", &mut anything);
    assert!(matches!(refused, Err(JournalError::Harmed(harm)) if harm.file == fifth));
}

#[test]
fn a_directory_is_told_as_it_was_given() {
    assert_eq!(FsDisk::read_only("state").dir(), std::path::Path::new("state"));
}
