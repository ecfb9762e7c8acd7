//! What the types cannot show: that nobody opened a second door. Reads the sources.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use std::fs;
use std::path::{Path, PathBuf};

use keel_tests::root;

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Files below crates/*/src and bins/*/src that hold the text in code.
fn homes_of(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for top in ["crates", "bins"] {
        for entry in fs::read_dir(root().join(top)).unwrap() {
            let src = entry.unwrap().path().join("src");
            if src.is_dir() {
                sources(&src, &mut found);
            }
        }
    }
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    let holds = |path: &PathBuf| {
        fs::read_to_string(path)
            .unwrap()
            .lines()
            .filter(is_code)
            .any(|l| l.contains(text))
    };
    let mut homes: Vec<String> = found
        .iter()
        .filter(|path| holds(path))
        .map(|path| path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned())
        .collect();
    homes.sort();
    homes
}

#[test]
fn an_approval_is_made_in_the_gate_only() {
    assert_eq!(homes_of("ApprovedOrder::new("), ["crates/risk/src/gate.rs"]);
}

#[test]
fn the_secret_is_exposed_where_it_is_needed_only() {
    assert_eq!(
        homes_of("expose_secret()"),
        // Signing, and the header of the key's name: over sockets and in the simulation.
        [
            "crates/binance/src/driver.rs",
            "crates/binance/src/signed.rs",
            "crates/simulation/src/wires.rs"
        ]
    );
}

#[test]
fn orders_are_sent_from_one_place() {
    assert_eq!(
        homes_of("HttpMethod::Post,"),
        ["crates/binance/src/session/venue.rs"]
    );
    assert_eq!(
        homes_of("method::ORDER_PLACE"),
        ["crates/binance/src/session/venue.rs"]
    );
    // Behind the last check, whatever the order is called.
    assert_eq!(homes_of("session.submit("), ["crates/runtime/src/flow.rs"]);
}

#[test]
fn the_core_asks_no_clock() {
    for text in ["Instant::now()", "SystemTime::now()"] {
        let homes = homes_of(text);
        assert_eq!(
            homes,
            ["crates/runtime/src/clock.rs", "crates/sim-exchange/src/server.rs"],
            "{text}"
        );
    }
}

#[test]
fn f52_the_core_knows_no_floats() {
    let core = [
        "domain",
        "risk",
        "execution",
        "positions",
        "engine",
        "market-data",
    ];
    for text in ["f64", "f32"] {
        let homes = homes_of(text);
        let in_core = |home: &&String| {
            core.iter()
                .any(|name| home.starts_with(&format!("crates/{name}/")))
        };
        assert_eq!(homes.iter().find(in_core), None, "{text}");
    }
}
