//! The seam between the system and a venue.

use std::time::Duration;

use keel_domain::{Asset, ClOrdId, ExecutionReport, Instrument, Money, Symbol, Timestamp, Trade, TradeId};
use keel_risk::{ApprovedOrder, TradingState, Trip};
use serde::{Deserialize, Serialize};

/// Nothing left this process: the order does not exist at the venue, for certain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum NotSent {
    /// No connection to the venue is usable.
    #[error("not connected to the venue")]
    NotConnected,
    /// The venue told us to stop calling for a while.
    #[error("rate limited by the venue")]
    RateLimited,
    /// The connection's queue is full.
    #[error("too many requests wait for an answer")]
    TooManyInFlight,
    /// An entry would have left so long after its decision that its price may no longer be the market's.
    #[error("decided {age_ms} ms before it could leave; look at the disk and the load of the machine")]
    DecidedTooLongAgo {
        /// How long ago.
        age_ms: u64,
    },
    /// The last check before the socket did not let it out.
    #[error("not let out: {0}")]
    LastInch(Trip),
    /// Trading was restricted after the gate had approved it.
    #[error("trading is {0} by now")]
    Restricted(TradingState),
}

/// The venue's refusal, in its own words: the order does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code} {text}")]
pub struct Reject {
    /// The venue's error code.
    pub code: i32,
    /// The venue's text.
    pub text: String,
}

/// What the venue does not take of how we are configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum RefusedCause {
    /// The key is unknown, revoked, malformed, or may not do this from this address.
    #[error("the venue refuses the API key")]
    Key,
    /// The signature does not belong to the key.
    #[error("the venue refuses the signature")]
    Signature,
    /// A configured pair does not exist.
    #[error("the venue does not know the pair {0}")]
    Symbol(Symbol),
}

impl RefusedCause {
    /// What a person can do about it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Key => {
                "check the key, its permissions and its IP restriction at the venue, and [credentials]"
            }
            Self::Signature => "check that secret and key belong together, and [credentials] kind",
            Self::Symbol(_) => "compare [trading] symbols with the venue's list of pairs",
        }
    }
}

/// Why it is not known what the venue did. The order may be live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum UnknownCause {
    /// No answer in time.
    #[error("no answer in time")]
    TimedOut,
    /// The connection ended before the answer.
    #[error("the connection ended before the answer")]
    Disconnected,
    /// The venue says that it does not know itself (HTTP 5xx, -1006, -1007).
    #[error("the venue does not know ({0})")]
    VenueUnsure(i32),
    /// The answer cannot be read.
    #[error("the answer cannot be read")]
    Unreadable,
    /// The process ended between the send and the answer; found in the journal at start.
    #[error("the process ended before the answer")]
    Restarted,
}

/// What the account has of one asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// The asset.
    pub asset: Asset,
    /// What can be spent.
    pub free: Money,
    /// What open orders hold.
    pub locked: Money,
}

/// What the venue says. Any of these may come twice, late, or in another order than it happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum VenueReport {
    /// The session is up: orders can be sent, and reports flow. Whatever was missed is to be asked for now.
    SessionUp {
        /// The account, as the venue names it.
        account: String,
    },
    /// The session is down: reports may be missed from now on.
    SessionDown {
        /// Why, for a person.
        cause: String,
    },
    /// The venue wants no requests for a while; what is not sent meanwhile is told as such.
    RateLimited {
        /// How long.
        wait: Duration,
        /// Whether it answers nothing at all meanwhile, cancels included (418).
        is_ban: bool,
    },
    /// The pair's present filters and status.
    Instrument(Instrument),
    /// How many orders the venue takes of the account in ten seconds. Told before the session is up, and whenever the filters are.
    OrderLimit {
        /// The most.
        per_10s_max: u32,
    },
    /// One order's state: an event, or the answer to a submission or a query.
    Execution(ExecutionReport),
    /// A submission that the venue refused.
    SubmitRejected {
        /// The order.
        cl_ord_id: ClOrdId,
        /// The venue's words.
        reject: Reject,
    },
    /// A submission that never left.
    SubmitNotSent {
        /// The order.
        cl_ord_id: ClOrdId,
        /// Why.
        cause: NotSent,
    },
    /// A submission whose fate is not known.
    SubmitUnknown {
        /// The order.
        cl_ord_id: ClOrdId,
        /// Why.
        cause: UnknownCause,
    },
    /// A cancel that the venue refused. With -2011 this is a question, not an answer: the order may have filled.
    CancelRejected {
        /// The order that was to be canceled.
        cl_ord_id: ClOrdId,
        /// The venue's words.
        reject: Reject,
    },
    /// A cancel that did not leave, or whose fate is not known.
    CancelUnknown {
        /// The order that was to be canceled.
        cl_ord_id: ClOrdId,
    },
    /// The venue does not know the order (-2013), as of a question asked at `asked_at`.
    OrderNotFound {
        /// The order.
        cl_ord_id: ClOrdId,
        /// When the question left.
        asked_at: Timestamp,
    },
    /// All open orders of the symbol, as of a question asked at `asked_at`.
    OpenOrders {
        /// The pair.
        symbol: Symbol,
        /// Their states.
        orders: Vec<ExecutionReport>,
        /// When the question left.
        asked_at: Timestamp,
    },
    /// All orders of the account on the symbol that were placed soon after `around`, ended ones too, as of a question asked
    /// at `asked_at`.
    AllOrders {
        /// The pair.
        symbol: Symbol,
        /// What the question was about, by our clock.
        around: Timestamp,
        /// Their states.
        orders: Vec<ExecutionReport>,
        /// When the question left.
        asked_at: Timestamp,
    },
    /// Trades of the account on the symbol from a given id on, oldest first.
    Trades {
        /// The pair.
        symbol: Symbol,
        /// Where the question began; none: the latest trades.
        from: Option<TradeId>,
        /// The trades.
        trades: Vec<Trade>,
        /// When the question left.
        asked_at: Timestamp,
    },
    /// Balances; those not listed have not changed, or, when `is_complete`, are zero.
    Balances {
        /// What the account has.
        balances: Vec<Balance>,
        /// Whether the list is the whole account.
        is_complete: bool,
        /// When, by the venue's clock.
        update_time: Timestamp,
    },
    /// An asset moved without a trade: a deposit, withdrawal, reward or movement between accounts.
    Transfer {
        /// What moved.
        asset: Asset,
        /// How much; below zero where it went out.
        delta: Money,
        /// When, by the venue's clock.
        transact_time: Timestamp,
    },
    /// A part of a balance was locked from outside, or unlocked. It stays in the balance.
    ExternalLock {
        /// Of what.
        asset: Asset,
        /// How much; below zero where it was unlocked.
        delta: Money,
        /// When, by the venue's clock.
        transact_time: Timestamp,
    },
    /// A question that got no usable answer; ask again.
    QueryFailed {
        /// Which question, and why, for a person.
        what: String,
    },
    /// The venue serves us no more as we are configured: asking again does not help.
    Refused {
        /// What it does not take.
        cause: RefusedCause,
        /// The venue's words.
        reject: Reject,
    },
    /// How far the venue's clock is from ours, told when that becomes worth telling, or no longer is.
    ClockApart {
        /// The venue's clock less ours, in milliseconds.
        offset_ms: i64,
        /// Worth a warning: more than 500 ms.
        is_warning: bool,
        /// More than 2 s: times cannot be trusted. Halt.
        is_fault: bool,
    },
    /// The wall clock jumped against the steady one, as after a sleep of the machine: market data was stale and is
    /// being fetched anew.
    ClockJumped {
        /// By how much, in milliseconds; below zero: backwards.
        by_ms: i64,
    },
}

/// A venue that takes orders. It never blocks and asks no clock: calls queue bytes, reports come out, and whoever
/// drives it moves the bytes. Answers come as [`VenueReport`]s only.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait Venue {
    /// Queues an approved order, taking it: one approval, one send.
    ///
    /// # Errors
    /// [`NotSent`]: no byte of it left or will leave.
    fn submit(&mut self, now: Timestamp, order: ApprovedOrder) -> Result<(), NotSent>;

    /// Queues a cancel. Needs no approval.
    ///
    /// # Errors
    /// [`NotSent`]: no byte of it left or will leave.
    fn cancel(&mut self, now: Timestamp, symbol: Symbol, cl_ord_id: ClOrdId) -> Result<(), NotSent>;

    /// Asks for the state of one order; answered by `Execution`, `OrderNotFound` or `QueryFailed`.
    fn query_order(&mut self, now: Timestamp, symbol: Symbol, cl_ord_id: ClOrdId);

    /// Asks for all open orders of the symbol; answered by `OpenOrders` or `QueryFailed`.
    fn query_open_orders(&mut self, now: Timestamp, symbol: Symbol);

    /// Asks for all orders of the symbol, ended ones too, that were placed within ten minutes after `around` (by our clock);
    /// answered by `AllOrders` or `QueryFailed`.
    fn query_all_orders(&mut self, now: Timestamp, symbol: Symbol, around: Timestamp);

    /// Asks for trades of the symbol from an id on; answered by `Trades` or `QueryFailed`.
    fn query_trades(&mut self, now: Timestamp, symbol: Symbol, from: Option<TradeId>);

    /// Asks for the pairs' filters and status; answered by `Instrument` for each, or `QueryFailed`.
    fn query_instruments(&mut self, now: Timestamp);

    /// Asks for all balances; answered by `Balances` or `QueryFailed`.
    fn query_balances(&mut self, now: Timestamp);

    /// The next report that has arrived, oldest first, or `None` when all have been taken.
    fn next_report(&mut self) -> Option<VenueReport>;
}
