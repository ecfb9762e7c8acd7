//! One trading system and one exchange, with the wires between them.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use keel_binance::{HttpFailure, Input, Link, Transmit};
use keel_config::{Config, Credentials, KeyKind};
use keel_domain::Timestamp;
use keel_engine::Operator;
use keel_journal::MemDisk;
use keel_runtime::{Desk, Outcome, RunContext};
use keel_sim_exchange::protocol::{ConnId, Outgoing, Protocol, Reply, Served, Ticket};
use secrecy::SecretString;

use crate::wires::{self, Asked, Opening, Parcel, Wires};

/// How often the desk is told the time.
const TICK_EVERY: Duration = Duration::from_millis(100);
/// When an HTTP client gives up on an answer that does not come.
const HTTP_WITHIN: Duration = Duration::from_secs(15);

/// What a simulation is made of.
#[derive(Debug, Clone)]
pub struct SimulationSettings {
    /// The trading system's configuration. Its venue's addresses are not used.
    pub config: Config,
    /// The key that the exchange knows.
    pub api_key: String,
    /// Its HMAC secret.
    pub api_secret: String,
    /// How long everything takes each way between system and exchange.
    pub latency: Duration,
    /// What the run knows of itself.
    pub context: RunContext,
}

impl SimulationSettings {
    fn credentials(&self) -> Credentials {
        Credentials {
            api_key: SecretString::from(self.api_key.clone()),
            api_secret: SecretString::from(self.api_secret.clone()),
            kind: KeyKind::Hmac,
        }
    }
}

/// A trading system and an exchange in virtual time. The same settings, exchange and calls give the same run.
pub struct Simulation {
    settings: SimulationSettings,
    disk: MemDisk,
    desk: Desk<MemDisk>,
    protocol: Protocol,
    now: Timestamp,
    tick_at: Timestamp,
    /// Until when a hanging disk keeps the system from doing anything.
    busy_until: Timestamp,
    wires: Wires,
    generation: u64,
    /// The session's present connections.
    links: BTreeMap<Link, u64>,
    /// The exchange's.
    connections: BTreeMap<Opening, ConnId>,
    openings: BTreeMap<ConnId, Opening>,
    waiting: BTreeMap<Ticket, Asked>,
    process: u64,
    steps: u64,
    faults: BTreeMap<String, u64>,
    /// How far the system's wall clock is ahead of the time.
    wall_ahead: Duration,
}

impl Simulation {
    /// Starts the system on an empty disk.
    ///
    /// # Errors
    /// What keeps it from running, with the remedy.
    pub fn start(settings: SimulationSettings, protocol: Protocol, now: Timestamp) -> Result<Self> {
        Self::start_on(MemDisk::default(), settings, protocol, now)
    }

    /// Starts the system on what a disk holds.
    ///
    /// # Errors
    /// What keeps it from running, with the remedy.
    pub fn start_on(
        disk: MemDisk,
        settings: SimulationSettings,
        protocol: Protocol,
        now: Timestamp,
    ) -> Result<Self> {
        let desk = Desk::start(
            &settings.config,
            settings.credentials(),
            disk.clone(),
            now,
            &settings.context,
        )?;
        Ok(Self {
            settings,
            disk,
            desk,
            protocol,
            now,
            tick_at: now,
            busy_until: now,
            wires: Wires::default(),
            generation: 0,
            links: BTreeMap::new(),
            connections: BTreeMap::new(),
            openings: BTreeMap::new(),
            waiting: BTreeMap::new(),
            process: 1,
            steps: 0,
            faults: BTreeMap::new(),
            wall_ahead: Duration::ZERO,
        })
    }

    /// The time.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// The trading system.
    #[must_use]
    pub fn desk(&self) -> &Desk<MemDisk> {
        &self.desk
    }

    /// The exchange, to look at and to put faults on.
    pub fn protocol(&mut self) -> &mut Protocol {
        &mut self.protocol
    }

    /// The system's disk, to put faults on.
    #[must_use]
    pub fn disk(&self) -> &MemDisk {
        &self.disk
    }

    /// An operator's word to the system.
    pub fn operate(&mut self, operator: Operator) {
        self.desk.operate(self.now, operator);
        self.settle();
    }

    /// Someone sets the wall clock of the system's machine so far ahead.
    pub fn set_wall_clock_ahead(&mut self, by: Duration) {
        self.wall_ahead = by;
    }

    /// A part of the system panics.
    pub fn panic(&mut self, what: &str) {
        self.desk.on_panic(self.now, what);
        self.settle();
    }

    /// Injected faults by rule.
    #[must_use]
    pub const fn faults(&self) -> &BTreeMap<String, u64> {
        &self.faults
    }

    /// How many moments were lived through.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// Lets time pass until the given moment, until a recorded market is over, or until the start is refused.
    pub fn run(&mut self, end: Timestamp) {
        self.settle();
        while !self.desk.is_refused() && !self.protocol.exchange().is_played_out() {
            if self.next_at() > end {
                self.now = self.now.max(end);
                return;
            }
            self.step();
        }
    }

    /// Ends the system in order, and gives what the run left, and the exchange.
    pub fn close(mut self) -> (Outcome, Protocol) {
        if let Some(ending) = self.desk.close(self.now) {
            return (self.desk.outcome(self.now, ending), self.protocol);
        }
        self.settle();
        while !self.desk.is_closed(self.now) {
            self.settle();
            self.step();
        }
        let ending = self.desk.ending(self.now);
        (self.desk.outcome(self.now, ending), self.protocol)
    }

    /// Kills the process and starts it anew on what its disk then holds. What it had sent is still on its way.
    ///
    /// # Errors
    /// What keeps it from starting.
    pub fn kill_and_restart(&mut self) -> Result<()> {
        self.process += 1;
        let arrives_at = self.now.plus(self.settings.latency);
        for (link, generation) in std::mem::take(&mut self.links) {
            self.wires
                .send(arrives_at, Parcel::Close(Opening { link, generation }));
        }
        self.disk = self.disk.after_kill();
        self.desk = Desk::start(
            &self.settings.config,
            self.settings.credentials(),
            self.disk.clone(),
            self.now,
            &self.settings.context,
        )?;
        Ok(())
    }

    fn next_at(&mut self) -> Timestamp {
        let of_desk = self.desk.session().next_deadline();
        let of_desk = of_desk.map_or(self.tick_at, |at| at.min(self.tick_at));
        let due = self.wires.next_at().into_iter();
        due.chain([self.protocol.next_deadline()])
            .fold(of_desk.max(self.busy_until), Timestamp::min)
    }

    /// One moment: everything that is due then, and what follows from it at once.
    fn step(&mut self) {
        self.steps += 1;
        self.now = self.now.max(self.next_at());
        if self.protocol.next_deadline() <= self.now {
            self.protocol.advance(self.now);
        }
        while let Some(parcel) = self.wires.arrived(self.now) {
            self.deliver(parcel);
        }
        let is_free = self.busy_until <= self.now;
        let deadline = self.desk.session().next_deadline();
        if is_free && deadline.is_some_and(|at| at <= self.now) {
            self.desk.session().handle(self.now, Input::Timer);
        }
        if is_free && self.tick_at <= self.now {
            self.tick_at = self.now.plus(TICK_EVERY);
            // Nobody looks: the snapshot is for monitoring.
            let _snapshot = self.desk.tick(self.now, self.now.plus(self.wall_ahead));
        }
        self.settle();
    }

    /// Hands on what both sides have to say.
    fn settle(&mut self) {
        if self.busy_until <= self.now {
            self.desk.drain(self.now);
            self.send();
            while self.desk.holds_back() {
                self.desk.go_on(self.now);
                self.desk.drain(self.now);
                self.send();
            }
        }
        let arrives_at = self.now.plus(self.settings.latency);
        while let Some((ticket, served)) = self.protocol.poll_answered() {
            if let Some(asked) = self.waiting.remove(&ticket) {
                self.answer(asked, served);
            }
        }
        while let Some(fault) = self.protocol.poll_injected() {
            *self.faults.entry(fault.rule).or_default() += 1;
        }
        while let Some((id, outgoing)) = self.protocol.poll_out() {
            self.outgoing(arrives_at, id, outgoing);
        }
    }

    /// What the system wants sent leaves once its disk lets it.
    fn send(&mut self) {
        self.busy_until = self.busy_until.max(self.now).plus(self.disk.take_hung());
        let arrives_at = self.busy_until.plus(self.settings.latency);
        while let Some(transmit) = self.desk.session().poll_transmit() {
            self.transmit(arrives_at, transmit);
        }
    }

    fn transmit(&mut self, arrives_at: Timestamp, transmit: Transmit) {
        let of = |links: &BTreeMap<Link, u64>, link| {
            let generation = links.get(&link).copied()?;
            Some(Opening { link, generation })
        };
        let parcel = match transmit {
            Transmit::Open(link, url) => {
                self.generation += 1;
                self.links.insert(link, self.generation);
                of(&self.links, link).map(|opening| Parcel::Open(opening, url))
            }
            Transmit::Frame(link, text) => of(&self.links, link).map(|opening| Parcel::Text(opening, text)),
            Transmit::Close(link) => {
                let opening = of(&self.links, link);
                self.links.remove(&link);
                opening.map(Parcel::Close)
            }
            Transmit::Http(id, request) => {
                let process = self.process;
                Some(Parcel::Request(Asked { process, id }, Box::new(request)))
            }
        };
        if let Some(parcel) = parcel {
            self.wires.send(arrives_at, parcel);
        }
    }

    fn outgoing(&mut self, arrives_at: Timestamp, id: ConnId, outgoing: Outgoing) {
        let Some(opening) = self.openings.get(&id).copied() else {
            return;
        };
        let input = match outgoing {
            Outgoing::Text(text) => Input::Frame(opening.link, text.as_bytes().to_vec()),
            Outgoing::Ping(payload) => {
                // The client's library answers, on the way back.
                let pong_at = arrives_at.plus(self.settings.latency);
                return self.wires.send(pong_at, Parcel::Pong(opening, payload));
            }
            Outgoing::Close(..) | Outgoing::Reset => {
                self.gone(opening);
                Input::Closed(opening.link, "closed by the venue".to_owned())
            }
        };
        self.wires.send(arrives_at, Parcel::Socket(opening, input));
    }

    fn gone(&mut self, opening: Opening) {
        if let Some(id) = self.connections.remove(&opening) {
            self.openings.remove(&id);
            self.protocol.ws_closed(id);
        }
    }

    fn answer(&mut self, asked: Asked, served: Served) {
        let arrives_at = self.now.plus(self.settings.latency).plus(served.delay);
        let (arrives_at, result) = match wires::result(served) {
            Some(result) => (arrives_at, result),
            None => (self.now.plus(HTTP_WITHIN), Err(HttpFailure::Lost)),
        };
        self.wires.send(arrives_at, Parcel::Answer(asked, result));
    }

    fn deliver(&mut self, parcel: Parcel) {
        match parcel {
            Parcel::Socket(..) | Parcel::Answer(..) if self.now < self.busy_until => {
                self.wires.send(self.busy_until, parcel);
            }
            Parcel::Open(opening, url) => self.open(opening, &url),
            Parcel::Text(opening, text) => {
                if let Some(id) = self.connections.get(&opening) {
                    self.protocol.ws_text(self.now, *id, &text);
                }
            }
            Parcel::Pong(opening, payload) => {
                if let Some(id) = self.connections.get(&opening) {
                    self.protocol.ws_pong(self.now, *id, payload.as_bytes());
                }
            }
            Parcel::Close(opening) => self.gone(opening),
            Parcel::Request(asked, request) => match self.protocol.serve(self.now, &wires::request(&request))
            {
                Reply::Now(served) => self.answer(asked, served),
                Reply::Later(ticket) => {
                    self.waiting.insert(ticket, asked);
                }
            },
            Parcel::Socket(opening, input) => {
                // What a connection says after it was given up is no longer true.
                if self.links.get(&opening.link) == Some(&opening.generation) {
                    if matches!(input, Input::Closed(..) | Input::Refused(..)) {
                        self.links.remove(&opening.link);
                    }
                    self.desk.session().handle(self.now, input);
                }
            }
            // Who asked before a kill is gone.
            Parcel::Answer(asked, _) if asked.process != self.process => {}
            Parcel::Answer(asked, result) => {
                let input = Input::Http(asked.id, result);
                self.desk.session().handle(self.now, input);
            }
        }
    }

    fn open(&mut self, opening: Opening, url: &str) {
        let (path, query) = wires::path_of(url);
        let peer = std::net::Ipv4Addr::LOCALHOST.into();
        let input = match self.protocol.ws_open(self.now, peer, path, query) {
            Ok(id) => {
                self.connections.insert(opening, id);
                self.openings.insert(id, opening);
                Input::Opened(opening.link)
            }
            Err(status) => Input::Refused(opening.link, status, None),
        };
        let arrives_at = self.now.plus(self.settings.latency);
        self.wires.send(arrives_at, Parcel::Socket(opening, input));
    }
}
