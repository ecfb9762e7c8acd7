//! From settings as typed to settings as meant, each checked.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use keel_domain::Symbol;

use crate::layers::{Places, Setting};
use crate::meaning::{Config, CredentialsConfig, MarketData, Mode, Protection, Trading, Venue};
use crate::raw::{Number, RawConfig, RawMarketData, RawProtection};
use crate::{ConfigError, KeyKind, hosts};

/// Knows where each setting was written, so that what is wrong with one can be told with its place.
pub(crate) struct Reader<'a> {
    pub(crate) places: &'a Places,
}

impl Reader<'_> {
    pub(crate) fn error(&self, key: &str, problem: impl ToString, remedy: impl ToString) -> ConfigError {
        let (problem, remedy) = (problem.to_string(), remedy.to_string());
        ConfigError {
            place: self.places.of(key),
            key: key.to_owned(),
            problem,
            remedy,
        }
    }

    pub(crate) fn config(&self, raw: &RawConfig, settings: Vec<Setting>) -> Result<Config, ConfigError> {
        let mode = match raw.mode.as_str() {
            "paper" => Mode::Paper,
            "testnet" => Mode::Testnet,
            "live" => Mode::Live,
            other => {
                return Err(self.error(
                    "mode",
                    format!("`{other}` is no mode"),
                    "write paper, testnet or live",
                ));
            }
        };
        let symbols = self.symbols(raw)?;
        let listen = &raw.monitoring.listen;
        let monitoring_listen: SocketAddr = listen.parse().map_err(|_| {
            self.error(
                "monitoring.listen",
                format!("`{listen}` is no address"),
                "write it as 127.0.0.1:9464",
            )
        })?;
        if !monitoring_listen.ip().is_loopback() {
            let problem = format!("{listen} can be reached from other machines");
            return Err(self.error(
                "monitoring.listen",
                problem,
                "listen on 127.0.0.1 and put a proxy in front",
            ));
        }
        let levels = ["error", "warn", "info", "debug", "trace"];
        if !levels.contains(&raw.log.level.as_str()) {
            let problem = format!("`{}` is no level", raw.log.level);
            return Err(self.error(
                "log.level",
                problem,
                format!("write one of {}", levels.join(", ")),
            ));
        }
        Ok(Config {
            mode,
            instance_tag: self.tag(&raw.instance.tag)?,
            venue: self.venue(mode, raw)?,
            credentials: self.credentials(raw)?,
            strategies: self.strategies(raw, &symbols)?,
            risk: self.risk(&raw.risk, &symbols)?,
            protection: self.protection(&raw.protection)?,
            trading: Trading { symbols },
            market_data: self.market_data(&raw.market_data)?,
            state_dir: PathBuf::from(&raw.state.dir),
            snapshot_records: raw
                .state
                .snapshot_records
                .map(|records| self.whole_above_zero("state.snapshot_records", records))
                .transpose()?
                .map(u64::from),
            guard_silence_max: self.silence(raw.guard.silence_ms_max)?,
            monitoring_listen,
            log_level: raw.log.level.clone(),
            settings,
        })
    }

    fn market_data(&self, raw: &RawMarketData) -> Result<MarketData, ConfigError> {
        // The venue's kline intervals (web-socket-streams.md).
        let intervals = [
            "1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M",
        ];
        let interval = raw.kline_interval.as_str();
        if interval != "none" && !intervals.contains(&interval) {
            let problem = format!("`{interval}` is no length of the venue's bars");
            let remedy = format!("write none, or one of {}", intervals.join(", "));
            return Err(self.error("market_data.kline_interval", problem, remedy));
        }
        Ok(MarketData {
            price_jump_bps_max: self
                .whole_above_zero("market_data.price_jump_bps_max", raw.price_jump_bps_max)?,
            book_ticker: raw.book_ticker,
            kline_interval: (interval != "none").then(|| interval.to_owned()),
        })
    }

    fn silence(&self, ms: u32) -> Result<Duration, ConfigError> {
        // Ten heartbeats: fewer may be late on a busy machine.
        if ms < 1_000 {
            let problem = format!("{ms} ms is less than a busy machine may take for a turn");
            let remedy = "write at least 1000; 10000 is the model's";
            return Err(self.error("guard.silence_ms_max", problem, remedy));
        }
        Ok(Duration::from_millis(ms.into()))
    }

    fn tag(&self, tag: &str) -> Result<String, ConfigError> {
        let is_allowed = tag
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if (1..=4).contains(&tag.len()) && is_allowed {
            return Ok(tag.to_owned());
        }
        Err(self.error(
            "instance.tag",
            format!("`{tag}` is no tag"),
            "write 1 to 4 characters of a-z and 0-9",
        ))
    }

    fn venue(&self, mode: Mode, raw: &RawConfig) -> Result<Venue, ConfigError> {
        let urls = [
            ("venue.rest_url", &raw.venue.rest_url),
            ("venue.stream_url", &raw.venue.stream_url),
            ("venue.ws_api_url", &raw.venue.ws_api_url),
        ];
        for (key, url) in urls {
            hosts::check(mode, url).map_err(|problem| self.error(key, problem, hosts::allowed(mode)))?;
        }
        let window = raw.venue.recv_window_ms;
        if !(1..=60_000).contains(&window) {
            return Err(self.error(
                "venue.recv_window_ms",
                format!("{window} is out of range"),
                "write 1 to 60000",
            ));
        }
        let base = |url: &str| url.trim_end_matches('/').to_owned();
        Ok(Venue {
            rest_url: base(&raw.venue.rest_url),
            stream_url: base(&raw.venue.stream_url),
            ws_api_url: base(&raw.venue.ws_api_url),
            recv_window: Duration::from_millis(window.into()),
        })
    }

    fn credentials(&self, raw: &RawConfig) -> Result<CredentialsConfig, ConfigError> {
        let kind = match raw.credentials.kind.as_str() {
            "hmac" => KeyKind::Hmac,
            "ed25519" => KeyKind::Ed25519,
            other => {
                let problem = format!("`{other}` is no kind of key");
                return Err(self.error("credentials.kind", problem, "write hmac or ed25519"));
            }
        };
        let file = |path: &Option<String>| path.as_ref().map(PathBuf::from);
        Ok(CredentialsConfig {
            kind,
            api_key_file: file(&raw.credentials.api_key_file),
            api_secret_file: file(&raw.credentials.api_secret_file),
        })
    }

    fn symbols(&self, raw: &RawConfig) -> Result<Vec<Symbol>, ConfigError> {
        let key = "trading.symbols";
        let mut symbols = Vec::new();
        for name in &raw.trading.symbols {
            let symbol = Symbol::new(name)
                .map_err(|error| self.error(key, format!("`{name}`: {error}"), "write it as BTCUSDT"))?;
            if symbols.contains(&symbol) {
                return Err(self.error(key, format!("{symbol} stands twice"), "name each pair once"));
            }
            if !raw.risk.per_symbol.contains_key(name) {
                let remedy = format!(
                    "add [risk.per_symbol.{symbol}] with order_qty_max, order_notional_max and position_max"
                );
                return Err(self.error(key, format!("{symbol} has no limits"), remedy));
            }
            symbols.push(symbol);
        }
        if symbols.is_empty() {
            return Err(self.error(key, "is empty", "name at least one pair"));
        }
        Ok(symbols)
    }

    pub(crate) fn number<T: FromStr<Err = E>, E: fmt::Display>(
        &self,
        key: &str,
        number: &Number,
    ) -> Result<T, ConfigError> {
        let Number(text) = number;
        text.parse()
            .map_err(|error| self.error(key, format!("`{text}`: {error}"), "write it as \"0.01\""))
    }

    pub(crate) fn above_zero<T: FromStr<Err = E> + Default + PartialOrd, E: fmt::Display>(
        &self,
        key: &str,
        number: &Number,
    ) -> Result<T, ConfigError> {
        let value: T = self.number(key, number)?;
        if value > T::default() {
            return Ok(value);
        }
        Err(self.error(
            key,
            format!("is {}: it must be above zero", number.0),
            "a limit cannot be switched off; to forbid a pair, leave it out",
        ))
    }

    pub(crate) fn whole_above_zero(&self, key: &str, value: u32) -> Result<u32, ConfigError> {
        if value > 0 {
            return Ok(value);
        }
        Err(self.error(
            key,
            "is 0: it must be above zero",
            "a limit cannot be switched off",
        ))
    }

    fn protection(&self, raw: &RawProtection) -> Result<Option<Protection>, ConfigError> {
        let distance = self.whole_above_zero("protection.stop_distance_bps", raw.stop_distance_bps)?;
        if distance >= 10_000 {
            return Err(self.error(
                "protection.stop_distance_bps",
                format!("a stop {distance} hundredths of a percent below the entry is at or below zero"),
                "write less than 10000; 100 is one percent",
            ));
        }
        let unprotected = self.whole_above_zero("protection.unprotected_ms_max", raw.unprotected_ms_max)?;
        match raw.mode.as_str() {
            "venue" => Ok(Some(Protection {
                stop_distance_bps: distance,
                unprotected_max: Duration::from_millis(unprotected.into()),
            })),
            "none" => Ok(None),
            other => Err(self.error(
                "protection.mode",
                format!("`{other}` is no way to protect a position"),
                "write venue or none",
            )),
        }
    }
}
