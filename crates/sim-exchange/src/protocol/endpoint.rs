//! Every request the venue takes, by REST and by WS API: one table, one set of handlers.

use keel_binance_wire::error::ApiError;
use keel_binance_wire::params::Params;
use keel_domain::Timestamp;
use serde_json::Value;

use super::rest::Method;
use super::{Protocol, account, market, trading};
use crate::core::AccountId;

/// A refusal with its HTTP status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) error: ApiError,
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self { status: 400, error }
    }
}

pub(super) type Answer = Result<Value, Refusal>;

/// Who may ask, and what answers.
#[derive(Clone, Copy)]
pub(super) enum Handler {
    /// Anybody.
    Public(fn(&Protocol, Timestamp, &Params) -> Answer),
    /// The owner of a key, with a signature.
    Signed(fn(&mut Protocol, Timestamp, AccountId, &Params) -> Answer),
}

/// One request.
pub(super) struct Endpoint {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) ws_method: &'static str,
    pub(super) weight: u32,
    pub(super) counts_as_order: bool,
    pub(super) handler: Handler,
}

const fn public(
    path: &'static str,
    ws_method: &'static str,
    weight: u32,
    handler: fn(&Protocol, Timestamp, &Params) -> Answer,
) -> Endpoint {
    Endpoint {
        method: Method::Get,
        path,
        ws_method,
        weight,
        counts_as_order: false,
        handler: Handler::Public(handler),
    }
}

const fn signed(
    method: Method,
    path: &'static str,
    ws_method: &'static str,
    weight: u32,
    handler: fn(&mut Protocol, Timestamp, AccountId, &Params) -> Answer,
) -> Endpoint {
    Endpoint {
        method,
        path,
        ws_method,
        weight,
        counts_as_order: false,
        handler: Handler::Signed(handler),
    }
}

/// All of them. An empty `ws_method` means REST only. Weights are the documents'; an order costs none when it succeeds.
pub(super) const ENDPOINTS: &[Endpoint] = &[
    public("/api/v3/ping", "ping", 1, market::ping),
    public("/api/v3/time", "time", 1, market::time),
    public("/api/v3/exchangeInfo", "exchangeInfo", 20, market::exchange_info),
    public("/api/v3/depth", "depth", 5, market::depth),
    public("/api/v3/trades", "trades.recent", 25, market::trades),
    public("/api/v3/avgPrice", "avgPrice", 2, market::avg_price),
    public("/api/v3/ticker/price", "ticker.price", 2, market::ticker_price),
    public("/api/v3/ticker/bookTicker", "ticker.book", 2, market::ticker_book),
    public("/api/v3/ticker/24hr", "ticker.24hr", 2, market::ticker_24hr),
    Endpoint {
        method: Method::Post,
        path: "/api/v3/order",
        ws_method: "order.place",
        weight: 1,
        counts_as_order: true,
        handler: Handler::Signed(trading::place),
    },
    signed(Method::Post, "/api/v3/order/test", "order.test", 1, trading::test),
    signed(Method::Get, "/api/v3/order", "order.status", 4, trading::status),
    signed(
        Method::Delete,
        "/api/v3/order",
        "order.cancel",
        1,
        trading::cancel,
    ),
    signed(
        Method::Get,
        "/api/v3/openOrders",
        "openOrders.status",
        6,
        trading::open_orders,
    ),
    signed(
        Method::Delete,
        "/api/v3/openOrders",
        "openOrders.cancelAll",
        1,
        trading::cancel_all,
    ),
    signed(
        Method::Get,
        "/api/v3/allOrders",
        "allOrders",
        20,
        trading::all_orders,
    ),
    signed(
        Method::Get,
        "/api/v3/account",
        "account.status",
        20,
        account::status,
    ),
    signed(
        Method::Get,
        "/api/v3/account/commission",
        "account.commission",
        20,
        account::commission,
    ),
    signed(
        Method::Get,
        "/api/v3/rateLimit/order",
        "account.rateLimits.orders",
        40,
        account::order_limits,
    ),
    signed(
        Method::Get,
        "/api/v3/myTrades",
        "myTrades",
        20,
        account::my_trades,
    ),
    signed(
        Method::Get,
        "/sapi/v1/account/apiRestrictions",
        "",
        1,
        account::api_restrictions,
    ),
];
