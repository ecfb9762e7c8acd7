//! Records made anew from what the venue knows, after a state directory was lost.

use std::collections::{BTreeMap, BTreeSet};

use keel_domain::{
    Asset, ClOrdId, ExecutionReport, Instrument, Money, OrderId, Price, SignedQty, StrategyId, Symbol,
    Timestamp, Trade, TradeId,
};
use keel_execution::InstanceTag;
use keel_positions::{Inexact, Ledger};

use crate::{DurableState, Fact, Fault, Identity, Record};

/// What the venue tells of an account, as far as it reaches.
#[derive(Debug, Clone, Default)]
pub struct VenuePast {
    /// The account, as the venue names it.
    pub account: String,
    /// The pairs.
    pub instruments: Vec<Instrument>,
    /// All orders on the pairs.
    pub orders: Vec<ExecutionReport>,
    /// All trades on the pairs.
    pub trades: Vec<Trade>,
    /// What the account has, free and locked.
    pub totals: BTreeMap<Asset, Money>,
}

/// One strategy's pair after the adoption.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdoptedPair {
    /// Whose it is.
    pub strategy: StrategyId,
    /// The pair.
    pub symbol: Symbol,
    /// Our orders.
    pub orders: usize,
    /// Their trades.
    pub trades: usize,
    /// What is held.
    pub position: SignedQty,
    /// What it cost on average.
    pub avg_px: Option<Money>,
    /// Whether trades are missing, so that cost and profit are estimates.
    pub is_estimated: bool,
}

/// Records for an empty state directory.
#[derive(Debug)]
pub struct Adoption {
    /// To be written in this order.
    pub records: Vec<Record>,
    /// What they say.
    pub pairs: Vec<AdoptedPair>,
}

/// Why nothing can be adopted.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// Our orders are open: nobody looks after them, and their trades would be missed.
    #[error("orders of this instance are open: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    Open(Vec<ClOrdId>),
    /// The venue's trades do not fit together.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// A sum needs more than 28 digits.
    #[error(transparent)]
    Inexact(#[from] Inexact),
}

/// The records that the lost ones would have come to: the trades of the orders that carry our tag, and nothing else of the
/// account. A position that the venue's history does not explain, or that the account does not have, is set to what is there; its
/// cost is an estimate from then on.
///
/// # Errors
/// [`AdoptError`].
pub fn adopt(
    now: Timestamp,
    identity: Identity,
    tag: InstanceTag,
    reason: &str,
    past: &VenuePast,
) -> Result<Adoption, AdoptError> {
    let own: Vec<&ExecutionReport> = past.orders.iter().filter(|o| tag.owns(&o.cl_ord_id)).collect();
    let open: Vec<ClOrdId> = own
        .iter()
        .filter(|order| !order.ord_status.is_terminal())
        .map(|order| order.cl_ord_id)
        .collect();
    if !open.is_empty() {
        return Err(AdoptError::Open(open));
    }
    // The next start counts on from here, so that no id is used twice.
    let boots = own.iter().filter_map(|order| tag.parts_of(&order.cl_ord_id));
    let boot = boots.map(|parts| parts.boot).max();
    let mut adopting = Adopting::default();
    adopting.add(
        now,
        Fact::Booted {
            boot: boot.unwrap_or(0).max(1),
            identity,
        },
    )?;
    let account = past.account.clone();
    adopting.add(now, Fact::Account { account })?;
    for instrument in &past.instruments {
        adopting.add(now, Fact::Instrument(instrument.clone()))?;
    }
    let mut pairs = Vec::new();
    let mut totals = past.totals.clone();
    let strategies: BTreeSet<StrategyId> = own
        .iter()
        .filter_map(|order| tag.parts_of(&order.cl_ord_id))
        .map(|parts| parts.strategy)
        .collect();
    for instrument in &past.instruments {
        for strategy in &strategies {
            let own = own.iter().filter(|order| {
                let parts = tag.parts_of(&order.cl_ord_id);
                parts.is_some_and(|parts| parts.strategy == *strategy)
            });
            let ids = own
                .filter(|order| order.symbol == instrument.symbol)
                .map(|order| order.order_id)
                .collect();
            pairs.extend(adopting.pair(now, *strategy, instrument, &ids, &past.trades, &mut totals)?);
        }
        adopting.read(now, instrument.symbol, &past.trades)?;
    }
    // What was lost before is no loss of the budget that begins now.
    let reason = format!("adopted from the venue: {reason}");
    adopting.add(now, Fact::Resumed { reason })?;
    Ok(Adoption {
        records: adopting.records,
        pairs,
    })
}

#[derive(Debug, Default)]
struct Adopting {
    state: DurableState,
    records: Vec<Record>,
}

impl Adopting {
    fn add(&mut self, at: Timestamp, fact: Fact) -> Result<(), Fault> {
        let record = Record { at, fact };
        self.state.apply(&record)?;
        self.records.push(record);
        Ok(())
    }

    /// All trades that the venue lists of the pair are known from here on.
    fn read(&mut self, now: Timestamp, symbol: Symbol, trades: &[Trade]) -> Result<(), Fault> {
        let of_pair = trades.iter().filter(|trade| trade.symbol == symbol);
        let Some(last) = of_pair.map(|trade| trade.trade_id).max() else {
            return Ok(());
        };
        let next = TradeId(last.0.saturating_add(1));
        self.add(now, Fact::TradesRead { symbol, next })
    }

    /// None where the strategy never ordered on the pair.
    fn pair(
        &mut self,
        now: Timestamp,
        strategy: StrategyId,
        instrument: &Instrument,
        ids: &BTreeSet<OrderId>,
        trades: &[Trade],
        totals: &mut BTreeMap<Asset, Money>,
    ) -> Result<Option<AdoptedPair>, AdoptError> {
        if ids.is_empty() {
            return Ok(None);
        }
        let symbol = instrument.symbol;
        let ours: BTreeMap<TradeId, &Trade> = trades
            .iter()
            .filter(|trade| trade.symbol == symbol && ids.contains(&trade.order_id))
            .map(|trade| (trade.trade_id, trade))
            .collect();
        for trade in ours.values() {
            let trade = **trade;
            self.add(now, Fact::Trade { strategy, trade })?;
        }
        let position = self.position(strategy, symbol).to_decimal();
        let total = totals.entry(instrument.base).or_default();
        let held = position.clamp(Money::ZERO, (*total).max(Money::ZERO));
        *total -= held;
        let px = ours
            .values()
            .next_back()
            .map_or(Price::ZERO, |trade| trade.last_px);
        let none = Ledger::new();
        let ledger = self.state.ledgers().of(strategy).unwrap_or(&none);
        let unexplained = ledger.unexplained(instrument, held, now, px)?;
        if let Some(adjustment) = unexplained {
            self.add(now, Fact::Adjusted { strategy, adjustment })?;
        }
        let ledger = self.state.ledgers().of(strategy);
        Ok(Some(AdoptedPair {
            strategy,
            symbol,
            orders: ids.len(),
            trades: ours.len(),
            position: self.position(strategy, symbol),
            avg_px: ledger.and_then(|ledger| ledger.avg_px(symbol)),
            is_estimated: unexplained.is_some(),
        }))
    }

    fn position(&self, strategy: StrategyId, symbol: Symbol) -> SignedQty {
        let ledger = self.state.ledgers().of(strategy);
        ledger.map_or(SignedQty::ZERO, |ledger| ledger.position(symbol))
    }
}
