//! Whether a price can be believed.

use keel_domain::Price;

use crate::BookFault;

/// What a reading of the price was taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Within the band of the last good price, or the first one.
    Near,
    /// Beyond the band, and a second reading says the same: the new level is good.
    Confirmed,
    /// Beyond the band, and nothing says the same yet.
    Suspect,
    /// No price at all: zero.
    Invalid,
}

/// Holds back one pair's price after a jump, until a second reading of book or trades agrees with the first.
///
/// A single reading beyond the band is what a slipped digit, a delisted pair or a harmed frame looks like. A real move
/// is confirmed by the next event of the book or by a trade, so it costs one event.
#[derive(Debug, Clone)]
pub struct PriceGuard {
    band_bps: u32,
    good: Option<Price>,
    suspect: Option<Price>,
    book: Option<Price>,
}

impl PriceGuard {
    /// A guard without history; its first reading is good. `band_bps` is the widest step between two readings that
    /// needs no confirmation, in hundredths of a percent.
    #[must_use]
    pub fn new(band_bps: u32) -> Self {
        Self {
            band_bps,
            good: None,
            suspect: None,
            book: None,
        }
    }

    /// Takes the middle of an uncrossed book.
    pub fn on_book(&mut self, bid: Price, ask: Price) -> Reading {
        let middle = middle(bid, ask);
        let reading = self.read(middle);
        if reading != Reading::Invalid {
            self.book = Some(middle);
        }
        reading
    }

    /// Takes a price from elsewhere than the book: a trade's, as a rule.
    pub fn on_price(&mut self, price: Price) -> Reading {
        self.read(price)
    }

    /// The book is lost: its last reading says nothing of the next one. The last good price stays.
    pub fn on_book_lost(&mut self) {
        self.book = None;
    }

    /// Whether the book's price may be used.
    ///
    /// # Errors
    /// `Jumped` while the book stands beyond the band of the last good price.
    pub fn check_book(&self) -> Result<(), BookFault> {
        match (self.good, self.book) {
            (Some(good), Some(seen)) if !self.are_near(good, seen) => Err(BookFault::Jumped { good, seen }),
            _ => Ok(()),
        }
    }

    /// Whether a price is within the band of the last good one; true while there is none.
    #[must_use]
    pub fn is_near(&self, price: Price) -> bool {
        self.good.is_none_or(|good| self.are_near(good, price))
    }

    fn read(&mut self, price: Price) -> Reading {
        if price == Price::ZERO {
            return Reading::Invalid;
        }
        let reading = if self.is_near(price) {
            Reading::Near
        } else if self.suspect.is_some_and(|suspect| self.are_near(suspect, price)) {
            Reading::Confirmed
        } else {
            self.suspect = Some(price);
            return Reading::Suspect;
        };
        self.good = Some(price);
        self.suspect = None;
        reading
    }

    /// Exact: compared across, without a division.
    fn are_near(&self, from: Price, to: Price) -> bool {
        let (from, to) = (i128::from(from.units()), i128::from(to.units()));
        (to - from).abs() * 10_000 <= from * i128::from(self.band_bps)
    }
}

fn middle(bid: Price, ask: Price) -> Price {
    // Of two prices, neither below zero, the half of the difference cannot overflow.
    Price::from_units(bid.units() + (ask.units() - bid.units()) / 2).unwrap_or(Price::ZERO)
}
