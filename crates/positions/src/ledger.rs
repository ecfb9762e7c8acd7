//! Trades by (symbol, trade id), applied once.

use std::collections::BTreeMap;

use keel_domain::{Asset, Money, Side, SignedQty, Symbol, Trade, TradeId, notional};

use crate::AverageCost;

/// The largest value or commission of one trade. Beyond it 16 decimal places no longer fit a `Money`, and sums of
/// trades could overflow; no real trade comes near.
const AMOUNT_MAX: i64 = 1_000_000_000_000;

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
    /// A value or commission above 10^12, a commission in base above the quantity, or a position beyond what a
    /// `SignedQty` holds: money would no longer be exact.
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

    fn has_booked(&self, trade: &Trade, base: Asset, quote: Asset) -> Result<bool, LedgerError> {
        if (self.base, self.quote) != (base, quote) {
            return Err(LedgerError::OtherAssets {
                symbol: trade.symbol,
                known_base: self.base,
                known_quote: self.quote,
                base,
                quote,
            });
        }
        match self.trades.get(&trade.trade_id) {
            Some(known) if same_trade(known, trade) => Ok(true),
            Some(known) => {
                let (known, other) = (Box::new(*known), Box::new(*trade));
                Err(LedgerError::Contradiction { known, other })
            }
            None => Ok(false),
        }
    }

    fn insert(&mut self, trade: &Trade) {
        let is_latest = self
            .trades
            .last_key_value()
            .is_none_or(|(last, _)| *last < trade.trade_id);
        self.trades.insert(trade.trade_id, *trade);
        if is_latest {
            self.fold(trade);
        } else {
            self.refold();
        }
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
        let Some(asset) = trade.commission_asset.filter(|_| !trade.commission.is_zero()) else {
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
        let held = match self.books.get(&trade.symbol) {
            Some(book) if book.has_booked(trade, base, quote)? => return Ok(Applied::Duplicate),
            Some(book) => book.average.position(),
            None => Money::ZERO,
        };
        if !is_in_range(trade, base, held) {
            let trade = Box::new(*trade);
            return Err(LedgerError::OutOfRange { trade });
        }
        self.books
            .entry(trade.symbol)
            .or_insert_with(|| SymbolBook::new(base, quote))
            .insert(trade);
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
                if let Some(asset) = trade.commission_asset.filter(|_| !trade.commission.is_zero()) {
                    *changes.entry(asset).or_default() -= trade.commission;
                }
            }
        }
        changes
    }
}

/// Whether money stays exact, and the position a `SignedQty`, with the trade added to what is held.
fn is_in_range(trade: &Trade, base: Asset, held: Money) -> bool {
    let amount_max = Money::from(AMOUNT_MAX);
    let qty = trade.last_qty.to_decimal();
    let is_fee_in_base = trade.commission_asset == Some(base);
    if notional(trade.last_qty, trade.last_px) > amount_max || trade.commission.abs() > amount_max {
        return false;
    }
    if is_fee_in_base && trade.commission.abs() > qty {
        return false;
    }
    let traded = match trade.side {
        Side::Buy => qty,
        Side::Sell => -qty,
    };
    let fee = if is_fee_in_base {
        trade.commission
    } else {
        Money::ZERO
    };
    SignedQty::from_decimal((held + traded - fee).trunc_with_scale(8)).is_ok()
}

/// Whether two reports tell of the same trade. The time is left out, since events and queries may differ in precision,
/// and so is the asset of a commission of zero, which an event may leave null and a query name.
fn same_trade(known: &Trade, other: &Trade) -> bool {
    let is_free = known.commission.is_zero() && other.commission.is_zero();
    let commission_asset = if is_free {
        other.commission_asset
    } else {
        known.commission_asset
    };
    let transact_time = other.transact_time;
    Trade {
        commission_asset,
        transact_time,
        ..*known
    } == *other
}
