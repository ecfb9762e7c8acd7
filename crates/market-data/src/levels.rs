//! One side of a book.

use keel_domain::Price;

use crate::Level;

/// One side: its levels in blocks, the worst first and the best last, where most changes are. A change moves levels within its
/// block alone, so that it costs the same however deep the book is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Levels {
    /// None is empty.
    blocks: Vec<Block>,
    count: usize,
}

#[derive(Debug, Clone)]
struct Block {
    /// Its best price, kept beside the others' for the search.
    best: Price,
    /// The best last.
    levels: Vec<Level>,
}

impl Block {
    /// At one more it is halved: short enough to be moved in a few cycles, long enough that the best block takes most changes.
    const LEVELS_MAX: usize = 64;

    fn begin(level: Level) -> Self {
        let mut levels = Vec::with_capacity(Self::LEVELS_MAX + 1);
        levels.push(level);
        Self {
            best: level.price,
            levels,
        }
    }

    fn note_best(&mut self) {
        if let Some(best) = self.levels.last() {
            self.best = best.price;
        }
    }

    /// Takes the worse half out.
    fn halve(&mut self) -> Option<Self> {
        let mut worse = self.levels.drain(..Self::LEVELS_MAX / 2);
        let mut half = Self::begin(worse.next()?);
        half.levels.extend(worse);
        half.note_best();
        Some(half)
    }
}

impl Levels {
    /// The most levels in sight; beyond it the worst are dropped.
    pub(crate) const MAX: usize = 5_000;
    /// Levels beyond the bound that are kept out of sight, so that the worst are dropped a block at a time.
    const SLACK: usize = 512;

    /// Sets a level's quantity; zero removes it. `is_worse` tells whether the first price is worse than the second.
    pub(crate) fn set(&mut self, level: Level, is_worse: impl Fn(Price, Price) -> bool) {
        let number = self.block_of(level.price, &is_worse);
        let Some(block) = self.blocks.get_mut(number) else {
            if !level.qty.is_zero() {
                self.blocks.push(Block::begin(level));
                self.count = 1;
            }
            return;
        };
        let levels = &mut block.levels;
        let place = levels.partition_point(|known| is_worse(known.price, level.price));
        let known = levels.get_mut(place).filter(|known| known.price == level.price);
        match (known, level.qty.is_zero()) {
            (Some(known), false) => known.qty = level.qty,
            (Some(_), true) => {
                levels.remove(place);
                block.note_best();
                self.count = self.count.saturating_sub(1);
                if block.levels.is_empty() {
                    self.blocks.remove(number);
                }
            }
            (None, true) => {}
            (None, false) => {
                levels.insert(place, level);
                block.note_best();
                self.count = self.count.saturating_add(1);
                self.keep_bounds(number);
            }
        }
    }

    /// Forgets all levels.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The best level.
    pub(crate) fn best(&self) -> Option<&Level> {
        self.blocks.last()?.levels.last()
    }

    /// The levels in sight, best first.
    pub(crate) fn best_first(&self) -> impl Iterator<Item = &Level> {
        let blocks = self.blocks.iter().rev();
        blocks.flat_map(|block| block.levels.iter().rev()).take(Self::MAX)
    }

    /// The block in which a price stands, or would: the first whose best price is not worse; else the best.
    fn block_of(&self, price: Price, is_worse: impl Fn(Price, Price) -> bool) -> usize {
        let last = self.blocks.len().saturating_sub(1);
        let behind = self.blocks.get(..last).unwrap_or_default();
        if behind.last().is_none_or(|block| is_worse(block.best, price)) {
            return last;
        }
        behind.partition_point(|block| is_worse(block.best, price))
    }

    /// After a level was put into a block.
    fn keep_bounds(&mut self, number: usize) {
        let block = self.blocks.get_mut(number);
        let full = block.filter(|block| block.levels.len() > Block::LEVELS_MAX);
        if let Some(worse) = full.and_then(Block::halve) {
            self.blocks.insert(number, worse);
        }
        if self.count > Self::MAX + Self::SLACK {
            // The worst levels are the first to go: nothing is decided by them.
            let dropped = self.blocks.remove(0);
            self.count = self.count.saturating_sub(dropped.levels.len());
        }
    }
}
