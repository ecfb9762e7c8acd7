//! From what is on the disk to where the log goes on: the newest usable snapshot, and the records after it.

use crate::disk::{Disk, FileId};
use crate::error::{Harm, JournalError};
use crate::format::Chain;
use crate::read::{Files, SegmentRead, read_snapshot, walk};

/// Whether the caller can use a snapshot's state, given with its sequence; in words, why not.
pub type Usable<'a> = &'a mut dyn FnMut(u64, &[u8]) -> Result<(), String>;

/// A snapshot that could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassedOver {
    /// The snapshot.
    pub file: FileId,
    /// Why.
    pub why: String,
}

/// What was found when a journal was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The snapshot that stands for all records up to its sequence.
    pub snapshot: Option<u64>,
    /// Newer snapshots that could not be used. More records had to be read for them; no record is missing.
    pub passed_over: Vec<PassedOver>,
    /// All whole records after the snapshot, in order.
    pub records: Vec<Vec<u8>>,
    /// Bytes of a torn end: written by a crash, never synced, and cut off.
    pub torn_bytes: u64,
}

pub(crate) struct Recovery {
    pub(crate) recovered: Recovered,
    pub(crate) files: Files,
    pub(crate) chain: Chain,
    /// The last segment; none in a new journal.
    pub(crate) last: Option<SegmentRead>,
}

struct Start {
    /// The place of the first segment to read.
    place: usize,
    snapshot: Option<Chain>,
    passed_over: Vec<PassedOver>,
}

/// The newest snapshot that is whole, followed by its records, and usable; otherwise the start of the log.
fn choose_start(disk: &impl Disk, files: &Files, usable: Usable<'_>) -> Result<Start, Harm> {
    let mut passed_over = Vec::new();
    for sequence in files.snapshots.iter().rev() {
        let place = files.segment_of(sequence + 1);
        let found = read_snapshot(disk, *sequence).and_then(|(chain, state)| {
            let place = place.ok_or("the records after it are gone")?;
            usable(*sequence, &state)?;
            Ok((place, chain))
        });
        match found {
            Ok((place, chain)) => {
                return Ok(Start {
                    place,
                    snapshot: Some(chain),
                    passed_over,
                });
            }
            Err(why) => passed_over.push(PassedOver {
                file: FileId::Snapshot(*sequence),
                why,
            }),
        }
    }
    match files.segments.first() {
        Some(first) if *first != 1 => Err(Harm {
            file: FileId::Segment(*first),
            offset: 0,
            sequence: 1,
            what: "the records before it are gone, and no snapshot that can be used stands for them",
        }),
        None if !files.snapshots.is_empty() => Err(Harm {
            file: FileId::Segment(1),
            offset: 0,
            sequence: 1,
            what: "there are snapshots, but no segments",
        }),
        _ => Ok(Start {
            place: 0,
            snapshot: None,
            passed_over,
        }),
    }
}

pub(crate) fn recover(disk: &impl Disk, usable: Usable<'_>) -> Result<Recovery, JournalError> {
    let files = Files::list(disk)?;
    let start = choose_start(disk, &files, usable).map_err(JournalError::Harmed)?;
    let covered = start.snapshot.map_or(0, Chain::last_sequence);
    let mut records = Vec::new();
    let mut last = None;
    let mut is_another_chain = false;
    let mut visit = |chain: Chain, payload: &[u8]| {
        if chain.last_sequence() > covered {
            records.push(payload.to_vec());
        } else if chain.last_sequence() == covered {
            is_another_chain = start.snapshot != Some(chain);
        }
    };
    let segments = files.segments.get(start.place..).unwrap_or_default();
    let chain = walk(disk, segments, files.durable_once(), &mut visit, &mut |read| {
        last = Some(read);
    })?;
    if is_another_chain {
        return Err(JournalError::Harmed(Harm {
            file: FileId::Snapshot(covered),
            offset: 0,
            sequence: covered,
            what: "the snapshot belongs to another log",
        }));
    }
    let recovered = Recovered {
        snapshot: start.snapshot.map(Chain::last_sequence),
        passed_over: start.passed_over,
        records,
        torn_bytes: last.as_ref().map_or(0, |last: &SegmentRead| last.torn_bytes),
    };
    Ok(Recovery {
        recovered,
        files,
        chain: chain.unwrap_or(Chain::START),
        last,
    })
}
