//! `trader adopt`: records made anew from the venue's, after a state directory was lost.

use anyhow::Result;
use keel_config::load_credentials;
use keel_engine::AdoptedPair;
use keel_runtime::{Adopted, ExitCode, Progress, adopt_from_venue};

use crate::operate::ReasonArgs;

/// Writes the records of an empty state directory, and says what they are.
///
/// # Errors
/// What keeps it from that, with the remedy.
pub(crate) fn run(args: &ReasonArgs, json: bool) -> Result<ExitCode> {
    let config = args.config.load()?;
    let credentials = load_credentials(&config, |name| std::env::var(name).ok())?;
    let progress = Progress::to_stderr();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let adopted = runtime.block_on(adopt_from_venue(&config, credentials, &args.reason, progress))?;
    let Adopted::Done(pairs) = adopted else {
        eprintln!(
            "trader: refused: {} has records, which are better than what the venue knows\n  remedy: `trader run`; to adopt all the \
             same, choose another [state] dir",
            config.state_dir.display()
        );
        return Ok(ExitCode::Refused);
    };
    if pairs.is_empty() {
        progress.line("no order of this instance is known to the venue: the records begin with nothing");
    }
    for pair in &pairs {
        progress.line(&line(pair));
    }
    if json {
        let pairs: Vec<_> = pairs.iter().map(as_json).collect();
        println!("{}", serde_json::json!({ "pairs": pairs }));
    }
    Ok(ExitCode::Done)
}

fn line(pair: &AdoptedPair) -> String {
    let cost = pair.avg_px.map_or_else(String::new, |px| {
        format!(", bought at {}", px.round_dp(8).normalize())
    });
    let estimated = if pair.is_estimated {
        "; ESTIMATED: the venue's trades do not explain it, so its cost and every profit of it are estimates"
    } else {
        ""
    };
    format!(
        "{}: {} orders and {} trades of strategy {} adopted; position {}{cost}{estimated}",
        pair.symbol, pair.orders, pair.trades, pair.strategy, pair.position
    )
}

fn as_json(pair: &AdoptedPair) -> serde_json::Value {
    serde_json::json!({
        "strategy": pair.strategy.as_str(),
        "symbol": pair.symbol.as_str(),
        "orders": pair.orders,
        "trades": pair.trades,
        "position": pair.position.to_string(),
        "avg_px": pair.avg_px.map(|px| px.normalize().to_string()),
        "is_estimated": pair.is_estimated,
    })
}
