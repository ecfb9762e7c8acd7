//! `trader journal verify`.

use anyhow::Result;
use keel_engine::Identity;
use keel_journal::{FsDisk, Inspection, inspect};
use keel_runtime::{ExitCode, decode};
use serde_json::json;

use super::{harm_json, refuse_empty, tell_harm};

/// A record whose bytes are as they were written, but which this version does not know.
struct Unreadable {
    sequence: u64,
    why: String,
}

/// Checks everything there is.
///
/// # Errors
/// A directory without a journal, or a disk that cannot be read.
pub(super) fn verify(disk: &FsDisk, json: bool) -> Result<ExitCode> {
    let mut unreadable: Option<Unreadable> = None;
    let inspection = inspect(disk, |sequence, payload| {
        if unreadable.is_none()
            && let Err(error) = decode(payload)
        {
            let why = error.to_string();
            unreadable = Some(Unreadable { sequence, why });
        }
    })?;
    refuse_empty(disk, &inspection)?;
    let is_sound = inspection.is_whole() && unreadable.is_none();
    print_lines(disk, &inspection, unreadable.as_ref());
    if json {
        println!("{}", to_json(disk, &inspection, unreadable.as_ref()));
    }
    Ok(if is_sound { ExitCode::Done } else { ExitCode::Fault })
}

fn label(bytes: &[u8]) -> String {
    match serde_json::from_slice::<Identity>(bytes) {
        Ok(identity) => format!(
            "mode {}, venue {}, build {}, configuration {}",
            identity.mode, identity.venue, identity.build, identity.config_hash
        ),
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn print_lines(disk: &FsDisk, inspection: &Inspection, unreadable: Option<&Unreadable>) {
    println!(
        "{}: {} records ({} to {}) in {} segments, {} snapshots, {} bytes of a torn end",
        disk.dir().display(),
        inspection.records(),
        inspection.first_sequence,
        inspection.last_sequence,
        inspection.segments.len(),
        inspection.snapshots.len(),
        inspection.torn_bytes,
    );
    for segment in &inspection.segments {
        println!(
            "{}  {} records, {} bytes; {}",
            segment.file,
            segment.records,
            segment.bytes,
            label(&segment.label)
        );
    }
    for snapshot in &inspection.snapshots {
        println!(
            "{}  {} bytes; {}",
            snapshot.file,
            snapshot.bytes,
            snapshot.fault.as_deref().unwrap_or("whole")
        );
    }
    if inspection.torn_bytes > 0 {
        println!(
            "the torn end was being written when the machine or the trader stopped, or is being written now; the next \
             start cuts it off; nothing that was durable is in it"
        );
    }
    match (&inspection.harm, unreadable) {
        (Some(harm), _) => tell_harm(disk, harm),
        (None, Some(Unreadable { sequence, why })) => eprintln!(
            "trader: record {sequence} is whole, but not one of this version's ({why}): use the version that wrote it"
        ),
        (None, None) => println!("the chain is unbroken"),
    }
}

fn to_json(disk: &FsDisk, inspection: &Inspection, unreadable: Option<&Unreadable>) -> serde_json::Value {
    let faulty = inspection.snapshots.iter().filter_map(|snapshot| {
        let fault = snapshot.fault.as_ref()?;
        Some(json!({ "file": snapshot.file.to_string(), "what": fault }))
    });
    json!({
        "dir": disk.dir(),
        "ok": inspection.is_whole() && unreadable.is_none(),
        "records": inspection.records(),
        "first_sequence": inspection.first_sequence,
        "last_sequence": inspection.last_sequence,
        "segments": inspection.segments.len(),
        "snapshots": inspection.snapshots.len(),
        "torn_bytes": inspection.torn_bytes,
        "harm": inspection.harm.as_ref().map(harm_json),
        "snapshot_faults": faulty.collect::<Vec<_>>(),
        "unreadable": unreadable.map(|u| json!({ "sequence": u.sequence, "what": u.why })),
    })
}
