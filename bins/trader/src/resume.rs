//! `trader resume`: lifting a restriction, of the running trader or while it is stopped.

use anyhow::Result;
use keel_control::{CallError, Request, call};
use keel_engine::{Fact, Record, RecordLog};
use keel_risk::TradingState;
use keel_runtime::{Clock, ExitCode, KILL_FILE, open_journal, restrictions_in_words};

use crate::operate::{ReasonArgs, stopped, tell};

/// Lifts the restriction of the running trader, or records that an operator lifts it.
///
/// # Errors
/// A state directory that is in use or cannot be written.
pub(crate) fn resume(args: &ReasonArgs, json: bool) -> Result<ExitCode> {
    let config = args.config.load()?;
    let reason = args.reason.clone();
    match call(&config.state_dir, &Request::Resume { reason }) {
        Err(CallError::NotRunning) => {}
        answer => return Ok(tell(answer, json)),
    }
    let kill_file = config.state_dir.join(KILL_FILE);
    if kill_file.exists() {
        eprintln!(
            "trader: refused: {} is there; remove it first",
            kill_file.display()
        );
        return Ok(ExitCode::Refused);
    }
    let mut opened = open_journal(&config)?;
    let mut state = opened.state.take().unwrap_or_default();
    for record in &opened.records {
        // What contradicted itself then led to the restriction that stands in the records too.
        let _restriction_follows = state.apply(record);
    }
    let lifted = |text: &str| Ok(tell(Ok(stopped(text, TradingState::Active, None)), json));
    let Some(restrictions) = restrictions_in_words(state.restrictions()) else {
        return lifted("nothing to lift: nothing is restricted");
    };
    let record = Record {
        at: Clock::start().now(),
        fact: Fact::Resumed {
            reason: args.reason.clone(),
        },
    };
    opened.log.commit(&[record], true)?;
    lifted(&format!(
        "lifted {restrictions}; recorded, so that the next `trader run` may trade"
    ))
}
