//! Background participants that make a market. They trade by the same rules as everybody, so that an order of a client
//! has a place in the queue and takes what is there.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use keel_domain::{OrdType, OrderId, Price, Qty, Side, Symbol, TimeInForce, Timestamp};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::exchange::Exchange;
use super::{AccountId, ExchangeConfig, Market, NewOrder, OrderOptions, OrderRef, Quantity};

/// How the market moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// A quiet day.
    Calm,
    /// Eight times the usual moves.
    Volatile,
    /// A steady rise.
    Trend,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Calm, Self::Volatile, Self::Trend];

    /// The name it is chosen by.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Volatile => "volatile",
            Self::Trend => "trend",
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is no scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such scenario; there are calm, volatile and trend")]
pub struct UnknownScenario;

impl FromStr for Scenario {
    type Err = UnknownScenario;

    fn from_str(text: &str) -> Result<Self, UnknownScenario> {
        Self::ALL
            .into_iter()
            .find(|scenario| scenario.name() == text)
            .ok_or(UnknownScenario)
    }
}

/// One stream of randomness for one purpose, so that more of one does not shift another.
struct Dice(ChaCha8Rng);

impl Dice {
    fn new(seed: u64, purpose: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(purpose);
        Self(rng)
    }

    /// From `low` to `high`, both included.
    fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = high.saturating_sub(low).saturating_add(1).max(1);
        let draw = i128::from(self.0.next_u64()) % i128::from(span);
        low.saturating_add(i64::try_from(draw).unwrap_or(0))
    }
}

/// One pair's makers and takers.
struct MarketMakers {
    symbol: Symbol,
    tick: i64,
    lot: i64,
    /// Distance between quoted levels, and the half of the spread, in ticks.
    spacing: i64,
    /// Largest move of the fair price at one step, and its drift, in ticks.
    step_max: i64,
    drift: i64,
    fair: i64,
    fair_min: i64,
    /// A level's usual quantity, in lots.
    level_lots: i64,
    quotes: BTreeMap<(Side, i64), OrderId>,
    fair_dice: Dice,
    size_dice: Dice,
    taker_dice: Dice,
    next_quote_at: Timestamp,
    next_take_at: Timestamp,
}

/// All background participants.
pub(super) struct Generator {
    maker: AccountId,
    taker: AccountId,
    markets: Vec<MarketMakers>,
}

impl Generator {
    const LEVELS: i64 = 25;
    const QUOTE_EVERY: Duration = Duration::from_millis(100);
    /// How far behind it may catch up; beyond, the market simply stood still.
    const CATCH_UP_MAX: Duration = Duration::from_secs(60);

    pub(super) fn new(config: &ExchangeConfig, maker: AccountId, taker: AccountId, now: Timestamp) -> Self {
        let markets = config.markets.iter().zip(0_u64..);
        Self {
            maker,
            taker,
            markets: markets
                .map(|(market, index)| MarketMakers::new(config, market, index, now))
                .collect(),
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.markets.iter().map(MarketMakers::next_deadline).min()
    }

    /// Carries out everything that is due, in the order of time.
    pub(super) fn advance(&mut self, exchange: &mut Exchange, now: Timestamp) {
        for market in &mut self.markets {
            market.skip_to(now, Self::CATCH_UP_MAX);
        }
        loop {
            let due = self
                .markets
                .iter_mut()
                .min_by_key(|market| market.next_deadline());
            let Some(market) = due.filter(|market| market.next_deadline() <= now) else {
                return;
            };
            if market.next_quote_at <= market.next_take_at {
                market.quote(exchange, self.maker);
            } else {
                market.take(exchange, self.taker);
            }
        }
    }
}

impl MarketMakers {
    fn new(config: &ExchangeConfig, market: &Market, index: u64, now: Timestamp) -> Self {
        let tick = market.instrument.price_filter.tick_size.units().max(1);
        let fair = market.start_price.units() / tick;
        let spacing = (fair / 130_000).max(1);
        let (step_factor, drift) = match config.scenario {
            Scenario::Calm => (1, 0),
            Scenario::Volatile => (8, 0),
            Scenario::Trend => (1, (spacing / 8).max(1)),
        };
        let lot = market.instrument.lot_size.step.units().max(1);
        // About 10,000 of quote a level.
        let level_units =
            10_000_i128 * 100_000_000 * 100_000_000 / i128::from(market.start_price.units().max(1));
        let dice = |purpose| Dice::new(config.seed, index * 8 + purpose);
        Self {
            symbol: market.instrument.symbol,
            tick,
            lot,
            spacing,
            step_max: (spacing * 4 / 5).max(1) * step_factor,
            drift,
            fair,
            fair_min: (fair / 10).max(Generator::LEVELS * spacing * 2),
            level_lots: i64::try_from(level_units)
                .unwrap_or(i64::MAX)
                .checked_div(lot)
                .unwrap_or(1)
                .max(1),
            quotes: BTreeMap::new(),
            fair_dice: dice(0),
            size_dice: dice(1),
            taker_dice: dice(2),
            next_quote_at: now,
            next_take_at: now.plus(Generator::QUOTE_EVERY),
        }
    }

    fn next_deadline(&self) -> Timestamp {
        self.next_quote_at.min(self.next_take_at)
    }

    fn skip_to(&mut self, now: Timestamp, catch_up_max: Duration) {
        for at in [&mut self.next_quote_at, &mut self.next_take_at] {
            if now.since(*at) > catch_up_max {
                *at = now;
            }
        }
    }

    /// Moves the fair price, then quotes around it: what is too close or too far goes, what is missing comes.
    fn quote(&mut self, exchange: &mut Exchange, maker: AccountId) {
        let now = self.next_quote_at;
        self.next_quote_at = now.plus(Generator::QUOTE_EVERY);
        let step = self.fair_dice.between(-self.step_max, self.step_max) + self.drift;
        self.fair = (self.fair + step).max(self.fair_min);
        let wanted = self.wanted_levels();
        // One level a turn is resized, so that the book is never still.
        let redrawn = self.size_dice.between(0, Generator::LEVELS * 2 - 1);
        let stale: Vec<((Side, i64), OrderId)> = (0_i64..)
            .zip(self.quotes.iter())
            .filter(|(place, (key, _))| !wanted.contains(key) || *place == redrawn)
            .map(|(_, (key, order_id))| (*key, *order_id))
            .collect();
        for (key, order_id) in stale {
            self.quotes.remove(&key);
            // It may have traded away meanwhile; then there is nothing to cancel.
            let _gone = exchange.cancel(now, maker, self.symbol, OrderRef::OrderId(order_id), None);
        }
        for key in wanted {
            let is_open = self
                .quotes
                .get(&key)
                .is_some_and(|order_id| exchange.orders.contains_key(order_id));
            if !is_open {
                self.place_quote(exchange, maker, now, key);
            }
        }
    }

    fn wanted_levels(&self) -> Vec<(Side, i64)> {
        let bid = (self.fair - 1).div_euclid(self.spacing) * self.spacing;
        let ask = bid + self.spacing;
        let levels = 0..Generator::LEVELS;
        levels
            .flat_map(|n| {
                [
                    (Side::Buy, bid - n * self.spacing),
                    (Side::Sell, ask + n * self.spacing),
                ]
            })
            .collect()
    }

    fn place_quote(&mut self, exchange: &mut Exchange, maker: AccountId, now: Timestamp, key: (Side, i64)) {
        let lots = self
            .size_dice
            .between(self.level_lots / 4 + 1, self.level_lots * 7 / 4 + 1);
        let (side, ticks) = key;
        let Ok(price) = Price::from_units(ticks.saturating_mul(self.tick)) else {
            return;
        };
        let ord_type = OrdType::Limit {
            price,
            time_in_force: TimeInForce::Gtc,
        };
        if let Some(order_id) = self.place(exchange, maker, now, side, ord_type, lots) {
            self.quotes.insert(key, order_id);
        }
    }

    fn take(&mut self, exchange: &mut Exchange, taker: AccountId) {
        let now = self.next_take_at;
        self.next_take_at = now.plus(Duration::from_millis(
            self.taker_dice.between(40, 460).unsigned_abs(),
        ));
        let side = if self.taker_dice.between(0, 1) == 0 {
            Side::Buy
        } else {
            Side::Sell
        };
        let lots = self
            .taker_dice
            .between(self.level_lots / 20 + 1, self.level_lots * 3 / 2 + 1);
        self.place(exchange, taker, now, side, OrdType::Market, lots);
    }

    /// A refusal (no funds left after years of trading, say) only makes the market quieter.
    fn place(
        &self,
        exchange: &mut Exchange,
        account: AccountId,
        now: Timestamp,
        side: Side,
        ord_type: OrdType,
        lots: i64,
    ) -> Option<OrderId> {
        let qty = Qty::from_units(lots.saturating_mul(self.lot)).ok()?;
        let order = NewOrder {
            symbol: self.symbol,
            side,
            ord_type,
            quantity: Quantity::Base(qty),
            cl_ord_id: None,
            options: OrderOptions::default(),
        };
        exchange.place(now, account, order).ok()
    }
}
