//! Faults carried out on WebSocket connections: on requests of the WS API, on events, on the connections themselves.

use std::time::Duration;

use keel_domain::Timestamp;
use serde_json::{Value, json};

use super::faults::{Held, denial, is_order_list};
use super::ws_api::params_of;
use super::{ConnId, ConnectionKind, Outgoing, Protocol};
use crate::faults::{
    ConnectionAction, ConnectionFacts, Corruption, EventFacts, EventFate, Hangup, InjectedAnswer, Loss,
    RequestFacts, RequestFate, Stage,
};

/// How long a frame waits for the next one of its kind to overtake it.
const SWAP_WITHIN: Duration = Duration::from_secs(10);

/// What a frame is about.
struct Sniffed {
    kind: String,
    is_user: bool,
    account: Option<String>,
    symbol: Option<String>,
    cl_ord_id: Option<String>,
}

impl Protocol {
    /// Sends a frame past the faults. An end ends the connection here as well.
    pub(super) fn send_now(&mut self, id: ConnId, outgoing: Outgoing) {
        if matches!(outgoing, Outgoing::Close(..) | Outgoing::Reset) {
            if !self.connections.contains_key(&id) {
                return;
            }
            self.ws_closed(id);
        }
        self.faults.ready.push_back((id, outgoing));
    }

    pub(super) fn forget_connection(&mut self, id: ConnId) {
        self.faults.plan.on_closed(id.0);
        self.faults.deaf.remove(&id);
    }

    /// Whether a handshake is refused, and with which HTTP status.
    pub(super) fn refuses(&mut self, now: Timestamp, path: &str) -> Option<u16> {
        self.tick_faults(now);
        let kind = if path.starts_with("/ws-api") {
            "ws_api"
        } else {
            "streams"
        };
        self.faults.plan.on_open(now, kind)
    }

    /// Takes a request of the WS API with whatever goes wrong.
    pub(super) fn ws_request_or_fault(&mut self, now: Timestamp, id: ConnId, frame: &str) {
        let (fate, request) = self.ws_fate_of(now, id, frame);
        let request_id = request.get("id").cloned();
        let name = request.get("method").and_then(Value::as_str).unwrap_or_default();
        match fate {
            RequestFate::Pass if is_order_list(name) && self.faults.plan.hides_any(now) => {
                let reply = self.ws_reply_taken(now, id, frame);
                self.faults
                    .ready
                    .extend(reply.map(|reply| (id, Outgoing::Text(self.without_hidden(now, reply)))));
            }
            RequestFate::Pass => self.ws_request(now, id, frame),
            RequestFate::Lose(stage, loss) => {
                if stage == Stage::After {
                    self.ws_reply_taken(now, id, frame);
                }
                if loss == Loss::Reset {
                    self.send_now(id, Outgoing::Reset);
                }
            }
            RequestFate::Answer(stage, answer) => {
                if stage == Stage::After {
                    self.ws_reply_taken(now, id, frame);
                }
                let reply = ws_answer_of(self.clock(now), request_id, answer);
                self.send_now(id, Outgoing::Text(reply));
            }
            RequestFate::Delay(Stage::Before, delay) => {
                let held = Held::WsRequest(id, frame.to_owned());
                if self.faults.hold(now.plus(delay), held).is_some() {
                    self.ws_request(now, id, frame);
                }
            }
            RequestFate::Delay(Stage::After, delay) => {
                if let Some(reply) = self.ws_reply_taken(now, id, frame) {
                    let held = Held::Frame(id, Outgoing::Text(reply));
                    if let Some(held) = self.faults.hold(now.plus(delay), held) {
                        self.release(now, held);
                    }
                }
            }
            RequestFate::Cut => {
                if let Some(reply) = self.ws_reply_taken(now, id, frame) {
                    self.send_now(id, Outgoing::Text(half(&reply).to_owned()));
                }
            }
            RequestFate::Deny => {
                let (code, msg) = denial(name.contains("cancel"));
                let reply = json!({ "id": request_id, "status": 400, "error": { "code": code, "msg": msg } });
                self.send_now(id, Outgoing::Text(reply.to_string()));
            }
        }
    }

    fn ws_fate_of(&mut self, now: Timestamp, id: ConnId, frame: &str) -> (RequestFate, Value) {
        if self.faults.plan.is_empty() {
            return (RequestFate::Pass, Value::Null);
        }
        let Ok(request) = serde_json::from_str::<Value>(frame) else {
            return (RequestFate::Pass, Value::Null);
        };
        let name = request.get("method").and_then(Value::as_str).unwrap_or_default();
        let params = params_of(&request);
        let api_key = match self.connections.get(&id).map(|connection| &connection.kind) {
            Some(ConnectionKind::WsApi(connection)) => params.get("apiKey").or(connection.api_key()),
            _ => None,
        };
        let api_key = api_key.map(str::to_owned);
        let (order_id, cl_ord_id) = self.order_named(api_key.as_deref(), &params);
        let facts = RequestFacts {
            method: "",
            name: name.strip_prefix("v3/").unwrap_or(name),
            account: api_key.as_deref(),
            symbol: params.get("symbol"),
            cl_ord_id: cl_ord_id.as_deref(),
            order_id,
        };
        let fate = self.faults.plan.on_request(now, &facts);
        (fate, request)
    }

    /// Carries the request out and takes its reply away; the events it caused stay.
    fn ws_reply_taken(&mut self, now: Timestamp, id: ConnId, frame: &str) -> Option<String> {
        let before = self.out.len();
        self.ws_request(now, id, frame);
        let is_reply = |(to, outgoing): &(ConnId, Outgoing)| {
            let Outgoing::Text(text) = outgoing else {
                return false;
            };
            let value: Value = serde_json::from_str(text).unwrap_or_default();
            *to == id && value.get("status").is_some() && value.get("subscriptionId").is_none()
        };
        let index = before + self.out.range(before..).position(is_reply)?;
        match self.out.remove(index) {
            Some((_, Outgoing::Text(reply))) => Some(reply),
            _ => None,
        }
    }

    fn without_hidden(&self, now: Timestamp, reply: String) -> String {
        let Ok(mut value) = serde_json::from_str::<Value>(&reply) else {
            return reply;
        };
        if let Some(result) = value.get_mut("result") {
            let mut orders = result.to_string();
            self.hide_orders(now, &mut orders);
            *result = serde_json::from_str(&orders).unwrap_or_default();
        }
        value.to_string()
    }

    /// The next frame that is to leave, after the faults.
    pub(super) fn next_frame(&mut self) -> Option<(ConnId, Outgoing)> {
        self.settle();
        self.faults.ready.pop_front().or_else(|| self.out.pop_front())
    }

    /// Decides on every frame that is about to leave, in the order in which they came about.
    pub(super) fn settle(&mut self) {
        if self.faults.plan.is_empty() && self.faults.deaf.is_empty() {
            return;
        }
        while let Some((id, outgoing)) = self.out.pop_front() {
            let is_touched = self.faults.plan.touches_events() || self.faults.deaf.contains(&id);
            match outgoing {
                Outgoing::Text(text) if is_touched => self.send_with_faults(id, text),
                other => self.faults.ready.push_back((id, other)),
            }
        }
    }

    fn send_with_faults(&mut self, id: ConnId, text: String) {
        let Some(event) = self.sniff(id, &text) else {
            self.send_now(id, Outgoing::Text(text));
            return;
        };
        if event.is_user && self.faults.deaf.contains(&id) {
            return;
        }
        let now = self.faults.now;
        let facts = EventFacts {
            connection: id.0,
            kind: &event.kind,
            is_user: event.is_user,
            account: event.account.as_deref(),
            symbol: event.symbol.as_deref(),
            cl_ord_id: event.cl_ord_id.as_deref(),
        };
        let fate = self.faults.plan.on_event(now, &facts);
        let name = format!("{} {}", event.kind, event.symbol.as_deref().unwrap_or_default());
        let overtaken = self.overtaken(id, &name);
        let frame = Outgoing::Text(text);
        match fate {
            EventFate::Drop => {}
            EventFate::Duplicate => {
                self.send_now(id, frame.clone());
                self.send_now(id, frame);
            }
            EventFate::Delay(delay) => {
                if let Some(held) = self.faults.hold(now.plus(delay), Held::Frame(id, frame)) {
                    self.release(now, held);
                }
            }
            EventFate::Reorder if overtaken.is_none() => {
                let held = Held::Swapped(id, name, frame);
                if let Some(held) = self.faults.hold(now.plus(SWAP_WITHIN), held) {
                    self.release(now, held);
                }
            }
            EventFate::Corrupt(how) => {
                if let Outgoing::Text(text) = frame {
                    self.send_now(id, Outgoing::Text(spoilt(&text, how)));
                }
            }
            EventFate::Disconnect(how) => self.send_now(id, end(how)),
            EventFate::Pass | EventFate::Reorder => self.send_now(id, frame),
        }
        // What waited to be overtaken has been, whatever became of this frame.
        if let Some(held) = overtaken {
            self.release(now, held);
        }
    }

    fn overtaken(&mut self, id: ConnId, name: &str) -> Option<Held> {
        let is_it = |held: &Held| matches!(held, Held::Swapped(to, kind, _) if *to == id && kind == name);
        let key = self
            .faults
            .held
            .iter()
            .find(|(_, held)| is_it(held))
            .map(|(key, _)| *key)?;
        self.faults.held.remove(&key)
    }

    fn sniff(&self, id: ConnId, text: &str) -> Option<Sniffed> {
        let frame: Value = serde_json::from_str(text).ok()?;
        let word = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        if let Some(event) = frame.get("event") {
            let subscription = frame.get("subscriptionId").and_then(Value::as_u64);
            let orig = word(event, "C").filter(|id| !id.is_empty());
            return Some(Sniffed {
                kind: word(event, "e")?,
                is_user: true,
                account: subscription.and_then(|subscription| self.api_key_of(id, subscription)),
                symbol: word(event, "s"),
                cl_ord_id: orig.or_else(|| word(event, "c")),
            });
        }
        if frame.get("result").is_some() || frame.get("error").is_some() || frame.get("code").is_some() {
            return None;
        }
        let data = frame.get("data").unwrap_or(&frame);
        let one = data.get(0).unwrap_or(data);
        let by_name = word(&frame, "stream").and_then(|stream| {
            let (symbol, kind) = stream.split_once('@')?;
            Some((symbol.to_ascii_uppercase(), kind.split('@').next()?.to_owned()))
        });
        let kind = match word(one, "e").as_deref() {
            Some("depthUpdate") => "depth".to_owned(),
            Some("24hrTicker") => "ticker".to_owned(),
            Some("24hrMiniTicker") => "miniTicker".to_owned(),
            Some(other) => other.to_owned(),
            None if one.get("lastUpdateId").is_some() => "partialDepth".to_owned(),
            None if one.get("u").is_some() => "bookTicker".to_owned(),
            None => by_name.as_ref()?.1.clone(),
        };
        Some(Sniffed {
            kind,
            is_user: false,
            account: None,
            symbol: word(one, "s").or_else(|| by_name.map(|(symbol, _)| symbol)),
            cl_ord_id: None,
        })
    }

    fn api_key_of(&self, id: ConnId, subscription: u64) -> Option<String> {
        let ConnectionKind::WsApi(connection) = &self.connections.get(&id)?.kind else {
            return None;
        };
        let account = connection.account_of(subscription)?;
        self.keys
            .values()
            .find(|key| key.account == account)
            .map(|key| key.api_key.clone())
    }

    /// Lets the rules about connections visit those that are open.
    pub(super) fn visit_connections(&mut self, now: Timestamp) {
        let kind = |kind: &ConnectionKind| match kind {
            ConnectionKind::Streams(_) => "streams",
            ConnectionKind::WsApi(_) => "ws_api",
        };
        let open: Vec<ConnectionFacts> = self
            .connections
            .iter()
            .map(|(id, connection)| ConnectionFacts {
                connection: id.0,
                kind: kind(&connection.kind),
            })
            .collect();
        for due in self.faults.plan.due_connection_faults(now, &open) {
            let id = ConnId(due.connection);
            match due.action {
                ConnectionAction::Disconnect(how) => self.send_now(id, end(how)),
                ConnectionAction::ServerShutdown(after) => self.shut_down(now, id, after),
                ConnectionAction::UserStreamLost { told: false } => {
                    self.faults.deaf.insert(id);
                }
                ConnectionAction::UserStreamLost { told: true } => self.end_user_stream(now, id),
                ConnectionAction::Refuse(_) => {}
            }
        }
    }

    fn shut_down(&mut self, now: Timestamp, id: ConnId, after: Duration) {
        let event = json!({ "e": "serverShutdown", "E": self.clock(now).as_millis() });
        let frame = match self.connections.get(&id).map(|connection| &connection.kind) {
            Some(ConnectionKind::Streams(streams)) if streams.is_combined() => {
                json!({ "stream": "!serverShutdown", "data": event })
            }
            Some(ConnectionKind::Streams(_)) => event,
            Some(ConnectionKind::WsApi(_)) => json!({ "event": event }),
            None => return,
        };
        self.send_now(id, Outgoing::Text(frame.to_string()));
        let held = Held::Frame(id, Outgoing::Close(1001, "Server shutdown"));
        if let Some(held) = self.faults.hold(now.plus(after), held) {
            self.release(now, held);
        }
    }

    fn end_user_stream(&mut self, now: Timestamp, id: ConnId) {
        let time = self.clock(now).as_millis();
        let ended = match self
            .connections
            .get_mut(&id)
            .map(|connection| &mut connection.kind)
        {
            Some(ConnectionKind::WsApi(connection)) => connection.end_subscriptions(),
            _ => return,
        };
        for subscription in ended {
            let event = json!({ "e": "eventStreamTerminated", "E": time });
            let frame = json!({ "subscriptionId": subscription, "event": event });
            self.send_now(id, Outgoing::Text(frame.to_string()));
        }
    }
}

fn end(how: Hangup) -> Outgoing {
    match how {
        Hangup::Close => Outgoing::Close(1001, "Going away"),
        Hangup::Reset => Outgoing::Reset,
    }
}

fn half(text: &str) -> &str {
    let mut middle = text.len() / 2;
    while !text.is_char_boundary(middle) {
        middle -= 1;
    }
    text.get(..middle).unwrap_or_default()
}

fn ws_answer_of(now: Timestamp, id: Option<Value>, answer: InjectedAnswer) -> String {
    let (code, msg) = answer.error.unwrap_or_else(|| {
        let msg = "An unknown error occurred while processing the request.";
        (keel_binance_wire::error::code::UNKNOWN, msg.to_owned())
    });
    let mut error = json!({ "code": code, "msg": msg });
    if let (Some(retry_at), Some(error)) = (answer.retry_at, error.as_object_mut()) {
        let data = json!({ "serverTime": now.as_millis(), "retryAfter": retry_at.as_millis() });
        error.insert("data".to_owned(), data);
    }
    json!({ "id": id, "status": answer.status, "error": error }).to_string()
}

/// Spoils a frame. An event without the prices in question stays as it is.
fn spoilt(text: &str, how: Corruption) -> String {
    if how == Corruption::BrokenJson {
        return half(text).to_owned();
    }
    let Ok(mut frame) = serde_json::from_str::<Value>(text) else {
        return text.to_owned();
    };
    let data = match frame.get("data") {
        Some(_) => frame.get_mut("data"),
        None => Some(&mut frame),
    };
    if let Some(data) = data.and_then(Value::as_object_mut) {
        if how == Corruption::Crossed {
            for (bid, ask) in [("b", "a"), ("bids", "asks")] {
                if let (Some(bids), Some(asks)) = (data.remove(bid), data.remove(ask)) {
                    data.insert(bid.to_owned(), asks);
                    data.insert(ask.to_owned(), bids);
                }
            }
        } else {
            for key in ["p", "c", "b", "a", "bids", "asks"] {
                data.get_mut(key).into_iter().for_each(zero_prices);
            }
        }
    }
    frame.to_string()
}

fn zero_prices(value: &mut Value) {
    match value {
        Value::String(price) => "0.00000000".clone_into(price),
        Value::Array(levels) => levels
            .iter_mut()
            .filter_map(|level| level.get_mut(0))
            .for_each(zero_prices),
        _ => {}
    }
}
