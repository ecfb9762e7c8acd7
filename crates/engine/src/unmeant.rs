//! Orders and fills that carry our tag and belong to no intent in our records: somebody trades in our name.
//!
//! Knight Capital, 2012, bought and sold for 45 minutes what nobody had meant, and each fill was booked. Here the first one halts. It
//! may be a second instance with this tag, a state directory that was lost, or a fault of our own: a person finds out.

use keel_domain::{ExecutionReport, Timestamp};
use keel_risk::{HaltCause, TradingState};

use crate::{Command, Step, Trader};

impl Trader {
    /// Cancels an order in our name that is not in our records, and halts for it, and for a fill of one.
    pub(crate) fn on_unmeant(&mut self, now: Timestamp, report: &ExecutionReport, step: &mut Step) {
        let ExecutionReport {
            symbol, cl_ord_id, ..
        } = *report;
        if !self.settings.tag.owns(&cl_ord_id) {
            return;
        }
        let is_live = !report.ord_status.is_terminal();
        if is_live {
            step.push_command(Command::Cancel { symbol, cl_ord_id });
        }
        let is_unmeant = is_live || self.has_unmeant_fill(now, report);
        if is_unmeant && self.gate.state() < TradingState::Halted {
            let ExecutionReport {
                side,
                order_qty,
                cum_qty,
                ..
            } = *report;
            let what = format!(
                "{symbol}: order {cl_ord_id}, {side} {order_qty} of which {cum_qty} traded, carries our tag and belongs to no intent \
                 in our records"
            );
            self.halt(now, HaltCause::Contradiction { what }, step);
        }
    }

    /// Whether an order that our records lack has traded since they began. One of them that ended long ago is let go once all its
    /// trades are booked.
    fn has_unmeant_fill(&self, now: Timestamp, report: &ExecutionReport) -> bool {
        let since = self.state.first_boot_at.unwrap_or(now);
        if let Some(trade) = report.trade {
            let is_told = self.state.foreign.contains(trade.symbol, trade.trade_id);
            return trade.transact_time >= since && !is_told;
        }
        let parts = self.settings.tag.parts_of(&report.cl_ord_id);
        let may_be_let_go = parts.is_some_and(|parts| parts.boot <= self.state.boot);
        let is_told = self.foreign_orders.contains(&(report.symbol, report.order_id));
        !report.cum_qty.is_zero() && report.transact_time >= since && !may_be_let_go && !is_told
    }
}
