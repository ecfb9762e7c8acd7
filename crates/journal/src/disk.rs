//! What a journal needs of a disk.

use std::fmt;
use std::io;

/// A file of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileId {
    /// Records from this sequence on, until the next segment's.
    Segment(u64),
    /// The state after the record with this sequence.
    Snapshot(u64),
    /// A segment or snapshot that is not finished; of no worth after a crash.
    Temporary,
}

impl FileId {
    /// The file that has this name; none for a file that is not the journal's.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        if name == "new.tmp" {
            return Some(Self::Temporary);
        }
        let (number, kind) = name.split_once('.')?;
        let is_plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let number = number.parse().ok().filter(|_| is_plain)?;
        match kind {
            "journal" => Some(Self::Segment(number)),
            "snapshot" => Some(Self::Snapshot(number)),
            _ => None,
        }
    }
}

/// The file's name in its directory.
impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Segment(first) => write!(f, "{first:020}.journal"),
            Self::Snapshot(sequence) => write!(f, "{sequence:020}.snapshot"),
            Self::Temporary => f.write_str("new.tmp"),
        }
    }
}

/// Where the journal's files are kept. A trait, so that a test can place a crash at every byte and every operation; so
/// each operation does one thing only, and says what of it is durable.
///
/// At most two files are open for appending: the temporary one and one segment.
pub trait Disk {
    /// All files of the journal, in no special order.
    ///
    /// # Errors
    /// The disk's.
    fn list(&self) -> io::Result<Vec<FileId>>;

    /// A file's whole contents.
    ///
    /// # Errors
    /// The disk's; `NotFound` where there is none.
    fn read(&self, file: FileId) -> io::Result<Vec<u8>>;

    /// Makes the temporary file, empty, and opens it for appending; one that is there is replaced. Nothing is durable.
    ///
    /// # Errors
    /// The disk's.
    fn create_temporary(&mut self) -> io::Result<()>;

    /// Opens the segment for appending, cut to `length` bytes, and writes the bytes from `rewrite_from` on again as they
    /// are. A sync that failed in an earlier process may have left them in memory only, marked as written; written again,
    /// they reach the disk with the next sync. Not durable before that.
    ///
    /// # Errors
    /// The disk's.
    fn resume(&mut self, segment: u64, length: u64, rewrite_from: u64) -> io::Result<()>;

    /// Appends to an open file; not durable.
    ///
    /// # Errors
    /// The disk's; a part may have been written.
    fn append(&mut self, file: FileId, bytes: &[u8]) -> io::Result<()>;

    /// Makes the contents of an open file durable, but not its name.
    ///
    /// # Errors
    /// The disk's; nothing may be assumed of what was appended.
    fn sync(&mut self, file: FileId) -> io::Result<()>;

    /// Gives the temporary file its name for good, replacing what had it. A segment stays open for appending, in place of
    /// the one before; a snapshot is closed. Not durable.
    ///
    /// # Errors
    /// The disk's.
    fn rename_temporary(&mut self, to: FileId) -> io::Result<()>;

    /// Removes a file. Not durable.
    ///
    /// # Errors
    /// The disk's.
    fn remove(&mut self, file: FileId) -> io::Result<()>;

    /// Makes all names durable, and all removals.
    ///
    /// # Errors
    /// The disk's.
    fn sync_names(&mut self) -> io::Result<()>;
}
