//! A disk that notes what it is asked for, and answers otherwise than it should where a test says so.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use keel_journal::{Disk, FileId, MemDisk};

#[derive(Debug, Clone, Default)]
pub(crate) struct Watched {
    pub(crate) disk: MemDisk,
    /// What a listing gives instead of the files that there are.
    pub(crate) listing: Option<Vec<FileId>>,
    /// A file that cannot be read.
    pub(crate) unreadable: Option<FileId>,
    /// Why nothing can be removed.
    pub(crate) unremovable: Option<io::ErrorKind>,
    /// From where on the last segment was written again.
    pub(crate) rewritten_from: Rc<Cell<Option<u64>>>,
}

impl Disk for Watched {
    fn list(&self) -> io::Result<Vec<FileId>> {
        self.listing.clone().map_or_else(|| self.disk.list(), Ok)
    }
    fn read(&self, file: FileId) -> io::Result<Vec<u8>> {
        if self.unreadable == Some(file) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.disk.read(file)
    }
    fn create_temporary(&mut self) -> io::Result<()> {
        self.disk.create_temporary()
    }
    fn resume(&mut self, segment: u64, length: u64, rewrite_from: u64) -> io::Result<()> {
        self.rewritten_from.set(Some(rewrite_from));
        self.disk.resume(segment, length, rewrite_from)
    }
    fn append(&mut self, file: FileId, bytes: &[u8]) -> io::Result<()> {
        self.disk.append(file, bytes)
    }
    fn sync(&mut self, file: FileId) -> io::Result<()> {
        self.disk.sync(file)
    }
    fn rename_temporary(&mut self, to: FileId) -> io::Result<()> {
        self.disk.rename_temporary(to)
    }
    fn remove(&mut self, file: FileId) -> io::Result<()> {
        match self.unremovable {
            Some(kind) => Err(kind.into()),
            None => self.disk.remove(file),
        }
    }
    fn sync_names(&mut self) -> io::Result<()> {
        self.disk.sync_names()
    }
}
