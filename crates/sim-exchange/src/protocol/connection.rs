//! WebSocket connections: their opening, their pings, their end.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use keel_domain::Timestamp;

use super::streams::StreamConnection;
use super::time_unit::TimeUnit;
use super::ws_api::WsApiConnection;
use super::{ConnId, Outgoing, Protocol};

pub(super) enum ConnectionKind {
    Streams(StreamConnection),
    WsApi(Box<WsApiConnection>),
}

pub(super) struct Connection {
    pub(super) kind: ConnectionKind,
    pub(super) unit: TimeUnit,
    pub(super) peer: IpAddr,
    pub(super) opened_at: Timestamp,
    ping_due_at: Timestamp,
    /// Pings without a pong: payload, and when it was sent.
    pings: VecDeque<(u64, Timestamp)>,
    next_ping: u64,
    is_told: bool,
    /// When the latest frames came at the earliest, as many as one second may have.
    frames: VecDeque<Timestamp>,
    /// What comes next may have come since then.
    waited_since: Option<Timestamp>,
}

const POLICY_VIOLATION: u16 = 1_008;
const GOING_AWAY: u16 = 1_001;

/// A connection catches up with what waited for it in a pause of the exchange within this time after it.
const CATCH_UP: Duration = Duration::from_secs(1);

/// A pause in which the exchange attended to nobody.
#[derive(Clone, Copy)]
pub(super) struct Pause {
    from: Timestamp,
    until: Timestamp,
}

impl Connection {
    /// Notes a frame that came between `since` and `now`. Whether it is one too many for a second.
    ///
    /// Where it is not known when a frame came, it counts from the earliest moment that was allowed to it. So a connection is
    /// ended only when its frames cannot have come at any allowed pace.
    fn is_one_too_many(&mut self, now: Timestamp, since: Timestamp, max: u32) -> bool {
        if matches!(self.kind, ConnectionKind::WsApi(_)) || max == u32::MAX {
            return false;
        }
        let mut came_at = self.frames.back().map_or(since, |last| since.max(*last));
        if self.frames.len() >= max as usize
            && let Some(first) = self.frames.pop_front()
        {
            came_at = came_at.max(first.plus(Duration::from_secs(1)));
        }
        self.frames.push_back(came_at);
        came_at > now
    }

    fn pong_due_at(&self) -> Option<Timestamp> {
        self.pings
            .front()
            .map(|(_, sent_at)| sent_at.plus(Protocol::PONG_WITHIN))
    }
}

/// The value of a name in a URL's query.
fn url_param<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

impl Protocol {
    /// A client wants to open a WebSocket at this path with this query.
    ///
    /// # Errors
    /// The HTTP status of the refusal.
    pub fn ws_open(&mut self, now: Timestamp, peer: IpAddr, path: &str, query: &str) -> Result<ConnId, u16> {
        if let Some(status) = self.refuses(now, path) {
            return Err(status);
        }
        self.usage
            .admit_connection(now, peer)
            .map_err(|refusal| refusal.status)?;
        let unit = TimeUnit::parse(url_param(query, "timeUnit")).map_err(|_| 400_u16)?;
        let (kind, names) = if path == "/ws-api/v3" {
            // Weight 2 for the connection.
            self.usage.admit(now, peer, 2).map_err(|refusal| refusal.status)?;
            let returns_rate_limits = url_param(query, "returnRateLimits") != Some("false");
            let connection = WsApiConnection::new(returns_rate_limits);
            (ConnectionKind::WsApi(Box::new(connection)), "")
        } else if path == "/stream" {
            let names = url_param(query, "streams").unwrap_or("");
            (ConnectionKind::Streams(StreamConnection::new(true)), names)
        } else {
            match path.strip_prefix("/ws") {
                Some("") => (ConnectionKind::Streams(StreamConnection::new(false)), ""),
                Some(rest) if rest.starts_with('/') => {
                    let names = rest.trim_start_matches('/');
                    (ConnectionKind::Streams(StreamConnection::new(false)), names)
                }
                _ => return Err(404),
            }
        };
        if names.split('/').count() > self.usage.limits.streams {
            return Err(400);
        }
        let id = ConnId(self.next_connection);
        self.next_connection += 1;
        let connection = Connection {
            kind,
            unit,
            peer,
            opened_at: now,
            ping_due_at: now.plus(Self::PING_EVERY),
            pings: VecDeque::new(),
            next_ping: 1,
            is_told: false,
            frames: VecDeque::new(),
            waited_since: None,
        };
        self.connections.insert(id, connection);
        self.upkeep_at = self
            .upkeep_at
            .min(now.plus(Self::PING_EVERY))
            .min(self.end_of(now));
        self.subscribe_by_url(id, names);
        Ok(id)
    }

    /// When a connection opened then is told that its end is near.
    fn end_of(&self, opened_at: Timestamp) -> Timestamp {
        let limits = &self.usage.limits;
        opened_at.plus(limits.connection_life.saturating_sub(limits.shutdown_notice))
    }

    /// A text frame came.
    pub fn ws_text(&mut self, now: Timestamp, id: ConnId, text: &str) {
        self.exchange.advance(now);
        self.tick_faults(now);
        self.publish();
        if !self.take_frame(now, id) {
            return;
        }
        match self.connections.get(&id).map(|connection| &connection.kind) {
            Some(ConnectionKind::Streams(_)) => self.stream_request(id, text),
            Some(ConnectionKind::WsApi(_)) => self.ws_request_or_fault(now, id, text),
            None => {}
        }
        self.publish();
    }

    /// A ping came; the shell has answered it.
    pub fn ws_ping(&mut self, now: Timestamp, id: ConnId) {
        self.take_frame(now, id);
    }

    /// A pong came. It counts only with the payload of a ping that waits for it.
    pub fn ws_pong(&mut self, now: Timestamp, id: ConnId, payload: &[u8]) {
        if !self.take_frame(now, id) {
            return;
        }
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let number = std::str::from_utf8(payload)
            .ok()
            .and_then(|text| text.parse::<u64>().ok());
        let answered = connection
            .pings
            .iter()
            .position(|(ping, _)| Some(*ping) == number);
        if let Some(place) = answered {
            connection.pings.drain(..=place);
        }
    }

    /// The exchange attended to nobody meanwhile: its machine had no time for it. What clients sent in that time comes all
    /// at once now, and is not held against them.
    pub fn was_held_up(&mut self, from: Timestamp, until: Timestamp) {
        let earlier = self.pause.filter(|pause| from.since(pause.until) < CATCH_UP);
        let from_all = earlier.map_or(from, |pause| pause.from);
        self.pause = Some(Pause {
            from: from_all,
            until,
        });
        for connection in self.connections.values_mut() {
            for (_, sent_at) in &mut connection.pings {
                *sent_at = sent_at.plus(until.since(from));
            }
        }
    }

    /// The next frame of a connection may have come at any time since then, for its reader was busy with those before it.
    pub fn ws_waited(&mut self, id: ConnId, since: Timestamp) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.waited_since = Some(since);
        }
    }

    /// Whether the frame may be looked at; a connection that sends too many in a second is ended.
    fn take_frame(&mut self, now: Timestamp, id: ConnId) -> bool {
        let max = self.usage.limits.stream_messages_1s;
        let Some(connection) = self.connections.get_mut(&id) else {
            return false;
        };
        let since = connection.waited_since.take().unwrap_or(now);
        let pause = self.pause.filter(|pause| since.since(pause.until) < CATCH_UP);
        let since = pause.map_or(since, |pause| since.min(pause.from));
        if connection.is_one_too_many(now, since, max) {
            self.end(id, POLICY_VIOLATION, "Too many messages");
            return false;
        }
        true
    }

    /// The connection is gone.
    pub fn ws_closed(&mut self, id: ConnId) {
        self.forget_connection(id);
        let Some(connection) = self.connections.remove(&id) else {
            return;
        };
        match connection.kind {
            ConnectionKind::Streams(streams) => self.hub.forget(id, &streams),
            ConnectionKind::WsApi(_) => self.user_subscriptions.retain(|(_, conn, _)| *conn != id),
        }
    }

    /// Ends a connection.
    pub(super) fn end(&mut self, id: ConnId, code: u16, reason: &'static str) {
        self.ws_closed(id);
        self.out.push_back((id, Outgoing::Close(code, reason)));
    }

    /// Ends every WS API connection of an address.
    pub(super) fn end_all_of(&mut self, peer: IpAddr) {
        let ids: Vec<ConnId> = self
            .connections
            .iter()
            .filter(|(_, connection)| {
                connection.peer == peer && matches!(connection.kind, ConnectionKind::WsApi(_))
            })
            .map(|(id, _)| *id)
            .collect();
        for id in ids {
            self.end(id, POLICY_VIOLATION, "IP banned");
        }
    }

    /// Tells every client that the server is about to go.
    pub fn announce_shutdown(&mut self, now: Timestamp) {
        let ids: Vec<ConnId> = self.connections.keys().copied().collect();
        for id in ids {
            self.tell_shutdown(now, id);
        }
    }

    pub(super) fn tell_shutdown(&mut self, now: Timestamp, id: ConnId) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        connection.is_told = true;
        let event = format!(r#"{{"e":"serverShutdown","E":{}}}"#, connection.unit.of(now));
        let frame: Arc<str> = match &connection.kind {
            ConnectionKind::WsApi(_) => format!(r#"{{"event":{event}}}"#).into(),
            ConnectionKind::Streams(streams) if streams.is_combined => {
                format!(r#"{{"stream":"!serverShutdown","data":{event}}}"#).into()
            }
            ConnectionKind::Streams(_) => event.into(),
        };
        self.out.push_back((id, Outgoing::Text(frame)));
    }

    /// Pings, and ends connections that do not answer or have lived long enough.
    pub(super) fn upkeep(&mut self, now: Timestamp) {
        if now < self.upkeep_at {
            return;
        }
        let limits = &self.usage.limits;
        let (life, notice) = (limits.connection_life, limits.shutdown_notice);
        let (mut dead, mut ended, mut leaving) = (Vec::new(), Vec::new(), Vec::new());
        let mut next = now.plus(Self::PING_EVERY);
        for (id, connection) in &mut self.connections {
            let end_at = connection.opened_at.plus(life);
            let tell_at = connection.opened_at.plus(life.saturating_sub(notice));
            if connection.pong_due_at().is_some_and(|due| now >= due) {
                dead.push(*id);
                continue;
            }
            if now >= end_at {
                ended.push(*id);
                continue;
            }
            if now >= tell_at && !connection.is_told {
                leaving.push(*id);
            }
            if now >= connection.ping_due_at {
                connection.ping_due_at = now.plus(Self::PING_EVERY);
                connection.pings.push_back((connection.next_ping, now));
                let payload: Arc<str> = connection.next_ping.to_string().into();
                connection.next_ping += 1;
                self.out.push_back((*id, Outgoing::Ping(payload)));
            }
            let due = if now >= tell_at { end_at } else { tell_at };
            next = next.min(due).min(connection.ping_due_at);
            next = connection.pong_due_at().map_or(next, |due| next.min(due));
        }
        self.upkeep_at = next;
        for id in leaving {
            self.tell_shutdown(now, id);
        }
        for id in dead {
            self.end(id, POLICY_VIOLATION, "Pong timeout");
        }
        for id in ended {
            self.end(id, GOING_AWAY, "Connection is 24 hours old");
        }
    }
}
