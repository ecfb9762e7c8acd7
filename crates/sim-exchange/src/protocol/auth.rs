//! Keys, signatures and clocks.

use keel_binance_wire::error::{ApiError, code, text};
use keel_binance_wire::params::Params;
use keel_domain::{Price, Timestamp};

use super::endpoint::Refusal;
use super::key::{Caller, Need};
use super::{AccountKey, Protocol};

/// How far a client's clock may be ahead.
const AHEAD_MAX_NANOS: i64 = 1_000_000_000;
const RECV_WINDOW_DEFAULT_NANOS: i64 = 5_000_000_000;
const RECV_WINDOW_MAX_NANOS: i64 = 60_000_000_000;

impl Protocol {
    /// The key a request names.
    pub(super) fn key_of(&self, api_key: Option<&str>) -> Result<&AccountKey, Refusal> {
        let Some(api_key) = api_key.filter(|key| !key.is_empty()) else {
            return Err(unauthorized(code::BAD_API_KEY_FMT, text::BAD_API_KEY_FMT));
        };
        self.keys
            .get(api_key)
            .ok_or_else(|| unauthorized(code::REJECTED_MBX_KEY, text::REJECTED_MBX_KEY))
    }
}

fn unauthorized(code: i32, text: &str) -> Refusal {
    Refusal::new(401, ApiError::new(code, text))
}

/// Admits a request to its key's account: the signature is the key's, the time is right, and the key is for it.
pub(super) fn admit(
    key: &AccountKey,
    need: Need,
    (payload, signature): (&str, &str),
    now: Timestamp,
    params: &Params,
) -> Result<Caller, Refusal> {
    if !key.verifying_key.verify(payload, signature) {
        return Err(ApiError::new(code::INVALID_SIGNATURE, text::INVALID_SIGNATURE).into());
    }
    check_time(now, params)?;
    key.caller(need)
}

impl AccountKey {
    /// The key's owner, where the key is for what is asked.
    pub(super) fn caller(&self, need: Need) -> Result<Caller, Refusal> {
        if !self.permissions.allows(need) {
            return Err(unauthorized(code::REJECTED_MBX_KEY, text::REJECTED_MBX_KEY));
        }
        Ok(Caller {
            account: self.account,
            permissions: self.permissions,
            created_at: self.created_at,
        })
    }
}

/// The venue's timing rule: not more than 1 s ahead, not older than the receive window.
pub(super) fn check_time(now: Timestamp, params: &Params) -> Result<(), ApiError> {
    let timestamp = params.get("timestamp").and_then(|text| text.parse::<i64>().ok());
    let timestamp = timestamp.ok_or_else(|| ApiError::mandatory("timestamp"))?;
    // Milliseconds have 13 digits until the year 2286, microseconds 16.
    let nanos = if timestamp > 99_999_999_999_999 {
        1_000
    } else {
        1_000_000
    };
    let sent_at = timestamp.saturating_mul(nanos);
    let recv_window = match params.get("recvWindow") {
        // A number of milliseconds with up to three places: read as a fixed-point number, then scaled.
        Some(text) => {
            text.parse::<Price>()
                .map_err(|_| ApiError::mandatory("recvWindow"))?
                .units()
                / 100
        }
        None => RECV_WINDOW_DEFAULT_NANOS,
    };
    if recv_window > RECV_WINDOW_MAX_NANOS {
        return Err(ApiError::new(-1131, "recvWindow must be less than 60000"));
    }
    // The venue's clock is read in the unit of the timestamp.
    let server_time = now.as_nanos().div_euclid(nanos).saturating_mul(nanos);
    if sent_at.saturating_sub(server_time) >= AHEAD_MAX_NANOS {
        return Err(ApiError::new(code::INVALID_TIMESTAMP, text::AHEAD_OF_SERVER));
    }
    if server_time.saturating_sub(sent_at) > recv_window {
        return Err(ApiError::new(code::INVALID_TIMESTAMP, text::OUTSIDE_RECV_WINDOW));
    }
    Ok(())
}
