//! Trades by (symbol, trade id), applied once.

use std::collections::BTreeMap;

use keel_domain::{
    Asset, Instrument, Money, Price, SignedQty, StrategyId, Symbol, Timestamp, Trade, TradeId,
};
use serde::{Deserialize, Serialize};

use crate::exact::{add, sub};
use crate::{Adjustment, Dust, Inexact, SymbolBook};

/// What a trade did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It was booked.
    New,
    /// It had been booked before.
    Duplicate,
}

/// A trade that cannot be booked. The ledger is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The same id came with other contents.
    #[error("{}: trade {} came twice with different contents: {known:?} and {other:?}", .known.symbol, .known.trade_id)]
    Contradiction {
        /// The one that is booked.
        known: Box<Trade>,
        /// The one that is not.
        other: Box<Trade>,
    },
    /// The trade is another strategy's already.
    #[error("{}: trade {} is booked for {known} and now comes for {other}", .trade.symbol, .trade.trade_id)]
    OtherStrategy {
        /// The trade.
        trade: Box<Trade>,
        /// Whose it is.
        known: StrategyId,
        /// Whose it would be.
        other: StrategyId,
    },
    /// A value or commission above 10^12, a commission in base above the quantity, a position beyond what a
    /// `SignedQty` holds, or a sum of more than 28 digits: money would no longer be exact.
    #[error("{}: trade {} is out of range: {trade:?}", .trade.symbol, .trade.trade_id)]
    OutOfRange {
        /// The one that is not booked.
        trade: Box<Trade>,
    },
    /// The pair's assets are not those its trades were booked with.
    #[error("{symbol}: its trades were booked as {known_base}/{known_quote}, and now come as {base}/{quote}")]
    OtherAssets {
        /// The pair.
        symbol: Symbol,
        /// The base asset of the booked trades.
        known_base: Asset,
        /// The quote asset of the booked trades.
        known_quote: Asset,
        /// The base asset now.
        base: Asset,
        /// The quote asset now.
        quote: Asset,
    },
    /// A stored book whose sums are out of range, or with a trade among those carried forward: it was not written by this crate.
    #[error(
        "a stored book of {base}/{quote} is out of range, or has trades among those that were carried forward"
    )]
    StoredOutOfRange {
        /// Its base asset.
        base: Asset,
        /// Its quote asset.
        quote: Asset,
    },
    /// An adjustment or dust that cannot be booked.
    #[error("{symbol}: {qty} after trade {} cannot be booked: {cause}", .after.map_or(0, |id| id.0))]
    Refused {
        /// The pair.
        symbol: Symbol,
        /// The trade it was to follow.
        after: Option<TradeId>,
        /// Base.
        qty: Money,
        /// Why.
        cause: RefusedCause,
    },
}

/// Why an adjustment or dust cannot be booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefusedCause {
    /// Another quantity was booked after the same trade.
    #[error("another quantity is booked there")]
    Other,
    /// It would come between trades that were carried forward.
    #[error("the trades there were carried forward")]
    CarriedForward,
    /// The trade it follows is not booked.
    #[error("that trade is not booked")]
    NoSuchTrade,
    /// More dust than the position holds, or none.
    #[error("the position does not hold it")]
    NotHeld,
    /// The position would be beyond what a `SignedQty` holds.
    #[error("the position would be out of range")]
    OutOfRange,
    /// An amount would need more than 28 digits.
    #[error("{0}")]
    Inexact(#[from] Inexact),
}

/// All trades of the system. It keeps each (about 150 bytes), since any may come again, until it is carried forward.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    books: BTreeMap<Symbol, SymbolBook>,
}

impl Ledger {
    /// No trades.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Books a trade of a pair of `base` and `quote`, once.
    ///
    /// A trade with a lower id than the last costs a pass over the pair's trades, all others constant time.
    ///
    /// # Errors
    /// [`LedgerError`]; nothing changed.
    pub fn apply(&mut self, trade: &Trade, base: Asset, quote: Asset) -> Result<Applied, LedgerError> {
        self.with_book(trade.symbol, base, quote, |book| book.apply(trade, base, quote))
    }

    /// Books a quantity that no trade explains, once.
    ///
    /// # Errors
    /// [`LedgerError::Refused`], or other assets than the pair's; nothing changed.
    pub fn adjust(
        &mut self,
        adjustment: &Adjustment,
        base: Asset,
        quote: Asset,
    ) -> Result<Applied, LedgerError> {
        self.with_book(adjustment.symbol, base, quote, |book| {
            book.check_assets(adjustment.symbol, base, quote)?;
            book.adjust(adjustment)
        })
    }

    /// What the venue's word on the holding says beyond what the trades explain: apply all trades that the venue still
    /// lists first, then [`Ledger::adjust`] by this. `held` is the base at the venue that the strategy owns, dust
    /// included. More than is explained was held before the first known trade, and is taken at that trade's price (at
    /// `px` where none is known); less has left since, and leaves at its average cost.
    ///
    /// # Errors
    /// [`Inexact`] where a sum needs more than 28 digits.
    pub fn unexplained(
        &self,
        instrument: &Instrument,
        held: Money,
        at: Timestamp,
        px: Price,
    ) -> Result<Option<Adjustment>, Inexact> {
        let none = SymbolBook::new(instrument.base, instrument.quote);
        let book = self.book(instrument.symbol).unwrap_or(&none);
        book.unexplained(instrument.symbol, held, at, px)
    }

    /// The position as dust, where it is long and too small to sell at `price` (the bid); book it with
    /// [`Ledger::book_dust`] once no order is open on it.
    #[must_use]
    pub fn remainder(&self, instrument: &Instrument, price: Price) -> Option<Dust> {
        self.book(instrument.symbol)?.remainder(instrument, price)
    }

    /// Moves dust out of the position, once.
    ///
    /// # Errors
    /// [`LedgerError::Refused`]; nothing changed.
    pub fn book_dust(&mut self, dust: &Dust) -> Result<Applied, LedgerError> {
        match self.books.get_mut(&dust.symbol) {
            Some(book) => book.book_dust(dust),
            None => Err(LedgerError::Refused {
                symbol: dust.symbol,
                after: Some(dust.after),
                qty: dust.qty,
                cause: RefusedCause::NoSuchTrade,
            }),
        }
    }

    /// Sums a pair's trades up that lie before `before`, but for the latest `kept` of all (at least the last): they are in every
    /// sum as before, and count as booked, but are not given one by one any more. To be called once no trade before `before`
    /// can be new. Costs a pass over the pair's trades. Sums that would not be exact are not made; everything stays then.
    pub fn carry_forward(&mut self, symbol: Symbol, before: TradeId, kept: usize) {
        if let Some(book) = self.books.get_mut(&symbol) {
            book.carry_forward(before, kept);
        }
    }

    /// A book that takes nothing is not kept.
    fn with_book(
        &mut self,
        symbol: Symbol,
        base: Asset,
        quote: Asset,
        book_it: impl FnOnce(&mut SymbolBook) -> Result<Applied, LedgerError>,
    ) -> Result<Applied, LedgerError> {
        if let Some(book) = self.books.get_mut(&symbol) {
            return book_it(book);
        }
        let mut book = SymbolBook::new(base, quote);
        let applied = book_it(&mut book)?;
        self.books.insert(symbol, book);
        Ok(applied)
    }

    /// Whether the trade has been booked. What is not after the last trade that was carried forward counts as booked.
    #[must_use]
    pub fn contains(&self, symbol: Symbol, trade_id: TradeId) -> bool {
        self.books
            .get(&symbol)
            .is_some_and(|book| book.contains(trade_id))
    }

    /// One pair's book, once it has a trade.
    #[must_use]
    pub fn book(&self, symbol: Symbol) -> Option<&SymbolBook> {
        self.books.get(&symbol)
    }

    /// All pairs' books.
    pub fn books(&self) -> impl Iterator<Item = (Symbol, &SymbolBook)> {
        self.books.iter().map(|(symbol, book)| (*symbol, book))
    }

    /// Base held of the pair, after commissions taken in base; rounded towards zero to 1e-8, the venue's own precision.
    #[must_use]
    pub fn position(&self, symbol: Symbol) -> SignedQty {
        let position = self
            .books
            .get(&symbol)
            .map_or(Money::ZERO, |book| book.average().position());
        SignedQty::from_decimal(position.trunc_with_scale(8)).unwrap_or_default()
    }

    /// Cost of one unit of base; none while flat.
    #[must_use]
    pub fn avg_px(&self, symbol: Symbol) -> Option<Money> {
        self.books.get(&symbol).and_then(|book| book.average().avg_px())
    }

    /// What the trades have changed of each asset: the sum of what was received less what was given less commissions.
    ///
    /// # Errors
    /// [`Inexact`] where a sum needs more than 28 digits.
    pub fn asset_changes(&self) -> Result<BTreeMap<Asset, Money>, Inexact> {
        let net = |(asset, flow): (Asset, Flow)| Ok((asset, sub(flow.traded, flow.commission)?));
        self.asset_flows()?.into_iter().map(net).collect()
    }

    /// What the trades have changed of each asset, commissions apart.
    ///
    /// # Errors
    /// [`Inexact`] where a sum needs more than 28 digits.
    pub fn asset_flows(&self) -> Result<BTreeMap<Asset, Flow>, Inexact> {
        let mut flows: BTreeMap<Asset, Flow> = BTreeMap::new();
        for book in self.books.values() {
            for (asset, traded) in book.traded() {
                let flow = flows.entry(asset).or_default();
                flow.traded = add(flow.traded, traded)?;
            }
            for (asset, commission) in book.commissions() {
                let flow = flows.entry(*asset).or_default();
                flow.commission = add(flow.commission, *commission)?;
            }
        }
        Ok(flows)
    }
}

/// What trades did to one asset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flow {
    /// What they brought less what they took.
    pub traded: Money,
    /// What commissions took.
    pub commission: Money,
}
