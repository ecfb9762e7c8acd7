//! Trades by a configuration: against a simulated exchange, or the venue's testnet.

mod check;
mod journal;
mod resume;
mod run;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use keel_config::{Config, ConfigError, Sources};
use keel_runtime::ExitCode;

/// Takes one trader from paper to live trading safely.
#[derive(Parser)]
#[command(
    name = "trader",
    version,
    after_help = "Example: trader check --config config/paper.toml"
)]
struct Cli {
    /// Print one JSON object on the last line of standard output.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Read and validate the configuration; print every effective value with its origin.
    Check(ConfigArgs),
    /// Run in the configuration's mode, until Ctrl-C or SIGTERM.
    Run(run::RunArgs),
    /// Lift a restriction that an earlier run left, with the trader stopped. Shows why it was there.
    Resume(resume::ResumeArgs),
    /// Look at the durable record.
    #[command(subcommand)]
    Journal(journal::JournalCommand),
}

/// Where the configuration comes from.
#[derive(Args, Clone)]
struct ConfigArgs {
    /// The configuration.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Change one setting.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    overrides: Vec<String>,
}

impl ConfigArgs {
    fn load(&self) -> Result<Config, ConfigError> {
        let sources = Sources::file(&self.config)?
            .with_overrides(self.overrides.iter().cloned())
            .with_environment(std::env::vars());
        Config::load(&sources)
    }
}

fn main() -> std::process::ExitCode {
    let cli = Cli::parse();
    keel_binance::install_crypto_provider();
    let result = match &cli.command {
        Command::Check(args) => check::check(args, cli.json),
        Command::Run(args) => run::run(args, cli.json),
        Command::Resume(args) => resume::resume(args),
        Command::Journal(command) => journal::look(command, cli.json),
    };
    match result {
        Ok(code) => code.into(),
        Err(error) => {
            eprintln!("trader: {error:#}");
            ExitCode::Usage.into()
        }
    }
}
