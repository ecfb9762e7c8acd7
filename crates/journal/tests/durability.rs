//! What survives, and what is refused.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

mod common;

use common::{SMALL, State, append, open, payload};
use keel_journal::{
    Disk, FileId, FsDisk, Harm, Journal, JournalError, Limits, MemDisk, PowerLoss, UnsyncedBytes, inspect,
    read_all,
};
use proptest::prelude::*;

/// Bytes of a segment before its first record.
const SEGMENT_HEADER: usize = 28 + 3;
const RECORD_HEADER: usize = 24;

fn harm(result: Result<impl Sized, JournalError>) -> Harm {
    match result {
        Err(JournalError::Harmed(harm)) => harm,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it opened"),
    }
}

#[test]
fn after_a_torn_end_the_log_goes_on_and_the_tear_is_reported() {
    let disk = MemDisk::default();
    let (mut journal, ..) = open(disk.clone(), SMALL, "one").unwrap();
    append(&mut journal, 1).unwrap();
    journal.sync().unwrap();
    append(&mut journal, 1).unwrap();
    journal.write().unwrap();
    let disk = disk.after(PowerLoss {
        bytes: UnsyncedBytes::Cut(7),
        names: 0,
    });
    let (mut journal, state, recovered) = open(disk.clone(), SMALL, "one").unwrap();
    assert_eq!((state.count, recovered.torn_bytes), (1, 7));
    assert_eq!(journal.append(&payload(2)).unwrap(), 2);
    journal.sync().unwrap();
    assert_eq!(open(disk, SMALL, "one").unwrap().1, State::after(2));
}

/// Pages reach the disk in any order, so the first record of a group that was not synced may be bad and the others whole.
#[test]
fn f64_an_unsynced_group_may_be_torn_in_its_middle() {
    let disk = MemDisk::default();
    let (mut journal, ..) = open(disk.clone(), Limits::default(), "one").unwrap();
    append(&mut journal, 2).unwrap();
    journal.sync().unwrap();
    append(&mut journal, 3).unwrap();
    journal.write().unwrap();
    disk.flip(
        FileId::Segment(1),
        SEGMENT_HEADER + 2 * RECORD_HEADER + 7 + 1 + 4,
        0,
    );
    let (_, state, recovered) = open(disk.clone(), Limits::default(), "one").unwrap();
    assert_eq!(state.count, 2);
    assert_eq!(recovered.torn_bytes, 3 * 24 + 8 + 2 + 9);
}

/// Invariant 28: the same damage, but a later record shows that the harmed one was durable.
#[test]
fn f64_a_bad_record_that_was_durable_refuses_with_place_and_remedy() {
    let disk = MemDisk::default();
    let (mut journal, ..) = open(disk.clone(), Limits::default(), "one").unwrap();
    for _ in 0..3 {
        append(&mut journal, 1).unwrap();
        journal.sync().unwrap();
    }
    let second = SEGMENT_HEADER + RECORD_HEADER + 7;
    disk.flip(FileId::Segment(1), second + 2, 3);
    let before = disk.read(FileId::Segment(1)).unwrap();
    let harm = harm(open(disk.clone(), Limits::default(), "one"));
    assert_eq!(
        (harm.file, harm.offset, harm.sequence),
        (FileId::Segment(1), second as u64, 2)
    );
    let said = harm.to_string();
    assert!(
        said.contains("00000000000000000001.journal is harmed at byte 62"),
        "{said}"
    );
    assert!(said.contains("Restore the state directory from a copy"), "{said}");
    assert_eq!(
        disk.read(FileId::Segment(1)).unwrap(),
        before,
        "nothing was changed"
    );
}

/// Invariant 29: what reached the disk is unknown after a failed sync, so it is never tried again.
#[test]
fn f63_a_failed_sync_ends_the_journal() {
    let disk = MemDisk::default();
    let (mut journal, ..) = open(disk.clone(), SMALL, "one").unwrap();
    append(&mut journal, 1).unwrap();
    disk.fail_syncs();
    assert!(matches!(
        journal.sync(),
        Err(JournalError::Disk { doing: "syncing", .. })
    ));
    let operations = disk.operations();
    assert!(matches!(journal.sync(), Err(JournalError::Poisoned)));
    assert!(matches!(journal.write(), Err(JournalError::Poisoned)));
    assert!(matches!(journal.append(b"two"), Err(JournalError::Poisoned)));
    assert!(matches!(journal.take_snapshot(b""), Err(JournalError::Poisoned)));
    assert_eq!(disk.operations(), operations, "the disk was left alone");
}

#[test]
fn a_failed_sync_of_a_snapshot_ends_the_journal_too() {
    let disk = MemDisk::default();
    let (mut journal, ..) = open(disk.clone(), SMALL, "one").unwrap();
    disk.fail_syncs();
    assert!(matches!(
        journal.take_snapshot(b""),
        Err(JournalError::Disk { .. })
    ));
    assert!(matches!(journal.append(b"two"), Err(JournalError::Poisoned)));
}

#[test]
fn f63_a_full_disk_is_an_error_that_leaves_the_log_readable() {
    for room in 0..RECORD_HEADER + payload(2).len() {
        let disk = MemDisk::default();
        let (mut journal, ..) = open(disk.clone(), SMALL, "one").unwrap();
        append(&mut journal, 1).unwrap();
        journal.sync().unwrap();
        disk.fill_after(room);
        append(&mut journal, 1).unwrap();
        let full = journal.sync().unwrap_err();
        assert!(
            matches!(full, JournalError::Full { doing: "appending" }),
            "{full}"
        );
        assert!(full.to_string().contains("free some space"), "{full}");
        assert!(matches!(journal.append(b""), Err(JournalError::Poisoned)));
        let recovered = read_all(&disk).unwrap();
        assert_eq!(
            (recovered.records, recovered.torn_bytes),
            (vec![payload(1)], room as u64)
        );
        assert_eq!(open(disk.after_kill(), SMALL, "one").unwrap().1.count, 1);
    }
}

#[test]
fn a_record_at_the_limit_is_taken_and_a_longer_one_refused_unharmed() {
    let disk = MemDisk::default();
    let mut anything = |_, _: &[u8]| Ok(());
    let (mut journal, _) = Journal::open(disk.clone(), SMALL, b"one", &mut anything).unwrap();
    assert!(matches!(
        journal.append(&[0; 257]),
        Err(JournalError::TooLong {
            bytes: 257,
            limit: 256
        })
    ));
    journal.append(&[1; 256]).unwrap();
    journal.sync().unwrap();
    assert_eq!(read_all(&disk).unwrap().records, [vec![1; 256]]);
}

/// Many records cost one sync and one write; at the bound of a group, a sync is made without being asked for.
#[test]
fn a_group_costs_one_sync_up_to_its_bound() {
    let disk = MemDisk::default();
    let limits = Limits::default();
    let mut anything = |_, _: &[u8]| Ok(());
    let (mut journal, _) = Journal::open(disk.clone(), limits, b"one", &mut anything).unwrap();
    let operations = |disk: &MemDisk| disk.operations() - disk.length(FileId::Segment(1)) as u64;
    journal.append(b"").unwrap();
    journal.sync().unwrap();
    let before = operations(&disk);
    for _ in 0..65_536 {
        journal.append(b"").unwrap();
    }
    journal.write().unwrap();
    assert_eq!(operations(&disk), before, "bytes only");
    journal.append(b"").unwrap();
    assert_eq!(operations(&disk), before + 1, "one sync");
}

#[test]
fn f10_f42_a_directory_is_used_by_one_process_and_can_be_read_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("made/on/demand");
    let (mut journal, ..) = open(FsDisk::lock(&dir).unwrap(), SMALL, "one").unwrap();
    append(&mut journal, 20).unwrap();
    journal.sync().unwrap();
    let refused = FsDisk::lock(&dir).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::WouldBlock);
    let said = refused.to_string();
    assert!(said.contains(dir.to_str().unwrap()), "{said}");
    assert!(said.contains(&format!("({})", std::process::id())), "{said}");
    let look = FsDisk::read_only(&dir);
    assert_eq!(read_all(&look).unwrap().records.len(), 20);
    let mut anything = |_, _: &[u8]| Ok(());
    assert!(matches!(
        Journal::open(look, SMALL, b"one", &mut anything),
        Err(JournalError::Disk { .. })
    ));
    drop(journal);
    let (journal, state, _) = open(FsDisk::lock(&dir).unwrap(), SMALL, "one").unwrap();
    assert_eq!(state, State::after(20));
    assert_eq!(journal.next_sequence(), 21);
}

#[test]
fn each_segment_says_who_wrote_it() {
    let disk = MemDisk::default();
    for (label, count) in [("one", 5), ("two", 1), ("two", 1), ("three", 0), ("four", 1)] {
        let (mut journal, ..) = open(disk.clone(), Limits::default(), label).unwrap();
        append(&mut journal, count).unwrap();
        journal.sync().unwrap();
    }
    let inspection = inspect(&disk, |_, _| {}).unwrap();
    let labels: Vec<_> = inspection
        .segments
        .iter()
        .map(|segment| (segment.label.as_slice(), segment.records))
        .collect();
    assert_eq!(labels, [(b"one".as_slice(), 5), (b"two", 2), (b"four", 1)]);
}

#[test]
fn a_missing_segment_is_refused() {
    let disk = MemDisk::default();
    let (mut journal, ..) = open(disk.clone(), SMALL, "one").unwrap();
    append(&mut journal, 20).unwrap();
    journal.sync().unwrap();
    let segments = disk.list().unwrap();
    for gone in &segments[..segments.len() - 1] {
        let mut disk = disk.after_kill();
        disk.remove(*gone).unwrap();
        harm(open(disk, SMALL, "one"));
    }
}

/// A disk with these segments.
fn disk_of(segments: &[(FileId, Vec<u8>)]) -> MemDisk {
    let mut disk = MemDisk::default();
    for (file, bytes) in segments {
        disk.create_temporary().unwrap();
        disk.append(FileId::Temporary, bytes).unwrap();
        disk.rename_temporary(*file).unwrap();
    }
    disk
}

/// The segments of a log whose records all are this byte.
fn segments_of(byte: u8) -> Vec<(FileId, Vec<u8>)> {
    let disk = MemDisk::default();
    let mut anything = |_, _: &[u8]| Ok(());
    let (mut journal, _) = Journal::open(disk.clone(), SMALL, b"one", &mut anything).unwrap();
    for _ in 0..12 {
        journal.append(&[byte; 5]).unwrap();
        journal.sync().unwrap();
    }
    let files = disk.list().unwrap();
    files
        .into_iter()
        .map(|file| (file, disk.read(file).unwrap()))
        .collect()
}

fn refused(segments: &[(FileId, Vec<u8>)]) -> (FileId, u64, &'static str) {
    let harm = harm(open(disk_of(segments), SMALL, "one"));
    (harm.file, harm.sequence, harm.what)
}

#[test]
fn f64_the_segment_of_another_log_is_refused_and_not_taken_for_a_torn_end() {
    let (mut ours, theirs) = (segments_of(1), segments_of(2));
    let last = ours.len() - 1;
    ours[last].1.clone_from(&theirs[last].1);
    let FileId::Segment(first) = ours[last].0 else {
        unreachable!()
    };
    assert_eq!(
        refused(&ours),
        (ours[last].0, first, "it does not follow the segment before it")
    );
}

#[test]
fn f64_a_segment_that_ends_too_early_is_refused_where_the_gap_is() {
    let mut segments = segments_of(1);
    let FileId::Segment(second) = segments[1].0 else {
        unreachable!()
    };
    let (whole, one_record) = (segments[0].1.len(), RECORD_HEADER + 5);
    segments[0].1.truncate(whole - one_record);
    let what = "the segment before it ends too early, or one is missing";
    assert_eq!(refused(&segments), (segments[1].0, second - 1, what));
}

#[test]
fn f64_a_bad_record_before_other_segments_is_refused_where_it_stands() {
    let mut segments = segments_of(1);
    let FileId::Segment(second) = segments[1].0 else {
        unreachable!()
    };
    let last = segments[0].1.len() - 1;
    segments[0].1[last] ^= 1;
    assert_eq!(
        refused(&segments),
        (segments[0].0, second - 1, "more segments follow")
    );
}

#[test]
fn f64_a_first_segment_that_continues_another_log_is_refused() {
    let mut segments = segments_of(1);
    let (_, second) = segments.remove(1);
    segments.truncate(1);
    segments[0].1 = second;
    assert_eq!(
        refused(&segments),
        (FileId::Segment(1), 1, "it does not follow the segment before it")
    );
}

#[test]
fn files_of_others_are_left_alone() {
    assert_eq!(
        FileId::from_name("00000000000000000007.journal"),
        Some(FileId::Segment(7))
    );
    assert_eq!(
        FileId::from_name("00000000000000000007.snapshot"),
        Some(FileId::Snapshot(7))
    );
    for name in [
        "lock",
        "report",
        "+7.journal",
        ".journal",
        "7.journal.gz",
        "a.journal",
        "99999999999999999999.journal",
    ] {
        assert_eq!(FileId::from_name(name), None, "{name}");
    }
    for file in [FileId::Segment(u64::MAX), FileId::Snapshot(0), FileId::Temporary] {
        assert_eq!(FileId::from_name(&file.to_string()), Some(file));
    }
}

#[test]
fn f64_a_record_of_another_log_does_not_continue_this_one() {
    let log = |byte: u8| {
        let disk = MemDisk::default();
        let mut anything = |_, _: &[u8]| Ok(());
        let (mut journal, _) = Journal::open(disk.clone(), SMALL, b"one", &mut anything).unwrap();
        journal.append(&[byte; 5]).unwrap();
        journal.append(&[byte; 5]).unwrap();
        journal.sync().unwrap();
        disk.read(FileId::Segment(1)).unwrap()
    };
    let second = SEGMENT_HEADER + RECORD_HEADER + 5;
    let spliced = [&log(1)[..second], &log(2)[second..]].concat();
    let mut disk = MemDisk::default();
    disk.create_temporary().unwrap();
    disk.append(FileId::Temporary, &spliced).unwrap();
    disk.rename_temporary(FileId::Segment(1)).unwrap();
    assert_eq!(read_all(&disk).unwrap().records, [vec![1; 5]]);
}

proptest! {
    /// Invariant 28: a turned bit in synced data refuses to open; in the last record, behind which nothing shows that it
    /// was durable, it may only cost that record.
    #[test]
    fn f64_a_turned_bit_in_synced_data_never_passes(at in 0usize..5_000, bit in 0u8..8) {
        let disk = MemDisk::default();
        let (mut journal, ..) = open(disk.clone(), SMALL, "one").unwrap();
        for _ in 0..12 {
            append(&mut journal, 1).unwrap();
            journal.sync().unwrap();
        }
        let files = disk.list().unwrap();
        let total: usize = files.iter().map(|file| disk.length(*file)).sum();
        let last = RECORD_HEADER + payload(12).len();
        let at = at % total;
        let mut left = at;
        for file in files {
            if left < disk.length(file) {
                disk.flip(file, left, bit);
                break;
            }
            left -= disk.length(file);
        }
        match open(disk.clone(), SMALL, "one") {
            Err(JournalError::Harmed(harm)) => {
                prop_assert!(at < total - last);
                prop_assert_eq!(inspect(&disk, |_, _| {}).unwrap().harm, Some(harm));
            }
            Ok((_, state, _)) => {
                prop_assert!(at >= total - last, "a turned bit at {at} of {total} passed");
                prop_assert_eq!(state, State::after(11));
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    /// No bytes make reading panic, and none pass for a journal.
    #[test]
    fn f64_any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut disk = MemDisk::default();
        for name in [FileId::Segment(1), FileId::Snapshot(3)] {
            disk.create_temporary().unwrap();
            disk.append(FileId::Temporary, &bytes).unwrap();
            disk.rename_temporary(name).unwrap();
        }
        let is_whole = inspect(&disk, |_, _| {}).unwrap().is_whole();
        prop_assert!(!is_whole);
        prop_assert!(open(disk, SMALL, "one").is_err());
    }
}
