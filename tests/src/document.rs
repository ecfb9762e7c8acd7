//! Pages that a test holds against the code: their tables, and the tests that they name.

use std::fs;
use std::path::Path;

use crate::root;

/// The rows of the table below a heading, without its head.
#[must_use]
pub fn table(document: &str, heading: &str) -> Vec<Vec<String>> {
    let after = document.split(&format!("\n## {heading}\n")).nth(1).unwrap();
    let section = after.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| {
        let cells = row.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().to_owned()).collect()
    })
    .collect()
}

/// What stands in backticks.
#[must_use]
pub fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The Rust sources below such folders of every crate, in one text.
#[must_use]
pub fn sources_of_crates(folders: &[&str]) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let path = entry.unwrap().path();
        for dir in folders.iter().map(|name| path.join(name)) {
            if dir.is_dir() {
                read_all(&dir, &mut text);
            }
        }
    }
    text
}

/// All Rust sources that may hold tests, in one text.
#[must_use]
pub fn sources_of_tests() -> String {
    let mut text = sources_of_crates(&["src", "tests"]);
    read_all(&root().join("tests"), &mut text);
    text
}

fn read_all(dir: &Path, text: &mut String) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_all(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}
