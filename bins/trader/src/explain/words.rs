//! Facts in words.

use keel_domain::{ExecType, ExecutionReport, OrdType, OrderIntent, TimeInForce, Timestamp, Trade, Trigger};
use keel_engine::Fact;
use keel_execution::CancelState;
use keel_risk::TradingState;

/// When, in UTC.
pub(super) fn time(at: Timestamp) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(at.as_nanos()))
        .map_or_else(|_| "?".to_owned(), |at| format!("{at:.6}"))
}

const fn stays(time_in_force: TimeInForce) -> &'static str {
    match time_in_force {
        TimeInForce::Gtc => "good till canceled",
        TimeInForce::Ioc => "immediate or cancel",
        TimeInForce::Fok => "fill or kill",
    }
}

fn trigger(trigger: Trigger) -> String {
    match trigger {
        Trigger::Stop { stop_px } => format!("stop price {stop_px}"),
        Trigger::Trailing { delta_bips, stop_px } => format!(
            "trailing {delta_bips} bips{}",
            stop_px.map_or_else(String::new, |px| format!(" from {px}"))
        ),
    }
}

fn ord_type(kind: OrdType) -> String {
    match kind {
        OrdType::Market => "market".to_owned(),
        OrdType::Limit {
            price, time_in_force, ..
        } => format!("limit {price}, {}", stays(time_in_force)),
        OrdType::LimitMaker { price } => format!("limit {price}, post-only"),
        OrdType::StopLoss { trigger: when } => format!("stop loss, {}", trigger(when)),
        OrdType::StopLossLimit {
            trigger: when, price, ..
        } => format!("stop loss limit {price}, {}", trigger(when)),
        OrdType::TakeProfit { trigger: when } => format!("take profit, {}", trigger(when)),
        OrdType::TakeProfitLimit {
            trigger: when, price, ..
        } => format!("take profit limit {price}, {}", trigger(when)),
    }
}

/// An order as its issuer wanted it.
pub(super) fn order(intent: &OrderIntent) -> String {
    format!(
        "{} {} {} {}; {:?}",
        intent.side,
        intent.order_qty,
        intent.symbol,
        ord_type(intent.ord_type),
        intent.purpose
    )
}

/// A trade.
pub(super) fn trade(trade: &Trade) -> String {
    let fee = trade.commission_asset.map_or_else(
        || "no fee".to_owned(),
        |asset| format!("fee {} {asset}", trade.commission.normalize()),
    );
    let by = if trade.is_maker { "maker" } else { "taker" };
    format!(
        "trade {}: {} at {}, {by}, {fee}",
        trade.trade_id, trade.last_qty, trade.last_px
    )
}

fn report(report: &ExecutionReport) -> String {
    let said = match report.exec_type {
        ExecType::OrderStatus => "the venue, asked, says".to_owned(),
        kind => format!("the venue says {kind:?}:"),
    };
    let traded = report
        .trade
        .map_or_else(String::new, |done| format!("; {}", trade(&done)));
    format!(
        "{said} {:?}, {} of {} traded{traded}",
        report.ord_status, report.cum_qty, report.order_qty
    )
}

/// What a record of an order says; none for facts about something else.
pub(super) fn of_order(fact: &Fact) -> Option<(&'static str, String)> {
    Some(match fact {
        Fact::Intent { .. } => (
            "Intent",
            "approved by every check, and durable before it was sent".to_owned(),
        ),
        Fact::SubmitRejected { reject, .. } => ("SubmitRejected", format!("the venue refused it: {reject}")),
        Fact::SubmitNotSent { cause, .. } => ("SubmitNotSent", format!("it never left: {cause}")),
        Fact::SubmitUnknown { cause, .. } => (
            "SubmitUnknown",
            format!("its answer was lost, it counts in full: {cause}"),
        ),
        Fact::NeverArrived { .. } => (
            "NeverArrived",
            "all of the venue's sources show that it never arrived".to_owned(),
        ),
        Fact::Cancel { state, .. } => ("Cancel", cancel(*state).to_owned()),
        Fact::Execution(told) => ("Execution", report(told)),
        Fact::Trade { trade: done, .. } => ("Trade", format!("found by asking: {}", trade(done))),
        _ => return None,
    })
}

const fn cancel(state: CancelState) -> &'static str {
    match state {
        CancelState::None => "its cancel was refused or came to nothing: it may be live",
        CancelState::Requested { .. } => "its cancel was asked for",
        CancelState::Unclear => "the cancel's answer left its fate open",
    }
}

/// What else happened while the order lived, and may have to do with it.
pub(super) fn meanwhile(fact: &Fact) -> Option<(&'static str, String)> {
    Some(match fact {
        Fact::Booted { boot, identity } => (
            "Booted",
            format!(
                "the trader started (boot {boot}, build {}, configuration {})",
                identity.build, identity.config_hash
            ),
        ),
        Fact::Restricted { state, cause } => ("Restricted", format!("trading became {state}: {cause}")),
        Fact::SymbolRestricted { symbol, state, cause } => {
            ("SymbolRestricted", format!("{symbol} became {state}: {cause}"))
        }
        Fact::Resumed { reason } => ("Resumed", format!("an operator lifted restrictions: {reason}")),
        Fact::ResumedToReduceOnly { reason } => {
            let words = format!(
                "an operator lifted restrictions to {}: {reason}",
                TradingState::ReduceOnly
            );
            ("ResumedToReduceOnly", words)
        }
        _ => return None,
    })
}
