//! What an exchange is made of.

use keel_domain::{
    Asset, ExchangeLimits, Instrument, InstrumentStatus, LotSize, MaxAsset, Money, NotionalRange,
    OrderLimits, PercentPriceBySide, Price, PriceBand, PriceFilter, Qty, Symbol, TrailingDelta,
};

use super::{CommissionRates, PriceRules, Scenario};

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
    /// The most of an asset that one of its orders may be about.
    pub max_assets: Vec<MaxAsset>,
}

/// Pairs of one base whose quotes are worth the same, one to one: an order on one of them that uses smart order routing
/// takes from the books of all (faqs/sor_faq.md).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sor {
    /// What all of them trade.
    pub base: Asset,
    /// The pairs.
    pub symbols: Vec<Symbol>,
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
    /// Where orders are routed over several books; nowhere, when empty.
    pub sors: Vec<Sor>,
    /// What an account may have open over all pairs.
    pub limits: ExchangeLimits,
    /// What binds the prices at which pairs trade; nothing, when empty.
    pub price_rules: Vec<PriceRules>,
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
    /// A smart order routing over pairs that do not belong together.
    #[error(
        "smart order routing of {0} needs at least two pairs that the exchange has, all with that base, each once"
    )]
    BadSor(Asset),
    /// Rules of prices that cannot hold.
    #[error(
        "the price rules of {0} need that pair, once, multiples above zero, and 1 to 10000 buckets of 1 to 86400000 ms"
    )]
    BadPriceRules(Symbol),
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
            sors: Vec::new(),
            limits: ExchangeLimits::default(),
            price_rules: Vec::new(),
        }
    }

    /// Adds BTCUSDC, with BTCUSDT's filters and price, and routes orders over the two books. Without BTCUSDT: nothing.
    #[must_use]
    pub fn with_sor(mut self) -> Self {
        let model = self
            .markets
            .iter()
            .find(|m| m.instrument.symbol.as_str() == "BTCUSDT");
        let (Some(mut market), Ok(symbol), Ok(quote)) =
            (model.cloned(), Symbol::new("BTCUSDC"), Asset::new("USDC"))
        else {
            return self;
        };
        self.sors.push(Sor {
            base: market.instrument.base,
            symbols: vec![market.instrument.symbol, symbol],
        });
        market.instrument.symbol = symbol;
        market.instrument.quote = quote;
        self.markets.push(market);
        self
    }

    /// Whether the pairs of every smart order routing are there and belong together.
    pub(super) fn check_sors(&self) -> Result<(), ConfigError> {
        for sor in &self.sors {
            let named = |symbol: &Symbol| {
                let mut markets = self.markets.iter().map(|market| &market.instrument);
                markets.any(|i| i.symbol == *symbol && i.base == sor.base)
            };
            let distinct: std::collections::BTreeSet<_> = sor.symbols.iter().collect();
            let belongs = sor.symbols.iter().all(named);
            if distinct.len() < 2 || distinct.len() < sor.symbols.len() || !belongs {
                return Err(ConfigError::BadSor(sor.base));
            }
        }
        Ok(())
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
            limits: Box::new(default_limits()),
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
