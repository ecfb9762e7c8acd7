//! When a trading day begins: at an hour of the day in a zone.

use jiff::SignedDuration;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use keel_domain::Timestamp;
use serde::{Deserialize, Serialize};

/// When days begin.
#[derive(Debug, Clone, PartialEq)]
pub struct DayRule {
    zone: TimeZone,
    starts_at: Time,
}

/// One day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TradingDay {
    /// Counts days since 1970-01-01.
    pub number: i32,
    /// Its first moment.
    pub began_at: Timestamp,
}

/// A zone or an hour that there is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DayRuleError {
    /// Not in the machine's time zone database.
    #[error("`{0}` is no time zone of this machine: write UTC, or a name such as Europe/Berlin")]
    Zone(String),
    /// Not a time of day.
    #[error("`{0}` is no time of day: write it as 00:00 or 17:00")]
    Time(String),
}

impl DayRule {
    /// Days that begin at a time such as `17:00` in a zone such as `UTC` or `America/New_York`.
    ///
    /// # Errors
    /// [`DayRuleError`]
    pub fn new(zone: &str, starts_at: &str) -> Result<Self, DayRuleError> {
        let starts = Time::strptime("%H:%M", starts_at);
        Ok(Self {
            zone: TimeZone::get(zone).map_err(|_| DayRuleError::Zone(zone.to_owned()))?,
            starts_at: starts.map_err(|_| DayRuleError::Time(starts_at.to_owned()))?,
        })
    }

    /// The day of a moment; none beyond the years that have days.
    #[must_use]
    pub fn day_of(&self, now: Timestamp) -> Option<TradingDay> {
        let now = jiff::Timestamp::from_duration(SignedDuration::from_nanos(now.as_nanos())).ok()?;
        let local = self.zone.to_datetime(now);
        let mut date = local.date();
        if local.time() < self.starts_at {
            date = date.yesterday().ok()?;
        }
        // A time that daylight saving leaves out is taken an hour later, one that comes twice the first time.
        let began = date
            .to_datetime(self.starts_at)
            .to_zoned(self.zone.clone())
            .ok()?;
        let since_epoch = date.since((jiff::Unit::Day, EPOCH)).ok()?;
        let began_at = i64::try_from(began.timestamp().as_nanosecond()).ok()?;
        Some(TradingDay {
            number: since_epoch.get_days(),
            began_at: Timestamp::from_nanos(began_at),
        })
    }
}

const EPOCH: jiff::civil::Date = jiff::civil::date(1970, 1, 1);
