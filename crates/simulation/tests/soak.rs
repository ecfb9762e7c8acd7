//! Bad weather in virtual time: the invariants hold, and the same seed gives the same run.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use std::time::Duration;

use keel_config::{Config, PAPER_TOML, Sources};
use keel_simulation::{SoakRun, Weather, soak};

const MINUTES_3: Duration = Duration::from_secs(180);

fn config() -> Config {
    Config::load(&Sources::text("built-in paper.toml", PAPER_TOML)).unwrap()
}

fn run(seed: u64) -> SoakRun {
    soak(seed, MINUTES_3, &config()).unwrap()
}

#[test]
fn f1_to_f72_three_minutes_of_bad_weather_break_no_invariant() {
    for seed in 1..=6 {
        let run = run(seed);
        assert_eq!(
            run.breaches,
            Vec::<String>::new(),
            "again: paper-sim soak --seed {seed} --hours 0.05"
        );
        assert!(run.fills > 0 && !run.faults.is_empty(), "seed {seed}: {run:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_one_another() {
    let (first, again, other) = (run(7), run(7), run(8));
    assert_eq!(first, again);
    assert_ne!(first.fingerprint, other.fingerprint);
}

#[test]
fn every_class_of_weather_is_a_rule_that_the_exchange_takes() {
    let mut rules = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let weather = Weather::of_seed(seed, 36_000);
        weather.faults().unwrap();
        let ids = weather
            .fault_file
            .lines()
            .filter_map(|line| line.strip_prefix("id = "));
        rules.extend(ids.map(str::to_owned));
    }
    assert_eq!(rules.len(), 31, "{rules:?}");
}
