//! What a journal needs of a disk.

use std::fmt;
use std::io;

/// A segment's place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SegmentId(pub u64);

impl fmt::Display for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08}", self.0)
    }
}

/// Where segments are kept. A trait, so that a test can place a crash at every byte.
pub trait Disk {
    /// The segments there are, in order.
    ///
    /// # Errors
    /// The disk's.
    fn segments(&self) -> io::Result<Vec<SegmentId>>;

    /// A segment's whole contents.
    ///
    /// # Errors
    /// The disk's.
    fn read(&self, segment: SegmentId) -> io::Result<Vec<u8>>;

    /// Makes an empty segment and opens it for appending. Durable, as an empty segment, when it returns.
    ///
    /// # Errors
    /// The disk's.
    fn create(&mut self, segment: SegmentId) -> io::Result<()>;

    /// Opens a segment for appending, cut to `length` bytes. The cut is durable when it returns.
    ///
    /// # Errors
    /// The disk's.
    fn resume(&mut self, segment: SegmentId, length: u64) -> io::Result<()>;

    /// Appends to the open segment; not durable yet.
    ///
    /// # Errors
    /// The disk's; a part may have been written.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes everything appended to the open segment durable.
    ///
    /// # Errors
    /// The disk's; nothing may be assumed of what was appended.
    fn sync(&mut self) -> io::Result<()>;
}
