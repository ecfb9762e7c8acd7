//! REST: one request in, one answer out.

use std::net::IpAddr;

use keel_binance_wire::error::{ApiError, code};
use keel_binance_wire::params::{Params, ParamsError, signed_payload};
use keel_domain::Timestamp;
use serde_json::json;

use super::endpoint::{Answer, Endpoint, Handler, Refusal, Weight, endpoints};
use super::key::{Caller, Need};
use super::time_unit::TimeUnit;
use super::{Protocol, over_limit};
use crate::core::AccountId;

/// The HTTP methods the venue knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// GET.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// DELETE.
    Delete,
}

/// A request as received.
#[derive(Debug, Clone)]
pub struct HttpRequest {
    /// Where it came from: weights count by address.
    pub peer: IpAddr,
    /// The method.
    pub method: Method,
    /// The path.
    pub path: String,
    /// The query, as its bytes came.
    pub raw_query: String,
    /// The body, as its bytes came.
    pub raw_body: String,
    /// `X-MBX-APIKEY`.
    pub api_key: Option<String>,
    /// `X-MBX-TIME-UNIT`.
    pub time_unit: Option<String>,
}

/// An answer to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// The status.
    pub status: u16,
    /// Headers besides the content type, which is always JSON.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

impl Protocol {
    /// Answers one request.
    pub fn http(&mut self, now: Timestamp, request: &HttpRequest) -> HttpResponse {
        self.exchange.advance(now);
        self.publish();
        let by_path = || endpoints().filter(|endpoint| endpoint.path == request.path);
        let Some(endpoint) = by_path().find(|endpoint| endpoint.method == request.method) else {
            let status = if by_path().next().is_some() { 405 } else { 404 };
            return HttpResponse {
                status,
                headers: self.weight_header(now, request.peer),
                body: String::new(),
            };
        };
        let unit = TimeUnit::parse(request.time_unit.as_deref());
        let (account, answer) = match (read_params(request), &unit) {
            (Ok(params), Ok(_)) => self.weigh(now, endpoint, request.peer, &params, |protocol| {
                protocol.answer(now, endpoint, request, &params)
            }),
            (Err(refusal), _) => (None, self.usage.admit(now, request.peer, 1).and(Err(refusal))),
            (_, Err(error)) => (
                None,
                self.usage
                    .admit(now, request.peer, 1)
                    .and(Err(error.clone().into())),
            ),
        };
        let mut headers = self.weight_header(now, request.peer);
        if let (Some(account), true) = (account, endpoint.orders > 0 && answer.is_ok()) {
            let [ten_seconds, day] = self.usage.order_counts(now, account);
            headers.push(("x-mbx-order-count-10s", ten_seconds.to_string()));
            headers.push(("x-mbx-order-count-1d", day.to_string()));
        }
        match answer {
            Ok(mut body) => {
                unit.unwrap_or_default().convert(&mut body);
                HttpResponse {
                    status: 200,
                    headers,
                    body: body.to_string(),
                }
            }
            Err(refusal) => {
                if let Some(retry_at) = refusal.retry_at {
                    let wait = retry_at.since(now);
                    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                    headers.push(("retry-after", seconds.to_string()));
                }
                HttpResponse {
                    status: refusal.status,
                    headers,
                    body: error_body(&refusal).to_string(),
                }
            }
        }
    }

    fn weight_header(&mut self, now: Timestamp, peer: IpAddr) -> Vec<(&'static str, String)> {
        let weight = self.usage.weight(now, peer).to_string();
        // Not documented: some clients read the name without an interval, and fail where it is missing.
        vec![
            ("x-mbx-used-weight", weight.clone()),
            ("x-mbx-used-weight-1m", weight),
        ]
    }

    /// Runs a request within the limits: charges its weight, counts its orders, and publishes what it did.
    pub(super) fn weigh(
        &mut self,
        now: Timestamp,
        endpoint: &Endpoint,
        peer: IpAddr,
        params: &Params,
        run: impl FnOnce(&mut Self) -> (Option<AccountId>, Answer),
    ) -> (Option<AccountId>, Answer) {
        let weight = endpoint.weight.of(params);
        if let Err(refusal) = self.usage.admit(now, peer, weight) {
            return (None, Err(refusal));
        }
        let (account, answer) = run(self);
        if answer.is_ok() && matches!(endpoint.weight, Weight::OnFailure(_)) {
            self.usage.refund(now, peer, weight);
        }
        if let (Some(account), true) = (account, over_limit::counts(&answer)) {
            self.usage.count_orders(now, account, endpoint.orders);
        }
        self.publish();
        (account, answer)
    }

    /// Lets an endpoint's handler answer somebody who has been admitted, within the account's order count.
    pub(super) fn handle(
        &mut self,
        now: Timestamp,
        endpoint: &Endpoint,
        caller: Caller,
        params: &Params,
    ) -> Answer {
        let account = caller.account;
        if endpoint.orders > 0 {
            let checked = self.usage.check_orders(now, account, endpoint.orders);
            if let Err(too_many) = checked {
                return if endpoint.ws_method == "order.cancelReplace" {
                    over_limit::cancel_only(self, now, account, params, too_many)
                } else {
                    Err(too_many)
                };
            }
        }
        match endpoint.handler {
            Handler::Public(handler) => handler(self, now, params),
            Handler::Signed(handler) => handler(self, now, account, params),
            Handler::OfKey(handler) => handler(&caller),
        }
    }

    fn answer(
        &mut self,
        now: Timestamp,
        endpoint: &Endpoint,
        request: &HttpRequest,
        params: &Params,
    ) -> (Option<AccountId>, Answer) {
        let clock = self.clock(now);
        if let Handler::Public(handler) = endpoint.handler {
            return (None, handler(self, clock, params));
        }
        match self.caller_of(clock, endpoint.need, request, params) {
            Ok(caller) => (Some(caller.account), self.handle(now, endpoint, caller, params)),
            Err(refusal) => (None, Err(refusal)),
        }
    }

    fn caller_of(
        &self,
        now: Timestamp,
        need: Need,
        request: &HttpRequest,
        params: &Params,
    ) -> Result<Caller, Refusal> {
        let key = self.key_of(request.api_key.as_deref())?;
        let (payload, signature) = signed_payload(&request.raw_query, &request.raw_body);
        let signature = signature.ok_or_else(|| ApiError::mandatory("signature"))?;
        super::auth::admit(key, need, (&payload, &signature), now, params)
    }
}

/// The body of a refusal.
pub(super) fn error_body(refusal: &Refusal) -> serde_json::Value {
    let mut body = json!({ "code": refusal.error.code, "msg": refusal.error.msg });
    if let (Some(data), Some(body)) = (&refusal.data, body.as_object_mut()) {
        body.insert("data".to_owned(), data.clone());
    }
    body
}

fn read_params(request: &HttpRequest) -> Result<Params, Refusal> {
    let mut params = Params::parse(&request.raw_query).map_err(unreadable)?;
    // JSON bodies are not parameters; clients that send none still name that content type.
    if !request.raw_body.trim_start().starts_with('{') {
        params.merge(Params::parse(&request.raw_body).map_err(unreadable)?);
    }
    Ok(params)
}

fn unreadable(error: ParamsError) -> Refusal {
    match error {
        ParamsError::NotText => {
            ApiError::new(code::ILLEGAL_CHARS, "Illegal characters found in a parameter.").into()
        }
        ParamsError::Duplicate => ApiError::new(
            code::TOO_MANY_PARAMETERS,
            "Duplicate values for a parameter detected.",
        )
        .into(),
    }
}
