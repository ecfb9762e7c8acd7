//! REST: one request in, one answer out.

use keel_binance_wire::error::{ApiError, code};
use keel_binance_wire::params::{Params, ParamsError, signed_payload};
use keel_domain::Timestamp;

use super::Protocol;
use super::endpoint::{ENDPOINTS, Endpoint, Handler, Refusal};

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
        let by_path = || ENDPOINTS.iter().filter(|endpoint| endpoint.path == request.path);
        let Some(endpoint) = by_path().find(|endpoint| endpoint.method == request.method) else {
            let status = if by_path().next().is_some() { 405 } else { 404 };
            return HttpResponse {
                status,
                headers: Vec::new(),
                body: String::new(),
            };
        };
        let answer = self.answer(now, endpoint, request);
        self.publish();
        let succeeded = answer.is_ok();
        self.usage.note(now, endpoint, succeeded);
        let mut headers = vec![("x-mbx-used-weight-1m", self.usage.weight.to_string())];
        if endpoint.counts_as_order && succeeded {
            headers.push(("x-mbx-order-count-10s", self.usage.orders_10s.to_string()));
            headers.push(("x-mbx-order-count-1d", self.usage.orders_1d.to_string()));
        }
        match answer {
            Ok(body) => HttpResponse {
                status: 200,
                headers,
                body: body.to_string(),
            },
            Err(Refusal { status, error }) => {
                let body = serde_json::json!({ "code": error.code, "msg": error.msg }).to_string();
                HttpResponse {
                    status,
                    headers,
                    body,
                }
            }
        }
    }

    fn answer(
        &mut self,
        now: Timestamp,
        endpoint: &Endpoint,
        request: &HttpRequest,
    ) -> super::endpoint::Answer {
        let now = self.clock(now);
        let mut params = Params::parse(&request.raw_query).map_err(unreadable)?;
        // JSON bodies are not parameters; clients that send none still name that content type.
        if !request.raw_body.trim_start().starts_with('{') {
            params.merge(Params::parse(&request.raw_body).map_err(unreadable)?);
        }
        match endpoint.handler {
            Handler::Public(handler) => handler(self, now, &params),
            Handler::Signed(handler) => {
                let key = self.key_of(request.api_key.as_deref())?;
                let (payload, signature) = signed_payload(&request.raw_query, &request.raw_body);
                let signature = signature.ok_or_else(|| ApiError::mandatory("signature"))?;
                let account = super::auth::admit(key, &payload, &signature, now, &params)?;
                handler(self, now, account, &params)
            }
        }
    }
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

impl super::Usage {
    /// Counts a request: its weight, unless it was an order or a cancel that succeeded, and the order itself.
    pub(super) fn note(&mut self, now: Timestamp, endpoint: &Endpoint, succeeded: bool) {
        let seconds = now.as_millis().div_euclid(1_000);
        let windows = [
            (seconds.div_euclid(60), &mut self.minute, &mut self.weight),
            (
                seconds.div_euclid(10),
                &mut self.ten_seconds,
                &mut self.orders_10s,
            ),
            (now.utc_day(), &mut self.day, &mut self.orders_1d),
        ];
        for (window, known, count) in windows {
            if *known != window {
                *known = window;
                *count = 0;
            }
        }
        let is_free = succeeded && endpoint.weight == 1 && endpoint.path.contains("rder");
        if !is_free {
            self.weight = self.weight.saturating_add(endpoint.weight);
        }
        if endpoint.counts_as_order && succeeded {
            self.orders_10s = self.orders_10s.saturating_add(1);
            self.orders_1d = self.orders_1d.saturating_add(1);
        }
    }
}
