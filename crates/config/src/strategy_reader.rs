//! The strategies: one in `[strategy]`, or several in `[strategies.NAME]`.

use std::collections::BTreeMap;

use keel_domain::{StrategyId, Symbol};

use crate::ConfigError;
use crate::meaning::{Quoter, StrategyChoice, StrategyConfig, Trend};
use crate::raw::{RawConfig, RawQuoter, RawStrategy, RawTrend};
use crate::reader::Reader;

/// The most strategies on one pair: each needs a stop at the venue, which takes five on a pair, and one may be on its way.
const PER_SYMBOL_MAX: usize = 4;

impl Reader<'_> {
    pub(crate) fn strategies(
        &self,
        raw: &RawConfig,
        symbols: &[Symbol],
    ) -> Result<Vec<StrategyConfig>, ConfigError> {
        let found = match (&raw.strategy, raw.strategies.is_empty()) {
            (Some(one), true) => vec![self.strategy("strategy", &one.name, one, symbols)?],
            (None, false) => {
                let several = raw.strategies.iter();
                let read = |(name, raw): (&String, &RawStrategy)| {
                    self.strategy(&format!("strategies.{name}"), name, raw, symbols)
                };
                several.map(read).collect::<Result<_, _>>()?
            }
            (Some(_), false) => {
                return Err(self.error(
                    "strategies",
                    "both [strategy] and [strategies] are there",
                    "keep [strategy] for one strategy, or give each a [strategies.NAME]",
                ));
            }
            (None, true) => {
                return Err(self.error(
                    "strategy",
                    "no strategy is there",
                    "add [strategy]; config/paper.toml shows it explained",
                ));
            }
        };
        let mut on_symbol: BTreeMap<Symbol, usize> = BTreeMap::new();
        for symbol in found.iter().flat_map(|strategy| &strategy.symbols) {
            *on_symbol.entry(*symbol).or_default() += 1;
        }
        let crowded = on_symbol.iter().find(|(_, count)| **count > PER_SYMBOL_MAX);
        if let Some((symbol, count)) = crowded {
            return Err(self.error(
                "strategies",
                format!("{count} strategies trade {symbol}, and the venue takes five stops on a pair"),
                format!("let at most {PER_SYMBOL_MAX} trade a pair: name the pairs of each in its `symbols`"),
            ));
        }
        Ok(found)
    }

    fn strategy(
        &self,
        path: &str,
        id: &str,
        raw: &RawStrategy,
        symbols: &[Symbol],
    ) -> Result<StrategyConfig, ConfigError> {
        let name = raw.name.as_str();
        let id: StrategyId = id.parse().map_err(|error| {
            let problem = format!("`{id}` cannot be a part of an order's id: {error}");
            self.error(path, problem, "name it by 1 to 8 of a-z and 0-9")
        })?;
        let missing = || {
            self.error(
                &format!("{path}.name"),
                format!("{name} is chosen, and [{path}.{name}] is missing"),
                format!("add [{path}.{name}]; config/paper.toml shows it as [strategy.{name}]"),
            )
        };
        let settings = format!("{path}.{name}");
        let choice = match name {
            "quoter" => self.quoter(&settings, raw.quoter.as_ref().ok_or_else(missing)?)?,
            "trend" => self.trend(&settings, raw.trend.as_ref().ok_or_else(missing)?)?,
            other => {
                return Err(self.error(
                    &format!("{path}.name"),
                    format!("`{other}` is no strategy"),
                    "write quoter or trend",
                ));
            }
        };
        let symbols = self.strategy_symbols(path, raw, symbols)?;
        Ok(StrategyConfig {
            id,
            symbols,
            choice,
            table: settings,
        })
    }

    /// All of the system's pairs where none is named.
    fn strategy_symbols(
        &self,
        path: &str,
        raw: &RawStrategy,
        symbols: &[Symbol],
    ) -> Result<Vec<Symbol>, ConfigError> {
        let Some(named) = &raw.symbols else {
            return Ok(symbols.to_vec());
        };
        let key = format!("{path}.symbols");
        if named.is_empty() {
            let remedy = "name its pairs, or leave the key out: then it trades all";
            return Err(self.error(&key, "is empty", remedy));
        }
        let known = |text: &String| {
            let symbol = symbols.iter().find(|symbol| symbol.as_str() == text);
            symbol.copied().ok_or_else(|| {
                let problem = format!("`{text}` is not in trading.symbols");
                self.error(&key, problem, "add it there, with its limits in risk.per_symbol")
            })
        };
        let found: Vec<Symbol> = named.iter().map(known).collect::<Result<_, _>>()?;
        let is_twice = |symbol: &Symbol| found.iter().filter(|other| *other == symbol).count() > 1;
        match found.iter().find(|symbol| is_twice(symbol)) {
            Some(symbol) => Err(self.error(&key, format!("{symbol} stands twice"), "name each pair once")),
            None => Ok(found),
        }
    }

    fn quoter(&self, path: &str, raw: &RawQuoter) -> Result<StrategyChoice, ConfigError> {
        let key = |name: &str| format!("{path}.{name}");
        Ok(StrategyChoice::Quoter(Quoter {
            order_qty: self.above_zero(&key("order_qty"), &raw.order_qty)?,
            position_target: self.number(&key("position_target"), &raw.position_target)?,
            position_max: self.above_zero(&key("position_max"), &raw.position_max)?,
            quote_offset_ticks: raw.quote_offset_ticks,
            requote_ticks: self.whole_above_zero(&key("requote_ticks"), raw.requote_ticks)?,
            skew_ticks_max: raw.skew_ticks_max,
        }))
    }

    fn trend(&self, path: &str, raw: &RawTrend) -> Result<StrategyChoice, ConfigError> {
        let key = |name: &str| format!("{path}.{name}");
        Ok(StrategyChoice::Trend(Trend {
            bar_ms: self.whole_above_zero(&key("bar_ms"), raw.bar_ms)?,
            fast_bars: self.whole_above_zero(&key("fast_bars"), raw.fast_bars)?,
            slow_bars: self.whole_above_zero(&key("slow_bars"), raw.slow_bars)?,
            order_qty: self.above_zero(&key("order_qty"), &raw.order_qty)?,
            stop_loss_pct: self.above_zero(&key("stop_loss_pct"), &raw.stop_loss_pct)?,
            take_profit_pct: self.above_zero(&key("take_profit_pct"), &raw.take_profit_pct)?,
            max_trades_per_day: self.whole_above_zero(&key("max_trades_per_day"), raw.max_trades_per_day)?,
        }))
    }
}
