//! `paper-sim replay`: the whole system on a recorded market, in virtual time.

use std::time::Duration;

use anyhow::{Result, bail};
use keel_domain::{Money, Symbol, Timestamp};
use keel_runtime::{Clock, ExitCode, Outcome, Progress, RunContext, log_to, summarize, write_report};
use keel_sim_exchange::protocol::Protocol;
use keel_simulation::{PlayedBack, RecordedData, Simulation, SimulationSettings};

use crate::market::{MarketArgs, MarketSource};
use crate::plan::{PaperKey, Plan, TraderArgs};
use crate::setup::Ready;

/// The replay's settings.
#[derive(clap::Args, Clone)]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    market: MarketArgs,
    /// With a generated market: for how long. Of a recording: no longer than this.
    #[arg(long, value_parser = keel_runtime::parse_duration)]
    duration: Option<Duration>,
    /// All randomness of a generated market [default: 1].
    #[arg(long)]
    seed: Option<u64>,
    /// How long everything takes each way between system and exchange, in milliseconds.
    #[arg(long, default_value_t = 5, value_name = "MS")]
    latency_ms: u64,
    #[command(flatten)]
    trader: TraderArgs,
}

/// Longer than any recording.
const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 86_400);

/// Plays the market to its end, or for the time asked for.
///
/// # Errors
/// Wrong arguments, configuration or recording; nothing was started.
pub(crate) fn replay(args: &ReplayArgs, json: bool) -> Result<ExitCode> {
    let progress = Progress::to_stderr();
    let plan = Plan::new(&args.trader, Clock::start().now())?;
    log_to(&plan.dir.join("log"), "keel", "info")?;
    let symbols = plan.config.trading.symbols.clone();
    let market = args.market.source(symbols.clone())?;
    let (starts_at, duration) = match (&market, args.duration) {
        (MarketSource::Recorded { dir, .. }, limit) => {
            let starts_at = RecordedData::open(dir, &symbols)?.starts_at();
            (starts_at, limit.unwrap_or(FOR_EVER))
        }
        (MarketSource::Generated { .. }, Some(duration)) => (Timestamp::from_millis(GENERATED_AT), duration),
        (MarketSource::Generated { .. }, None) => {
            bail!("name a recording with --data DIR, or a generated market's length with --duration 1h")
        }
    };
    let (seed, name) = (args.seed.unwrap_or(1), market.name());
    let key = PaperKey::of_seed(seed);
    let Ready { protocol, recording } = key.setup(seed, market).ready(starts_at)?;
    progress.line(&format!(
        "replay: {name}, seed {seed}, latency {} ms",
        args.latency_ms
    ));
    let settings = SimulationSettings {
        config: plan.config,
        api_key: key.api_key.to_owned(),
        api_secret: key.api_secret,
        latency: Duration::from_millis(args.latency_ms),
        context: RunContext {
            seed: Some(seed),
            scenario: Some(name),
            accept_venue: None,
            accept_change: None,
            progress,
        },
    };
    let clock = Clock::start();
    let mut simulation = Simulation::start(settings, protocol, starts_at)?;
    simulation.run(starts_at.plus(duration));
    let (lived, steps) = (simulation.now().since(starts_at), simulation.steps());
    let (outcome, protocol) = simulation.close();
    let took = clock.elapsed();
    let (page, data) = write_report(&plan.dir, &outcome)?;
    let code = summarize(progress, &outcome);
    progress.line(&format!(
        "{} s of the market in {:.1} s ({:.0} times real time), {steps} moments",
        lived.as_secs(),
        took.as_secs_f64(),
        lived.as_secs_f64() / took.as_secs_f64().max(0.001),
    ));
    let volumes: Vec<String> = symbols
        .iter()
        .map(|symbol| volume(&protocol, *symbol, &outcome))
        .collect();
    drop(protocol);
    if let Some(recording) = recording {
        tell_recording(progress, recording)?;
        volumes.iter().for_each(|line| progress.line(line));
    }
    progress.line(&format!("report {} and {}", page.display(), data.display()));
    if json {
        println!("{}", outcome.report.to_json()?);
    }
    Ok(code)
}

/// When a generated market begins: always the same, so that the same seed gives the same report.
const GENERATED_AT: i64 = 1_700_000_000_000;

fn tell_recording(progress: Progress, recording: PlayedBack) -> Result<()> {
    let (read, frames) = recording.finish()?;
    progress.line(&format!(
        "{} frames: {} books and changes, {} trades, {} gaps, {} unreadable",
        frames.frames, frames.depth, frames.trades, frames.gaps, frames.undecodable
    ));
    for torn in &read.torn {
        let line = format!("{}: {} bytes of a torn end were cut", torn.segment, torn.bytes);
        progress.line(&line);
    }
    if read.missing > 0 {
        progress.line(&format!(
            "{} frames are missing: the recorder dropped them",
            read.missing
        ));
    }
    Ok(())
}

/// Our part of a pair's volume: beyond a few percent the recording says little, since others would have answered us.
fn volume(protocol: &Protocol, symbol: Symbol, outcome: &Outcome) -> String {
    let recorded = protocol.exchange().recorded_volume(symbol).to_decimal();
    let ours = outcome.report.fills.iter().filter(|fill| fill.symbol == symbol);
    let ours: Money = ours.map(|fill| fill.last_qty.to_decimal()).sum();
    let percent = (ours * Money::from(100))
        .checked_div(recorded)
        .unwrap_or_default();
    format!(
        "{symbol}: recorded volume {recorded}, ours {ours}: {:.2} %",
        percent.round_dp(2)
    )
}
