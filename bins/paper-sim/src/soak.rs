//! `paper-sim soak`: hours of bad weather in virtual time.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use keel_config::{Config, Mode, PAPER_TOML, Sources};
use keel_runtime::{Clock, ExitCode, Progress};
use keel_simulation::{SoakRun, Weather, soak};
use serde_json::json;

/// The soak's settings.
#[derive(clap::Args, Clone)]
pub(crate) struct SoakArgs {
    /// The seeds, from the first to the last.
    #[arg(long, value_name = "A..B", default_value = "1..10", value_parser = seeds)]
    seeds: (u64, u64),
    /// One seed, with all that is told of it.
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// How long each seed trades, by its own time.
    #[arg(long, default_value_t = 1.0)]
    hours: f64,
    /// Seeds that run side by side.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// A configuration instead of the one carried inside.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Change one setting.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    overrides: Vec<String>,
    /// Print the faults of the seed as a fault file, and run nothing.
    #[arg(long, requires = "seed")]
    show_faults: bool,
}

fn seeds(text: &str) -> Result<(u64, u64), String> {
    let read = |text: &str| text.parse::<u64>().ok();
    let range = text
        .split_once("..")
        .and_then(|(a, b)| Some((read(a)?, read(b)?)));
    range
        .filter(|(first, last)| first <= last)
        .ok_or_else(|| format!("`{text}` is no range of seeds: write 1..100"))
}

/// Runs all seeds.
///
/// # Errors
/// Wrong arguments or configuration; nothing was run.
pub(crate) fn run(args: &SoakArgs, is_json: bool) -> Result<ExitCode> {
    let (first, last) = args.seed.map_or(args.seeds, |seed| (seed, seed));
    if !(args.hours > 0.0 && args.hours <= 10_000.0) {
        bail!("--hours {}: more than 0 and at most 10000", args.hours);
    }
    let simulated = Duration::from_secs_f64(args.hours * 3_600.0);
    if args.show_faults {
        println!("{}", Weather::of_seed(first, simulated.as_secs()).fault_file);
        return Ok(ExitCode::Done);
    }
    let sources = match &args.config {
        Some(path) => Sources::file(path)?,
        None => Sources::text("built-in paper.toml", PAPER_TOML),
    };
    let config = Config::load(&sources.with_overrides(args.overrides.clone()))?;
    if config.mode != Mode::Paper {
        bail!("paper-sim runs configurations of mode paper only");
    }
    let progress = Progress::to_stderr();
    let clock = Clock::start();
    let runs = run_all(first..=last, simulated, &config, args.jobs.max(1), progress)?;
    tell(progress, args, &runs, clock.elapsed());
    if is_json {
        println!("{}", summary(&runs));
    }
    let is_sound = runs.iter().all(|run| run.breaches.is_empty());
    Ok(if is_sound { ExitCode::Done } else { ExitCode::Fault })
}

fn run_all(
    seeds: std::ops::RangeInclusive<u64>,
    simulated: Duration,
    config: &Config,
    jobs: usize,
    progress: Progress,
) -> Result<Vec<SoakRun>> {
    let seeds = Mutex::new(seeds);
    let (results, finished) = channel();
    let mut runs = thread::scope(|scope| -> Result<Vec<SoakRun>> {
        for _ in 0..jobs {
            let (seeds, results) = (&seeds, results.clone());
            scope.spawn(move || {
                loop {
                    // Whoever panicked with the lock is told of by the scope.
                    let next = seeds.lock().ok().and_then(|mut seeds| seeds.next());
                    let Some(seed) = next else { return };
                    let run = soak(seed, simulated, config);
                    if results.send((seed, run)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(results);
        let mut runs = Vec::new();
        for (seed, run) in finished {
            let run = run.with_context(|| format!("seed {seed}"))?;
            progress.line(&line(&run));
            runs.push(run);
        }
        Ok(runs)
    })?;
    runs.sort_by_key(|run| run.seed);
    Ok(runs)
}

fn line(run: &SoakRun) -> String {
    let faults: u64 = run.faults.values().sum();
    let halted = run
        .halted_by
        .as_ref()
        .map_or_else(String::new, |why| format!("; ended halted: {why}"));
    format!(
        "seed {}: {} moments, {} orders, {} fills, {faults} faults, {} kills, {} breaches, fingerprint {:016x}{halted}",
        run.seed,
        run.moments,
        run.orders,
        run.fills,
        run.kills,
        run.breaches.len() as u64 + run.more_breaches,
        run.fingerprint,
    )
}

fn faults(runs: &[SoakRun]) -> BTreeMap<&str, u64> {
    let mut faults = BTreeMap::new();
    for (rule, count) in runs.iter().flat_map(|run| &run.faults) {
        *faults.entry(rule.as_str()).or_default() += count;
    }
    faults
}

fn tell(progress: Progress, args: &SoakArgs, runs: &[SoakRun], took: Duration) {
    let simulated: Duration = runs.iter().map(|run| run.simulated).sum();
    let injected: Vec<String> = faults(runs)
        .iter()
        .map(|(rule, n)| format!("{rule} {n}"))
        .collect();
    progress.line(&format!("injected: {}", injected.join(", ")));
    for run in runs.iter().filter(|run| !run.breaches.is_empty()) {
        progress.line(&format!("BREACHES of seed {}:", run.seed));
        run.breaches
            .iter()
            .for_each(|breach| progress.line(&format!("  {breach}")));
        if run.more_breaches > 0 {
            progress.line(&format!("  and {} more", run.more_breaches));
        }
        let again = format!("paper-sim soak --seed {} --hours {}", run.seed, args.hours);
        progress.line(&format!("  again: {again}"));
    }
    let broken = runs.iter().filter(|run| !run.breaches.is_empty()).count();
    progress.line(&format!(
        "{} seeds, {:.1} simulated hours in {:.0} s, {} moments, {} orders, {} fills, {} faults, {} kills; {} seeds with breaches",
        runs.len(),
        simulated.as_secs_f64() / 3_600.0,
        took.as_secs_f64(),
        runs.iter().map(|run| run.moments).sum::<u64>(),
        runs.iter().map(|run| run.orders).sum::<u64>(),
        runs.iter().map(|run| run.fills as u64).sum::<u64>(),
        faults(runs).values().sum::<u64>(),
        runs.iter().map(|run| run.kills).sum::<u64>(),
        broken,
    ));
}

fn summary(runs: &[SoakRun]) -> serde_json::Value {
    let seconds: u64 = runs.iter().map(|run| run.simulated.as_secs()).sum();
    let breaches: BTreeMap<String, &Vec<String>> = runs
        .iter()
        .filter(|run| !run.breaches.is_empty())
        .map(|run| (run.seed.to_string(), &run.breaches))
        .collect();
    json!({
        "seeds": runs.len(),
        "simulated_s": seconds,
        "moments": runs.iter().map(|run| run.moments).sum::<u64>(),
        "orders": runs.iter().map(|run| run.orders).sum::<u64>(),
        "fills": runs.iter().map(|run| run.fills as u64).sum::<u64>(),
        "kills": runs.iter().map(|run| run.kills).sum::<u64>(),
        "faults": faults(runs),
        "breaches": breaches,
    })
}
