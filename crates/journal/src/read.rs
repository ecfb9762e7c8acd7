//! Reading what is on the disk: checking the chain, and telling a torn end from harm.

use std::collections::VecDeque;
use std::io;

use crate::disk::{Disk, FileId};
use crate::error::{Harm, JournalError};
use crate::format::{self, Chain, Frame};

/// The files there are, oldest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Files {
    pub(crate) segments: Vec<u64>,
    pub(crate) snapshots: Vec<u64>,
    pub(crate) has_temporary: bool,
}

impl Files {
    pub(crate) fn list(disk: &impl Disk) -> Result<Self, JournalError> {
        let mut files = Self::default();
        for file in disk.list().map_err(JournalError::disk("listing files"))? {
            match file {
                FileId::Segment(first) => files.segments.push(first),
                FileId::Snapshot(sequence) => files.snapshots.push(sequence),
                FileId::Temporary => files.has_temporary = true,
            }
        }
        files.segments.sort_unstable();
        files.snapshots.sort_unstable();
        Ok(files)
    }

    /// The sequence up to which the log was durable once: a snapshot gets its name only after that.
    pub(crate) fn durable_once(&self) -> u64 {
        self.snapshots.last().copied().unwrap_or(0)
    }

    /// The place of the segment that holds the record, or would.
    pub(crate) fn segment_of(&self, sequence: u64) -> Option<usize> {
        self.segments
            .partition_point(|first| *first <= sequence)
            .checked_sub(1)
    }
}

/// One segment, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SegmentRead {
    pub(crate) first: u64,
    pub(crate) records: u64,
    /// Without a torn end.
    pub(crate) length: u64,
    /// From here on, nothing shows that it was ever durable.
    pub(crate) unproven_from: u64,
    pub(crate) torn_bytes: u64,
    pub(crate) label: Vec<u8>,
}

/// What is done with each record: where the chain stands after it, and its payload.
pub(crate) type Visit<'a> = &'a mut dyn FnMut(Chain, &[u8]);

/// Reads one segment. `chain` is where the log stands, and is moved on; none: wherever this segment says.
fn read_segment(
    first: u64,
    bytes: &[u8],
    chain: &mut Option<Chain>,
    (is_last, durable_once): (bool, u64),
    visit: Visit<'_>,
) -> Result<SegmentRead, Harm> {
    let harm = |offset: usize, sequence: u64, what| Harm {
        file: FileId::Segment(first),
        offset: offset as u64,
        sequence,
        what,
    };
    let due = chain.map_or(first, |chain| chain.next_sequence);
    if first != due {
        return Err(harm(
            0,
            due,
            "the segment before it ends too early, or one is missing",
        ));
    }
    let header = format::decode_segment_header(bytes)
        .ok_or_else(|| harm(0, due, "this is not the header of a segment of this version"))?;
    let mut at = chain.unwrap_or(header.chain);
    if header.chain != at || first != at.next_sequence || (first == 1 && at != Chain::START) {
        return Err(harm(0, due, "it does not follow the segment before it"));
    }
    let mut offset = header.bytes;
    let mut durable = durable_once;
    let mut unproven = VecDeque::new();
    let torn = loop {
        let rest = bytes.get(offset..).unwrap_or_default();
        match format::decode_record(rest, at) {
            Frame::Record(record) => {
                durable = durable.max(record.durable_before);
                unproven.push_back((record.sequence, offset));
                while unproven.front().is_some_and(|(sequence, _)| *sequence <= durable) {
                    unproven.pop_front();
                }
                at = Chain {
                    next_sequence: at.next_sequence + 1,
                    checksum: record.checksum,
                };
                offset += record.bytes;
                visit(at, record.payload);
            }
            Frame::End => break 0,
            Frame::Bad => {
                let sequence = at.next_sequence;
                if !is_last {
                    return Err(harm(offset, sequence, "more segments follow"));
                }
                let durable = durable.max(format::durable_shown_behind(rest, sequence));
                if durable >= sequence {
                    return Err(harm(offset, sequence, "it was durable once"));
                }
                break rest.len();
            }
        }
    };
    *chain = Some(at);
    Ok(SegmentRead {
        first,
        records: at.next_sequence - first,
        length: offset as u64,
        unproven_from: unproven.front().map_or(offset, |(_, offset)| *offset) as u64,
        torn_bytes: torn as u64,
        label: header.label.to_vec(),
    })
}

/// Reads the segments, one in memory at a time. Gives where the chain stands in the end; none where there was nothing.
pub(crate) fn walk(
    disk: &impl Disk,
    segments: &[u64],
    durable_once: u64,
    visit: Visit<'_>,
    done: &mut dyn FnMut(SegmentRead),
) -> Result<Option<Chain>, JournalError> {
    let mut chain = None;
    for (place, first) in segments.iter().enumerate() {
        let is_last = place + 1 == segments.len();
        let bytes = match disk.read(FileId::Segment(*first)) {
            // Someone looks while the owner of the journal removes its oldest segments.
            Err(error) if error.kind() == io::ErrorKind::NotFound && chain.is_none() && !is_last => continue,
            read => read.map_err(JournalError::disk("reading a segment"))?,
        };
        let read = read_segment(*first, &bytes, &mut chain, (is_last, durable_once), visit);
        done(read.map_err(JournalError::Harmed)?);
    }
    let last = segments.last().copied().unwrap_or(1);
    match chain {
        Some(chain) if chain.last_sequence() < durable_once => Err(JournalError::Harmed(Harm {
            file: FileId::Segment(last),
            offset: disk
                .read(FileId::Segment(last))
                .map_or(0, |bytes| bytes.len() as u64),
            sequence: chain.next_sequence,
            what: "the log ends before the state that a snapshot holds",
        })),
        chain => Ok(chain),
    }
}

/// Reads a snapshot.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn read_snapshot(disk: &impl Disk, sequence: u64) -> Result<(Chain, Vec<u8>), String> {
    let bytes = disk
        .read(FileId::Snapshot(sequence))
        .map_err(|error| error.to_string())?;
    let body = format::decode_snapshot(&bytes)
        .filter(|body| body.chain.last_sequence() == sequence)
        .ok_or("it is harmed, or of another version")?;
    Ok((body.chain, body.state.to_vec()))
}
