//! The durable state: everything that must survive a restart, made from records alone.

use std::collections::{BTreeMap, BTreeSet};

use keel_domain::{
    Asset, ClOrdId, ExecutionReport, Instrument, Money, Purpose, Side, StrategyId, Symbol, Timestamp, Trade,
    TradeId,
};
use keel_execution::{CancelState, Contradiction, Ending, IdParts, Orders, OrdersError};
use keel_positions::{Adjustment, Applied, Ledger, LedgerError, Ledgers, SymbolBook, Transfer};
use keel_risk::{HaltCause, LossBook, TradingState};
use serde::{Deserialize, Serialize};

use crate::{Fact, Identity, OtherFees, Record};

/// A record that does not fit the state: the venue contradicts itself or us.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Fault {
    /// The order's life.
    #[error(transparent)]
    Orders(#[from] OrdersError),
    /// The trade's booking.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A trade came before the pair's description.
    #[error("{0}: a trade came before the pair's description")]
    NoInstrument(Symbol),
    /// An order traded whose id names no strategy, so that its trade is nobody's.
    #[error("order {0} has traded, and its id names no strategy")]
    NoStrategy(ClOrdId),
}

impl From<Contradiction> for Fault {
    fn from(contradiction: Contradiction) -> Self {
        Self::Orders(contradiction.into())
    }
}

/// How many entry orders have traded on one UTC day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct DayCount {
    utc_day: i64,
    entries: u32,
}

/// What the written state's fields mean. Raised with every change that serde cannot see, so that a snapshot of before is passed
/// over and its records are replayed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
struct Meaning;

impl Meaning {
    const VERSION: u32 = 3;
}

impl From<Meaning> for u32 {
    fn from(_: Meaning) -> Self {
        Meaning::VERSION
    }
}

impl TryFrom<u32> for Meaning {
    type Error = String;

    fn try_from(version: u32) -> Result<Self, String> {
        if version == Self::VERSION {
            return Ok(Self);
        }
        Err(format!(
            "a state of version {version}, and this build's is {}",
            Self::VERSION
        ))
    }
}

/// The durable state. Its written form is what snapshots hold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DurableState {
    version: Meaning,
    pub(crate) orders: Orders,
    pub(crate) ledgers: Ledgers,
    pub(crate) instruments: BTreeMap<Symbol, Instrument>,
    pub(crate) restriction: Option<(TradingState, HaltCause)>,
    pub(crate) by_symbol: BTreeMap<Symbol, (TradingState, HaltCause)>,
    pub(crate) next_trade: BTreeMap<Symbol, TradeId>,
    pub(crate) baseline: Option<BTreeMap<Asset, Money>>,
    /// What an operator was last told to differ.
    #[serde(default)]
    pub(crate) told: BTreeMap<Asset, Money>,
    #[serde(default)]
    pub(crate) foreign: Ledger,
    #[serde(default)]
    pub(crate) transfers: BTreeSet<Transfer>,
    pub(crate) boot: u64,
    pub(crate) first_boot_at: Option<Timestamp>,
    pub(crate) identity: Option<Identity>,
    pub(crate) account: Option<String>,
    entries: BTreeMap<StrategyId, BTreeMap<Symbol, DayCount>>,
    #[serde(default)]
    pub(crate) losses: LossBook,
    /// What fees in assets other than a pair's own are taken to be worth.
    #[serde(default)]
    pub(crate) fees_elsewhere: Money,
    /// The same by strategy and pair, at the prices of their time.
    #[serde(default)]
    pub(crate) other_fees: BTreeMap<StrategyId, BTreeMap<Symbol, OtherFees>>,
    /// The UTC day whose first prices were recorded last.
    #[serde(default)]
    pub(crate) marked_day: Option<i64>,
}

impl DurableState {
    /// How many of a pair's trades are kept one by one, at least: more than any question to the venue reaches back to. What the
    /// state takes, and the time that a start takes, do not grow with its age.
    pub const TRADES_KEPT: usize = 20_000;
    /// How many more are carried forward together.
    const TRADES_CARRIED: usize = 1_000;

    /// Who ran last, with which build and configuration; none before the first start.
    #[must_use]
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// All orders.
    #[must_use]
    pub fn orders(&self) -> &Orders {
        &self.orders
    }

    /// All trades, positions and money, by strategy.
    #[must_use]
    pub fn ledgers(&self) -> &Ledgers {
        &self.ledgers
    }

    /// The trades in the account that are not ours, since the first start.
    #[must_use]
    pub fn foreign(&self) -> &Ledger {
        &self.foreign
    }

    /// What moved without a trade since the first start, oldest first.
    pub fn transfers(&self) -> impl Iterator<Item = &Transfer> {
        self.transfers.iter()
    }

    /// The strictest latched restriction, with its cause: that of all symbols, else one of a symbol's own.
    #[must_use]
    pub fn restriction(&self) -> Option<&(TradingState, HaltCause)> {
        let of_symbols = self.by_symbol.values();
        self.restriction
            .iter()
            .chain(of_symbols)
            .reduce(|strictest, next| if next.0 > strictest.0 { next } else { strictest })
    }

    /// The latched restriction of all symbols, with its cause.
    #[must_use]
    pub fn restriction_of_all(&self) -> Option<&(TradingState, HaltCause)> {
        self.restriction.as_ref()
    }

    /// The latched restrictions of single symbols, with their causes.
    #[must_use]
    pub fn restricted_symbols(&self) -> &BTreeMap<Symbol, (TradingState, HaltCause)> {
        &self.by_symbol
    }

    /// How many of a strategy's entry orders on the symbol have traded on the UTC day of `now`.
    #[must_use]
    pub fn entries_of(&self, strategy: StrategyId, symbol: Symbol, now: Timestamp) -> u32 {
        let counts = self.entries.get(&strategy);
        counts
            .and_then(|by_symbol| by_symbol.get(&symbol))
            .filter(|count| count.utc_day == now.utc_day())
            .map_or(0, |count| count.entries)
    }

    /// The same of all strategies.
    #[must_use]
    pub fn entries_on_day(&self, symbol: Symbol, now: Timestamp) -> u32 {
        let strategies = self.entries.keys();
        strategies.map(|id| self.entries_of(*id, symbol, now)).sum()
    }

    /// Applies one record. The same records in the same order always make the same state.
    ///
    /// # Errors
    /// A [`Fault`]; what could be applied of the record has been.
    pub fn apply(&mut self, record: &Record) -> Result<(), Fault> {
        let at = record.at;
        match &record.fact {
            Fact::Booted { boot, identity } => {
                self.boot = *boot;
                self.first_boot_at = self.first_boot_at.or(Some(at));
                self.identity = Some(identity.clone());
                self.orders.mark_restarted();
            }
            Fact::Account { account } => self.account = Some(account.clone()),
            Fact::Instrument(instrument) => {
                self.instruments.insert(instrument.symbol, instrument.clone());
            }
            Fact::Intent {
                cl_ord_id,
                intent,
                stop,
                ..
            } => self.orders.submit_with(*cl_ord_id, *intent, *stop, at)?,
            Fact::Refused { .. } => {}
            Fact::SubmitRejected { cl_ord_id, .. } => {
                self.orders.mark_ended(*cl_ord_id, Ending::Rejected)?;
            }
            Fact::SubmitNotSent { cl_ord_id, .. } => {
                self.orders.mark_ended(*cl_ord_id, Ending::NotSent)?;
            }
            Fact::NeverArrived { cl_ord_id } => {
                self.orders.mark_ended(*cl_ord_id, Ending::NeverArrived)?;
            }
            Fact::SubmitUnknown { cl_ord_id, cause } => {
                self.orders.mark_unknown(*cl_ord_id, *cause)?;
            }
            Fact::Cancel { cl_ord_id, state } => {
                self.orders.mark_cancel(*cl_ord_id, *state)?;
            }
            Fact::Execution(report) => self.execute(at, report)?,
            Fact::Trade { strategy, trade } => self.book(at, *strategy, trade)?,
            Fact::ForeignTrade(trade) => self.book_foreign(trade)?,
            Fact::Transfer(transfer) => {
                self.transfers.insert(*transfer);
            }
            Fact::TradesRead { symbol, next } => self.read_trades(*symbol, *next),
            Fact::Restricted { state, cause } => self.restrict(*state, cause),
            Fact::SymbolRestricted { symbol, state, cause } => {
                let known = self.by_symbol.get(symbol).map(|(known, _)| *known);
                if known.is_none_or(|known| *state > known) {
                    self.by_symbol.insert(*symbol, (*state, cause.clone()));
                }
            }
            Fact::Baseline { amounts } => self.baseline = Some(amounts.clone()),
            Fact::Differs { amounts } => self.told.clone_from(amounts),
            Fact::VenueAccepted { .. } => {
                self.by_symbol
                    .retain(|_, (_, cause)| !matches!(cause, HaltCause::Difference { .. }));
                self.baseline = None;
                self.told.clear();
            }
            Fact::Adjusted { .. }
            | Fact::Dust { .. }
            | Fact::DayBegan { .. }
            | Fact::Peak { .. }
            | Fact::DayMarked { .. }
            | Fact::FeeValued { .. } => self.apply_money(at, &record.fact)?,
            Fact::Resumed { .. } => self.resume(),
            Fact::ResumedToReduceOnly { reason } => {
                self.resume();
                let reason = reason.clone();
                self.restrict(TradingState::ReduceOnly, &HaltCause::Operator { reason });
            }
        }
        Ok(())
    }

    /// Counts from the venue's totals where they were told to differ. What was not told stays to be found.
    pub(crate) fn grant_what_was_told(&mut self) {
        let told = std::mem::take(&mut self.told);
        let Some(baseline) = &mut self.baseline else {
            return;
        };
        for (asset, difference) in told {
            let amount = baseline.entry(asset).or_default();
            *amount = amount.checked_add(difference).unwrap_or(*amount);
        }
    }

    /// Never loosens: the first cause of the strictest state is kept.
    fn restrict(&mut self, state: TradingState, cause: &HaltCause) {
        let known = self.restriction.as_ref().map(|(known, _)| *known);
        if known.is_none_or(|known| state > known) {
            self.restriction = Some((state, cause.clone()));
        }
    }

    /// Whether the report would change anything.
    pub(crate) fn is_news(&self, at: Timestamp, report: &ExecutionReport) -> bool {
        let trade_is_news = report
            .trade
            .is_some_and(|trade| !self.ledgers.contains(trade.symbol, trade.trade_id));
        trade_is_news || self.orders.is_news(at, report)
    }

    pub(crate) fn adjust(&mut self, strategy: StrategyId, adjustment: &Adjustment) -> Result<(), Fault> {
        let symbol = adjustment.symbol;
        let instrument = self.instruments.get(&symbol).ok_or(Fault::NoInstrument(symbol))?;
        self.ledgers
            .adjust(strategy, adjustment, instrument.base, instrument.quote)?;
        Ok(())
    }

    fn execute(&mut self, at: Timestamp, report: &ExecutionReport) -> Result<(), Fault> {
        let moved = self.orders.apply(at, report);
        if let Some(trade) = &report.trade {
            let parts = IdParts::of(&report.cl_ord_id).ok_or(Fault::NoStrategy(report.cl_ord_id))?;
            self.book(at, parts.strategy, trade)?;
        }
        moved?;
        Ok(())
    }

    /// The venue has told all trades before this one: what is long past of them is carried forward.
    fn read_trades(&mut self, symbol: Symbol, next: TradeId) {
        self.next_trade.insert(symbol, next);
        let is_long = |book: &SymbolBook| {
            let kept = book.trade_count().saturating_sub(book.carried_count());
            kept >= Self::TRADES_KEPT + Self::TRADES_CARRIED
        };
        let books = self.ledgers.books_of(symbol);
        let long: Vec<StrategyId> = books
            .filter(|(_, book)| is_long(book))
            .map(|(id, _)| id)
            .collect();
        for strategy in long {
            self.ledgers
                .carry_forward(strategy, symbol, next, Self::TRADES_KEPT);
        }
        if self.foreign.book(symbol).is_some_and(is_long) {
            self.foreign.carry_forward(symbol, next, Self::TRADES_KEPT);
        }
    }

    fn book_foreign(&mut self, trade: &Trade) -> Result<(), Fault> {
        let symbol = trade.symbol;
        let instrument = self.instruments.get(&symbol).ok_or(Fault::NoInstrument(symbol))?;
        self.foreign.apply(trade, instrument.base, instrument.quote)?;
        Ok(())
    }

    fn book(&mut self, at: Timestamp, strategy: StrategyId, trade: &Trade) -> Result<(), Fault> {
        let instrument = self
            .instruments
            .get(&trade.symbol)
            .ok_or(Fault::NoInstrument(trade.symbol))?;
        let (base, quote) = (instrument.base, instrument.quote);
        let made_before = self.made(trade.symbol);
        if self.ledgers.apply(strategy, trade, base, quote)? == Applied::Duplicate {
            return Ok(());
        }
        let made = self.made(trade.symbol) - made_before - self.fee_elsewhere(strategy, trade, (base, quote));
        if trade.side == Side::Sell {
            self.losses.note_exit(trade.order_id, made);
        }
        let Some(order) = self.orders.by_order_id(trade.symbol, trade.order_id) else {
            return Ok(());
        };
        let is_first = order.booked_qty().is_zero();
        let is_entry = order.intent().purpose == Purpose::Entry;
        let cl_ord_id = order.cl_ord_id();
        self.orders.mark_booked(cl_ord_id, trade.last_qty)?;
        if is_first && is_entry {
            let by_symbol = self.entries.entry(strategy).or_default();
            let count = by_symbol.entry(trade.symbol).or_default();
            if count.utc_day != at.utc_day() {
                *count = DayCount {
                    utc_day: at.utc_day(),
                    entries: 0,
                };
            }
            count.entries = count.entries.saturating_add(1);
        }
        Ok(())
    }

    /// What a pair's closed trades have made, after the fees taken in its own assets.
    fn made(&self, symbol: Symbol) -> Money {
        let books = self.ledgers.books_of(symbol);
        books
            .map(|(_, book)| book.realised() - book.fees_in_quote())
            .sum()
    }

    /// Marks a cancel as asked for now.
    pub(crate) fn cancel_requested(at: Timestamp) -> CancelState {
        CancelState::Requested { at }
    }
}
