//! A trader with a scripted strategy, a log in memory and a model venue, all driven by hand.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside #[test] functions; no test file uses all of them"
)]

pub mod venue;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keel_domain::{
    AlertClass, ClOrdId, Instrument, LotSize, Money, OrdType, OrderIntent, Price, PriceFilter, Purpose, Qty,
    Side, SignedQty, StrategyId, Symbol, TimeInForce, Timestamp, TradeId,
};
use keel_engine::{
    Command, DurableState, Event, Identity, ProtectionSettings, Record, RecordLog, RunningStrategy, Step,
    Trader, TraderSettings,
};
use keel_execution::VenueReport;
use keel_market_data::{BookSnapshot, Level, MarketUpdate, PublicTrade};
use keel_risk::{DayRule, LossLimits, RiskGate, RiskLimits, SymbolLimits};
use keel_strategy::{Action, Permission, Strategy, StrategyView, Trigger};

use crate::common::venue::ModelVenue;

pub const T0: Timestamp = Timestamp::from_millis(1_700_000_000_000);
/// The receive window, the venue's ten seconds, and a margin.
pub const ABSENCE_AFTER: Duration = Duration::from_secs(20);

pub fn symbol() -> Symbol {
    "BTCUSDT".parse().unwrap()
}

pub fn other_symbol() -> Symbol {
    "ETHUSDT".parse().unwrap()
}

pub fn price(text: &str) -> Price {
    text.parse().unwrap()
}

/// Another pair of the same base asset.
pub fn sister_symbol() -> Symbol {
    "BTCEUR".parse().unwrap()
}

/// Lots of 0.01.
pub fn lots(count: i64) -> Qty {
    Qty::from_units(count * 1_000_000).unwrap()
}

pub fn instrument(symbol: Symbol) -> Instrument {
    let lot_size = LotSize {
        min: lots(1),
        max: lots(100_000),
        step: lots(1),
    };
    let base = symbol.as_str().get(..3).unwrap().parse().unwrap();
    Instrument {
        price_filter: PriceFilter {
            tick_size: price("0.01"),
            ..PriceFilter::OFF
        },
        lot_size,
        market_lot_size: lot_size,
        ..Instrument::unfiltered(symbol, base, "USDT".parse().unwrap())
    }
}

fn limits() -> RiskLimits {
    let of_symbol = SymbolLimits {
        order_qty_max: lots(100),
        order_notional_max: Money::from(1_000),
        position_max: lots(300),
    };
    RiskLimits {
        stage: keel_domain::Stage::Normal,
        per_symbol: [symbol(), other_symbol(), sister_symbol()]
            .map(|symbol| (symbol, of_symbol))
            .into(),
        gross_exposure_max: 1_000_000.into(),
        orders_per_10s_max: 1_000,
        collar_through_bps: 200,
        collar_away_bps: 1_000,
        book_age_max: Duration::from_secs(2),
        rejections_per_60s_max: 3,
        entry_fills_per_60s_max: 10,
    }
}

pub fn identity() -> Identity {
    Identity {
        mode: "paper".into(),
        venue: "127.0.0.1".into(),
        build: "0".into(),
        config_hash: "0".into(),
    }
}

pub fn entry(side: Side, lots_: i64) -> OrderIntent {
    OrderIntent {
        symbol: symbol(),
        side,
        ord_type: OrdType::Limit {
            price: price("100"),
            time_in_force: TimeInForce::Gtc,
        },
        order_qty: lots(lots_),
        purpose: Purpose::Entry,
    }
}

/// What the scripted strategy saw last and is to wish for next.
#[derive(Debug, Default)]
pub struct Script {
    pub wishes: VecDeque<Vec<Action>>,
    pub panics: bool,
    pub calls: usize,
    pub permission: Option<Permission>,
    pub open: Vec<ClOrdId>,
    pub position: SignedQty,
    pub avg_px: Option<Price>,
    pub entries_today: u32,
    /// How often it was told of an order.
    pub told: usize,
}

struct Scripted(Arc<Mutex<Script>>);

impl Strategy for Scripted {
    fn on_event(&mut self, view: &StrategyView<'_>, trigger: Trigger<'_>, actions: &mut Vec<Action>) {
        let mut script = self.0.lock().unwrap();
        if view.instrument.symbol != symbol() {
            return;
        }
        script.calls += 1;
        script.told += usize::from(matches!(trigger, Trigger::Execution(_)));
        script.permission = Some(view.permission);
        script.position = view.position;
        script.avg_px = view.avg_px;
        script.entries_today = view.entries_today;
        script.open = view.open_orders.iter().map(|order| order.cl_ord_id).collect();
        if script.panics {
            // Released first, so that the test can still read it.
            drop(script);
            panic!("the strategy failed");
        }
        if trigger == Trigger::Timer
            && let Some(wishes) = script.wishes.pop_front()
        {
            actions.extend(wishes);
        }
    }
}

/// So much that no other test comes near it.
pub fn loss_limits() -> LossLimits {
    LossLimits {
        currency: "USDT".parse().unwrap(),
        day_max: 1_000_000.into(),
        drawdown_max: 1_000_000.into(),
        losing_exits_max: 1_000,
        day: DayRule::new("UTC", "00:00").unwrap(),
    }
}

/// The name under which the script runs.
pub fn strategy() -> StrategyId {
    "scripted".parse().unwrap()
}

fn trader(
    scripts: &BTreeMap<StrategyId, Arc<Mutex<Script>>>,
    symbols: &[Symbol],
    protection: Option<ProtectionSettings>,
    loss: LossLimits,
) -> Trader {
    let settings = TraderSettings {
        symbols: symbols.to_vec(),
        tag: "k1".parse().unwrap(),
        reconcile_every: Duration::from_secs(30),
        absence_after: ABSENCE_AFTER,
        protection,
        price_jump_bps_max: 1_000,
        loss,
    };
    let running = |(id, script): (&StrategyId, &Arc<Mutex<Script>>)| {
        RunningStrategy::new(*id, symbols.to_vec(), Box::new(Scripted(Arc::clone(script))))
    };
    let strategies = scripts.iter().map(running).collect();
    Trader::new(settings, RiskGate::new(limits()).unwrap(), strategies)
}

fn scripts(names: &[StrategyId]) -> BTreeMap<StrategyId, Arc<Mutex<Script>>> {
    names.iter().map(|name| (*name, Arc::default())).collect()
}

#[derive(Debug, PartialEq, Eq)]
pub struct LogFailed;

/// Keeps what was committed, and how much of it was synced.
#[derive(Debug, Default)]
pub struct MemoryLog {
    pub records: Vec<Record>,
    pub synced: usize,
    pub fails: bool,
}

impl RecordLog for MemoryLog {
    type Error = LogFailed;

    fn commit(&mut self, records: &[Record], must_sync: bool) -> Result<(), LogFailed> {
        if self.fails {
            return Err(LogFailed);
        }
        self.records.extend_from_slice(records);
        if must_sync {
            self.synced = self.records.len();
        }
        Ok(())
    }
}

/// One system. Commands go to the venue only when a test carries them there.
pub struct World {
    pub now: Timestamp,
    pub trader: Trader,
    pub script: Arc<Mutex<Script>>,
    /// Every strategy's script; the first is `script`.
    pub scripts: BTreeMap<StrategyId, Arc<Mutex<Script>>>,
    /// Who runs from the next restart on.
    pub runs: Vec<StrategyId>,
    pub log: MemoryLog,
    pub venue: ModelVenue,
    pub alerts: Vec<String>,
    pub classes: Vec<AlertClass>,
    /// Commands that are lost on their way to the venue.
    pub loses: fn(&Command) -> bool,
    update_id: u64,
    restarts: usize,
    /// What is traded from the next restart on.
    pub symbols: Vec<Symbol>,
    protection: Option<ProtectionSettings>,
    loss: LossLimits,
}

impl World {
    /// A machine that was booted, and knows nothing yet.
    pub fn booted() -> Self {
        Self::booted_with(&[strategy()], None, loss_limits())
    }

    /// A machine that is connected and protects what it holds.
    pub fn protected(settings: ProtectionSettings) -> Self {
        let mut world = Self::booted_with(&[strategy()], Some(settings), loss_limits());
        world.connect();
        world
    }

    /// A machine that is connected and may lose so much.
    pub fn losing(loss: LossLimits) -> Self {
        let mut world = Self::booted_with(&[strategy()], None, loss);
        world.connect();
        world
    }

    /// A machine with several strategies, connected. The scripts are in the order of their names.
    pub fn shared(names: &[&str], protection: Option<ProtectionSettings>) -> Self {
        let names: Vec<StrategyId> = names.iter().map(|name| name.parse().unwrap()).collect();
        let mut world = Self::booted_with(&names, protection, loss_limits());
        world.connect();
        world
    }

    fn booted_with(names: &[StrategyId], protection: Option<ProtectionSettings>, loss: LossLimits) -> Self {
        let scripts = scripts(names);
        let script = Arc::clone(scripts.values().next().unwrap());
        let symbols = vec![symbol(), other_symbol()];
        let mut world = Self {
            now: T0,
            trader: trader(&scripts, &symbols, protection, loss.clone()),
            script,
            scripts,
            runs: names.to_vec(),
            log: MemoryLog::default(),
            venue: ModelVenue::new(),
            alerts: Vec::new(),
            classes: Vec::new(),
            loses: |_| false,
            update_id: 0,
            restarts: 0,
            symbols,
            protection,
            loss,
        };
        let step = world.trader.boot(T0, identity()).unwrap();
        assert_eq!(world.release(step), Ok(vec![]));
        world
    }

    /// A machine that is connected, reconciled and has a book.
    pub fn started() -> Self {
        let mut world = Self::booted();
        world.connect();
        world
    }

    pub fn connect(&mut self) {
        for symbol in [symbol(), other_symbol()] {
            self.exchange(Event::Venue(VenueReport::Instrument(instrument(symbol))));
        }
        let account = "1".to_owned();
        self.exchange(Event::Venue(VenueReport::SessionUp { account }));
        self.quote("99.99", "100.01");
        // The day begins now, and not in the step that a test looks at.
        self.exchange(Event::Timer);
    }

    /// The process dies and comes back with what was committed: first all of it as records, then a third of it as a
    /// snapshot, two thirds, all.
    pub fn restart(&mut self) {
        self.scripts = scripts(&self.runs);
        self.script = Arc::clone(self.scripts.values().next().unwrap());
        self.trader = trader(&self.scripts, &self.symbols, self.protection, self.loss.clone());
        let (covered, after) = self
            .log
            .records
            .split_at(self.log.records.len() * (self.restarts % 4) / 3);
        self.restarts += 1;
        let snapshot = serde_json::to_vec(&replay(DurableState::default(), covered)).unwrap();
        self.trader.restore(serde_json::from_slice(&snapshot).unwrap());
        for record in after {
            self.trader.recover(record);
        }
        assert_eq!(
            *self.trader.state(),
            self.replayed(),
            "a snapshot stands for its records"
        );
        let step = self.trader.boot(self.now, identity()).unwrap();
        self.release(step).unwrap();
    }

    fn release(&mut self, step: Step) -> Result<Vec<Command>, LogFailed> {
        let commands = step.release(&mut self.log)?;
        let (alerts, commands) = commands
            .into_iter()
            .partition(|command| matches!(command, Command::Alert(_)));
        for command in alerts {
            if let Command::Alert(alert) = command {
                self.classes.push(alert.class);
                self.alerts.push(alert.text);
            }
        }
        Ok(commands)
    }

    /// One event; the commands that follow stay with the caller.
    pub fn on(&mut self, event: Event) -> Vec<Command> {
        let step = self.trader.on_event(self.now, event);
        self.release(step).unwrap()
    }

    pub fn on_venue(&mut self, report: VenueReport) -> Vec<Command> {
        self.on(Event::Venue(report))
    }

    /// One event, and the venue answers everything that follows at once.
    pub fn exchange(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        let mut turns = 0;
        while let Some(event) = events.pop_front().or_else(|| self.untold()) {
            turns += 1;
            assert!(turns < 1_000, "the trader and the venue talk for ever");
            for command in self.on(event) {
                if (self.loses)(&command) {
                    continue;
                }
                let reports = self.venue.carry_out(self.now, command);
                events.extend(reports.into_iter().map(Event::Venue));
            }
        }
    }

    fn untold(&mut self) -> Option<Event> {
        self.venue.untold.pop().map(Event::Venue)
    }

    /// The last public trade was here.
    pub fn last_trade(&mut self, px: &str) {
        let trade = PublicTrade {
            symbol: symbol(),
            trade_id: TradeId(1),
            price: price(px),
            qty: lots(1),
            aggressor: Side::Buy,
            trade_time: self.now,
        };
        self.exchange(Event::Market(MarketUpdate::Trade(trade)));
    }

    pub fn quote(&mut self, bid: &str, ask: &str) {
        for symbol in [symbol(), other_symbol()] {
            self.update_id += 1;
            let level = |text| Level {
                price: price(text),
                qty: lots(1_000),
            };
            self.exchange(Event::Market(MarketUpdate::BookSnapshot(BookSnapshot {
                symbol,
                last_update_id: self.update_id,
                bids: vec![level(bid)],
                asks: vec![level(ask)],
            })));
        }
    }

    /// Time passes with a fresh book; the venue answers everything.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now.plus(time);
        while self.now < end {
            self.now = self.now.plus(Duration::from_millis(500));
            self.quote("99.99", "100.01");
            self.exchange(Event::Timer);
        }
    }

    /// The strategy wishes these at the next timer; the commands stay with the caller.
    pub fn wish(&mut self, actions: Vec<Action>) -> Vec<Command> {
        self.script.lock().unwrap().wishes.push_back(actions);
        self.on(Event::Timer)
    }

    /// An order that was handed out to be sent.
    pub fn submit(&mut self, intent: OrderIntent) -> (ClOrdId, Command) {
        let mut commands = self.wish(vec![Action::Submit(intent)]);
        let place = commands
            .iter()
            .position(|command| matches!(command, Command::Submit(_)));
        let command = commands.remove(place.unwrap_or_else(|| panic!("no submission: {:?}", self.alerts)));
        let Command::Submit(order) = &command else {
            unreachable!()
        };
        (order.cl_ord_id(), command)
    }

    /// An order that the venue has and the trader knows to be live.
    pub fn submit_live(&mut self, intent: OrderIntent) -> ClOrdId {
        let (id, command) = self.submit(intent);
        for report in self.venue.carry_out(self.now, command) {
            self.exchange(Event::Venue(report));
        }
        id
    }

    /// The records replayed into an empty state.
    pub fn replayed(&self) -> DurableState {
        replay(DurableState::default(), &self.log.records)
    }
}

/// The state after these records too.
pub fn replay(mut state: DurableState, records: &[Record]) -> DurableState {
    for record in records {
        let _live_run_saw_it_too = state.apply(record);
    }
    state
}

pub fn submissions(commands: &[Command]) -> usize {
    commands
        .iter()
        .filter(|command| matches!(command, Command::Submit(_)))
        .count()
}

pub fn cancels(commands: &[Command]) -> Vec<ClOrdId> {
    commands
        .iter()
        .filter_map(|command| match command {
            Command::Cancel { cl_ord_id, .. } => Some(*cl_ord_id),
            _ => None,
        })
        .collect()
}
