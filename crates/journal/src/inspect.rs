//! Looking at a whole journal without opening it; its owner may be running.

use crate::disk::{Disk, FileId};
use crate::error::{Harm, JournalError};
use crate::format::Chain;
use crate::read::{Files, SegmentRead, read_snapshot, walk};
use crate::recover::Recovered;

/// One segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentSummary {
    /// The file.
    pub file: FileId,
    /// Whole records.
    pub records: u64,
    /// Its bytes, without a torn end.
    pub bytes: u64,
    /// Who wrote it, in the words of the caller of [`Journal::open`](crate::Journal::open).
    pub label: Vec<u8>,
}

/// One snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotSummary {
    /// The file.
    pub file: FileId,
    /// The state's bytes.
    pub bytes: u64,
    /// What is wrong with it.
    pub fault: Option<String>,
}

/// All there is of a journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inspection {
    /// The first record that is still there; 0 where there is none.
    pub first_sequence: u64,
    /// The last whole record; 0 where there is none.
    pub last_sequence: u64,
    /// The segments, oldest first, up to the first harm.
    pub segments: Vec<SegmentSummary>,
    /// The snapshots, oldest first.
    pub snapshots: Vec<SnapshotSummary>,
    /// Bytes behind the last whole record: torn by a crash, or being written just now.
    pub torn_bytes: u64,
    /// The first place that is harmed.
    pub harm: Option<Harm>,
}

impl Inspection {
    /// Whether nothing is wrong; a torn end is not.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.harm.is_none() && self.snapshots.iter().all(|snapshot| snapshot.fault.is_none())
    }

    /// Whether there is no journal at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty() && self.snapshots.is_empty() && self.harm.is_none()
    }

    /// How many whole records there are.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.segments.iter().map(|segment| segment.records).sum()
    }
}

/// Reads everything there is, from the oldest segment on, and checks it: the chain, and each snapshot. `visit` gets each
/// record with its sequence, up to the first harm; no more than one segment is in memory.
///
/// # Errors
/// `Disk`. Harm is no error here, but part of the answer.
pub fn inspect(disk: &impl Disk, mut visit: impl FnMut(u64, &[u8])) -> Result<Inspection, JournalError> {
    let files = Files::list(disk)?;
    let mut inspection = Inspection::default();
    let mut chains: Vec<(Chain, SnapshotSummary)> = Vec::new();
    for sequence in &files.snapshots {
        let file = FileId::Snapshot(*sequence);
        let (chain, bytes, mut fault) = match read_snapshot(disk, *sequence) {
            Ok((chain, state)) => (chain, state.len() as u64, None),
            Err(why) => (Chain::START, 0, Some(why)),
        };
        if files.segment_of(sequence + 1).is_none() {
            fault = fault.or_else(|| Some("the records after it are gone".to_owned()));
        }
        chains.push((chain, SnapshotSummary { file, bytes, fault }));
    }
    let mut see = |after: Chain, payload: &[u8]| {
        let sequence = after.last_sequence();
        for (chain, summary) in &mut chains {
            if chain.last_sequence() == sequence && *chain != after {
                summary.fault = Some("it belongs to another log".to_owned());
            }
        }
        if inspection.first_sequence == 0 {
            inspection.first_sequence = sequence;
        }
        inspection.last_sequence = sequence;
        visit(sequence, payload);
    };
    let (segments, torn_bytes) = (&mut inspection.segments, &mut inspection.torn_bytes);
    let walked = walk(
        disk,
        &files.segments,
        files.durable_once(),
        &mut see,
        &mut |read: SegmentRead| {
            *torn_bytes = read.torn_bytes;
            segments.push(SegmentSummary {
                file: FileId::Segment(read.first),
                records: read.records,
                bytes: read.length,
                label: read.label,
            });
        },
    );
    inspection.snapshots = chains.into_iter().map(|(_, summary)| summary).collect();
    inspection.harm = match walked {
        Ok(_) => missing_start(&files, &inspection.snapshots),
        Err(JournalError::Harmed(harm)) => Some(harm),
        Err(other) => return Err(other),
    };
    Ok(inspection)
}

/// Records that are gone need a snapshot that stands for them.
fn missing_start(files: &Files, snapshots: &[SnapshotSummary]) -> Option<Harm> {
    let is_covered = snapshots.iter().any(|snapshot| snapshot.fault.is_none());
    let first = files.segments.first().copied();
    let is_missing = match first {
        Some(first) => first != 1 && !is_covered,
        None => !snapshots.is_empty(),
    };
    is_missing.then(|| Harm {
        file: FileId::Segment(first.unwrap_or(1)),
        offset: 0,
        sequence: 1,
        what: "the records before it are gone, and no whole snapshot stands for them",
    })
}

/// Reads all records that are still there, without opening the journal.
///
/// # Errors
/// `Disk` or `Harmed`.
pub fn read_all(disk: &impl Disk) -> Result<Recovered, JournalError> {
    let mut records = Vec::new();
    let inspection = inspect(disk, |_, payload| records.push(payload.to_vec()))?;
    match inspection.harm {
        Some(harm) => Err(JournalError::Harmed(harm)),
        None => Ok(Recovered {
            records,
            torn_bytes: inspection.torn_bytes,
            ..Recovered::default()
        }),
    }
}
