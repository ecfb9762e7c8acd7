//! What each trade realised.

use keel_domain::{Money, Trade};

use crate::carried::Carried;
use crate::exact::sub;
use crate::sums::{Facts, commission_asset, fee_in_quote, signed_qty};
use crate::{Fifo, Inexact};

/// How the cost of what is closed is found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CostMethod {
    /// An even part of the cost of all that is held.
    #[default]
    AverageCost,
    /// The cost of what was opened first.
    Fifo,
}

/// A trade with what it realised and cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Booking {
    /// The trade.
    pub trade: Trade,
    /// What it added to the realised profit, before fees, in quote.
    pub realised: Money,
    /// Its commission in quote; zero for one in a third asset, which has no price here.
    pub fee_in_quote: Money,
    /// Whether a part of the cost before it was an estimate.
    pub is_estimated: bool,
}

pub(crate) fn fifo(facts: &Facts, mut each: impl FnMut(&Trade, &Fifo)) -> Result<Fifo, Inexact> {
    let mut fifo = facts.carried.as_ref().map_or_else(Fifo::default, Carried::fifo);
    let adjust = |fifo: &mut Fifo, after| {
        let mut adjustments = facts.adjusted_after(after);
        adjustments.try_for_each(|adjustment| fifo.adjust(adjustment.qty, adjustment.px.to_decimal()))
    };
    adjust(&mut fifo, None)?;
    for trade in facts.trades.values() {
        let price = trade.last_px.to_decimal();
        fifo.trade(signed_qty(trade), price)?;
        if commission_asset(trade) == Some(facts.base) {
            fifo.trade(-trade.commission, price)?;
        }
        each(trade, &fifo);
        adjust(&mut fifo, Some(trade.trade_id))?;
    }
    Ok(fifo)
}

pub(crate) fn bookings(facts: &Facts, method: CostMethod) -> Result<Vec<Booking>, Inexact> {
    let mut totals: Vec<(Trade, Money)> = Vec::with_capacity(facts.trades.len());
    match method {
        CostMethod::AverageCost => {
            facts.fold(|trade, sums| totals.push((*trade, sums.average.realised())))?;
        }
        CostMethod::Fifo => {
            fifo(facts, |trade, fifo| totals.push((*trade, fifo.realised())))?;
        }
    }
    let carried = facts.carried.as_ref();
    let is_carried_estimated = carried.is_some_and(|carried| carried.is_estimated);
    let first_estimate = facts.adjustments.keys().next().map(|(after, _)| *after);
    let mut before = carried.map_or(Money::ZERO, |carried| match method {
        CostMethod::AverageCost => carried.realised(),
        CostMethod::Fifo => carried.fifo.realised(),
    });
    let booking = |(trade, total): (Trade, Money)| {
        let realised = sub(total, before)?;
        before = total;
        Ok(Booking {
            trade,
            realised,
            fee_in_quote: fee_in_quote(&trade, facts.base, facts.quote)?,
            is_estimated: is_carried_estimated
                || first_estimate.is_some_and(|after| after < Some(trade.trade_id)),
        })
    };
    totals.into_iter().map(booking).collect()
}
