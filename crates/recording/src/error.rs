use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why a recording cannot be written or read, and what to do about it.
#[derive(Debug, Error)]
pub enum RecordingError {
    /// The disk has no room; all blocks synced before are kept.
    #[error(
        "no space left for {path}: free space or record to another disk with --out; what was synced before is kept"
    )]
    DiskFull {
        /// The file that could not grow.
        path: PathBuf,
    },
    /// The directory holds a recording already; nothing was written.
    #[error(
        "{path} exists: a recording is never continued or overwritten, choose an empty directory with --out"
    )]
    Exists {
        /// The segment or index that is there.
        path: PathBuf,
    },
    /// One record is larger than a block may be; it was not written.
    #[error(
        "a record of {bytes} bytes is above the bound of {bound} bytes and was not written: read the frame's source"
    )]
    RecordTooLarge {
        /// The size of its line.
        bytes: usize,
        /// The bound.
        bound: usize,
    },
    /// A block inside a segment is damaged, with sound bytes after it: no crash leaves this.
    #[error(
        "{path} is damaged at byte {offset} ({reason}): take the file from a backup, or remove it to read the other segments"
    )]
    Damaged {
        /// The segment.
        path: PathBuf,
        /// Where the damaged block begins.
        offset: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The writer's thread is gone.
    #[error("the recording's writer ended without a result: read what was synced, then record anew")]
    WriterGone,
    /// The file system refused.
    #[error("{path}: {source}; check that the path exists and that this user may use it")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl RecordingError {
    /// The error for what the system said about `path`.
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
            io::ErrorKind::AlreadyExists => Self::Exists { path },
            _ => Self::Io { path, source },
        }
    }
}
