//! The same trading system as live, against a simulated exchange: no key, no internet, no configuration.

mod exchange;
mod market;
mod plan;
mod replay;
mod run;
mod setup;
mod soak;

use clap::{Parser, Subcommand};
use keel_runtime::ExitCode;

/// The trading system against a simulated exchange on this machine.
#[derive(Parser)]
#[command(
    name = "paper-sim",
    version,
    after_help = "Example: paper-sim run --duration 60s --seed 7 --strategy trend"
)]
struct Cli {
    /// Print one JSON object on the last line of standard output.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the whole system: exchange, trader, dashboard, report. The default.
    Run(run::RunArgs),
    /// Run the whole system on a recorded or generated market, in virtual time: as fast as it goes, the same each time.
    #[command(
        after_help = "Example: paper-sim replay --data recordings/btc --strategy trend --set trading.symbols=BTCUSDT"
    )]
    Replay(replay::ReplayArgs),
    /// Trade for hours in virtual time while everything goes wrong, and check every invariant against the exchange's truth.
    #[command(
        after_help = "Example: paper-sim soak --seeds 1..20 --hours 2; one that broke again: paper-sim soak --seed 7 --hours 2"
    )]
    Soak(soak::SoakArgs),
    /// Run only the exchange, for any Binance Spot client.
    Exchange(exchange::ExchangeArgs),
}

fn main() -> std::process::ExitCode {
    let cli = Cli::parse();
    keel_binance::install_crypto_provider();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("paper-sim: {error}");
            return ExitCode::Usage.into();
        }
    };
    let result = match cli
        .command
        .unwrap_or_else(|| Command::Run(run::RunArgs::default()))
    {
        Command::Run(args) => runtime.block_on(run::run(args, cli.json)),
        Command::Replay(args) => replay::replay(&args, cli.json),
        Command::Soak(args) => soak::run(&args, cli.json),
        Command::Exchange(args) => runtime.block_on(exchange::run(args)),
    };
    match result {
        Ok(code) => code.into(),
        Err(error) => {
            eprintln!("paper-sim: {error:#}");
            ExitCode::Usage.into()
        }
    }
}

/// Logs for machines and for the curious, on standard error; quiet unless asked for by RUST_LOG.
fn init_logging(default: &str) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| default.into());
    let format = tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // A second call finds the first one's logger in place.
    let _already_there = format.try_init();
}
