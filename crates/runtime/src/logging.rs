//! Structured logs: JSON lines in files that never outgrow their bound.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Context, Result};
use tracing_subscriber::EnvFilter;

/// The bytes of one log file before the next is begun.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// How many log files are kept, the one being written among them.
const FILES_MAX: usize = 4;

/// Sends this process's log to `name.jsonl` in the directory, at the level, or at what `RUST_LOG` says. Two processes may
/// share a directory, but no name.
///
/// # Errors
/// A directory that cannot be written.
pub fn log_to(dir: &Path, name: &'static str, level: &str) -> Result<()> {
    let log = CappedLog::open(dir, name, FILE_BYTES_MAX, FILES_MAX)
        .with_context(|| format!("the log cannot be written in {}", dir.display()))?;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| level.into());
    let format = tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .with_writer(Mutex::new(log));
    // A second call finds the first one's log in place.
    let _already_there = format.try_init();
    Ok(())
}

/// A log of at most so many files of at most so many bytes: the oldest goes first.
///
/// A write that fails is dropped and counted, since trading must not depend on its log: the first of a row is told on
/// standard error, and once the file can be written again, a line in it says how many are missing.
#[derive(Debug)]
pub struct CappedLog {
    dir: PathBuf,
    name: &'static str,
    bytes_max: u64,
    files_max: usize,
    file: File,
    written: u64,
    dropped: u64,
}

impl CappedLog {
    /// Goes on with the file `name.jsonl` in the directory, which is made where there is none.
    ///
    /// # Errors
    /// The system's.
    pub fn open(dir: &Path, name: &'static str, bytes_max: u64, files_max: usize) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(dir.join(format!("{name}.jsonl")))?;
        let written = file.metadata()?.len();
        Ok(Self {
            dir: dir.to_owned(),
            name,
            bytes_max,
            files_max,
            file,
            written,
            dropped: 0,
        })
    }

    /// How many writes have been dropped since one last succeeded.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The n-th newest file.
    fn path(&self, age: usize) -> PathBuf {
        self.dir.join(match age {
            0 => format!("{}.jsonl", self.name),
            age => format!("{}.{age}.jsonl", self.name),
        })
    }

    fn roll(&mut self) -> io::Result<()> {
        for age in (1..self.files_max).rev() {
            let newer = self.path(age - 1);
            if newer.exists() {
                fs::rename(newer, self.path(age))?;
            }
        }
        self.file = File::create(self.path(0))?;
        self.written = 0;
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.written > 0 && self.written + bytes.len() as u64 > self.bytes_max {
            self.roll()?;
        }
        if self.dropped > 0 {
            let gap = format!("{{\"level\":\"WARN\",\"log_lines_dropped\":{}}}\n", self.dropped);
            self.file.write_all(gap.as_bytes())?;
            self.written += gap.len() as u64;
            self.dropped = 0;
        }
        self.file.write_all(bytes)?;
        self.written += bytes.len() as u64;
        Ok(())
    }
}

impl Write for CappedLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Err(error) = self.put(bytes) {
            if self.dropped == 0 {
                // When standard error is closed too, there is nobody left to tell.
                let _told = writeln!(
                    io::stderr(),
                    "the log cannot be written, lines are dropped: {error}"
                );
            }
            self.dropped += 1;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
