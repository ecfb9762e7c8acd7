//! Updates that wait to be taken, never more than a bound.

use std::collections::VecDeque;

use keel_domain::Symbol;

use crate::{BookDelta, Level, LocalBook, LostReason, MarketUpdate};

/// What went unheard because more came than was taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Book updates and bars that a newer one of the pair stands for.
    pub conflated: u64,
    /// Trades that were left out, the oldest first.
    pub trades: u64,
}

/// A queue in which, once it is full, the newest of each pair stands for what is older: a change of the book joins the
/// last one that waits, a snapshot replaces all of the pair's book that waits, and the oldest trade goes.
///
/// Nothing is lost of the book by that; a change that has grown beyond what a book holds loses the book instead.
#[derive(Debug, Default)]
pub struct UpdateQueue {
    waiting: VecDeque<MarketUpdate>,
    dropped: Dropped,
}

impl UpdateQueue {
    /// The most updates that wait. Of each pair there may be one more of each kind.
    pub const LEN_MAX: usize = 4_096;

    /// Adds an update. Gives the pair whose book went, if one did: its synchronisation starts again.
    pub fn push(&mut self, update: MarketUpdate) -> Option<Symbol> {
        if self.waiting.len() < Self::LEN_MAX {
            self.waiting.push_back(update);
            return None;
        }
        match update {
            MarketUpdate::BookDelta(delta) => return self.join(delta),
            MarketUpdate::BookSnapshot(_) | MarketUpdate::BookLost { .. } => self.replace_book(update),
            MarketUpdate::Trade(_) => {
                self.drop_oldest_trade();
                self.waiting.push_back(update);
            }
            MarketUpdate::BookTicker(_) | MarketUpdate::Kline(_) | MarketUpdate::UnknownField { .. } => {
                self.replace_same(update);
            }
        }
        None
    }

    /// Takes the oldest.
    pub fn pop(&mut self) -> Option<MarketUpdate> {
        self.waiting.pop_front()
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// What went unheard so far.
    #[must_use]
    pub fn dropped(&self) -> Dropped {
        self.dropped
    }

    /// Joins a change to the pair's last change that waits.
    fn join(&mut self, delta: BookDelta) -> Option<Symbol> {
        let symbol = delta.symbol;
        let last = self
            .waiting
            .iter_mut()
            .rev()
            .find(|update| update.is_of_book() && update.symbol() == symbol);
        let Some(MarketUpdate::BookDelta(last)) = last else {
            self.waiting.push_back(MarketUpdate::BookDelta(delta));
            return None;
        };
        self.dropped.conflated += 1;
        merge(&mut last.bids, delta.bids);
        merge(&mut last.asks, delta.asks);
        last.last_update_id = delta.last_update_id;
        last.event_time = delta.event_time;
        if last.bids.len().max(last.asks.len()) <= LocalBook::LEVELS_MAX {
            return None;
        }
        let reason = LostReason::Overrun;
        self.replace_book(MarketUpdate::BookLost { symbol, reason });
        Some(symbol)
    }

    fn replace_book(&mut self, update: MarketUpdate) {
        let symbol = update.symbol();
        self.replace(update, |old| old.is_of_book() && old.symbol() == symbol);
    }

    fn replace_same(&mut self, update: MarketUpdate) {
        let (symbol, stream) = (update.symbol(), update.stream());
        self.replace(update, |old| {
            old.symbol() == symbol && old.stream() == stream && !old.is_of_book()
        });
    }

    fn replace(&mut self, update: MarketUpdate, is_replaced: impl Fn(&MarketUpdate) -> bool) {
        let before = self.waiting.len();
        self.waiting.retain(|old| !is_replaced(old));
        let replaced = before.saturating_sub(self.waiting.len());
        self.dropped.conflated += u64::try_from(replaced).unwrap_or(u64::MAX);
        self.waiting.push_back(update);
    }

    fn drop_oldest_trade(&mut self) {
        let oldest = self
            .waiting
            .iter()
            .position(|update| matches!(update, MarketUpdate::Trade(_)));
        if let Some(place) = oldest {
            self.waiting.remove(place);
            self.dropped.trades += 1;
        }
    }
}

/// The newer quantity of each price; prices ascend afterwards.
fn merge(levels: &mut Vec<Level>, newer: Vec<Level>) {
    levels.extend(newer);
    // Stable: of one price the newest stands last, and is kept.
    levels.sort_by_key(|level| level.price);
    levels.dedup_by(|next, kept| {
        let is_same = next.price == kept.price;
        if is_same {
            *kept = *next;
        }
        is_same
    });
}
