//! Opening, appending, syncing, taking snapshots.

use std::io;

use crate::disk::{Disk, FileId};
use crate::error::JournalError;
use crate::format::{self, Chain};
use crate::read::{Files, SegmentRead};
use crate::recover::{Recovered, Recovery, Usable, recover};

/// So many bytes are held in memory before they are handed to the system without being asked to.
const BUFFER_BYTES_MAX: usize = 256 * 1024;
/// So many records may wait for a sync before one is made without being asked for.
const GROUP_RECORDS_MAX: u64 = 65_536;

/// Bounds of a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A segment that has so many bytes is followed by another. At most so much is read at a start besides the records
    /// since the snapshot.
    pub segment_bytes: u64,
    /// The longest record.
    pub record_bytes_max: usize,
    /// How many snapshots are kept, the newest ones; at least one is. Each but the newest is there for the case that a
    /// newer one is harmed.
    pub snapshots_kept: usize,
    /// How many segments are kept, the newest ones, of those that no start needs since the oldest snapshot kept stands
    /// for them. They are there for people to look back.
    pub covered_segments_kept: usize,
}

impl Default for Limits {
    /// Segments of 16 MiB, records of at most 1 MiB, two snapshots, 4 GiB to look back.
    fn default() -> Self {
        Self {
            segment_bytes: 16 * 1024 * 1024,
            record_bytes_max: 1024 * 1024,
            snapshots_kept: 2,
            covered_segments_kept: 256,
        }
    }
}

/// An open journal. After any failure to write or sync it is poisoned: what reached the disk is unknown then, and trying
/// again can turn a lost record into one that seems durable.
#[derive(Debug)]
pub struct Journal<D: Disk> {
    disk: D,
    limits: Limits,
    label: Vec<u8>,
    /// Oldest first; the last segment is the open one.
    files: Files,
    segment: u64,
    segment_length: u64,
    chain: Chain,
    /// Everything up to this sequence is durable.
    durable: u64,
    /// The open segment was begun by another: the next record begins one of this label.
    is_foreign: bool,
    buffer: Vec<u8>,
    is_poisoned: bool,
}

impl<D: Disk> Journal<D> {
    /// Opens a journal, making it where there is none, and cutting off a torn end. Everything recovered is durable then.
    ///
    /// `label` stands at the start of each segment that is written from now on, for people to see who wrote it. `usable`
    /// is offered the state of the newest snapshot, then of older ones, until it takes one.
    ///
    /// # Errors
    /// `Disk`, `Full`, or `Harmed` where more than the end is harmed; nothing was changed then.
    pub fn open(
        disk: D,
        limits: Limits,
        label: &[u8],
        usable: Usable<'_>,
    ) -> Result<(Self, Recovered), JournalError> {
        let Recovery {
            recovered,
            files,
            chain,
            last,
        } = recover(&disk, usable)?;
        let mut journal = Self {
            disk,
            limits,
            label: label.to_vec(),
            files,
            segment: chain.next_sequence,
            segment_length: 0,
            chain,
            durable: chain.last_sequence(),
            is_foreign: false,
            buffer: Vec::new(),
            is_poisoned: false,
        };
        journal.resume(last)?;
        Ok((journal, recovered))
    }

    fn resume(&mut self, last: Option<SegmentRead>) -> Result<(), JournalError> {
        if self.files.has_temporary {
            self.disk
                .remove(FileId::Temporary)
                .map_err(JournalError::disk("removing an unfinished file"))?;
        }
        // An earlier process may have been killed between naming a file and making the name durable.
        self.disk
            .sync_names()
            .map_err(JournalError::disk("syncing the directory"))?;
        let Some(last) = last else {
            return self.begin_segment();
        };
        self.disk
            .resume(last.first, last.length, last.unproven_from)
            .map_err(JournalError::disk("opening the last segment"))?;
        self.disk
            .sync(FileId::Segment(last.first))
            .map_err(JournalError::disk("syncing the last segment"))?;
        self.segment = last.first;
        self.segment_length = last.length;
        self.is_foreign = last.label != self.label;
        Ok(())
    }

    /// The disk, for what is kept beside the journal.
    pub fn disk(&self) -> &D {
        &self.disk
    }

    /// The disk, for what is kept beside the journal, also when that has failed.
    pub fn disk_mut(&mut self) -> &mut D {
        &mut self.disk
    }

    /// The sequence that the next record gets; the first is 1.
    #[must_use]
    pub fn next_sequence(&self) -> u64 {
        self.chain.next_sequence
    }

    /// Appends a record and gives its sequence. It is held in memory until [`Journal::write`], and not durable until
    /// [`Journal::sync`] returns; so many records cost one sync.
    ///
    /// # Errors
    /// `TooLong` (nothing happened), `Disk` or `Full` (poisoned from now on), `Poisoned`.
    pub fn append(&mut self, payload: &[u8]) -> Result<u64, JournalError> {
        self.check()?;
        let limit = self.limits.record_bytes_max;
        let too_long = JournalError::TooLong {
            bytes: payload.len(),
            limit,
        };
        if payload.len() > limit {
            return Err(too_long);
        }
        if self.segment_length >= self.limits.segment_bytes || self.is_foreign {
            self.roll()?;
        }
        if self.chain.last_sequence() - self.durable >= GROUP_RECORDS_MAX {
            self.sync()?;
        }
        let start = self.buffer.len();
        let sequence = self.chain.next_sequence;
        let Some(checksum) = format::encode_record(&mut self.buffer, self.chain, self.durable, payload)
        else {
            return Err(too_long);
        };
        self.chain = Chain {
            next_sequence: sequence + 1,
            checksum,
        };
        self.segment_length += (self.buffer.len() - start) as u64;
        if self.buffer.len() >= BUFFER_BYTES_MAX {
            self.write()?;
        }
        Ok(sequence)
    }

    /// Hands everything appended to the system: it outlives this process then, but not the machine.
    ///
    /// # Errors
    /// `Disk` or `Full` (poisoned from now on), `Poisoned`.
    pub fn write(&mut self) -> Result<(), JournalError> {
        self.check()?;
        if self.buffer.is_empty() {
            return Ok(());
        }
        let written = self.disk.append(FileId::Segment(self.segment), &self.buffer);
        self.buffer.clear();
        self.poison_on(written.map_err(JournalError::disk("appending")))
    }

    /// Makes all that was appended durable.
    ///
    /// # Errors
    /// `Disk` or `Full` (poisoned from now on), `Poisoned`.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        self.write()?;
        if self.durable < self.chain.last_sequence() {
            let synced = self.disk.sync(FileId::Segment(self.segment));
            self.poison_on(synced.map_err(JournalError::disk("syncing")))?;
            self.durable = self.chain.last_sequence();
        }
        Ok(())
    }

    /// Keeps `state` as what all records so far amount to, after making them durable; a later start reads it and the
    /// records after it. Then removes snapshots and segments that the limits do not keep. Takes as long as two or three
    /// syncs and writing the state.
    ///
    /// # Errors
    /// `NoRoom`: the journal goes on without. Otherwise as [`Journal::sync`].
    pub fn take_snapshot(&mut self, state: &[u8]) -> Result<u64, JournalError> {
        self.sync()?;
        let sequence = self.chain.last_sequence();
        let bytes = format::encode_snapshot(self.chain, state);
        let prepared = self.write_temporary(&bytes);
        if let Err(JournalError::Full { .. }) = prepared {
            let _retried_at_the_next_start = self.disk.remove(FileId::Temporary);
            return Err(JournalError::NoRoom);
        }
        let done = prepared
            .and_then(|()| self.publish(FileId::Snapshot(sequence)))
            .and_then(|()| self.retire(sequence));
        self.poison_on(done)?;
        Ok(sequence)
    }

    /// Removes what the limits do not keep, now that the snapshot is durable.
    fn retire(&mut self, newest: u64) -> Result<(), JournalError> {
        if self.files.snapshots.last() != Some(&newest) {
            self.files.snapshots.push(newest);
        }
        let kept = self.limits.snapshots_kept.max(1);
        let surplus = self.files.snapshots.len().saturating_sub(kept);
        let oldest_kept = self.files.snapshots.get(surplus).copied().unwrap_or(newest);
        let is_deep = self.files.snapshots.len() >= kept;
        let covered = self
            .files
            .segment_of(oldest_kept + 1)
            .filter(|_| is_deep)
            .unwrap_or(0)
            .saturating_sub(self.limits.covered_segments_kept);
        let snapshots = self.files.snapshots.drain(..surplus).map(FileId::Snapshot);
        let segments = self.files.segments.drain(..covered).map(FileId::Segment);
        let old: Vec<FileId> = snapshots.chain(segments).collect();
        for file in &old {
            match self.disk.remove(*file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(JournalError::disk("removing an old file")(error));
                }
                _ => {}
            }
        }
        if old.is_empty() {
            return Ok(());
        }
        self.disk
            .sync_names()
            .map_err(JournalError::disk("syncing the directory"))
    }

    /// A full segment is made durable before the next begins, so that only the last can ever be torn.
    fn roll(&mut self) -> Result<(), JournalError> {
        self.sync()?;
        self.begin_segment()
    }

    /// Begins the segment of the next record. It appears whole or not at all.
    fn begin_segment(&mut self) -> Result<(), JournalError> {
        let first = self.chain.next_sequence;
        let limit = self.limits.record_bytes_max;
        let header = format::encode_segment_header(self.chain, &self.label)
            .filter(|_| self.label.len() <= limit)
            .ok_or(JournalError::TooLong {
                bytes: self.label.len(),
                limit,
            })?;
        let begun = self
            .write_temporary(&header)
            .and_then(|()| self.publish(FileId::Segment(first)));
        self.poison_on(begun)?;
        if self.files.segments.last() != Some(&first) {
            self.files.segments.push(first);
        }
        self.segment = first;
        self.segment_length = header.len() as u64;
        self.is_foreign = false;
        Ok(())
    }

    fn write_temporary(&mut self, bytes: &[u8]) -> Result<(), JournalError> {
        self.disk
            .create_temporary()
            .map_err(JournalError::disk("making a file"))?;
        self.disk
            .append(FileId::Temporary, bytes)
            .map_err(JournalError::disk("writing a new file"))
    }

    /// Syncs the temporary file, then gives it its name, then makes the name durable: so at every moment the name stands
    /// for nothing, or the old contents, or the new ones.
    fn publish(&mut self, name: FileId) -> Result<(), JournalError> {
        self.disk
            .sync(FileId::Temporary)
            .map_err(JournalError::disk("syncing a new file"))?;
        self.disk
            .rename_temporary(name)
            .map_err(JournalError::disk("naming a new file"))?;
        self.disk
            .sync_names()
            .map_err(JournalError::disk("syncing the directory"))
    }

    fn check(&self) -> Result<(), JournalError> {
        if self.is_poisoned {
            Err(JournalError::Poisoned)
        } else {
            Ok(())
        }
    }

    fn poison_on<T>(&mut self, result: Result<T, JournalError>) -> Result<T, JournalError> {
        self.is_poisoned |= result.is_err();
        result
    }
}
