//! The mark that keeps the next start halted: on a disk that is in order, one that is full, and one that is gone.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use keel_journal::{Disk, FileId, FsDisk, HaltMark, MemDisk, PowerLoss, UnsyncedBytes};

#[test]
fn every_reason_is_kept_until_the_mark_is_cleared() {
    let dir = tempfile::tempdir().unwrap();
    let mut disk = FsDisk::lock(dir.path()).unwrap();
    assert_eq!(disk.mark().unwrap(), None);
    disk.clear_mark().unwrap();
    // Another process, which does not own the directory.
    let mut guard = FsDisk::read_only(dir.path());
    guard.leave_mark("the guard heard\nnothing").unwrap();
    disk.leave_mark("the journal failed").unwrap();
    let told = disk.mark().unwrap().unwrap();
    assert_eq!(told, "the guard heard nothing; the journal failed");
    assert!(disk.list().unwrap().is_empty(), "no file of the journal");
    disk.clear_mark().unwrap();
    assert_eq!(guard.mark().unwrap(), None);
}

#[test]
fn a_mark_has_a_bound() {
    let dir = tempfile::tempdir().unwrap();
    let mut disk = FsDisk::read_only(dir.path());
    for _ in 0..100 {
        disk.leave_mark(&"x".repeat(1_000)).unwrap();
    }
    let length = disk.mark().unwrap().unwrap().len();
    assert!((65_000..67_000).contains(&length), "{length}");
}

#[test]
fn f10_a_full_disk_takes_the_mark_without_its_reason_and_a_dead_one_takes_none() {
    let mut disk = MemDisk::default();
    disk.fill_after(0);
    disk.leave_mark("the disk is full").unwrap();
    let loss = PowerLoss {
        bytes: UnsyncedBytes::Cut(0),
        names: 0,
    };
    let told = disk.after(loss).mark().unwrap().unwrap();
    assert!(told.contains("no room for its reason"), "{told}");
    let mut dead = MemDisk::default();
    dead.crash_after(0);
    assert!(dead.leave_mark("gone").is_err());
    assert_eq!(dead.mark().unwrap(), None);
    assert_eq!(dead.length(FileId::Temporary), 0);
}
