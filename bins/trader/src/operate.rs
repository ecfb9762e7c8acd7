//! The commands that reach the running trader.

use anyhow::Result;
use keel_config::Config;
use keel_control::{Answer, CallError, Request, Verdict, call};
use keel_engine::{Fact, Record, RecordLog};
use keel_risk::{HaltCause, TradingState};
use keel_runtime::{Clock, ExitCode, open_journal};

use crate::ConfigArgs;

/// Where the trader is, and why it is told so.
#[derive(clap::Args, Clone)]
pub(crate) struct ReasonArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Why; recorded.
    #[arg(long)]
    pub(crate) reason: String,
}

/// Asks the running trader.
///
/// # Errors
/// A configuration that cannot be read.
pub(crate) fn operate(args: &ConfigArgs, request: &Request, json: bool) -> Result<ExitCode> {
    Ok(tell(call(&args.load()?.state_dir, request), json))
}

/// Halts the running trader, or records the halt for the next start.
///
/// # Errors
/// A configuration that cannot be read, or a state directory that cannot be written.
pub(crate) fn halt(args: &ReasonArgs, json: bool) -> Result<ExitCode> {
    let config = args.config.load()?;
    let reason = args.reason.clone();
    match call(&config.state_dir, &Request::Halt { reason }) {
        Err(CallError::NotRunning) => halt_stopped(&config, &args.reason, json),
        answer => Ok(tell(answer, json)),
    }
}

fn halt_stopped(config: &Config, reason: &str, json: bool) -> Result<ExitCode> {
    let mut opened = open_journal(config)?;
    let (state, reason) = (TradingState::Halted, reason.to_owned());
    let cause = HaltCause::Operator { reason };
    let fact = Fact::Restricted {
        state,
        cause: cause.clone(),
    };
    let at = Clock::start().now();
    opened.log.commit(&[Record { at, fact }], true)?;
    let text = "no trader runs: recorded, so that the next start is halted";
    Ok(tell(Ok(stopped(text, state, Some(&cause))), json))
}

/// The answer of a trader that does not run.
pub(crate) fn stopped(text: &str, state: TradingState, cause: Option<&HaltCause>) -> Answer {
    Answer {
        verdict: Verdict::Done,
        text: text.to_owned(),
        verified: "NOT asked: what an earlier run may have left at the venue, the next start cancels"
            .to_owned(),
        state: state.to_string(),
        cause: cause.map(ToString::to_string),
        still_allowed: state.still_allowed().to_owned(),
        pairs: Vec::new(),
        live_orders: Vec::new(),
    }
}

/// Says what was answered, and gives the exit code that it deserves.
pub(crate) fn tell(answer: Result<Answer, CallError>, json: bool) -> ExitCode {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            eprintln!("trader: {error}");
            if json {
                println!("{}", serde_json::json!({ "error": error.to_string() }));
            }
            return match error {
                CallError::NotRunning | CallError::NotUnderstood(_) => ExitCode::Usage,
                CallError::Unclear(_) => ExitCode::Unknown,
            };
        }
    };
    if json {
        println!("{}", serde_json::json!(answer));
    } else {
        println!("{}", answer.text);
        println!("venue: {}", answer.verified);
        let because = answer
            .cause
            .map_or_else(String::new, |cause| format!(", because: {cause}"));
        println!(
            "state {}{because}; still allowed: {}",
            answer.state, answer.still_allowed
        );
        for pair in &answer.pairs {
            let because = pair.cause.as_ref().map_or_else(String::new, |cause| {
                format!(", itself restricted because: {cause}")
            });
            println!(
                "  {} {}{because}; still allowed: {}",
                pair.symbol, pair.state, pair.still_allowed
            );
        }
        println!("orders that may be live: {}", answer.live_orders.len());
        for id in &answer.live_orders {
            println!("  {id}");
        }
    }
    match answer.verdict {
        Verdict::Done => ExitCode::Done,
        Verdict::Refused => ExitCode::Refused,
        Verdict::Unknown => ExitCode::Unknown,
    }
}
