//! The WS API: the same requests in another envelope (web-socket-api.md).

use std::collections::BTreeMap;
use std::net::IpAddr;

use keel_binance_wire::error::{ApiError, code};
use keel_binance_wire::params::Params;
use keel_domain::Timestamp;
use serde_json::{Value, json};

use super::endpoint::{Answer, Endpoint, Handler, Refusal, endpoints};
use super::market::NO_REFERENCE_PRICE;
use super::rest::error_body;
use super::{ConnId, Outgoing, Protocol};
use crate::core::AccountId;

/// A subscription to an account's events.
pub(super) struct Subscription {
    pub(super) account: AccountId,
    /// Made by the session's log-on, not by a signature of its own: it ends with the session.
    pub(super) is_by_session: bool,
}

/// A connection to the WS API.
pub(super) struct WsApiConnection {
    pub(super) returns_rate_limits: bool,
    /// The key the session is logged on with, and since when.
    pub(super) session: Option<(String, Timestamp)>,
    pub(super) subscriptions: BTreeMap<u64, Subscription>,
    pub(super) next_subscription: u64,
}

impl WsApiConnection {
    pub(super) fn new(returns_rate_limits: bool) -> Self {
        Self {
            returns_rate_limits,
            session: None,
            subscriptions: BTreeMap::new(),
            next_subscription: 0,
        }
    }
}

/// A request as read: who is told the answer, and what is asked.
struct Request {
    id: Value,
    method: String,
    params: Params,
}

/// What a session's own methods cost.
const SESSION_WEIGHT: u32 = 2;

fn bad_json(msg: impl Into<String>) -> Refusal {
    ApiError::new(code::INVALID_JSON, msg).into()
}

/// Reads a request, or says why it cannot be read, with the id where there is one.
fn read(frame: &str) -> Result<Request, (Value, Refusal)> {
    let request: Value = serde_json::from_str(frame)
        .map_err(|error| (Value::Null, bad_json(format!("Invalid JSON Request: {error}"))))?;
    let Value::Object(mut fields) = request else {
        return Err((Value::Null, bad_json("Invalid JSON Request")));
    };
    let id = fields.remove("id").unwrap_or_default();
    if !(id.is_null() || id.is_i64() || id.is_u64() || id.is_string()) {
        return Err((Value::Null, bad_json("Invalid 'id' in JSON request")));
    }
    let Some(Value::String(method)) = fields.remove("method") else {
        return Err((id, bad_json("Invalid 'method' in JSON request")));
    };
    let params = match fields.remove("params").unwrap_or_default() {
        Value::Object(params) => params_of(params),
        Value::Null => Params::new(),
        _ => {
            let msg = "Invalid 'params' in JSON request; expected an object.";
            return Err((id, bad_json(msg)));
        }
    };
    Ok(Request { id, method, params })
}

/// Parameters as text, in which form they are signed; other shapes than scalars keep their JSON.
pub(super) fn params_of(fields: serde_json::Map<String, Value>) -> Params {
    let mut params = Params::new();
    for (name, value) in fields {
        match value {
            Value::String(text) => params.push(&name, text),
            Value::Null => {}
            other => params.push(&name, other),
        }
    }
    params
}

impl Protocol {
    pub(super) fn ws_request(&mut self, now: Timestamp, id: ConnId, frame: &str) {
        let Some(connection) = self.connections.get(&id) else {
            return;
        };
        let (peer, unit) = (connection.peer, connection.unit);
        let (mut reply, is_banned) = match read(frame) {
            Ok(request) => self.ws_reply(now, id, peer, &request),
            Err((request_id, refusal)) => {
                let answer = self.usage.admit(now, peer, 1).err().unwrap_or(refusal);
                let is_banned = answer.status == 418;
                (failure(now, &request_id, &answer), is_banned)
            }
        };
        unit.convert(&mut reply);
        self.out.push_back((id, Outgoing::Text(reply.to_string().into())));
        self.publish();
        if is_banned {
            self.end_all_of(peer);
        }
    }

    fn ws_reply(&mut self, now: Timestamp, id: ConnId, peer: IpAddr, request: &Request) -> (Value, bool) {
        let method = request
            .method
            .strip_prefix("v3/")
            .unwrap_or(request.method.as_str());
        let params = &request.params;
        let endpoint = endpoints().find(|known| !known.ws_method.is_empty() && known.ws_method == method);
        let (account, answer) = match endpoint {
            Some(endpoint) => self.weigh(now, endpoint, peer, params, |protocol| {
                protocol.ws_answer(now, id, endpoint, params)
            }),
            None => (None, self.ws_session_answer(now, id, peer, method, params)),
        };
        let is_banned = answer.as_ref().is_err_and(|refusal| refusal.status == 418);
        let mut reply = match form_of(method, answer) {
            Ok(result) => json!({ "id": request.id, "status": 200, "result": result }),
            Err(refusal) => failure(now, &request.id, &refusal),
        };
        let returns_rate_limits = match params.get("returnRateLimits") {
            Some(text) => text == "true",
            None => self
                .ws_connection(id)
                .is_none_or(|connection| connection.returns_rate_limits),
        };
        if let (true, Some(reply)) = (returns_rate_limits, reply.as_object_mut()) {
            let orders_of = account.filter(|_| endpoint.is_some_and(|endpoint| endpoint.orders > 0));
            reply.insert("rateLimits".to_owned(), self.rate_limits(now, peer, orders_of));
        }
        (reply, is_banned)
    }

    fn ws_session_answer(
        &mut self,
        now: Timestamp,
        id: ConnId,
        peer: IpAddr,
        method: &str,
        params: &Params,
    ) -> Answer {
        self.usage.admit(now, peer, SESSION_WEIGHT)?;
        self.session_method(self.clock(now), id, method, params)
            .unwrap_or_else(|| {
                let msg = format!("Unknown method '{method}'.");
                Err(ApiError::new(code::UNSUPPORTED_OPERATION, msg).into())
            })
    }

    fn ws_answer(
        &mut self,
        now: Timestamp,
        id: ConnId,
        endpoint: &Endpoint,
        params: &Params,
    ) -> (Option<AccountId>, Answer) {
        let clock = self.clock(now);
        if let Handler::Public(handler) = endpoint.handler {
            return (None, handler(self, clock, params));
        }
        match self.ws_caller(clock, id, endpoint.need, params) {
            Ok(caller) => (Some(caller.account), self.handle(now, endpoint, caller, params)),
            Err(refusal) => (None, Err(refusal)),
        }
    }

    /// The limits that a request touched: orders where it may place some, and the address's weight.
    fn rate_limits(&mut self, now: Timestamp, peer: IpAddr, account: Option<AccountId>) -> Value {
        let weight = self.usage.weight(now, peer);
        let mut told = Vec::new();
        let limits = self.usage.limits.rate_limits();
        let mut orders = account
            .map(|account| self.usage.order_counts(now, account))
            .into_iter()
            .flatten();
        for mut limit in limits
            .iter()
            .filter(|limit| limit.rate_limit_type == "ORDERS")
            .cloned()
        {
            if let Some(count) = orders.next() {
                limit.count = Some(count);
                told.push(limit);
            }
        }
        for mut limit in limits
            .into_iter()
            .filter(|limit| limit.rate_limit_type == "REQUEST_WEIGHT")
        {
            limit.count = Some(weight);
            told.push(limit);
        }
        json!(told)
    }
}

/// The answers that the WS API's own samples show in another form than REST's: a routed order is a list of one, and that a
/// pair never had a reference price is a result.
fn form_of(method: &str, answer: Answer) -> Answer {
    match (method, answer) {
        ("sor.order.place", Ok(placed)) => Ok(json!([placed])),
        ("referencePrice", Err(refusal)) if refusal.error.code == NO_REFERENCE_PRICE => {
            Ok(error_body(&refusal))
        }
        (_, answer) => answer,
    }
}

fn failure(now: Timestamp, id: &Value, refusal: &Refusal) -> Value {
    let mut error = error_body(refusal);
    if let (Some(retry_at), Some(error)) = (refusal.retry_at, error.as_object_mut()) {
        let data = json!({ "serverTime": now.as_millis(), "retryAfter": retry_at.as_millis() });
        error.insert("data".to_owned(), data);
    }
    json!({ "id": id, "status": refusal.status, "error": error })
}
