//! `trader resume`: lifting a restriction, of the running trader or while it is stopped.

use anyhow::{Context, Result};
use keel_control::{CallError, Request, call};
use keel_engine::{Fact, Record, RecordLog};
use keel_journal::HaltMark;
use keel_risk::TradingState;
use keel_runtime::{Clock, ExitCode, KILL_FILE, lifted, open_journal, restrictions_in_words};

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
    let mark = opened.log.disk().mark()?;
    let restrictions = restrictions_in_words(state.restrictions());
    let told = lifted(restrictions.clone(), mark.as_deref());
    if restrictions.is_some() || mark.is_some() {
        let fact = Fact::Resumed {
            reason: args.reason.clone(),
        };
        let at = Clock::start().now();
        opened.log.commit(&[Record { at, fact }], true)?;
        let context = "the mark HALTED cannot be removed: while it is there, each start is halted";
        opened.log.disk_mut().clear_mark().context(context)?;
    }
    Ok(tell(Ok(stopped(&told, TradingState::Active, None)), json))
}
