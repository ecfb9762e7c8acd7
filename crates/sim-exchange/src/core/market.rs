//! One pair: its rules, its book, and what traded.

use std::collections::{BTreeMap, VecDeque};

use keel_domain::{Instrument, Money, Price, Qty, Side, Timestamp, TradeId, notional};

use super::book::Book;
use super::reference::Reference;
use super::triggers::Triggers;
use super::{Market, PriceRange, PublicTrade, Quantity};

/// What a pair did since the exchange started (the venue: in the last 24 hours).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarketStats {
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub last: Price,
    /// Last quantity.
    pub last_qty: Qty,
    /// Base traded.
    pub volume: Money,
    /// Quote traded.
    pub quote_volume: Money,
    /// First trade; none before one.
    pub first_trade: Option<TradeId>,
    /// Trades.
    pub count: u64,
}

pub(super) struct MarketState {
    pub(super) instrument: Instrument,
    pub(super) book: Book,
    pub(super) update_id: u64,
    pub(super) next_trade_id: u64,
    pub(super) recent: VecDeque<PublicTrade>,
    pub(super) stats: MarketStats,
    pub(super) triggers: Triggers,
    /// What icebergs hold back, by side and price.
    pub(super) hidden: BTreeMap<(Side, Price), Qty>,
    pub(super) next_prevented_match: u64,
    pub(super) next_allocation: u64,
    pub(super) reference: Option<Reference>,
    pub(super) range: Option<PriceRange>,
    /// Base and quote traded by minute, latest last. Bounded by [`MarketState::MINUTES_MAX`].
    minutes: VecDeque<(i64, Money, Money)>,
}

/// What taking from the book would give.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sweep {
    pub(super) qty: Qty,
    pub(super) cost: Money,
}

impl Sweep {
    /// Walks levels, best first: how much base an order can trade, and for how much quote.
    pub(super) fn of(
        levels: impl Iterator<Item = (Price, Qty)>,
        side: Side,
        limit: Option<Price>,
        quantity: Quantity,
        step: Qty,
    ) -> Self {
        let mut sweep = Self::default();
        for (price, there) in levels {
            let wanted = match quantity {
                Quantity::Base(qty) => qty.saturating_sub(sweep.qty),
                Quantity::Quote(value) => affordable(value - sweep.cost, price, step),
            };
            if is_beyond(side, limit, price) || wanted.is_zero() {
                break;
            }
            let qty = wanted.min(there);
            sweep.qty = sweep.qty.saturating_add(qty);
            sweep.cost += notional(qty, price);
        }
        sweep
    }
}

/// Whether a price is worse than an order's limit.
pub(super) fn is_beyond(side: Side, limit: Option<Price>, price: Price) -> bool {
    limit.is_some_and(|limit| match side {
        Side::Buy => price > limit,
        Side::Sell => price < limit,
    })
}

/// The base that a value buys at a price, in whole steps.
pub(super) fn affordable(value: Money, price: Price, step: Qty) -> Qty {
    let base = value.checked_div(price.to_decimal()).unwrap_or_default();
    Qty::from_decimal(base.trunc_with_scale(8))
        .unwrap_or_default()
        .floor_to(step)
}

impl MarketState {
    /// How many trades of a pair can be asked for.
    pub(super) const RECENT_TRADES_MAX: usize = 1_000;
    const MINUTES_MAX: usize = 60;
    /// Minutes of trades behind the average price.
    pub(super) const AVERAGE_MINUTES: u32 = 5;

    pub(super) fn new(market: &Market) -> Self {
        let price = market.start_price;
        let stats = MarketStats {
            open: price,
            high: price,
            low: price,
            last: price,
            last_qty: Qty::ZERO,
            volume: Money::ZERO,
            quote_volume: Money::ZERO,
            first_trade: None,
            count: 0,
        };
        Self {
            instrument: market.instrument.clone(),
            book: Book::default(),
            update_id: 1,
            next_trade_id: 1,
            recent: VecDeque::new(),
            stats,
            triggers: Triggers::default(),
            hidden: BTreeMap::new(),
            next_prevented_match: 0,
            next_allocation: 0,
            reference: None,
            range: None,
            minutes: VecDeque::new(),
        }
    }

    /// Walks the book against an order. What icebergs hold back counts; what `own` names does not.
    pub(super) fn sweep(
        &self,
        side: Side,
        limit: Option<Price>,
        quantity: Quantity,
        own: &BTreeMap<Price, Qty>,
    ) -> Sweep {
        let levels = self.whole_levels(side.opposite()).map(|(price, there)| {
            let taken = own.get(&price).copied().unwrap_or_default();
            (price, there.saturating_sub(taken))
        });
        Sweep::of(levels, side, limit, quantity, self.instrument.lot_size.step)
    }

    /// The levels of a side, best first, with what icebergs hold back.
    pub(super) fn whole_levels(&self, side: Side) -> impl Iterator<Item = (Price, Qty)> + '_ {
        self.book.levels(side).map(move |level| {
            let hidden = self.hidden.get(&(side, level.price));
            let there = level.qty.saturating_add(hidden.copied().unwrap_or_default());
            (level.price, there)
        })
    }

    /// Changes what icebergs hold back at a price.
    pub(super) fn hide(&mut self, side: Side, price: Price, less: Qty, more: Qty) {
        if less.is_zero() && more.is_zero() {
            return;
        }
        let hidden = self.hidden.entry((side, price)).or_default();
        *hidden = hidden.saturating_sub(less).saturating_add(more);
        if hidden.is_zero() {
            self.hidden.remove(&(side, price));
        }
    }

    /// The average price of the last minutes' trades, rounded down; the last price without any.
    pub(super) fn average_price(&self, now: Timestamp, minutes: u32) -> Price {
        let from = now.as_millis().div_euclid(60_000) - i64::from(minutes);
        let (mut base, mut quote) = (Money::ZERO, Money::ZERO);
        for (_, b, q) in self.minutes.iter().filter(|(minute, ..)| *minute > from) {
            base += *b;
            quote += *q;
        }
        let average = quote.checked_div(base).map(|price| price.trunc_with_scale(8));
        average
            .and_then(|price| Price::from_decimal(price).ok())
            .unwrap_or(self.stats.last)
    }

    pub(super) fn note_trade(&mut self, trade: &PublicTrade) {
        self.recent.push_back(*trade);
        if self.recent.len() > Self::RECENT_TRADES_MAX {
            self.recent.pop_front();
        }
        let stats = &mut self.stats;
        stats.high = stats.high.max(trade.price);
        stats.low = stats.low.min(trade.price);
        stats.last = trade.price;
        stats.last_qty = trade.qty;
        stats.volume += trade.qty.to_decimal();
        stats.quote_volume += notional(trade.qty, trade.price);
        stats.first_trade = stats.first_trade.or(Some(trade.trade_id));
        stats.count += 1;
        self.triggers.note(trade.price);
        if let Some(reference) = &mut self.reference {
            reference.note_trade(trade.time, trade.price);
        }
        let minute = trade.time.as_millis().div_euclid(60_000);
        if self.minutes.back().is_none_or(|(latest, ..)| *latest != minute) {
            self.minutes.push_back((minute, Money::ZERO, Money::ZERO));
            if self.minutes.len() > Self::MINUTES_MAX {
                self.minutes.pop_front();
            }
        }
        if let Some((_, base, quote)) = self.minutes.back_mut() {
            *base += trade.qty.to_decimal();
            *quote += notional(trade.qty, trade.price);
        }
    }
}
