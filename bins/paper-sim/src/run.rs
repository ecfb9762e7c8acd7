//! `paper-sim run`: exchange and trader in one process, over real sockets.

use std::time::Duration;

use anyhow::Result;
use keel_runtime::{
    Clock, ExitCode, Progress, RunContext, StopSignals, System, log_to, summarize, write_report,
};

use crate::exchange;
use crate::market::MarketArgs;
use crate::plan::{PaperKey, Plan, TraderArgs};

/// The run's settings.
#[derive(clap::Args, Clone, Default)]
pub(crate) struct RunArgs {
    /// End after this time (30s, 5m, 2h); without it, at Ctrl-C.
    #[arg(long, value_parser = keel_runtime::parse_duration)]
    duration: Option<Duration>,
    /// All randomness of the market [default: 1].
    #[arg(long)]
    seed: Option<u64>,
    #[command(flatten)]
    market: MarketArgs,
    #[command(flatten)]
    trader: TraderArgs,
}

/// Runs exchange and trader until the duration is over or Ctrl-C.
///
/// # Errors
/// Wrong arguments or configuration; nothing was started.
pub(crate) async fn run(args: RunArgs, json: bool) -> Result<ExitCode> {
    let stop = StopSignals::listen()?;
    let clock = Clock::start();
    let progress = Progress::to_stderr();
    let plan = Plan::new(&args.trader, clock.now())?;
    log_to(&plan.dir.join("log"), "keel", "info")?;
    let seed = args.seed.unwrap_or(1);
    let key = PaperKey::of_seed(seed);
    let symbols = match args.market.data {
        Some(_) => plan.config.trading.symbols.clone(),
        None => Vec::new(),
    };
    let market = args.market.source(symbols)?;
    let name = market.name();
    let exchange = exchange::start(([127, 0, 0, 1], 0).into(), key.setup(seed, market)).await?;
    let address = exchange.address;
    let config = plan.at_venue([
        format!("venue.rest_url=http://{address}"),
        format!("venue.stream_url=ws://{address}"),
        format!("venue.ws_api_url=ws://{address}/ws-api/v3"),
    ])?;
    let context = RunContext {
        seed: Some(seed),
        scenario: Some(name.clone()),
        accept_venue: None,
        accept_change: None,
        progress,
    };
    progress.line(&format!(
        "simulated exchange http://{address}, {name}, seed {seed}"
    ));
    let system = System::start(&config, key.credentials(), clock, &context)?;
    let over = async {
        match args.duration {
            Some(duration) => tokio::time::sleep(duration).await,
            None => std::future::pending().await,
        }
    };
    let first = stop.nth(1);
    let ended = async {
        tokio::select! {
            () = over => {},
            () = first => {},
        }
    };
    let outcome = system.run(ended, stop.nth(2)).await;
    exchange.shutdown.cancel();
    let (page, data) = write_report(&plan.dir, &outcome)?;
    let code = summarize(progress, &outcome);
    progress.line(&format!("report {} and {}", page.display(), data.display()));
    if json {
        println!("{}", outcome.report.to_json()?);
    }
    Ok(code)
}
