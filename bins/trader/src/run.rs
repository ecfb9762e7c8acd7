//! `trader run`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use keel_config::{Config, Credentials, Mode, load_credentials};
use keel_runtime::{
    Clock, ExitCode, Progress, RunContext, StopSignals, System, caught, log_to, summarize, write_report,
};

use crate::ConfigArgs;

/// The run's settings.
#[derive(clap::Args, Clone)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// End after this time (30s, 5m, 2h); without it, at Ctrl-C or SIGTERM.
    #[arg(long, value_parser = keel_runtime::parse_duration)]
    duration: Option<Duration>,
    /// Accept the venue's view where it differs from the records, and say why. Is recorded.
    #[arg(long, value_name = "REASON")]
    accept_venue: Option<String>,
    /// Continue records of another build or configuration, and say why that is meant; asked for but in paper mode.
    #[arg(long, value_name = "REASON")]
    accept_change: Option<String>,
    /// Where the report goes [default: <state dir>/report].
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
}

/// Runs in the configuration's mode.
///
/// # Errors
/// What keeps it from starting, with the remedy.
pub(crate) fn run(args: &RunArgs, json: bool) -> Result<ExitCode> {
    let config = args.config.load()?;
    if config.mode == Mode::Live {
        eprintln!(
            "trader: live trading is refused: this build has no `trader launch` yet, which alone can permit it.\n  \
             remedy: run in mode paper or testnet"
        );
        return Ok(ExitCode::Refused);
    }
    log_to(&config.state_dir.join("log"), "keel", &config.log_level)?;
    let credentials = load_credentials(&config, |name| std::env::var(name).ok())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    // The system halts by itself where its trading panics; what is left to panic is its start and its report.
    let ended = caught(|| runtime.block_on(run_until_stopped(args, &config, credentials, json)));
    ended.unwrap_or_else(|what| {
        eprintln!("trader: panicked: {what}; orders may be open, look before you act");
        Ok(ExitCode::Unknown)
    })
}

async fn run_until_stopped(
    args: &RunArgs,
    config: &Config,
    credentials: Credentials,
    json: bool,
) -> Result<ExitCode> {
    let stop = StopSignals::listen()?;
    let progress = Progress::to_stderr();
    let context = RunContext {
        seed: None,
        scenario: None,
        accept_venue: args.accept_venue.clone(),
        accept_change: args.accept_change.clone(),
        progress,
    };
    let system = System::start(config, credentials, Clock::start(), &context)?;
    let first = stop.nth(1);
    let ended = async {
        match args.duration {
            Some(duration) => tokio::select! {
                () = tokio::time::sleep(duration) => {},
                () = first => {},
            },
            None => first.await,
        }
    };
    let outcome = system.run(ended, stop.nth(2)).await;
    let dir = args
        .report
        .clone()
        .unwrap_or_else(|| config.state_dir.join("report"));
    let (page, data) = write_report(&dir, &outcome)?;
    let code = summarize(progress, &outcome);
    progress.line(&format!("report {} and {}", page.display(), data.display()));
    if json {
        println!("{}", outcome.report.to_json()?);
    }
    Ok(code)
}
