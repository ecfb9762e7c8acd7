//! A trading system that runs: the desk with its sockets, its clock, its monitor and its operators.

use std::future::Future;
use std::time::Duration;

use anyhow::{Context, Result};
use keel_binance::{Driver, Session};
use keel_config::{Config, Mode};
use keel_control::Heart;
use keel_domain::AlertClass;
use keel_journal::FsDisk;
use keel_monitoring::Heartbeat;

use crate::guard_watch::GuardWatch;
use crate::operate::Operations;
use crate::panics::{caught, caught_while};
use crate::progress::status_line;
use crate::{Clock, Desk, Ending, Monitor, Outcome, RunContext};

/// How often time is told to the engine.
const TIMER_EVERY: Duration = Duration::from_millis(100);
/// The longest the loop may be silent before health fails.
const LOOP_AGE_MAX: Duration = Duration::from_secs(2);

/// A whole trading system, ready to run.
pub struct System {
    pub(crate) desk: Desk<FsDisk>,
    driver: Driver,
    monitor: Monitor,
    heartbeat: Heartbeat,
    heart: Heart,
    guard_watch: GuardWatch,
    clock: Clock,
    pub(crate) operations: Operations,
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
        let disk = FsDisk::lock(&config.state_dir)
            .with_context(|| format!("state directory {}", config.state_dir.display()))?;
        let desk = Desk::start(config, credentials, disk, now, context)?;
        let operations = Operations::start(config, now)?;
        let driver = Driver::new(&config.venue.rest_url)?;
        let heart = Heart::start(&config.state_dir).context("the heartbeat to the guard")?;
        context
            .progress
            .line(&format!("dashboard http://{}/", monitor.address()));
        let heartbeat = monitor.health().register("trading loop", LOOP_AGE_MAX, now);
        Ok(Self {
            desk,
            driver,
            monitor,
            heartbeat,
            heart,
            guard_watch: GuardWatch::new(now, config.mode != Mode::Paper),
            clock,
            operations,
        })
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
        self.trade(&mut stop, |desk, _| desk.is_refused()).await;
        let ending = match caught_while(self.end(&mut hurry)).await {
            Ok(ending) => ending,
            Err(what) => {
                self.after_panic(&what).await;
                Ending::Unverified(caught(|| self.desk.leftovers()).unwrap_or_default())
            }
        };
        if !matches!(ending, Ending::Unverified(_)) {
            self.say_farewell();
        }
        self.desk.outcome(self.clock.now(), ending)
    }

    /// Trades until it is to end, or a part of it panics.
    async fn trade(
        &mut self,
        stop: &mut (impl Future<Output = ()> + Unpin),
        is_over: impl Fn(&mut Desk<FsDisk>, Clock) -> bool,
    ) {
        if let Err(what) = caught_while(self.turn_until(stop, is_over)).await {
            self.after_panic(&what).await;
        }
    }

    /// Whatever panicked may do so again, so each part is tried by itself: halt, send the cancels, keep the halt.
    async fn after_panic(&mut self, what: &str) {
        let now = self.clock.now();
        let _halted_as_far_as_it_can_be = caught(|| self.desk.on_panic(now, what));
        let sending = self.driver.send_off(self.desk.session());
        let _sent_as_far_as_it_can_be = caught_while(sending).await;
        let _kept_as_far_as_it_can_be = caught(|| self.desk.go_on(now));
    }

    /// After the last turn of trading, or of a start that came to nothing.
    async fn end(&mut self, hurry: &mut (impl Future<Output = ()> + Unpin)) -> Ending {
        if let Some(ending) = self.desk.close(self.clock.now()) {
            return ending;
        }
        self.turn_until(hurry, |desk, clock| desk.is_closed(clock.now()))
            .await;
        self.desk.ending(self.clock.now())
    }

    /// Takes turns until the future is ready, or the desk is as asked for.
    async fn turn_until(
        &mut self,
        over: &mut (impl Future<Output = ()> + Unpin),
        is_over: impl Fn(&mut Desk<FsDisk>, Clock) -> bool,
    ) {
        let mut ticks = tokio::time::interval(TIMER_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = &mut *over => return,
                _ = ticks.tick() => {
                    self.operate(self.clock.now());
                    self.settle().await;
                    self.tick();
                }
                () = turn(&mut self.driver, self.desk.session(), self.clock) => {}
            }
            self.desk.drain(self.clock.now());
            self.settle().await;
            if is_over(&mut self.desk, self.clock) {
                return;
            }
        }
    }

    /// Moves the session's bytes; cancels before anything waits for the disk.
    async fn settle(&mut self) {
        while self.desk.holds_back() {
            self.driver.send_off(self.desk.session()).await;
            self.desk.go_on(self.clock.now());
            self.desk.drain(self.clock.now());
        }
        self.driver.transmit(self.desk.session()).await;
    }

    fn tick(&mut self) {
        let now = self.clock.now();
        if let Some(snapshot) = self.desk.tick(now, self.clock.wall()) {
            let observer = &self.desk.observer;
            observer
                .progress()
                .status(&status_line(&snapshot, observer.fill_count()));
            self.monitor.show(snapshot);
        }
        self.heartbeat.beat(now);
        if let Some(alert) = self.guard_watch.on_beat(now, self.heart.beat()) {
            self.desk.observer.alert(now, &alert);
        }
    }

    /// Nothing is left at the venue that is not meant to stay, so the guard has nothing to do. Otherwise silence tells it.
    fn say_farewell(&mut self) {
        if let Err(error) = self.heart.farewell() {
            let text = format!("the guard will cancel what is open: no farewell to it: {error}");
            let alert = AlertClass::Guard.alert(text);
            self.desk.observer.alert(self.clock.now(), &alert);
        }
    }
}

/// One turn of the driver, as a future that can be given up.
async fn turn(driver: &mut Driver, session: &mut Session, clock: Clock) {
    driver.turn(session, move || clock.now()).await;
}

#[cfg(test)]
mod tests;
