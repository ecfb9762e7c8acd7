//! A run's statement: its orders from the records, its trades from the ledger.

use std::collections::BTreeMap;

use keel_domain::{ClOrdId, OrderId, OrderIntent, Price, Qty, StrategyId, Symbol, Timestamp};
use keel_engine::{Fact, Record, Trader};
use keel_execution::IdParts;
use keel_positions::{Booking, CostMethod, SymbolBook};
use keel_report::{Statement, StatementOrder, StatementTrade};

/// The most orders kept for the statement; what more there are is counted, and their trades' slippage is not known.
const ORDERS_MAX: usize = 100_000;

#[derive(Debug)]
struct Decided {
    symbol: Symbol,
    at: Timestamp,
    order_qty: Qty,
    cum_qty: Qty,
    order_id: Option<OrderId>,
    book: Option<(Price, Price)>,
}

/// The orders of a run.
#[derive(Debug, Default)]
pub(crate) struct OrderLog {
    orders: BTreeMap<ClOrdId, Decided>,
    left_out: u64,
}

impl OrderLog {
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
            _ => {}
        }
    }

    fn add(&mut self, id: ClOrdId, intent: &OrderIntent, at: Timestamp, book: Option<(Price, Price)>) {
        if self.orders.len() >= ORDERS_MAX {
            self.left_out += 1;
            return;
        }
        let decided = Decided {
            symbol: intent.symbol,
            at,
            order_qty: intent.order_qty,
            cum_qty: Qty::ZERO,
            order_id: None,
            book,
        };
        self.orders.insert(id, decided);
    }

    /// How many orders the statement leaves out.
    pub(crate) fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The statement of the ledgers' trades and this run's orders; none where an order's id names no strategy, or the ledgers'
    /// sums have no exact form.
    pub(crate) fn statement(&self, trader: &Trader) -> Option<Statement> {
        let mut trades = Vec::new();
        for (strategy, _, book) in trader.state().ledgers().books() {
            let bookings = book.bookings(CostMethod::default()).ok()?;
            trades.extend(bookings.iter().map(|booking| trade_of(strategy, book, booking)));
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
        Some(Statement::new(&trades, &orders?))
    }
}

/// A commission in a third asset has no value here: no price of its time is kept.
fn trade_of(strategy: StrategyId, book: &SymbolBook, booking: &Booking) -> StatementTrade {
    let trade = booking.trade;
    let is_valued = trade.commission.is_zero()
        || trade
            .commission_asset
            .is_none_or(|asset| asset == book.base() || asset == book.quote());
    StatementTrade {
        strategy,
        trade,
        currency: book.quote(),
        realised: booking.realised,
        fee: is_valued.then_some(booking.fee_in_quote),
        is_estimated: booking.is_estimated,
    }
}
