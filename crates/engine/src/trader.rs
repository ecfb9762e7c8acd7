//! The machine: one owner of everything that decides.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use keel_domain::{Asset, ExecutionReport, OrderId, StrategyId, Symbol, Timestamp};
use keel_execution::{Balance, ClOrdIdSource, InstanceTag, VenueReport};
use keel_market_data::MarketUpdate;
use keel_risk::{HaltCause, LossLimits, RiskGate, Rule};
use keel_strategy::{Action, OpenOrder};

use crate::fate::Poll;
use crate::listed::Listed;
use crate::losses::LossWatch;
use crate::market::Market;
use crate::reconcile::Reconciliation;
use crate::upkeep::Closing;
use crate::{
    Counters, DurableState, Fact, Identity, ProtectionSettings, Record, RunningStrategy, StartRefusal, Step,
};

/// How the machine behaves where no rule of risk is concerned.
#[derive(Debug, Clone)]
pub struct TraderSettings {
    /// The pairs it trades.
    pub symbols: Vec<Symbol>,
    /// Marks its orders at the venue.
    pub tag: InstanceTag,
    /// How often own records are compared with the venue's.
    pub reconcile_every: Duration,
    /// How long after sending an order the venue's "not found" counts as proof: the receive window, the
    /// venue's own ten seconds, and a margin.
    pub absence_after: Duration,
    /// How positions are protected by stops at the venue; none: not at all.
    pub protection: Option<ProtectionSettings>,
    /// The widest step of a price that needs no second reading, in hundredths of a percent.
    pub price_jump_bps_max: u32,
    /// What may be lost.
    pub loss: LossLimits,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// From the market feed.
    Market(MarketUpdate),
    /// From the venue.
    Venue(VenueReport),
    /// From a person, or from the process itself.
    Operator(Operator),
    /// Time passed. To come at least every 250 ms.
    Timer,
}

/// What an operator may say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operator {
    /// Stop trading: no new order, all open ones canceled. Latched over restarts.
    Halt(HaltCause),
    /// Lift every restriction.
    Resume {
        /// Why that is safe now.
        reason: String,
    },
    /// Cancel what is open, and permit only orders that reduce the position. Latched over restarts; never loosens a halt.
    ReduceOnly {
        /// Why.
        reason: String,
    },
    /// The same, and what is held is sold within the collar. A halt is lifted to that.
    Flatten {
        /// Why.
        reason: String,
    },
    /// Cancel what is open now, without a restriction.
    CancelAll,
    /// Compare with the venue now. Nothing happens while the session is down: it is done when it comes up anyway.
    Reconcile,
    /// The venue's view is accepted where it differs from ours: quantities from now on are the venue's, and restrictions
    /// for such differences are lifted. Takes effect when the venue has told its view.
    AcceptVenue {
        /// Why that is right.
        reason: String,
    },
    /// The process is to end: no new order, all open ones canceled and looked for at the venue.
    Shutdown,
}

/// Why recorded facts cannot be continued.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RecoverError {
    /// The records belong to another mode or venue.
    #[error(
        "this state directory belongs to mode {} at {}, and the configuration says mode {} at {}: \
         choose another [state] dir, or correct the configuration",
        .recorded.mode, .recorded.venue, .configured.mode, .configured.venue
    )]
    OtherIdentity {
        /// Whose the records are.
        recorded: Box<Identity>,
        /// Who wants to continue them.
        configured: Box<Identity>,
    },
}

/// The trading system, without sockets, clocks or files.
pub struct Trader {
    pub(crate) settings: TraderSettings,
    pub(crate) state: DurableState,
    pub(crate) gate: RiskGate,
    pub(crate) strategies: Vec<RunningStrategy>,
    /// This start's number; none before it.
    pub(crate) boot: Option<u64>,
    pub(crate) ids: BTreeMap<StrategyId, ClOrdIdSource>,
    pub(crate) markets: BTreeMap<Symbol, Market>,
    pub(crate) balances: BTreeMap<Asset, Balance>,
    pub(crate) balances_at: Option<Timestamp>,
    /// When this process started.
    pub(crate) booted_at: Timestamp,
    pub(crate) session_up: bool,
    /// When the venue was asked last only to know whether it serves the key.
    pub(crate) key_probed_at: Timestamp,
    pub(crate) has_been_up: bool,
    pub(crate) polls: BTreeMap<keel_domain::ClOrdId, Poll>,
    pub(crate) reconciliation: Reconciliation,
    pub(crate) refusal: Option<StartRefusal>,
    /// When the pairs' filters were asked for last.
    pub(crate) instruments_at: Option<Timestamp>,
    pub(crate) unbooked_asked_at: Option<Timestamp>,
    pub(crate) unbooked_asked: u32,
    pub(crate) closing: Option<Closing>,
    /// Reports that came before their pair's description.
    pub(crate) early: VecDeque<ExecutionReport>,
    pub(crate) foreign_orders: BTreeSet<(Symbol, OrderId)>,
    pub(crate) listed: Listed,
    pub(crate) last_refusal: BTreeMap<(Symbol, Rule), Timestamp>,
    pub(crate) counters: Counters,
    pub(crate) loss_watch: LossWatch,
    /// Since when a day's first prices are waited for.
    pub(crate) marking_since: Option<Timestamp>,
    /// Reused between events, so that a turn allocates nothing.
    pub(crate) actions: Vec<Action>,
    pub(crate) open_orders: Vec<OpenOrder>,
}

impl Trader {
    /// A machine without history. Call [`Trader::restore`] where there is a snapshot, [`Trader::recover`] for each
    /// record after it, then [`Trader::boot`].
    #[must_use]
    pub fn new(settings: TraderSettings, gate: RiskGate, strategies: Vec<RunningStrategy>) -> Self {
        let markets = settings
            .symbols
            .iter()
            .map(|symbol| (*symbol, Market::new(*symbol, settings.price_jump_bps_max)))
            .collect();
        Self {
            settings,
            state: DurableState::default(),
            gate,
            strategies,
            boot: None,
            ids: BTreeMap::new(),
            markets,
            balances: BTreeMap::new(),
            balances_at: None,
            booted_at: Timestamp::EPOCH,
            session_up: false,
            key_probed_at: Timestamp::EPOCH,
            has_been_up: false,
            polls: BTreeMap::new(),
            reconciliation: Reconciliation::default(),
            refusal: None,
            instruments_at: None,
            unbooked_asked_at: None,
            unbooked_asked: 0,
            closing: None,
            early: VecDeque::new(),
            foreign_orders: BTreeSet::new(),
            listed: Listed::default(),
            last_refusal: BTreeMap::new(),
            counters: Counters::default(),
            loss_watch: LossWatch::default(),
            marking_since: None,
            actions: Vec::new(),
            open_orders: Vec::new(),
        }
    }

    /// Takes over the durable state of an earlier run, as a snapshot kept it. The records after it follow by
    /// [`Trader::recover`].
    pub fn restore(&mut self, state: DurableState) {
        self.state = state;
    }

    /// Applies one recorded fact of an earlier run.
    ///
    /// A record that led to a [`Fault`](crate::Fault) when it was live does so again here, and the restriction that followed stands
    /// in the records after it; so a fault is no error here.
    pub fn recover(&mut self, record: &Record) {
        let _live_run_saw_it_too = self.state.apply(record);
    }

    /// Starts a run on top of what was recovered.
    ///
    /// # Errors
    /// `OtherIdentity` when the records belong to another mode or venue; nothing changed.
    pub fn boot(&mut self, now: Timestamp, identity: Identity) -> Result<Step, RecoverError> {
        if let Some(recorded) = &self.state.identity
            && (recorded.mode != identity.mode || recorded.venue != identity.venue)
        {
            return Err(RecoverError::OtherIdentity {
                recorded: Box::new(recorded.clone()),
                configured: Box::new(identity),
            });
        }
        self.booted_at = now;
        let mut step = Step::default();
        let boot = self.state.boot.saturating_add(1);
        self.record(now, &mut step, Fact::Booted { boot, identity });
        self.boot = Some(boot);
        self.restore_restrictions();
        for order in self.state.orders.live() {
            self.polls.insert(order.cl_ord_id(), Poll::due(now));
        }
        Ok(step)
    }

    /// Takes one event and says what follows. Deterministic: the same history gives the same step.
    pub fn on_event(&mut self, now: Timestamp, event: Event) -> Step {
        let mut step = Step::default();
        let changes_cover = !matches!(event, Event::Market(_));
        match event {
            Event::Market(update) => self.on_market(now, &update, &mut step),
            Event::Venue(report) => self.on_report(now, report, &mut step),
            Event::Operator(operator) => self.on_operator(now, operator, &mut step),
            Event::Timer => self.on_timer(now, &mut step),
        }
        if changes_cover {
            self.flatten(now, &mut step);
            self.protect_all(now, &mut step);
        }
        self.withdraw_unpermitted(now, &mut step);
        step
    }
}
