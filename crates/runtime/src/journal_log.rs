//! The engine's records in the journal, one JSON object each.

use keel_engine::{Identity, Record, RecordLog};
use keel_journal::{Disk, Journal, JournalError, Limits, PassedOver};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// After so many records a snapshot is due where no other number was chosen, so that a start never replays many more.
pub const SNAPSHOT_RECORDS: u64 = 10_000;

/// Why records could not be kept, or read back.
#[derive(Debug)]
pub enum LogError {
    /// The record, or the state, cannot be written down.
    Encode(serde_json::Error),
    /// A record is not one of this version's.
    Decode {
        /// The record.
        sequence: u64,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The journal failed; it takes nothing more.
    Journal(JournalError),
}

impl std::fmt::Display for LogError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Encode(error) => write!(f, "a record cannot be written down: {error}"),
            Self::Decode { sequence, source } => write!(
                f,
                "record {sequence} is not one of this version's ({source}): run the version that wrote it, or choose \
                 another [state] dir"
            ),
            Self::Journal(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for LogError {}

impl From<JournalError> for LogError {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

/// A journal that was opened, and what it holds.
#[derive(Debug)]
pub struct Opened<S, D: Disk> {
    /// Where the next records go.
    pub log: JournalLog<D>,
    /// The state that the newest usable snapshot holds.
    pub state: Option<S>,
    /// The records after it, or all.
    pub records: Vec<Record>,
    /// Bytes of a torn end that was cut off.
    pub torn_bytes: u64,
    /// Snapshots that could not be used; the records that they stand for were replayed instead.
    pub passed_over: Vec<PassedOver>,
}

/// What became of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotTaken {
    /// It stands for all records up to this one.
    UpTo(u64),
    /// The disk has no room for it. The journal goes on; it is tried again after as many records again.
    NoRoom,
}

/// Writes records to a journal. What need not be durable at once is synced with what must be, or by [`JournalLog::flush`].
#[derive(Debug)]
pub struct JournalLog<D: Disk> {
    journal: Journal<D>,
    buffer: Vec<u8>,
    records_since_snapshot: u64,
    snapshot_records: u64,
}

impl<D: Disk> JournalLog<D> {
    /// Opens a journal whose snapshots hold an `S`. Segments written from now on carry the identity. A snapshot of
    /// another version is passed over, not refused: the records before it say the same.
    ///
    /// # Errors
    /// The journal's, or a record of another version. Nothing was changed, but a torn end cut off.
    pub fn open<S: DeserializeOwned>(
        disk: D,
        limits: Limits,
        identity: &Identity,
    ) -> Result<Opened<S, D>, LogError> {
        let label = serde_json::to_vec(identity).map_err(LogError::Encode)?;
        let mut state = None;
        let mut usable = |_, bytes: &[u8]| {
            let decoded = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
            state = Some(decoded);
            Ok(())
        };
        let (journal, recovered) = Journal::open(disk, limits, &label, &mut usable)?;
        let first = recovered.snapshot.unwrap_or(0) + 1;
        let decoded = |(sequence, payload): (u64, &Vec<u8>)| {
            decode(payload).map_err(|source| LogError::Decode { sequence, source })
        };
        let records: Vec<Record> = (first..)
            .zip(&recovered.records)
            .map(decoded)
            .collect::<Result<_, _>>()?;
        let log = Self {
            journal,
            buffer: Vec::new(),
            records_since_snapshot: records.len() as u64,
            snapshot_records: SNAPSHOT_RECORDS,
        };
        Ok(Opened {
            log,
            state,
            records,
            torn_bytes: recovered.torn_bytes,
            passed_over: recovered.passed_over,
        })
    }

    /// Lets a snapshot be due after so many records.
    pub fn snapshot_every(&mut self, records: u64) {
        self.snapshot_records = records;
    }

    /// The disk, for what is kept beside the journal.
    pub fn disk(&self) -> &D {
        self.journal.disk()
    }

    /// The disk, for what is kept beside the journal, also when that has failed.
    pub fn disk_mut(&mut self) -> &mut D {
        self.journal.disk_mut()
    }

    /// Makes everything written so far durable.
    ///
    /// # Errors
    /// The journal's; it takes nothing more afterwards.
    pub fn flush(&mut self) -> Result<(), LogError> {
        Ok(self.journal.sync()?)
    }

    /// Keeps the state, made by all records committed so far, as a snapshot, if there have been as many as
    /// make one due since the last. Takes as long as a few syncs, so it belongs where nothing waits for it.
    ///
    /// # Errors
    /// `Encode` for a state that cannot be written down; otherwise the journal's, which takes nothing more afterwards.
    pub fn snapshot_if_due(&mut self, state: &impl Serialize) -> Result<Option<SnapshotTaken>, LogError> {
        if self.records_since_snapshot < self.snapshot_records {
            return Ok(None);
        }
        self.take_snapshot(state).map(Some)
    }

    /// Keeps the state, made by all records committed so far, as a snapshot.
    ///
    /// # Errors
    /// As [`JournalLog::snapshot_if_due`].
    pub fn take_snapshot(&mut self, state: &impl Serialize) -> Result<SnapshotTaken, LogError> {
        self.records_since_snapshot = 0;
        let bytes = serde_json::to_vec(state).map_err(LogError::Encode)?;
        match self.journal.take_snapshot(&bytes) {
            Ok(sequence) => Ok(SnapshotTaken::UpTo(sequence)),
            Err(JournalError::NoRoom) => Ok(SnapshotTaken::NoRoom),
            Err(error) => Err(error.into()),
        }
    }
}

impl<D: Disk> RecordLog for JournalLog<D> {
    type Error = LogError;

    fn commit(&mut self, records: &[Record], must_sync: bool) -> Result<(), LogError> {
        for record in records {
            self.buffer.clear();
            serde_json::to_writer(&mut self.buffer, record).map_err(LogError::Encode)?;
            self.journal.append(&self.buffer)?;
            self.records_since_snapshot += 1;
        }
        if must_sync {
            self.flush()
        } else {
            Ok(self.journal.write()?)
        }
    }
}

/// Reads one record back.
///
/// # Errors
/// Bytes that are no record of this version.
pub fn decode(payload: &[u8]) -> serde_json::Result<Record> {
    serde_json::from_slice(payload)
}
