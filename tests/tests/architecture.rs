//! The arrows between crates, and the homes of the libraries that touch the outside world.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// What each crate may depend on (besides outside libraries). Absence is the point.
const ARROWS: &[(&str, &[&str])] = &[
    ("keel-domain", &[]),
    ("keel-config", &["keel-domain"]),
    ("keel-control", &[]),
    ("keel-guard", &["keel-domain"]),
    ("keel-market-data", &["keel-domain"]),
    ("keel-strategy", &["keel-domain", "keel-market-data"]),
    ("keel-positions", &["keel-domain"]),
    ("keel-risk", &["keel-domain"]),
    ("keel-execution", &["keel-domain", "keel-risk"]),
    ("keel-journal", &[]),
    (
        "keel-engine",
        &[
            "keel-domain",
            "keel-execution",
            "keel-market-data",
            "keel-positions",
            "keel-risk",
            "keel-strategy",
        ],
    ),
    ("keel-binance-wire", &["keel-domain"]),
    (
        "keel-binance",
        &[
            "keel-binance-wire",
            "keel-domain",
            "keel-execution",
            "keel-market-data",
            "keel-risk",
        ],
    ),
    ("keel-sim-exchange", &["keel-binance-wire", "keel-domain"]),
    (
        "keel-simulation",
        &[
            "keel-binance",
            "keel-binance-wire",
            "keel-config",
            "keel-domain",
            "keel-engine",
            "keel-journal",
            "keel-market-data",
            "keel-recording",
            "keel-runtime",
            "keel-sim-exchange",
        ],
    ),
    ("keel-monitoring", &["keel-domain"]),
    ("keel-recording", &[]),
    ("keel-report", &["keel-domain"]),
];

/// Crates that must stay free of these libraries, directly and through others.
const PURE: &[&str] = &[
    "keel-domain",
    "keel-risk",
    "keel-positions",
    "keel-execution",
    "keel-market-data",
    "keel-strategy",
    "keel-engine",
    "keel-binance-wire",
    "keel-journal",
    "keel-guard",
];
const OUTSIDE: &[&str] = &[
    "tokio",
    "reqwest",
    "tungstenite",
    "tokio-tungstenite",
    "axum",
    "hyper",
    "rand",
];

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path("../Cargo.toml")
        .exec()
        .unwrap()
}

fn normal_dependencies(metadata: &Metadata) -> BTreeMap<String, BTreeSet<String>> {
    let normal = |package: &cargo_metadata::Package| {
        let names = package
            .dependencies
            .iter()
            .filter(|d| d.kind == DependencyKind::Normal);
        names.map(|d| d.name.clone()).collect()
    };
    metadata
        .packages
        .iter()
        .map(|package| (package.name.to_string(), normal(package)))
        .collect()
}

/// Everything a crate reaches through non-optional, normal dependencies as resolved.
fn reachable(all: &BTreeMap<String, BTreeSet<String>>, from: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut queue = vec![from.to_owned()];
    while let Some(name) = queue.pop() {
        for dependency in all.get(&name).into_iter().flatten() {
            if dependency.starts_with("keel-") && found.insert(dependency.clone()) {
                queue.push(dependency.clone());
            } else {
                found.insert(dependency.clone());
            }
        }
    }
    found
}

#[test]
fn crates_depend_only_on_what_the_design_allows() {
    let all = normal_dependencies(&metadata());
    for (name, allowed) in ARROWS {
        let allowed: BTreeSet<&str> = allowed.iter().copied().collect();
        let ours = all
            .get(*name)
            .unwrap_or_else(|| panic!("{name} is not in the workspace"));
        let forbidden: Vec<_> = ours
            .iter()
            .filter(|d| d.starts_with("keel-") && !allowed.contains(d.as_str()))
            .collect();
        assert!(forbidden.is_empty(), "{name} must not depend on {forbidden:?}");
    }
}

#[test]
fn every_library_crate_has_its_arrows_written_down() {
    let known: BTreeSet<&str> = ARROWS
        .iter()
        .map(|(name, _)| *name)
        .chain(["keel-runtime", "keel-simulation"])
        .collect();
    let metadata = metadata();
    let members = metadata.workspace_packages();
    let libraries = members
        .iter()
        .filter(|p| p.manifest_path.as_str().contains("/crates/"));
    let unknown: Vec<_> = libraries
        .map(|p| p.name.to_string())
        .filter(|n| !known.contains(n.as_str()))
        .collect();
    assert!(
        unknown.is_empty(),
        "add the arrows of {unknown:?} to this test and to docs/ARCHITECTURE.md"
    );
}

#[test]
fn the_core_knows_no_sockets_no_runtime_and_no_randomness() {
    let all = normal_dependencies(&metadata());
    for name in PURE {
        let reached = reachable(&all, name);
        let forbidden: Vec<_> = OUTSIDE.iter().filter(|lib| reached.contains(**lib)).collect();
        assert!(forbidden.is_empty(), "{name} reaches {forbidden:?}");
    }
}

#[test]
fn http_and_websocket_clients_live_at_the_venue_only() {
    let all = normal_dependencies(&metadata());
    let homes = ["keel-binance", "keel-sim-exchange"];
    for (name, dependencies) in all
        .iter()
        .filter(|(name, _)| name.starts_with("keel-") && *name != "keel-tests")
    {
        for library in ["reqwest", "tokio-tungstenite"] {
            let is_home = homes.contains(&name.as_str());
            assert!(
                is_home || !dependencies.contains(library),
                "{library} is in {name}"
            );
        }
    }
}

#[test]
fn f16_the_simulated_exchange_knows_nothing_of_the_trader() {
    let all = normal_dependencies(&metadata());
    let reached = reachable(&all, "keel-sim-exchange");
    for trader_side in ["keel-engine", "keel-execution", "keel-risk", "keel-binance"] {
        assert!(
            !reached.contains(trader_side),
            "sim-exchange reaches {trader_side}"
        );
    }
}

#[test]
fn unsafe_code_is_forbidden_everywhere() {
    for package in metadata().workspace_packages() {
        let manifest = std::fs::read_to_string(&package.manifest_path).unwrap();
        assert!(
            manifest.contains("[lints]\nworkspace = true"),
            "{} does not inherit the lints",
            package.name
        );
    }
    let root = std::fs::read_to_string("../Cargo.toml").unwrap();
    assert!(root.contains("unsafe_code = \"forbid\""));
}

/// A panic is caught, and halts: a build that aborts instead would end with nothing recorded.
#[test]
fn f9_every_profile_unwinds() {
    let manifest = std::fs::read_to_string("../Cargo.toml").unwrap();
    let settings = manifest.lines().map(|line| line.replace(' ', ""));
    let aborts: Vec<String> = settings.filter(|line| line == "panic=\"abort\"").collect();
    assert!(aborts.is_empty(), "{aborts:?}");
}
