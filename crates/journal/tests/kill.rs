//! The real file system, and a process that is killed in the middle of it.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use keel_journal::{FsDisk, Journal, Limits, inspect};

/// Cargo builds a package's examples along with its tests.
fn example(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let path = tests.ancestors().nth(2).unwrap().join("examples").join(name);
    assert!(
        path.exists(),
        "{} is not built: run all tests of the package",
        path.display()
    );
    path
}

#[test]
fn f31_f64_killed_while_it_writes_a_process_has_lost_nothing_it_called_durable() {
    let dir = tempfile::tempdir().unwrap();
    let mut durable = 0;
    for round in 0..15 {
        let mut child = Command::new(example("append_forever"))
            .arg(dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for _ in 0..=round * 7 {
            durable = lines
                .next()
                .expect("it writes until it is killed")
                .unwrap()
                .parse()
                .unwrap();
        }
        child.kill().unwrap();
        // What it said before the signal came counts too; the last line may be cut.
        let said: Vec<String> = lines.map(Result::unwrap).collect();
        for line in said.iter().rev().skip(1) {
            durable = durable.max(line.parse::<u64>().unwrap());
        }
        child.wait().unwrap();

        let inspection = inspect(&FsDisk::read_only(dir.path()), |sequence, payload| {
            assert_eq!(payload, sequence.to_le_bytes());
        })
        .unwrap();
        assert_eq!(inspection.harm, None);
        assert!(
            inspection.last_sequence >= durable,
            "round {round}: {durable} was durable, {} is left",
            inspection.last_sequence
        );
    }
    let mut usable = |sequence: u64, state: &[u8]| {
        assert_eq!(state, sequence.to_le_bytes());
        Ok(())
    };
    let disk = FsDisk::lock(dir.path()).expect("the lock died with its process");
    let (journal, recovered) = Journal::open(disk, Limits::default(), b"test", &mut usable).unwrap();
    assert!(recovered.snapshot.is_some(), "{durable} records, and no snapshot");
    assert!(journal.next_sequence() > durable);
}
