//! Requests by REST alone, signed by the venue's time, for programs that must not depend on a session.

use std::fmt;
use std::time::Duration;

use keel_binance_wire::error::{ApiError, code};
use keel_binance_wire::params::Params;
use keel_binance_wire::rest::ServerTime;
use keel_domain::Timestamp;
use serde::de::DeserializeOwned;

use crate::driver::{exchange, http_client, to_builder};
use crate::session::{HttpFailure, HttpMethod, HttpRequest, HttpResult, VenueClock, WeightCounter};
use crate::signed::SignedRequests;
use crate::{Credentials, CredentialsError, DriverError};

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum RestClientError {
    /// The key cannot be used.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The HTTP client cannot be made.
    #[error(transparent)]
    Driver(#[from] DriverError),
}

/// Why a request came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestError {
    /// No answer: it may or may not have been done. Ask again.
    NoAnswer(HttpFailure),
    /// The venue wants no request for so long (429, 418). Nothing was done.
    RateLimited {
        /// 429 or 418.
        status: u16,
        /// How long, by its `Retry-After`, or as long as its shortest ban.
        wait: Duration,
    },
    /// The venue refused. Nothing was done.
    Refused(ApiError),
    /// An answer that leaves open what was done. Ask again.
    Unclear {
        /// Its HTTP status.
        status: u16,
    },
}

impl RequestError {
    /// Whether the venue will refuse as long as key, pair and configuration stay as they are.
    #[must_use]
    pub const fn is_lasting(&self) -> bool {
        let Self::Refused(error) = self else {
            return false;
        };
        matches!(
            error.code,
            code::REJECTED_MBX_KEY | code::BAD_API_KEY_FMT | code::INVALID_SIGNATURE | code::BAD_SYMBOL
        )
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer(HttpFailure::NotSent) => f.write_str("no connection"),
            Self::NoAnswer(HttpFailure::Lost) => f.write_str("no answer"),
            Self::RateLimited { status, wait } => {
                write!(f, "HTTP {status}: no request for {} s", wait.as_secs())
            }
            Self::Refused(error) => write!(f, "refused: {error}"),
            Self::Unclear { status } => write!(f, "HTTP {status}: outcome unknown"),
        }
    }
}

/// A connection of its own. Keeps no limit by itself: the caller waits as it is told.
pub(crate) struct RestClient {
    rest_url: String,
    http: reqwest::Client,
    signed: SignedRequests,
    /// None until the venue has told its time, and after it refused ours.
    clock: Option<VenueClock>,
}

impl fmt::Debug for RestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestClient")
            .field("rest_url", &self.rest_url)
            .finish_non_exhaustive()
    }
}

impl RestClient {
    pub(crate) fn new(
        rest_url: &str,
        credentials: &Credentials,
        recv_window: Duration,
    ) -> Result<Self, RestClientError> {
        Ok(Self {
            rest_url: rest_url.to_owned(),
            http: http_client()?,
            signed: SignedRequests::new(credentials, recv_window)?,
            clock: None,
        })
    }

    /// Asks without a key.
    pub(crate) async fn public(&self, path: &'static str, params: &Params) -> Result<Vec<u8>, RequestError> {
        self.send(HttpMethod::Get, path, params, None).await
    }

    pub(crate) async fn signed(
        &mut self,
        method: HttpMethod,
        path: &'static str,
        now: &impl Fn() -> Timestamp,
        params: impl Fn(&SignedRequests, Timestamp) -> Params,
    ) -> Result<Vec<u8>, RequestError> {
        let clock = match self.clock.take() {
            Some(clock) => clock,
            None => self.ask_time(now).await?,
        };
        let params = params(&self.signed, clock.venue_time(now()));
        let key = self.signed.api_key().clone();
        let answer = self.send(method, path, &params, Some(key)).await;
        let is_refused_for_time =
            matches!(&answer, Err(RequestError::Refused(error)) if error.code == code::INVALID_TIMESTAMP);
        self.clock = (!is_refused_for_time).then_some(clock);
        answer
    }

    async fn ask_time(&self, now: &impl Fn() -> Timestamp) -> Result<VenueClock, RequestError> {
        let asked_at = now();
        let venue_time = self.venue_time().await?;
        let mut clock = VenueClock::new(asked_at);
        // One that is far off is used all the same: it is the venue's that counts.
        let _apart = clock.on_sample(now(), asked_at, venue_time);
        Ok(clock)
    }

    /// What the venue's clock shows.
    pub(crate) async fn venue_time(&self) -> Result<Timestamp, RequestError> {
        let body = self.public("/api/v3/time", &Params::new()).await?;
        let time: ServerTime = read(&body)?;
        Ok(Timestamp::from_millis(time.server_time))
    }

    async fn send(
        &self,
        method: HttpMethod,
        path: &'static str,
        params: &Params,
        api_key: Option<secrecy::SecretString>,
    ) -> Result<Vec<u8>, RequestError> {
        let request = HttpRequest {
            method,
            path,
            query: params.to_query(),
            api_key,
        };
        let result = exchange(to_builder(&self.http, &self.rest_url, &request)).await;
        classify(result.map_err(RequestError::NoAnswer)?)
    }
}

fn classify(result: HttpResult) -> Result<Vec<u8>, RequestError> {
    let HttpResult { status, body, .. } = result;
    let shortest = match status {
        200 => return Ok(body),
        429 => WeightCounter::BLOCKED_FOR,
        418 => WeightCounter::BANNED_FOR,
        500.. => return Err(RequestError::Unclear { status }),
        _ => {
            let error = serde_json::from_slice(&body).map_err(|_| RequestError::Unclear { status })?;
            return Err(RequestError::Refused(error));
        }
    };
    let wait = result.retry_after.map_or(shortest, Duration::from_secs);
    Err(RequestError::RateLimited { status, wait })
}

pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, RequestError> {
    serde_json::from_slice(body).map_err(|_| RequestError::Unclear { status: 200 })
}
