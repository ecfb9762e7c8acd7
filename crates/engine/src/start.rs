//! What keeps a start from trading: another account, another instance's orders, records that the account contradicts.

use keel_domain::{AlertClass, ClOrdId, ExecutionReport, Symbol, Timestamp};
use keel_execution::InstanceTag;
use keel_risk::{HaltCause, TradingState};

use crate::{Fact, RunningStrategy, Step, Trader};

/// Why a start is refused. Nothing was traded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartRefusal {
    /// The records are another account's.
    #[error(
        "this state directory belongs to account {recorded}, and the venue says that the key is account {told}'s. Choose \
         another [state] dir, or the key of account {recorded}"
    )]
    OtherAccount {
        /// Whose the records are.
        recorded: String,
        /// Whose the key is.
        told: String,
    },
    /// An order of another instance is open on one of our pairs.
    #[error(
        "order {cl_ord_id} of instance {tag} is open on {symbol}: two instances on one pair trade against each other. Give \
         each its own [trading] symbols; if {tag} runs no more, cancel its orders at the venue"
    )]
    OtherInstance {
        /// Whose it is.
        tag: InstanceTag,
        /// The pair.
        symbol: Symbol,
        /// The order.
        cl_ord_id: ClOrdId,
    },
    /// Own records and the account differ.
    #[error(
        "the records and the account differ: {what}. Find out why; where the venue is right, start again with --accept-venue \
         REASON"
    )]
    Difference {
        /// Both sides.
        what: String,
    },
}

impl Trader {
    /// Why this start must not trade, once that is known.
    #[must_use]
    pub fn start_refusal(&self) -> Option<StartRefusal> {
        let difference = || {
            let what = self.first_comparison()?.err()?.to_owned();
            Some(StartRefusal::Difference { what })
        };
        self.refusal.clone().or_else(difference)
    }

    /// Binds the records to the account, or finds them another's. Nothing may be asked or recorded then: it would be taken
    /// for the recorded account's.
    pub(crate) fn is_our_account(&mut self, now: Timestamp, told: &str, step: &mut Step) -> bool {
        let Some(recorded) = self.state.account.clone() else {
            let account = told.to_owned();
            self.record(now, step, Fact::Account { account });
            return true;
        };
        if recorded == told {
            return true;
        }
        let told = told.to_owned();
        let refusal = StartRefusal::OtherAccount { recorded, told };
        let what = refusal.to_string();
        step.push_alert(AlertClass::StartRefused.alert(what.clone()));
        // Not recorded: the account that the records belong to has done nothing wrong.
        self.gate
            .restrict(TradingState::Halted, HaltCause::Contradiction { what });
        self.refusal.get_or_insert(refusal);
        false
    }

    /// What is held of pairs that are traded no more: nobody sells it, protects it or counts its loss. And what is held by a
    /// strategy that runs no more: it is protected, and nobody sells it.
    pub(crate) fn tell_untraded(&self, step: &mut Step) {
        for (strategy, symbol, book) in self.state.ledgers.books() {
            let position = book.average().position();
            let runs =
                |running: &RunningStrategy| running.id() == strategy && running.symbols().contains(&symbol);
            if position.is_zero() {
                continue;
            }
            if self.markets.contains_key(&symbol) && !self.strategies.iter().any(runs) {
                step.push_alert(AlertClass::Unprotected.alert(format!(
                    "{symbol}: {} is held by strategy {strategy}, which does not trade the pair any more: it is protected, and no \
                     strategy sells it. `trader flatten` sells all that is held; or let {strategy} run again",
                    position.normalize()
                )));
            }
            if !self.markets.contains_key(&symbol) {
                step.push_alert(AlertClass::Unprotected.alert(format!(
                    "{symbol}: {} is held, and the pair is not in [trading] symbols: it is not protected, not sold, and counts \
                     at its cost in the loss budget and in the gross exposure. Add the pair, or sell it by hand",
                    position.normalize()
                )));
            }
        }
    }

    /// Before the first comparison is done, an open order of another instance on one of our pairs refuses the start.
    pub(crate) fn notice_other_instance(&mut self, report: &ExecutionReport) {
        let is_start = self.reconciliation.first.is_none();
        if !is_start || report.ord_status.is_terminal() || !self.markets.contains_key(&report.symbol) {
            return;
        }
        if let Some(tag) = self.settings.tag.other_in(&report.cl_ord_id) {
            self.refusal.get_or_insert(StartRefusal::OtherInstance {
                tag,
                symbol: report.symbol,
                cl_ord_id: report.cl_ord_id,
            });
        }
    }
}
