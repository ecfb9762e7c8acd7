//! `paper-sim run`: exchange and trader in one process, over real sockets.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use keel_binance_wire::signing::VerifyingKey;
use keel_config::{Config, Credentials, KeyKind, Mode, PAPER_TOML, Sources};
use keel_domain::{Money, Timestamp};
use keel_runtime::{
    Clock, ExitCode, Progress, RunContext, StopSignals, System, log_to, summarize, write_report,
};
use keel_sim_exchange::core::Scenario;
use keel_sim_exchange::protocol::Limits;
use secrecy::SecretString;

use crate::exchange::{self, Setup};

/// The run's settings.
#[derive(clap::Args, Clone, Default)]
pub(crate) struct RunArgs {
    /// End after this time (30s, 5m, 2h); without it, at Ctrl-C.
    #[arg(long, value_parser = keel_runtime::parse_duration)]
    duration: Option<Duration>,
    /// All randomness of the market [default: 1].
    #[arg(long)]
    seed: Option<u64>,
    /// How the market moves.
    #[arg(long, value_name = "NAME", help = exchange::scenario_help() + " [default: calm]")]
    scenario: Option<String>,
    /// The strategy: quoter or trend.
    #[arg(long)]
    strategy: Option<String>,
    /// A configuration instead of the one carried inside; its venue is replaced by the simulated exchange.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Change one setting.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    overrides: Vec<String>,
    /// Where report and journal go [default: reports/<start>].
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
}

const API_KEY: &str = "paper-key";

/// What the arguments mean, checked before anything starts.
struct Plan {
    sources: Sources,
    overrides: Vec<String>,
    seed: u64,
    scenario: Scenario,
    dir: PathBuf,
}

impl Plan {
    fn new(args: &RunArgs, now: Timestamp) -> Result<Self> {
        let dir = args
            .report
            .clone()
            .unwrap_or_else(|| PathBuf::from("reports").join(now.as_millis().to_string()));
        let sources = match &args.config {
            Some(path) => Sources::file(path)?,
            None => Sources::text("built-in paper.toml", PAPER_TOML),
        };
        let mut overrides = args.overrides.clone();
        // Another Keel may be using the usual port; a free one is shown at the start.
        let names_port = overrides
            .iter()
            .any(|text| text.starts_with("monitoring.listen="));
        if !names_port && args.config.is_none() {
            overrides.push("monitoring.listen=127.0.0.1:0".to_owned());
        }
        overrides.extend(args.strategy.as_ref().map(|name| format!("strategy.name={name}")));
        overrides.push(format!("state.dir={}", dir.join("journal").display()));
        let checked = Config::load(&sources.clone().with_overrides(overrides.clone()))?;
        if checked.mode != Mode::Paper {
            bail!(
                "paper-sim runs configurations of mode paper only, and this one is of mode {}",
                checked.mode
            );
        }
        Ok(Self {
            sources,
            overrides,
            seed: args.seed.unwrap_or(1),
            scenario: args.scenario.as_deref().unwrap_or("calm").parse()?,
            dir,
        })
    }

    /// Starts the exchange, and puts its address into the configuration.
    async fn start_exchange(&self, secret: &str) -> Result<(exchange::Running, Config)> {
        let setup = Setup {
            listen: ([127, 0, 0, 1], 0).into(),
            accounts: vec![(API_KEY.to_owned(), VerifyingKey::hmac(secret))],
            permissions: std::collections::BTreeMap::new(),
            funds: vec![("USDT".parse().context("USDT")?, Money::from(100_000))],
            bnb_fees: None,
            symbols: Vec::new(),
            seed: self.seed,
            scenario: self.scenario,
            faults: None,
            limits: Limits::default(),
        };
        let exchange = exchange::start(setup).await?;
        let address = exchange.address;
        let mut overrides = self.overrides.clone();
        overrides.extend([
            format!("venue.rest_url=http://{address}"),
            format!("venue.stream_url=ws://{address}"),
            format!("venue.ws_api_url=ws://{address}/ws-api/v3"),
            "credentials.kind=hmac".to_owned(),
        ]);
        let config = Config::load(&self.sources.clone().with_overrides(overrides))?;
        Ok((exchange, config))
    }
}

/// Runs exchange and trader until the duration is over or Ctrl-C.
///
/// # Errors
/// Wrong arguments or configuration; nothing was started.
pub(crate) async fn run(args: RunArgs, json: bool) -> Result<ExitCode> {
    let stop = StopSignals::listen()?;
    let clock = Clock::start();
    let progress = Progress::to_stderr();
    let plan = Plan::new(&args, clock.now())?;
    log_to(&plan.dir.join("log"), "info")?;
    let (seed, scenario) = (plan.seed, plan.scenario);
    let secret = format!("paper-secret-{seed}");
    let (exchange, config) = plan.start_exchange(&secret).await?;
    let credentials = Credentials {
        api_key: SecretString::from(API_KEY),
        api_secret: SecretString::from(secret),
        kind: KeyKind::Hmac,
    };
    let context = RunContext {
        seed: Some(seed),
        scenario: Some(scenario.to_string()),
        accept_venue: None,
        progress,
    };
    progress.line(&format!(
        "simulated exchange http://{}, scenario {scenario}, seed {seed}",
        exchange.address
    ));
    let system = System::start(&config, credentials, clock, &context)?;
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
