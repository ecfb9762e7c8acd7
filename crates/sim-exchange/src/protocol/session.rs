//! Sessions of the WS API: log-on, and who hears of which account.

use keel_binance_wire::error::{ApiError, code, text};
use keel_binance_wire::params::Params;
use keel_domain::Timestamp;
use serde_json::{Value, json};

use super::endpoint::{Answer, Refusal};
use super::key::{Caller, Need};
use super::ws_api::{Subscription, WsApiConnection};
use super::{ConnId, ConnectionKind, Outgoing, Protocol, auth};
use crate::core::AccountId;

/// Subscriptions that a session may have at a time.
const ACTIVE_MAX: usize = 1_000;
/// Subscriptions that a session may have in its life.
const LIFETIME_MAX: u64 = 65_535;

impl Protocol {
    pub(super) fn ws_connection(&mut self, id: ConnId) -> Option<&mut WsApiConnection> {
        match self
            .connections
            .get_mut(&id)
            .map(|connection| &mut connection.kind)
        {
            Some(ConnectionKind::WsApi(connection)) => Some(connection),
            _ => None,
        }
    }

    /// Answers the methods that are about the session itself; none for others.
    pub(super) fn session_method(
        &mut self,
        now: Timestamp,
        id: ConnId,
        method: &str,
        params: &Params,
    ) -> Option<Answer> {
        Some(match method {
            "session.logon" => self.log_on(now, id, params),
            "session.status" => Ok(self.session_status(now, id)),
            "session.logout" => {
                self.end_subscriptions(now, id, |_, subscription| subscription.is_by_session);
                if let Some(connection) = self.ws_connection(id) {
                    connection.session = None;
                }
                Ok(self.session_status(now, id))
            }
            "session.subscriptions" => {
                let connection = self.ws_connection(id).into_iter();
                let ids = connection.flat_map(|connection| connection.subscriptions.keys());
                Ok(ids.map(|id| json!({ "subscriptionId": id })).collect())
            }
            "userDataStream.subscribe.signature" => self
                .signer(now, Need::Reading, params)
                .and_then(|caller| self.subscribe_user(id, caller.account, false)),
            "userDataStream.subscribe" => self
                .session_caller(id, Need::Reading)
                .and_then(|caller| self.subscribe_user(id, caller.account, true)),
            "userDataStream.unsubscribe" => self.unsubscribe_user(now, id, params),
            _ => return None,
        })
    }

    /// Who asks: by signature, or by the session's log-on.
    pub(super) fn ws_caller(
        &mut self,
        now: Timestamp,
        id: ConnId,
        need: Need,
        params: &Params,
    ) -> Result<Caller, Refusal> {
        let has_session = self
            .ws_connection(id)
            .is_some_and(|connection| connection.session.is_some());
        if params.get("signature").is_some() || params.get("apiKey").is_some() || !has_session {
            return self.signer(now, need, params);
        }
        auth::check_time(now, params)?;
        self.session_caller(id, need)
    }

    fn signer(&self, now: Timestamp, need: Need, params: &Params) -> Result<Caller, Refusal> {
        let key = params.get("apiKey").filter(|key| !key.is_empty());
        let key = self.key_of(Some(key.ok_or_else(|| ApiError::mandatory("apiKey"))?))?;
        let signature = params
            .get("signature")
            .ok_or_else(|| ApiError::mandatory("signature"))?;
        auth::admit(key, need, (&params.to_ws_payload(), signature), now, params)
    }

    fn session_caller(&mut self, id: ConnId, need: Need) -> Result<Caller, Refusal> {
        let session = self
            .ws_connection(id)
            .and_then(|connection| connection.session.clone());
        let (api_key, _) = session.ok_or_else(|| {
            Refusal::new(401, ApiError::new(code::REJECTED_MBX_KEY, text::REJECTED_MBX_KEY))
        })?;
        self.key_of(Some(&api_key)).and_then(|key| key.caller(need))
    }

    fn log_on(&mut self, now: Timestamp, id: ConnId, params: &Params) -> Answer {
        let key = params
            .get("apiKey")
            .ok_or_else(|| ApiError::mandatory("apiKey"))?;
        let key = self.key_of(Some(key))?;
        if !key.verifying_key.may_log_on() {
            let msg = "Only Ed25519 keys may log a session on.";
            return Err(ApiError::new(code::UNSUPPORTED_OPERATION, msg).into());
        }
        let signature = params
            .get("signature")
            .ok_or_else(|| ApiError::mandatory("signature"))?;
        auth::admit(
            key,
            Need::Nothing,
            (&params.to_ws_payload(), signature),
            now,
            params,
        )?;
        let api_key = key.api_key.clone();
        if let Some(connection) = self.ws_connection(id) {
            connection.session = Some((api_key, now));
        }
        Ok(self.session_status(now, id))
    }

    fn session_status(&mut self, now: Timestamp, id: ConnId) -> Value {
        let opened_at = self
            .connections
            .get(&id)
            .map_or(now, |connection| connection.opened_at);
        let Some(connection) = self.ws_connection(id) else {
            return Value::Null;
        };
        let (api_key, since) = connection.session.clone().unzip();
        json!({
            "apiKey": api_key,
            "authorizedSince": since.map(Timestamp::as_millis),
            "connectedSince": opened_at.as_millis(),
            "returnRateLimits": connection.returns_rate_limits,
            "serverTime": now.as_millis(),
            "userDataStream": !connection.subscriptions.is_empty(),
        })
    }

    fn subscribe_user(&mut self, id: ConnId, account: AccountId, is_by_session: bool) -> Answer {
        let gone = || Refusal::from(ApiError::new(code::UNKNOWN, "The connection is gone."));
        let connection = self.ws_connection(id).ok_or_else(gone)?;
        let is_known = connection
            .subscriptions
            .values()
            .any(|known| known.account == account);
        if is_known {
            let msg = "User Data Stream subscription already active.";
            return Err(ApiError::new(code::SUBSCRIPTION_ACTIVE, msg).into());
        }
        let number = connection.next_subscription;
        if number >= LIFETIME_MAX || connection.subscriptions.len() >= ACTIVE_MAX {
            let msg = "Maximum subscription ID reached for this connection.";
            return Err(ApiError::new(-2042, msg).into());
        }
        connection.next_subscription += 1;
        let subscription = Subscription {
            account,
            is_by_session,
        };
        connection.subscriptions.insert(number, subscription);
        self.user_subscriptions.insert((account, id, number));
        Ok(json!({ "subscriptionId": number }))
    }

    fn unsubscribe_user(&mut self, now: Timestamp, id: ConnId, params: &Params) -> Answer {
        let which = super::market::whole(params, "subscriptionId")?;
        let has_ended = self.end_subscriptions(now, id, |number, _| which.is_none_or(|id| id == number));
        if has_ended {
            return Ok(json!({}));
        }
        let msg = "User Data Stream subscription not active.";
        Err(ApiError::new(code::SUBSCRIPTION_INACTIVE, msg).into())
    }

    /// Ends subscriptions of a connection, each with its last event. Whether there was one.
    pub(super) fn end_subscriptions(
        &mut self,
        now: Timestamp,
        id: ConnId,
        ends: impl Fn(u64, &Subscription) -> bool,
    ) -> bool {
        let unit = self
            .connections
            .get(&id)
            .map(|connection| connection.unit)
            .unwrap_or_default();
        let Some(connection) = self.ws_connection(id) else {
            return false;
        };
        let ended: Vec<(u64, AccountId)> = connection
            .subscriptions
            .iter()
            .filter(|(number, subscription)| ends(**number, subscription))
            .map(|(number, subscription)| (*number, subscription.account))
            .collect();
        for (number, _) in &ended {
            connection.subscriptions.remove(number);
        }
        for (number, account) in &ended {
            self.user_subscriptions.remove(&(*account, id, *number));
            let event = format!(r#"{{"e":"eventStreamTerminated","E":{}}}"#, unit.of(now));
            let frame = format!(r#"{{"subscriptionId":{number},"event":{event}}}"#);
            self.out.push_back((id, Outgoing::Text(frame.into())));
        }
        !ended.is_empty()
    }

    /// Sends an event to every subscription of the account.
    pub(super) fn publish_user_event(&mut self, account: AccountId, event: &str) {
        let first = (account, ConnId(0), 0);
        let heard = self
            .user_subscriptions
            .range(first..)
            .take_while(|(owner, ..)| *owner == account);
        for (_, id, number) in heard {
            let unit = self
                .connections
                .get(id)
                .map(|connection| connection.unit)
                .unwrap_or_default();
            let event = unit.convert_event(event);
            let frame = format!(r#"{{"subscriptionId":{number},"event":{event}}}"#);
            self.out.push_back((*id, Outgoing::Text(frame.into())));
        }
    }
}
