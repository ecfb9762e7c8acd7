//! The venue's protocol in front of the exchange, without I/O: requests in, answers and frames out.

mod account;
mod auth;
mod connection;
mod endpoint;
mod fault_events;
mod fault_frames;
mod fault_orders;
mod fault_venue;
mod faults;
mod key;
mod limits;
mod market;
mod operator;
mod operator_rules;
mod order_answers;
mod order_lists;
mod order_pairs;
mod order_params;
mod over_limit;
mod replacing;
mod rest;
mod session;
mod streams;
mod tape;
mod time_unit;
mod trading;
mod user_events;
mod ws_api;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use keel_binance_wire::signing::VerifyingKey;
use keel_domain::Timestamp;

use crate::core::{AccountId, Exchange, ExchangeEvent};
use connection::{Connection, ConnectionKind, Pause};
use faults::Faults;
use limits::Usage;
use streams::{Flushes, Hub};
use tape::Tapes;

pub use faults::{Delivery, Reply, Served, Ticket};
pub use key::{KeyPermissions, UnknownPermission};
pub use limits::Limits;
pub use rest::{HttpRequest, HttpResponse, Method};

/// A key with which a client uses an account.
#[derive(Debug, Clone)]
pub struct AccountKey {
    /// What the client sends.
    pub api_key: String,
    /// What its signatures are checked with.
    pub verifying_key: VerifyingKey,
    /// The account it opens.
    pub account: AccountId,
    /// What it may do there.
    pub permissions: KeyPermissions,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A WebSocket connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(u64);

/// What goes out on a WebSocket connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// A text frame. One frame for many connections is one text.
    Text(Arc<str>),
    /// A ping; its payload is to come back.
    Ping(Arc<str>),
    /// The end, with code and reason.
    Close(u16, &'static str),
    /// The end without a close frame: the connection is reset.
    Reset,
}

/// The exchange as a client sees it.
pub struct Protocol {
    exchange: Exchange,
    keys: BTreeMap<String, AccountKey>,
    connections: BTreeMap<ConnId, Connection>,
    next_connection: u64,
    upkeep_at: Timestamp,
    hub: Hub,
    flushes: Flushes,
    tapes: Tapes,
    /// Who hears of an account: the account, the connection, its subscription.
    user_subscriptions: BTreeSet<(AccountId, ConnId, u64)>,
    out: VecDeque<(ConnId, Outgoing)>,
    usage: Usage,
    /// The latest time in which the exchange attended to nobody.
    pause: Option<Pause>,
    faults: Faults,
}

impl Protocol {
    /// The venue pings this often.
    pub const PING_EVERY: Duration = Duration::from_secs(20);
    /// A ping without its pong for this long ends the connection.
    pub const PONG_WITHIN: Duration = Duration::from_secs(60);
    /// The longest frame and body taken.
    pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;

    /// A venue in front of an exchange, with the venue's limits.
    #[must_use]
    pub fn new(exchange: Exchange, keys: Vec<AccountKey>, now: Timestamp) -> Self {
        Self::with_limits(exchange, keys, Limits::default(), now)
    }

    /// A venue in front of an exchange.
    #[must_use]
    pub fn with_limits(exchange: Exchange, keys: Vec<AccountKey>, limits: Limits, now: Timestamp) -> Self {
        let mut protocol = Self {
            exchange,
            keys: keys.into_iter().map(|key| (key.api_key.clone(), key)).collect(),
            connections: BTreeMap::new(),
            next_connection: 1,
            upkeep_at: now.plus(Self::PING_EVERY),
            hub: Hub::default(),
            flushes: Flushes::new(now),
            tapes: Tapes::default(),
            user_subscriptions: BTreeSet::new(),
            out: VecDeque::new(),
            usage: Usage::new(limits),
            pause: None,
            faults: Faults::new(now),
        };
        protocol.publish();
        protocol
    }

    /// The exchange behind it.
    #[must_use]
    pub fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// Carries out what time has made due: the market, the streams, the pings.
    pub fn advance(&mut self, now: Timestamp) {
        self.exchange.advance(now);
        self.tick_faults(now);
        self.publish();
        self.flush_streams(now);
        self.upkeep(now);
    }

    /// When [`Protocol::advance`] is due next.
    #[must_use]
    pub fn next_deadline(&self) -> Timestamp {
        let market = self.exchange.next_deadline();
        let own = self.upkeep_at.min(self.flushes.next_at());
        let due = market.into_iter().chain(self.faults.next_deadline());
        due.fold(own, Timestamp::min)
    }

    /// The oldest frame not taken yet.
    pub fn poll_out(&mut self) -> Option<(ConnId, Outgoing)> {
        self.next_frame()
    }

    /// Hands the exchange's events to whoever subscribed to them.
    fn publish(&mut self) {
        while let Some(event) = self.exchange.poll_event() {
            match event {
                ExchangeEvent::Trade(trade) => self.publish_trade(&trade),
                ExchangeEvent::Book {
                    symbol,
                    update_id,
                    side,
                    price,
                    qty,
                } => {
                    self.flushes.note(symbol, update_id, side, price, qty);
                }
                ExchangeEvent::Order(report) => {
                    let account = report.order.account;
                    if report.is_first_fill() {
                        self.usage.first_fill(report.order.updated_at, account);
                    }
                    self.publish_user_event(account, &user_events::execution_report(&report));
                }
                ExchangeEvent::List(report) => {
                    let account = report.list.account;
                    self.publish_user_event(account, &user_events::list_status(&report));
                }
                ExchangeEvent::BalanceUpdate {
                    account,
                    asset,
                    delta,
                    time,
                } => {
                    self.publish_user_event(account, &user_events::balance_update(asset, delta, time));
                }
                ExchangeEvent::AccountPosition {
                    account,
                    balances,
                    time,
                } => {
                    self.publish_user_event(account, &user_events::account_position(&balances, time));
                }
            }
        }
        self.publish_agg_trades();
        self.publish_best();
    }
}
