//! The latest records of a journal as text, for `trader incident`.

use std::collections::VecDeque;

use anyhow::Result;
use keel_journal::{FsDisk, inspect};
use serde_json::{Value, json};

use super::select::Line;
use super::{harm_json, refuse_empty};

/// The latest records' bytes that are held at once; older ones are left out.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// The latest records, one JSON object a line, and what the journal is.
///
/// # Errors
/// A directory without a journal, or a disk that cannot be read.
pub(crate) fn of(disk: &FsDisk, last: usize) -> Result<(String, Value)> {
    let mut held: VecDeque<(u64, Vec<u8>)> = VecDeque::new();
    let mut bytes = 0;
    let inspection = inspect(disk, |sequence, payload| {
        bytes += payload.len();
        held.push_back((sequence, payload.to_vec()));
        while held.len() > last || bytes > BYTES_MAX {
            let Some((_, oldest)) = held.pop_front() else {
                break;
            };
            bytes -= oldest.len();
        }
    })?;
    refuse_empty(disk, &inspection)?;
    let lines: String = held
        .iter()
        .map(|(sequence, payload)| format!("{}\n", Line::new(*sequence, payload).to_json()))
        .collect();
    let labels = inspection.segments.iter().map(|segment| {
        let label: Value = serde_json::from_slice(&segment.label).unwrap_or_default();
        json!({ "file": segment.file.to_string(), "records": segment.records, "written_by": label })
    });
    let summary = json!({
        "from": held.front().map(|(sequence, _)| sequence),
        "first_sequence": inspection.first_sequence,
        "last_sequence": inspection.last_sequence,
        "torn_bytes": inspection.torn_bytes,
        "harm": inspection.harm.as_ref().map(harm_json),
        "segments": labels.collect::<Vec<_>>(),
    });
    Ok((lines, summary))
}
