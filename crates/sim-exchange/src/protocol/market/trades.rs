//! Trades on request.

use keel_binance_wire::error::ApiError;
use keel_binance_wire::number::EightPlaces;
use keel_binance_wire::params::Params;
use keel_binance_wire::rest::RecentTrade;
use keel_domain::{Timestamp, notional};
use serde_json::{Value, json};

use super::{bad_combination, limit, millis, symbol, to_value, whole};
use crate::core::PublicTrade;
use crate::protocol::Protocol;
use crate::protocol::endpoint::Answer;
use crate::protocol::tape::{AggTrade, Span};

fn wire(trade: &PublicTrade) -> RecentTrade {
    RecentTrade {
        id: trade.trade_id.0,
        price: trade.price,
        qty: trade.qty,
        quote_qty: notional(trade.qty, trade.price),
        time: trade.time.as_millis(),
        is_buyer_maker: trade.is_buyer_maker,
        is_best_match: true,
    }
}

pub(super) fn recent(protocol: &Protocol, _: Timestamp, params: &Params) -> Answer {
    let symbol = symbol(protocol, params)?;
    let limit = limit(params, 500, 1_000)?;
    let tape = protocol.tapes.get(symbol).into_iter();
    to_value(
        tape.flat_map(|tape| tape.trades(None, limit))
            .map(wire)
            .collect::<Vec<_>>(),
    )
}

pub(super) fn historical(protocol: &Protocol, _: Timestamp, params: &Params) -> Answer {
    let symbol = symbol(protocol, params)?;
    let (from_id, limit) = (whole(params, "fromId")?, limit(params, 500, 1_000)?);
    let tape = protocol.tapes.get(symbol).into_iter();
    to_value(
        tape.flat_map(|tape| tape.trades(from_id, limit))
            .map(wire)
            .collect::<Vec<_>>(),
    )
}

/// There are no block trades here.
pub(super) fn block(protocol: &Protocol, _: Timestamp, params: &Params) -> Answer {
    symbol(protocol, params)?;
    whole(params, "fromId")?.ok_or_else(|| ApiError::mandatory("fromId"))?;
    limit(params, 500, 1_000)?;
    Ok(json!([]))
}

pub(super) fn aggregate(protocol: &Protocol, _: Timestamp, params: &Params) -> Answer {
    let symbol = symbol(protocol, params)?;
    let from_id = whole(params, "fromId")?;
    let span = Span {
        start: millis(params, "startTime")?,
        end: millis(params, "endTime")?,
        limit: limit(params, 500, 1_000)?,
    };
    if from_id.is_some() && (span.start.is_some() || span.end.is_some()) {
        return Err(bad_combination().into());
    }
    let wire = |trade: &AggTrade| {
        json!({
            "a": trade.id, "p": trade.price.write(), "q": trade.qty.write(),
            "f": trade.first_id, "l": trade.last_id, "T": trade.time.as_millis(),
            "m": trade.is_buyer_maker, "M": true,
        })
    };
    let trades: Vec<Value> = match (protocol.tapes.get(symbol), from_id) {
        (None, _) => Vec::new(),
        (Some(tape), Some(id)) => tape.agg_trades_from(id, span.limit).map(wire).collect(),
        (Some(tape), None) => tape.agg_trades(span).map(wire).collect(),
    };
    Ok(Value::Array(trades))
}
