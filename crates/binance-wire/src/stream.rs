//! Market data streams (web-socket-streams.md).

use std::borrow::Cow;
use std::collections::BTreeMap;

use keel_domain::{Price, Qty};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::depth_scan;
use crate::error::ApiError;
use crate::market::KlineEvent;
use crate::number;
use crate::rest::WireLevel;

/// A frame that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// Not the JSON that the venue documents.
    #[error("not a stream frame: {0}")]
    Malformed(#[from] serde_json::Error),
}

/// A public trade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TradeEvent<'a> {
    /// "trade".
    #[serde(rename = "e", borrow)]
    pub event: Cow<'a, str>,
    /// Event time, ms.
    #[serde(rename = "E")]
    pub event_time: i64,
    /// The pair.
    #[serde(rename = "s", borrow)]
    pub symbol: Cow<'a, str>,
    /// Trade id.
    #[serde(rename = "t")]
    pub trade_id: u64,
    /// Price.
    #[serde(rename = "p", with = "number")]
    pub price: Price,
    /// Quantity.
    #[serde(rename = "q", with = "number")]
    pub qty: Qty,
    /// Trade time, ms.
    #[serde(rename = "T")]
    pub trade_time: i64,
    /// Whether the seller took.
    #[serde(rename = "m")]
    pub is_buyer_maker: bool,
    /// Ignored.
    #[serde(rename = "M", default)]
    pub ignored: bool,
}

/// A change of the book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepthEvent<'a> {
    /// "depthUpdate".
    #[serde(rename = "e", borrow)]
    pub event: Cow<'a, str>,
    /// Event time, ms.
    #[serde(rename = "E")]
    pub event_time: i64,
    /// The pair.
    #[serde(rename = "s", borrow)]
    pub symbol: Cow<'a, str>,
    /// First update.
    #[serde(rename = "U")]
    pub first_update_id: u64,
    /// Last update.
    #[serde(rename = "u")]
    pub last_update_id: u64,
    /// Changed buy levels.
    #[serde(rename = "b")]
    pub bids: Vec<WireLevel>,
    /// Changed sell levels.
    #[serde(rename = "a")]
    pub asks: Vec<WireLevel>,
}

/// The best prices; has neither event type nor time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookTickerEvent<'a> {
    /// Update id.
    #[serde(rename = "u")]
    pub update_id: u64,
    /// The pair.
    #[serde(rename = "s", borrow)]
    pub symbol: Cow<'a, str>,
    /// Best bid.
    #[serde(rename = "b", with = "number")]
    pub bid_price: Price,
    /// Quantity there.
    #[serde(rename = "B", with = "number")]
    pub bid_qty: Qty,
    /// Best ask.
    #[serde(rename = "a", with = "number")]
    pub ask_price: Price,
    /// Quantity there.
    #[serde(rename = "A", with = "number")]
    pub ask_qty: Qty,
}

/// The answer to a control request. A refusal stands beside the id, or inside `error`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ControlReply {
    /// The request's id, where it was a number.
    #[serde(default)]
    pub id: Option<u64>,
    #[serde(default)]
    error: Option<ApiError>,
    #[serde(default)]
    code: Option<i32>,
    #[serde(default)]
    msg: Option<String>,
}

impl ControlReply {
    /// What went wrong, if anything did.
    #[must_use]
    pub fn error(&self) -> Option<ApiError> {
        let beside = || {
            let code = self.code?;
            Some(ApiError::new(code, self.msg.clone().unwrap_or_default()))
        };
        self.error.clone().or_else(beside)
    }
}

/// One frame of a combined stream.
#[derive(Debug, Clone, PartialEq)]
pub enum StreamEvent<'a> {
    /// A public trade.
    Trade(TradeEvent<'a>),
    /// A change of the book.
    Depth(DepthEvent<'a>),
    /// The best prices.
    BookTicker(BookTickerEvent<'a>),
    /// A bar as it stands.
    Kline(Box<KlineEvent<'a>>),
    /// The venue is about to close the connection: connect anew at once.
    ServerShutdown,
    /// The answer to a control request.
    Reply(ControlReply),
    /// A stream that is not used here.
    Other,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    stream: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: Option<&'a serde_json::value::RawValue>,
}

/// Reads one frame of a combined stream: the usual depth frame by hand, all else as JSON.
///
/// # Errors
/// [`StreamError`].
pub fn decode(frame: &[u8]) -> Result<StreamEvent<'_>, StreamError> {
    match depth_scan::scan(frame) {
        Some(depth) => Ok(StreamEvent::Depth(depth)),
        None => decode_json(frame),
    }
}

/// The same, with the name of the first field of the event that is not documented. What the venue adds may change what
/// the rest means.
///
/// # Errors
/// [`StreamError`].
pub fn decode_checked(frame: &[u8]) -> Result<(StreamEvent<'_>, Option<String>), StreamError> {
    if let Some(depth) = depth_scan::scan(frame) {
        return Ok((StreamEvent::Depth(depth), None));
    }
    let event = decode_json(frame)?;
    let unknown = known_fields(&event).and_then(|known| unknown_field(frame, known));
    Ok((event, unknown))
}

/// The fields that the venue documents of an event.
fn known_fields(event: &StreamEvent<'_>) -> Option<&'static str> {
    match event {
        StreamEvent::Depth(_) => Some("eEsUuba"),
        // Both ids of orders, `b` and `a`, were documented once.
        StreamEvent::Trade(_) => Some("eEstpqbaTmM"),
        StreamEvent::BookTicker(_) => Some("usbBaA"),
        StreamEvent::Kline(_) => Some("eEsk"),
        StreamEvent::ServerShutdown | StreamEvent::Reply(_) | StreamEvent::Other => None,
    }
}

fn unknown_field(frame: &[u8], known: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Fields<'a> {
        #[serde(borrow)]
        data: BTreeMap<Cow<'a, str>, IgnoredAny>,
    }

    let fields: Fields<'_> = serde_json::from_slice(frame).ok()?;
    let is_unknown = |name: &Cow<'_, str>| name.len() != 1 || !known.contains(name.as_ref());
    fields.data.into_keys().find(is_unknown).map(Cow::into_owned)
}

/// Reads one frame of a combined stream as JSON, whatever its shape.
///
/// # Errors
/// [`StreamError`].
pub fn decode_json(frame: &[u8]) -> Result<StreamEvent<'_>, StreamError> {
    let envelope: Envelope<'_> = serde_json::from_slice(frame)?;
    let (Some(stream), Some(data)) = (envelope.stream, envelope.data) else {
        return Ok(StreamEvent::Reply(serde_json::from_slice(frame)?));
    };
    let data = data.get();
    let kind = stream.split_once('@').map_or(stream.as_ref(), |(_, kind)| kind);
    Ok(match kind {
        "trade" => StreamEvent::Trade(serde_json::from_str(data)?),
        "depth" | "depth@100ms" => StreamEvent::Depth(serde_json::from_str(data)?),
        "bookTicker" => StreamEvent::BookTicker(serde_json::from_str(data)?),
        kind if kind.starts_with("kline_") => StreamEvent::Kline(Box::new(serde_json::from_str(data)?)),
        "!serverShutdown" => StreamEvent::ServerShutdown,
        _ => StreamEvent::Other,
    })
}

/// A subscription request for the given streams.
#[must_use]
pub fn subscribe(id: u64, streams: &[String]) -> String {
    serde_json::json!({ "method": "SUBSCRIBE", "params": streams, "id": id }).to_string()
}
