//! The disk in memory, by which the crash tests judge: it loses exactly what it is told to lose, and fails where it is told to.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use keel_journal::{Disk, FileId, MemDisk, PowerLoss, UnsyncedBytes};

const FILE: FileId = FileId::Segment(1);

/// A file of which the first two bytes are durable, as is its name, and the last two are not.
fn half_synced() -> MemDisk {
    let mut disk = MemDisk::default();
    disk.create_temporary().unwrap();
    disk.append(FileId::Temporary, &[1, 2]).unwrap();
    disk.sync(FileId::Temporary).unwrap();
    disk.rename_temporary(FILE).unwrap();
    disk.sync_names().unwrap();
    disk.append(FILE, &[0b1111_0000, 3]).unwrap();
    disk
}

fn found(disk: &MemDisk, bytes: UnsyncedBytes) -> Vec<u8> {
    let loss = PowerLoss { bytes, names: 0 };
    disk.after(loss).read(FILE).unwrap()
}

#[test]
fn a_power_loss_does_to_unsynced_bytes_what_it_is_told_and_nothing_to_others() {
    let cases: [(UnsyncedBytes, &[u8]); 10] = [
        (UnsyncedBytes::Kept, &[1, 2, 0b1111_0000, 3]),
        (UnsyncedBytes::Cut(0), &[1, 2]),
        (UnsyncedBytes::Cut(1), &[1, 2, 0b1111_0000]),
        (UnsyncedBytes::Cut(9), &[1, 2, 0b1111_0000, 3]),
        (UnsyncedBytes::ZeroedFirst(1), &[1, 2, 0, 3]),
        (UnsyncedBytes::Flipped(0), &[1, 2, 0b1111_0001, 3]),
        (UnsyncedBytes::Flipped(3), &[1, 2, 0b1111_1000, 3]),
        (UnsyncedBytes::Flipped(4), &[1, 2, 0b1110_0000, 3]),
        (UnsyncedBytes::Flipped(9), &[1, 2, 0b1111_0000, 1]),
        (UnsyncedBytes::Flipped(16), &[1, 2, 0b1111_0001, 3]),
    ];
    for (how, expected) in cases {
        assert_eq!(found(&half_synced(), how), expected, "{how:?}");
    }
}

#[test]
fn a_file_that_was_cut_is_found_cut_or_as_it_was() {
    let mut disk = half_synced();
    disk.resume(1, 1, 1).unwrap();
    assert_eq!(found(&disk, UnsyncedBytes::Kept), [1]);
    assert_eq!(found(&disk, UnsyncedBytes::Cut(0)), [1, 2]);
}

#[test]
fn what_a_power_loss_left_is_durable() {
    let kept = PowerLoss {
        bytes: UnsyncedBytes::Kept,
        names: 0,
    };
    let nothing_new = PowerLoss {
        bytes: UnsyncedBytes::Cut(0),
        names: 0,
    };
    let disk = half_synced().after(kept).after(nothing_new);
    assert_eq!(disk.list().unwrap(), [FILE]);
    assert_eq!(disk.read(FILE).unwrap(), [1, 2, 0b1111_0000, 3]);
}

#[test]
fn each_unsynced_name_survives_where_its_bit_is_set() {
    let mut disk = MemDisk::default();
    disk.create_temporary().unwrap();
    disk.rename_temporary(FILE).unwrap();
    let cases: [(u64, &[FileId]); 4] = [
        (0b00, &[]),
        (0b01, &[FileId::Temporary]),
        (0b10, &[FILE]),
        (0b11, &[FILE]),
    ];
    for (names, expected) in cases {
        let loss = PowerLoss {
            bytes: UnsyncedBytes::Kept,
            names,
        };
        assert_eq!(disk.after(loss).list().unwrap(), expected, "{names:b}");
    }
}

#[test]
fn a_crash_comes_after_as_many_operations_as_were_left() {
    let mut disk = half_synced();
    let before = disk.operations();
    assert_eq!(before, 8, "four bytes, and four calls of one operation each");
    disk.crash_after(5);
    disk.append(FILE, b"abc").unwrap();
    assert_eq!(disk.operations(), before + 3);
    assert!(disk.append(FILE, b"defg").is_err());
    assert_eq!(disk.read(FILE).unwrap()[4..], *b"abcde");
    assert!(disk.create_temporary().is_err());
    assert!(disk.resume(1, 0, 0).is_err());
    assert!(disk.append(FILE, b"h").is_err());
    assert!(disk.sync(FILE).is_err());
    assert!(disk.rename_temporary(FILE).is_err());
    assert!(disk.remove(FILE).is_err());
    assert!(disk.sync_names().is_err());
    assert_eq!(disk.operations(), before + 5, "nothing more was done");
}

#[test]
fn a_full_disk_takes_what_fits_and_says_that_it_is_full() {
    let mut disk = half_synced();
    disk.fill_after(5);
    disk.append(FILE, b"abc").unwrap();
    disk.append(FILE, b"de").unwrap();
    let full = disk.append(FILE, b"f").unwrap_err();
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    assert_eq!(disk.read(FILE).unwrap()[4..], *b"abcde");
}

#[test]
fn one_bit_is_turned_and_turned_back() {
    let disk = half_synced();
    for (byte, bit, expected) in [
        (0, 3, [0b1001, 2, 0b1111_0000, 3]),
        (0, 3, [1, 2, 0b1111_0000, 3]),
        (3, 0, [1, 2, 0b1111_0000, 2]),
    ] {
        disk.flip(FILE, byte, bit);
        assert_eq!(disk.read(FILE).unwrap(), expected);
    }
    assert_eq!((disk.length(FILE), disk.length(FileId::Segment(2))), (4, 0));
}
