//! What travels between the session and the exchange, and when it arrives.

use std::collections::BTreeMap;
use std::sync::Arc;

use keel_binance::{HttpFailure, HttpMethod, HttpRequest, HttpResult, Input, Link, RequestId};
use keel_domain::Timestamp;
use keel_sim_exchange::protocol::{self, Delivery, Method, Served};
use secrecy::ExposeSecret;

/// One opening of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Opening {
    pub(crate) link: Link,
    pub(crate) generation: u64,
}

/// A request of one process: the next process counts anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) process: u64,
    pub(crate) id: RequestId,
}

/// Something on its way.
pub(crate) enum Parcel {
    /// To the exchange.
    Open(Opening, String),
    Text(Opening, String),
    Pong(Opening, Arc<str>),
    Close(Opening),
    Request(Asked, Box<HttpRequest>),
    /// To the session.
    Socket(Opening, Input),
    Answer(Asked, Result<HttpResult, HttpFailure>),
}

/// Everything on its way, in the order of arrival, first sent first.
#[derive(Default)]
pub(crate) struct Wires {
    parcels: BTreeMap<(Timestamp, u64), Parcel>,
    sent: u64,
}

impl Wires {
    pub(crate) fn send(&mut self, arrives_at: Timestamp, parcel: Parcel) {
        self.sent += 1;
        self.parcels.insert((arrives_at, self.sent), parcel);
    }

    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        self.parcels.keys().next().map(|(at, _)| *at)
    }

    pub(crate) fn arrived(&mut self, now: Timestamp) -> Option<Parcel> {
        let first = self.parcels.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }
}

/// Path and query of a WebSocket's address.
pub(crate) fn path_of(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/");
    path.split_once('?').unwrap_or((path, ""))
}

pub(crate) fn request(request: &HttpRequest) -> protocol::HttpRequest {
    protocol::HttpRequest {
        peer: std::net::Ipv4Addr::LOCALHOST.into(),
        method: match request.method {
            HttpMethod::Get => Method::Get,
            HttpMethod::Post => Method::Post,
            HttpMethod::Delete => Method::Delete,
        },
        path: request.path.to_owned(),
        raw_query: request.query.clone(),
        raw_body: String::new(),
        api_key: request.api_key.as_ref().map(|key| key.expose_secret().to_owned()),
        time_unit: None,
    }
}

/// What the client's HTTP library would make of an answer; none: it waits until it gives up.
pub(crate) fn result(served: Served) -> Option<Result<HttpResult, HttpFailure>> {
    match served.delivery {
        Delivery::Silence => None,
        Delivery::Cut | Delivery::Reset => Some(Err(HttpFailure::Lost)),
        Delivery::Whole => {
            let header = |name: &str| {
                let mut headers = served.response.headers.iter();
                headers.find(|(known, _)| known.eq_ignore_ascii_case(name))
            };
            Some(Ok(HttpResult {
                status: served.response.status,
                retry_after: header("retry-after").and_then(|(_, value)| value.parse().ok()),
                used_weight: header("x-mbx-used-weight-1m").and_then(|(_, value)| value.parse().ok()),
                body: served.response.body.into_bytes(),
            }))
        }
    }
}
