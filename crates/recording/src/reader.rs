use std::fs;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::path::Path;

use zstd::zstd_safe::find_frame_compressed_size;

use crate::segment::MAX_BLOCK_BYTES;
use crate::{INDEX_FILE, IndexEntry, Record, RecordingError, segment_name};

/// Bytes at a segment's end that are no complete block; they were cut.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TornTail {
    /// The segment.
    pub segment: String,
    /// How many bytes were cut.
    pub bytes: u64,
}

/// What the index says and what the segment holds, where they differ; the segment is what was read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Disagreement {
    /// The index's line, absent when it has none for a segment that another one follows.
    pub indexed: Option<IndexEntry>,
    /// What the segment holds, absent when the file is missing.
    pub found: Option<IndexEntry>,
}

/// What reading a recording found.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ReadSummary {
    /// Segments read.
    pub segments: u64,
    /// Records read.
    pub records: u64,
    /// Sequence numbers missing between the first and last record: frames dropped or lost.
    pub missing: u64,
    /// Records whose number does not exceed the one before.
    pub out_of_order: u64,
    /// Tails that were cut.
    pub torn: Vec<TornTail>,
    /// Index lines that are no entry; a crash leaves one at most.
    pub unreadable_index_lines: u64,
    /// Differences between index and segments.
    pub disagreements: Vec<Disagreement>,
}

/// Reads the recording in `dir` in order and gives each record to `take`, until that breaks off: the summary is then of what
/// was read up to there.
///
/// A torn tail is cut and counted, and a last segment without an index line is what a killed writer leaves; both are no errors.
///
/// # Errors
/// [`RecordingError::Damaged`] when a block inside a segment is not sound; otherwise what the file system said. Records of the segments before were given.
pub fn read(
    dir: &Path,
    mut take: impl FnMut(Record) -> ControlFlow<()>,
) -> Result<ReadSummary, RecordingError> {
    let mut summary = ReadSummary::default();
    let mut indexed = read_index(dir, &mut summary)?;
    let mut last_seq = None;
    let last = last_segment(dir)?.max(indexed.len() as u64);
    for number in 1..=last {
        let name = segment_name(number);
        let entry = indexed
            .iter()
            .position(|e| e.segment == name)
            .map(|at| indexed.remove(at));
        let path = dir.join(&name);
        let data = match fs::read(&path) {
            Ok(data) => data,
            Err(e) if e.kind() == ErrorKind::NotFound => {
                summary.disagreements.push(Disagreement {
                    indexed: entry,
                    found: None,
                });
                continue;
            }
            Err(e) => return Err(RecordingError::io(&path, e)),
        };
        let (found, records) = read_segment(&path, name, &data, &mut summary)?;
        for record in records {
            count_sequence(record.seq, &mut last_seq, &mut summary);
            if take(record).is_break() {
                return Ok(summary);
            }
        }
        let unfinished = entry.is_none() && number == last;
        if !unfinished && entry.as_ref() != Some(&found) {
            summary.disagreements.push(Disagreement {
                indexed: entry,
                found: Some(found),
            });
        }
    }
    summary
        .disagreements
        .extend(indexed.into_iter().map(|e| Disagreement {
            indexed: Some(e),
            found: None,
        }));
    Ok(summary)
}

fn count_sequence(seq: u64, last: &mut Option<u64>, summary: &mut ReadSummary) {
    match *last {
        Some(before) if seq <= before => summary.out_of_order += 1,
        Some(before) => summary.missing += seq - before - 1,
        None => {}
    }
    *last = Some(last.map_or(seq, |before| before.max(seq)));
}

fn read_index(dir: &Path, summary: &mut ReadSummary) -> Result<Vec<IndexEntry>, RecordingError> {
    let path = dir.join(INDEX_FILE);
    let data = fs::read(&path).map_err(|e| RecordingError::io(&path, e))?;
    let mut entries = Vec::new();
    for line in data.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match serde_json::from_slice(line) {
            Ok(entry) => entries.push(entry),
            Err(_) => summary.unreadable_index_lines += 1,
        }
    }
    Ok(entries)
}

fn last_segment(dir: &Path) -> Result<u64, RecordingError> {
    let mut last = 0;
    for file in fs::read_dir(dir).map_err(|e| RecordingError::io(dir, e))? {
        let name = file.map_err(|e| RecordingError::io(dir, e))?.file_name();
        let number = name.to_str().and_then(|n| {
            n.strip_prefix("segment-")?
                .strip_suffix(".ndjson.zst")?
                .parse()
                .ok()
        });
        last = last.max(number.unwrap_or(0));
    }
    Ok(last)
}

fn read_segment(
    path: &Path,
    segment: String,
    data: &[u8],
    summary: &mut ReadSummary,
) -> Result<(IndexEntry, Vec<Record>), RecordingError> {
    let mut records = Vec::new();
    let mut rest = data;
    while !rest.is_empty() {
        let Some((frame, after)) = find_frame_compressed_size(rest)
            .ok()
            .and_then(|size| rest.split_at_checked(size))
        else {
            break;
        };
        match decode_block(frame) {
            Ok(block) => records.extend(block),
            Err(_) if after.is_empty() => break,
            Err(reason) => {
                return Err(RecordingError::Damaged {
                    path: path.to_path_buf(),
                    offset: data.len() - rest.len(),
                    reason,
                });
            }
        }
        rest = after;
    }
    if !rest.is_empty() {
        summary.torn.push(TornTail {
            segment: segment.clone(),
            bytes: rest.len() as u64,
        });
    }
    summary.segments += 1;
    summary.records += records.len() as u64;
    let found = IndexEntry {
        segment,
        first_wall_ns: records.first().map_or(0, |r| r.wall_ns),
        last_wall_ns: records.last().map_or(0, |r| r.wall_ns),
        records: records.len() as u64,
        bytes: (data.len() - rest.len()) as u64,
    };
    Ok((found, records))
}

fn decode_block(frame: &[u8]) -> Result<Vec<Record>, String> {
    let block = zstd::bulk::decompress(frame, MAX_BLOCK_BYTES).map_err(|e| e.to_string())?;
    let lines = block.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_slice(line).map_err(|e| e.to_string()))
        .collect()
}
