//! What was found, for people and for machines.

use keel_config::Config;
use keel_domain::Money;
use keel_execution::IssuedBy;
use serde_json::{Value, json};

use super::checks::{Check, checks};
use super::find::Missing;
use super::life::{Decision, Life};
use super::{Walked, words};

/// That there is no such order, and what to do.
pub(super) fn missing(order: &str, missing: &Missing, walked: &Walked, json: bool) {
    let inspection = &walked.inspection;
    let (what, near, remedy) = match missing {
        Missing::Several(symbols) => {
            let names: Vec<String> = symbols.iter().map(ToString::to_string).collect();
            (
                format!("{order} is an order's id at the venue on {}", names.join(" and ")),
                names,
                "say which with --symbol".to_owned(),
            )
        }
        Missing::Foreign(sequence) => (
            format!("order {order} traded on the account (record {sequence}), and is none of this trader's"),
            Vec::new(),
            "ask the venue, or whoever else uses the account".to_owned(),
        ),
        Missing::Unknown(near) => (
            format!(
                "no order {order} in records {} to {}",
                inspection.first_sequence, inspection.last_sequence
            ),
            near.clone(),
            "look for it with `trader journal show --kind intent`; an order that the gate refused has no id: `trader explain \
             --refused`"
                .to_owned(),
        ),
    };
    eprintln!("trader: {what}");
    if let (Missing::Unknown(_), false) = (missing, near.is_empty()) {
        eprintln!("  near: {}", near.join(", "));
    }
    eprintln!("  remedy: {remedy}");
    if json {
        println!("{}", json!({ "error": what, "near": near, "remedy": remedy }));
    }
}

/// Whether the configuration at hand is the one by which the order was judged.
fn judged_by<'a>(decision: &Decision, config: Option<&'a Config>) -> Option<&'a Config> {
    let identity = decision.identity.as_ref()?;
    config.filter(|config| config.hash() == identity.config_hash)
}

/// An order's whole life.
pub(super) fn life(life: &Life, walked: &Walked, config: Option<&Config>, json: bool) {
    if json {
        println!("{}", as_json(life, walked, config));
        return;
    }
    head(life);
    match &life.decision {
        Some(decision) => tell_decision(decision, config),
        None => println!(
            "why it was sent: its intent is not among the records, which begin with {}",
            walked.inspection.first_sequence
        ),
    }
    println!("its life:");
    for event in &life.events {
        let mark = if event.is_own { ' ' } else { '*' };
        let position = event
            .position
            .map_or_else(String::new, |qty| format!("; the pair's position became {qty}"));
        println!(
            "{:>8}{mark} {}  {:<16} {}{position}",
            event.sequence,
            words::time(event.at),
            event.kind,
            event.text
        );
    }
    if life.events.iter().any(|event| !event.is_own) {
        println!("          * not of this order: what happened while it lived");
    }
    tell_end(life);
    if let Some((count, first)) = walked.unreadable {
        println!("{count} records of another version were passed over, the first is {first}");
    }
}

fn issuer(life: &Life) -> Option<String> {
    let parts = life.parts()?;
    let (strategy, boot) = (parts.strategy, parts.boot);
    Some(match parts.issued_by {
        IssuedBy::Strategy => format!("strategy {strategy}, boot {boot}"),
        IssuedBy::Protection => format!("protection: a stop for what strategy {strategy} holds, boot {boot}"),
        IssuedBy::Operator => format!("an operator, who sells what strategy {strategy} holds, boot {boot}"),
    })
}

fn head(life: &Life) {
    let name = life
        .target
        .cl_ord_id
        .map_or_else(|| "(our id is not recorded)".to_owned(), |id| id.to_string());
    let number = life
        .target
        .order_id
        .map_or_else(|| "none, as far as is recorded".to_owned(), |id| id.to_string());
    println!("order {name}, the venue's id: {number}");
    if let Some(issuer) = issuer(life) {
        println!("issued by: {issuer}");
    } else if let Some(strategy) = life.strategy() {
        println!("issued for: strategy {strategy}, adopted from the venue or found by asking");
    }
    let Some(decision) = &life.decision else { return };
    println!("wanted: {}", words::order(&decision.intent));
    match decision.partner {
        Some((exit, true)) => println!("OCO: the stop of exit {exit}; at most one of the two trades"),
        Some((stop, false)) => println!("OCO: carries the stop {stop}; at most one of the two trades"),
        None => {}
    }
}

fn tell_decision(decision: &Decision, config: Option<&Config>) {
    let seen = &decision.seen;
    let market = seen.bid_ask.map_or_else(
        || "no usable price".to_owned(),
        |(bid, ask)| format!("bid {bid}, ask {ask}"),
    );
    println!(
        "decided: record {}, {}\n  saw: {market}; position {}; on order to buy {}, to sell {}",
        decision.sequence,
        words::time(decision.at),
        seen.position,
        seen.buy_leaves,
        seen.sell_leaves
    );
    let config = judged_by(decision, config);
    if let Some(identity) = &decision.identity {
        println!(
            "  by: build {}, configuration {}{}",
            identity.build,
            identity.config_hash,
            if config.is_some() {
                ""
            } else {
                " (its limits: give --config that very configuration)"
            }
        );
    }
    if let Some((_, Some(cause))) = &decision.state {
        println!("  restricted because: {cause}");
    }
    println!("  every check was passed:");
    for check in checks(decision, config) {
        let value = check.value.as_deref().unwrap_or("(not recorded)");
        let limit = check.limit.map_or_else(String::new, |limit| format!("; {limit}"));
        println!("    {:<15} {value}{limit}", check.rule.to_string());
    }
}

fn tell_end(life: &Life) {
    println!(
        "end: {}",
        life.ending
            .as_deref()
            .unwrap_or("none in the records: it may be live")
    );
    let (qty, value, fees) = life.traded();
    if qty > Money::ZERO {
        let fees: Vec<String> = fees
            .iter()
            .map(|(asset, fee)| format!("{} {asset}", fee.normalize()))
            .collect();
        println!(
            "traded: {} at {} on average in {} trades; fees {}",
            qty.normalize(),
            (value / qty).round_dp(8).normalize(),
            life.trades.len(),
            if fees.is_empty() {
                "none".to_owned()
            } else {
                fees.join(" + ")
            }
        );
    }
    if let Some(decision) = &life.decision {
        let next = life.next_seen.map_or_else(
            || "no later decision on the pair is recorded".to_owned(),
            |(sequence, qty)| format!("the next decision on the pair saw {qty} (record {sequence})"),
        );
        println!("position of the pair: {} before; {next}", decision.seen.position);
    }
    if let (Some((held, avg_px)), Some(strategy)) = (life.holding(), life.strategy()) {
        let at = avg_px.map_or_else(String::new, |px| {
            format!(", bought at {}", px.round_dp(8).normalize())
        });
        println!(
            "strategy {strategy} holds {}{at}, by all records",
            held.normalize()
        );
    }
    println!("records: {}", records(life).join(", "));
}

fn records(life: &Life) -> Vec<String> {
    let own = life.events.iter().filter(|event| event.is_own);
    own.map(|event| event.sequence.to_string()).collect()
}

fn check_json(check: &Check) -> Value {
    json!({ "rule": check.rule, "value": check.value, "limit": check.limit })
}

fn decision_json(decision: &Decision, config: Option<&Config>) -> Value {
    let config = judged_by(decision, config);
    let checks: Vec<Value> = checks(decision, config).iter().map(check_json).collect();
    json!({
        "sequence": decision.sequence,
        "time": words::time(decision.at),
        "intent": decision.intent,
        "seen": decision.seen,
        "state": decision.state.as_ref().map(|(state, _)| state),
        "restricted_because": decision.state.as_ref().and_then(|(_, cause)| cause.as_ref().map(ToString::to_string)),
        "build": decision.identity.as_ref().map(|identity| &identity.build),
        "config_hash": decision.identity.as_ref().map(|identity| &identity.config_hash),
        "limits_known": config.is_some(),
        "checks": checks,
        "partner": decision.partner.map(|(id, _)| id),
        "is_stop_of_partner": decision.partner.map(|(_, is_stop)| is_stop),
    })
}

fn as_json(life: &Life, walked: &Walked, config: Option<&Config>) -> Value {
    let events: Vec<Value> = life
        .events
        .iter()
        .map(|event| {
            json!({
                "sequence": event.sequence,
                "time": words::time(event.at),
                "kind": event.kind,
                "text": event.text,
                "is_own": event.is_own,
                "position": event.position,
            })
        })
        .collect();
    let trades: Vec<Value> = life
        .trades
        .values()
        .map(|(sequence, trade)| json!({ "sequence": sequence, "trade": trade }))
        .collect();
    let (qty, value, fees) = life.traded();
    json!({
        "cl_ord_id": life.target.cl_ord_id,
        "order_id": life.target.order_id,
        "symbol": life.target.symbol,
        "strategy": life.strategy(),
        "issued_by": issuer(life),
        "decision": life.decision.as_ref().map(|decision| decision_json(decision, config)),
        "life": events,
        "trades": trades,
        "traded_qty": qty.normalize(),
        "traded_value": value.normalize(),
        "fees": fees,
        "end": life.ending,
        "position_before": life.decision.as_ref().map(|decision| decision.seen.position),
        "position_next_seen": life.next_seen.map(|(sequence, qty)| json!({ "sequence": sequence, "position": qty })),
        "strategy_holds": life.holding().map(|(held, _)| held.normalize()),
        "unreadable_records": walked.unreadable.map_or(0, |(count, _)| count),
    })
}
