//! One rule: what goes wrong, where, and when.

use std::time::Duration;

use keel_domain::{InstrumentStatus, Money, Price, Qty, Symbol};

use super::facts::{RequestFacts, glob};

/// Before or after the exchange carried a request out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It is not carried out; a delayed request is carried out late.
    Before,
    /// It is carried out; only the answer suffers.
    After,
}

/// How an answer fails to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The connection is reset.
    Reset,
    /// Nothing comes, until the client gives up.
    Silence,
}

/// How a WebSocket connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hangup {
    /// With a close frame.
    Close,
    /// Without one.
    Reset,
}

/// A span of time, or one drawn from a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lapse {
    /// The shortest.
    pub min: Duration,
    /// The longest.
    pub max: Duration,
}

/// What goes wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestAction {
    /// The answer does not come.
    Lose(Stage, Loss),
    /// It is refused without being carried out.
    Reject {
        /// The HTTP status.
        status: u16,
        /// The venue's code.
        code: i32,
        /// The venue's text.
        msg: String,
    },
    /// The request or its answer is late.
    Delay(Stage, Lapse),
    /// A 5xx by the venue's gateway.
    Status(Stage, u16),
    /// -1006 or -1007: the venue says that it does not know what happened.
    UnknownOutcome(Stage, i32),
    /// The body ends before its declared length, and so does the connection.
    CutBody,
    /// 429 for this request and every other one until the time is over.
    RateLimit(Duration),
    /// 418 for this request and every other one until the time is over.
    Ban(Duration),
    /// The order that is asked for is denied for so long, though it lives.
    DenyOrder {
        /// For how long from the first denial.
        span: Duration,
        /// Whether lists of orders leave it out as well.
        hidden_in_lists: bool,
    },
    /// The order that is to be canceled is filled just before, with what stands before it in the book.
    FillFirst,
}

/// How an event is spoilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Corruption {
    /// The frame is half a JSON text.
    BrokenJson,
    /// Bid and ask prices change places.
    Crossed,
    /// Every price is zero.
    ZeroPrice,
}

/// What goes wrong with an event on one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventAction {
    /// It does not come.
    Drop,
    /// It comes twice.
    Duplicate,
    /// It comes late; events after it overtake it.
    Delay(Lapse),
    /// It comes after the next one of its kind.
    Reorder,
    /// Nothing of its kind comes on this connection for so long; pings do.
    Stall(Duration),
    /// It and the following ones of its kind do not come: so many in all.
    Gap(u64),
    /// It is spoilt.
    Corrupt(Corruption),
    /// The connection ends instead.
    Disconnect(Hangup),
}

/// What goes wrong with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionAction {
    /// It ends.
    Disconnect(Hangup),
    /// `serverShutdown` is told, and after this span it is closed.
    ServerShutdown(Duration),
    /// Its user data subscriptions end: told by `eventStreamTerminated`, or silently.
    UserStreamLost {
        /// Whether the client is told.
        told: bool,
    },
    /// It is refused at the handshake with this HTTP status.
    Refuse(u16),
}

/// What a pair is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SymbolState {
    /// Another status.
    Status(InstrumentStatus),
    /// Its open orders are canceled and it trades no more.
    Delisted,
}

/// What changes in a pair's filters; what is not named stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FilterChange {
    /// The tick of prices.
    pub tick_size: Option<Price>,
    /// The step of quantities.
    pub step_size: Option<Qty>,
    /// The smallest value of an order.
    pub min_notional: Option<Money>,
}

/// What happens to the venue as a whole, from a time until a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VenueAction {
    /// Its clock is ahead by so many nanoseconds; behind, when negative.
    ClockSkew(i64),
    /// Every request gets a 503, connections are closed, new ones refused.
    Maintenance,
    /// A pair gets another status.
    Symbol(Symbol, SymbolState),
    /// A pair gets other filters.
    Filters(Symbol, FilterChange),
}

/// Requests by name: REST method and path, or WS API method; `*` stands for any letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestPattern {
    /// `GET`, `POST`, `PUT`, `DELETE`, or `*`; empty for the WS API.
    pub method: String,
    /// The path, or the WS API's method.
    pub name: String,
}

impl RequestPattern {
    /// Reads `POST /api/v3/order`, `/api/v3/*`, `order.place` or `*`, which is every request.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let (method, name) = match text.split_once(' ') {
            Some((method, path)) => (method.to_ascii_uppercase(), path.trim()),
            None if text.starts_with('/') || text == "*" => ("*".to_owned(), text),
            None => (String::new(), text),
        };
        Self {
            method,
            name: name.to_owned(),
        }
    }

    pub(super) fn matches(&self, facts: &RequestFacts<'_>) -> bool {
        glob(&self.method, facts.method) && glob(&self.name, facts.name)
    }
}

/// Where and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Requests of these names.
    Request(Vec<RequestPattern>, RequestAction),
    /// Events of these kinds: names of events, `market`, `user` or `*`.
    Event(Vec<String>, EventAction),
    /// Connections of this kind: `streams`, `ws_api` or `*`. All that are open are visited at the rule's start, and again after every
    /// such span.
    Connection {
        /// The kind.
        on: String,
        /// How long until the next visit; none, when there is only one.
        every: Option<Duration>,
        /// The action.
        action: ConnectionAction,
    },
    /// The venue.
    Venue(VenueAction),
}

/// When a rule applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct When {
    /// Chance in parts of a milliard.
    pub probability_ppb: u32,
    /// Only the n-th that matches.
    pub nth: Option<u64>,
    /// At most so often.
    pub max: Option<u64>,
    /// Not before, counted from when the rule was switched on.
    pub from: Duration,
    /// Not after.
    pub until: Option<Duration>,
    /// Only with this API key or for its account.
    pub account: Option<String>,
    /// Only for this pair.
    pub symbol: Option<String>,
    /// Only for orders whose client id begins so.
    pub cl_ord_id: Option<String>,
}

impl When {
    /// Certainty.
    pub const CERTAIN_PPB: u32 = 1_000_000_000;

    pub(super) fn admits(
        &self,
        account: Option<&str>,
        symbol: Option<&str>,
        cl_ord_id: Option<&str>,
    ) -> bool {
        let same =
            |wanted: &Option<String>, given: Option<&str>| wanted.is_none() || wanted.as_deref() == given;
        let begins = self
            .cl_ord_id
            .as_deref()
            .is_none_or(|prefix| cl_ord_id.is_some_and(|id| id.starts_with(prefix)));
        same(&self.account, account) && same(&self.symbol, symbol) && begins
    }
}

/// A rule with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Its name; also the name of its random stream.
    pub id: String,
    /// The action's name, for people.
    pub action: &'static str,
    /// Where and what.
    pub fault: Fault,
    /// When.
    pub when: When,
}
