//! The same trading system as live, against a simulated exchange: no key, no internet, no configuration.

mod exchange;
mod run;

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

/// A span of time as people write it: 30s, 5m, 2h.
fn parse_duration(text: &str) -> Result<std::time::Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let seconds = match unit {
        "s" | "" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return Err(format!("`{unit}` is no unit: write 30s, 5m or 2h")),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| "write a whole number with a unit: 30s, 5m or 2h".to_owned())?;
    number
        .checked_mul(seconds)
        .map(std::time::Duration::from_secs)
        .ok_or_else(|| "too long".to_owned())
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
