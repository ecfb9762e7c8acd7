//! A pair's reference price, and the range around it in which orders may trade (faqs/price_range_execution_rules.md).

use std::collections::VecDeque;

use keel_domain::{Money, Price, Side, Symbol, Timestamp};

use super::exchange::Exchange;

/// How a pair's reference price comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReferenceCalculation {
    /// The mean of the prices at which the pair traded in a moving window, made of buckets.
    ArithmeticMean {
        /// How many buckets the window has.
        bucket_count: u32,
        /// How long each is.
        bucket_width_ms: u32,
    },
    /// Given from outside; the number names the method.
    External(u32),
}

impl ReferenceCalculation {
    /// The most buckets of a window.
    pub const BUCKETS_MAX: u32 = 10_000;
    /// The longest bucket: a day.
    pub const BUCKET_WIDTH_MS_MAX: u32 = 86_400_000;

    /// Whether a window has buckets, of some length, and is within its bounds.
    #[must_use]
    pub fn is_sound(self) -> bool {
        match self {
            Self::ArithmeticMean {
                bucket_count,
                bucket_width_ms,
            } => {
                (1..=Self::BUCKETS_MAX).contains(&bucket_count)
                    && (1..=Self::BUCKET_WIDTH_MS_MAX).contains(&bucket_width_ms)
            }
            Self::External(_) => true,
        }
    }
}

/// A reference price at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReferencePrice {
    /// The price; none where there is none at that time, though there was one before.
    pub price: Option<Price>,
    /// The time.
    pub time: Timestamp,
}

/// The venue's PRICE_RANGE: how far from the reference price a taking order may trade, as multiples of it, by its side. What
/// is not set does not bind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PriceRange {
    /// The highest price of a buy.
    pub bid_up: Option<Money>,
    /// The lowest price of a buy.
    pub bid_down: Option<Money>,
    /// The highest price of a sell.
    pub ask_up: Option<Money>,
    /// The lowest price of a sell.
    pub ask_down: Option<Money>,
}

/// What binds the prices at which a pair trades, besides filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceRules {
    /// The pair.
    pub symbol: Symbol,
    /// Where its reference price comes from; none: it has none.
    pub reference: Option<ReferenceCalculation>,
    /// The range; none: it is not enforced.
    pub range: Option<PriceRange>,
}

/// The prices at which one order may trade in its taker phase, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct PriceBounds {
    pub(super) low: Option<Price>,
    pub(super) high: Option<Price>,
}

impl PriceRange {
    /// Whether it binds something, by multiples above zero.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let all = [self.bid_up, self.bid_down, self.ask_up, self.ask_down];
        let set: Vec<Money> = all.into_iter().flatten().collect();
        !set.is_empty() && set.iter().all(|factor| *factor > Money::ZERO)
    }

    fn bounds(&self, side: Side, reference: Price) -> PriceBounds {
        let (up, down) = match side {
            Side::Buy => (self.bid_up, self.bid_down),
            Side::Sell => (self.ask_up, self.ask_down),
        };
        let times = |factor: Money| reference.to_decimal().checked_mul(factor);
        let floor = |value: Money| Price::from_decimal(value.trunc_with_scale(8)).ok();
        let ceil = |value: Money| {
            let down = floor(value)?;
            let is_exact = down.to_decimal() == value;
            if is_exact {
                Some(down)
            } else {
                Price::from_units(down.units() + 1).ok()
            }
        };
        PriceBounds {
            // Above all prices, nothing trades; below a bound above all prices, everything does.
            low: down.and_then(|factor| times(factor).and_then(ceil).or(Price::from_units(i64::MAX).ok())),
            high: up.and_then(times).and_then(floor),
        }
    }
}

impl PriceBounds {
    pub(super) fn contains(&self, price: Price) -> bool {
        self.low.is_none_or(|low| price >= low) && self.high.is_none_or(|high| price <= high)
    }

    /// The worst price that an order of a side may trade at, by its own limit and by these bounds.
    pub(super) fn worst(&self, side: Side, limit: Price) -> Price {
        match side {
            Side::Buy => self.high.map_or(limit, |high| high.min(limit)),
            Side::Sell => self.low.map_or(limit, |low| low.max(limit)),
        }
    }
}

/// Trades of one part of the window.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// In microseconds; a multiple of the width.
    open: i64,
    /// Trades.
    count: i128,
    /// Of their prices, in a price's units.
    sum: i128,
}

/// A pair's reference price as it comes about.
#[derive(Debug, Clone)]
pub(super) struct Reference {
    pub(super) calculation: ReferenceCalculation,
    /// Oldest first; bounded by one more than the calculation's count.
    buckets: VecDeque<Bucket>,
    /// When the last trade was, or a price was given last; none before.
    latest: Option<ReferencePrice>,
}

impl Reference {
    /// The parts of a bucket: counts and sums have four decimal places for them, so a part of a bucket is exact.
    const PARTS: i128 = 10_000;

    pub(super) fn new(calculation: ReferenceCalculation) -> Self {
        Self {
            calculation,
            buckets: VecDeque::new(),
            latest: None,
        }
    }

    /// Width of a bucket and of the window, in microseconds.
    fn widths(&self) -> Option<(i64, i64)> {
        match self.calculation {
            ReferenceCalculation::ArithmeticMean {
                bucket_count,
                bucket_width_ms,
            } => {
                let width = i64::from(bucket_width_ms) * 1_000;
                Some((width, width.saturating_mul(bucket_count.into())))
            }
            ReferenceCalculation::External(_) => None,
        }
    }

    /// Counts a trade.
    pub(super) fn note_trade(&mut self, now: Timestamp, price: Price) {
        let Some((width, window)) = self.widths() else {
            return;
        };
        self.latest = Some(ReferencePrice {
            price: Some(price),
            time: now,
        });
        let micros = now.as_micros();
        let open = micros - micros.rem_euclid(width);
        let cutoff = micros.saturating_sub(window);
        while self
            .buckets
            .front()
            .is_some_and(|oldest| oldest.open + width <= cutoff)
        {
            self.buckets.pop_front();
        }
        if self.buckets.back().is_none_or(|latest| latest.open < open) {
            let (count, sum) = (0, 0);
            self.buckets.push_back(Bucket { open, count, sum });
        }
        if let Some(bucket) = self.buckets.back_mut() {
            bucket.count += 1;
            bucket.sum += i128::from(price.units());
        }
    }

    /// Takes a price from outside, or that there is none.
    pub(super) fn give(&mut self, now: Timestamp, price: Option<Price>) {
        self.latest = Some(ReferencePrice { price, time: now });
    }

    /// The price now; none before there ever was one. Nothing is changed by asking, so that asking changes no answer: an
    /// old bucket is made smaller in passing only.
    pub(super) fn at(&self, now: Timestamp) -> Option<ReferencePrice> {
        let latest = self.latest?;
        let Some((width, window)) = self.widths() else {
            return Some(latest);
        };
        let cutoff = now.as_micros().saturating_sub(window);
        let (mut count, mut sum) = (0_i128, 0_i128);
        for bucket in self.buckets.iter().filter(|bucket| bucket.open + width > cutoff) {
            let expired = i128::from((cutoff - bucket.open).max(0)) * Self::PARTS / i128::from(width);
            count += bucket.count * (Self::PARTS - expired);
            sum += bucket.sum * (Self::PARTS - expired);
        }
        let mean = sum.checked_div(count).and_then(|units| i64::try_from(units).ok());
        Some(ReferencePrice {
            price: mean.and_then(|units| Price::from_units(units).ok()),
            time: now,
        })
    }
}

impl Exchange {
    /// A pair's reference price; none where it never had one.
    #[must_use]
    pub fn reference_price(&self, now: Timestamp, symbol: Symbol) -> Option<ReferencePrice> {
        self.markets.get(&symbol)?.reference.as_ref()?.at(now)
    }

    /// What binds the prices at which a pair trades.
    #[must_use]
    pub fn price_rules(&self, symbol: Symbol) -> PriceRules {
        let market = self.markets.get(&symbol);
        PriceRules {
            symbol,
            reference: market
                .and_then(|m| m.reference.as_ref())
                .map(|reference| reference.calculation),
            range: market.and_then(|market| market.range),
        }
    }

    /// Puts other rules in place of a pair's. A calculation that stays goes on with what it has; another one begins anew.
    /// Whether there is the pair, and range and calculation are sound.
    pub fn set_price_rules(&mut self, rules: PriceRules) -> bool {
        let is_sound = rules.reference.is_none_or(ReferenceCalculation::is_sound)
            && rules.range.is_none_or(|range| range.is_sound());
        let Some(market) = self.markets.get_mut(&rules.symbol).filter(|_| is_sound) else {
            return false;
        };
        market.range = rules.range;
        let before = market.reference.take();
        let kept = before.filter(|before| Some(before.calculation) == rules.reference);
        market.reference = kept.or_else(|| rules.reference.map(Reference::new));
        true
    }

    /// Takes a pair's reference price from outside, or that there is none for now. Whether the pair has one that comes from
    /// there.
    pub fn give_reference_price(&mut self, now: Timestamp, symbol: Symbol, price: Option<Price>) -> bool {
        let reference = self
            .markets
            .get_mut(&symbol)
            .and_then(|market| market.reference.as_mut());
        let external =
            reference.filter(|reference| matches!(reference.calculation, ReferenceCalculation::External(_)));
        external.map(|reference| reference.give(now, price)).is_some()
    }

    /// The prices at which an order of a pair may trade from now on; all of them without a range or a reference price.
    pub(super) fn price_bounds(&self, now: Timestamp, symbol: Symbol, side: Side) -> PriceBounds {
        let range = self.markets.get(&symbol).and_then(|market| market.range);
        let price = self
            .reference_price(now, symbol)
            .and_then(|reference| reference.price);
        range
            .zip(price)
            .map(|(range, price)| range.bounds(side, price))
            .unwrap_or_default()
    }
}
