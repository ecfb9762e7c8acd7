//! What is journalled: facts, from which the whole durable state is made again.

use std::collections::BTreeMap;

use keel_domain::{
    Asset, ClOrdId, ExecutionReport, Instrument, Money, OrderIntent, Price, Qty, SignedQty, StopLeg,
    StrategyId, Symbol, Timestamp, Trade, TradeId,
};
use keel_execution::{CancelState, NotSent, Reject, UnknownCause};
use keel_positions::{Adjustment, Dust, Transfer};
use keel_risk::{Breach, HaltCause, TradingDay, TradingState};
use serde::{Deserialize, Serialize};

/// Who runs, on what, with which settings. A state directory belongs to one mode, venue and account; the account is
/// known once the venue has told it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// `paper`, `testnet` or `live`.
    pub mode: String,
    /// The venue's host.
    pub venue: String,
    /// The build.
    pub build: String,
    /// The hash of the effective configuration.
    pub config_hash: String,
}

/// What the gate saw when it approved an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Best bid and ask, if there was a usable price.
    pub bid_ask: Option<(Price, Price)>,
    /// The position held.
    pub position: SignedQty,
    /// What buy orders might still add, before this one.
    pub buy_leaves: Qty,
    /// What sell orders might still take, before this one.
    pub sell_leaves: Qty,
}

/// One fact with the time at which this process learned it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// When.
    pub at: Timestamp,
    /// What.
    pub fact: Fact,
}

/// A fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Fact {
    /// The process started; orders without an answer are unknown from here on.
    Booted {
        /// Counts starts; part of every client order id.
        boot: u64,
        /// Who runs.
        identity: Identity,
    },
    /// The venue told whose the key is: the records are this account's from now on.
    Account {
        /// The venue's id of the account.
        account: String,
    },
    /// The pair's filters or status changed.
    Instrument(Instrument),
    /// An order was approved and is about to be sent.
    Intent {
        /// Its id.
        cl_ord_id: ClOrdId,
        /// The order.
        intent: OrderIntent,
        /// What the decision rested on.
        seen: Seen,
        /// The stop that it carries.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stop: Option<StopLeg>,
    },
    /// The gate refused an order.
    Refused {
        /// The order.
        intent: OrderIntent,
        /// The rule and its values.
        breach: Breach,
    },
    /// The venue refused a submission.
    SubmitRejected {
        /// The order.
        cl_ord_id: ClOrdId,
        /// The venue's words.
        reject: Reject,
    },
    /// A submission never left.
    SubmitNotSent {
        /// The order.
        cl_ord_id: ClOrdId,
        /// Why.
        cause: NotSent,
    },
    /// A submission's answer was lost.
    SubmitUnknown {
        /// The order.
        cl_ord_id: ClOrdId,
        /// Why.
        cause: UnknownCause,
    },
    /// All of the venue's sources show that an unknown order never arrived.
    NeverArrived {
        /// The order.
        cl_ord_id: ClOrdId,
    },
    /// The wish to cancel moved.
    Cancel {
        /// The order.
        cl_ord_id: ClOrdId,
        /// Where the cancel stands.
        state: CancelState,
    },
    /// The venue's word on one order, with its trade when there was one.
    Execution(ExecutionReport),
    /// A trade of one of our orders that was found by asking.
    Trade {
        /// Whose it is.
        strategy: StrategyId,
        /// The trade.
        trade: Trade,
    },
    /// A trade in the account that is not ours: it moves balances, and is nobody's position here.
    ForeignTrade(Trade),
    /// A deposit, withdrawal, reward or lock from outside: never ours, never profit.
    Transfer(Transfer),
    /// All trades of the pair before this id have been read by asking. Events do not move it, since one may be missing.
    TradesRead {
        /// The pair.
        symbol: Symbol,
        /// The next one to ask for.
        next: TradeId,
    },
    /// What the account has of each asset beyond what our trades explain: the venue's totals are compared with it from now on.
    Baseline {
        /// By asset.
        amounts: BTreeMap<Asset, Money>,
    },
    /// The account differs from the records, and an operator is told: by asset, what the venue has more, or less below zero.
    Differs {
        /// By asset.
        amounts: BTreeMap<Asset, Money>,
    },
    /// An operator accepted the venue's view: the restrictions for differences are lifted, and the baseline is taken anew.
    VenueAccepted {
        /// In the operator's words.
        reason: String,
    },
    /// The position was set to what the venue holds; its cost is an estimate from here on.
    Adjusted {
        /// Whose.
        strategy: StrategyId,
        /// By how much.
        adjustment: Adjustment,
    },
    /// What was left of a position and too small to sell left it; it stays in equity.
    Dust {
        /// Whose.
        strategy: StrategyId,
        /// How much.
        dust: Dust,
    },
    /// A trading day began; its loss is counted from this profit on.
    DayBegan {
        /// Which.
        day: TradingDay,
        /// What all our trades had made by then, with what is held at the price at which it can be sold, after fees.
        profit: Money,
    },
    /// The profit is higher than ever before, or an operator lets the loss from the peak be counted anew.
    Peak {
        /// The profit.
        profit: Money,
    },
    /// A UTC day's first prices at which what is held can be sold: its profit is counted from them.
    DayMarked {
        /// The best bid of each pair that had a fresh book.
        prices: BTreeMap<Symbol, Price>,
        /// What the pairs' assets in the account are worth, in the first pair's quote; none where a price was missing.
        equity: Option<Money>,
    },
    /// A commission in an asset other than the pair's own has a value: at the price at which it could be bought when its trade was told.
    FeeValued {
        /// Whose trade.
        strategy: StrategyId,
        /// The pair.
        symbol: Symbol,
        /// The trade.
        trade_id: TradeId,
        /// In the pair's quote.
        value: Money,
    },
    /// Trading was restricted; latched until `Resumed`.
    Restricted {
        /// To what.
        state: TradingState,
        /// Why.
        cause: HaltCause,
    },
    /// Trading of one symbol was restricted; latched until `Resumed`.
    SymbolRestricted {
        /// The pair.
        symbol: Symbol,
        /// To what.
        state: TradingState,
        /// Why.
        cause: HaltCause,
    },
    /// An operator lifted all restrictions. What he had been told to differ is taken for granted from here on; nothing else.
    Resumed {
        /// In the operator's words.
        reason: String,
    },
    /// The same, but that only exits are permitted from here on: to flatten out of a halt. One fact, since a log that breaks off
    /// between two would leave trading active.
    ResumedToReduceOnly {
        /// In the operator's words.
        reason: String,
    },
}

impl Record {
    /// Whether the record must be durable before any command that follows from it is carried out.
    #[must_use]
    pub fn must_sync(&self) -> bool {
        matches!(
            self.fact,
            Fact::Booted { .. }
                | Fact::Account { .. }
                | Fact::Intent { .. }
                | Fact::Restricted { .. }
                | Fact::SymbolRestricted { .. }
                | Fact::Resumed { .. }
                | Fact::ResumedToReduceOnly { .. }
                | Fact::VenueAccepted { .. }
                | Fact::Adjusted { .. }
                | Fact::Transfer(_)
                | Fact::DayBegan { .. }
        )
    }
}
