//! What an exchange is made of.

use keel_domain::{
    Asset, Instrument, InstrumentStatus, LotSize, Money, NotionalRange, OrderLimits, PercentPriceBySide,
    Price, PriceBand, PriceFilter, Qty, Symbol, TrailingDelta,
};

use super::{CommissionRates, Scenario};

/// A pair and where its price starts.
#[derive(Debug, Clone)]
pub struct Market {
    /// The pair and its rules.
    pub instrument: Instrument,
    /// Where the generated market starts.
    pub start_price: Price,
}

/// An account that a client uses.
#[derive(Debug, Clone, Default)]
pub struct AccountConfig {
    /// For people.
    pub name: String,
    /// What it starts with.
    pub funds: Vec<(Asset, Money)>,
    /// What it pays on trades; the exchange's rates without it.
    pub commission: Option<CommissionRates>,
    /// Accounts of one group do not trade with each other where an order asks for that.
    pub trade_group: Option<u64>,
}

/// What the exchange is made of.
#[derive(Debug, Clone)]
pub struct ExchangeConfig {
    /// All randomness comes from it.
    pub seed: u64,
    /// How the market moves.
    pub scenario: Scenario,
    /// The pairs.
    pub markets: Vec<Market>,
    /// Whether background participants make a market.
    pub has_background: bool,
    /// The accounts, in the order of their ids.
    pub accounts: Vec<AccountConfig>,
    /// Fraction of what a resting order receives.
    pub maker_rate: Money,
    /// Fraction of what a taking order receives.
    pub taker_rate: Money,
}

/// An exchange that cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Nothing to trade.
    #[error("the exchange has no market")]
    NoMarket,
    /// A pair that cannot start.
    #[error("{0}: the start price must be a positive multiple of the tick, with a tick above zero")]
    BadStart(Symbol),
}

impl ExchangeConfig {
    /// BTCUSDT and ETHUSDT with filters like the venue's, no accounts, a calm market, 0.1 % commission.
    #[must_use]
    pub fn with_default_markets(seed: u64) -> Self {
        Self {
            seed,
            scenario: Scenario::Calm,
            markets: default_markets(),
            has_background: true,
            accounts: Vec::new(),
            maker_rate: Money::new(1, 3),
            taker_rate: Money::new(1, 3),
        }
    }
}

/// The venue's own for its large pairs.
fn default_limits() -> OrderLimits {
    let band = PriceBand {
        up: Money::from(5),
        down: Money::new(2, 1),
    };
    OrderLimits {
        percent_price_by_side: Some(PercentPriceBySide {
            bid: band,
            ask: band,
            avg_price_mins: 5,
        }),
        iceberg_parts: Some(100),
        trailing_delta: Some(TrailingDelta {
            above_min: 10,
            above_max: 2_000,
            below_min: 10,
            below_max: 2_000,
        }),
        max_num_orders: Some(200),
        max_num_algo_orders: Some(5),
        max_num_order_amends: Some(10),
        max_num_order_lists: Some(20),
        ..OrderLimits::default()
    }
}

fn default_markets() -> Vec<Market> {
    let market = |base: &str, step_units: i64, start: &str| -> Option<Market> {
        let qty = |units| Qty::from_units(units).ok();
        let instrument = Instrument {
            symbol: Symbol::new(&format!("{base}USDT")).ok()?,
            base: Asset::new(base).ok()?,
            quote: Asset::new("USDT").ok()?,
            status: InstrumentStatus::Trading,
            price_filter: PriceFilter {
                min: "0.01".parse().ok()?,
                max: "1000000".parse().ok()?,
                tick_size: "0.01".parse().ok()?,
            },
            lot_size: LotSize {
                min: qty(step_units)?,
                max: "9000".parse().ok()?,
                step: qty(step_units)?,
            },
            market_lot_size: LotSize {
                min: Qty::ZERO,
                max: "120".parse().ok()?,
                step: Qty::ZERO,
            },
            notional: NotionalRange {
                min: Money::from(5),
                max: Some(Money::from(9_000_000)),
                apply_min_to_market: true,
                apply_max_to_market: false,
                avg_price_mins: 5,
            },
            limits: default_limits(),
        };
        Some(Market {
            instrument,
            start_price: start.parse().ok()?,
        })
    };
    [market("BTC", 1_000, "65000"), market("ETH", 10_000, "3500")]
        .into_iter()
        .flatten()
        .collect()
}
