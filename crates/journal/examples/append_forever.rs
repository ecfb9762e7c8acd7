//! Appends and syncs until it is killed, and says each sequence once it is durable.
//!
//! `cargo run -p keel-journal --example append_forever -- DIR`

use std::error::Error;
use std::io::Write;

use keel_journal::{FsDisk, Journal, Limits};

fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::args_os().nth(1).ok_or("which directory?")?;
    let limits = Limits {
        segment_bytes: 2_000,
        covered_segments_kept: 2,
        ..Limits::default()
    };
    // The state is the number of records.
    let mut usable = |sequence: u64, state: &[u8]| match state == sequence.to_le_bytes() {
        true => Ok(()),
        false => Err("not the number of records".to_owned()),
    };
    let (mut journal, _) = Journal::open(FsDisk::lock(dir)?, limits, b"append_forever", &mut usable)?;
    let mut out = std::io::stdout().lock();
    loop {
        let first = journal.next_sequence();
        for sequence in first..=first + first % 3 {
            journal.append(&sequence.to_le_bytes())?;
        }
        journal.sync()?;
        let durable = journal.next_sequence() - 1;
        if first.is_multiple_of(10) {
            journal.take_snapshot(&durable.to_le_bytes())?;
        }
        writeln!(out, "{durable}")?;
    }
}
