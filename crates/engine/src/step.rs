//! What one event leads to.

use keel_domain::{Alert, ClOrdId, Symbol, Timestamp, TradeId};
use keel_execution::NotSent;
use keel_market_data::LostReason;
use keel_risk::ApprovedOrder;

use crate::Record;

/// Something for the shell to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Send this order, once.
    Submit(ApprovedOrder),
    /// Cancel this order.
    Cancel {
        /// The pair.
        symbol: Symbol,
        /// The order.
        cl_ord_id: ClOrdId,
    },
    /// Ask for one order's state.
    QueryOrder {
        /// The pair.
        symbol: Symbol,
        /// The order.
        cl_ord_id: ClOrdId,
    },
    /// Ask for all open orders of the pair.
    QueryOpenOrders {
        /// The pair.
        symbol: Symbol,
    },
    /// Ask for all orders of the pair that were placed around a time, ended ones too.
    QueryAllOrders {
        /// The pair.
        symbol: Symbol,
        /// The time.
        around: Timestamp,
    },
    /// Ask for trades of the pair.
    QueryTrades {
        /// The pair.
        symbol: Symbol,
        /// The first trade wanted; none: the latest.
        from: Option<TradeId>,
    },
    /// Ask for the pairs' filters and status.
    QueryInstruments,
    /// Ask for all balances.
    QueryBalances,
    /// Discard the pair's book and start again from a snapshot.
    Resync {
        /// The pair.
        symbol: Symbol,
        /// Why.
        reason: LostReason,
    },
    /// The stream of user events has left something out: open it anew.
    RenewUserStream,
    /// Tell a person.
    Alert(Alert),
}

/// Takes records and makes them durable. The engine does not know how.
pub trait RecordLog {
    /// Why records could not be kept.
    type Error;

    /// Appends the records, and returns only when they are durable if `must_sync` is set.
    ///
    /// # Errors
    /// The records may or may not be kept. The caller halts; the call is never repeated.
    fn commit(&mut self, records: &[Record], must_sync: bool) -> Result<(), Self::Error>;
}

/// The records and commands of one event. Its cancels can be had at once; every other command only by committing the records
/// first, so nothing is sent before its intent is durable.
#[derive(Debug, Default)]
#[must_use = "a step holds commands that must be released"]
pub struct Step {
    records: Vec<Record>,
    commands: Vec<Command>,
}

impl Step {
    pub(crate) fn push_record(&mut self, record: Record) {
        self.records.push(record);
    }

    pub(crate) fn push_command(&mut self, command: Command) {
        self.commands.push(command);
    }

    pub(crate) fn push_alert(&mut self, alert: Alert) {
        self.push_command(Command::Alert(alert));
    }

    /// Takes out the submissions that may not go out any more, with their cancels. Gives their ids, and why.
    pub(crate) fn withdraw(
        &mut self,
        may_go_out: impl Fn(&ApprovedOrder) -> Result<(), NotSent>,
    ) -> Vec<(ClOrdId, NotSent)> {
        let mut withdrawn = Vec::new();
        self.commands.retain(|command| {
            if let Command::Submit(order) = command
                && let Err(cause) = may_go_out(order)
            {
                withdrawn.push((order.cl_ord_id(), cause));
                return false;
            }
            true
        });
        self.commands.retain(|command| match command {
            Command::Cancel { cl_ord_id, .. } => !withdrawn.iter().any(|(id, _)| id == cl_ord_id),
            _ => true,
        });
        withdrawn
    }

    pub(crate) fn has_command(&self, command: &Command) -> bool {
        self.commands.contains(command)
    }

    /// What became known or was decided, in order.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Takes out the cancels, to be sent before [`Step::release`]: a disk that hangs or is full must not delay them. A cancel of an
    /// order that this very step submits stays behind, since it must not overtake it.
    ///
    /// A process that dies in between has sent cancels that no record tells of. Nothing rests on those records: they only keep
    /// the same cancel from being asked twice. The next start takes such an order for live with its whole remainder, asks the
    /// venue for it, and books what the venue says. What is lost with the step is the reason: a restriction counts from when
    /// its record is durable, and no operator was told of it before.
    pub fn take_cancels(&mut self) -> Vec<Command> {
        let submitted: Vec<ClOrdId> = self
            .commands
            .iter()
            .filter_map(|command| match command {
                Command::Submit(order) => Some(order.cl_ord_id()),
                _ => None,
            })
            .collect();
        let is_free = |command: &mut Command| matches!(command, Command::Cancel { cl_ord_id, .. } if !submitted.contains(cl_ord_id));
        self.commands.extract_if(.., is_free).collect()
    }

    /// The commands that need no record: everything but submissions. For a shell whose log has failed; the orders of the
    /// submissions that are dropped keep counting as exposure.
    #[must_use]
    pub fn without_submissions(self) -> Vec<Command> {
        self.commands
            .into_iter()
            .filter(|command| !matches!(command, Command::Submit(_)))
            .collect()
    }

    /// Commits the records, then hands out the commands that are left.
    ///
    /// # Errors
    /// The log's error. The commands are gone with the step; their orders keep counting as exposure.
    pub fn release<L: RecordLog>(self, log: &mut L) -> Result<Vec<Command>, L::Error> {
        if !self.records.is_empty() {
            log.commit(&self.records, self.records.iter().any(Record::must_sync))?;
        }
        Ok(self.commands)
    }
}
