//! Events in, steps committed, commands out: cancels first, and submissions only once their intents are durable.

use keel_domain::{AlertClass, Timestamp};
use keel_engine::{Command, DurableState, Event, Step};
use keel_execution::{NotSent, Order, Venue, VenueReport};
use keel_journal::{Disk, HaltMark};
use keel_market_data::MarketFeed;
use keel_risk::{ApprovedOrder, HaltCause};

use crate::journal_log::LogError;
use crate::{Desk, JournalLog, SnapshotTaken};

/// What waits until the cancels of its step have left.
pub(crate) struct Held {
    step: Step,
    /// What could not be done of the cancels, and what waited already.
    events: Vec<Event>,
}

impl<D: Disk + HaltMark> Desk<D> {
    /// Whether cancels wait in the session, and all else behind them: the session's bytes are to be moved, then [`Self::go_on`]
    /// is to be called.
    #[must_use]
    pub fn holds_back(&self) -> bool {
        self.held.is_some() || self.unkept_halt.is_some()
    }

    /// Records, and does, what was held back until cancels had left; it may be that others are to leave then.
    pub fn go_on(&mut self, now: Timestamp) {
        if let Some(Held { step, mut events }) = self.held.take() {
            for command in self.release(now, step) {
                events.extend(self.carry_out(now, command));
            }
            self.take(now, events);
        }
        if let Some(cause) = self.unkept_halt.take() {
            self.keep_halt(now, &cause);
        }
        if self.is_upkeep_due && !self.holds_back() {
            self.keep_records(now);
        }
    }

    /// For where the session's bytes are not moved in between: everything keeps its order all the same.
    pub(crate) fn go_on_at_once(&mut self, now: Timestamp) {
        while self.holds_back() {
            self.go_on(now);
        }
    }

    /// What was written becomes durable, and a snapshot is taken where one is due.
    pub(crate) fn keep_records(&mut self, now: Timestamp) {
        self.is_upkeep_due = false;
        if let Err(error) = self.log.flush() {
            self.fail(now, &error.to_string());
        }
        self.keep_state(now, JournalLog::snapshot_if_due);
    }

    pub(crate) fn feed(&mut self, now: Timestamp, event: Event) {
        self.go_on_at_once(now);
        self.take(now, vec![event]);
    }

    /// What a command cannot do at once is an event again; each is one order that was not sent.
    fn take(&mut self, now: Timestamp, mut events: Vec<Event>) {
        while let Some(event) = events.pop() {
            let mut step = self.trader.on_event(now, event);
            let cancels = step.take_cancels();
            if !cancels.is_empty() {
                for cancel in cancels {
                    events.extend(self.carry_out(now, cancel));
                }
                self.held = Some(Held { step, events });
                return;
            }
            for command in self.release(now, step) {
                events.extend(self.carry_out(now, command));
            }
        }
    }

    fn release(&mut self, now: Timestamp, step: Step) -> Vec<Command> {
        self.observer.on_records(step.records());
        if self.has_failed {
            // Nothing can be recorded any more; what needs no record is still done.
            return step.without_submissions();
        }
        match step.release(&mut self.log) {
            Ok(commands) => commands,
            Err(error) => self.fail_at(now, &error.to_string()),
        }
    }

    pub(crate) fn fail(&mut self, now: Timestamp, what: &str) {
        if !self.has_failed {
            for command in self.fail_at(now, what) {
                // Only cancels come from a failed journal; one that cannot be sent is tried again while closing.
                let _tried_again_later = self.carry_out(now, command);
            }
        }
    }

    fn fail_at(&mut self, now: Timestamp, what: &str) -> Vec<Command> {
        self.has_failed = true;
        let what = what.to_owned();
        self.halt_unrecorded(now, HaltCause::Journal { what })
    }

    pub(crate) fn carry_out(&mut self, now: Timestamp, command: Command) -> Option<Event> {
        match command {
            Command::Submit(order) => {
                let cl_ord_id = order.cl_ord_id();
                let sent = self.submit(now, order);
                return sent
                    .err()
                    .map(|cause| Event::Venue(VenueReport::SubmitNotSent { cl_ord_id, cause }));
            }
            Command::Cancel { symbol, cl_ord_id } => {
                let sent = self.session.cancel(now, symbol, cl_ord_id);
                return sent
                    .err()
                    .map(|_| Event::Venue(VenueReport::CancelUnknown { cl_ord_id }));
            }
            Command::QueryOrder { symbol, cl_ord_id } => self.session.query_order(now, symbol, cl_ord_id),
            Command::QueryOpenOrders { symbol } => self.session.query_open_orders(now, symbol),
            Command::QueryAllOrders { symbol, around } => self.session.query_all_orders(now, symbol, around),
            Command::QueryTrades { symbol, from } => self.session.query_trades(now, symbol, from),
            Command::QueryInstruments => self.session.query_instruments(now),
            Command::QueryBalances => self.session.query_balances(now),
            Command::RenewUserStream => self.session.renew_user_stream(now),
            Command::Resync { symbol, reason } => self.session.resync(now, symbol, reason),
            Command::Alert(alert) => self.observer.alert(now, &alert),
        }
        None
    }

    fn submit(&mut self, now: Timestamp, order: ApprovedOrder) -> Result<(), NotSent> {
        self.trader.may_go_out(&order)?;
        let orders = self.trader.state().orders();
        self.last_inch
            .check(now, &order, |id| orders.get(id).map(Order::intent))
            .map_err(NotSent::LastInch)?;
        self.session.submit(now, order)
    }

    /// Keeps the durable state as a snapshot; all its records have been committed.
    pub(crate) fn keep_state(
        &mut self,
        now: Timestamp,
        keep: impl FnOnce(&mut JournalLog<D>, &DurableState) -> Result<Option<SnapshotTaken>, LogError>,
    ) {
        if self.has_failed {
            return;
        }
        match keep(&mut self.log, self.trader.state()) {
            Ok(Some(SnapshotTaken::NoRoom)) => {
                let text = "the disk has no room for a snapshot of the state; the journal goes on, and the next start \
                            takes longer: free some space";
                self.observer.alert(now, &AlertClass::Disk.alert(text));
            }
            Ok(Some(SnapshotTaken::UpTo(_)) | None) => {}
            Err(error) => self.fail(now, &error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
