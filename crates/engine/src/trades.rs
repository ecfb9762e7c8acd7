//! Trades that the venue told when asked.

use keel_domain::{Symbol, Timestamp, Trade, TradeId};
use keel_execution::IdParts;
use keel_risk::{HaltCause, TradingState};

use crate::reconcile::Part;
use crate::{Command, Fact, Step, Trader};

impl Trader {
    /// Books what is ours, and moves on to the next trade to ask for as far as every trade was recognised: one of an order
    /// whose id the venue has not told us yet is asked for again.
    pub(crate) fn on_trades(
        &mut self,
        now: Timestamp,
        symbol: Symbol,
        trades: &[Trade],
        asked_at: Timestamp,
        step: &mut Step,
    ) {
        let since = self.state.first_boot_at.unwrap_or(now);
        let has_unplaced = self
            .state
            .orders
            .live()
            .any(|o| o.symbol() == symbol && o.order_id().is_none());
        let mut all_placed = true;
        let before = self.state.next_trade.get(&symbol).copied();
        let mut next = before;
        for trade in trades {
            // Of an order that ended long ago no more may be known than that its trade is booked.
            let is_booked = self.state.ledgers.contains(symbol, trade.trade_id);
            let order = self.state.orders.by_order_id(symbol, trade.order_id);
            let owner = order
                .and_then(|order| IdParts::of(&order.cl_ord_id()))
                .map(|parts| parts.strategy);
            let is_foreign = self.foreign_orders.contains(&(symbol, trade.order_id));
            let is_since = trade.transact_time >= since;
            self.listed.see(symbol, trade.trade_id, before);
            match owner {
                _ if is_booked => {}
                Some(strategy) => {
                    self.counters.fills += 1;
                    let entries = self.state.entries_on_day(symbol, now);
                    let trade = *trade;
                    self.record(now, step, Fact::Trade { strategy, trade });
                    self.value_fee(now, strategy, &trade, step);
                    self.brake_entries(now, symbol, entries, step);
                }
                None if has_unplaced && is_since && !is_foreign => all_placed = false,
                None if is_since => self.on_foreign_trade(now, trade, step),
                None => {}
            }
            if all_placed {
                next = next.max(Some(TradeId(trade.trade_id.0.saturating_add(1))));
            }
        }
        if let Some(next) = next.filter(|_| next > before) {
            self.record(now, step, Fact::TradesRead { symbol, next });
        }
        if trades.len() >= Self::PAGE {
            if next > before {
                step.push_command(Command::QueryTrades { symbol, from: next });
            }
            return;
        }
        self.on_swept(now, Part::Trades(symbol), asked_at, step);
        if all_placed {
            self.on_absent_from(
                now,
                symbol,
                asked_at,
                |_| true,
                |poll| poll.absent_trades = true,
                step,
            );
        }
    }

    /// Somebody else trades the account: that trade moves balances, and is never ours. It is told once an order, and leaves
    /// only exits on its symbol, since two who trade one position do not know what the other will do.
    pub(crate) fn on_foreign_trade(&mut self, now: Timestamp, trade: &Trade, step: &mut Step) {
        let symbol = trade.symbol;
        if self.state.foreign.contains(symbol, trade.trade_id) {
            return;
        }
        self.record(now, step, Fact::ForeignTrade(*trade));
        let order = (symbol, trade.order_id);
        let is_restricted = self.gate.state_of(symbol) >= TradingState::ReduceOnly;
        if is_restricted && self.foreign_orders.contains(&order) {
            return;
        }
        if !self.foreign_orders.contains(&order) {
            self.counters.foreign += 1;
            if self.foreign_orders.len() < Self::FOREIGN_MAX {
                self.foreign_orders.insert(order);
            }
        }
        let Trade {
            trade_id,
            order_id,
            side,
            last_qty,
            last_px,
            ..
        } = *trade;
        let what =
            format!("trade {trade_id} of order {order_id}, {side} {last_qty} at {last_px}, is not ours");
        let cause = HaltCause::Difference { what };
        self.restrict_symbol(now, symbol, TradingState::ReduceOnly, cause, step);
    }
}
