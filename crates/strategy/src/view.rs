//! What a strategy sees, and what it may wish for.

use keel_domain::{
    ClOrdId, ExecutionReport, Instrument, OrderIntent, Price, Purpose, Qty, Side, SignedQty, Timestamp,
};
use keel_market_data::{BookFault, BookTop, Kline, PublicTrade};

/// One of the strategy's own orders that may still trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenOrder {
    /// Its id, to cancel it by.
    pub cl_ord_id: ClOrdId,
    /// Which way.
    pub side: Side,
    /// Its limit price; none for a market order.
    pub price: Option<Price>,
    /// What can still trade.
    pub leaves_qty: Qty,
    /// Whether the venue has confirmed it. Until then its fate is open, and it counts as live.
    pub is_confirmed: bool,
    /// Whether its cancel has been asked for.
    pub is_cancel_pending: bool,
}

/// What the system permits now, so that a strategy need not run into refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Entries and exits.
    All,
    /// Only orders that reduce the position.
    ReduceOnly,
    /// Nothing.
    Nothing,
}

/// How many orders the rate still takes now, of all strategies together. What goes beyond is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrdersLeft {
    /// Orders that add to a position.
    pub entries: usize,
    /// Orders that only reduce one.
    pub exits: usize,
}

impl OrdersLeft {
    /// For one purpose.
    #[must_use]
    pub fn of(self, purpose: Purpose) -> usize {
        match purpose {
            Purpose::Entry => self.entries,
            Purpose::ReduceOnly => self.exits,
        }
    }
}

/// Why the strategy is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger<'a> {
    /// The book changed.
    Book,
    /// A public trade happened.
    Trade(&'a PublicTrade),
    /// The venue told a bar, growing or over.
    Kline(&'a Kline),
    /// One of its orders changed.
    Execution(&'a ExecutionReport),
    /// Time passed without an event.
    Timer,
}

/// Everything a strategy may know about one symbol at one moment.
#[derive(Debug, Clone, Copy)]
pub struct StrategyView<'a> {
    /// Now.
    pub now: Timestamp,
    /// The pair and its filters.
    pub instrument: &'a Instrument,
    /// The best prices, or why there are none.
    pub top: Result<BookTop, BookFault>,
    /// What the strategy holds.
    pub position: SignedQty,
    /// What it paid for it on average, in quote currency; none while flat.
    pub avg_px: Option<Price>,
    /// Its orders that may still trade.
    pub open_orders: &'a [OpenOrder],
    /// How many of its entry orders have traded on this UTC day.
    pub entries_today: u32,
    /// What is permitted.
    pub permission: Permission,
    /// What the order rate still takes.
    pub orders_left: OrdersLeft,
}

/// A wish. The gate decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Send this order.
    Submit(OrderIntent),
    /// Cancel this order.
    Cancel(ClOrdId),
}

/// Decides what to trade. Synchronous and deterministic: the same calls give the same actions.
pub trait Strategy: Send {
    /// Looks at one symbol and pushes what it wants onto `actions`.
    fn on_event(&mut self, view: &StrategyView<'_>, trigger: Trigger<'_>, actions: &mut Vec<Action>);
}

/// A setting that cannot be meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{key} {problem}")]
pub struct SettingsError {
    /// The key.
    pub key: &'static str,
    /// What is wrong, and what would be right.
    pub problem: &'static str,
}
