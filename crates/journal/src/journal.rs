//! Opening, appending, syncing.

use std::io;

use crate::disk::{Disk, SegmentId};
use crate::frame::{self, Frame};

/// Bounds of a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A segment that has so many bytes is followed by another.
    pub segment_bytes: u64,
    /// The longest record.
    pub record_bytes_max: usize,
}

impl Default for Limits {
    /// Segments of 64 MiB, records of at most 1 MiB.
    fn default() -> Self {
        Self {
            segment_bytes: 64 * 1024 * 1024,
            record_bytes_max: 1024 * 1024,
        }
    }
}

/// Why a journal cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk failed. The journal takes nothing more; the process is to halt.
    #[error("journal: {doing}: {source}")]
    Disk {
        /// What was being done.
        doing: &'static str,
        /// The disk's error.
        source: io::Error,
    },
    /// An earlier failure; nothing more is taken.
    #[error(
        "journal: an earlier write failed, so nothing more is taken; restart after the disk has been looked after"
    )]
    Poisoned,
    /// The record is longer than the limit; nothing was written.
    #[error("journal: a record of {bytes} bytes is longer than the limit of {limit}")]
    TooLong {
        /// The record's length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// A record before the end is harmed, or a segment is missing.
    #[error(
        "journal: segment {segment} is harmed at byte {offset} (record {sequence}), and more records follow: \
         restore the state directory from a copy, or start with an empty one and let the venue's view be accepted"
    )]
    Harmed {
        /// The segment.
        segment: SegmentId,
        /// Where in it.
        offset: u64,
        /// The record that should stand there.
        sequence: u64,
    },
}

fn on_disk(doing: &'static str) -> impl FnOnce(io::Error) -> JournalError {
    move |source| JournalError::Disk { doing, source }
}

/// What was found when a journal was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// All whole records, in order.
    pub records: Vec<Vec<u8>>,
    /// Bytes of a torn end: written by a crash, never synced, and cut off.
    pub torn_bytes: u64,
}

struct Scan {
    recovered: Recovered,
    last: Option<(SegmentId, u64)>,
    next_sequence: u64,
    checksum: u32,
}

/// Reads all segments, checking the chain.
fn scan(disk: &impl Disk) -> Result<Scan, JournalError> {
    let segments = disk.segments().map_err(on_disk("listing segments"))?;
    let mut scan = Scan {
        recovered: Recovered {
            records: Vec::new(),
            torn_bytes: 0,
        },
        last: None,
        next_sequence: 1,
        checksum: 0,
    };
    for (place, segment) in segments.iter().enumerate() {
        let harmed = |offset: usize, sequence| JournalError::Harmed {
            segment: *segment,
            offset: offset as u64,
            sequence,
        };
        if segment.0 != place as u64 + 1 {
            return Err(harmed(0, scan.next_sequence));
        }
        let bytes = disk.read(*segment).map_err(on_disk("reading a segment"))?;
        let is_last = place + 1 == segments.len();
        let mut offset = 0;
        loop {
            let rest = bytes.get(offset..).unwrap_or_default();
            match frame::decode(rest, scan.next_sequence, scan.checksum) {
                Frame::Record {
                    payload,
                    checksum,
                    bytes,
                } => {
                    scan.recovered.records.push(payload.to_vec());
                    scan.next_sequence += 1;
                    scan.checksum = checksum;
                    offset += bytes;
                }
                Frame::End => break,
                Frame::Bad if is_last && !frame::holds_later_record(rest, scan.next_sequence) => {
                    scan.recovered.torn_bytes = rest.len() as u64;
                    break;
                }
                Frame::Bad => return Err(harmed(offset, scan.next_sequence)),
            }
        }
        scan.last = Some((*segment, offset as u64));
    }
    Ok(scan)
}

/// Reads a journal without opening it for writing.
///
/// # Errors
/// `Disk` or `Harmed`.
pub fn read_all(disk: &impl Disk) -> Result<Recovered, JournalError> {
    scan(disk).map(|scan| scan.recovered)
}

/// An open journal. After any failure to write or sync it is poisoned: what reached the disk is unknown then, and trying
/// again can turn a lost record into one that seems durable.
#[derive(Debug)]
pub struct Journal<D: Disk> {
    disk: D,
    limits: Limits,
    segment: SegmentId,
    segment_length: u64,
    next_sequence: u64,
    checksum: u32,
    has_unsynced: bool,
    is_poisoned: bool,
    buffer: Vec<u8>,
}

impl<D: Disk> Journal<D> {
    /// Opens a journal, making it where there is none, and cutting off a torn end.
    ///
    /// # Errors
    /// `Disk`, or `Harmed` where more than the end is harmed; nothing was changed then.
    pub fn open(mut disk: D, limits: Limits) -> Result<(Self, Recovered), JournalError> {
        let Scan {
            recovered,
            last,
            next_sequence,
            checksum,
        } = scan(&disk)?;
        let (segment, segment_length) = match last {
            Some((segment, length)) => {
                disk.resume(segment, length)
                    .map_err(on_disk("opening the last segment"))?;
                (segment, length)
            }
            None => {
                disk.create(SegmentId(1))
                    .map_err(on_disk("making the first segment"))?;
                (SegmentId(1), 0)
            }
        };
        let journal = Self {
            disk,
            limits,
            segment,
            segment_length,
            next_sequence,
            checksum,
            has_unsynced: false,
            is_poisoned: false,
            buffer: Vec::new(),
        };
        Ok((journal, recovered))
    }

    /// The sequence that the next record gets; the first is 1.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    /// Appends a record and gives its sequence. Not durable until [`Journal::sync`] returns.
    ///
    /// # Errors
    /// `TooLong` (nothing happened), `Disk` (poisoned from now on), `Poisoned`.
    pub fn append(&mut self, payload: &[u8]) -> Result<u64, JournalError> {
        if self.is_poisoned {
            return Err(JournalError::Poisoned);
        }
        let limit = self.limits.record_bytes_max;
        let too_long = JournalError::TooLong {
            bytes: payload.len(),
            limit,
        };
        if payload.len() > limit {
            return Err(too_long);
        }
        if self.segment_length >= self.limits.segment_bytes {
            self.roll()?;
        }
        let sequence = self.next_sequence;
        self.buffer.clear();
        let Some(checksum) = frame::encode(&mut self.buffer, sequence, self.checksum, payload) else {
            return Err(too_long);
        };
        self.disk.append(&self.buffer).map_err(|source| {
            self.is_poisoned = true;
            JournalError::Disk {
                doing: "appending",
                source,
            }
        })?;
        self.segment_length += self.buffer.len() as u64;
        self.checksum = checksum;
        self.next_sequence += 1;
        self.has_unsynced = true;
        Ok(sequence)
    }

    /// Makes all that was appended durable.
    ///
    /// # Errors
    /// `Disk` (poisoned from now on), `Poisoned`.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        if self.is_poisoned {
            return Err(JournalError::Poisoned);
        }
        if self.has_unsynced {
            self.disk.sync().map_err(|source| {
                self.is_poisoned = true;
                JournalError::Disk {
                    doing: "syncing",
                    source,
                }
            })?;
            self.has_unsynced = false;
        }
        Ok(())
    }

    /// A full segment is made durable before the next begins, so that only the last can ever be torn.
    fn roll(&mut self) -> Result<(), JournalError> {
        self.sync()?;
        let next = SegmentId(self.segment.0 + 1);
        self.disk.create(next).map_err(|source| {
            self.is_poisoned = true;
            JournalError::Disk {
                doing: "making a segment",
                source,
            }
        })?;
        self.segment = next;
        self.segment_length = 0;
        Ok(())
    }
}
