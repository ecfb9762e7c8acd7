//! A crash at every operation and every byte, with every kind of loss: invariants 27 to 30.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

mod common;

use common::{SMALL, State, append, open};
use keel_journal::{Disk, FileId, Journal, JournalError, MemDisk, PowerLoss, UnsyncedBytes};
use proptest::prelude::*;

/// What the caller was told when the crash came.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    durable: u64,
    appended: u64,
}

/// One thing a process does with its journal.
#[derive(Debug, Clone, Copy)]
enum Act {
    Append(u64),
    Write,
    Sync,
    Snapshot,
    Restart,
    RestartAsOtherBuild,
}

/// Everything at least once: groups of one and more, segments that fill, snapshots, removal of what they cover, restarts.
const LIFE: &[Act] = &[
    Act::Append(1),
    Act::Sync,
    Act::Append(3),
    Act::Write,
    Act::Append(2),
    Act::Sync,
    Act::Snapshot,
    Act::Append(4),
    Act::Sync,
    Act::Restart,
    Act::Append(2),
    Act::Snapshot,
    Act::RestartAsOtherBuild,
    Act::Append(6),
    Act::Write,
    Act::Append(1),
    Act::Snapshot,
    Act::Append(3),
];

fn live(disk: &MemDisk, acts: &[Act], told: &mut Told) -> Result<(), JournalError> {
    let mut label = "one";
    let mut journal = open(disk.clone(), SMALL, label)?.0;
    for act in acts {
        match act {
            Act::Append(count) => {
                // Whether the last of them is whole on the disk is open when it fails.
                told.appended = journal.next_sequence() - 1 + count;
                append(&mut journal, *count)?;
            }
            Act::Write => journal.write()?,
            Act::Sync => journal.sync()?,
            Act::Snapshot => {
                journal.take_snapshot(&State::after(told.appended).to_bytes())?;
            }
            Act::Restart | Act::RestartAsOtherBuild => {
                journal.write()?;
                drop(journal);
                if matches!(act, Act::RestartAsOtherBuild) {
                    label = "two";
                }
                journal = open(disk.clone(), SMALL, label)?.0;
            }
        }
        if matches!(
            act,
            Act::Sync | Act::Snapshot | Act::Restart | Act::RestartAsOtherBuild
        ) {
            told.durable = told.appended;
        }
    }
    Ok(())
}

fn operations(acts: &[Act]) -> u64 {
    let disk = MemDisk::default();
    live(&disk, acts, &mut Told::default()).unwrap();
    disk.operations()
}

/// Runs until the crash.
fn crashed_at(operation: u64, acts: &[Act]) -> (MemDisk, Told) {
    let disk = MemDisk::default();
    disk.crash_after(operation);
    let mut told = Told::default();
    assert!(live(&disk, acts, &mut told).is_err());
    (disk, told)
}

/// Nothing that was durable is lost, what is there is the true beginning of what was appended, and the log goes on.
fn check(disk: &MemDisk, told: Told, case: &str) {
    let (_, state, _) = open(disk.clone(), SMALL, "one").unwrap_or_else(|error| panic!("{case}: {error}"));
    assert!(
        state.count >= told.durable,
        "{case}: {} of {told:?} left",
        state.count
    );
    assert!(
        state.count <= told.appended,
        "{case}: {} of {told:?}",
        state.count
    );
    assert_eq!(state, State::after(state.count), "{case}");
    let files = disk.list().unwrap();
    assert!(
        !files.contains(&FileId::Temporary),
        "{case}: an unfinished file is left"
    );
    let (mut journal, again, recovered) = open(disk.clone(), SMALL, "one").unwrap();
    assert_eq!(
        (&again, recovered.torn_bytes),
        (&state, 0),
        "{case}: replayed twice"
    );
    append(&mut journal, 2).unwrap();
    journal.sync().unwrap();
    let nothing_else = PowerLoss {
        bytes: UnsyncedBytes::Cut(0),
        names: 0,
    };
    let (_, later, _) = open(disk.after(nothing_else), SMALL, "one")
        .unwrap_or_else(|error| panic!("{case}, and once more: {error}"));
    assert_eq!(later, State::after(state.count + 2), "{case}, and once more");
}

const BYTES: &[UnsyncedBytes] = &[
    UnsyncedBytes::Kept,
    UnsyncedBytes::Cut(0),
    UnsyncedBytes::Cut(1),
    UnsyncedBytes::Cut(23),
    UnsyncedBytes::Cut(61),
    UnsyncedBytes::ZeroedFirst(1),
    UnsyncedBytes::ZeroedFirst(33),
    UnsyncedBytes::ZeroedFirst(usize::MAX),
    UnsyncedBytes::Flipped(0),
    UnsyncedBytes::Flipped(100),
    UnsyncedBytes::Flipped(usize::MAX),
];
const NAMES: &[u64] = &[0, u64::MAX, 0b0101, 0b1010];

#[test]
fn f64_a_power_loss_at_every_byte_and_operation_loses_nothing_durable() {
    for operation in 0..operations(LIFE) {
        let (disk, told) = crashed_at(operation, LIFE);
        for bytes in BYTES {
            for names in NAMES {
                let loss = PowerLoss {
                    bytes: *bytes,
                    names: *names,
                };
                check(
                    &disk.after(loss),
                    told,
                    &format!("operation {operation}, {loss:?}"),
                );
            }
        }
    }
}

#[test]
fn f31_a_kill_at_every_byte_and_operation_loses_nothing_durable_even_when_the_power_fails_later() {
    for operation in 0..operations(LIFE) {
        let (disk, told) = crashed_at(operation, LIFE);
        check(
            &disk.after_kill(),
            told,
            &format!("killed at operation {operation}"),
        );
    }
}

/// A second crash while the first is being recovered from.
#[test]
fn f64_recovery_may_crash_at_every_operation_too() {
    let losses = [
        None,
        Some(PowerLoss {
            bytes: UnsyncedBytes::ZeroedFirst(30),
            names: u64::MAX,
        }),
        Some(PowerLoss {
            bytes: UnsyncedBytes::Cut(11),
            names: 0,
        }),
    ];
    for operation in 0..operations(LIFE) {
        let (disk, told) = crashed_at(operation, LIFE);
        for first in losses {
            for second in 0..6 {
                let disk = first.map_or_else(|| disk.after_kill(), |loss| disk.after(loss));
                disk.crash_after(second);
                let _crashed = open(disk.clone(), SMALL, "two");
                for loss in losses {
                    let disk = loss.map_or_else(|| disk.after_kill(), |loss| disk.after(loss));
                    check(
                        &disk,
                        told,
                        &format!("operations {operation}, {second}; {first:?}, {loss:?}"),
                    );
                }
            }
        }
    }
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (1u64..6).prop_map(Act::Append),
        1 => Just(Act::Write),
        3 => Just(Act::Sync),
        2 => Just(Act::Snapshot),
        1 => Just(Act::Restart),
        1 => Just(Act::RestartAsOtherBuild),
    ]
}

fn loss() -> impl Strategy<Value = Option<PowerLoss>> {
    let bytes = prop_oneof![
        Just(UnsyncedBytes::Kept),
        (0usize..300).prop_map(UnsyncedBytes::Cut),
        (0usize..300).prop_map(UnsyncedBytes::ZeroedFirst),
        (0usize..3_000).prop_map(UnsyncedBytes::Flipped),
    ];
    prop::option::of((bytes, any::<u64>()).prop_map(|(bytes, names)| PowerLoss { bytes, names }))
}

proptest! {
    #[test]
    fn f64_any_life_survives_any_crashes(
        acts in prop::collection::vec(act(), 1..30),
        crashes in prop::collection::vec((0u64..4_000, loss()), 1..4),
    ) {
        let mut disk = MemDisk::default();
        let mut told = Told::default();
        for (operation, loss) in &crashes {
            disk.crash_after(*operation);
            // A life after a crash goes on from whatever is there, so what it was told counts from there.
            let _crashed_or_done = live(&disk, &acts, &mut told);
            disk = loss.map_or_else(|| disk.after_kill(), |loss| disk.after(loss));
            let left = Journal::open(disk.after_kill(), SMALL, b"one", &mut |_, _| Ok(())).unwrap().0.next_sequence() - 1;
            prop_assert!(left >= told.durable, "{left} of {told:?} left");
            // After a kill, what is left may still be in memory only.
            let durable = if loss.is_some() { left } else { told.durable };
            told = Told { durable, appended: left };
        }
        check(&disk, told, "after the last crash");
    }
}
