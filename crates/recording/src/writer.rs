use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::segment::MAX_BLOCK_BYTES;
use crate::{INDEX_FILE, IndexEntry, Record, RecordingError, segment_name};

const COMPRESSION_LEVEL: i32 = 3;

/// The bounds of blocks and segments.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SegmentLimits {
    /// A block is written and synced at this many uncompressed bytes.
    pub block_bytes: usize,
    /// A block is written and synced when its records span this long, nanoseconds.
    pub block_ns: u64,
    /// A segment ends at this many bytes on disk.
    pub segment_bytes: u64,
    /// A segment ends when its records span this long, nanoseconds.
    pub segment_ns: u64,
}

impl Default for SegmentLimits {
    fn default() -> Self {
        Self {
            block_bytes: 256 * 1024,
            block_ns: 1_000_000_000,
            segment_bytes: 64 * 1024 * 1024,
            segment_ns: 3_600_000_000_000,
        }
    }
}

/// What a writer has put on disk.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Written {
    /// Finished segments.
    pub segments: u64,
    /// Records synced.
    pub records: u64,
    /// Bytes on disk.
    pub bytes: u64,
}

struct OpenSegment {
    file: File,
    path: PathBuf,
    entry: IndexEntry,
    first_mono_ns: u64,
}

/// Writes records into the segments of a new recording.
///
/// After an error the writer is spent: what was synced before stands, the block in memory is lost.
pub struct SegmentWriter {
    dir: PathBuf,
    index: File,
    limits: SegmentLimits,
    open: Option<OpenSegment>,
    block: Vec<u8>,
    block_records: u64,
    block_first: Option<Record>,
    last: (u64, u64),
    written: Written,
}

impl SegmentWriter {
    /// Begins a recording in `dir`, which is made when missing.
    ///
    /// # Errors
    /// [`RecordingError::Exists`] when `dir` holds a recording; otherwise what the file system said.
    pub fn create(dir: &Path, limits: SegmentLimits) -> Result<Self, RecordingError> {
        fs::create_dir_all(dir).map_err(|e| RecordingError::io(dir, e))?;
        let index = create_file(&dir.join(INDEX_FILE))?;
        sync_dir(dir)?;
        Ok(Self {
            dir: dir.to_path_buf(),
            index,
            limits,
            open: None,
            block: Vec::new(),
            block_records: 0,
            block_first: None,
            last: (0, 0),
            written: Written::default(),
        })
    }

    /// Appends one record; blocks and segments end by the limits.
    ///
    /// # Errors
    /// [`RecordingError::RecordTooLarge`] leaves the writer as it was; after any other error it is spent.
    pub fn append(&mut self, record: &Record) -> Result<(), RecordingError> {
        let mut line = serde_json::to_vec(record).map_err(|e| RecordingError::io(&self.dir, e.into()))?;
        line.push(b'\n');
        if line.len() > MAX_BLOCK_BYTES {
            return Err(RecordingError::RecordTooLarge {
                bytes: line.len(),
                bound: MAX_BLOCK_BYTES,
            });
        }
        if self.block.len().saturating_add(line.len()) > MAX_BLOCK_BYTES {
            self.flush()?;
        }
        self.block.extend_from_slice(&line);
        self.block_records += 1;
        self.last = (record.wall_ns, record.mono_ns);
        let begun = self.block_first.get_or_insert_with(|| record.clone()).mono_ns;
        if self.block.len() >= self.limits.block_bytes
            || record.mono_ns.saturating_sub(begun) >= self.limits.block_ns
        {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes and syncs the block in memory, and ends the segment when it is full.
    ///
    /// # Errors
    /// What the file system said; the writer is then spent.
    pub fn flush(&mut self) -> Result<(), RecordingError> {
        let Some(first) = self.block_first.take() else {
            return Ok(());
        };
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.begin_segment(&first)?,
        };
        let frame = compress(&self.block).map_err(|e| RecordingError::io(&open.path, e))?;
        open.file
            .write_all(&frame)
            .and_then(|()| open.file.sync_data())
            .map_err(|e| RecordingError::io(&open.path, e))?;
        open.entry.last_wall_ns = self.last.0;
        open.entry.records += self.block_records;
        open.entry.bytes += frame.len() as u64;
        self.written.records += self.block_records;
        self.written.bytes += frame.len() as u64;
        self.block.clear();
        self.block_records = 0;
        let span_ns = self.last.1.saturating_sub(open.first_mono_ns);
        if open.entry.bytes >= self.limits.segment_bytes || span_ns >= self.limits.segment_ns {
            return self.end_segment(&open);
        }
        self.open = Some(open);
        Ok(())
    }

    /// Writes what is in memory, ends the segment and tells what is on disk.
    ///
    /// # Errors
    /// What the file system said; all blocks synced before are kept.
    pub fn finish(mut self) -> Result<Written, RecordingError> {
        self.flush()?;
        if let Some(open) = self.open.take() {
            self.end_segment(&open)?;
        }
        Ok(self.written)
    }

    fn begin_segment(&self, first: &Record) -> Result<OpenSegment, RecordingError> {
        let segment = segment_name(self.written.segments + 1);
        let path = self.dir.join(&segment);
        let file = create_file(&path)?;
        sync_dir(&self.dir)?;
        let entry = IndexEntry {
            segment,
            first_wall_ns: first.wall_ns,
            last_wall_ns: first.wall_ns,
            records: 0,
            bytes: 0,
        };
        Ok(OpenSegment {
            file,
            path,
            entry,
            first_mono_ns: first.mono_ns,
        })
    }

    fn end_segment(&mut self, open: &OpenSegment) -> Result<(), RecordingError> {
        let path = self.dir.join(INDEX_FILE);
        let mut line = serde_json::to_vec(&open.entry).map_err(|e| RecordingError::io(&path, e.into()))?;
        line.push(b'\n');
        self.index
            .write_all(&line)
            .and_then(|()| self.index.sync_data())
            .map_err(|e| RecordingError::io(&path, e))?;
        self.written.segments += 1;
        Ok(())
    }
}

fn compress(block: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut compressor = zstd::bulk::Compressor::new(COMPRESSION_LEVEL)?;
    compressor.include_checksum(true)?;
    compressor.compress(block)
}

fn create_file(path: &Path) -> Result<File, RecordingError> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(|e| RecordingError::io(path, e))
}

fn sync_dir(dir: &Path) -> Result<(), RecordingError> {
    File::open(dir)
        .and_then(|d| d.sync_all())
        .map_err(|e| RecordingError::io(dir, e))
}
