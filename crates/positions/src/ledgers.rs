//! A ledger for each strategy, and their sum, which is what the venue sees.

use std::collections::BTreeMap;

use keel_domain::{Asset, Money, SignedQty, StrategyId, Symbol, Trade, TradeId};
use serde::{Deserialize, Serialize};

use crate::exact::add;
use crate::{Adjustment, Applied, Dust, Flow, Inexact, Ledger, LedgerError, SymbolBook};

/// The ledgers of the strategies on one account. A trade is in one of them at most; one that took nothing is not kept.
///
/// ```
/// use keel_domain::*;
/// use keel_positions::Ledgers;
///
/// let (btc, usdt): (Asset, Asset) = ("BTC".parse()?, "USDT".parse()?);
/// let symbol: Symbol = "BTCUSDT".parse()?;
/// let bought = |trade_id, last_qty: &str| -> Result<Trade, Box<dyn std::error::Error>> {
///     Ok(Trade {
///         symbol,
///         trade_id: TradeId(trade_id),
///         order_id: OrderId(trade_id),
///         side: Side::Buy,
///         last_px: "100".parse()?,
///         last_qty: last_qty.parse()?,
///         commission: Money::ZERO,
///         commission_asset: None,
///         is_maker: true,
///         transact_time: Timestamp::EPOCH,
///     })
/// };
/// let (maker, trend): (StrategyId, StrategyId) = ("maker".parse()?, "trend".parse()?);
/// let mut ledgers = Ledgers::default();
/// ledgers.apply(maker, &bought(1, "1")?, btc, usdt)?;
/// ledgers.apply(trend, &bought(2, "2")?, btc, usdt)?;
/// assert_eq!(ledgers.of(trend).map(|ledger| ledger.position(symbol)), Some("2".parse()?));
/// assert_eq!(ledgers.position(symbol), "3".parse()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ledgers {
    by_strategy: BTreeMap<StrategyId, Ledger>,
}

impl Ledgers {
    /// Books a trade of a pair of `base` and `quote` for its strategy, once.
    ///
    /// # Errors
    /// [`LedgerError`], also where the trade is another strategy's already; nothing changed.
    pub fn apply(
        &mut self,
        strategy: StrategyId,
        trade: &Trade,
        base: Asset,
        quote: Asset,
    ) -> Result<Applied, LedgerError> {
        let (symbol, id) = (trade.symbol, trade.trade_id);
        let is_own = self.of(strategy).is_some_and(|own| own.contains(symbol, id));
        if let Some(known) = self.owner(symbol, id).filter(|_| !is_own) {
            return Err(LedgerError::OtherStrategy {
                trade: Box::new(*trade),
                known,
                other: strategy,
            });
        }
        if !is_own && self.contains(symbol, id) {
            return Ok(Applied::Duplicate);
        }
        self.with(strategy, |ledger| ledger.apply(trade, base, quote))
    }

    /// Books a quantity of a strategy's that no trade explains, once.
    ///
    /// # Errors
    /// As [`Ledger::adjust`]; nothing changed.
    pub fn adjust(
        &mut self,
        strategy: StrategyId,
        adjustment: &Adjustment,
        base: Asset,
        quote: Asset,
    ) -> Result<Applied, LedgerError> {
        self.with(strategy, |ledger| ledger.adjust(adjustment, base, quote))
    }

    /// Moves dust out of a strategy's position, once.
    ///
    /// # Errors
    /// As [`Ledger::book_dust`]; nothing changed.
    pub fn book_dust(&mut self, strategy: StrategyId, dust: &Dust) -> Result<Applied, LedgerError> {
        self.with(strategy, |ledger| ledger.book_dust(dust))
    }

    fn with(
        &mut self,
        strategy: StrategyId,
        change: impl FnOnce(&mut Ledger) -> Result<Applied, LedgerError>,
    ) -> Result<Applied, LedgerError> {
        if let Some(ledger) = self.by_strategy.get_mut(&strategy) {
            return change(ledger);
        }
        let mut ledger = Ledger::new();
        let applied = change(&mut ledger)?;
        self.by_strategy.insert(strategy, ledger);
        Ok(applied)
    }

    /// Sums up old trades of a strategy on a pair: as [`Ledger::carry_forward`].
    pub fn carry_forward(&mut self, strategy: StrategyId, symbol: Symbol, before: TradeId, kept: usize) {
        if let Some(ledger) = self.by_strategy.get_mut(&strategy) {
            ledger.carry_forward(symbol, before, kept);
        }
    }

    /// One strategy's ledger, once it has taken something.
    #[must_use]
    pub fn of(&self, strategy: StrategyId) -> Option<&Ledger> {
        self.by_strategy.get(&strategy)
    }

    /// All strategies' ledgers.
    pub fn iter(&self) -> impl Iterator<Item = (StrategyId, &Ledger)> {
        self.by_strategy.iter().map(|(id, ledger)| (*id, ledger))
    }

    /// Every strategy's book of every pair.
    pub fn books(&self) -> impl Iterator<Item = (StrategyId, Symbol, &SymbolBook)> {
        self.iter()
            .flat_map(|(id, ledger)| ledger.books().map(move |(symbol, book)| (id, symbol, book)))
    }

    /// Every strategy's book of one pair.
    pub fn books_of(&self, symbol: Symbol) -> impl Iterator<Item = (StrategyId, &SymbolBook)> {
        self.iter()
            .filter_map(move |(id, ledger)| Some((id, ledger.book(symbol)?)))
    }

    /// Whose a trade is; none where it is not booked, or was carried forward.
    #[must_use]
    pub fn owner(&self, symbol: Symbol, trade_id: TradeId) -> Option<StrategyId> {
        let mut books = self.books_of(symbol);
        books
            .find(|(_, book)| book.trade(trade_id).is_some())
            .map(|(id, _)| id)
    }

    /// Whether the trade is anyone's. What is not after the last trade that was carried forward counts as booked.
    #[must_use]
    pub fn contains(&self, symbol: Symbol, trade_id: TradeId) -> bool {
        self.books_of(symbol).any(|(_, book)| book.contains(trade_id))
    }

    /// Base held of the pair by all strategies, dust left out.
    #[must_use]
    pub fn position(&self, symbol: Symbol) -> SignedQty {
        let positions = self.by_strategy.values().map(|ledger| ledger.position(symbol));
        positions.fold(SignedQty::ZERO, SignedQty::saturating_add)
    }

    /// Base held of the pair by all strategies that is too small to sell, and in no position.
    #[must_use]
    pub fn dust(&self, symbol: Symbol) -> Money {
        self.books_of(symbol)
            .map(|(_, book)| book.dust().position())
            .sum()
    }

    /// How many of the pair's trades are booked, those that were carried forward among them.
    #[must_use]
    pub fn trade_count(&self, symbol: Symbol) -> usize {
        self.books_of(symbol).map(|(_, book)| book.trade_count()).sum()
    }

    /// What the trades have changed of each asset, commissions apart.
    ///
    /// # Errors
    /// [`Inexact`] where a sum needs more than 28 digits.
    pub fn asset_flows(&self) -> Result<BTreeMap<Asset, Flow>, Inexact> {
        let mut sums: BTreeMap<Asset, Flow> = BTreeMap::new();
        for ledger in self.by_strategy.values() {
            for (asset, flow) in ledger.asset_flows()? {
                let sum = sums.entry(asset).or_default();
                sum.traded = add(sum.traded, flow.traded)?;
                sum.commission = add(sum.commission, flow.commission)?;
            }
        }
        Ok(sums)
    }
}
