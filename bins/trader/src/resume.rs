//! `trader resume`: lifting a restriction while the trader is stopped.

use anyhow::Result;
use keel_engine::{Fact, Record, RecordLog};
use keel_runtime::{Clock, ExitCode, open_journal};

use crate::ConfigArgs;

/// Why a restriction is lifted.
#[derive(clap::Args, Clone)]
pub(crate) struct ResumeArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Why it is safe to trade again; recorded.
    #[arg(long)]
    reason: String,
}

/// Records that an operator lifts the restriction.
///
/// # Errors
/// A state directory that is in use or cannot be written.
pub(crate) fn resume(args: &ResumeArgs) -> Result<ExitCode> {
    let config = args.config.load()?;
    let mut opened = open_journal(&config)?;
    let mut state = opened.state.take().unwrap_or_default();
    for record in &opened.records {
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
    opened.log.commit(&[record], true)?;
    println!("recorded; the next `trader run` may trade");
    Ok(ExitCode::Done)
}
