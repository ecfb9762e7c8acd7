//! A run's export as others read it: Python's csv and json, and pandas by the documented example, all with the same totals.
//! It needs KEEL_CLIENTS_PYTHON, as the clients' tests do; without it the test says so and passes.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use std::process::Command;

use keel_tests::{binary, root};

#[test]
fn f47_the_documented_example_reads_the_export_and_gets_the_runs_totals() {
    let Ok(python) = std::env::var("KEEL_CLIENTS_PYTHON") else {
        eprintln!("left out: KEEL_CLIENTS_PYTHON names no Python with pandas");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let run = Command::new(binary("paper-sim"))
        .current_dir(root())
        .args(["run", "--duration", "12s", "--seed", "7", "--report"])
        .arg(dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    assert_eq!(run.status.code(), Some(0), "{said}");
    let read = Command::new(python)
        .arg(root().join("tests/clients/statement_totals.py"))
        .arg(dir.path())
        .arg(root().join("docs/STATEMENTS.md"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&read.stderr);
    assert!(read.status.success(), "{said}");
}
