//! The engine's records in the journal, one JSON object each.

use keel_engine::{Record, RecordLog};
use keel_journal::{Disk, Journal, JournalError};

/// Why records could not be kept.
#[derive(Debug)]
pub enum LogError {
    /// The record cannot be written down.
    Encode(serde_json::Error),
    /// The journal failed; it takes nothing more.
    Journal(JournalError),
}

impl std::fmt::Display for LogError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Encode(error) => write!(f, "a record cannot be written down: {error}"),
            Self::Journal(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for LogError {}

/// Writes records to a journal. What need not be durable at once is synced with what must be, or by [`JournalLog::flush`].
#[derive(Debug)]
pub struct JournalLog<D: Disk> {
    journal: Journal<D>,
    buffer: Vec<u8>,
    is_dirty: bool,
    syncs: u64,
}

impl<D: Disk> JournalLog<D> {
    /// Continues an opened journal.
    #[must_use]
    pub fn new(journal: Journal<D>) -> Self {
        Self {
            journal,
            buffer: Vec::new(),
            is_dirty: false,
            syncs: 0,
        }
    }

    /// Makes everything written so far durable.
    ///
    /// # Errors
    /// The journal's; it takes nothing more afterwards.
    pub fn flush(&mut self) -> Result<(), LogError> {
        if self.is_dirty {
            self.journal.sync().map_err(LogError::Journal)?;
            self.is_dirty = false;
            self.syncs += 1;
        }
        Ok(())
    }

    /// How many syncs were made.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.syncs
    }
}

impl<D: Disk> RecordLog for JournalLog<D> {
    type Error = LogError;

    fn commit(&mut self, records: &[Record], must_sync: bool) -> Result<(), LogError> {
        for record in records {
            self.buffer.clear();
            serde_json::to_writer(&mut self.buffer, record).map_err(LogError::Encode)?;
            self.journal.append(&self.buffer).map_err(LogError::Journal)?;
            self.is_dirty = true;
        }
        if must_sync { self.flush() } else { Ok(()) }
    }
}

/// Reads one record back.
///
/// # Errors
/// Bytes that are no record of this version.
pub fn decode(payload: &[u8]) -> serde_json::Result<Record> {
    serde_json::from_slice(payload)
}
