//! A trading system without sockets, clocks or threads: events in, steps committed, commands out.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use keel_binance::{Input, Session};
use keel_config::{Config, Credentials};
use keel_domain::{AlertClass, Timestamp};
use keel_engine::{Event, Operator, StartRefusal, Trader};
use keel_execution::{RefusedCause, Venue, VenueReport};
use keel_journal::{Disk, HaltMark};
use keel_market_data::MarketFeed;

use keel_monitoring::Snapshot;
use keel_report::RunTitle;
use keel_risk::{HaltCause, LastInch};

use crate::change::Change;
use crate::flow::Held;
use crate::observer::Observer;
use crate::statement::History;
use crate::{Ending, JournalLog, Outcome, RunContext, assemble, build};

/// How long the end may take before the system gives up and says what is left.
pub const CLOSE_WITHIN: std::time::Duration = std::time::Duration::from_secs(15);
/// How often samples are taken.
const SAMPLE_EVERY: std::time::Duration = std::time::Duration::from_millis(250);

/// Engine, journal and session, put together. Whoever holds it moves the session's bytes and tells it the time; the same
/// inputs at the same times give the same commands.
pub struct Desk<D: Disk> {
    pub(crate) trader: Trader,
    pub(crate) session: Session,
    pub(crate) log: JournalLog<D>,
    pub(crate) observer: Observer,
    title: RunTitle,
    pub(crate) last_inch: LastInch,
    /// The journal failed, or a part of the process panicked: nothing can be recorded any more, and only cancels are sent.
    pub(crate) has_failed: bool,
    /// What the venue does not take of the configuration, told before the session was ever up.
    refused: Option<String>,
    sampled_at: Timestamp,
    closing: Option<Closing>,
    pub(crate) held: Option<Held>,
    /// A halt that is to be made durable once its cancels have left.
    pub(crate) unkept_halt: Option<HaltCause>,
    /// A halt was made durable that this process cannot record twice.
    pub(crate) is_halt_kept: bool,
    /// A tick's disk work waits, since cancels were to leave first.
    pub(crate) is_upkeep_due: bool,
}

/// An end that was begun.
#[derive(Debug, Clone, Copy)]
struct Closing {
    waits_from: Timestamp,
    wants_final_balances: bool,
}

impl<D: Disk + HaltMark> Desk<D> {
    /// Puts everything together on a disk that is this process's own: what is recorded there is replayed. No byte has left
    /// yet.
    ///
    /// # Errors
    /// What keeps it from running, with the remedy.
    pub fn start(
        config: &Config,
        credentials: Credentials,
        disk: D,
        now: Timestamp,
        context: &RunContext,
    ) -> Result<Self> {
        let build = build()?;
        let (mut trader, mut log, found) = assemble::recover(config, disk)?;
        let identity = assemble::identity(config);
        let change = Change::between(trader.state().identity(), &identity);
        if let Some(told) = change.accepted(config.mode, context.accept_change.as_deref())? {
            tracing::warn!("{told}");
            context.progress.line(&told);
        }
        let booted = trader.boot(now, identity)?;
        booted
            .release(&mut log)
            .context("the journal cannot be written")?;
        let session = Session::new(
            now,
            assemble::endpoints(config),
            assemble::session_settings(config),
            &assemble::credentials(credentials),
        )?;
        let title = RunTitle {
            mode: config.mode.to_string(),
            venue: config.venue.name(),
            account: String::new(),
            strategy: assemble::strategy_names(&trader),
            symbols: config.trading.symbols.clone(),
            seed: context.seed,
            scenario: context.scenario.clone(),
            config_hash: config.hash(),
            build: build.to_owned(),
        };
        let live = trader.leftovers().count();
        context.progress.line(&format!(
            "keel: mode {}, venue {}, configuration {}, build {}; journal: {found}, {live} orders to follow up",
            title.mode, title.venue, title.config_hash, title.build,
        ));
        let mut desk = Self {
            observer: Observer::new(context.progress, now, &trader),
            trader,
            session,
            log,
            title,
            last_inch: assemble::last_inch(config)?,
            has_failed: false,
            refused: None,
            sampled_at: now,
            closing: None,
            held: None,
            unkept_halt: None,
            is_halt_kept: false,
            is_upkeep_due: false,
        };
        if let Some(reason) = context.accept_venue.clone() {
            desk.operate(now, Operator::AcceptVenue { reason });
        }
        desk.heed_mark(now);
        Ok(desk)
    }

    /// How many alerts of each class were raised in this run.
    #[must_use]
    pub fn alerts_raised(&self) -> &BTreeMap<AlertClass, u64> {
        self.observer.alerts_raised()
    }

    /// The session, whose bytes are to be moved.
    pub fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    /// The engine, to look at.
    #[must_use]
    pub fn trader(&self) -> &Trader {
        &self.trader
    }

    /// Whether trading is to end: the venue does not serve this configuration, or a safety rule forbids the start.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.refused.is_some() || self.trader.start_refusal().is_some()
    }

    /// Whether [`Self::close`] was called.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    /// Tells the time, about ten times a second, and what the wall clock shows. What was written becomes durable, and a
    /// snapshot of the state is taken where one is due. Returns what is to be shown, where it is time for that.
    pub fn tick(&mut self, now: Timestamp, wall: Timestamp) -> Option<Snapshot> {
        self.feed(now, Event::Timer);
        self.is_upkeep_due = true;
        if !self.holds_back() {
            self.keep_records(now);
        }
        if now.since(self.sampled_at) < SAMPLE_EVERY {
            return None;
        }
        self.sampled_at = now;
        self.session.handle(now, Input::WallClock(wall));
        self.observer.sample(now, &self.trader);
        let stats = self.session.stats();
        Some(self.observer.snapshot(now, &self.trader, &self.title, &stats))
    }

    /// Hands everything that has arrived to the engine, orders' news before prices, until cancels are to leave.
    pub fn drain(&mut self, now: Timestamp) {
        while !self.holds_back() {
            if let Some(report) = self.session.next_report() {
                self.observer.on_report(&report);
                if let VenueReport::Refused { cause, reject } = &report
                    && self.ends_start(*cause)
                {
                    self.refused = Some(format!("{cause}: {reject}\n  remedy: {}", cause.remedy()));
                }
                self.feed(now, Event::Venue(report));
            } else if let Some(update) = self.session.next_update() {
                self.feed(now, Event::Market(update));
            } else {
                return;
            }
        }
    }

    /// Whether what the venue refuses is of the configuration: before there was a session, everything is; afterwards a pair that it has
    /// never described, whose refusal may come later than the session.
    fn ends_start(&self, cause: RefusedCause) -> bool {
        let is_unheard_of = |symbol| self.trader.instrument(symbol).is_none();
        !self.trader.has_been_up() || matches!(cause, RefusedCause::Symbol(symbol) if is_unheard_of(symbol))
    }

    /// An operator's word.
    pub fn operate(&mut self, now: Timestamp, operator: Operator) {
        if matches!(operator, Operator::Resume { .. } | Operator::Flatten { .. }) {
            if !self.lift_mark(now) {
                return;
            }
            self.last_inch.reset();
        }
        match &operator {
            // Orders may be held back, and are handed on before this event.
            Operator::Halt(cause) => self.trader.close_gate(cause.clone()),
            Operator::Shutdown => self.trader.close_gate(HaltCause::Shutdown),
            _ => {}
        }
        self.feed(now, Event::Operator(operator));
    }

    /// Closes the gate and begins to cancel everything. A start that was refused on another account, or never had a session,
    /// has nothing to cancel with: its end is told at once.
    pub fn close(&mut self, now: Timestamp) -> Option<Ending> {
        if let Some(why) = self.refused.take() {
            return Some(self.not_started(now, why));
        }
        if let Some(refusal) = self.trader.start_refusal() {
            let alert = AlertClass::StartRefused.alert(format!("start refused: {refusal}"));
            self.observer.alert(now, &alert);
            if matches!(refusal, StartRefusal::OtherAccount { .. }) {
                // What an earlier run may have left is not on this account.
                return Some(Ending::Refused(refusal.to_string()));
            }
        }
        self.observer
            .progress()
            .line("closing: no new orders; canceling what is open");
        self.closing = Some(Closing {
            waits_from: now,
            wants_final_balances: false,
        });
        self.operate(now, Operator::Shutdown);
        if let Some(until) = self.trader.unknown_until() {
            self.observer.progress().line(&format!(
                "an order's outcome is unknown: the venue can prove in {} s that it never arrived",
                until.since(now).as_secs() + 1
            ));
        }
        None
    }

    /// Whether the end is reached: the venue shows no order of ours but stops, and has confirmed those for what is held; or the
    /// time for that is over.
    pub fn is_closed(&mut self, now: Timestamp) -> bool {
        if self.trader.is_closed() && !self.trader.awaits_stop(now) && self.has_final_balances(now) {
            return true;
        }
        let until = self.trader.unknown_until();
        self.closing.as_mut().is_none_or(|closing| {
            // An order of unknown outcome is waited for as long as its absence cannot be proven yet; once it is proven, there
            // is still the usual time for what comes after.
            closing.waits_from = until.map_or(closing.waits_from, |until| closing.waits_from.max(until));
            now.since(closing.waits_from) > CLOSE_WITHIN
        })
    }

    /// Once everything is over, the balances are asked for once more, for the report.
    fn has_final_balances(&mut self, now: Timestamp) -> bool {
        let asked = self.closing.as_mut();
        if asked.is_some_and(|closing| !std::mem::replace(&mut closing.wants_final_balances, true)) {
            self.observer.forget_final_balances();
            self.session.query_balances(now);
        }
        self.observer.has_final_balances()
    }

    /// How the end that [`Self::close`] began came out. Keeps the state, so that the next start need not read this run's
    /// records.
    pub fn ending(&mut self, now: Timestamp) -> Ending {
        self.go_on_at_once(now);
        self.tell_unprotected(now);
        self.keep_state(now, |log, state| log.take_snapshot(state).map(Some));
        if !self.trader.is_closed() {
            return self.unverified(now);
        }
        let stops: Vec<String> = self
            .trader
            .resting_stops()
            .map(|o| o.cl_ord_id().to_string())
            .collect();
        if !stops.is_empty() {
            let line = format!("stays at the venue to protect what is held: {}", stops.join(", "));
            self.observer.progress().line(&line);
        }
        match self.trader.start_refusal() {
            Some(refusal) => Ending::Refused(refusal.to_string()),
            None => Ending::Closed,
        }
    }

    /// What could not be given a stop in the time of the end gets none any more.
    fn tell_unprotected(&mut self, now: Timestamp) {
        for symbol in self.title.symbols.clone() {
            if self.trader.unprotected_since(symbol).is_some() {
                let held = self.trader.position(symbol);
                let text = format!(
                    "{symbol}: {held} is held at the end, and not all of it has a stop at the venue: sell or protect it by hand, or \
                     start again"
                );
                self.observer.alert(now, &AlertClass::Unprotected.alert(text));
            }
        }
    }

    /// Without a session nothing can be canceled: what an earlier run left may be live.
    fn not_started(&mut self, now: Timestamp, why: String) -> Ending {
        if self.leftovers().is_empty() {
            return Ending::NotStarted(why);
        }
        self.unverified(now)
    }

    /// Nobody looks after what is left once this process has ended.
    fn unverified(&mut self, now: Timestamp) -> Ending {
        let ending = Ending::Unverified(self.leftovers());
        self.observer
            .alert(now, &AlertClass::Leftover.alert(ending.to_string()));
        ending
    }

    pub(crate) fn leftovers(&self) -> Vec<String> {
        let ids = self.trader.leftovers().map(|order| order.cl_ord_id().to_string());
        ids.collect()
    }

    /// Reads what the statement rests on and the state does not hold: the orders of all runs, and what fees and holdings were
    /// worth. Everything is over by now, so nothing waits for it.
    fn read_history(&mut self, now: Timestamp) {
        let why = match History::read(&self.log) {
            Ok(history) => return self.observer.take_history(history),
            Err(why) => why,
        };
        let text = format!(
            "the statement has the orders of this run only, since the journal cannot be read again: {why}"
        );
        self.observer.alert(now, &AlertClass::Disk.alert(text));
    }

    /// What the run left, with its report.
    pub fn outcome(mut self, now: Timestamp, ending: Ending) -> Outcome {
        self.observer.sample(now, &self.trader);
        self.read_history(now);
        let report = self
            .observer
            .report(now, &self.trader, self.title.clone(), &ending.to_string());
        let recorded = self.trader.state().restriction().map(|(_, cause)| cause);
        let unrecorded = self.trader.restriction_cause().filter(|_| self.has_failed);
        let halted_by = recorded.or(unrecorded).map(ToString::to_string);
        Outcome {
            ending,
            report,
            halted_by,
        }
    }
}
