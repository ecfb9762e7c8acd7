//! From what is written of limits to what is meant by it.

use std::collections::BTreeMap;
use std::time::Duration;

use keel_domain::{Asset, Money, Stage, Symbol};

use crate::ConfigError;
use crate::layers;
use crate::meaning::{LastInchSettings, LossBudget, Risk, SymbolRisk};
use crate::raw::{Number, RawLoss, RawRisk};
use crate::reader::Reader;

impl Reader<'_> {
    pub(crate) fn risk(&self, raw: &RawRisk, symbols: &[Symbol]) -> Result<Risk, ConfigError> {
        let stage: Stage = raw.stage.parse().map_err(|_| {
            let problem = format!("`{}` is no stage", raw.stage);
            self.error("risk.stage", problem, "write shadow, tiny or normal")
        })?;
        let mut per_symbol = BTreeMap::new();
        for (name, limits) in &raw.per_symbol {
            let path = |key: &str| format!("risk.per_symbol.{name}.{key}");
            let table = format!("risk.per_symbol.{name}");
            let symbol = symbols
                .iter()
                .find(|symbol| symbol.as_str() == name)
                .ok_or_else(|| {
                    let remedy = layers::suggestion(name, symbols.iter().map(Symbol::as_str));
                    let problem = format!("{name} is not in trading.symbols");
                    self.error(
                        &table,
                        problem,
                        format!("{remedy} Otherwise add it there, or remove its limits"),
                    )
                })?;
            let limits = SymbolRisk {
                order_qty_max: self.above_zero(&path("order_qty_max"), &limits.order_qty_max)?,
                order_notional_max: self.within_stage(
                    &path("order_notional_max"),
                    &limits.order_notional_max,
                    (stage, stage.order_notional_max()),
                )?,
                position_max: self.above_zero(&path("position_max"), &limits.position_max)?,
            };
            per_symbol.insert(*symbol, limits);
        }
        let age = self.whole_above_zero("risk.book_age_ms_max", raw.book_age_ms_max)?;
        Ok(Risk {
            gross_exposure_max: self.within_stage(
                "risk.gross_exposure_max",
                &raw.gross_exposure_max,
                (stage, stage.gross_exposure_max()),
            )?,
            stage,
            orders_per_10s_max: self.orders_per_10s(raw.orders_per_10s_max)?,
            collar_through_bps: self.whole_above_zero("risk.collar_through_bps", raw.collar_through_bps)?,
            collar_away_bps: self.whole_above_zero("risk.collar_away_bps", raw.collar_away_bps)?,
            book_age_max: Duration::from_millis(age.into()),
            rejections_per_60s_max: self
                .whole_above_zero("risk.rejections_per_60s_max", raw.rejections_per_60s_max)?,
            entry_fills_per_60s_max: self
                .whole_above_zero("risk.entry_fills_per_60s_max", raw.entry_fills_per_60s_max)?,
            last_inch: LastInchSettings {
                orders_per_60s_max: self.whole_above_zero(
                    "risk.last_inch.orders_per_60s_max",
                    raw.last_inch.orders_per_60s_max,
                )?,
                notional_per_60s_max: self.above_zero(
                    "risk.last_inch.notional_per_60s_max",
                    &raw.last_inch.notional_per_60s_max,
                )?,
            },
            loss: self.loss(&raw.loss, symbols)?,
            per_symbol,
        })
    }

    /// An amount above zero, and at most what the stage permits.
    fn within_stage(
        &self,
        key: &str,
        value: &Number,
        (stage, max): (Stage, Option<Money>),
    ) -> Result<Money, ConfigError> {
        let value: Money = self.above_zero(key, value)?;
        match max {
            Some(max) if value > max => Err(self.error(
                key,
                format!("{value} is more than stage {stage} permits: {max}"),
                "lower it, or go on to the next stage once this one has proved the system",
            )),
            _ => Ok(value),
        }
    }

    fn loss(&self, raw: &RawLoss, symbols: &[Symbol]) -> Result<LossBudget, ConfigError> {
        let key = |name: &str| format!("risk.loss.{name}");
        let currency: Asset = raw.currency.parse().map_err(|_| {
            let problem = format!("`{}` is no asset", raw.currency);
            self.error(&key("currency"), problem, "write it as USDT")
        })?;
        if let Some(other) = symbols.iter().find(|s| !s.as_str().ends_with(currency.as_str())) {
            return Err(self.error(
                &key("currency"),
                format!("{other} is not quoted in {currency}"),
                "losses are added up in one currency: run pairs of another one as an instance of their own",
            ));
        }
        if jiff::tz::TimeZone::get(&raw.zone).is_err() {
            let problem = format!("`{}` is no time zone of this machine", raw.zone);
            return Err(self.error(
                &key("zone"),
                problem,
                "write UTC, or a name such as Europe/Berlin",
            ));
        }
        if jiff::civil::Time::strptime("%H:%M", &raw.day_starts).is_err() {
            let problem = format!("`{}` is no time of day", raw.day_starts);
            return Err(self.error(&key("day_starts"), problem, "write it as 00:00 or 17:00"));
        }
        Ok(LossBudget {
            currency,
            day_max: self.above_zero(&key("day_max"), &raw.day_max)?,
            drawdown_max: self.above_zero(&key("drawdown_max"), &raw.drawdown_max)?,
            losing_exits_max: self.whole_above_zero(&key("losing_exits_max"), raw.losing_exits_max)?,
            zone: raw.zone.clone(),
            day_starts: raw.day_starts.clone(),
        })
    }

    fn orders_per_10s(&self, most: u32) -> Result<u32, ConfigError> {
        // Entries, exits and stops have at least one each.
        if most < 3 {
            let problem = format!("{most} cannot be shared between entries, exits and stops");
            let remedy = "write at least 3; 50, half of what Binance takes, is the model's";
            return Err(self.error("risk.orders_per_10s_max", problem, remedy));
        }
        Ok(most)
    }
}
