//! The venue's protocol in front of the exchange, without I/O: requests in, answers and frames out.

mod account;
mod auth;
mod endpoint;
mod fault_events;
mod fault_frames;
mod fault_venue;
mod faults;
mod market;
mod operator;
mod rest;
mod streams;
mod trading;
mod user_events;
mod ws_api;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use keel_binance_wire::signing::VerifyingKey;
use keel_domain::Timestamp;

use crate::core::{AccountId, Exchange, ExchangeEvent};

use faults::Faults;
pub use faults::{Delivery, Reply, Served, Ticket};
pub use rest::{HttpRequest, HttpResponse, Method};
use streams::{DepthStreams, StreamConnection};
use ws_api::WsApiConnection;

/// A key with which a client uses an account.
#[derive(Debug, Clone)]
pub struct AccountKey {
    /// What the client sends.
    pub api_key: String,
    /// What its signatures are checked with.
    pub verifying_key: VerifyingKey,
    /// The account it opens.
    pub account: AccountId,
}

/// A WebSocket connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(u64);

/// What goes out on a WebSocket connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// A text frame.
    Text(String),
    /// A ping; its payload is to come back.
    Ping,
    /// The end, with code and reason.
    Close(u16, &'static str),
    /// The end without a close frame: the connection is reset.
    Reset,
}

enum ConnectionKind {
    Streams(StreamConnection),
    WsApi(WsApiConnection),
}

struct Connection {
    kind: ConnectionKind,
    ping_due_at: Timestamp,
    pong_due_at: Timestamp,
}

/// What a day or a minute has used up.
#[derive(Debug, Default)]
struct Usage {
    minute: i64,
    weight: u32,
    ten_seconds: i64,
    orders_10s: u32,
    day: i64,
    orders_1d: u32,
}

/// The exchange as a client sees it.
pub struct Protocol {
    exchange: Exchange,
    keys: BTreeMap<String, AccountKey>,
    connections: BTreeMap<ConnId, Connection>,
    next_connection: u64,
    depth: DepthStreams,
    out: VecDeque<(ConnId, Outgoing)>,
    usage: Usage,
    faults: Faults,
}

impl Protocol {
    /// The venue pings this often.
    pub const PING_EVERY: Duration = Duration::from_secs(20);
    /// A connection without a pong for this long is closed.
    pub const PONG_WITHIN: Duration = Duration::from_secs(60);
    /// The longest frame and body taken.
    pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;

    /// A venue in front of an exchange.
    #[must_use]
    pub fn new(exchange: Exchange, keys: Vec<AccountKey>, now: Timestamp) -> Self {
        let mut protocol = Self {
            exchange,
            keys: keys.into_iter().map(|key| (key.api_key.clone(), key)).collect(),
            connections: BTreeMap::new(),
            next_connection: 1,
            depth: DepthStreams::new(now),
            out: VecDeque::new(),
            usage: Usage::default(),
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
        self.flush_depth(now);
        self.ping(now);
    }

    /// When [`Protocol::advance`] is due next.
    #[must_use]
    pub fn next_deadline(&self) -> Timestamp {
        let pings = self.connections.values().map(|connection| connection.ping_due_at);
        let market = self.exchange.next_deadline();
        pings
            .chain(market)
            .chain([self.depth.next_flush_at()])
            .chain(self.faults.next_deadline())
            .min()
            .unwrap_or(Timestamp::EPOCH)
    }

    /// The oldest frame not taken yet.
    pub fn poll_out(&mut self) -> Option<(ConnId, Outgoing)> {
        self.next_frame()
    }

    /// A client wants to open a WebSocket at this path with this query.
    ///
    /// # Errors
    /// The HTTP status of the refusal.
    pub fn ws_open(&mut self, now: Timestamp, path: &str, query: &str) -> Result<ConnId, u16> {
        if let Some(status) = self.refuses(now, path) {
            return Err(status);
        }
        let kind = match path {
            "/ws-api/v3" => ConnectionKind::WsApi(WsApiConnection::new(query)),
            "/stream" => ConnectionKind::Streams(StreamConnection::combined(query)),
            _ => match path.strip_prefix("/ws") {
                Some("") => ConnectionKind::Streams(StreamConnection::raw("")),
                Some(rest) if rest.starts_with('/') => {
                    ConnectionKind::Streams(StreamConnection::raw(&rest[1..]))
                }
                _ => return Err(404),
            },
        };
        let id = ConnId(self.next_connection);
        self.next_connection += 1;
        let connection = Connection {
            kind,
            ping_due_at: now.plus(Self::PING_EVERY),
            pong_due_at: now.plus(Self::PONG_WITHIN),
        };
        self.connections.insert(id, connection);
        Ok(id)
    }

    /// A text frame came.
    pub fn ws_text(&mut self, now: Timestamp, id: ConnId, text: &str) {
        self.exchange.advance(now);
        self.tick_faults(now);
        self.publish();
        match self
            .connections
            .get_mut(&id)
            .map(|connection| &mut connection.kind)
        {
            Some(ConnectionKind::Streams(streams)) => {
                let reply = streams.control(text, &self.exchange);
                self.out.push_back((id, Outgoing::Text(reply)));
            }
            Some(ConnectionKind::WsApi(_)) => self.ws_request_or_fault(now, id, text),
            None => {}
        }
        self.publish();
    }

    /// A pong came.
    pub fn ws_pong(&mut self, now: Timestamp, id: ConnId) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.pong_due_at = now.plus(Self::PONG_WITHIN);
        }
    }

    /// The connection is gone.
    pub fn ws_closed(&mut self, id: ConnId) {
        self.connections.remove(&id);
        self.forget_connection(id);
    }

    fn ping(&mut self, now: Timestamp) {
        let mut dead = Vec::new();
        for (id, connection) in &mut self.connections {
            if now >= connection.pong_due_at {
                dead.push(*id);
            } else if now >= connection.ping_due_at {
                connection.ping_due_at = now.plus(Self::PING_EVERY);
                self.out.push_back((*id, Outgoing::Ping));
            }
        }
        for id in dead {
            self.connections.remove(&id);
            self.out.push_back((id, Outgoing::Close(1008, "Pong timeout")));
        }
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
                    self.depth.note(symbol, update_id, side, price, qty);
                }
                ExchangeEvent::Order(report) => {
                    let account = report.order.account;
                    self.publish_user_event(account, &user_events::execution_report(&report));
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
        self.publish_best();
    }
}
