//! What the venue says happened.

use serde::{Deserialize, Serialize};

use crate::{Asset, ClOrdId, Money, OrderId, Price, Qty, Side, Symbol, Timestamp, TradeId};

/// Where an order stands at the venue. FIX `OrdStatus` (39) with the venue's own additions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OrdStatus {
    /// Waits for the order it depends on.
    PendingNew,
    /// Accepted, nothing traded.
    New,
    /// Partly traded, still live.
    PartiallyFilled,
    /// Wholly traded.
    Filled,
    /// Ended by a cancel.
    Canceled,
    /// A cancel is under way.
    PendingCancel,
    /// Refused by the venue.
    Rejected,
    /// Ended by its own terms (IOC, FOK, no liquidity, a rule).
    Expired,
    /// Ended by self-trade prevention.
    ExpiredInMatch,
}

impl OrdStatus {
    /// Whether nothing more can happen to the order.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Filled | Self::Canceled | Self::Rejected | Self::Expired | Self::ExpiredInMatch
        )
    }
}

/// Why a report was sent. FIX `ExecType` (150).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ExecType {
    /// The order was accepted.
    New,
    /// The order was canceled.
    Canceled,
    /// The order was amended.
    Replaced,
    /// The order was refused.
    Rejected,
    /// A trade happened.
    Trade,
    /// The order expired.
    Expired,
    /// Self-trade prevention acted.
    TradePrevention,
    /// No event: the answer to a question about the order's state. FIX calls it `I`, Order Status.
    OrderStatus,
}

/// One trade of one of the account's orders. FIX calls the pair (`last_px`, `last_qty`) the fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trade {
    /// The pair.
    pub symbol: Symbol,
    /// The venue's id of the trade; with the symbol, the key under which it is applied once.
    pub trade_id: TradeId,
    /// The venue's id of the order that traded.
    pub order_id: OrderId,
    /// The side of the account's order.
    pub side: Side,
    /// The price of this trade.
    pub last_px: Price,
    /// The base quantity of this trade.
    pub last_qty: Qty,
    /// The fee, zero or more (below zero: a rebate), in `commission_asset`.
    pub commission: Money,
    /// The asset the fee was taken in; none where the venue took none.
    pub commission_asset: Option<Asset>,
    /// Whether the account's order was the resting one.
    pub is_maker: bool,
    /// When, by the venue's clock.
    pub transact_time: Timestamp,
}

/// The venue's word on one order: totals, and the trade that moved them when there was one. FIX 35=8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionReport {
    /// The pair.
    pub symbol: Symbol,
    /// The id under which the order was submitted (on a cancel report too, never the cancel's own id).
    pub cl_ord_id: ClOrdId,
    /// The venue's id.
    pub order_id: OrderId,
    /// The order's side.
    pub side: Side,
    /// Why this report was sent.
    pub exec_type: ExecType,
    /// Where the order stands now.
    pub ord_status: OrdStatus,
    /// How much was ordered.
    pub order_qty: Qty,
    /// The limit price; zero for a market order.
    pub price: Price,
    /// How much has traded in all.
    pub cum_qty: Qty,
    /// What the traded quantity cost in all, in quote currency.
    pub cum_quote: Money,
    /// The trade, on a report of one.
    pub trade: Option<Trade>,
    /// When, by the venue's clock.
    pub transact_time: Timestamp,
}

impl ExecutionReport {
    /// What can still trade: nothing once the order ended. FIX `LeavesQty` (151), which the venue does not send.
    #[must_use]
    pub fn leaves_qty(&self) -> Qty {
        if self.ord_status.is_terminal() {
            Qty::ZERO
        } else {
            self.order_qty.saturating_sub(self.cum_qty)
        }
    }
}
