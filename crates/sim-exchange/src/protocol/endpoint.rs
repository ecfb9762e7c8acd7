//! Every request the venue takes, by REST and by WS API: tables by area, one set of handlers.

use keel_binance_wire::error::ApiError;
use keel_binance_wire::params::Params;
use keel_domain::Timestamp;
use serde_json::Value;

use super::key::{Caller, Need};
use super::rest::Method;
use super::{Protocol, account, key, market, order_lists, replacing, trading};
use crate::core::AccountId;

/// A refusal with its HTTP status.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) error: ApiError,
    /// What the error adds, as the partial failure of a cancel-replace does.
    pub(super) data: Option<Value>,
    /// When to ask again, on limits.
    pub(super) retry_at: Option<Timestamp>,
}

impl Refusal {
    pub(super) fn new(status: u16, error: ApiError) -> Self {
        Self {
            status,
            error,
            data: None,
            retry_at: None,
        }
    }

    pub(super) fn limited(status: u16, error: ApiError, retry_at: Timestamp) -> Self {
        Self {
            retry_at: Some(retry_at),
            ..Self::new(status, error)
        }
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self::new(400, error)
    }
}

pub(super) type Answer = Result<Value, Refusal>;

type Public = fn(&Protocol, Timestamp, &Params) -> Answer;
type OfKey = fn(&Caller) -> Answer;
type Signed = fn(&mut Protocol, Timestamp, AccountId, &Params) -> Answer;

/// Who may ask, and what answers.
#[derive(Clone, Copy)]
pub(super) enum Handler {
    /// Anybody.
    Public(Public),
    /// The owner of a key, with a signature.
    Signed(Signed),
    /// The same; the answer is about the key.
    OfKey(OfKey),
}

/// What a request costs.
#[derive(Clone, Copy)]
pub(super) enum Weight {
    /// Always the same.
    Fixed(u32),
    /// By what is asked for.
    By(fn(&Params) -> u32),
    /// So much when it fails, nothing when it succeeds: orders and cancels.
    OnFailure(u32),
}

impl Weight {
    pub(super) fn of(self, params: &Params) -> u32 {
        match self {
            Self::Fixed(weight) | Self::OnFailure(weight) => weight,
            Self::By(weight) => weight(params),
        }
    }
}

/// One request.
pub(super) struct Endpoint {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) ws_method: &'static str,
    pub(super) weight: Weight,
    /// How many orders a success places.
    pub(super) orders: u32,
    /// What the key must be for.
    pub(super) need: Need,
    pub(super) handler: Handler,
}

pub(super) const fn public(
    path: &'static str,
    ws_method: &'static str,
    weight: Weight,
    handler: Public,
) -> Endpoint {
    Endpoint {
        method: Method::Get,
        path,
        ws_method,
        weight,
        orders: 0,
        need: Need::Nothing,
        handler: Handler::Public(handler),
    }
}

const fn signed(
    method: Method,
    path: &'static str,
    ws_method: &'static str,
    weight: Weight,
    handler: Signed,
) -> Endpoint {
    Endpoint {
        method,
        path,
        ws_method,
        weight,
        orders: 0,
        need: Need::Reading,
        handler: Handler::Signed(handler),
    }
}

const fn get(path: &'static str, ws_method: &'static str, weight: u32, handler: Signed) -> Endpoint {
    signed(Method::Get, path, ws_method, Weight::Fixed(weight), handler)
}

/// A request that places so many orders, or none and cancels.
const fn trade(
    method: Method,
    path: &'static str,
    ws_method: &'static str,
    orders: u32,
    handler: Signed,
) -> Endpoint {
    Endpoint {
        orders,
        need: Need::Trading,
        ..signed(method, path, ws_method, Weight::OnFailure(1), handler)
    }
}

fn weight_of_test(params: &Params) -> u32 {
    if params.get("computeCommissionRates") == Some("true") {
        20
    } else {
        1
    }
}

fn weight_of_open_orders(params: &Params) -> u32 {
    if params.get("symbol").is_some() { 6 } else { 80 }
}

fn weight_of_my_trades(params: &Params) -> u32 {
    if params.get("orderId").is_some() { 5 } else { 20 }
}

/// Orders. An empty `ws_method` means REST only.
const TRADING: &[Endpoint] = &[
    trade(Method::Post, "/api/v3/order", "order.place", 1, trading::place),
    Endpoint {
        need: Need::Trading,
        ..signed(
            Method::Post,
            "/api/v3/order/test",
            "order.test",
            Weight::By(weight_of_test),
            trading::test,
        )
    },
    trade(
        Method::Post,
        "/api/v3/sor/order",
        "sor.order.place",
        1,
        trading::place_routed,
    ),
    Endpoint {
        need: Need::Trading,
        ..signed(
            Method::Post,
            "/api/v3/sor/order/test",
            "sor.order.test",
            Weight::By(weight_of_test),
            trading::test_routed,
        )
    },
    get("/api/v3/order", "order.status", 4, trading::status),
    trade(
        Method::Delete,
        "/api/v3/order",
        "order.cancel",
        0,
        trading::cancel,
    ),
    signed(
        Method::Get,
        "/api/v3/openOrders",
        "openOrders.status",
        Weight::By(weight_of_open_orders),
        trading::open_orders,
    ),
    trade(
        Method::Delete,
        "/api/v3/openOrders",
        "openOrders.cancelAll",
        0,
        trading::cancel_all,
    ),
    get("/api/v3/allOrders", "allOrders", 20, trading::all_orders),
];

/// Accounts.
const ACCOUNT: &[Endpoint] = &[
    get("/api/v3/account", "account.status", 20, account::status),
    get(
        "/api/v3/account/commission",
        "account.commission",
        20,
        account::commission,
    ),
    get(
        "/api/v3/rateLimit/order",
        "account.rateLimits.orders",
        40,
        account::order_limits,
    ),
    signed(
        Method::Get,
        "/api/v3/myTrades",
        "myTrades",
        Weight::By(weight_of_my_trades),
        account::my_trades,
    ),
    get(
        "/api/v3/myAllocations",
        "myAllocations",
        20,
        account::my_allocations,
    ),
    get("/api/v3/myFilters", "myFilters", 40, account::my_filters),
    get("/sapi/v1/asset/tradeFee", "", 1, account::trade_fee),
    Endpoint {
        method: Method::Get,
        path: "/sapi/v1/account/apiRestrictions",
        ws_method: "",
        weight: Weight::Fixed(1),
        orders: 0,
        need: Need::Nothing,
        handler: Handler::OfKey(key::restrictions),
    },
];

fn weight_of_prevented(params: &Params) -> u32 {
    if params.get("orderId").is_some() { 20 } else { 2 }
}

/// Orders that replace, amend or belong together.
const COMBINED: &[Endpoint] = &[
    trade(
        Method::Post,
        "/api/v3/order/cancelReplace",
        "order.cancelReplace",
        1,
        replacing::cancel_replace,
    ),
    Endpoint {
        weight: Weight::Fixed(4),
        ..trade(
            Method::Put,
            "/api/v3/order/amend/keepPriority",
            "order.amend.keepPriority",
            0,
            replacing::amend,
        )
    },
    get(
        "/api/v3/order/amendments",
        "order.amendments",
        4,
        replacing::amendments,
    ),
    signed(
        Method::Get,
        "/api/v3/myPreventedMatches",
        "myPreventedMatches",
        Weight::By(weight_of_prevented),
        replacing::prevented_matches,
    ),
    trade(
        Method::Post,
        "/api/v3/order/oco",
        "orderList.place",
        2,
        order_lists::place_old_oco,
    ),
    trade(
        Method::Post,
        "/api/v3/orderList/oco",
        "orderList.place.oco",
        2,
        order_lists::place_oco,
    ),
    trade(
        Method::Post,
        "/api/v3/orderList/oto",
        "orderList.place.oto",
        2,
        order_lists::place_oto,
    ),
    trade(
        Method::Post,
        "/api/v3/orderList/otoco",
        "orderList.place.otoco",
        3,
        order_lists::place_otoco,
    ),
    trade(
        Method::Post,
        "/api/v3/orderList/opo",
        "orderList.place.opo",
        2,
        order_lists::place_opo,
    ),
    trade(
        Method::Post,
        "/api/v3/orderList/opoco",
        "orderList.place.opoco",
        3,
        order_lists::place_opoco,
    ),
    trade(
        Method::Delete,
        "/api/v3/orderList",
        "orderList.cancel",
        0,
        order_lists::cancel,
    ),
    get("/api/v3/orderList", "orderList.status", 4, order_lists::status),
    get("/api/v3/allOrderList", "allOrderLists", 20, order_lists::all),
    get(
        "/api/v3/openOrderList",
        "openOrderLists.status",
        6,
        order_lists::open,
    ),
];

/// All requests.
pub(super) fn endpoints() -> impl Iterator<Item = &'static Endpoint> {
    [market::ENDPOINTS, TRADING, COMBINED, ACCOUNT]
        .into_iter()
        .flatten()
}
