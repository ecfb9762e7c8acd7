//! The mark that keeps the next start halted, for whoever cannot write the journal: it failed, or is another process's.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};

use crate::{Disk, FsDisk, MemDisk};

/// The mark's name in the state directory.
const FILE: &str = "HALTED";
/// A mark takes no further reason beyond so many bytes.
const BYTES_MAX: u64 = 64 * 1024;

/// Where the mark can be left. It is no part of the journal, so that it can be left when that has failed.
pub trait HaltMark {
    /// Leaves the mark, with a reason; those that stand in it stay. Durable when this returns. On a disk without room the
    /// mark may be there without the reason, which is no error: a name needs no room.
    ///
    /// The directory need not be this process's own.
    ///
    /// # Errors
    /// The disk's: the mark may not be there after a crash.
    fn leave_mark(&mut self, reason: &str) -> io::Result<()>;

    /// The reasons that stand in the mark, or none where no mark was left.
    ///
    /// # Errors
    /// The disk's: a mark may be there.
    fn mark(&self) -> io::Result<Option<String>>;

    /// Takes the mark away for good, if there is one.
    ///
    /// # Errors
    /// The disk's: the mark may be there still.
    fn clear_mark(&mut self) -> io::Result<()>;
}

fn told(text: &str) -> String {
    match text.trim() {
        "" => "a halt that could not be recorded; there was no room for its reason".to_owned(),
        text => text.lines().collect::<Vec<_>>().join("; "),
    }
}

fn line(reason: &str) -> String {
    reason.lines().collect::<Vec<_>>().join(" ") + "\n"
}

impl HaltMark for FsDisk {
    fn leave_mark(&mut self, reason: &str) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.dir().join(FILE))?;
        if file.metadata()?.len() < BYTES_MAX {
            // Without its reason it is a mark all the same.
            let _written = file.write_all(line(reason).as_bytes());
        }
        file.sync_all()?;
        File::open(self.dir())?.sync_all()
    }

    fn mark(&self) -> io::Result<Option<String>> {
        match fs::read(self.dir().join(FILE)) {
            Ok(bytes) => Ok(Some(told(&String::from_utf8_lossy(&bytes)))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn clear_mark(&mut self) -> io::Result<()> {
        match fs::remove_file(self.dir().join(FILE)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => self.sync_names(),
        }
    }
}

impl HaltMark for MemDisk {
    fn leave_mark(&mut self, reason: &str) -> io::Result<()> {
        self.change_mark(|mark, has_room| {
            let text = mark.get_or_insert_default();
            if has_room {
                text.push_str(&line(reason));
            }
        })
    }

    fn mark(&self) -> io::Result<Option<String>> {
        Ok(self.mark_text().map(|text| told(&text)))
    }

    fn clear_mark(&mut self) -> io::Result<()> {
        self.change_mark(|mark, _| *mark = None)
    }
}
