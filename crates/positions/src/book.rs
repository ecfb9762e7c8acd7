//! One pair: its trades, and what follows from them.

use std::collections::BTreeMap;

use keel_domain::{Asset, Money, Side, SignedQty, Trade, TradeId, notional};
use serde::{Deserialize, Serialize, Serializer};

use crate::exact::{add, mul};
use crate::{AverageCost, Fifo, Inexact, LedgerError};

/// One pair's trades and what follows from them.
///
/// Only the facts are serialised; what follows is computed again when they are read, so a stored book cannot contradict
/// its own trades.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Facts")]
pub struct SymbolBook {
    base: Asset,
    quote: Asset,
    #[serde(serialize_with = "values")]
    trades: BTreeMap<TradeId, Trade>,
    #[serde(skip_serializing)]
    sums: Sums,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    base: Asset,
    quote: Asset,
    trades: Vec<Trade>,
}

fn values<K, V: Serialize, S: Serializer>(map: &BTreeMap<K, V>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(map.values())
}

impl TryFrom<Facts> for SymbolBook {
    type Error = LedgerError;

    fn try_from(facts: Facts) -> Result<Self, LedgerError> {
        let mut book = Self::new(facts.base, facts.quote);
        for trade in &facts.trades {
            if !book.has_booked(trade, facts.base, facts.quote)? {
                book.insert(trade)?;
            }
        }
        Ok(book)
    }
}

/// What follows from the trades.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Sums {
    average: AverageCost,
    commissions: BTreeMap<Asset, Money>,
    fees_in_quote: Money,
    turnover: Money,
}

impl Sums {
    /// A commission in base is base given away at the trade's price: it leaves the position, and its value is a fee.
    fn add(&mut self, trade: &Trade, base: Asset, quote: Asset) -> Result<(), Inexact> {
        let price = trade.last_px.to_decimal();
        self.average = self.average.traded(signed_qty(trade), price)?;
        self.turnover = add(self.turnover, notional(trade.last_qty, trade.last_px))?;
        let Some(asset) = commission_asset(trade) else {
            return Ok(());
        };
        let taken = self.commissions.entry(asset).or_default();
        *taken = add(*taken, trade.commission)?;
        if asset == base {
            self.average = self.average.traded(-trade.commission, price)?;
            self.fees_in_quote = add(self.fees_in_quote, mul(trade.commission, price)?)?;
        } else if asset == quote {
            self.fees_in_quote = add(self.fees_in_quote, trade.commission)?;
        }
        Ok(())
    }

    /// Whether the position is one that a `SignedQty` holds.
    fn is_in_range(&self) -> bool {
        SignedQty::from_decimal(self.average.position().trunc_with_scale(8)).is_ok()
    }
}

/// The largest value or commission of one trade. Beyond it 16 decimal places no longer fit a `Money`; no real trade comes
/// near.
const AMOUNT_MAX: i64 = 1_000_000_000_000;

/// Whether the trade's own amounts are exact and make sense.
fn is_in_range(trade: &Trade, base: Asset) -> bool {
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

/// The base that a trade brought (positive) or took, before commission.
pub(crate) fn signed_qty(trade: &Trade) -> Money {
    match trade.side {
        Side::Buy => trade.last_qty.to_decimal(),
        Side::Sell => -trade.last_qty.to_decimal(),
    }
}

/// The asset of a commission that is not zero.
pub(crate) fn commission_asset(trade: &Trade) -> Option<Asset> {
    trade.commission_asset.filter(|_| !trade.commission.is_zero())
}

impl SymbolBook {
    pub(crate) fn new(base: Asset, quote: Asset) -> Self {
        Self {
            base,
            quote,
            trades: BTreeMap::new(),
            sums: Sums::default(),
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

    /// Position, cost and realised profit by average cost, the method used everywhere unless another is named.
    #[must_use]
    pub fn average(&self) -> &AverageCost {
        &self.sums.average
    }

    /// Position, cost and realised profit by first in, first out: a pass over all trades.
    ///
    /// # Errors
    /// [`Inexact`] beyond 28 digits.
    pub fn fifo(&self) -> Result<Fifo, Inexact> {
        let mut fifo = Fifo::default();
        for trade in self.trades.values() {
            let price = trade.last_px.to_decimal();
            fifo.trade(signed_qty(trade), price)?;
            if commission_asset(trade) == Some(self.base) {
                fifo.trade(-trade.commission, price)?;
            }
        }
        Ok(fifo)
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

    /// The trades, by id.
    pub fn trades(&self) -> impl DoubleEndedIterator<Item = &Trade> {
        self.trades.values()
    }

    /// How many trades there are.
    #[must_use]
    pub fn trade_count(&self) -> usize {
        self.trades.len()
    }

    pub(crate) fn contains(&self, trade_id: TradeId) -> bool {
        self.trades.contains_key(&trade_id)
    }

    pub(crate) fn has_booked(&self, trade: &Trade, base: Asset, quote: Asset) -> Result<bool, LedgerError> {
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

    /// Books a trade that is not booked yet.
    pub(crate) fn insert(&mut self, trade: &Trade) -> Result<(), LedgerError> {
        let out_of_range = || LedgerError::OutOfRange {
            trade: Box::new(*trade),
        };
        let is_latest = self
            .trades
            .last_key_value()
            .is_none_or(|(last, _)| *last < trade.trade_id);
        let sums = if is_latest {
            let mut sums = self.sums.clone();
            sums.add(trade, self.base, self.quote).map(|()| sums)
        } else {
            self.sums_with(trade)
        };
        let sums = sums.map_err(|Inexact| out_of_range())?;
        if !is_in_range(trade, self.base) || !sums.is_in_range() {
            return Err(out_of_range());
        }
        self.trades.insert(trade.trade_id, *trade);
        self.sums = sums;
        Ok(())
    }

    /// Average cost depends on the order of trades, which is the order of their ids, not of their arrival.
    fn sums_with(&self, late: &Trade) -> Result<Sums, Inexact> {
        let mut sums = Sums::default();
        let before = self.trades.range(..late.trade_id).map(|(_, trade)| trade);
        let after = self.trades.range(late.trade_id..).map(|(_, trade)| trade);
        for trade in before.chain([late]).chain(after) {
            sums.add(trade, self.base, self.quote)?;
        }
        Ok(sums)
    }
}
