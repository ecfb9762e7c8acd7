//! The WS API: the same requests in another envelope, and user events (web-socket-api.md).

use std::collections::BTreeMap;

use keel_binance_wire::error::{ApiError, code, text};
use keel_binance_wire::params::Params;
use keel_domain::Timestamp;
use serde_json::{Value, json};

use super::endpoint::{Answer, ENDPOINTS, Handler, Refusal};
use super::market::rate_limits;
use super::{ConnId, ConnectionKind, Outgoing, Protocol, auth};
use crate::core::AccountId;

/// A connection to the WS API.
pub(super) struct WsApiConnection {
    returns_rate_limits: bool,
    /// The key the session is logged on with, and since when.
    session: Option<(String, Timestamp)>,
    subscriptions: BTreeMap<u64, AccountId>,
    next_subscription: u64,
}

impl WsApiConnection {
    pub(super) fn new(query: &str) -> Self {
        Self {
            returns_rate_limits: !query.split('&').any(|pair| pair == "returnRateLimits=false"),
            session: None,
            subscriptions: BTreeMap::new(),
            next_subscription: 0,
        }
    }

    /// The key that the session is logged on with.
    pub(super) fn api_key(&self) -> Option<&str> {
        self.session.as_ref().map(|(api_key, _)| api_key.as_str())
    }

    /// Whose events a subscription brings.
    pub(super) fn account_of(&self, subscription: u64) -> Option<AccountId> {
        self.subscriptions.get(&subscription).copied()
    }

    /// Ends all subscriptions and gives their numbers.
    pub(super) fn end_subscriptions(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.subscriptions).into_keys().collect()
    }
}

/// Parameters as text, in which form they are signed; other shapes than scalars keep their JSON.
pub(super) fn params_of(request: &Value) -> Params {
    let mut params = Params::new();
    for (name, value) in request
        .get("params")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        match value {
            Value::String(text) => params.push(name, text),
            Value::Null => {}
            other => params.push(name, other),
        }
    }
    params
}

impl Protocol {
    pub(super) fn ws_request(&mut self, now: Timestamp, id: ConnId, frame: &str) {
        let reply = match serde_json::from_str::<Value>(frame) {
            Ok(request) if request.get("method").is_some_and(Value::is_string) => {
                self.ws_reply(now, id, &request)
            }
            Ok(request) => {
                let error = ApiError::new(code::INVALID_JSON, "Invalid 'method' in JSON request");
                failure(request.get("id").cloned(), &error.into())
            }
            Err(error) => {
                let error = ApiError::new(code::INVALID_JSON, format!("Invalid JSON Request: {error}"));
                failure(None, &error.into())
            }
        };
        self.out.push_back((id, Outgoing::Text(reply.to_string())));
        self.publish();
    }

    fn ws_reply(&mut self, now: Timestamp, id: ConnId, request: &Value) -> Value {
        let method = request.get("method").and_then(Value::as_str).unwrap_or_default();
        let method = method.strip_prefix("v3/").unwrap_or(method);
        let params = params_of(request);
        let request_id = request.get("id").cloned();
        let answer = self.ws_answer(now, id, method, &params);
        let returns_rate_limits = match params.get("returnRateLimits") {
            Some(text) => text == "true",
            None => self
                .ws_connection(id)
                .is_none_or(|connection| connection.returns_rate_limits),
        };
        let mut reply = match answer {
            Ok(result) => json!({ "id": request_id, "status": 200, "result": result }),
            Err(refusal) => failure(request_id, &refusal),
        };
        if let (true, Some(reply)) = (returns_rate_limits, reply.as_object_mut()) {
            let mut limits = rate_limits();
            limits.truncate(1);
            limits
                .iter_mut()
                .for_each(|limit| limit.count = Some(self.usage.weight));
            reply.insert("rateLimits".to_owned(), json!(limits));
        }
        reply
    }

    fn ws_connection(&mut self, id: ConnId) -> Option<&mut WsApiConnection> {
        match self
            .connections
            .get_mut(&id)
            .map(|connection| &mut connection.kind)
        {
            Some(ConnectionKind::WsApi(connection)) => Some(connection),
            _ => None,
        }
    }

    fn ws_answer(&mut self, now: Timestamp, id: ConnId, method: &str, params: &Params) -> Answer {
        let now = self.clock(now);
        match method {
            "session.logon" => self.log_on(now, id, params),
            "session.status" => Ok(self.session_status(now, id)),
            "session.logout" => {
                if let Some(connection) = self.ws_connection(id) {
                    connection.session = None;
                }
                Ok(self.session_status(now, id))
            }
            "session.subscriptions" => {
                let ids: Vec<u64> = self
                    .ws_connection(id)
                    .map(|c| c.subscriptions.keys().copied().collect())
                    .unwrap_or_default();
                Ok(ids
                    .into_iter()
                    .map(|id| json!({ "subscriptionId": id }))
                    .collect())
            }
            "userDataStream.subscribe.signature" | "userDataStream.subscribe" => {
                let account = self.ws_account(now, id, params)?;
                self.subscribe_user(id, account)
            }
            "userDataStream.unsubscribe" => self.unsubscribe_user(id, params),
            _ => {
                let endpoint = ENDPOINTS
                    .iter()
                    .find(|e| !e.ws_method.is_empty() && e.ws_method == method);
                let Some(endpoint) = endpoint else {
                    let msg = format!("Unknown method '{method}'.");
                    return Err(ApiError::new(code::UNSUPPORTED_OPERATION, msg).into());
                };
                let answer = match endpoint.handler {
                    Handler::Public(handler) => handler(self, now, params),
                    Handler::Signed(handler) => {
                        let account = self.ws_account(now, id, params)?;
                        handler(self, now, account, params)
                    }
                };
                self.usage.note(now, endpoint, answer.is_ok());
                answer
            }
        }
    }

    /// Who asks: by signature, or by the session's log-on.
    fn ws_account(&mut self, now: Timestamp, id: ConnId, params: &Params) -> Result<AccountId, Refusal> {
        let session = self
            .ws_connection(id)
            .and_then(|connection| connection.session.clone());
        match (params.get("signature"), session) {
            (Some(signature), _) => {
                let key = self.key_of(params.get("apiKey"))?;
                auth::admit(key, &params.to_ws_payload(), signature, now, params)
            }
            (None, Some((api_key, _))) => {
                auth::check_time(now, params)?;
                self.key_of(Some(&api_key)).map(|key| key.account)
            }
            (None, None) => Err(ApiError::mandatory("signature").into()),
        }
    }

    fn log_on(&mut self, now: Timestamp, id: ConnId, params: &Params) -> Answer {
        let key = self.key_of(params.get("apiKey"))?;
        if !key.verifying_key.may_log_on() {
            let msg = "Only Ed25519 keys may log a session on.";
            return Err(ApiError::new(code::UNSUPPORTED_OPERATION, msg).into());
        }
        let signature = params
            .get("signature")
            .ok_or_else(|| ApiError::mandatory("signature"))?;
        auth::admit(key, &params.to_ws_payload(), signature, now, params)?;
        let api_key = key.api_key.clone();
        if let Some(connection) = self.ws_connection(id) {
            connection.session = Some((api_key, now));
        }
        Ok(self.session_status(now, id))
    }

    fn session_status(&mut self, now: Timestamp, id: ConnId) -> Value {
        let session = self
            .ws_connection(id)
            .and_then(|connection| connection.session.clone());
        let (api_key, since) = session.unzip();
        json!({
            "apiKey": api_key,
            "authorizedSince": since.map(Timestamp::as_millis),
            "connectedSince": now.as_millis(),
            "returnRateLimits": true,
            "serverTime": now.as_millis(),
            "userDataStream": self.ws_connection(id).is_some_and(|connection| !connection.subscriptions.is_empty()),
        })
    }

    fn subscribe_user(&mut self, id: ConnId, account: AccountId) -> Answer {
        let gone = || Refusal::from(ApiError::new(code::UNKNOWN, text::REJECTED_MBX_KEY));
        let connection = self.ws_connection(id).ok_or_else(gone)?;
        if connection.subscriptions.values().any(|known| *known == account) {
            let msg = "User Data Stream subscription already active.";
            return Err(ApiError::new(code::SUBSCRIPTION_ACTIVE, msg).into());
        }
        let subscription = connection.next_subscription;
        connection.next_subscription += 1;
        connection.subscriptions.insert(subscription, account);
        Ok(json!({ "subscriptionId": subscription }))
    }

    fn unsubscribe_user(&mut self, id: ConnId, params: &Params) -> Answer {
        let which = params
            .get("subscriptionId")
            .and_then(|text| text.parse::<u64>().ok());
        let Some(connection) = self.ws_connection(id) else {
            return Ok(json!({}));
        };
        let ended: Vec<u64> = connection
            .subscriptions
            .keys()
            .copied()
            .filter(|known| which.is_none_or(|id| id == *known))
            .collect();
        if ended.is_empty() {
            let msg = "User Data Stream subscription not active.";
            return Err(ApiError::new(code::SUBSCRIPTION_INACTIVE, msg).into());
        }
        for subscription in ended {
            connection.subscriptions.remove(&subscription);
        }
        Ok(json!({}))
    }

    /// Sends an event to every subscription of the account.
    pub(super) fn publish_user_event(&mut self, account: AccountId, event: &str) {
        for (id, connection) in &self.connections {
            let ConnectionKind::WsApi(connection) = &connection.kind else {
                continue;
            };
            for (subscription, _) in connection
                .subscriptions
                .iter()
                .filter(|(_, owner)| **owner == account)
            {
                let frame = format!(r#"{{"subscriptionId":{subscription},"event":{event}}}"#);
                self.out.push_back((*id, Outgoing::Text(frame)));
            }
        }
    }
}

fn failure(id: Option<Value>, refusal: &Refusal) -> Value {
    json!({
        "id": id,
        "status": refusal.status,
        "error": { "code": refusal.error.code, "msg": refusal.error.msg },
    })
}
