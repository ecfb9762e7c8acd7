//! What it costs to make a record durable before it is acted upon, beside what the machine itself takes to append the
//! bare bytes in one piece and sync them. The two take turns, so that both see the same moods of the disk.
//!
//! `cargo bench -p keel-journal --bench durable_send [-- DIR]`: DIR is on the disk that is meant; default: the working
//! directory.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a measurement that fails is no measurement"
)]

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use keel_journal::{FsDisk, Journal, Limits};

const RECORD: [u8; 200] = [b'r'; 200];

struct Times(Vec<Duration>);

impl Times {
    fn percentile(&mut self, percent: usize) -> f64 {
        self.0.sort_unstable();
        let place = (self.0.len() * percent / 100).min(self.0.len() - 1);
        self.0[place].as_secs_f64() * 1e6
    }
}

fn timed(times: &mut Times, work: impl FnOnce()) {
    let start = Instant::now();
    work();
    times.0.push(start.elapsed());
}

fn raw(file: &mut File, bytes: &[u8]) {
    file.write_all(bytes).unwrap();
    file.sync_data().unwrap();
}

fn durable(journal: &mut Journal<FsDisk>, group: usize) {
    for _ in 0..group {
        journal.append(&RECORD).unwrap();
    }
    journal.sync().unwrap();
}

fn measure(dir: &std::path::Path, group: usize, rounds: usize) {
    let (mut file, mut journal) = {
        let raw_path = dir.join(format!("raw-{group}"));
        let file = OpenOptions::new()
            .create_new(true)
            .append(true)
            .open(raw_path)
            .unwrap();
        let disk = FsDisk::lock(dir.join(format!("journal-{group}"))).unwrap();
        let mut anything = |_, _: &[u8]| Ok(());
        (
            file,
            Journal::open(disk, Limits::default(), b"bench", &mut anything)
                .unwrap()
                .0,
        )
    };
    let bytes = vec![b'r'; group * RECORD.len()];
    let (mut floor, mut ours) = (Times(Vec::new()), Times(Vec::new()));
    for round in 0..rounds {
        // Whichever comes first alternates as well.
        if round % 2 == 0 {
            timed(&mut floor, || raw(&mut file, &bytes));
            timed(&mut ours, || durable(&mut journal, group));
        } else {
            timed(&mut ours, || durable(&mut journal, group));
            timed(&mut floor, || raw(&mut file, &bytes));
        }
    }
    for percent in [50, 99] {
        let (floor, ours) = (floor.percentile(percent), ours.percentile(percent));
        println!(
            "group of {group:>3}  p{percent}  append + fdatasync {floor:>8.1} µs  journal {ours:>8.1} µs  \
             ratio {:.2}  a record {:>6.2} µs",
            ours / floor,
            ours / f64::from(u32::try_from(group).unwrap()),
        );
    }
}

fn main() {
    let dir = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with("--"));
    let parent = dir.map_or_else(|| std::env::current_dir().unwrap(), PathBuf::from);
    let dir = tempfile::tempdir_in(parent).unwrap();
    println!("records of {} bytes, in {}", RECORD.len(), dir.path().display());
    for (group, rounds) in [(1, 4_000), (16, 4_000), (100, 2_000)] {
        measure(dir.path(), group, rounds);
    }
}
