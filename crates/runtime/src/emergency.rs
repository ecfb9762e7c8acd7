//! Halts that the journal cannot keep: it failed, a part of this process panicked, or another process asks for it.

use keel_domain::{AlertClass, Timestamp};
use keel_engine::{Command, Fact, Operator, Record, RecordLog};
use keel_journal::{Disk, HaltMark};
use keel_risk::{HaltCause, TradingState};

use crate::Desk;
use crate::panics::caught;

impl<D: Disk + HaltMark> Desk<D> {
    /// Halts while a mark is in the state directory: an earlier run could not record its halt, or the guard fired. The mark
    /// stays until an operator resumes, or flattens.
    pub fn heed_mark(&mut self, now: Timestamp) {
        let what = match self.mark() {
            Ok(None) => return,
            Ok(Some(reason)) => reason,
            Err(error) => format!("the mark of a halt cannot be read: {error}"),
        };
        if self.trader.trading_state() < TradingState::Halted {
            self.operate(now, Operator::Halt(HaltCause::Internal { what }));
        }
    }

    /// Why the next start is to be halted, besides what the journal says.
    pub(crate) fn mark(&self) -> std::io::Result<Option<String>> {
        self.log.disk().mark()
    }

    /// An operator lifts the halt: without its mark, or not at all.
    pub(crate) fn lift_mark(&mut self, now: Timestamp) -> bool {
        let cleared = self.log.disk_mut().clear_mark();
        if let Err(error) = &cleared {
            let text = format!("nothing is lifted: the mark HALTED cannot be removed: {error}");
            self.observer.alert(now, &AlertClass::Journal.alert(text));
        }
        cleared.is_ok()
    }

    /// A part of this process panicked. What it was doing may be half done, so that what is in memory is no longer what was
    /// recorded: but for the halt itself nothing is recorded any more, and only cancels are sent. The next start has the
    /// journal, and asks the venue for the rest.
    ///
    /// The session's bytes are to be moved next, then [`Self::go_on`] is to be called.
    pub fn on_panic(&mut self, now: Timestamp, what: &str) {
        let what = format!("the program panicked: {what}");
        let cause = HaltCause::Internal { what };
        self.held = None;
        self.is_upkeep_due = false;
        // Each by itself: whatever panicked may do so again.
        for cancel in caught(|| self.halt_unrecorded(now, cause)).unwrap_or_default() {
            let _sent_if_it_can_be = caught(|| self.carry_out(now, cancel));
        }
    }

    /// Halts, and gives the cancels. The halt itself is kept once they have left.
    pub(crate) fn halt_unrecorded(&mut self, now: Timestamp, cause: HaltCause) -> Vec<Command> {
        self.unkept_halt = Some(cause.clone());
        let told = format!("trading is halted, cancels only: {cause}");
        let alert = cause.alert_class().alert(told);
        let _told_if_it_can_be = caught(|| self.observer.alert(now, &alert));
        self.trader.halt_unrecorded(now, cause)
    }

    /// Makes a halt durable, in the journal if that still takes a record, else by a mark.
    pub(crate) fn keep_halt(&mut self, now: Timestamp, cause: &HaltCause) {
        let fact = Fact::Restricted {
            state: TradingState::Halted,
            cause: cause.clone(),
        };
        if self.is_halt_kept {
            return;
        }
        let has_failed = std::mem::replace(&mut self.has_failed, true);
        let is_kept = !has_failed
            && caught(|| self.log.commit(&[Record { at: now, fact }], true).is_ok()).unwrap_or(false);
        self.is_halt_kept = true;
        if is_kept {
            return;
        }
        if let Err(error) = self.log.disk_mut().leave_mark(&cause.to_string()) {
            self.is_halt_kept = false;
            let text = format!(
                "the halt is not kept over a restart, since the disk takes no mark of it ({error}): halt by the file KILL, \
                 or do not start again before you know why"
            );
            let alert = AlertClass::Journal.alert(text);
            let _told_if_it_can_be = caught(|| self.observer.alert(now, &alert));
        }
    }
}
