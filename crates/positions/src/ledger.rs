//! Trades by (symbol, trade id), applied once.

use std::collections::BTreeMap;

use keel_domain::{Asset, Money, Side, SignedQty, Symbol, Trade, TradeId, notional};

use crate::AverageCost;

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
}

/// One pair's trades and what follows from them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SymbolBook {
    base: Asset,
    quote: Asset,
    trades: BTreeMap<TradeId, Trade>,
    average: AverageCost,
    commissions: BTreeMap<Asset, Money>,
    fees_in_quote: Money,
    turnover: Money,
}

impl SymbolBook {
    fn new(base: Asset, quote: Asset) -> Self {
        Self {
            base,
            quote,
            trades: BTreeMap::new(),
            average: AverageCost::default(),
            commissions: BTreeMap::new(),
            fees_in_quote: Money::ZERO,
            turnover: Money::ZERO,
        }
    }

    /// What is bought and sold.
    #[must_use]
    pub fn base(&self) -> Asset {
        self.base
    }

    /// What it is paid in.
    #[must_use]
    pub fn quote(&self) -> Asset {
        self.quote
    }

    /// Position, cost and realised profit.
    #[must_use]
    pub fn average(&self) -> &AverageCost {
        &self.average
    }

    /// Profit of what was closed, before fees, in quote.
    #[must_use]
    pub fn realised(&self) -> Money {
        self.average.realised()
    }

    /// Commissions by the asset they were taken in.
    #[must_use]
    pub fn commissions(&self) -> &BTreeMap<Asset, Money> {
        &self.commissions
    }

    /// Commissions taken in base (valued at their trade's price) and in quote, in quote. Those in a third asset are only
    /// in [`SymbolBook::commissions`].
    #[must_use]
    pub fn fees_in_quote(&self) -> Money {
        self.fees_in_quote
    }

    /// The sum of all trades' values, in quote.
    #[must_use]
    pub fn turnover(&self) -> Money {
        self.turnover
    }

    /// The trades, by id.
    pub fn trades(&self) -> impl DoubleEndedIterator<Item = &Trade> {
        self.trades.values()
    }

    /// How many trades there are.
    #[must_use]
    pub fn trade_count(&self) -> usize {
        self.trades.len()
    }

    /// A commission in base is base given away at the trade's price: it leaves the position, and its value is a fee.
    fn fold(&mut self, trade: &Trade) {
        let price = trade.last_px.to_decimal();
        let value = notional(trade.last_qty, trade.last_px);
        let signed_qty = match trade.side {
            Side::Buy => trade.last_qty.to_decimal(),
            Side::Sell => -trade.last_qty.to_decimal(),
        };
        self.average.trade(signed_qty, price);
        self.turnover += value;
        let Some(asset) = trade.commission_asset else {
            return;
        };
        *self.commissions.entry(asset).or_default() += trade.commission;
        if asset == self.base {
            self.average.trade(-trade.commission, price);
            self.fees_in_quote += trade.commission * price;
        } else if asset == self.quote {
            self.fees_in_quote += trade.commission;
        }
    }

    /// Average cost depends on the order of trades, which is the order of their ids, not of their arrival.
    fn refold(&mut self) {
        let trades = std::mem::take(&mut self.trades);
        *self = Self::new(self.base, self.quote);
        for trade in trades.values() {
            self.fold(trade);
        }
        self.trades = trades;
    }
}

/// All trades of the system. It keeps every one (about 150 bytes each), since any may come again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
        let book = self
            .books
            .entry(trade.symbol)
            .or_insert_with(|| SymbolBook::new(base, quote));
        if (book.base, book.quote) != (base, quote) {
            let (known_base, known_quote) = (book.base, book.quote);
            return Err(LedgerError::OtherAssets {
                symbol: trade.symbol,
                known_base,
                known_quote,
                base,
                quote,
            });
        }
        match book.trades.get(&trade.trade_id) {
            Some(known) if same_trade(known, trade) => return Ok(Applied::Duplicate),
            Some(known) => {
                let (known, other) = (Box::new(*known), Box::new(*trade));
                return Err(LedgerError::Contradiction { known, other });
            }
            None => {}
        }
        let is_latest = book
            .trades
            .last_key_value()
            .is_none_or(|(last, _)| *last < trade.trade_id);
        book.trades.insert(trade.trade_id, *trade);
        if is_latest {
            book.fold(trade);
        } else {
            book.refold();
        }
        Ok(Applied::New)
    }

    /// Whether the trade has been booked.
    #[must_use]
    pub fn contains(&self, symbol: Symbol, trade_id: TradeId) -> bool {
        self.books
            .get(&symbol)
            .is_some_and(|book| book.trades.contains_key(&trade_id))
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
            .map_or(Money::ZERO, |book| book.average.position());
        SignedQty::from_decimal(position.trunc_with_scale(8)).unwrap_or_default()
    }

    /// Cost of one unit of base; none while flat.
    #[must_use]
    pub fn avg_px(&self, symbol: Symbol) -> Option<Money> {
        self.books.get(&symbol).and_then(|book| book.average.avg_px())
    }

    /// What the trades have changed of each asset: the sum of what was received less what was given less commissions.
    #[must_use]
    pub fn asset_changes(&self) -> BTreeMap<Asset, Money> {
        let mut changes: BTreeMap<Asset, Money> = BTreeMap::new();
        for book in self.books.values() {
            for trade in book.trades.values() {
                let value = notional(trade.last_qty, trade.last_px);
                let qty = trade.last_qty.to_decimal();
                let (base, quote) = match trade.side {
                    Side::Buy => (qty, -value),
                    Side::Sell => (-qty, value),
                };
                *changes.entry(book.base).or_default() += base;
                *changes.entry(book.quote).or_default() += quote;
                if let Some(asset) = trade.commission_asset {
                    *changes.entry(asset).or_default() -= trade.commission;
                }
            }
        }
        changes
    }
}

/// Whether two reports tell of the same trade. The time is left out: events and queries may differ in precision.
fn same_trade(known: &Trade, other: &Trade) -> bool {
    Trade {
        transact_time: other.transact_time,
        ..*known
    } == *other
}
