//! The limits an operator sets. There is no default and no way to switch one off.

use std::collections::BTreeMap;
use std::time::Duration;

use keel_domain::{Money, Qty, Stage, Symbol};
use serde::Serialize;

/// A limit that cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// A limit of zero or less forbids everything; to forbid, leave the symbol out.
    #[error("risk limit {name} is {value}: it must be above zero")]
    NotPositive {
        /// Which limit.
        name: String,
        /// What was given.
        value: String,
    },
    /// A limit is too low to be shared out.
    #[error("risk limit {name} is {value}: it must be at least {least}")]
    TooLow {
        /// Which limit.
        name: String,
        /// What was given.
        value: u32,
        /// The least it can be.
        least: u32,
    },
    /// A limit is above what the stage permits.
    #[error(
        "risk limit {name} is {value}: stage {stage} permits at most {max}; lower it, or go on to the next stage"
    )]
    AboveStage {
        /// Which limit.
        name: String,
        /// What was given.
        value: Money,
        /// The stage.
        stage: Stage,
        /// The most it permits.
        max: Money,
    },
    /// No symbol is allowed.
    #[error(
        "no symbol has risk limits: add [risk.per_symbol.SYMBOL] with order_qty_max, order_notional_max and position_max"
    )]
    NoSymbol,
}

/// The limits of one symbol. Being listed puts the symbol on the allow-list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SymbolLimits {
    /// The most base one order may have.
    pub order_qty_max: Qty,
    /// The most quote one order may be worth.
    pub order_notional_max: Money,
    /// The most base that may be held, counting all that may still trade.
    pub position_max: Qty,
}

/// All limits, as an operator means them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RiskLimits {
    /// How far the system has come: what it permits is above every limit here.
    pub stage: Stage,
    /// Limits of each allowed symbol.
    pub per_symbol: BTreeMap<Symbol, SymbolLimits>,
    /// The most that may be held and still be bought over all symbols, in quote.
    pub gross_exposure_max: Money,
    /// The most orders in any ten seconds: entries, exits and stops together, which have fixed shares of it.
    pub orders_per_10s_max: u32,
    /// How far through the market a limit price may be, in hundredths of a percent.
    pub collar_through_bps: u32,
    /// How far away from the market a limit price may be, in hundredths of a percent.
    pub collar_away_bps: u32,
    /// The oldest book that gives a price.
    pub book_age_max: Duration,
    /// How often the venue may refuse orders on a symbol for the same reason in 60 seconds; then entries are blocked.
    pub rejections_per_60s_max: u32,
    /// How many entries on a symbol may trade in 60 seconds; then entries are blocked.
    pub entry_fills_per_60s_max: u32,
}

impl RiskLimits {
    /// One order of each kind.
    pub const ORDERS_PER_10S_LEAST: u32 = 3;

    /// Checks that every limit can be meant.
    pub(crate) fn validate(&self) -> Result<(), LimitError> {
        if self.per_symbol.is_empty() {
            return Err(LimitError::NoSymbol);
        }
        let positive = |name: String, is_positive: bool, value: String| {
            if is_positive {
                Ok(())
            } else {
                Err(LimitError::NotPositive { name, value })
            }
        };
        for (symbol, limits) in &self.per_symbol {
            let SymbolLimits {
                order_qty_max: qty,
                order_notional_max: value,
                position_max: position,
            } = limits;
            positive(format!("{symbol}.order_qty_max"), !qty.is_zero(), qty.to_string())?;
            positive(
                format!("{symbol}.order_notional_max"),
                *value > Money::ZERO,
                value.to_string(),
            )?;
            positive(
                format!("{symbol}.position_max"),
                !position.is_zero(),
                position.to_string(),
            )?;
        }
        let whole = [
            ("orders_per_10s_max", self.orders_per_10s_max),
            ("collar_through_bps", self.collar_through_bps),
            ("collar_away_bps", self.collar_away_bps),
            ("rejections_per_60s_max", self.rejections_per_60s_max),
            ("entry_fills_per_60s_max", self.entry_fills_per_60s_max),
        ];
        for (name, value) in whole {
            positive(name.to_owned(), value > 0, value.to_string())?;
        }
        if self.orders_per_10s_max < Self::ORDERS_PER_10S_LEAST {
            return Err(LimitError::TooLow {
                name: "orders_per_10s_max".to_owned(),
                value: self.orders_per_10s_max,
                least: Self::ORDERS_PER_10S_LEAST,
            });
        }
        positive(
            "gross_exposure_max".to_owned(),
            self.gross_exposure_max > Money::ZERO,
            self.gross_exposure_max.to_string(),
        )?;
        positive(
            "book_age_max".to_owned(),
            !self.book_age_max.is_zero(),
            format!("{:?}", self.book_age_max),
        )?;
        self.validate_stage()
    }

    fn validate_stage(&self) -> Result<(), LimitError> {
        let within = |name: String, value: Money, max: Option<Money>| match max {
            Some(max) if value > max => Err(LimitError::AboveStage {
                name,
                value,
                stage: self.stage,
                max,
            }),
            _ => Ok(()),
        };
        for (symbol, limits) in &self.per_symbol {
            let name = format!("{symbol}.order_notional_max");
            within(name, limits.order_notional_max, self.stage.order_notional_max())?;
        }
        let name = "gross_exposure_max".to_owned();
        within(name, self.gross_exposure_max, self.stage.gross_exposure_max())
    }
}
