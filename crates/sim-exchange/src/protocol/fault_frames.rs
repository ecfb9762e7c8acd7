//! Faults carried out on WebSocket connections: on requests of the WS API, on the connections themselves.

use std::sync::Arc;
use std::time::Duration;

use keel_domain::Timestamp;
use serde_json::{Value, json};

use super::connection::ConnectionKind;
use super::fault_orders::{denial, is_order_list};
use super::faults::Held;
use super::ws_api::params_of;
use super::{ConnId, Outgoing, Protocol};
use crate::faults::{
    ConnectionAction, ConnectionFacts, Hangup, InjectedAnswer, Loss, RequestFacts, RequestFate, Stage,
};

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
                    .extend(reply.map(|reply| (id, Outgoing::Text(self.without_hidden(now, &reply)))));
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
                self.send_now(id, Outgoing::Text(reply.into()));
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
                    self.send_now(id, Outgoing::Text(half(&reply).into()));
                }
            }
            RequestFate::FillFirst(order_id) => {
                self.fill_first(now, order_id);
                self.ws_request(now, id, frame);
            }
            RequestFate::Deny => {
                let (code, msg) = denial(name.contains("cancel"));
                let reply = json!({ "id": request_id, "status": 400, "error": { "code": code, "msg": msg } });
                self.send_now(id, Outgoing::Text(reply.to_string().into()));
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
        let fields = request.get("params").and_then(Value::as_object).cloned();
        let params = params_of(fields.unwrap_or_default());
        let api_key = match self.connections.get(&id).map(|connection| &connection.kind) {
            Some(ConnectionKind::WsApi(connection)) => {
                let session = connection.session.as_ref();
                params
                    .get("apiKey")
                    .or(session.map(|(api_key, _)| api_key.as_str()))
            }
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
            resting_order_id: self.resting_named(api_key.as_deref(), &params),
        };
        let fate = self.faults.plan.on_request(now, &facts);
        (fate, request)
    }

    /// Carries the request out and takes its reply away; the events it caused stay.
    fn ws_reply_taken(&mut self, now: Timestamp, id: ConnId, frame: &str) -> Option<Arc<str>> {
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

    fn without_hidden(&self, now: Timestamp, reply: &str) -> Arc<str> {
        let Ok(mut value) = serde_json::from_str::<Value>(reply) else {
            return reply.into();
        };
        if let Some(result) = value.get_mut("result") {
            let mut orders = result.to_string();
            self.hide_orders(now, &mut orders);
            *result = serde_json::from_str(&orders).unwrap_or_default();
        }
        value.to_string().into()
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
                ConnectionAction::UserStreamLost { told: true } => {
                    self.end_subscriptions(self.clock(now), id, |_, _| true);
                }
                ConnectionAction::Refuse(_) => {}
            }
        }
    }

    fn shut_down(&mut self, now: Timestamp, id: ConnId, after: Duration) {
        self.tell_shutdown(self.clock(now), id);
        let held = Held::Frame(id, Outgoing::Close(1001, "Server shutdown"));
        if let Some(held) = self.faults.hold(now.plus(after), held) {
            self.release(now, held);
        }
    }
}

pub(super) fn end(how: Hangup) -> Outgoing {
    match how {
        Hangup::Close => Outgoing::Close(1001, "Going away"),
        Hangup::Reset => Outgoing::Reset,
    }
}

pub(super) fn half(text: &str) -> &str {
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
