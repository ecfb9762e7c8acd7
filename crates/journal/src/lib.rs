//! A durable, append-only log of byte records, with snapshots. It knows bytes, not what they mean.
//!
//! Records stand in segments; each carries its length, its sequence, a checksum over itself, the checksum of the record
//! before, and how far the log was durable when it was written. So nothing can be lost, changed or put in between without
//! being seen, and a torn end, as a crash leaves it, is told from harm: the one is cut off and reported, the other
//! refuses to open. A snapshot stands for all records before it, so that a start reads only those after it. The bytes are
//! described in docs/JOURNAL.md.
//!
//! ```
//! use keel_journal::{Journal, Limits, MemDisk};
//!
//! let disk = MemDisk::default();
//! let mut state = Vec::new();
//! let mut usable = |_sequence: u64, bytes: &[u8]| {
//!     state = bytes.to_vec();
//!     Ok(())
//! };
//! let (mut journal, recovered) = Journal::open(disk.clone(), Limits::default(), b"build 1", &mut usable)?;
//! assert!(recovered.records.is_empty());
//! journal.append(b"first")?;
//! journal.take_snapshot(b"what the first record amounts to")?;
//! journal.append(b"second")?;
//! journal.sync()?;
//! drop(journal);
//! let (_, recovered) = Journal::open(disk, Limits::default(), b"build 1", &mut usable)?;
//! assert_eq!(recovered.records, [b"second".to_vec()]);
//! assert_eq!(state, b"what the first record amounts to");
//! # Ok::<(), keel_journal::JournalError>(())
//! ```

mod disk;
mod error;
mod format;
mod fs_disk;
mod inspect;
mod journal;
mod mark;
mod mem_disk;
mod read;
mod recover;

pub use disk::{Disk, FileId};
pub use error::{Harm, JournalError};
pub use fs_disk::FsDisk;
pub use inspect::{Inspection, SegmentSummary, SnapshotSummary, inspect, read_all};
pub use journal::{Journal, Limits};
pub use mark::HaltMark;
pub use mem_disk::{MemDisk, PowerLoss, UnsyncedBytes};
pub use recover::{PassedOver, Recovered, Usable};
