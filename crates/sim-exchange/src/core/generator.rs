//! Background participants that make a market. They trade by the same rules as everybody, so that an order of a client
//! has a place in the queue and takes what is there.

use std::collections::BTreeMap;
use std::time::Duration;

use keel_domain::{
    Instrument, InstrumentStatus, OrdType, OrderId, Price, Qty, Side, Symbol, TimeInForce, Timestamp,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rust_decimal::RoundingStrategy;

use super::exchange::Exchange;
use super::scenario::{Conditions, Takers};
use super::{AccountId, ExchangeConfig, Market, NewOrder, OrderOptions, OrderRef, Quantity, Scenario};

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
    scenario: Scenario,
    is_first: bool,
    started_at: Timestamp,
    is_halted: bool,
    /// What prices and quantities here are counted in, whatever the pair's filters become.
    tick: i64,
    lot: i64,
    /// The pair's tick when the quotes were placed.
    quoted_tick: Price,
    /// Distance between quoted levels, and the half of the spread, in ticks.
    spacing: i64,
    /// Largest move of the fair price at one step, and its drift, in ticks.
    step_max: i64,
    drift: i64,
    /// Where the random walk of the fair price is, and its lowest.
    walk: i64,
    walk_min: i64,
    /// A level's usual quantity, in lots.
    level_lots: i64,
    quotes: BTreeMap<(Side, i64), OrderId>,
    fair_dice: Dice,
    size_dice: Dice,
    taker_dice: Dice,
    next_quote_at: Timestamp,
    next_take_at: Timestamp,
}

/// The levels that a pair's makers want to quote: so many on each side, evenly spaced around the fair price.
#[derive(Clone, Copy)]
struct Wanted {
    bid: i64,
    spacing: i64,
}

impl Wanted {
    fn keys(self) -> impl Iterator<Item = (Side, i64)> {
        (0..Generator::LEVELS).flat_map(move |n| {
            let bid = self.bid - n * self.spacing;
            let ask = self.bid + (n + 1) * self.spacing;
            [(Side::Buy, bid), (Side::Sell, ask)]
        })
    }

    fn contains(self, (side, ticks): (Side, i64)) -> bool {
        let behind = match side {
            Side::Buy => self.bid - ticks,
            Side::Sell => ticks - self.bid - self.spacing,
        };
        (0..Generator::LEVELS * self.spacing).contains(&behind) && behind % self.spacing == 0
    }
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
        let walk = market.start_price.units() / tick;
        let scenario = config.scenario;
        let usual_spacing = (walk / 130_000).max(1);
        let spacing = usual_spacing * scenario.spacing_factor();
        let drift = match scenario {
            Scenario::Trend => (spacing / 8).max(1),
            _ => 0,
        };
        let lot = market.instrument.lot_size.step.units().max(1);
        // About 10,000 of quote a level.
        let level_units =
            10_000_i128 * 100_000_000 * 100_000_000 / i128::from(market.start_price.units().max(1));
        let dice = |purpose| Dice::new(config.seed, index * 8 + purpose);
        Self {
            symbol: market.instrument.symbol,
            scenario,
            is_first: index == 0,
            started_at: now,
            is_halted: false,
            tick,
            lot,
            quoted_tick: market.instrument.price_filter.tick_size,
            spacing,
            step_max: (usual_spacing * 4 / 5).max(1) * scenario.step_factor(),
            drift,
            walk,
            walk_min: (walk / 10).max(Generator::LEVELS * spacing * 2),
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
        self.walk = (self.walk + step).max(self.walk_min);
        let conditions = self.conditions(now);
        self.halt_or_resume(exchange, conditions.is_halted);
        let Some(tick) = self.traded(exchange).map(|pair| pair.price_filter.tick_size) else {
            return;
        };
        // By another tick every quote belongs at another price.
        let is_new_tick = std::mem::replace(&mut self.quoted_tick, tick) != tick;
        let wanted = self.wanted(conditions);
        // One level a turn is resized, so that the book is never still.
        let redrawn = self.size_dice.between(0, Generator::LEVELS * 2 - 1);
        let stale: Vec<((Side, i64), OrderId)> = (0_i64..)
            .zip(self.quotes.iter())
            .filter(|(place, (key, _))| is_new_tick || !wanted.contains(**key) || *place == redrawn)
            .map(|(_, (key, order_id))| (*key, *order_id))
            .collect();
        for (key, order_id) in stale {
            self.quotes.remove(&key);
            // It may have traded away meanwhile; then there is nothing to cancel.
            let _gone = exchange.cancel(now, maker, self.symbol, OrderRef::OrderId(order_id), None);
        }
        for key in wanted.keys() {
            let is_open = self
                .quotes
                .get(&key)
                .is_some_and(|order_id| exchange.orders.contains_key(order_id));
            if !is_open {
                self.place_quote(exchange, maker, now, key, conditions);
            }
        }
    }

    fn conditions(&self, now: Timestamp) -> Conditions {
        let elapsed = now.since(self.started_at);
        self.scenario.conditions(self.is_first, elapsed)
    }

    /// Changes the pair's status when the scenario does; between, an operator's word stands.
    fn halt_or_resume(&mut self, exchange: &mut Exchange, is_halted: bool) {
        if std::mem::replace(&mut self.is_halted, is_halted) == is_halted {
            return;
        }
        if let Some(market) = exchange.markets.get_mut(&self.symbol) {
            market.instrument.status = if is_halted {
                InstrumentStatus::Halt
            } else {
                InstrumentStatus::Trading
            };
        }
    }

    /// The pair as it is now. Where nobody may trade, none: the book stands as it is.
    fn traded<'a>(&self, exchange: &'a Exchange) -> Option<&'a Instrument> {
        let pair = exchange.instrument(self.symbol)?;
        (pair.status == InstrumentStatus::Trading).then_some(pair)
    }

    fn wanted(&self, conditions: Conditions) -> Wanted {
        let shift = self.walk.saturating_mul(conditions.shift_ppm) / 1_000_000;
        let fair = (self.walk + shift).max(self.walk_min);
        let spacing = self.spacing;
        Wanted {
            bid: (fair - 1).div_euclid(spacing) * spacing,
            spacing,
        }
    }

    fn place_quote(
        &mut self,
        exchange: &mut Exchange,
        maker: AccountId,
        now: Timestamp,
        key: (Side, i64),
        conditions: Conditions,
    ) {
        let usual = self
            .size_dice
            .between(self.level_lots / 4 + 1, self.level_lots * 7 / 4 + 1);
        let lots = (usual * conditions.size_percent / 100).max(1);
        let (side, ticks) = key;
        let Some(price) = self.quote_price(side, ticks) else {
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

    /// On the pair's present tick, away from the other side, so that no two quotes meet.
    fn quote_price(&self, side: Side, ticks: i64) -> Option<Price> {
        let price = Price::from_units(ticks.saturating_mul(self.tick)).ok()?;
        match side {
            Side::Buy => Some(price.floor_to(self.quoted_tick)),
            Side::Sell => price.ceil_to(self.quoted_tick),
        }
    }

    fn take(&mut self, exchange: &mut Exchange, taker: AccountId) {
        let now = self.next_take_at;
        let conditions = self.conditions(now);
        let (soonest_ms, latest_ms) = match conditions.takers {
            Takers::Both => (40, 460),
            Takers::Sellers => (20, 80),
        };
        let wait_ms = self.taker_dice.between(soonest_ms, latest_ms).unsigned_abs();
        self.next_take_at = now.plus(Duration::from_millis(wait_ms));
        let is_buyer = self.taker_dice.between(0, 1) == 0 && conditions.takers == Takers::Both;
        let side = if is_buyer { Side::Buy } else { Side::Sell };
        let usual = self
            .taker_dice
            .between(self.level_lots / 20 + 1, self.level_lots * 3 / 2 + 1);
        let lots = (usual * conditions.size_percent / 100).max(1);
        if self.traded(exchange).is_some() {
            self.place(exchange, taker, now, side, OrdType::Market, lots);
        }
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
        let pair = exchange.instrument(self.symbol)?;
        let price = match ord_type.price() {
            Some(price) => price,
            None => exchange.average_price(now, self.symbol, pair.notional.avg_price_mins)?,
        };
        let qty = permitted(pair, qty, price)?;
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

/// The quantity, or the least above it that the pair's present filters permit.
fn permitted(pair: &Instrument, qty: Qty, price: Price) -> Option<Qty> {
    let least = pair.notional.min.checked_div(price.to_decimal())?;
    let least = least.round_dp_with_strategy(8, RoundingStrategy::AwayFromZero);
    let least = Qty::from_decimal(least).ok()?.max(pair.lot_size.min);
    qty.max(least).ceil_to(pair.lot_size.step)
}
