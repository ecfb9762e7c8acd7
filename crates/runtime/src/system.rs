//! The loop: events in, steps committed, commands out.

use std::future::Future;
use std::time::Duration;

use anyhow::{Context, Result};
use keel_binance::{Driver, Input, Session};
use keel_config::Config;
use keel_domain::Timestamp;
use keel_engine::{Command, DurableState, Event, Operator, StartRefusal, Step, Trader};
use keel_execution::{NotSent, Venue, VenueReport};
use keel_journal::FsDisk;
use keel_market_data::MarketFeed;
use keel_monitoring::Heartbeat;
use keel_report::RunTitle;

use crate::journal_log::LogError;
use crate::observer::Observer;
use crate::operate::Operations;
use crate::progress::status_line;
use crate::{Clock, Ending, JournalLog, Monitor, Outcome, RunContext, SnapshotTaken, assemble};

/// How often time is told to the engine.
const TIMER_EVERY: Duration = Duration::from_millis(100);
/// How often samples are taken and snapshots shown.
const SAMPLE_EVERY: Duration = Duration::from_millis(250);
/// How long the end may take before the system gives up and says what is left.
const CLOSE_WITHIN: Duration = Duration::from_secs(15);
/// The longest the loop may be silent before health fails.
const LOOP_AGE_MAX: Duration = Duration::from_secs(2);

/// A whole trading system, ready to run.
pub struct System {
    pub(crate) trader: Trader,
    session: Session,
    driver: Driver,
    log: JournalLog<FsDisk>,
    pub(crate) observer: Observer,
    monitor: Monitor,
    heartbeat: Heartbeat,
    clock: Clock,
    title: RunTitle,
    /// The journal failed: nothing can be recorded any more, and only cancels are sent.
    pub(crate) has_failed: bool,
    pub(crate) is_ending: bool,
    pub(crate) operations: Operations,
    sampled_at: Timestamp,
    wants_final_balances: bool,
    /// What the venue does not take of the configuration, told before the session was ever up.
    refused: Option<String>,
}

impl System {
    /// Assembles everything: the state directory is taken and replayed, and monitoring listens. No byte has left yet.
    ///
    /// # Errors
    /// What keeps it from running, with the remedy.
    pub fn start(
        config: &Config,
        credentials: keel_config::Credentials,
        clock: Clock,
        context: &RunContext,
    ) -> Result<Self> {
        let now = clock.now();
        let monitor = Monitor::start(config.monitoring_listen, clock)?;
        let (mut trader, mut log, found) = assemble::recover(config)?;
        let booted = trader.boot(now, assemble::identity(config))?;
        booted
            .release(&mut log)
            .context("the journal cannot be written")?;
        let operations = Operations::start(config, now)?;
        let session = Session::new(
            now,
            assemble::endpoints(config),
            assemble::session_settings(config),
            &assemble::credentials(credentials),
        )?;
        let driver = Driver::new(&config.venue.rest_url)?;
        let title = RunTitle {
            mode: config.mode.to_string(),
            venue: config.venue.name(),
            account: String::new(),
            strategy: trader.strategy_name().to_owned(),
            symbols: config.trading.symbols.clone(),
            seed: context.seed,
            scenario: context.scenario.clone(),
            config_hash: config.hash(),
            build: assemble::BUILD.to_owned(),
        };
        let observer = Observer::new(context.progress, now);
        let live = trader.leftovers().count();
        context.progress.line(&format!(
            "keel: mode {}, venue {}, configuration {}, build {}; journal: {found}, {live} orders to follow up",
            title.mode, title.venue, title.config_hash, title.build,
        ));
        if let Some((state, cause)) = trader.state().restriction() {
            context.progress.line(&format!(
                "STATE {state} since an earlier run: {cause}. See `trader resume --help`"
            ));
        }
        context
            .progress
            .line(&format!("dashboard http://{}/", monitor.address()));
        let heartbeat = monitor.health().register("trading loop", LOOP_AGE_MAX, now);
        let mut system = Self {
            trader,
            session,
            driver,
            log,
            observer,
            monitor,
            heartbeat,
            clock,
            title,
            has_failed: false,
            is_ending: false,
            operations,
            sampled_at: now,
            wants_final_balances: false,
            refused: None,
        };
        if let Some(reason) = context.accept_venue.clone() {
            system.feed(Event::Operator(Operator::AcceptVenue { reason }));
        }
        Ok(system)
    }

    /// Where monitoring listens.
    #[must_use]
    pub fn monitoring_address(&self) -> std::net::SocketAddr {
        self.monitor.address()
    }

    /// Trades until `stop` is ready, then closes the gate, cancels every order, and asks the venue until it shows none.
    /// A second readiness of `hurry` gives that up at once.
    pub async fn run(mut self, stop: impl Future<Output = ()>, hurry: impl Future<Output = ()>) -> Outcome {
        tokio::pin!(stop, hurry);
        let mut ticks = tokio::time::interval(TIMER_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => break,
                _ = ticks.tick() => self.tick(),
                () = turn(&mut self.driver, &mut self.session, self.clock) => {}
            }
            self.drain();
            self.driver.transmit(&mut self.session).await;
            if self.refused.is_some() || self.trader.start_refusal().is_some() {
                break;
            }
        }
        let ending = self.end(&mut hurry).await;
        let now = self.clock.now();
        self.observer.sample(now, &self.trader);
        let report = self
            .observer
            .report(now, &self.trader, self.title.clone(), &ending.to_string());
        let halted_by = self
            .trader
            .state()
            .restriction()
            .map(|(_, cause)| cause.to_string());
        Outcome {
            ending,
            report,
            halted_by,
        }
    }

    /// After the last turn of trading, or of a start that came to nothing.
    async fn end(&mut self, hurry: &mut (impl Future<Output = ()> + Unpin)) -> Ending {
        if let Some(why) = self.refused.take() {
            return self.not_started(why);
        }
        let Some(refusal) = self.trader.start_refusal() else {
            return self.close(hurry).await;
        };
        self.observer
            .progress()
            .line(&format!("start refused: {refusal}"));
        if matches!(refusal, StartRefusal::OtherAccount { .. }) {
            // What an earlier run may have left is not on this account.
            return Ending::Refused(refusal.to_string());
        }
        match self.close(hurry).await {
            Ending::Closed => Ending::Refused(refusal.to_string()),
            other => other,
        }
    }

    /// Without a session nothing can be canceled: what an earlier run left may be live.
    fn not_started(&self, why: String) -> Ending {
        match self.leftovers() {
            left if left.is_empty() => Ending::NotStarted(why),
            left => Ending::Unverified(left),
        }
    }

    fn leftovers(&self) -> Vec<String> {
        let ids = self.trader.leftovers().map(|order| order.cl_ord_id().to_string());
        ids.collect()
    }

    async fn close(&mut self, hurry: &mut (impl Future<Output = ()> + Unpin)) -> Ending {
        self.observer
            .progress()
            .line("closing: no new orders; canceling what is open");
        self.is_ending = true;
        self.feed(Event::Operator(Operator::Shutdown));
        let mut waits_from = self.clock.now();
        if let Some(until) = self.trader.unknown_until() {
            self.observer.progress().line(&format!(
                "an order's outcome is unknown: the venue can prove in {} s that it never arrived",
                until.since(waits_from).as_secs() + 1
            ));
        }
        let mut ticks = tokio::time::interval(TIMER_EVERY);
        let is_over = loop {
            tokio::select! {
                biased;
                () = &mut *hurry => break false,
                _ = ticks.tick() => self.tick(),
                () = turn(&mut self.driver, &mut self.session, self.clock) => {}
            }
            self.drain();
            self.driver.transmit(&mut self.session).await;
            if self.trader.is_closed() && self.has_final_balances() {
                break true;
            }
            // An order of unknown outcome is waited for as long as its absence cannot be proven yet; once it is proven, there
            // is still the usual time for what comes after.
            if let Some(until) = self.trader.unknown_until() {
                waits_from = waits_from.max(until);
            }
            if self.clock.now().since(waits_from) > CLOSE_WITHIN {
                break self.trader.is_closed();
            }
        };
        // The next start need not read the records of this run.
        self.keep_state(|log, state| log.take_snapshot(state).map(Some));
        if is_over {
            let stops: Vec<String> = self
                .trader
                .resting_stops()
                .map(|o| o.cl_ord_id().to_string())
                .collect();
            if !stops.is_empty() {
                let line = format!("stays at the venue to protect what is held: {}", stops.join(", "));
                self.observer.progress().line(&line);
            }
            return Ending::Closed;
        }
        Ending::Unverified(self.leftovers())
    }

    /// Once everything is over, the balances are asked for once more, for the report.
    fn has_final_balances(&mut self) -> bool {
        if !self.wants_final_balances {
            self.wants_final_balances = true;
            self.observer.forget_final_balances();
            self.session.query_balances(self.clock.now());
        }
        self.observer.has_final_balances()
    }

    fn tick(&mut self) {
        let now = self.clock.now();
        self.operate(now);
        self.feed(Event::Timer);
        if let Err(error) = self.log.flush() {
            self.fail(&error.to_string());
        }
        self.keep_state(JournalLog::snapshot_if_due);
        if now.since(self.sampled_at) >= SAMPLE_EVERY {
            self.sampled_at = now;
            self.session.handle(now, Input::WallClock(self.clock.wall()));
            self.observer.sample(now, &self.trader);
            let stats = self.session.stats();
            let snapshot = self.observer.snapshot(now, &self.trader, &self.title, &stats);
            self.observer
                .progress()
                .status(&status_line(&snapshot, self.observer.fill_count()));
            self.monitor.show(snapshot);
        }
        self.heartbeat.beat(now);
    }

    /// Keeps the durable state as a snapshot; all its records have been committed.
    fn keep_state(
        &mut self,
        keep: impl FnOnce(&mut JournalLog<FsDisk>, &DurableState) -> Result<Option<SnapshotTaken>, LogError>,
    ) {
        if self.has_failed {
            return;
        }
        match keep(&mut self.log, self.trader.state()) {
            Ok(Some(SnapshotTaken::NoRoom)) => {
                let text = "the disk has no room for a snapshot of the state; the journal goes on, and the next start \
                            takes longer: free some space";
                self.observer.alert(self.clock.now(), text);
            }
            Ok(Some(SnapshotTaken::UpTo(_)) | None) => {}
            Err(error) => self.fail(&error.to_string()),
        }
    }

    /// Hands everything that has arrived to the engine: orders' news before prices.
    fn drain(&mut self) {
        loop {
            if let Some(report) = self.session.next_report() {
                self.observer.on_report(&report);
                if let (VenueReport::Refused { cause, reject }, false) = (&report, self.trader.has_been_up())
                {
                    self.refused = Some(format!("{cause}: {reject}\n  remedy: {}", cause.remedy()));
                }
                self.feed(Event::Venue(report));
            } else if let Some(update) = self.session.next_update() {
                self.feed(Event::Market(update));
            } else {
                return;
            }
        }
    }

    pub(crate) fn feed(&mut self, event: Event) {
        let mut events = vec![event];
        // What a command cannot do at once is an event again; each is one order that was not sent.
        while let Some(event) = events.pop() {
            let now = self.clock.now();
            let step = self.trader.on_event(now, event);
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

    fn fail(&mut self, what: &str) {
        let now = self.clock.now();
        if !self.has_failed {
            for command in self.fail_at(now, what) {
                // Only cancels come from a failed journal; one that cannot be sent is tried again while closing.
                let _tried_again_later = self.carry_out(now, command);
            }
        }
    }

    fn fail_at(&mut self, now: Timestamp, what: &str) -> Vec<Command> {
        self.has_failed = true;
        self.observer.alert(
            now,
            &format!("the journal failed, trading is halted, cancels only: {what}"),
        );
        self.trader.on_journal_failure(now, what.to_owned())
    }

    fn carry_out(&mut self, now: Timestamp, command: Command) -> Option<Event> {
        match command {
            Command::Submit(order) => {
                let cl_ord_id = order.cl_ord_id();
                let sent: Result<(), NotSent> = self.session.submit(now, order);
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
            Command::Alert(text) => self.observer.alert(now, &text),
        }
        None
    }
}

/// One turn of the driver, as a future that can be given up.
async fn turn(driver: &mut Driver, session: &mut Session, clock: Clock) {
    driver.turn(session, move || clock.now()).await;
}
