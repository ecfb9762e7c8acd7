//! Orders as the exchange keeps them.

use keel_domain::{
    ClOrdId, FilterFailure, Money, OrdStatus, OrdType, OrderId, Price, Qty, Side, Symbol, Timestamp,
};

use super::AccountId;

/// How much a new order is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Of base.
    Base(Qty),
    /// As much base as this much quote buys or sells; market orders only.
    Quote(Money),
}

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewOrder {
    /// The pair.
    pub symbol: Symbol,
    /// Which way.
    pub side: Side,
    /// The kind, with its price.
    pub ord_type: OrdType,
    /// How much.
    pub quantity: Quantity,
    /// The client's id; one is made where there is none.
    pub cl_ord_id: Option<ClOrdId>,
}

/// How a client names an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderRef {
    /// By the exchange's id.
    OrderId(OrderId),
    /// By the client's id.
    ClOrdId(ClOrdId),
    /// By both, which must belong together.
    Both(OrderId, ClOrdId),
}

/// Why an order was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// No such pair.
    #[error("unknown symbol")]
    UnknownSymbol,
    /// The pair does not trade now.
    #[error("market is closed")]
    MarketClosed,
    /// A filter fails.
    #[error("filter failure: {0}")]
    Filter(FilterFailure),
    /// Not enough is free.
    #[error("insufficient balance")]
    InsufficientBalance,
    /// A post-only order would trade.
    #[error("would match and take")]
    WouldMatch,
    /// The client's id is in use by an open order.
    #[error("duplicate client order id")]
    Duplicate,
    /// No such order.
    #[error("unknown order")]
    UnknownOrder,
    /// The two ids belong to different orders.
    #[error("order id and client order id do not belong together")]
    IdMismatch,
}

/// One order with all that can be told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderState {
    /// The exchange's id.
    pub order_id: OrderId,
    /// The owner.
    pub account: AccountId,
    /// The client's id.
    pub cl_ord_id: ClOrdId,
    /// The pair.
    pub symbol: Symbol,
    /// Which way.
    pub side: Side,
    /// The kind, with its price.
    pub ord_type: OrdType,
    /// Ordered quantity of base.
    pub order_qty: Qty,
    /// Ordered value, where the order was given by value; else zero.
    pub quote_order_qty: Money,
    /// Traded quantity.
    pub cum_qty: Qty,
    /// Traded value.
    pub cum_quote: Money,
    /// Where it stands.
    pub ord_status: OrdStatus,
    /// When it came.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// What of the owner's balance it holds: quote for a buy, base for a sell.
    pub(super) locked: Money,
}

impl OrderState {
    /// What can still trade.
    #[must_use]
    pub fn leaves_qty(&self) -> Qty {
        self.order_qty.saturating_sub(self.cum_qty)
    }

    /// The limit price; zero for a market order.
    #[must_use]
    pub fn price(&self) -> Price {
        self.ord_type.price().unwrap_or(Price::ZERO)
    }
}
