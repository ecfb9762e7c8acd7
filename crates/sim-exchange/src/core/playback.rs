//! A recorded market, played into the book: it moves as it did, and clients' orders wait in its queues.
//!
//! The recording does not know of our orders, so what they would have got is a matter of rule ([`QueueRule`]). Run both: the
//! truth lies between, as far as our part of the volume is small.

use std::collections::BTreeMap;
use std::ops::Bound;

use keel_domain::{InstrumentStatus, OrdType, Price, Qty, Side, Symbol, TimeInForce, Timestamp};

use super::exchange::Exchange;
use super::level_queue::LevelQueue;
use super::market::is_beyond;
use super::{AccountId, LevelQty, QueueRule, RecordedChange, RecordedEvent};

/// Where recorded events come from, oldest first.
pub type Recording = Box<dyn Iterator<Item = RecordedEvent> + Send>;

/// Two accounts that do what the recording says.
pub(super) struct Playback {
    maker: AccountId,
    taker: AccountId,
    rule: QueueRule,
    events: Recording,
    next: Option<RecordedEvent>,
    /// From recorded time to the exchange's, in nanoseconds.
    shift: i64,
    pairs: BTreeMap<Symbol, Pair>,
}

/// One pair as it was recorded.
#[derive(Default)]
struct Pair {
    bids: BTreeMap<Price, LevelQueue>,
    asks: BTreeMap<Price, LevelQueue>,
    traded: Qty,
    /// Levels changed while nobody could trade.
    is_behind: bool,
}

fn is_trading(exchange: &Exchange, symbol: Symbol) -> bool {
    let pair = exchange.instrument(symbol);
    pair.is_some_and(|pair| pair.status == InstrumentStatus::Trading)
}

impl Playback {
    pub(super) fn new(
        (maker, taker): (AccountId, AccountId),
        rule: QueueRule,
        mut events: Recording,
        now: Timestamp,
    ) -> Self {
        let next = events.next();
        let first = next.as_ref().map_or(now, |event| event.time);
        Self {
            maker,
            taker,
            rule,
            events,
            next,
            shift: now.as_nanos() - first.as_nanos(),
            pairs: BTreeMap::new(),
        }
    }

    /// When the next recorded event happens; none after the last.
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.next.as_ref().map(|event| self.here(event.time))
    }

    fn here(&self, recorded: Timestamp) -> Timestamp {
        Timestamp::from_nanos(recorded.as_nanos().saturating_add(self.shift))
    }

    pub(super) fn traded(&self, symbol: Symbol) -> Qty {
        self.pairs.get(&symbol).map_or(Qty::ZERO, |pair| pair.traded)
    }

    /// Lets everything recorded up to now happen.
    pub(super) fn advance(&mut self, exchange: &mut Exchange, now: Timestamp) {
        while let Some(event) = self.next.take() {
            let at = self.here(event.time);
            if at > now {
                self.next = Some(event);
                return;
            }
            self.apply(exchange, at, event);
            self.next = self.events.next();
        }
    }

    fn apply(&mut self, exchange: &mut Exchange, now: Timestamp, event: RecordedEvent) {
        let mut pair = self.pairs.remove(&event.symbol).unwrap_or_default();
        let mut changed = match event.change {
            RecordedChange::Snapshot { bids, asks } => {
                for level in pair.bids.values_mut().chain(pair.asks.values_mut()) {
                    level.record(exchange, Qty::ZERO);
                }
                pair.record(exchange, &bids, &asks);
                pair.keys()
            }
            RecordedChange::Depth { bids, asks } => pair.record(exchange, &bids, &asks),
            RecordedChange::Trade {
                aggressor,
                price,
                qty,
            } => {
                pair.traded = pair.traded.saturating_add(qty);
                if is_trading(exchange, event.symbol) {
                    self.trade(exchange, now, event.symbol, &mut pair, (aggressor, price, qty));
                }
                Vec::new()
            }
        };
        if !is_trading(exchange, event.symbol) {
            pair.is_behind |= !changed.is_empty();
        } else {
            if std::mem::take(&mut pair.is_behind) {
                changed = pair.keys();
            }
            self.bring_up(exchange, now, event.symbol, &mut pair, &changed);
        }
        self.pairs.insert(event.symbol, pair);
    }

    /// Brings changed levels of the book to what was recorded: what goes first, so that nothing meets what is gone.
    fn bring_up(
        &self,
        exchange: &mut Exchange,
        now: Timestamp,
        symbol: Symbol,
        pair: &mut Pair,
        changed: &[(Side, Price)],
    ) {
        for key in changed {
            pair.level(*key).shrink(exchange, now, self.rule);
        }
        for (side, price) in changed {
            let missing = pair.level((*side, *price)).missing();
            if !missing.is_zero() {
                pair.clear_reached(exchange, now, side.opposite(), *price);
                self.rest(exchange, now, symbol, pair, (*side, *price, missing));
            }
        }
        for (side, price) in changed {
            if pair.level((*side, *price)).is_over() {
                pair.levels_mut(*side).remove(price);
            }
        }
    }

    /// A recorded trade: whoever stood before its price is gone, and it takes what stands there, ours in its turn.
    fn trade(
        &self,
        exchange: &mut Exchange,
        now: Timestamp,
        symbol: Symbol,
        pair: &mut Pair,
        (aggressor, price, qty): (Side, Price, Qty),
    ) {
        let maker = aggressor.opposite();
        pair.clear_better(exchange, now, maker, price);
        let there = exchange.markets.get(&symbol).map_or(Qty::ZERO, |market| {
            let levels = market.book.levels(maker);
            let reached = levels.take_while(|level| !is_beyond(aggressor, Some(price), level.price));
            reached.fold(Qty::ZERO, |sum, level| sum.saturating_add(level.qty))
        });
        pair.level((maker, price)).note_taken(exchange);
        let unseen = qty.saturating_sub(there);
        if !unseen.is_zero() {
            // It came and traded between two of the recorded books.
            pair.clear_reached(exchange, now, aggressor, price);
            self.rest(exchange, now, symbol, pair, (maker, price, unseen));
        }
        let time_in_force = TimeInForce::Ioc;
        let ord_type = OrdType::Limit { price, time_in_force };
        exchange.enter_unchecked(now, self.taker, (symbol, aggressor, ord_type, qty));
        pair.level((maker, price)).note_traded(exchange);
    }

    fn rest(
        &self,
        exchange: &mut Exchange,
        now: Timestamp,
        symbol: Symbol,
        pair: &mut Pair,
        (side, price, qty): (Side, Price, Qty),
    ) {
        let time_in_force = TimeInForce::Gtc;
        let ord_type = OrdType::Limit { price, time_in_force };
        if let Some(order_id) = exchange.enter_unchecked(now, self.maker, (symbol, side, ord_type, qty)) {
            pair.level((side, price)).push(order_id, qty);
        }
    }
}

impl Pair {
    /// Notes recorded levels, and says which.
    fn record(&mut self, exchange: &Exchange, bids: &[LevelQty], asks: &[LevelQty]) -> Vec<(Side, Price)> {
        let mut latest = BTreeMap::new();
        for (side, levels) in [(Side::Buy, bids), (Side::Sell, asks)] {
            latest.extend(levels.iter().map(|level| ((side, level.price), level.qty)));
        }
        for (key, qty) in &latest {
            self.level(*key).record(exchange, *qty);
        }
        latest.into_keys().collect()
    }

    /// Takes away what of a side a price of the other side reaches: it would have traded, and was not there.
    fn clear_reached(&mut self, exchange: &mut Exchange, now: Timestamp, side: Side, by: Price) {
        self.clear(exchange, now, side, (Bound::Included(by), Bound::Unbounded));
    }

    /// Takes away what of a side stands before a price at which somebody there traded.
    fn clear_better(&mut self, exchange: &mut Exchange, now: Timestamp, side: Side, than: Price) {
        self.clear(exchange, now, side, (Bound::Excluded(than), Bound::Unbounded));
    }

    /// Takes away the levels of a side from a price on, towards the better ones.
    fn clear(
        &mut self,
        exchange: &mut Exchange,
        now: Timestamp,
        side: Side,
        better: (Bound<Price>, Bound<Price>),
    ) {
        let levels = self.levels_mut(side);
        let range = match side {
            Side::Buy => better,
            Side::Sell => (better.1, better.0),
        };
        let gone: Vec<Price> = levels.range(range).map(|(price, _)| *price).collect();
        for price in gone {
            if let Some(mut level) = levels.remove(&price) {
                level.record(exchange, Qty::ZERO);
                level.shrink(exchange, now, QueueRule::Conservative);
            }
        }
    }

    fn levels_mut(&mut self, side: Side) -> &mut BTreeMap<Price, LevelQueue> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    fn level(&mut self, (side, price): (Side, Price)) -> &mut LevelQueue {
        self.levels_mut(side).entry(price).or_default()
    }

    fn keys(&self) -> Vec<(Side, Price)> {
        let bids = self.bids.keys().map(|price| (Side::Buy, *price));
        bids.chain(self.asks.keys().map(|price| (Side::Sell, *price)))
            .collect()
    }
}
