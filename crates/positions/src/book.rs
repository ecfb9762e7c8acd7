//! One pair: its trades, and what follows from them.

use std::collections::BTreeMap;

use keel_domain::{Asset, Instrument, Money, Price, Qty, Symbol, Timestamp, Trade, TradeId, notional};
use serde::{Deserialize, Serialize, Serializer};

use crate::bookings::{bookings, fifo};
use crate::carried::Carried;
use crate::exact::{add, sub};
use crate::sums::{Facts, Sums};
use crate::{
    Adjustment, Applied, AverageCost, Booking, CostMethod, Dust, Exit, Fifo, Inexact, LedgerError,
    RefusedCause,
};

/// One pair's trades and what follows from them.
///
/// Only the facts are serialised; what follows is computed again when they are read, so a stored book cannot contradict
/// its own trades.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "crate::stored::Stored")]
pub struct SymbolBook {
    pub(crate) facts: Facts,
    pub(crate) sums: Sums,
}

impl Serialize for SymbolBook {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.facts.serialize(serializer)
    }
}

/// The largest value or commission of one trade. Beyond it 16 decimal places no longer fit a `Money`; no real trade comes
/// near.
const AMOUNT_MAX: i64 = 1_000_000_000_000;

/// Whether the trade's own amounts are exact and make sense.
pub(crate) fn is_in_range(trade: &Trade, base: Asset) -> bool {
    let amount_max = Money::from(AMOUNT_MAX);
    let is_fee_in_base = trade.commission_asset == Some(base);
    let fee = trade.commission.abs();
    notional(trade.last_qty, trade.last_px) <= amount_max
        && fee <= amount_max
        && (!is_fee_in_base || fee <= trade.last_qty.to_decimal())
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

impl SymbolBook {
    pub(crate) fn new(base: Asset, quote: Asset) -> Self {
        Self {
            facts: Facts {
                base,
                quote,
                carried: None,
                trades: BTreeMap::new(),
                adjustments: BTreeMap::new(),
                dust: BTreeMap::new(),
            },
            sums: Sums::default(),
        }
    }

    /// What is bought and sold.
    #[must_use]
    pub fn base(&self) -> Asset {
        self.facts.base
    }

    /// What it is paid in.
    #[must_use]
    pub fn quote(&self) -> Asset {
        self.facts.quote
    }

    /// Position, cost and realised profit by average cost, the method used everywhere unless another is named.
    #[must_use]
    pub fn average(&self) -> &AverageCost {
        &self.sums.average
    }

    /// Position, cost and realised profit by first in, first out: a pass over all trades. Dust counts as held.
    ///
    /// # Errors
    /// [`Inexact`] beyond 28 digits.
    pub fn fifo(&self) -> Result<Fifo, Inexact> {
        fifo(&self.facts, |_, _| {})
    }

    /// Every trade with what it realised and cost, by trade id.
    ///
    /// # Errors
    /// [`Inexact`] beyond 28 digits.
    pub fn bookings(&self, method: CostMethod) -> Result<Vec<Booking>, Inexact> {
        bookings(&self.facts, method)
    }

    /// What is too small to sell, with its cost.
    #[must_use]
    pub fn dust(&self) -> &AverageCost {
        &self.sums.dust
    }

    /// What was taken over without known trades, with its estimated cost.
    #[must_use]
    pub fn adopted(&self) -> &AverageCost {
        &self.sums.adopted
    }

    /// Whether a part of the cost, and so of the profit, is an estimate.
    #[must_use]
    pub fn is_estimated(&self) -> bool {
        let is_carried_estimated = |carried: &Carried| carried.is_estimated;
        !self.facts.adjustments.is_empty() || self.facts.carried.as_ref().is_some_and(is_carried_estimated)
    }

    /// The book as it was before a time: of the trades, and of what was set aside or taken over after them, until then. What was
    /// carried forward stays in it.
    ///
    /// # Errors
    /// [`Inexact`] beyond 28 digits.
    pub fn before(&self, at: Timestamp) -> Result<Self, Inexact> {
        let mut facts = self.facts.clone();
        facts.trades.retain(|_, trade| trade.transact_time < at);
        facts.adjustments.retain(|_, adjustment| adjustment.at < at);
        let sums = facts.fold(|_, _| {})?;
        Ok(Self { facts, sums })
    }

    /// What closing position and dust at a price would add to the realised profit, before fees.
    ///
    /// # Errors
    /// [`Inexact`] beyond 28 digits.
    pub fn unrealised(&self, price: Money) -> Result<Money, Inexact> {
        add(
            self.sums.average.unrealised(price)?,
            self.sums.dust.unrealised(price)?,
        )
    }

    /// Profit of what was closed, before fees, in quote.
    #[must_use]
    pub fn realised(&self) -> Money {
        self.sums.average.realised()
    }

    /// Commissions by the asset they were taken in.
    #[must_use]
    pub fn commissions(&self) -> &BTreeMap<Asset, Money> {
        &self.sums.commissions
    }

    /// Commissions taken in base (valued at their trade's price) and in quote, in quote. Those in a third asset are only
    /// in [`SymbolBook::commissions`].
    #[must_use]
    pub fn fees_in_quote(&self) -> Money {
        self.sums.fees_in_quote
    }

    /// The sum of all trades' values, in quote.
    #[must_use]
    pub fn turnover(&self) -> Money {
        self.sums.turnover
    }

    /// Base and quote that trades brought less what they took, commissions apart.
    pub(crate) fn traded(&self) -> [(Asset, Money); 2] {
        let sums = &self.sums;
        [(self.base(), sums.base_traded), (self.quote(), sums.quote_traded)]
    }

    /// The trades that are kept one by one, by id.
    pub fn trades(&self) -> impl DoubleEndedIterator<Item = &Trade> {
        self.facts.trades.values()
    }

    /// A trade that is kept by itself.
    #[must_use]
    pub fn trade(&self, trade_id: TradeId) -> Option<&Trade> {
        self.facts.trades.get(&trade_id)
    }

    /// How many trades there are, with those that were carried forward.
    #[must_use]
    pub fn trade_count(&self) -> usize {
        self.carried_count().saturating_add(self.facts.trades.len())
    }

    /// How many trades were carried forward.
    #[must_use]
    pub fn carried_count(&self) -> usize {
        self.facts
            .carried
            .as_ref()
            .map_or(0, |carried| carried.trade_count)
    }

    pub(crate) fn contains(&self, trade_id: TradeId) -> bool {
        self.is_carried(Some(trade_id)) || self.trade(trade_id).is_some()
    }

    /// Whether what follows this trade, or opens the book, was carried forward.
    fn is_carried(&self, after: Option<TradeId>) -> bool {
        let carried = self.facts.carried.as_ref();
        carried.is_some_and(|carried| after <= Some(carried.through))
    }

    pub(crate) fn apply(&mut self, trade: &Trade, base: Asset, quote: Asset) -> Result<Applied, LedgerError> {
        self.check_assets(trade.symbol, base, quote)?;
        if self.is_carried(Some(trade.trade_id)) {
            return Ok(Applied::Duplicate);
        }
        if let Some(known) = self.trade(trade.trade_id) {
            if same_trade(known, trade) {
                return Ok(Applied::Duplicate);
            }
            let (known, other) = (Box::new(*known), Box::new(*trade));
            return Err(LedgerError::Contradiction { known, other });
        }
        let out_of_range = || LedgerError::OutOfRange {
            trade: Box::new(*trade),
        };
        if !is_in_range(trade, base) {
            return Err(out_of_range());
        }
        let last = self.facts.trades.last_key_value().map(|(id, _)| *id);
        let sums = if last.is_none_or(|last| last < trade.trade_id) {
            let mut sums = self.sums.clone();
            sums.add(trade, base, quote).map(|()| sums)
        } else {
            // Average cost depends on the order of trades, which is the order of their ids, not of their arrival.
            let mut facts = self.facts.clone();
            facts.trades.insert(trade.trade_id, *trade);
            facts.fold(|_, _| {})
        };
        let sums = sums.map_err(|Inexact| out_of_range())?;
        if !sums.is_in_range() {
            return Err(out_of_range());
        }
        self.facts.trades.insert(trade.trade_id, *trade);
        self.sums = sums;
        Ok(Applied::New)
    }

    pub(crate) fn carry_forward(&mut self, before: TradeId, kept: usize) {
        // What is adjusted or set aside next follows the last trade.
        let first_kept = self.facts.trades.keys().nth_back(kept.max(1) - 1);
        let Some(first_kept) = first_kept.map(|id| before.min(*id)) else {
            return;
        };
        if let Ok(Some(facts)) = self.facts.carried_before(first_kept) {
            self.facts = facts;
        }
    }

    pub(crate) fn check_assets(&self, symbol: Symbol, base: Asset, quote: Asset) -> Result<(), LedgerError> {
        let (known_base, known_quote) = (self.facts.base, self.facts.quote);
        if (known_base, known_quote) == (base, quote) {
            return Ok(());
        }
        Err(LedgerError::OtherAssets {
            symbol,
            known_base,
            known_quote,
            base,
            quote,
        })
    }

    pub(crate) fn adjust(&mut self, adjustment: &Adjustment) -> Result<Applied, LedgerError> {
        let refused = |cause| LedgerError::Refused {
            symbol: adjustment.symbol,
            after: adjustment.after,
            qty: adjustment.qty,
            cause,
        };
        let key = (adjustment.after, adjustment.at);
        match self.facts.adjustments.get(&key) {
            Some(known) if known == adjustment => return Ok(Applied::Duplicate),
            Some(_) => return Err(refused(RefusedCause::Other)),
            None => {}
        }
        if self.is_carried(adjustment.after) {
            return Err(refused(RefusedCause::CarriedForward));
        }
        if adjustment.after.is_some_and(|id| !self.contains(id)) {
            return Err(refused(RefusedCause::NoSuchTrade));
        }
        let mut facts = self.facts.clone();
        facts.adjustments.insert(key, *adjustment);
        let sums = facts.fold(|_, _| {}).map_err(|cause| refused(cause.into()))?;
        if !sums.is_in_range() {
            return Err(refused(RefusedCause::OutOfRange));
        }
        *self = Self { facts, sums };
        Ok(Applied::New)
    }

    pub(crate) fn book_dust(&mut self, dust: &Dust) -> Result<Applied, LedgerError> {
        let refused = |cause| LedgerError::Refused {
            symbol: dust.symbol,
            after: Some(dust.after),
            qty: dust.qty,
            cause,
        };
        match self.facts.dust.get(&dust.after) {
            Some(known) if known == dust => return Ok(Applied::Duplicate),
            Some(_) => return Err(refused(RefusedCause::Other)),
            None => {}
        }
        if self.is_carried(Some(dust.after)) {
            return Err(refused(RefusedCause::CarriedForward));
        }
        if !self.contains(dust.after) {
            return Err(refused(RefusedCause::NoSuchTrade));
        }
        let mut facts = self.facts.clone();
        facts.dust.insert(dust.after, *dust);
        let sums = facts.fold(|_, _| {}).map_err(|cause| refused(cause.into()))?;
        let moved = sub(sums.dust.position(), self.sums.dust.position());
        if dust.qty <= Money::ZERO || moved != Ok(dust.qty) {
            return Err(refused(RefusedCause::NotHeld));
        }
        *self = Self { facts, sums };
        Ok(Applied::New)
    }

    /// What the venue's holding of base says beyond position and dust, as an adjustment.
    pub(crate) fn unexplained(
        &self,
        symbol: Symbol,
        held: Money,
        at: Timestamp,
        px: Price,
    ) -> Result<Option<Adjustment>, Inexact> {
        let ours = add(self.sums.average.position(), self.sums.dust.position())?;
        let qty = sub(held, ours)?;
        let mut trades = self.facts.trades.values();
        let (first, last) = (trades.next(), trades.next_back());
        let carried = self.facts.carried.as_ref();
        let is_opening =
            qty > Money::ZERO && carried.is_none() && self.facts.adjusted_after(None).next().is_none();
        let after = if is_opening {
            None
        } else {
            last.or(first).map(|trade| trade.trade_id)
        };
        let first_px = carried.map(|carried| carried.first_px);
        let px = first_px.or(first.map(|trade| trade.last_px)).unwrap_or(px);
        Ok((!qty.is_zero()).then_some(Adjustment {
            symbol,
            after,
            at,
            qty,
            px,
        }))
    }

    /// What is left of the position, as dust after the last trade, where it is long and too small to sell at `price`.
    pub(crate) fn remainder(&self, instrument: &Instrument, price: Price) -> Option<Dust> {
        let qty = self.sums.average.position();
        let (after, _) = self.facts.trades.last_key_value()?;
        let held = Qty::from_decimal(qty.trunc_with_scale(8)).ok()?;
        let is_dust = qty > Money::ZERO && !Exit::of(instrument, held, price).is_possible();
        is_dust.then_some(Dust {
            symbol: instrument.symbol,
            after: *after,
            qty,
        })
    }
}
