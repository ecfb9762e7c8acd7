//! What assets are worth at prices that can be had now.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use keel_domain::{Asset, Money, Price, Timestamp};
use rust_decimal::RoundingStrategy;

use crate::exact::add;
use crate::{AverageCost, Inexact};

/// The most conversions from one asset to another; a path needing more counts as missing.
const HOPS_MAX: usize = 3;
/// Decimal places of a converted amount; the rest is rounded to the worse side.
const VALUE_PLACES: u32 = 12;

/// A pair's best prices. FIX `BidPx` (132) and `OfferPx` (133).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// The best buy price.
    pub bid: Price,
    /// The best sell price.
    pub ask: Price,
    /// When the book last changed or was confirmed.
    pub at: Timestamp,
}

/// Why a quote gives no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QuoteFault {
    /// It is older than allowed.
    #[error("{} ms old", .age.as_millis())]
    Stale {
        /// How old.
        age: Duration,
    },
    /// A side has no price.
    #[error("one-sided")]
    OneSided,
    /// Best bid at or above best ask.
    #[error("crossed")]
    Crossed,
}

/// A quote that was fresh and sane when it was asked for. It is made by [`Quote::fresh`] only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FreshQuote {
    bid: Price,
    ask: Price,
}

impl Quote {
    /// The quote for use at `now`, when it is at most `age_max` old.
    ///
    /// # Errors
    /// [`QuoteFault`].
    pub fn fresh(&self, now: Timestamp, age_max: Duration) -> Result<FreshQuote, QuoteFault> {
        let age = now.since(self.at);
        if age > age_max {
            return Err(QuoteFault::Stale { age });
        }
        if self.bid.is_zero() || self.ask.is_zero() {
            return Err(QuoteFault::OneSided);
        }
        if self.bid >= self.ask {
            return Err(QuoteFault::Crossed);
        }
        Ok(FreshQuote {
            bid: self.bid,
            ask: self.ask,
        })
    }
}

impl FreshQuote {
    /// The price at which an amount of base can be closed now: the bid for what is held, the ask for what is owed.
    #[must_use]
    pub fn closing_px(&self, amount: Money) -> Price {
        if amount < Money::ZERO { self.ask } else { self.bid }
    }
}

impl AverageCost {
    /// What closing the whole position now would add to the realised profit, before fees: at the bid for a long
    /// position, at the ask for a short one.
    ///
    /// # Errors
    /// [`Inexact`] beyond 28 digits.
    pub fn unrealised_at(&self, quote: &FreshQuote) -> Result<Money, Inexact> {
        self.unrealised(quote.closing_px(self.position()).to_decimal())
    }
}

/// Why an amount has no value in a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ValuationError {
    /// No chain of at most three pairs leads there.
    #[error("no prices lead from {from} to {to}")]
    Missing {
        /// What is to be valued.
        from: Asset,
        /// The currency.
        to: Asset,
    },
    /// The chain needs a pair whose quote is stale, one-sided or crossed.
    #[error("from {from} to {to}: the quote of {base}/{quote} is {fault}")]
    Unusable {
        /// What is to be valued.
        from: Asset,
        /// The currency.
        to: Asset,
        /// The pair's base.
        base: Asset,
        /// The pair's quote asset.
        quote: Asset,
        /// What is wrong with it.
        fault: QuoteFault,
    },
    /// The value needs more than 28 digits.
    #[error(transparent)]
    Inexact(#[from] Inexact),
}

/// One conversion: over this pair, from base to quote or back.
#[derive(Debug, Clone, Copy)]
struct Hop {
    base: Asset,
    quote: Asset,
    is_from_base: bool,
}

/// The quotes of pairs at one time.
///
/// ```
/// use std::time::Duration;
/// use keel_domain::{Asset, Money, Timestamp};
/// use keel_positions::{Prices, Quote};
///
/// let (btc, usdt, eur): (Asset, Asset, Asset) = ("BTC".parse()?, "USDT".parse()?, "EUR".parse()?);
/// let now = Timestamp::from_millis(10_000);
/// let mut prices = Prices::new(now, Duration::from_secs(2));
/// prices.set(btc, usdt, Quote { bid: "60000".parse()?, ask: "60001".parse()?, at: now });
/// prices.set(eur, usdt, Quote { bid: "1.19".parse()?, ask: "1.20".parse()?, at: now });
/// // Sold at 60000, and the USDT spent on EUR at 1.20.
/// assert_eq!(prices.value(Money::ONE, btc, eur)?, Money::from(50_000));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Prices {
    quotes: BTreeMap<(Asset, Asset), Quote>,
    now: Timestamp,
    age_max: Duration,
}

impl Prices {
    /// No quotes; those set are used at `now` when at most `age_max` old.
    #[must_use]
    pub fn new(now: Timestamp, age_max: Duration) -> Self {
        let quotes = BTreeMap::new();
        Self { quotes, now, age_max }
    }

    /// Sets the quote of a pair.
    pub fn set(&mut self, base: Asset, quote_asset: Asset, quote: Quote) {
        self.quotes.insert((base, quote_asset), quote);
    }

    /// What an amount of one asset is worth in another: every conversion at the worse side of its book, over the fewest
    /// pairs (at most three) whose quotes are fresh, rounded down to 12 places at each.
    ///
    /// # Errors
    /// [`ValuationError`], which names what is missing or stale. Zero is worth zero, without a price.
    pub fn value(&self, amount: Money, from: Asset, to: Asset) -> Result<Money, ValuationError> {
        if amount.is_zero() || from == to {
            return Ok(amount);
        }
        let usable = |quote: &Quote| quote.fresh(self.now, self.age_max).is_ok();
        let path = self
            .path(from, to, usable)
            .or_else(|| self.path(from, to, |_| true))
            .ok_or(ValuationError::Missing { from, to })?;
        path.iter().try_fold(amount, |amount, hop| {
            let quote = self.fresh(hop).map_err(|fault| ValuationError::Unusable {
                from,
                to,
                base: hop.base,
                quote: hop.quote,
                fault,
            })?;
            Ok(hop.convert(amount, &quote)?)
        })
    }

    /// What all balances together are worth in a currency, each at the worse side.
    ///
    /// # Errors
    /// [`ValuationError`] of the first asset that has no value.
    pub fn equity(
        &self,
        balances: &BTreeMap<Asset, Money>,
        currency: Asset,
    ) -> Result<Money, ValuationError> {
        balances.iter().try_fold(Money::ZERO, |equity, (asset, amount)| {
            Ok(add(equity, self.value(*amount, *asset, currency)?)?)
        })
    }

    fn fresh(&self, hop: &Hop) -> Result<FreshQuote, QuoteFault> {
        let quote = self.quotes.get(&(hop.base, hop.quote));
        quote
            .ok_or(QuoteFault::OneSided)
            .and_then(|quote| quote.fresh(self.now, self.age_max))
    }

    /// The shortest chain of pairs; among equals the first by name.
    fn path(&self, from: Asset, to: Asset, is_usable: impl Fn(&Quote) -> bool) -> Option<Vec<Hop>> {
        let mut seen = BTreeSet::from([from]);
        let mut queue = VecDeque::from([(from, Vec::new())]);
        while let Some((at, path)) = queue.pop_front() {
            if at == to {
                return Some(path);
            }
            if path.len() == HOPS_MAX {
                continue;
            }
            for ((base, quote), _) in self.quotes.iter().filter(|(_, quote)| is_usable(quote)) {
                let is_from_base = *base == at;
                let next = if is_from_base { *quote } else { *base };
                if (is_from_base || *quote == at) && seen.insert(next) {
                    let mut path = path.clone();
                    path.push(Hop {
                        base: *base,
                        quote: *quote,
                        is_from_base,
                    });
                    queue.push_back((next, path));
                }
            }
        }
        None
    }
}

impl Hop {
    fn convert(&self, amount: Money, quote: &FreshQuote) -> Result<Money, Inexact> {
        let converted = if self.is_from_base {
            amount.checked_mul(quote.closing_px(amount).to_decimal())
        } else {
            // Quote that is held buys base at the ask; quote that is owed is paid by selling base at the bid.
            amount.checked_div(quote.closing_px(-amount).to_decimal())
        };
        let converted = converted.ok_or(Inexact)?;
        Ok(converted.round_dp_with_strategy(VALUE_PLACES, RoundingStrategy::ToNegativeInfinity))
    }
}
