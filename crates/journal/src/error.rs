//! Why a journal cannot go on.

use std::io;

use crate::disk::FileId;

/// Why a journal cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk failed. An open journal takes nothing more; the process is to halt.
    #[error("journal: {doing}: {source}")]
    Disk {
        /// What was being done.
        doing: &'static str,
        /// The disk's error.
        source: io::Error,
    },
    /// The disk is full. An open journal takes nothing more; the process is to halt. All that was synced can be read.
    #[error(
        "journal: {doing}: the disk is full; what was recorded can be read; free some space, then start again"
    )]
    Full {
        /// What was being done.
        doing: &'static str,
    },
    /// The disk has no room for a snapshot. Nothing has changed, and the journal goes on without.
    #[error("journal: the disk has no room for a snapshot; recording goes on without; free some space")]
    NoRoom,
    /// An earlier failure; nothing more is taken. What reached the disk is unknown, and a sync that is tried again can
    /// succeed without having written what was lost.
    #[error(
        "journal: an earlier write failed, so nothing more is taken; start again after the disk has been looked after"
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
    /// What was durable is harmed or missing. Nothing was changed.
    #[error("journal: {0}")]
    Harmed(Harm),
}

/// The first place at which what was durable is harmed or missing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{file} is harmed at byte {offset}, where record {sequence} should stand: {what}. \
     Restore the state directory from a copy, or start with an empty one and let the venue's view be accepted"
)]
pub struct Harm {
    /// The file.
    pub file: FileId,
    /// Where in it.
    pub offset: u64,
    /// The record that should stand there.
    pub sequence: u64,
    /// What is wrong.
    pub what: &'static str,
}

impl JournalError {
    pub(crate) fn disk(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| {
            let is_full = matches!(
                source.kind(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
            );
            if is_full {
                Self::Full { doing }
            } else {
                Self::Disk { doing, source }
            }
        }
    }
}
