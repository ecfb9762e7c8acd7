//! `trader journal` and `trader resume`: the durable record, looked at and added to while the trader is stopped.

use anyhow::{Context, Result};
use clap::Subcommand;
use keel_engine::{DurableState, Fact, Record};
use keel_journal::{FsDisk, read_all};
use keel_runtime::{Clock, ExitCode, JournalLog, decode, open_journal};

use crate::ConfigArgs;

/// What can be looked at.
#[derive(Subcommand)]
pub(crate) enum JournalCommand {
    /// Check the whole chain of records.
    Verify(ConfigArgs),
    /// Print every record, one JSON object a line, oldest first.
    Show(ConfigArgs),
}

/// Why a restriction is lifted.
#[derive(clap::Args, Clone)]
pub(crate) struct ResumeArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Why it is safe to trade again; recorded.
    #[arg(long)]
    reason: String,
}

/// Verifies or shows the journal; the trader may be running.
///
/// # Errors
/// A journal that cannot be read.
pub(crate) fn look(command: &JournalCommand) -> Result<ExitCode> {
    let (JournalCommand::Verify(args) | JournalCommand::Show(args)) = command;
    let dir = args.load()?.state_dir;
    let recovered = read_all(&FsDisk::read_only(&dir)).with_context(|| dir.display().to_string())?;
    let records = recovered.records.iter().map(|payload| decode(payload));
    match command {
        JournalCommand::Show(_) => {
            for payload in &recovered.records {
                println!("{}", String::from_utf8_lossy(payload));
            }
            Ok(ExitCode::Done)
        }
        JournalCommand::Verify(_) => {
            let records: Vec<Record> = records
                .collect::<serde_json::Result<_>>()
                .context("a record cannot be read")?;
            println!(
                "{} records, chain unbroken, torn end of {} bytes",
                records.len(),
                recovered.torn_bytes
            );
            Ok(ExitCode::Done)
        }
    }
}

/// Records that an operator lifts the restriction.
///
/// # Errors
/// A state directory that is in use or cannot be written.
pub(crate) fn resume(args: &ResumeArgs) -> Result<ExitCode> {
    let config = args.config.load()?;
    let (journal, records) = open_journal(&config.state_dir)?;
    let mut state = DurableState::default();
    for record in &records {
        // What contradicted itself then led to the restriction that stands in the records too.
        let _restriction_follows = state.apply(record);
    }
    let Some((restricted, cause)) = state.restriction() else {
        println!("nothing to lift: trading is not restricted");
        return Ok(ExitCode::Done);
    };
    println!("lifting {restricted}, which was set because: {cause}");
    let record = Record {
        at: Clock::start().now(),
        fact: Fact::Resumed {
            reason: args.reason.clone(),
        },
    };
    let mut log = JournalLog::new(journal);
    keel_engine::RecordLog::commit(&mut log, &[record], true)?;
    println!("recorded; the next `trader run` may trade");
    Ok(ExitCode::Done)
}
