//! The machine: one owner of everything that decides.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use keel_domain::{Asset, OrderId, Symbol, Timestamp, TradeId};
use keel_execution::{Balance, ClOrdIdSource, InstanceTag, VenueReport};
use keel_market_data::{LocalBook, MarketUpdate};
use keel_risk::{HaltCause, RiskGate, Rule, TradingState};
use keel_strategy::{Action, OpenOrder, Strategy, Trigger};

use crate::upkeep::{Closing, Poll};
use crate::{Command, DurableState, Fact, Fault, Identity, Record, Step};

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

/// What the machine knows of one pair and need not survive a restart.
#[derive(Debug)]
pub(crate) struct Market {
    pub(crate) book: LocalBook,
    pub(crate) pause: Pause,
    /// The trade to ask from next; none until one was seen.
    pub(crate) trade_cursor: Option<TradeId>,
    /// The last public trade price, for displays.
    pub(crate) last_trade: Option<keel_domain::Price>,
}

/// Submissions wait after the venue refused some, longer each time.
#[derive(Debug, Default)]
pub(crate) struct Pause {
    until: Option<Timestamp>,
    refusals: u32,
}

impl Pause {
    const FIRST: Duration = Duration::from_millis(500);
    const DOUBLINGS_MAX: u32 = 7;

    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now >= until)
    }

    pub(crate) fn on_refusal(&mut self, now: Timestamp) {
        let doublings = self.refusals.min(Self::DOUBLINGS_MAX);
        self.until = Some(now.plus(Self::FIRST * 2_u32.pow(doublings)));
        self.refusals = self.refusals.saturating_add(1);
    }

    pub(crate) fn on_acceptance(&mut self) {
        *self = Self::default();
    }
}

/// Counts for displays and reports; not durable.
#[derive(Debug, Clone, Default)]
pub struct Counters {
    /// Orders approved and handed out to be sent.
    pub submitted: u64,
    /// Orders that the venue refused.
    pub rejected: u64,
    /// Orders that ended by a cancel.
    pub canceled: u64,
    /// Orders whose outcome became unknown.
    pub unknown: u64,
    /// Trades booked.
    pub fills: u64,
    /// Orders that the gate refused, by rule.
    pub refused: BTreeMap<Rule, u64>,
    /// Wishes of the strategy that were dropped while a pause or a missing session forbade orders.
    pub held_back: u64,
    /// Orders and trades in the account that are not ours.
    pub foreign: u64,
    /// Differences from the venue that reconciliation found.
    pub differences: u64,
}

/// The trading system, without sockets, clocks or files.
pub struct Trader {
    pub(crate) settings: TraderSettings,
    pub(crate) state: DurableState,
    pub(crate) gate: RiskGate,
    pub(crate) strategy: Box<dyn Strategy>,
    pub(crate) strategy_failed: bool,
    pub(crate) ids: Option<ClOrdIdSource>,
    pub(crate) markets: BTreeMap<Symbol, Market>,
    pub(crate) balances: BTreeMap<Asset, Balance>,
    pub(crate) balances_at: Option<Timestamp>,
    pub(crate) session_up: bool,
    pub(crate) polls: BTreeMap<keel_domain::ClOrdId, Poll>,
    pub(crate) reconciled_at: Option<Timestamp>,
    pub(crate) unbooked_asked_at: Option<Timestamp>,
    pub(crate) closing: Option<Closing>,
    pub(crate) foreign_orders: BTreeSet<(Symbol, OrderId)>,
    pub(crate) last_refusal: BTreeMap<(Symbol, Rule), Timestamp>,
    pub(crate) counters: Counters,
    /// Reused between events, so that a turn allocates nothing.
    pub(crate) actions: Vec<Action>,
    pub(crate) open_orders: Vec<OpenOrder>,
}

impl Trader {
    /// A machine without history. Call [`Trader::recover`], then [`Trader::boot`].
    #[must_use]
    pub fn new(settings: TraderSettings, gate: RiskGate, strategy: Box<dyn Strategy>) -> Self {
        let markets = settings
            .symbols
            .iter()
            .map(|symbol| {
                let book = LocalBook::new(*symbol);
                (
                    *symbol,
                    Market {
                        book,
                        pause: Pause::default(),
                        trade_cursor: None,
                        last_trade: None,
                    },
                )
            })
            .collect();
        Self {
            settings,
            state: DurableState::default(),
            gate,
            strategy,
            strategy_failed: false,
            ids: None,
            markets,
            balances: BTreeMap::new(),
            balances_at: None,
            session_up: false,
            polls: BTreeMap::new(),
            reconciled_at: None,
            unbooked_asked_at: None,
            closing: None,
            foreign_orders: BTreeSet::new(),
            last_refusal: BTreeMap::new(),
            counters: Counters::default(),
            actions: Vec::new(),
            open_orders: Vec::new(),
        }
    }

    /// Applies one recorded fact of an earlier run.
    ///
    /// A record that led to a [`Fault`] when it was live does so again here, and the restriction that followed stands
    /// in the records after it; so a fault is no error here.
    pub fn recover(&mut self, record: &Record) {
        let _live_run_saw_it_too = self.state.apply(record);
        if let Fact::Trade(keel_domain::Trade { symbol, trade_id, .. }) = record.fact {
            self.advance_cursor(symbol, trade_id);
        }
        if let Fact::Execution(report) = &record.fact
            && let Some(trade) = report.trade
        {
            self.advance_cursor(trade.symbol, trade.trade_id);
        }
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
        let mut step = Step::default();
        let boot = self.state.boot.saturating_add(1);
        self.record(now, &mut step, Fact::Booted { boot, identity });
        self.ids = Some(ClOrdIdSource::new(self.settings.tag, boot));
        if let Some((state, cause)) = self.state.restriction.clone() {
            self.gate.restrict(state, cause);
        }
        for order in self.state.orders.live() {
            self.polls.insert(order.cl_ord_id(), Poll::due(now));
        }
        Ok(step)
    }

    /// Takes one event and says what follows. Deterministic: the same history gives the same step.
    pub fn on_event(&mut self, now: Timestamp, event: Event) -> Step {
        let mut step = Step::default();
        match event {
            Event::Market(update) => self.on_market(now, &update, &mut step),
            Event::Venue(report) => self.on_report(now, report, &mut step),
            Event::Operator(operator) => self.on_operator(now, operator, &mut step),
            Event::Timer => self.on_timer(now, &mut step),
        }
        step
    }

    /// The journal failed: nothing more is sent but cancels. There is no record of it, since nothing can be recorded.
    pub fn on_journal_failure(&mut self, now: Timestamp, what: String) -> Vec<Command> {
        self.gate
            .restrict(TradingState::Halted, HaltCause::Journal { what });
        self.begin_closing(now);
        self.state
            .orders
            .live()
            .map(|order| Command::Cancel {
                symbol: order.symbol(),
                cl_ord_id: order.cl_ord_id(),
            })
            .collect()
    }

    fn on_operator(&mut self, now: Timestamp, operator: Operator, step: &mut Step) {
        match operator {
            Operator::Halt(cause) => self.halt(now, cause, step),
            Operator::Resume { reason } => {
                self.record(now, step, Fact::Resumed { reason });
                self.gate.resume();
                self.closing = None;
            }
            Operator::Shutdown => {
                // Not recorded: a normal end must not leave the next start halted.
                self.gate.restrict(TradingState::Halted, HaltCause::Shutdown);
                self.begin_closing(now);
                self.press_closing(now, step);
            }
        }
    }

    fn on_market(&mut self, now: Timestamp, update: &MarketUpdate, step: &mut Step) {
        let symbol = update.symbol();
        let Some(market) = self.markets.get_mut(&symbol) else {
            return;
        };
        let trigger = match update {
            MarketUpdate::BookSnapshot(snapshot) => {
                market.book.reset(now, snapshot);
                Trigger::Book
            }
            MarketUpdate::BookDelta(delta) => {
                if market.book.apply(now, delta).is_err() {
                    let reason = keel_market_data::LostReason::Gap;
                    step.push_command(Command::Resync { symbol, reason });
                }
                Trigger::Book
            }
            MarketUpdate::BookLost { .. } => {
                market.book.clear();
                Trigger::Book
            }
            MarketUpdate::Trade(trade) => {
                market.last_trade = Some(trade.price);
                Trigger::Trade(trade)
            }
        };
        self.run_strategy(now, symbol, trigger, step);
    }

    /// Applies a fact, keeps it for the journal, and halts when it contradicts what is known.
    pub(crate) fn record(&mut self, at: Timestamp, step: &mut Step, fact: Fact) {
        let record = Record { at, fact };
        let applied = self.state.apply(&record);
        step.push_record(record);
        if let Err(fault) = applied {
            self.on_fault(at, &fault, step);
        }
    }

    fn on_fault(&mut self, now: Timestamp, fault: &Fault, step: &mut Step) {
        self.counters.differences += 1;
        self.halt(
            now,
            HaltCause::Contradiction {
                what: fault.to_string(),
            },
            step,
        );
    }

    pub(crate) fn halt(&mut self, now: Timestamp, cause: HaltCause, step: &mut Step) {
        step.push_command(Command::Alert(format!("trading halted, cancels only: {cause}")));
        if self
            .state
            .restriction
            .as_ref()
            .is_none_or(|(state, _)| *state < TradingState::Halted)
        {
            let fact = Fact::Restricted {
                state: TradingState::Halted,
                cause: cause.clone(),
            };
            self.record(now, step, fact);
        }
        self.gate.restrict(TradingState::Halted, cause);
        self.begin_closing(now);
        self.press_closing(now, step);
    }

    pub(crate) fn advance_cursor(&mut self, symbol: Symbol, seen: TradeId) {
        if let Some(market) = self.markets.get_mut(&symbol) {
            let next = TradeId(seen.0.saturating_add(1));
            market.trade_cursor = Some(market.trade_cursor.map_or(next, |cursor| cursor.max(next)));
        }
    }
}
