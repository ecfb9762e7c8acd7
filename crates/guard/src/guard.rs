//! Heartbeats, silence, and what follows.

use std::collections::VecDeque;
use std::time::Duration;

use keel_domain::{AlertClass, OrderId, Symbol, Timestamp};

use crate::sweep::{Progress, Sweep};

/// What the venue is to be asked or told next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// What is open on the pair.
    Look(Symbol),
    /// Cancel every open order of the pair.
    CancelAll(Symbol),
    /// Cancel one order of the pair, where others stay.
    Cancel(Symbol, OrderId),
}

impl Request {
    /// The pair.
    #[must_use]
    pub const fn symbol(self) -> Symbol {
        match self {
            Self::Look(symbol) | Self::CancelAll(symbol) | Self::Cancel(symbol, _) => symbol,
        }
    }
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// These orders are open.
    Open {
        /// How many sells wait for a stop price, or carry one that does: they stay, since they bound the loss on what is held while
        /// nobody looks after it.
        stops: usize,
        /// The others.
        others: Vec<OrderId>,
    },
    /// So many were canceled.
    Canceled(usize),
    /// No answer, or a refusal.
    Failed {
        /// In words for a person.
        problem: String,
        /// How long the venue wants no request, where it said 429 or 418.
        wait: Option<Duration>,
    },
}

/// What a person should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A trader was heard: from now on its silence counts.
    Armed,
    /// A trader runs, or died, by what is on record: from now on its silence counts.
    Expected,
    /// The trader has ended in order: nothing is to be done.
    Disarmed,
    /// The trader is silent: its orders are being canceled.
    Silent {
        /// For how long.
        silence: Duration,
    },
    /// The venue canceled orders.
    Canceled {
        /// The pair.
        symbol: Symbol,
        /// How many.
        orders: usize,
    },
    /// A request came to nothing; it is tried again.
    Failed {
        /// The pair.
        symbol: Symbol,
        /// What was wrong.
        problem: String,
        /// How long nothing more is asked.
        wait: Duration,
    },
    /// While nothing is to be done, the venue does not answer as it would have to in need.
    Unreachable {
        /// The pair that was asked for.
        symbol: Symbol,
        /// What was wrong.
        problem: String,
    },
    /// It answers again.
    Reachable,
    /// No order is open on any pair, except stops, twice in a row. The next heartbeat arms the guard again.
    Cleared {
        /// How many orders stay.
        stops: usize,
    },
    /// The trader was heard while its orders were being canceled: that is over, the trader looks after them.
    Returned,
}

impl Event {
    /// What kind of error it is; none where nothing is wrong.
    #[must_use]
    pub const fn alert_class(&self) -> Option<AlertClass> {
        match self {
            Self::Silent { .. } | Self::Canceled { .. } => Some(AlertClass::TraderSilent),
            Self::Failed { .. } => Some(AlertClass::Leftover),
            Self::Unreachable { .. } => Some(AlertClass::Guard),
            Self::Armed
            | Self::Expected
            | Self::Disarmed
            | Self::Reachable
            | Self::Cleared { .. }
            | Self::Returned => None,
        }
    }
}

#[derive(Debug)]
enum State {
    /// No trader is known to run.
    Waiting,
    Watching {
        heard_at: Timestamp,
    },
    Canceling(Sweep),
    Cleared,
}

#[derive(Debug, Clone, Copy)]
struct Asked {
    request: Request,
    purpose: Purpose,
}

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// The canceling that goes on now.
    Sweep,
    /// To know whether the venue would answer in need.
    Probe,
    /// A canceling that is over.
    Past,
}

/// Decides when the trader counts as dead, and what is done then.
#[derive(Debug)]
pub struct Guard {
    symbols: Vec<Symbol>,
    silence_max: Duration,
    state: State,
    asked: Option<Asked>,
    events: VecDeque<Event>,
    has_fired: bool,
    probe_at: Timestamp,
    is_unreachable: bool,
    /// Until when the venue wants no request, by its answer to a probe.
    quiet_until: Timestamp,
}

impl Guard {
    /// The shortest wait between two passes over the pairs.
    pub const WAIT_MIN: Duration = Sweep::WAIT_MIN;
    /// The longest wait between two passes, unless the venue wants a longer one.
    pub const WAIT_MAX: Duration = Sweep::WAIT_MAX;

    /// How often the venue is asked while the trader lives: a key that was revoked is found before it is needed.
    pub const PROBE_EVERY: Duration = Duration::from_secs(60);
    /// A probe begins only so soon after a heartbeat, as a part of the silence: it is not to be under way when the silence ends.
    const PROBE_WITHIN: u32 = 10;

    /// A guard that has heard nobody yet, so that silence means nothing.
    #[must_use]
    pub fn new(symbols: Vec<Symbol>, silence_max: Duration) -> Self {
        Self {
            symbols,
            silence_max,
            state: State::Waiting,
            asked: None,
            events: VecDeque::new(),
            has_fired: false,
            probe_at: Timestamp::EPOCH,
            is_unreachable: false,
            quiet_until: Timestamp::EPOCH,
        }
    }

    /// A trader was left running, by what is on record: its silence counts from now on.
    pub fn expect_beats(&mut self, now: Timestamp) {
        self.probe_at = now.plus(Self::PROBE_EVERY);
        self.leave_for(State::Watching { heard_at: now });
        self.events.push_back(Event::Expected);
    }

    /// The trader's loop turns. One that comes late, but before the silence was noticed, ends the silence.
    pub fn on_beat(&mut self, now: Timestamp) {
        let event = match self.state {
            State::Watching { .. } => None,
            State::Waiting | State::Cleared => Some(Event::Armed),
            State::Canceling(_) => Some(Event::Returned),
        };
        if event.is_some() {
            self.probe_at = now.plus(Self::PROBE_EVERY);
        }
        self.leave_for(State::Watching { heard_at: now });
        self.events.extend(event);
    }

    /// The trader has ended, and the venue shows no order of it.
    pub fn on_farewell(&mut self) {
        self.leave_for(State::Waiting);
        self.events.push_back(Event::Disarmed);
    }

    fn leave_for(&mut self, state: State) {
        self.state = state;
        if let Some(asked) = self
            .asked
            .as_mut()
            .filter(|asked| asked.purpose == Purpose::Sweep)
        {
            asked.purpose = Purpose::Past;
        }
    }

    /// The request to make now, if any: at most one at a time. Notices silence.
    pub fn next_request(&mut self, now: Timestamp) -> Option<Request> {
        if let State::Watching { heard_at } = self.state {
            let silence = now.since(heard_at);
            if silence < self.silence_max {
                return self.next_probe(now, silence);
            }
            self.has_fired = true;
            self.events.push_back(Event::Silent { silence });
            self.leave_for(State::Canceling(Sweep::new(
                &self.symbols,
                now.max(self.quiet_until),
            )));
        }
        let State::Canceling(sweep) = &mut self.state else {
            return None;
        };
        if self.asked.is_some() {
            return None;
        }
        let request = sweep.next_request(now)?;
        self.asked = Some(Asked {
            request,
            purpose: Purpose::Sweep,
        });
        Some(request)
    }

    fn next_probe(&mut self, now: Timestamp, silence: Duration) -> Option<Request> {
        let is_due =
            now >= self.probe_at.max(self.quiet_until) && silence < self.silence_max / Self::PROBE_WITHIN;
        if !is_due || self.asked.is_some() {
            return None;
        }
        self.probe_at = now.plus(Self::PROBE_EVERY);
        let request = Request::Look(*self.symbols.first()?);
        self.asked = Some(Asked {
            request,
            purpose: Purpose::Probe,
        });
        Some(request)
    }

    fn on_probed(&mut self, now: Timestamp, symbol: Symbol, answer: &Answer) {
        if let Answer::Failed { wait: Some(wait), .. } = answer {
            self.quiet_until = now.plus(*wait);
        }
        let problem = match answer {
            Answer::Failed { problem, .. } => Some(problem.clone()),
            Answer::Open { .. } | Answer::Canceled(_) => None,
        };
        let was_unreachable = std::mem::replace(&mut self.is_unreachable, problem.is_some());
        match problem {
            Some(problem) => self.events.push_back(Event::Unreachable { symbol, problem }),
            None if was_unreachable => self.events.push_back(Event::Reachable),
            None => {}
        }
    }

    /// The answer to the request that was given last.
    pub fn on_answer(&mut self, now: Timestamp, answer: &Answer) {
        let Some(asked) = self.asked.take() else { return };
        let symbol = asked.request.symbol();
        if asked.purpose == Purpose::Probe {
            return self.on_probed(now, symbol, answer);
        }
        if let Answer::Canceled(orders) = *answer {
            self.events.push_back(Event::Canceled { symbol, orders });
        }
        let State::Canceling(sweep) = &mut self.state else {
            return;
        };
        if asked.purpose == Purpose::Past {
            return;
        }
        let progress = sweep.on_answer(now, asked.request, answer);
        if let Answer::Failed { problem, .. } = answer {
            self.events.push_back(Event::Failed {
                symbol,
                problem: problem.clone(),
                wait: sweep.next_at().since(now),
            });
        }
        if progress == Progress::Over {
            let stops = sweep.stops();
            self.events.push_back(Event::Cleared { stops });
            self.state = State::Cleared;
        }
    }

    /// When [`Self::next_request`] is to be called again, if nothing comes before.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        match &self.state {
            State::Watching { heard_at } => Some(heard_at.plus(self.silence_max)),
            State::Canceling(sweep) if self.asked.is_none() => Some(sweep.next_at()),
            State::Waiting | State::Canceling(_) | State::Cleared => None,
        }
    }

    /// What has happened since, oldest first.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Whether orders are being canceled and may be open still.
    #[must_use]
    pub const fn is_canceling(&self) -> bool {
        matches!(self.state, State::Canceling(_))
    }

    /// Whether a trader has ever fallen silent.
    #[must_use]
    pub const fn has_fired(&self) -> bool {
        self.has_fired
    }
}
