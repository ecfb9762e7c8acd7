//! `trader explain`: which data, which checks and which limits led to an order or to its refusal, from the records alone.

mod checks;
mod find;
mod life;
mod refused;
mod tell;
#[cfg(test)]
mod tests;
mod words;

use anyhow::Result;
use clap::Args;
use keel_domain::Symbol;
use keel_engine::Record;
use keel_journal::{FsDisk, Inspection, inspect};
use keel_runtime::{ExitCode, decode};

use crate::journal::{Place, refuse_empty, tell_harm};
use find::{Missing, Search};
use life::Life;

/// What is to be explained.
#[derive(Args, Clone)]
pub(crate) struct ExplainArgs {
    /// The order: its client order id, or the venue's order id.
    #[arg(
        value_name = "ORDER",
        required_unless_present = "refused",
        conflicts_with = "refused"
    )]
    order: Option<String>,
    /// List the orders that the gate refused: they never got an id that was sent.
    #[arg(long)]
    refused: bool,
    /// How many refusals, the latest.
    #[arg(long, value_name = "N", default_value_t = 20, requires = "refused")]
    last: usize,
    /// The pair, where the venue's order id names orders of several.
    #[arg(long, conflicts_with = "refused")]
    symbol: Option<Symbol>,
    #[command(flatten)]
    place: Place,
}

/// Explains.
///
/// # Errors
/// A journal that is not there or cannot be read.
pub(crate) fn explain(args: &ExplainArgs, json: bool) -> Result<ExitCode> {
    let disk = args.place.disk()?;
    let Some(order) = &args.order else {
        return refused::list(&disk, args.last, json);
    };
    let mut search = Search::new(order, args.symbol);
    let walked = walk(&disk, |sequence, record| search.see(sequence, record))?;
    let target = match search.end() {
        Ok(target) => target,
        Err(missing) => {
            tell::missing(order, &missing, &walked, json);
            let code = walked.finish(&disk);
            return Ok(match missing {
                Missing::Several(_) if code == ExitCode::Done => ExitCode::Usage,
                _ => ExitCode::Fault,
            });
        }
    };
    let is_whole = walked.inspection.first_sequence == 1;
    let mut life = Life::new(target, is_whole);
    let walked = walk(&disk, |sequence, record| life.see(sequence, record))?;
    let config = args.place.config()?;
    tell::life(&life, &walked, config.as_ref(), json);
    Ok(walked.finish(&disk))
}

/// What was read.
struct Walked {
    inspection: Inspection,
    /// Records of another version: how many, and the first.
    unreadable: Option<(u64, u64)>,
}

impl Walked {
    fn finish(&self, disk: &FsDisk) -> ExitCode {
        let Some(harm) = &self.inspection.harm else {
            return ExitCode::Done;
        };
        tell_harm(disk, harm);
        eprintln!("trader: only the records before that place were read");
        ExitCode::Fault
    }
}

/// Reads all records that are there, oldest first; the trader may be running.
fn walk(disk: &FsDisk, mut see: impl FnMut(u64, &Record)) -> Result<Walked> {
    let mut unreadable: Option<(u64, u64)> = None;
    let inspection = inspect(disk, |sequence, payload| match decode(payload) {
        Ok(record) => see(sequence, &record),
        Err(_) => {
            let (count, first) = unreadable.unwrap_or((0, sequence));
            unreadable = Some((count + 1, first));
        }
    })?;
    refuse_empty(disk, &inspection)?;
    Ok(Walked {
        inspection,
        unreadable,
    })
}
