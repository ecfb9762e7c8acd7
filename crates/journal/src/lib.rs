//! A durable, append-only log of byte records. It knows bytes, not what they mean.
//!
//! Records stand in segments; each carries its length, its sequence, a checksum over itself, and the checksum of the
//! record before, so that nothing can be lost, changed or put in between without being seen. A torn end, as a crash
//! leaves it, is cut off and reported; damage anywhere before it refuses to open.
//!
//! ```
//! use keel_journal::{Journal, Limits, MemDisk};
//!
//! let disk = MemDisk::default();
//! let (mut journal, recovered) = Journal::open(disk.clone(), Limits::default())?;
//! assert!(recovered.records.is_empty());
//! journal.append(b"first")?;
//! journal.sync()?;
//! drop(journal);
//! let (_, recovered) = Journal::open(disk, Limits::default())?;
//! assert_eq!(recovered.records, [b"first".to_vec()]);
//! # Ok::<(), keel_journal::JournalError>(())
//! ```

mod disk;
mod frame;
mod fs_disk;
mod journal;
mod mem_disk;

pub use disk::{Disk, SegmentId};
pub use fs_disk::FsDisk;
pub use journal::{Journal, JournalError, Limits, Recovered, read_all};
pub use mem_disk::MemDisk;
