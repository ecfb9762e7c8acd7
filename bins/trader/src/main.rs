//! Trades by a configuration: against a simulated exchange, or the venue's testnet.

mod adopt;
mod check;
mod doctor;
mod explain;
mod guard;
mod incident;
mod journal;
mod operate;
mod record;
mod resume;
mod run;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use keel_config::{Config, ConfigError, Sources};
use keel_control::Request;
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
    /// Look at what would keep a start from trading: state directory, disk, network, clock, key, account, pairs, fees, open orders. One
    /// line each, with the remedy. Sends no order and changes nothing.
    #[command(after_help = "Example: trader doctor --config config/testnet.toml")]
    Doctor(ConfigArgs),
    /// Run in the configuration's mode, until Ctrl-C or SIGTERM.
    Run(run::RunArgs),
    /// The dead man: cancels every open order of the pairs, except stops, when the trader's heartbeat stops. Until Ctrl-C or SIGTERM.
    #[command(after_help = "Example: trader guard --config config/paper.toml")]
    Guard(ConfigArgs),
    /// How the running trader is, and what it may send.
    #[command(after_help = "Example: trader status --config config/paper.toml --json")]
    Status(ConfigArgs),
    /// Close the gate and cancel everything; latched until `trader resume`. Without a running trader, the next start is halted.
    #[command(after_help = "Example: trader halt --config config/paper.toml --reason 'prices look wrong'")]
    Halt(operate::ReasonArgs),
    /// Lift every restriction, of the running trader or of a stopped one. Shows why it was there.
    #[command(after_help = "Example: trader resume --config config/paper.toml --reason 'feed is back'")]
    Resume(operate::ReasonArgs),
    /// Cancel everything and permit only orders that reduce the position; latched until `trader resume`.
    #[command(after_help = "Example: trader reduce-only --config config/paper.toml --reason 'news at noon'")]
    ReduceOnly(operate::ReasonArgs),
    /// Cancel everything, sell what is held within the price collar, and permit only orders that reduce; latched until `trader resume`.
    /// A halt is lifted to that.
    #[command(after_help = "Example: trader flatten --config config/paper.toml --reason 'going away'")]
    Flatten(operate::ReasonArgs),
    /// Cancel what is open now. The strategy may place orders again: `trader halt` keeps it from that.
    #[command(after_help = "Example: trader cancel-all --config config/paper.toml")]
    CancelAll(ConfigArgs),
    /// Compare the records with the venue now.
    #[command(after_help = "Example: trader reconcile --config config/paper.toml")]
    Reconcile(ConfigArgs),
    /// Make the records anew from what the venue knows, after the state directory was lost. Cancels this instance's open orders.
    #[command(after_help = "Example: trader adopt --config config/paper.toml --reason 'the disk died'")]
    Adopt(operate::ReasonArgs),
    /// Record the pairs' market data as it arrives, for `paper-sim replay`. Needs no key.
    #[command(
        after_help = "Example: trader record --config config/testnet.toml --out recordings/today --duration 1h"
    )]
    Record(record::RecordArgs),
    /// Which data, checks and limits led to an order or to its refusal, and its whole life, from the records alone.
    #[command(
        after_help = "Example: trader explain k1-quoter-1-42 --config config/paper.toml\n         trader explain --refused --last 5 --config config/paper.toml"
    )]
    Explain(explain::ExplainArgs),
    /// Put together what somebody else needs to see what happened: records, configuration, logs, status, versions. Never a secret.
    #[command(after_help = "Example: trader incident --config config/paper.toml --out incident.tar")]
    Incident(incident::IncidentArgs),
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
        Command::Doctor(args) => doctor::run(args, cli.json),
        Command::Run(args) => run::run(args, cli.json),
        Command::Guard(args) => guard::run(args, cli.json),
        Command::Status(args) => operate::operate(args, &Request::Status, cli.json),
        Command::Halt(args) => operate::halt(args, cli.json),
        Command::Resume(args) => resume::resume(args, cli.json),
        Command::ReduceOnly(args) => {
            let reason = args.reason.clone();
            operate::operate(&args.config, &Request::ReduceOnly { reason }, cli.json)
        }
        Command::Flatten(args) => {
            let reason = args.reason.clone();
            operate::operate(&args.config, &Request::Flatten { reason }, cli.json)
        }
        Command::CancelAll(args) => operate::operate(args, &Request::CancelAll, cli.json),
        Command::Reconcile(args) => operate::operate(args, &Request::Reconcile, cli.json),
        Command::Adopt(args) => adopt::run(args, cli.json),
        Command::Record(args) => record::run(args, cli.json),
        Command::Explain(args) => explain::explain(args, cli.json),
        Command::Incident(args) => incident::run(args, cli.json),
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
