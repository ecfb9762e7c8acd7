//! Segments as files of a directory.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::disk::{Disk, SegmentId};

const SUFFIX: &str = ".journal";

/// A directory of segments, used by one process at a time.
#[derive(Debug)]
pub struct FsDisk {
    dir: PathBuf,
    open: Option<File>,
    /// Held as long as the value lives; the system lets go of it when the process ends, however it ends.
    _lock: Option<File>,
}

impl FsDisk {
    /// Takes the directory for this process, making it where there is none.
    ///
    /// # Errors
    /// `WouldBlock` when another process has it, naming the directory; otherwise the system's.
    pub fn lock(dir: impl Into<PathBuf>) -> io::Result<Self> {
        let dir = dir.into();
        fs::create_dir_all(&dir)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(dir.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                dir,
                open: None,
                _lock: Some(lock),
            }),
            Err(TryLockError::WouldBlock) => {
                let what = format!(
                    "{} is in use by another process: stop it, or give this one a state directory of its own",
                    dir.display()
                );
                Err(io::Error::new(io::ErrorKind::WouldBlock, what))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Looks at a directory that another process may be using. Appending fails.
    #[must_use]
    pub fn read_only(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            open: None,
            _lock: None,
        }
    }

    fn path(&self, segment: SegmentId) -> PathBuf {
        self.dir.join(format!("{segment}{SUFFIX}"))
    }

    fn file(&mut self) -> io::Result<&mut File> {
        self.open
            .as_mut()
            .ok_or_else(|| io::Error::other("no segment is open for appending"))
    }
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

impl Disk for FsDisk {
    fn segments(&self) -> io::Result<Vec<SegmentId>> {
        let mut segments = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let name = entry?.file_name();
            let number = name
                .to_str()
                .and_then(|name| name.strip_suffix(SUFFIX))
                .and_then(|n| n.parse().ok());
            segments.extend(number.map(SegmentId));
        }
        segments.sort_unstable();
        Ok(segments)
    }

    fn read(&self, segment: SegmentId) -> io::Result<Vec<u8>> {
        fs::read(self.path(segment))
    }

    fn create(&mut self, segment: SegmentId) -> io::Result<()> {
        let file = OpenOptions::new()
            .create_new(true)
            .append(true)
            .open(self.path(segment))?;
        file.sync_all()?;
        sync_dir(&self.dir)?;
        self.open = Some(file);
        Ok(())
    }

    fn resume(&mut self, segment: SegmentId, length: u64) -> io::Result<()> {
        let file = OpenOptions::new().append(true).open(self.path(segment))?;
        file.set_len(length)?;
        file.sync_all()?;
        self.open = Some(file);
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file()?.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file()?.sync_data()
    }
}
