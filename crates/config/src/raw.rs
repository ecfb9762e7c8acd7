//! Settings as typed: names and shapes, no meaning yet.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

/// A decimal number, written as a string or as a whole number. A floating-point number loses digits before anybody can
/// look at it, so it is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Number(pub(crate) String);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal number as a string, such as \"0.01\", or a whole number")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Number, E> {
                Ok(Number(text.to_owned()))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Number, E> {
                Ok(Number(number.to_string()))
            }
        }

        deserializer.deserialize_any(Text)
    }
}

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawConfig {
    pub(crate) mode: String,
    pub(crate) instance: RawInstance,
    pub(crate) venue: RawVenue,
    pub(crate) credentials: RawCredentials,
    pub(crate) trading: RawTrading,
    pub(crate) strategy: Option<RawStrategy>,
    #[serde(default)]
    pub(crate) strategies: BTreeMap<String, RawStrategy>,
    pub(crate) risk: RawRisk,
    pub(crate) protection: RawProtection,
    pub(crate) market_data: RawMarketData,
    pub(crate) state: RawState,
    pub(crate) guard: RawGuard,
    pub(crate) monitoring: RawMonitoring,
    pub(crate) log: RawLog,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawInstance {
    pub(crate) tag: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawVenue {
    pub(crate) rest_url: String,
    pub(crate) stream_url: String,
    pub(crate) ws_api_url: String,
    pub(crate) recv_window_ms: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawCredentials {
    pub(crate) kind: String,
    pub(crate) api_key_file: Option<String>,
    pub(crate) api_secret_file: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawTrading {
    pub(crate) symbols: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawStrategy {
    pub(crate) name: String,
    pub(crate) symbols: Option<Vec<String>>,
    pub(crate) quoter: Option<RawQuoter>,
    pub(crate) trend: Option<RawTrend>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawQuoter {
    pub(crate) order_qty: Number,
    pub(crate) position_target: Number,
    pub(crate) position_max: Number,
    pub(crate) quote_offset_ticks: u32,
    pub(crate) requote_ticks: u32,
    pub(crate) skew_ticks_max: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawTrend {
    pub(crate) bar_ms: u32,
    pub(crate) fast_bars: u32,
    pub(crate) slow_bars: u32,
    pub(crate) order_qty: Number,
    pub(crate) stop_loss_pct: Number,
    pub(crate) take_profit_pct: Number,
    pub(crate) max_trades_per_day: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawRisk {
    pub(crate) stage: String,
    pub(crate) gross_exposure_max: Number,
    pub(crate) orders_per_10s_max: u32,
    pub(crate) collar_through_bps: u32,
    pub(crate) collar_away_bps: u32,
    pub(crate) book_age_ms_max: u32,
    pub(crate) rejections_per_60s_max: u32,
    pub(crate) entry_fills_per_60s_max: u32,
    pub(crate) last_inch: RawLastInch,
    pub(crate) loss: RawLoss,
    pub(crate) per_symbol: BTreeMap<String, RawSymbolRisk>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawLastInch {
    pub(crate) orders_per_60s_max: u32,
    pub(crate) notional_per_60s_max: Number,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawLoss {
    pub(crate) currency: String,
    pub(crate) day_max: Number,
    pub(crate) drawdown_max: Number,
    pub(crate) losing_exits_max: u32,
    pub(crate) zone: String,
    pub(crate) day_starts: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawSymbolRisk {
    pub(crate) order_qty_max: Number,
    pub(crate) order_notional_max: Number,
    pub(crate) position_max: Number,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawProtection {
    pub(crate) mode: String,
    pub(crate) stop_distance_bps: u32,
    pub(crate) unprotected_ms_max: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawMarketData {
    pub(crate) price_jump_bps_max: u32,
    pub(crate) book_ticker: bool,
    pub(crate) kline_interval: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawState {
    pub(crate) dir: String,
    pub(crate) snapshot_records: Option<u32>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawGuard {
    pub(crate) silence_ms_max: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawMonitoring {
    pub(crate) listen: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawLog {
    pub(crate) level: String,
}
