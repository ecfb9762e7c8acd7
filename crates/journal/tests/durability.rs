//! What survives a crash, and what is refused.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use keel_journal::{FsDisk, Journal, JournalError, Limits, MemDisk, SegmentId, read_all};
use proptest::prelude::*;

const SMALL: Limits = Limits {
    segment_bytes: 64,
    record_bytes_max: 256,
};

fn payload(n: usize) -> Vec<u8> {
    (0..n % 40)
        .map(|i| u8::try_from((n + i) % 251).unwrap())
        .collect()
}

fn reopen(disk: &MemDisk) -> Result<Vec<Vec<u8>>, JournalError> {
    Journal::open(disk.clone(), SMALL).map(|(_, recovered)| recovered.records)
}

/// Invariants 27 and 28: whatever the crash leaves of the unsynced end, the synced records are there, in order, and of
/// the others only whole ones.
#[test]
fn f64_a_crash_at_every_byte_loses_nothing_that_was_synced() {
    for synced in 0..6 {
        for kept in 0..400 {
            let disk = MemDisk::default();
            let (mut journal, _) = Journal::open(disk.clone(), SMALL).unwrap();
            for n in 0..10 {
                journal.append(&payload(n)).unwrap();
                if n + 1 == synced {
                    journal.sync().unwrap();
                }
            }
            disk.crash(kept);
            let records = reopen(&disk).unwrap();
            assert!(
                records.len() >= synced,
                "synced {synced}, kept {kept}: only {} left",
                records.len()
            );
            let expected: Vec<_> = (0..records.len()).map(payload).collect();
            assert_eq!(records, expected, "synced {synced}, kept {kept}");
        }
    }
}

#[test]
fn after_a_torn_end_the_log_goes_on_and_the_tear_is_reported() {
    let disk = MemDisk::default();
    let (mut journal, _) = Journal::open(disk.clone(), SMALL).unwrap();
    journal.append(b"kept").unwrap();
    journal.sync().unwrap();
    journal.append(b"torn").unwrap();
    disk.crash(7);
    let (mut journal, recovered) = Journal::open(disk.clone(), SMALL).unwrap();
    assert_eq!(
        (recovered.records, recovered.torn_bytes),
        (vec![b"kept".to_vec()], 7)
    );
    assert_eq!(journal.append(b"next").unwrap(), 2);
    journal.sync().unwrap();
    assert_eq!(reopen(&disk).unwrap(), [b"kept".to_vec(), b"next".to_vec()]);
}

/// Invariant 29: what reached the disk is unknown after a failed sync, so it is never tried again.
#[test]
fn f63_a_failed_sync_or_a_full_disk_ends_the_journal() {
    let disk = MemDisk::default();
    let (mut journal, _) = Journal::open(disk.clone(), SMALL).unwrap();
    journal.append(b"one").unwrap();
    disk.fail_syncs();
    assert!(matches!(
        journal.sync(),
        Err(JournalError::Disk { doing: "syncing", .. })
    ));
    assert!(matches!(journal.sync(), Err(JournalError::Poisoned)));
    assert!(matches!(journal.append(b"two"), Err(JournalError::Poisoned)));

    let full = MemDisk::default();
    let (mut journal, _) = Journal::open(full.clone(), SMALL).unwrap();
    full.fill_after(10);
    assert!(matches!(
        journal.append(b"one"),
        Err(JournalError::Disk {
            doing: "appending",
            ..
        })
    ));
    assert!(matches!(journal.sync(), Err(JournalError::Poisoned)));
}

#[test]
fn a_record_at_the_limit_is_taken_and_a_longer_one_refused_unharmed() {
    let disk = MemDisk::default();
    let (mut journal, _) = Journal::open(disk.clone(), SMALL).unwrap();
    assert!(matches!(
        journal.append(&[0; 257]),
        Err(JournalError::TooLong {
            bytes: 257,
            limit: 256
        })
    ));
    journal.append(&[1; 256]).unwrap();
    journal.sync().unwrap();
    assert_eq!(reopen(&disk).unwrap(), [vec![1; 256]]);
}

#[test]
fn f10_f42_a_directory_is_used_by_one_process_and_can_be_read_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(FsDisk::lock(dir.path()).unwrap(), SMALL).unwrap();
    for n in 0..20 {
        journal.append(&payload(n)).unwrap();
    }
    journal.sync().unwrap();
    let refused = FsDisk::lock(dir.path()).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::WouldBlock);
    assert!(
        refused.to_string().contains(dir.path().to_str().unwrap()),
        "{refused}"
    );
    assert_eq!(
        read_all(&FsDisk::read_only(dir.path())).unwrap().records.len(),
        20
    );
    drop(journal);
    let (journal, recovered) = Journal::open(FsDisk::lock(dir.path()).unwrap(), SMALL).unwrap();
    assert_eq!(recovered.records, (0..20).map(payload).collect::<Vec<_>>());
    assert_eq!(journal.next_sequence(), 21);
}

#[test]
fn a_missing_segment_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(FsDisk::lock(dir.path()).unwrap(), SMALL).unwrap();
    for n in 0..20 {
        journal.append(&payload(n)).unwrap();
    }
    journal.sync().unwrap();
    drop(journal);
    std::fs::remove_file(dir.path().join("00000002.journal")).unwrap();
    let refused = Journal::open(FsDisk::lock(dir.path()).unwrap(), SMALL);
    assert!(matches!(refused, Err(JournalError::Harmed { .. })));
}

proptest! {
    /// Invariant 28: a bit that turned before the last record refuses to open; in the last it may only cost that record.
    #[test]
    fn f64_a_turned_bit_in_synced_data_never_passes(byte in 0usize..5_000, bit in 0u8..8) {
        let disk = MemDisk::default();
        let (mut journal, _) = Journal::open(disk.clone(), SMALL).unwrap();
        let written: Vec<Vec<u8>> = (0..12).map(|n| vec![u8::try_from(n).unwrap(); 8]).collect();
        for record in &written {
            journal.append(record).unwrap();
        }
        journal.sync().unwrap();
        let segments: Vec<SegmentId> = (1..=4).map(SegmentId).collect();
        let lengths: Vec<usize> = segments.iter().map(|segment| disk.length(*segment)).collect();
        prop_assert_eq!(lengths.iter().sum::<usize>(), 12 * 28);
        let mut at = byte % (12 * 28);
        let is_last_record = at >= 11 * 28;
        for (segment, length) in segments.iter().zip(&lengths) {
            if at < *length {
                disk.flip(*segment, at, bit);
                break;
            }
            at -= length;
        }
        match reopen(&disk) {
            Err(JournalError::Harmed { .. }) => prop_assert!(!is_last_record),
            Ok(records) => {
                prop_assert!(is_last_record, "a turned bit at {} passed", byte % (12 * 28));
                prop_assert_eq!(&records, &written[..11]);
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }
}
