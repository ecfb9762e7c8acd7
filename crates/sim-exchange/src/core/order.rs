//! Orders as the exchange keeps them.

use keel_domain::{
    ClOrdId, FilterFailure, Money, OrdStatus, OrdType, OrderId, Price, Qty, Side, Symbol, Timestamp, notional,
};

use super::{AccountId, Amendment, Peg};

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
    /// What most orders do without.
    pub options: OrderOptions,
}

/// What most orders do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OrderOptions {
    /// The displayed part of an iceberg; zero without one.
    pub iceberg_qty: Qty,
    /// What happens instead of a trade with itself.
    pub stp_mode: StpMode,
    /// The client's number for a strategy.
    pub strategy_id: Option<i64>,
    /// The client's number for a kind of strategy.
    pub strategy_type: Option<i64>,
    /// How its price comes from the book.
    pub peg: Option<Peg>,
    /// Whether it takes from the books of all pairs of its smart order routing.
    pub uses_sor: bool,
}

/// What happens instead of a trade of an account, or a trade group, with itself (faqs/stp_faq.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StpMode {
    /// It trades.
    #[default]
    None,
    /// What is left of the taking order expires.
    ExpireTaker,
    /// What is left of the resting order expires.
    ExpireMaker,
    /// Both expire.
    ExpireBoth,
    /// Both become smaller by what would have traded.
    Decrement,
    /// As decrement; between two accounts of a group the quantity and its value change hands too.
    Transfer,
}

/// Why an order expired (enums.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpiryReason {
    /// It was refused when its turn to work came: funds, filters, prices.
    Rejected,
    /// The exchange ended it.
    ExchangeCanceled,
    /// The other order of its pair began to trade or to work.
    OcoTrigger,
    /// The order that it waited for ended without being filled.
    OtoPhaseOneExpired,
    /// What an immediate-or-cancel order could not trade.
    UnfilledIoc,
    /// A fill-or-kill order that could not trade whole.
    UnfilledFok,
    /// The book was empty before a market order was filled.
    InsufficientLiquidity,
    /// It would have traded at a price outside the range around the reference price.
    PriceRangeExceeded,
}

/// Where an order that uses smart order routing was last active (faqs/sor_faq.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkingFloor {
    /// In the book that it was sent to.
    Exchange,
    /// In the books of its smart order routing.
    Sor,
}

/// In which states an order may be canceled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelRestriction {
    /// Nothing traded yet.
    OnlyNew,
    /// Something traded.
    OnlyPartiallyFilled,
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
    /// The displayed part of an iceberg is larger than the order.
    #[error("iceberg quantity exceeds quantity")]
    IcebergTooLarge,
    /// The pair is of no smart order routing.
    #[error("no smart order routing")]
    NoSor,
    /// Terms that do not go together.
    #[error("unsupported order combination")]
    Combination,
    /// The book has nothing for an order by value.
    #[error("no liquidity")]
    NoLiquidity,
    /// The book has less than the smallest quantity for an order by value.
    #[error("liquidity below the smallest quantity")]
    LittleLiquidity,
    /// The stop price lies on the wrong side of the last price.
    #[error("would trigger immediately")]
    WouldTrigger,
    /// The prices of a pair do not lie on both sides of the last price.
    #[error("wrong relationship of prices")]
    PriceRelationship,
    /// The order is not in the state that the cancel asks for.
    #[error("cancel restrictions")]
    CancelRestricted,
    /// An amend may only reduce.
    #[error("amend to more")]
    AmendIncrease,
    /// An amend that changes nothing.
    #[error("amend to the same")]
    AmendNoChange,
    /// The quantity of an order that waits for another's proceeds cannot be amended.
    #[error("amend of a pending order by proceeds")]
    AmendPendingProceeds,
    /// A pegged order of a kind without a price.
    #[error("this order type may not be pegged")]
    PegOrderType,
    /// A peg that the kind of order does not take.
    #[error("this peg does not go with this order type")]
    PegPriceType,
    /// The book has not the level that the price is to come from.
    #[error("liquidity too low for a pegged order")]
    PegLiquidity,
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
    /// What most orders do without.
    pub options: OrderOptions,
    /// The displayed part of an iceberg; zero without one.
    pub iceberg_qty: Qty,
    /// What self-trade prevention took away.
    pub prevented_qty: Qty,
    /// The latest match that it took part in and that was prevented.
    pub prevented_match_id: Option<u64>,
    /// The list it belongs to.
    pub order_list_id: Option<u64>,
    /// When it began to work; none while it waits.
    pub working_at: Option<Timestamp>,
    /// When a trailing order began to follow the price.
    pub trailing_at: Option<Timestamp>,
    /// The price that a pegged order took from the book; none before.
    pub pegged_price: Option<Price>,
    /// Where it was last active, if it uses smart order routing.
    pub working_floor: Option<WorkingFloor>,
    /// Why it expired.
    pub expiry_reason: Option<ExpiryReason>,
    /// How it was amended, oldest first.
    pub amendments: Vec<Amendment>,
    /// What of the owner's balance it holds: quote for a buy, base for a sell.
    pub(super) locked: Money,
    /// What of it the book shows.
    pub(super) shown: Qty,
    /// What it received, less commission taken in the same asset.
    pub(super) proceeds: Money,
}

impl OrderState {
    /// What can still trade.
    #[must_use]
    pub fn leaves_qty(&self) -> Qty {
        let gone = self.cum_qty.saturating_add(self.prevented_qty);
        self.order_qty.saturating_sub(gone)
    }

    /// The limit price that it works at; zero for a market order.
    #[must_use]
    pub fn price(&self) -> Price {
        self.ord_type.price().unwrap_or(Price::ZERO)
    }

    /// The price that the client named; zero for a market order, or a pegged one without.
    #[must_use]
    pub fn named_price(&self) -> Price {
        match self.options.peg {
            Some(peg) => peg.price,
            None => self.price(),
        }
    }

    /// The list it belongs to as the venue tells it: -1 without one.
    #[must_use]
    pub fn list_id(&self) -> i64 {
        self.order_list_id
            .and_then(|id| i64::try_from(id).ok())
            .unwrap_or(-1)
    }

    /// What it must hold of the owner's balance for what can still trade. A buy without a price keeps what it has.
    pub(super) fn required_lock(&self) -> Money {
        let leaves = self.leaves_qty();
        match (self.side, self.ord_type.price()) {
            (Side::Sell, _) => leaves.to_decimal(),
            (Side::Buy, Some(price)) => notional(leaves, price),
            (Side::Buy, None) => self.locked,
        }
    }
}
