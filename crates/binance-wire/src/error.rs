//! The venue's error codes and texts (errors.md). Clients classify by text, so the texts are part of the contract.

use serde::{Deserialize, Serialize};

/// An error as the venue tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code} {msg}")]
pub struct ApiError {
    /// The code.
    pub code: i32,
    /// The text.
    pub msg: String,
}

impl ApiError {
    /// An error of a code and a text.
    #[must_use]
    pub fn new(code: i32, msg: impl Into<String>) -> Self {
        Self {
            code,
            msg: msg.into(),
        }
    }

    /// A mandatory parameter is not there, is empty, or cannot be read.
    #[must_use]
    pub fn mandatory(name: &str) -> Self {
        Self::new(
            code::MANDATORY_PARAM_EMPTY_OR_MALFORMED,
            format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed."),
        )
    }

    /// A parameter has characters that it may not have.
    #[must_use]
    pub fn illegal_chars(name: &str, pattern: &str) -> Self {
        let msg = format!("Illegal characters found in parameter '{name}'; legal range is '{pattern}'.");
        Self::new(code::ILLEGAL_CHARS, msg)
    }

    /// A parameter was sent that the request does not take.
    #[must_use]
    pub fn not_required(name: &str) -> Self {
        Self::new(
            code::PARAM_NOT_REQUIRED,
            format!("Parameter '{name}' sent when not required."),
        )
    }

    /// More places than the asset has.
    #[must_use]
    pub fn too_much_precision(name: &str) -> Self {
        Self::new(
            code::BAD_PRECISION,
            format!("Parameter '{name}' has too much precision."),
        )
    }
}

/// Codes that the system uses.
pub mod code {
    /// Internal error; its cause is unknown.
    pub const UNKNOWN: i32 = -1000;
    /// Internal error while the request was under way.
    pub const DISCONNECTED: i32 = -1001;
    /// Too many requests.
    pub const TOO_MANY_REQUESTS: i32 = -1003;
    /// Unexpected answer inside the venue: outcome unknown.
    pub const UNEXPECTED_RESP: i32 = -1006;
    /// Time-out inside the venue: outcome unknown.
    pub const TIMEOUT: i32 = -1007;
    /// A filter or other message check failed.
    pub const INVALID_MESSAGE: i32 = -1013;
    /// Too many orders.
    pub const TOO_MANY_ORDERS: i32 = -1015;
    /// The operation is not supported.
    pub const UNSUPPORTED_OPERATION: i32 = -1020;
    /// Outside the receive window.
    pub const INVALID_TIMESTAMP: i32 = -1021;
    /// Wrong signature.
    pub const INVALID_SIGNATURE: i32 = -1022;
    /// Illegal characters.
    pub const ILLEGAL_CHARS: i32 = -1100;
    /// Too many, or duplicate, parameters.
    pub const TOO_MANY_PARAMETERS: i32 = -1101;
    /// A parameter is missing.
    pub const MANDATORY_PARAM_EMPTY_OR_MALFORMED: i32 = -1102;
    /// A parameter was sent that is not required.
    pub const PARAM_NOT_REQUIRED: i32 = -1106;
    /// Too many places.
    pub const BAD_PRECISION: i32 = -1111;
    /// Wrong time in force.
    pub const INVALID_TIF: i32 = -1115;
    /// Wrong order type.
    pub const INVALID_ORDER_TYPE: i32 = -1116;
    /// Wrong side.
    pub const INVALID_SIDE: i32 = -1117;
    /// Wrong interval.
    pub const BAD_INTERVAL: i32 = -1120;
    /// Wrong symbol.
    pub const BAD_SYMBOL: i32 = -1121;
    /// Request's JSON is wrong.
    pub const INVALID_JSON: i32 = -1135;
    /// The matching engine refused a new order.
    pub const NEW_ORDER_REJECTED: i32 = -2010;
    /// The matching engine refused a cancel.
    pub const CANCEL_REJECTED: i32 = -2011;
    /// The order does not exist.
    pub const NO_SUCH_ORDER: i32 = -2013;
    /// The key has a wrong form.
    pub const BAD_API_KEY_FMT: i32 = -2014;
    /// The key, its address or its rights are wrong.
    pub const REJECTED_MBX_KEY: i32 = -2015;
    /// A subscription is active already.
    pub const SUBSCRIPTION_ACTIVE: i32 = -2035;
    /// No subscription is active.
    pub const SUBSCRIPTION_INACTIVE: i32 = -2036;
    /// Client order id and order id do not belong together.
    pub const CLIENT_ORDER_ID_MISMATCH: i32 = -2039;
}

/// Texts that clients know.
pub mod text {
    /// With -1121.
    pub const BAD_SYMBOL: &str = "Invalid symbol.";
    /// With -2013.
    pub const NO_SUCH_ORDER: &str = "Order does not exist.";
    /// With -2011.
    pub const UNKNOWN_ORDER: &str = "Unknown order sent.";
    /// With -2010.
    pub const INSUFFICIENT_BALANCE: &str = "Account has insufficient balance for requested action.";
    /// With -2010.
    pub const WOULD_MATCH: &str = "Order would immediately match and take.";
    /// With -2010.
    pub const DUPLICATE_ORDER: &str = "Duplicate order sent.";
    /// With -1013.
    pub const MARKET_CLOSED: &str = "Market is closed.";
    /// With -1021.
    pub const OUTSIDE_RECV_WINDOW: &str = "Timestamp for this request is outside of the recvWindow.";
    /// With -1021.
    pub const AHEAD_OF_SERVER: &str = "Timestamp for this request was 1000ms ahead of the server's time.";
    /// With -1022.
    pub const INVALID_SIGNATURE: &str = "Signature for this request is not valid.";
    /// With -2014.
    pub const BAD_API_KEY_FMT: &str = "API-key format invalid.";
    /// With -2015.
    pub const REJECTED_MBX_KEY: &str = "Invalid API-key, IP, or permissions for action.";
}
