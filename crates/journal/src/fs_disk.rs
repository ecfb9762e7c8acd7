//! The journal's files in a directory.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::disk::{Disk, FileId};

/// A directory, used by one process at a time.
#[derive(Debug)]
pub struct FsDisk {
    dir: PathBuf,
    segment: Option<(u64, File)>,
    temporary: Option<File>,
    /// Held as long as the value lives; the system lets go of it when the process ends, however it ends.
    lock: Option<File>,
}

impl FsDisk {
    /// Takes the directory for this process, making it where there is none.
    ///
    /// # Errors
    /// `WouldBlock` when another process has it, naming the directory and that process; otherwise the system's.
    pub fn lock(dir: impl Into<PathBuf>) -> io::Result<Self> {
        let dir = dir.into();
        make_durable_dir(&dir)?;
        let path = dir.join("lock");
        let mut lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = fs::read_to_string(&path).unwrap_or_default();
                let what = format!(
                    "{} is in use by another process{}: stop it, or give this one a state directory of its own",
                    dir.display(),
                    holder
                        .trim()
                        .parse::<u32>()
                        .map_or(String::new(), |pid| format!(" ({pid})")),
                );
                return Err(io::Error::new(io::ErrorKind::WouldBlock, what));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Only for the message above, so a disk that is too full for it is no reason to stop here.
        let _told = lock
            .set_len(0)
            .and_then(|()| writeln!(lock, "{}", std::process::id()));
        Ok(Self {
            lock: Some(lock),
            ..Self::read_only(dir)
        })
    }

    /// Looks at a directory that another process may be using. Every change fails.
    #[must_use]
    pub fn read_only(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            segment: None,
            temporary: None,
            lock: None,
        }
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn path(&self, file: FileId) -> PathBuf {
        self.dir.join(file.to_string())
    }

    fn may_write(&self) -> io::Result<()> {
        if self.lock.is_some() {
            Ok(())
        } else {
            Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "the directory was opened for reading only",
            ))
        }
    }

    fn file(&mut self, file: FileId) -> io::Result<&mut File> {
        let open = match (file, &mut self.segment) {
            (FileId::Temporary, _) => self.temporary.as_mut(),
            (FileId::Segment(wanted), Some((open, handle))) if wanted == *open => Some(handle),
            _ => None,
        };
        open.ok_or_else(|| io::Error::other(format!("{file} is not open for appending")))
    }
}

/// Makes the directory, and its name durable in the one above.
fn make_durable_dir(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        make_durable_dir(parent)?;
    }
    // Not an error where another process has made it meanwhile.
    fs::create_dir_all(dir)?;
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

impl Disk for FsDisk {
    fn list(&self) -> io::Result<Vec<FileId>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            files.extend(entry?.file_name().to_str().and_then(FileId::from_name));
        }
        Ok(files)
    }

    fn read(&self, file: FileId) -> io::Result<Vec<u8>> {
        fs::read(self.path(file))
    }

    fn create_temporary(&mut self) -> io::Result<()> {
        self.may_write()?;
        self.temporary = Some(File::create(self.path(FileId::Temporary))?);
        Ok(())
    }

    fn resume(&mut self, segment: u64, length: u64, rewrite_from: u64) -> io::Result<()> {
        self.may_write()?;
        let path = self.path(FileId::Segment(segment));
        let mut file = OpenOptions::new().read(true).write(true).open(path)?;
        let again = usize::try_from(length.saturating_sub(rewrite_from)).map_err(io::Error::other)?;
        let mut bytes = vec![0; again];
        file.read_exact_at(&mut bytes, rewrite_from)?;
        file.write_all_at(&bytes, rewrite_from)?;
        file.set_len(length)?;
        file.seek(SeekFrom::Start(length))?;
        self.segment = Some((segment, file));
        Ok(())
    }

    fn append(&mut self, file: FileId, bytes: &[u8]) -> io::Result<()> {
        self.file(file)?.write_all(bytes)
    }

    fn sync(&mut self, file: FileId) -> io::Result<()> {
        self.file(file)?.sync_data()
    }

    fn rename_temporary(&mut self, to: FileId) -> io::Result<()> {
        let handle = self
            .temporary
            .take()
            .ok_or_else(|| io::Error::other("there is no temporary file"))?;
        fs::rename(self.path(FileId::Temporary), self.path(to))?;
        if let FileId::Segment(segment) = to {
            self.segment = Some((segment, handle));
        }
        Ok(())
    }

    fn remove(&mut self, file: FileId) -> io::Result<()> {
        self.may_write()?;
        fs::remove_file(self.path(file))
    }

    fn sync_names(&mut self) -> io::Result<()> {
        File::open(&self.dir)?.sync_all()
    }
}
