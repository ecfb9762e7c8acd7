//! A log whose state can be checked: each record's bytes follow from its sequence, and the state from all records.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses its own part; a helper that fails is a test that fails"
)]

pub(crate) mod watched;

use keel_journal::{Disk, Journal, JournalError, Limits, Recovered};

pub(crate) const SMALL: Limits = Limits {
    segment_bytes: 110,
    record_bytes_max: 256,
    snapshots_kept: 2,
    covered_segments_kept: 1,
};

pub(crate) fn payload(sequence: u64) -> Vec<u8> {
    (0..sequence * 7 % 13)
        .map(|i| u8::try_from((sequence + i) % 251).unwrap())
        .collect()
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) count: u64,
    sum: u64,
}

impl State {
    pub(crate) fn apply(&mut self, payload: &[u8]) {
        self.count += 1;
        for byte in payload.iter().chain([&255]) {
            self.sum = self.sum.wrapping_mul(31).wrapping_add(u64::from(*byte));
        }
    }

    pub(crate) fn after(count: u64) -> Self {
        let mut state = Self::default();
        (1..=count).for_each(|sequence| state.apply(&payload(sequence)));
        state
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        [self.count.to_le_bytes(), self.sum.to_le_bytes()].concat()
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (count, sum) = bytes.split_at_checked(8)?;
        Some(Self {
            count: u64::from_le_bytes(count.try_into().ok()?),
            sum: u64::from_le_bytes(sum.try_into().ok()?),
        })
    }
}

/// Opens, and makes the state again from snapshot and records.
pub(crate) fn open<D: Disk>(
    disk: D,
    limits: Limits,
    label: &str,
) -> Result<(Journal<D>, State, Recovered), JournalError> {
    let mut state = State::default();
    let mut usable = |sequence, bytes: &[u8]| {
        let found = State::from_bytes(bytes).ok_or("not a state")?;
        if found.count != sequence {
            return Err("the state of another sequence".to_owned());
        }
        state = found;
        Ok(())
    };
    let (journal, recovered) = Journal::open(disk, limits, label.as_bytes(), &mut usable)?;
    recovered.records.iter().for_each(|record| state.apply(record));
    assert_eq!(journal.next_sequence(), state.count + 1);
    Ok((journal, state, recovered))
}

/// Appends the next `count` records.
pub(crate) fn append<D: Disk>(journal: &mut Journal<D>, count: u64) -> Result<(), JournalError> {
    for _ in 0..count {
        journal.append(&payload(journal.next_sequence()))?;
    }
    Ok(())
}
