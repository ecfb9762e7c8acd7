//! What follows from a pair's facts: a pass over them by trade id.

use std::collections::BTreeMap;

use keel_domain::{Asset, Money, Side, SignedQty, Timestamp, Trade, TradeId, notional};
use serde::{Deserialize, Serialize, Serializer};

use crate::carried::Carried;
use crate::exact::{add, mul, sub};
use crate::{Adjustment, AverageCost, Dust, Inexact};

/// What was booked of one pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Facts {
    pub(crate) base: Asset,
    pub(crate) quote: Asset,
    /// What came before the trades.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) carried: Option<Carried>,
    #[serde(serialize_with = "values")]
    pub(crate) trades: BTreeMap<TradeId, Trade>,
    #[serde(serialize_with = "values")]
    pub(crate) adjustments: BTreeMap<(Option<TradeId>, Timestamp), Adjustment>,
    #[serde(serialize_with = "values")]
    pub(crate) dust: BTreeMap<TradeId, Dust>,
}

fn values<K, V: Serialize, S: Serializer>(map: &BTreeMap<K, V>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(map.values())
}

/// What follows from the facts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sums {
    pub(crate) average: AverageCost,
    pub(crate) dust: AverageCost,
    pub(crate) adopted: AverageCost,
    pub(crate) commissions: BTreeMap<Asset, Money>,
    pub(crate) fees_in_quote: Money,
    pub(crate) turnover: Money,
    /// Base that trades brought less what they took, before commissions.
    pub(crate) base_traded: Money,
    /// Quote, likewise.
    pub(crate) quote_traded: Money,
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

/// What one trade's commission is worth in quote; zero for one in a third asset, which has no price here.
pub(crate) fn fee_in_quote(trade: &Trade, base: Asset, quote: Asset) -> Result<Money, Inexact> {
    match commission_asset(trade) {
        Some(asset) if asset == base => mul(trade.commission, trade.last_px.to_decimal()),
        Some(asset) if asset == quote => Ok(trade.commission),
        _ => Ok(Money::ZERO),
    }
}

impl Facts {
    /// Everything in its order: adjustments and dust directly after the trade they name. `each` sees the sums after
    /// every trade.
    pub(crate) fn fold(&self, mut each: impl FnMut(&Trade, &Sums)) -> Result<Sums, Inexact> {
        let mut sums = self.carried.as_ref().map_or_else(Sums::default, Carried::sums);
        self.after(None, &mut sums)?;
        for trade in self.trades.values() {
            sums.add(trade, self.base, self.quote)?;
            each(trade, &sums);
            self.after(Some(trade.trade_id), &mut sums)?;
        }
        Ok(sums)
    }

    /// The adjustments directly after a trade, by the time they were accepted.
    pub(crate) fn adjusted_after(&self, trade_id: Option<TradeId>) -> impl Iterator<Item = &Adjustment> {
        let all_times =
            (trade_id, Timestamp::from_nanos(i64::MIN))..=(trade_id, Timestamp::from_nanos(i64::MAX));
        self.adjustments
            .range(all_times)
            .map(|(_, adjustment)| adjustment)
    }

    fn after(&self, trade_id: Option<TradeId>, sums: &mut Sums) -> Result<(), Inexact> {
        for adjustment in self.adjusted_after(trade_id) {
            sums.adjust(adjustment)?;
        }
        match trade_id.and_then(|id| self.dust.get(&id)) {
            Some(dust) => sums.set_aside(dust.qty),
            None => Ok(()),
        }
    }
}

impl Sums {
    /// A commission in base is base given away at the trade's price: it leaves the position, and its value is a fee.
    pub(crate) fn add(&mut self, trade: &Trade, base: Asset, quote: Asset) -> Result<(), Inexact> {
        let price = trade.last_px.to_decimal();
        let (qty, value) = (signed_qty(trade), notional(trade.last_qty, trade.last_px));
        self.average = self.average.traded(qty, price)?;
        self.turnover = add(self.turnover, value)?;
        self.base_traded = add(self.base_traded, qty)?;
        self.quote_traded = match trade.side {
            Side::Buy => sub(self.quote_traded, value)?,
            Side::Sell => add(self.quote_traded, value)?,
        };
        self.fees_in_quote = add(self.fees_in_quote, fee_in_quote(trade, base, quote)?)?;
        let Some(asset) = commission_asset(trade) else {
            return Ok(());
        };
        let taken = self.commissions.entry(asset).or_default();
        *taken = add(*taken, trade.commission)?;
        if asset == base {
            self.average = self.average.traded(-trade.commission, price)?;
        }
        Ok(())
    }

    fn adjust(&mut self, adjustment: &Adjustment) -> Result<(), Inexact> {
        let before = self.average;
        self.average = before.adjusted(adjustment.qty, adjustment.px.to_decimal())?;
        let cost = sub(self.average.cost(), before.cost())?;
        self.adopted = self.adopted.received(adjustment.qty, cost)?;
        Ok(())
    }

    /// Moves what is held, at most `qty`, to dust at its cost. A trade that comes late may have left less.
    fn set_aside(&mut self, qty: Money) -> Result<(), Inexact> {
        let qty = qty.min(self.average.position());
        if qty <= Money::ZERO {
            return Ok(());
        }
        let (average, cost) = self.average.released(qty)?;
        self.dust = self.dust.received(qty, cost)?;
        self.average = average;
        Ok(())
    }

    /// Whether the position is one that a `SignedQty` holds.
    pub(crate) fn is_in_range(&self) -> bool {
        SignedQty::from_decimal(self.average.position().trunc_with_scale(8)).is_ok()
    }
}
