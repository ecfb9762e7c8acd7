//! A disk in memory, with crashes and failures on command.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use crate::disk::{Disk, FileId};

/// What a power loss leaves of the bytes of each file that were not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnsyncedBytes {
    /// All.
    Kept,
    /// The first so many.
    Cut(usize),
    /// All, but zeros in place of the first so many: pages reach the disk in any order.
    ZeroedFirst(usize),
    /// All, with one bit turned; counted from the first unsynced bit, around the end.
    Flipped(usize),
}

/// What a power loss leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PowerLoss {
    /// Of unsynced bytes.
    pub bytes: UnsyncedBytes,
    /// Of unsynced names: the n-th new name or removal survives where bit n is set; any of them may.
    pub names: u64,
}

#[derive(Debug, Clone, Default)]
struct Contents {
    bytes: Vec<u8>,
    durable: Vec<u8>,
}

impl Contents {
    fn lose(&self, how: UnsyncedBytes) -> Vec<u8> {
        let Some(tail) = self.bytes.strip_prefix(self.durable.as_slice()) else {
            // It was cut, which happens or does not.
            let is_cut = how == UnsyncedBytes::Kept;
            return if is_cut { &self.bytes } else { &self.durable }.clone();
        };
        let mut tail = tail.to_vec();
        match how {
            UnsyncedBytes::Kept => {}
            UnsyncedBytes::Cut(kept) => tail.truncate(kept),
            UnsyncedBytes::ZeroedFirst(count) => tail.iter_mut().take(count).for_each(|byte| *byte = 0),
            UnsyncedBytes::Flipped(bit) => {
                let bit = bit.checked_rem(tail.len() * 8).unwrap_or(0);
                if let Some(byte) = tail.get_mut(bit / 8) {
                    *byte ^= 1 << (bit % 8);
                }
            }
        }
        [self.durable.as_slice(), &tail].concat()
    }
}

/// A change of names: this name stands for that file from now on, or for none.
type Naming = (FileId, Option<usize>);

#[derive(Debug, Clone, Default)]
struct State {
    files: Vec<Contents>,
    names: BTreeMap<FileId, usize>,
    durable_names: BTreeMap<FileId, usize>,
    unsynced_names: Vec<Vec<Naming>>,
    syncs_fail: bool,
    /// How long each sync takes.
    sync_takes: Duration,
    hung: Duration,
    mark: Option<String>,
    /// Bytes that can still be written; the write that passes it is cut there and fails.
    room: Option<usize>,
    /// Operations until the crash; each byte of an append is one.
    operations_left: Option<u64>,
    operations: u64,
}

impl State {
    /// Counts up to `wanted` operations, and gives how many happen before the crash.
    fn operate(&mut self, wanted: usize) -> usize {
        let done = match self.operations_left {
            Some(left) => wanted.min(usize::try_from(left).unwrap_or(usize::MAX)),
            None => wanted,
        };
        self.operations_left = self.operations_left.map(|left| left - done as u64);
        self.operations += done as u64;
        done
    }

    fn operate_once(&mut self) -> io::Result<()> {
        if self.operate(1) == 1 {
            Ok(())
        } else {
            Err(crashed())
        }
    }

    fn name(&mut self, namings: Vec<Naming>) {
        apply(&mut self.names, &namings);
        self.unsynced_names.push(namings);
    }

    fn contents(&mut self, file: FileId) -> io::Result<&mut Contents> {
        let place = *self.names.get(&file).ok_or(io::ErrorKind::NotFound)?;
        Ok(self.files.get_mut(place).ok_or(io::ErrorKind::NotFound)?)
    }
}

fn apply(names: &mut BTreeMap<FileId, usize>, namings: &[Naming]) {
    for (name, file) in namings {
        match file {
            Some(file) => names.insert(*name, *file),
            None => names.remove(name),
        };
    }
}

fn crashed() -> io::Error {
    io::Error::other("the machine has crashed")
}

/// A disk in memory. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub struct MemDisk(Rc<RefCell<State>>);

impl MemDisk {
    /// Lets every sync fail from now on.
    pub fn fail_syncs(&self) {
        self.0.borrow_mut().syncs_fail = true;
    }

    /// Lets every sync take so long from now on, as far as [`MemDisk::take_hung`] tells: there is no clock here.
    pub fn hang_syncs(&self, each: Duration) {
        self.0.borrow_mut().sync_takes = each;
    }

    /// How long syncs have taken since the last call.
    #[must_use]
    pub fn take_hung(&self) -> Duration {
        std::mem::take(&mut self.0.borrow_mut().hung)
    }

    /// Lets the disk be full after so many more bytes.
    pub fn fill_after(&self, bytes: usize) {
        self.0.borrow_mut().room = Some(bytes);
    }

    /// Crashes after so many more operations, each byte of an append being one: everything fails from then on.
    pub fn crash_after(&self, operations: u64) {
        self.0.borrow_mut().operations_left = Some(operations);
    }

    /// How many operations there have been, as [`MemDisk::crash_after`] counts.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.0.borrow().operations
    }

    /// Another disk: as this one would be found after a power loss now, in order again.
    #[must_use]
    pub fn after(&self, loss: PowerLoss) -> Self {
        let state = self.0.borrow();
        let mut names = state.durable_names.clone();
        for (n, namings) in state.unsynced_names.iter().enumerate() {
            if loss
                .names
                .checked_shr(u32::try_from(n).unwrap_or(u32::MAX))
                .unwrap_or(0)
                & 1
                == 1
            {
                apply(&mut names, namings);
            }
        }
        let left = |contents: &Contents| {
            let bytes = contents.lose(loss.bytes);
            Contents {
                durable: bytes.clone(),
                bytes,
            }
        };
        Self(Rc::new(RefCell::new(State {
            files: state.files.iter().map(left).collect(),
            durable_names: names.clone(),
            names,
            mark: state.mark.clone(),
            ..State::default()
        })))
    }

    /// Another disk: as this one is found after only the process was killed. What was not durable is there, and still is
    /// not durable.
    #[must_use]
    pub fn after_kill(&self) -> Self {
        let mut state = self.0.borrow().clone();
        state.operations_left = None;
        state.operations = 0;
        state.syncs_fail = false;
        state.room = None;
        Self(Rc::new(RefCell::new(state)))
    }

    /// Turns one bit of a file that is on the disk already.
    pub fn flip(&self, file: FileId, byte: usize, bit: u8) {
        let mut state = self.0.borrow_mut();
        if let Ok(contents) = state.contents(file) {
            for bytes in [&mut contents.bytes, &mut contents.durable] {
                if let Some(byte) = bytes.get_mut(byte) {
                    *byte ^= 1 << (bit % 8);
                }
            }
        }
    }

    pub(crate) fn mark_text(&self) -> Option<String> {
        self.0.borrow().mark.clone()
    }

    /// Changes the mark; told whether there is room for words in it.
    pub(crate) fn change_mark(&self, change: impl FnOnce(&mut Option<String>, bool)) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        if state.operations_left == Some(0) {
            return Err(crashed());
        }
        let has_room = state.room != Some(0);
        change(&mut state.mark, has_room);
        if state.syncs_fail {
            return Err(io::Error::other("the disk failed to sync"));
        }
        Ok(())
    }

    /// How long a file is; 0 where there is none.
    #[must_use]
    pub fn length(&self, file: FileId) -> usize {
        self.read(file).map_or(0, |bytes| bytes.len())
    }
}

impl Disk for MemDisk {
    fn list(&self) -> io::Result<Vec<FileId>> {
        Ok(self.0.borrow().names.keys().copied().collect())
    }

    fn read(&self, file: FileId) -> io::Result<Vec<u8>> {
        Ok(self.0.borrow_mut().contents(file)?.bytes.clone())
    }

    fn create_temporary(&mut self) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        state.operate_once()?;
        let place = state.files.len();
        state.files.push(Contents::default());
        state.name(vec![(FileId::Temporary, Some(place))]);
        Ok(())
    }

    fn resume(&mut self, segment: u64, length: u64, _rewrite_from: u64) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        state.operate_once()?;
        let length = usize::try_from(length).map_err(io::Error::other)?;
        state.contents(FileId::Segment(segment))?.bytes.truncate(length);
        Ok(())
    }

    fn append(&mut self, file: FileId, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        let fits = state.room.map_or(bytes.len(), |room| room.min(bytes.len()));
        let done = state.operate(fits);
        if let Some(room) = &mut state.room {
            *room -= done;
        }
        state.contents(file)?.bytes.extend(bytes.iter().take(done));
        if done < fits {
            Err(crashed())
        } else if fits < bytes.len() {
            Err(io::ErrorKind::StorageFull.into())
        } else {
            Ok(())
        }
    }

    fn sync(&mut self, file: FileId) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        state.operate_once()?;
        let took = state.sync_takes;
        state.hung += took;
        if state.syncs_fail {
            return Err(io::Error::other("the disk failed to sync"));
        }
        let contents = state.contents(file)?;
        contents.durable.clone_from(&contents.bytes);
        Ok(())
    }

    fn rename_temporary(&mut self, to: FileId) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        state.operate_once()?;
        let place = *state
            .names
            .get(&FileId::Temporary)
            .ok_or(io::ErrorKind::NotFound)?;
        state.name(vec![(FileId::Temporary, None), (to, Some(place))]);
        Ok(())
    }

    fn remove(&mut self, file: FileId) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        state.operate_once()?;
        state.contents(file)?;
        state.name(vec![(file, None)]);
        Ok(())
    }

    fn sync_names(&mut self) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        state.operate_once()?;
        if state.syncs_fail {
            return Err(io::Error::other("the disk failed to sync"));
        }
        state.unsynced_names.clear();
        state.durable_names = state.names.clone();
        Ok(())
    }
}
