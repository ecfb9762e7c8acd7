//! What happened, for whoever serves it to clients.

use keel_domain::{Asset, ClOrdId, Money, OrderId, Price, Qty, Side, Symbol, Timestamp, TradeId};

use super::{AccountId, AssetBalance, ExpiryReason, ListReport, OrderState};

/// A trade as everybody sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicTrade {
    /// The pair.
    pub symbol: Symbol,
    /// Counts up by one on the pair.
    pub trade_id: TradeId,
    /// The price: the resting order's.
    pub price: Price,
    /// The quantity.
    pub qty: Qty,
    /// Whether the buyer's order rested.
    pub is_buyer_maker: bool,
    /// When.
    pub time: Timestamp,
}

/// One side of a trade as its owner sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountTrade {
    /// The pair.
    pub symbol: Symbol,
    /// The trade; where the order was filled by an allocation, the one made on its behalf.
    pub trade_id: TradeId,
    /// The allocation, where smart order routing filled the order; counts up by one on the order's pair, from zero.
    pub allocation_id: Option<u64>,
    /// The owner's order.
    pub order_id: OrderId,
    /// The owner's side.
    pub side: Side,
    /// The price.
    pub price: Price,
    /// The quantity.
    pub qty: Qty,
    /// The commission.
    pub commission: Money,
    /// What it was taken in: the received asset, or the discount's.
    pub commission_asset: Asset,
    /// Whether the owner's order rested.
    pub is_maker: bool,
    /// When.
    pub time: Timestamp,
}

/// Why an order is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportKind {
    /// It was accepted.
    New,
    /// It traded.
    Trade(AccountTrade),
    /// It was canceled; the id is the cancel's own.
    Canceled(ClOrdId),
    /// It expired.
    Expired(ExpiryReason),
    /// It was amended; the id is the one it had.
    Replaced(ClOrdId),
    /// Self-trade prevention took some of it away.
    Prevented(Prevention),
}

/// What self-trade prevention did to one of the two orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prevention {
    /// What it took away.
    pub qty: Qty,
    /// The other order.
    pub counter_order_id: OrderId,
    /// The other order's pair: another one only where orders are routed.
    pub counter_symbol: Symbol,
    /// The accounts' group.
    pub trade_group: Option<u64>,
    /// What would have traded.
    pub execution_qty: Qty,
    /// The price it would have traded at.
    pub execution_px: Price,
}

/// An order moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderReport {
    /// Its state after the move.
    pub order: OrderState,
    /// The move.
    pub kind: ReportKind,
    /// Counts up by one over the whole exchange.
    pub execution_id: u64,
}

impl OrderReport {
    /// Whether this is the order's first trade: unfilled-order counts go down by it.
    #[must_use]
    pub fn is_first_fill(&self) -> bool {
        matches!(self.kind, ReportKind::Trade(trade) if trade.qty == self.order.cum_qty)
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExchangeEvent {
    /// A trade.
    Trade(PublicTrade),
    /// A level of the book changed.
    Book {
        /// The pair.
        symbol: Symbol,
        /// Counts up by one on the pair.
        update_id: u64,
        /// The side.
        side: Side,
        /// The level.
        price: Price,
        /// All that rests there now; zero: nothing.
        qty: Qty,
    },
    /// An order of an account with a client moved.
    Order(Box<OrderReport>),
    /// An order list of an account with a client moved.
    List(Box<ListReport>),
    /// Money came to an account from outside, or went there.
    BalanceUpdate {
        /// The account.
        account: AccountId,
        /// The asset.
        asset: Asset,
        /// What came; below zero: what went.
        delta: Money,
        /// When.
        time: Timestamp,
    },
    /// Balances of an account with a client may have changed.
    AccountPosition {
        /// The account.
        account: AccountId,
        /// The assets that may have changed.
        balances: Vec<AssetBalance>,
        /// When.
        time: Timestamp,
    },
}
