//! Segments in memory, with crashes and failures on command.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;

use crate::disk::{Disk, SegmentId};

#[derive(Debug, Clone, Default)]
struct Segment {
    bytes: Vec<u8>,
    durable: usize,
}

#[derive(Debug, Default)]
struct Contents {
    segments: BTreeMap<SegmentId, Segment>,
    open: Option<SegmentId>,
    syncs_fail: bool,
    /// Bytes that can still be written; the write that passes it is cut there and fails.
    room: Option<usize>,
}

/// A disk in memory. Clones are the same disk, so that a test can crash it under a journal and open it again.
#[derive(Debug, Clone, Default)]
pub struct MemDisk(Rc<RefCell<Contents>>);

impl MemDisk {
    /// Lets every sync fail from now on.
    pub fn fail_syncs(&self) {
        self.0.borrow_mut().syncs_fail = true;
    }

    /// Lets the disk be full after so many more bytes.
    pub fn fill_after(&self, bytes: usize) {
        self.0.borrow_mut().room = Some(bytes);
    }

    /// What a crash leaves: everything synced, and of the rest only the first `kept` bytes of the open segment.
    pub fn crash(&self, kept: usize) {
        let mut contents = self.0.borrow_mut();
        for segment in contents.segments.values_mut() {
            let length = segment.durable.saturating_add(kept).min(segment.bytes.len());
            segment.bytes.truncate(length);
            segment.durable = length;
        }
        contents.open = None;
        contents.syncs_fail = false;
        contents.room = None;
    }

    /// Turns one bit of a segment.
    pub fn flip(&self, segment: SegmentId, byte: usize, bit: u8) {
        let mut contents = self.0.borrow_mut();
        if let Some(byte) = contents
            .segments
            .get_mut(&segment)
            .and_then(|segment| segment.bytes.get_mut(byte))
        {
            *byte ^= 1 << (bit % 8);
        }
    }

    /// How long a segment is.
    #[must_use]
    pub fn length(&self, segment: SegmentId) -> usize {
        self.0
            .borrow()
            .segments
            .get(&segment)
            .map_or(0, |segment| segment.bytes.len())
    }
}

fn not_open() -> io::Error {
    io::Error::other("no segment is open for appending")
}

impl Disk for MemDisk {
    fn segments(&self) -> io::Result<Vec<SegmentId>> {
        Ok(self.0.borrow().segments.keys().copied().collect())
    }

    fn read(&self, segment: SegmentId) -> io::Result<Vec<u8>> {
        let contents = self.0.borrow();
        contents
            .segments
            .get(&segment)
            .map(|s| s.bytes.clone())
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn create(&mut self, segment: SegmentId) -> io::Result<()> {
        let mut contents = self.0.borrow_mut();
        contents.segments.insert(segment, Segment::default());
        contents.open = Some(segment);
        Ok(())
    }

    fn resume(&mut self, segment: SegmentId, length: u64) -> io::Result<()> {
        let mut contents = self.0.borrow_mut();
        let length = usize::try_from(length).map_err(io::Error::other)?;
        let found = contents
            .segments
            .get_mut(&segment)
            .ok_or(io::ErrorKind::NotFound)?;
        found.bytes.truncate(length);
        found.durable = length;
        contents.open = Some(segment);
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut contents = self.0.borrow_mut();
        let fits = contents.room.map_or(bytes.len(), |room| room.min(bytes.len()));
        if let Some(room) = &mut contents.room {
            *room -= fits;
        }
        let open = contents.open.ok_or_else(not_open)?;
        let segment = contents.segments.get_mut(&open).ok_or_else(not_open)?;
        segment.bytes.extend(bytes.iter().take(fits));
        if fits < bytes.len() {
            Err(io::ErrorKind::StorageFull.into())
        } else {
            Ok(())
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut contents = self.0.borrow_mut();
        if contents.syncs_fail {
            return Err(io::Error::other("the disk failed to sync"));
        }
        let open = contents.open.ok_or_else(not_open)?;
        let segment = contents.segments.get_mut(&open).ok_or_else(not_open)?;
        segment.durable = segment.bytes.len();
        Ok(())
    }
}
