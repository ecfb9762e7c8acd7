//! The WS API: requests, answers, and the user data events (web-socket-api.md, user-data-stream.md).

use std::borrow::Cow;

use keel_domain::{Money, Price, Qty};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::enums::{WireExecType, WireOrderStatus, WireOrderType, WireSide, WireTimeInForce};
use crate::error::ApiError;
use crate::number;
use crate::params::Params;
use crate::rest::RateLimit;

/// Names of methods that the client uses.
pub mod method {
    /// Log a session on (Ed25519).
    pub const SESSION_LOGON: &str = "session.logon";
    /// Subscribe to user events with a signature.
    pub const USER_SUBSCRIBE_SIGNATURE: &str = "userDataStream.subscribe.signature";
    /// Subscribe to user events on a session that is logged on.
    pub const USER_SUBSCRIBE: &str = "userDataStream.subscribe";
    /// Read the venue's clock.
    pub const TIME: &str = "time";
    /// Place an order.
    pub const ORDER_PLACE: &str = "order.place";
    /// Place two orders of which one cancels the other.
    pub const ORDER_LIST_PLACE_OCO: &str = "orderList.place.oco";
    /// Cancel an order, and the whole list that it is part of.
    pub const ORDER_CANCEL: &str = "order.cancel";
}

/// Writes a request. Numbers among the parameters are sent as JSON numbers where the documents show numbers.
#[must_use]
pub fn request(id: u64, method: &str, params: &Params) -> String {
    let params: serde_json::Map<String, serde_json::Value> = params
        .iter()
        .map(|(name, value)| {
            let number =
                matches!(name, "timestamp" | "recvWindow" | "orderId").then(|| value.parse::<u64>().ok());
            (
                name.to_owned(),
                number.flatten().map_or_else(|| value.into(), Into::into),
            )
        })
        .collect();
    serde_json::json!({ "id": id.to_string(), "method": method, "params": params }).to_string()
}

/// A frame from the WS API.
#[derive(Debug)]
pub enum WsFrame<'a> {
    /// The answer to a request.
    Reply(Reply<'a>),
    /// A user event.
    Event(UserEvent<'a>),
}

/// The answer to a request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reply<'a> {
    /// The request's id as JSON, which the venue echoes: a string or a number.
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    /// As HTTP.
    pub status: u16,
    /// What was asked for.
    #[serde(borrow, default)]
    pub result: Option<&'a RawValue>,
    /// What went wrong.
    #[serde(default)]
    pub error: Option<ReplyError>,
    /// How much of each limit is used; empty where it was not asked for.
    #[serde(default)]
    pub rate_limits: Vec<RateLimit>,
}

impl<'a> Reply<'a> {
    /// The request's id, as we wrote it; none where the venue could not read the request.
    #[must_use]
    pub fn id(&self) -> Option<&'a str> {
        self.id.map(|id| id.get().trim_matches('"'))
    }

    /// The request weight used in the venue's present minute, where the answer tells it.
    #[must_use]
    pub fn used_weight(&self) -> Option<u32> {
        let is_weight =
            |limit: &&RateLimit| limit.rate_limit_type == "REQUEST_WEIGHT" && limit.interval == "MINUTE";
        self.rate_limits
            .iter()
            .find(is_weight)
            .and_then(|limit| limit.count)
    }
}

/// What went wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyError {
    /// The code.
    pub code: i32,
    /// The text.
    pub msg: String,
    /// When to try again, on rate limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<ReplyErrorData>,
}

impl From<ReplyError> for ApiError {
    fn from(error: ReplyError) -> Self {
        Self {
            code: error.code,
            msg: error.msg,
        }
    }
}

/// What a rate-limit error adds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplyErrorData {
    /// The venue's time, ms.
    #[serde(default)]
    pub server_time: Option<i64>,
    /// When requests are taken again, ms.
    #[serde(default)]
    pub retry_after: Option<i64>,
}

/// A user event that is used here.
#[derive(Debug)]
pub enum UserEvent<'a> {
    /// An order moved.
    ExecutionReport(Box<ExecutionReportEvent<'a>>),
    /// Balances changed.
    AccountPosition(AccountPositionEvent),
    /// The subscription ended.
    StreamTerminated,
    /// The connection is about to end.
    ServerShutdown,
    /// Money came in or went out.
    BalanceUpdate(BalanceUpdateEvent),
    /// Part of a balance was locked or unlocked from outside.
    ExternalLockUpdate(BalanceUpdateEvent),
    /// An order list moved.
    ListStatus(ListStatusEvent),
    /// An event that is not used here.
    Other,
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow, default)]
    event: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct EventKind<'a> {
    #[serde(rename = "e", borrow)]
    kind: Cow<'a, str>,
}

/// Reads one frame.
///
/// # Errors
/// JSON that is not as documented, or an enum value that is not known.
pub fn decode(frame: &[u8]) -> Result<WsFrame<'_>, serde_json::Error> {
    let envelope: Frame<'_> = serde_json::from_slice(frame)?;
    let Some(event) = envelope.event else {
        return serde_json::from_slice(frame).map(WsFrame::Reply);
    };
    let text = event.get();
    let kind: EventKind<'_> = serde_json::from_str(text)?;
    Ok(WsFrame::Event(match kind.kind.as_ref() {
        "executionReport" => UserEvent::ExecutionReport(serde_json::from_str(text)?),
        "outboundAccountPosition" => UserEvent::AccountPosition(serde_json::from_str(text)?),
        "eventStreamTerminated" => UserEvent::StreamTerminated,
        "serverShutdown" => UserEvent::ServerShutdown,
        "balanceUpdate" => UserEvent::BalanceUpdate(serde_json::from_str(text)?),
        "externalLockUpdate" => UserEvent::ExternalLockUpdate(serde_json::from_str(text)?),
        "listStatus" => UserEvent::ListStatus(serde_json::from_str(text)?),
        _ => UserEvent::Other,
    }))
}

/// An order moved. On a cancel `client_order_id` is the cancel's own id and `orig_client_order_id` the order's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionReportEvent<'a> {
    /// "executionReport".
    #[serde(rename = "e", borrow)]
    pub event: Cow<'a, str>,
    /// Event time, ms.
    #[serde(rename = "E")]
    pub event_time: i64,
    /// The pair.
    #[serde(rename = "s", borrow)]
    pub symbol: Cow<'a, str>,
    /// Client order id.
    #[serde(rename = "c", borrow)]
    pub client_order_id: Cow<'a, str>,
    /// Side.
    #[serde(rename = "S")]
    pub side: WireSide,
    /// Type.
    #[serde(rename = "o")]
    pub order_type: WireOrderType,
    /// Time in force.
    #[serde(rename = "f")]
    pub time_in_force: WireTimeInForce,
    /// Ordered quantity.
    #[serde(rename = "q", with = "number")]
    pub order_qty: Qty,
    /// Limit price.
    #[serde(rename = "p", with = "number")]
    pub price: Price,
    /// Stop price.
    #[serde(rename = "P", with = "number")]
    pub stop_price: Price,
    /// Displayed part of an iceberg.
    #[serde(rename = "F", with = "number")]
    pub iceberg_qty: Qty,
    /// -1, unless part of a list.
    #[serde(rename = "g")]
    pub order_list_id: i64,
    /// The order's id, on a cancel; else empty.
    #[serde(rename = "C", borrow)]
    pub orig_client_order_id: Cow<'a, str>,
    /// Why this event.
    #[serde(rename = "x")]
    pub exec_type: WireExecType,
    /// Status.
    #[serde(rename = "X")]
    pub status: WireOrderStatus,
    /// Reject reason.
    #[serde(rename = "r", borrow)]
    pub reject_reason: Cow<'a, str>,
    /// The venue's id.
    #[serde(rename = "i")]
    pub order_id: u64,
    /// Quantity of this trade.
    #[serde(rename = "l", with = "number")]
    pub last_qty: Qty,
    /// Traded quantity.
    #[serde(rename = "z", with = "number")]
    pub cum_qty: Qty,
    /// Price of this trade.
    #[serde(rename = "L", with = "number")]
    pub last_px: Price,
    /// Commission.
    #[serde(rename = "n", with = "number")]
    pub commission: Money,
    /// Its asset.
    #[serde(rename = "N", borrow)]
    pub commission_asset: Option<Cow<'a, str>>,
    /// When, ms.
    #[serde(rename = "T")]
    pub transact_time: i64,
    /// Trade id, or -1.
    #[serde(rename = "t")]
    pub trade_id: i64,
    /// Execution id.
    #[serde(rename = "I")]
    pub execution_id: u64,
    /// Whether it is in the book.
    #[serde(rename = "w")]
    pub is_on_book: bool,
    /// Whether the order rested.
    #[serde(rename = "m")]
    pub is_maker: bool,
    /// Ignored.
    #[serde(rename = "M")]
    pub ignored: bool,
    /// When the order came, ms.
    #[serde(rename = "O")]
    pub order_time: i64,
    /// Traded value.
    #[serde(rename = "Z", with = "number")]
    pub cum_quote: Money,
    /// Value of this trade.
    #[serde(rename = "Y", with = "number")]
    pub last_quote: Money,
    /// Ordered value.
    #[serde(rename = "Q", with = "number")]
    pub quote_order_qty: Money,
    /// When it began to work, ms.
    #[serde(rename = "W", default, skip_serializing_if = "Option::is_none")]
    pub working_time: Option<i64>,
    /// Self-trade prevention.
    #[serde(rename = "V", borrow)]
    pub self_trade_prevention_mode: Cow<'a, str>,
    /// Why it expired.
    #[serde(rename = "eR", borrow, default, skip_serializing_if = "Option::is_none")]
    pub expiry_reason: Option<Cow<'a, str>>,
}

/// One asset that may have changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionBalance {
    /// The asset.
    #[serde(rename = "a")]
    pub asset: String,
    /// Spendable.
    #[serde(rename = "f", with = "number")]
    pub free: Money,
    /// Held by open orders.
    #[serde(rename = "l", with = "number")]
    pub locked: Money,
}

/// Balances changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountPositionEvent {
    /// "outboundAccountPosition".
    #[serde(rename = "e")]
    pub event: String,
    /// Event time, ms.
    #[serde(rename = "E")]
    pub event_time: i64,
    /// When the account changed, ms.
    #[serde(rename = "u")]
    pub update_time: i64,
    /// The assets that may have changed.
    #[serde(rename = "B")]
    pub balances: Vec<PositionBalance>,
}

/// A balance was changed by something else than an order; the change, not the balance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceUpdateEvent {
    /// "balanceUpdate" or "externalLockUpdate".
    #[serde(rename = "e")]
    pub event: String,
    /// Event time, ms.
    #[serde(rename = "E")]
    pub event_time: i64,
    /// The asset.
    #[serde(rename = "a")]
    pub asset: String,
    /// By how much; below zero where money went out.
    #[serde(rename = "d", with = "number")]
    pub delta: Money,
    /// When it was cleared, ms.
    #[serde(rename = "T")]
    pub clear_time: i64,
}

/// An order of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedOrder {
    /// The pair.
    #[serde(rename = "s")]
    pub symbol: String,
    /// The venue's id.
    #[serde(rename = "i")]
    pub order_id: u64,
    /// Its client order id.
    #[serde(rename = "c")]
    pub client_order_id: String,
}

/// An order list moved; its orders tell their own states by execution reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListStatusEvent {
    /// "listStatus".
    #[serde(rename = "e")]
    pub event: String,
    /// Event time, ms.
    #[serde(rename = "E")]
    pub event_time: i64,
    /// The pair.
    #[serde(rename = "s")]
    pub symbol: String,
    /// The venue's id of the list.
    #[serde(rename = "g")]
    pub order_list_id: i64,
    /// OCO, OTO, OPO.
    #[serde(rename = "c")]
    pub contingency_type: String,
    /// RESPONSE, EXEC_STARTED, UPDATED, ALL_DONE.
    #[serde(rename = "l")]
    pub list_status_type: String,
    /// EXECUTING, ALL_DONE, REJECT.
    #[serde(rename = "L")]
    pub list_order_status: String,
    /// Why it was refused, or NONE.
    #[serde(rename = "r")]
    pub list_reject_reason: String,
    /// The list's client id.
    #[serde(rename = "C")]
    pub list_client_order_id: String,
    /// When, ms.
    #[serde(rename = "T")]
    pub transact_time: i64,
    /// The orders.
    #[serde(rename = "O")]
    pub orders: Vec<ListedOrder>,
}
