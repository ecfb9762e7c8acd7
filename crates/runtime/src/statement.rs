//! The statement of all runs: their orders, prices and fees from the records, their trades from the ledger.

use std::collections::{BTreeMap, VecDeque};

use keel_domain::{ClOrdId, Money, OrderId, OrderIntent, Price, Qty, StrategyId, Symbol, Timestamp, TradeId};
use keel_engine::{Fact, Record, Trader};
use keel_execution::IdParts;
use keel_journal::Disk;
use keel_positions::{Booking, CostMethod, SymbolBook};
use keel_report::{Statement, StatementOrder, StatementTrade};

use crate::JournalLog;
use crate::journal_log::LogError;
use crate::statement_days::{DayMark, DayMarks, holdings};

/// The most orders, and the most fees, kept for the statement: beyond it the oldest are let go. Their number is told, and their
/// trades' slippage is not known.
const ORDERS_MAX: usize = 100_000;
/// So many of the latest records are read again for a statement: some seconds at most are spent on it.
const RECORDS_MAX: u64 = 1_000_000;

#[derive(Debug)]
struct Decided {
    symbol: Symbol,
    at: Timestamp,
    order_qty: Qty,
    cum_qty: Qty,
    order_id: Option<OrderId>,
    book: Option<(Price, Price)>,
}

/// What records tell of orders, of what fees were worth, and of each day's first prices.
#[derive(Debug, Default)]
pub(crate) struct History {
    orders: BTreeMap<ClOrdId, Decided>,
    oldest_first: VecDeque<ClOrdId>,
    left_out: u64,
    records_left_out: u64,
    /// What fees in a third asset were worth, in quote.
    fees: BTreeMap<(Symbol, TradeId), Money>,
    marks: DayMarks,
}

impl History {
    /// What the journal still has of all runs.
    ///
    /// # Errors
    /// The journal's.
    pub(crate) fn read<D: Disk>(log: &JournalLog<D>) -> Result<Self, LogError> {
        let mut history = Self {
            records_left_out: log.record_count().saturating_sub(RECORDS_MAX),
            ..Self::default()
        };
        log.each_record(history.records_left_out + 1, |record| history.on_record(record))?;
        Ok(history)
    }

    pub(crate) fn on_record(&mut self, record: &Record) {
        match &record.fact {
            Fact::Intent {
                cl_ord_id,
                intent,
                seen,
                stop,
            } => {
                let ids = std::iter::once(*cl_ord_id).chain(stop.map(|stop| stop.cl_ord_id));
                for id in ids {
                    self.add(id, intent, record.at, seen.bid_ask);
                }
            }
            Fact::Execution(report) => {
                if let Some(decided) = self.orders.get_mut(&report.cl_ord_id) {
                    decided.order_id = Some(report.order_id);
                    decided.cum_qty = decided.cum_qty.max(report.cum_qty);
                }
            }
            Fact::FeeValued {
                symbol,
                trade_id,
                value,
                ..
            } => self.keep_fee((*symbol, *trade_id), *value),
            Fact::DayMarked { prices, equity } => {
                let mark = DayMark {
                    at: record.at,
                    prices: prices.clone(),
                    equity: *equity,
                };
                self.marks.insert(record.at.utc_day(), mark);
            }
            _ => {}
        }
    }

    fn add(&mut self, id: ClOrdId, intent: &OrderIntent, at: Timestamp, book: Option<(Price, Price)>) {
        let decided = Decided {
            symbol: intent.symbol,
            at,
            order_qty: intent.order_qty,
            cum_qty: Qty::ZERO,
            order_id: None,
            book,
        };
        self.orders.insert(id, decided);
        self.oldest_first.push_back(id);
        if self.oldest_first.len() > ORDERS_MAX
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.orders.remove(&oldest);
            self.left_out += 1;
        }
    }

    /// A fee that is let go shows as one without a value.
    fn keep_fee(&mut self, key: (Symbol, TradeId), value: Money) {
        self.fees.insert(key, value);
        if self.fees.len() > ORDERS_MAX {
            self.fees.pop_first();
        }
    }

    /// What the statement leaves out, in words; none where it leaves out nothing.
    pub(crate) fn left_out(&self) -> Option<String> {
        let (orders, records) = (self.left_out, self.records_left_out);
        (orders + records > 0).then(|| {
            format!(
                "the statement leaves out the orders and fees of the first {records} records, and {orders} more orders; \
                 `trader journal export` gives them"
            )
        })
    }

    /// The statement of the ledgers' trades and of these orders, with statistics in what the first pair is paid in; none where an
    /// order's id names no strategy, or the ledgers' sums have no exact form.
    pub(crate) fn statement(
        &self,
        now: Timestamp,
        trader: &Trader,
        first: Option<Symbol>,
    ) -> Option<Statement> {
        let mut trades = Vec::new();
        for (strategy, _, book) in trader.state().ledgers().books() {
            let bookings = book.bookings(CostMethod::default()).ok()?;
            trades.extend(bookings.iter().map(|booking| self.trade(strategy, book, booking)));
        }
        let order_of = |(id, decided): (&ClOrdId, &Decided)| {
            Some(StatementOrder {
                strategy: IdParts::of(id)?.strategy,
                symbol: decided.symbol,
                currency: trader.instrument(decided.symbol)?.quote,
                order_id: decided.order_id,
                decided_at: decided.at,
                order_qty: decided.order_qty,
                cum_qty: decided.cum_qty,
                book: decided.book,
            })
        };
        let orders: Option<Vec<StatementOrder>> = self.orders.iter().map(order_of).collect();
        let holdings = holdings(now, trader, &self.marks).ok()?;
        let statement = Statement::new(&trades, &orders?, &holdings);
        let Some(pair) = first.and_then(|symbol| trader.instrument(symbol)) else {
            return Some(statement);
        };
        let marks = self.marks.values();
        let equities: Vec<(Timestamp, Money)> =
            marks.filter_map(|mark| Some((mark.at, mark.equity?))).collect();
        Some(statement.with_statistics(&equities, pair.quote))
    }

    /// A commission in a third asset is worth what was recorded at its time; without that it has no value.
    fn trade(&self, strategy: StrategyId, book: &SymbolBook, booking: &Booking) -> StatementTrade {
        let trade = booking.trade;
        let is_own = trade.commission.is_zero()
            || trade
                .commission_asset
                .is_none_or(|asset| asset == book.base() || asset == book.quote());
        let elsewhere = || self.fees.get(&(trade.symbol, trade.trade_id)).copied();
        StatementTrade {
            strategy,
            trade,
            currency: book.quote(),
            realised: booking.realised,
            fee: is_own.then_some(booking.fee_in_quote).or_else(elsewhere),
            is_estimated: booking.is_estimated,
        }
    }
}
