//! What a statement rests on and no trade tells: the prices at which each day begins, and what fees in a third asset were worth.

use std::collections::BTreeMap;
use std::time::Duration;

use keel_domain::{Asset, Money, Price, StrategyId, Symbol, Timestamp, Trade, notional};
use keel_execution::IdParts;
use serde::{Deserialize, Serialize};

use crate::{DurableState, Fact, Fault, Step, Trader};

/// What the venue takes of a trade where there is no discount.
const STANDARD_FEE: Money = Money::from_parts(1, 0, 0, false, 3);

/// Fees that one pair's trades paid in assets other than its own, such as BNB.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherFees {
    /// What those were worth, in quote, that could be bought at a fresh price when their trade was told.
    pub value: Money,
    /// How many trades' fees had no such price: they are in no value.
    pub unvalued: u64,
}

/// Whether the trade paid a commission in neither asset of its pair.
fn is_fee_elsewhere(trade: &Trade, base: Asset, quote: Asset) -> bool {
    let is_elsewhere = |asset: &Asset| *asset != base && *asset != quote;
    !trade.commission.is_zero() && trade.commission_asset.as_ref().is_some_and(is_elsewhere)
}

impl DurableState {
    /// What the strategy's trades on the pair have paid in assets other than the pair's own.
    #[must_use]
    pub fn other_fees(&self, strategy: StrategyId, symbol: Symbol) -> OtherFees {
        let of_strategy = self.other_fees.get(&strategy);
        of_strategy
            .and_then(|pairs| pairs.get(&symbol))
            .copied()
            .unwrap_or_default()
    }

    fn other_fees_mut(&mut self, strategy: StrategyId, symbol: Symbol) -> &mut OtherFees {
        self.other_fees
            .entry(strategy)
            .or_default()
            .entry(symbol)
            .or_default()
    }

    /// Counts a fee in a third asset at what the venue would have taken of the trade itself, at most: the loss budget's reading.
    pub(crate) fn fee_elsewhere(
        &mut self,
        strategy: StrategyId,
        trade: &Trade,
        (base, quote): (Asset, Asset),
    ) -> Money {
        if !is_fee_elsewhere(trade, base, quote) {
            return Money::ZERO;
        }
        self.other_fees_mut(strategy, trade.symbol).unvalued += 1;
        let fee = notional(trade.last_qty, trade.last_px) * STANDARD_FEE;
        self.fees_elsewhere += fee;
        fee
    }

    /// The facts that say what is held, and what it and the day are worth.
    pub(crate) fn apply_money(&mut self, at: Timestamp, fact: &Fact) -> Result<(), Fault> {
        match fact {
            Fact::Adjusted { strategy, adjustment } => self.adjust(*strategy, adjustment)?,
            Fact::Dust { strategy, dust } => {
                self.ledgers.book_dust(*strategy, dust)?;
            }
            Fact::DayBegan { day, profit } => self.losses.begin_day(*day, *profit),
            Fact::Peak { profit } => self.losses.note_peak(at, *profit),
            Fact::DayMarked { .. } => self.marked_day = Some(at.utc_day()),
            Fact::FeeValued {
                strategy,
                symbol,
                value,
                ..
            } => self.value_fee(*strategy, *symbol, *value),
            _ => {}
        }
        Ok(())
    }

    fn value_fee(&mut self, strategy: StrategyId, symbol: Symbol, value: Money) {
        let fees = self.other_fees_mut(strategy, symbol);
        fees.value += value;
        fees.unvalued = fees.unvalued.saturating_sub(1);
    }
}

impl Trader {
    /// A trade that is told later than this has its price of then no more.
    const FEE_PRICE_AFTER_MAX: Duration = Duration::from_secs(5);
    /// How long a day's first prices are waited for, before the day begins without those that are missing.
    const MARK_WITHIN: Duration = Duration::from_secs(60);

    /// Records what a trade's fee in a third asset is worth, at the price at which that asset can be bought now. Without a fresh
    /// price, or of a trade that is found later, it stays without a value, and is counted as such.
    pub(crate) fn value_fee(&mut self, now: Timestamp, strategy: StrategyId, trade: &Trade, step: &mut Step) {
        let symbol = trade.symbol;
        let Some(pair) = self.state.instruments.get(&symbol) else {
            return;
        };
        let (base, quote) = (pair.base, pair.quote);
        let is_late = now.since(trade.transact_time) > Self::FEE_PRICE_AFTER_MAX;
        if is_late
            || !is_fee_elsewhere(trade, base, quote)
            || !self.state.ledgers.contains(symbol, trade.trade_id)
        {
            return;
        }
        let Some(asset) = trade.commission_asset else {
            return;
        };
        if let Ok(owed) = self.prices(now).value(-trade.commission, asset, quote) {
            let fact = Fact::FeeValued {
                strategy,
                symbol,
                trade_id: trade.trade_id,
                value: -owed,
            };
            self.record(now, step, fact);
        }
    }

    /// The same, of an order's own trade.
    pub(crate) fn value_fee_of(
        &mut self,
        now: Timestamp,
        report: &keel_domain::ExecutionReport,
        step: &mut Step,
    ) {
        let owner = IdParts::of(&report.cl_ord_id).map(|parts| parts.strategy);
        if let Some((strategy, trade)) = owner.zip(report.trade) {
            self.value_fee(now, strategy, &trade, step);
        }
    }

    /// Records a UTC day's first prices, from which its profit is counted, and what the account is worth at them.
    pub(crate) fn mark_day(&mut self, now: Timestamp, step: &mut Step) {
        let day = now.utc_day();
        // By a clock that is known to be wrong no day begins.
        let may_begin = self.has_been_up && self.refusal.is_none() && !self.loss_watch.is_clock_off;
        if !may_begin || self.state.marked_day >= Some(day) {
            return;
        }
        let since = *self.marking_since.get_or_insert(now);
        let (mut prices, mut is_whole) = (BTreeMap::<Symbol, Price>::new(), true);
        for symbol in self.markets.keys() {
            match self.top(now, *symbol) {
                Ok(top) => drop(prices.insert(*symbol, top.bid.price)),
                Err(_) => is_whole &= self.position(*symbol).is_zero(),
            }
        }
        let equity = self.equity(now).map(|(equity, _)| equity);
        if (is_whole && equity.is_some()) || now.since(since) >= Self::MARK_WITHIN {
            self.marking_since = None;
            self.record(now, step, Fact::DayMarked { prices, equity });
        }
    }
}
