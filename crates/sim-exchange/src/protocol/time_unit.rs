//! Milliseconds or microseconds: the client's choice.

use std::borrow::Cow;

use keel_binance_wire::error::ApiError;
use keel_domain::Timestamp;
use serde_json::Value;

/// The unit of times in what a client is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum TimeUnit {
    #[default]
    Milli,
    Micro,
}

/// Names under which answers and user events tell times. All hold milliseconds where they are made.
const TIMES: &[&str] = &[
    "serverTime",
    "time",
    "updateTime",
    "transactTime",
    "transactionTime",
    "workingTime",
    "trailingTime",
    "openTime",
    "closeTime",
    "timestamp",
    "authorizedSince",
    "connectedSince",
    "E",
    "T",
    "O",
    "W",
    "D",
];

impl TimeUnit {
    /// As a header or a URL names it.
    pub(super) fn parse(text: Option<&str>) -> Result<Self, ApiError> {
        match text {
            None | Some("MILLISECOND" | "millisecond") => Ok(Self::Milli),
            Some("MICROSECOND" | "microsecond") => Ok(Self::Micro),
            Some(_) => Err(ApiError::new(
                -1194,
                "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.",
            )),
        }
    }

    /// A time in this unit.
    pub(super) fn of(self, time: Timestamp) -> i64 {
        match self {
            Self::Milli => time.as_millis(),
            Self::Micro => time.as_micros(),
        }
    }

    /// A time in milliseconds, in this unit.
    pub(super) fn of_millis(self, millis: i64) -> i64 {
        match self {
            Self::Milli => millis,
            Self::Micro => millis.saturating_mul(1_000),
        }
    }

    /// The last moment of a millisecond, in this unit: where a kline ends.
    pub(super) fn last_of(self, millis: i64) -> i64 {
        self.of_millis(millis.saturating_add(1)).saturating_sub(1)
    }

    /// Brings the times of an answer, told in milliseconds, to this unit.
    pub(super) fn convert(self, value: &mut Value) {
        if self == Self::Milli {
            return;
        }
        match value {
            Value::Array(items) => {
                // A kline is a row without names: its times are the first and the seventh.
                if let [Value::Number(_), .., Value::String(_)] = items.as_slice() {
                    items.first_mut().into_iter().for_each(|time| self.scale(time));
                    if let Some(time) = items.get_mut(6)
                        && let Some(millis) = time.as_i64()
                    {
                        *time = self.last_of(millis).into();
                    }
                }
                items.iter_mut().for_each(|item| self.convert(item));
            }
            Value::Object(fields) => {
                for (name, field) in fields {
                    if TIMES.contains(&name.as_str()) && field.is_i64() {
                        self.scale(field);
                    } else {
                        self.convert(field);
                    }
                }
            }
            _ => {}
        }
    }

    /// The same for a user event as text.
    pub(super) fn convert_event(self, event: &str) -> Cow<'_, str> {
        match (self, serde_json::from_str::<Value>(event)) {
            (Self::Micro, Ok(mut value)) => {
                self.convert(&mut value);
                // The time of an account's last update; in other events the name means something else.
                if let Some(updated) = value.get_mut("u").filter(|updated| updated.is_i64()) {
                    self.scale(updated);
                }
                value.to_string().into()
            }
            _ => event.into(),
        }
    }

    fn scale(self, value: &mut Value) {
        if let Some(millis) = value.as_i64() {
            *value = self.of_millis(millis).into();
        }
    }
}
