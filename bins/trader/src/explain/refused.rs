//! The orders that the gate refused.

use std::collections::VecDeque;

use anyhow::Result;
use keel_domain::{OrderIntent, Timestamp};
use keel_engine::{Fact, Identity};
use keel_journal::FsDisk;
use keel_risk::Breach;
use keel_runtime::ExitCode;
use serde_json::json;

use super::{walk, words};

struct Refusal {
    sequence: u64,
    at: Timestamp,
    intent: OrderIntent,
    breach: Breach,
    config_hash: Option<String>,
}

/// Lists the latest refusals, oldest first.
///
/// # Errors
/// A journal that is not there or cannot be read.
pub(super) fn list(disk: &FsDisk, last: usize, json: bool) -> Result<ExitCode> {
    let mut held: VecDeque<Refusal> = VecDeque::new();
    let mut count = 0_u64;
    let mut identity: Option<Identity> = None;
    let walked = walk(disk, |sequence, record| match &record.fact {
        Fact::Booted { identity: who, .. } => identity = Some(who.clone()),
        Fact::Refused { intent, breach } => {
            count += 1;
            held.push_back(Refusal {
                sequence,
                at: record.at,
                intent: *intent,
                breach: breach.clone(),
                config_hash: identity.as_ref().map(|who| who.config_hash.clone()),
            });
            if held.len() > last {
                held.pop_front();
            }
        }
        _ => {}
    })?;
    if json {
        let refusals: Vec<_> = held.iter().map(as_json).collect();
        println!("{}", json!({ "recorded": count, "refusals": refusals }));
    } else {
        for refusal in &held {
            print(refusal);
        }
        println!(
            "{count} refusals recorded, {} shown; of a pair and rule one is recorded in ten seconds, /metrics counts all",
            held.len()
        );
    }
    Ok(walked.finish(disk))
}

fn print(refusal: &Refusal) {
    let Breach {
        rule,
        limit,
        value,
        state,
    } = &refusal.breach;
    println!(
        "{:>8}  {}  {}\n          {rule}: {value} breaks the limit {limit}; state {state}, still allowed: {}",
        refusal.sequence,
        words::time(refusal.at),
        words::order(&refusal.intent),
        state.still_allowed()
    );
}

fn as_json(refusal: &Refusal) -> serde_json::Value {
    let breach = &refusal.breach;
    json!({
        "sequence": refusal.sequence,
        "time": words::time(refusal.at),
        "intent": refusal.intent,
        "rule": breach.rule,
        "limit": breach.limit,
        "value": breach.value,
        "state": breach.state,
        "still_allowed": breach.state.still_allowed(),
        "config_hash": refusal.config_hash,
    })
}
