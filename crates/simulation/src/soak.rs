//! Hours of trading in bad weather, checked at every tenth of a second against the exchange's own truth.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result};
use keel_binance_wire::signing::VerifyingKey;
use keel_config::Config;
use keel_domain::{Asset, Money, OrdStatus, Side, Symbol, Timestamp};
use keel_runtime::{Ending, Progress, RunContext};
use keel_sim_exchange::core::{AccountConfig, AccountId, Exchange, ExchangeConfig, OrderQuery, Scenario};
use keel_sim_exchange::protocol::{AccountKey, KeyPermissions, Protocol};

use crate::weather::{Weather, kills};
use crate::{Simulation, SimulationSettings};

const API_KEY: &str = "soak-key";
const SYMBOL: &str = "BTCUSDT";
/// When every run begins.
const BEGINS_AT: Timestamp = Timestamp::from_millis(1_700_000_000_000);
/// After the faults everything is to agree within this time.
const CONVERGES_IN: Duration = Duration::from_secs(60);
/// Within this time there is a moment without a fill on its way.
const SETTLES_IN: Duration = Duration::from_secs(2);
/// How often the invariants are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Breaches that are told of one run; more are only counted.
const BREACHES_MAX: usize = 20;

/// What one seed's run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoakRun {
    /// The seed.
    pub seed: u64,
    /// How long it was, by its own time.
    pub simulated: Duration,
    /// Moments lived through.
    pub moments: u64,
    /// Orders sent.
    pub orders: u64,
    /// Trades.
    pub fills: usize,
    /// Injected faults by rule.
    pub faults: BTreeMap<String, u64>,
    /// How often the process was killed and started anew.
    pub kills: u64,
    /// Why trading was halted at the end, where it was: a fault may well be a reason.
    pub halted_by: Option<String>,
    /// Every invariant that did not hold, with the moment in seconds.
    pub breaches: Vec<String>,
    /// Breaches beyond those.
    pub more_breaches: u64,
    /// A fingerprint of the report: the same seed gives the same.
    pub fingerprint: u64,
}

struct Watch {
    account: AccountId,
    symbol: Symbol,
    totals: BTreeMap<Asset, Money>,
    position_max: Money,
    breaches: Vec<String>,
    seen: BTreeSet<String>,
    more: u64,
}

fn exchange(seed: u64) -> Result<Exchange> {
    let scenarios = [
        Scenario::Calm,
        Scenario::Volatile,
        Scenario::Trend,
        Scenario::ThinBook,
    ];
    let mut config = ExchangeConfig::with_default_markets(seed);
    let place = usize::try_from(seed).unwrap_or(0) % scenarios.len();
    config.scenario = scenarios.get(place).copied().unwrap_or(Scenario::Calm);
    config.accounts = vec![AccountConfig {
        name: API_KEY.to_owned(),
        funds: vec![(Asset::new("USDT")?, Money::from(100_000))],
        ..AccountConfig::default()
    }];
    Ok(Exchange::new(config, BEGINS_AT)?)
}

/// Runs one seed for the given time, and a minute without faults after it.
///
/// # Errors
/// A configuration that cannot run. Whatever else happens is a breach.
pub fn soak(seed: u64, simulated: Duration, config: &Config) -> Result<SoakRun> {
    let symbol: Symbol = SYMBOL.parse()?;
    let secret = format!("soak-secret-{seed}");
    let exchange = exchange(seed)?;
    let account = exchange.account(0).context("the exchange has no account")?;
    let limits = config.risk.per_symbol.get(&symbol);
    let position_max = limits
        .context("the configuration does not trade BTCUSDT")?
        .position_max;
    let mut watch = Watch {
        account,
        symbol,
        totals: exchange.totals(),
        position_max: position_max.to_decimal(),
        breaches: Vec::new(),
        seen: BTreeSet::new(),
        more: 0,
    };
    let key = AccountKey {
        api_key: API_KEY.to_owned(),
        verifying_key: VerifyingKey::hmac(&secret),
        account,
        permissions: KeyPermissions::default(),
        created_at: BEGINS_AT,
    };
    let weather = Weather::of_seed(seed, simulated.as_secs());
    let mut protocol = Protocol::new(exchange, vec![key], BEGINS_AT);
    let faults = weather.faults()?;
    protocol
        .set_faults(BEGINS_AT, seed, faults.rules)
        .map_err(|problem| anyhow::anyhow!("the weather: {problem}"))?;
    let settings = SimulationSettings {
        config: config.clone(),
        api_key: API_KEY.to_owned(),
        api_secret: secret,
        latency: Duration::from_millis(5),
        context: RunContext {
            seed: Some(seed),
            scenario: None,
            accept_venue: None,
            accept_change: None,
            progress: Progress::silent(),
        },
    };
    let mut simulation = Simulation::start(settings, protocol, BEGINS_AT)?;
    let kills = kills(seed, simulated.as_secs(), weather.kills_per_100h);
    bad_weather(&mut simulation, &mut watch, simulated, &kills);
    let kills = kills.len() as u64;
    converge(simulation, watch, seed, kills)
}

fn bad_weather(simulation: &mut Simulation, watch: &mut Watch, simulated: Duration, kills: &[u64]) {
    let end = BEGINS_AT.plus(simulated);
    let mut kills = kills.iter().copied().peekable();
    let mut look_at = BEGINS_AT;
    while look_at < end {
        look_at = look_at.plus(LOOK_EVERY);
        let elapsed = look_at.since(BEGINS_AT).as_secs();
        if kills.next_if(|at| *at <= elapsed).is_some()
            && let Err(error) = simulation.kill_and_restart()
        {
            return watch.breach(look_at, format!("the restart is refused: {error:#}"));
        }
        simulation.run(look_at);
        if let Some(refusal) = simulation.desk().trader().start_refusal() {
            return watch.breach(look_at, format!("the start is refused: {refusal}"));
        }
        watch.look(simulation);
    }
}

/// Without faults everything has to agree soon, and the end has to be in order.
fn converge(mut simulation: Simulation, mut watch: Watch, seed: u64, kills: u64) -> Result<SoakRun> {
    let now = simulation.now();
    let calm = simulation.protocol().set_faults(now, seed, Vec::new());
    calm.map_err(|problem| anyhow::anyhow!("the faults do not end: {problem}"))?;
    simulation.run(now.plus(CONVERGES_IN));
    watch.look(&mut simulation);
    let until = simulation.now().plus(SETTLES_IN);
    watch.agree(&mut simulation, until);
    let faults = simulation.faults().clone();
    let (moments, ended_at) = (simulation.steps(), simulation.now());
    let (outcome, protocol) = simulation.close();
    if outcome.ending != Ending::Closed {
        watch.breach(ended_at, outcome.ending.to_string());
    }
    let open = protocol.exchange().open_orders(watch.account, None);
    for order in open.filter(|order| order.ord_type.trigger().is_none()) {
        watch
            .breaches
            .push(format!("{} is open after the end", order.cl_ord_id));
    }
    if !outcome.report.identity_ok {
        watch.breach(
            ended_at,
            "the balances are not what the trades make of them".to_owned(),
        );
    }
    let json = outcome.report.to_json()?;
    Ok(SoakRun {
        seed,
        simulated: ended_at.since(BEGINS_AT),
        moments,
        orders: outcome.report.orders.submitted,
        fills: outcome.report.fills.len(),
        faults,
        kills,
        halted_by: outcome.halted_by,
        breaches: watch.breaches,
        more_breaches: watch.more,
        fingerprint: fingerprint(&json),
    })
}

/// FNV-1a: the same text gives the same number on every machine.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl Watch {
    fn breach(&mut self, at: Timestamp, what: String) {
        if !self.seen.insert(what.clone()) {
            return;
        }
        if self.breaches.len() >= BREACHES_MAX {
            self.more += 1;
            return;
        }
        let elapsed = at.since(BEGINS_AT);
        self.breaches.push(format!(
            "{}.{:03} s: {what}",
            elapsed.as_secs(),
            elapsed.subsec_millis()
        ));
    }

    /// What has to hold at every moment.
    fn look(&mut self, simulation: &mut Simulation) {
        let now = simulation.now();
        let mut found = Vec::new();
        let exchange = simulation.protocol().exchange();
        if exchange.totals() != self.totals {
            found.push("money came from nowhere or went there".to_owned());
        }
        let mut held = Money::ZERO;
        for balance in exchange.balances(self.account) {
            if balance.free < Money::ZERO || balance.locked < Money::ZERO {
                found.push(format!("{} below zero", balance.asset));
            }
            if self.symbol.as_str().starts_with(balance.asset.as_str()) {
                held = balance.free + balance.locked;
            }
        }
        let open: Vec<_> = exchange
            .open_orders(self.account, Some(self.symbol))
            .map(|order| (order.cl_ord_id, order.side, order.leaves_qty()))
            .collect();
        let buys = open.iter().filter(|(_, side, _)| *side == Side::Buy);
        let most = held + buys.map(|(.., leaves)| leaves.to_decimal()).sum::<Money>();
        if most > self.position_max {
            found.push(format!(
                "the position may become {most}, above {}",
                self.position_max
            ));
        }
        let orders = &simulation.desk().trader().state().orders();
        for (id, ..) in &open {
            match orders.get(*id) {
                None => found.push(format!("{id} is open at the venue and was never recorded")),
                Some(order) if !order.may_be_live() => {
                    found.push(format!("{id} is open at the venue and taken for ended"));
                }
                Some(_) => {}
            }
        }
        for what in found {
            self.breach(now, what);
        }
    }

    /// What has to hold once nothing goes wrong any more.
    fn agree(&mut self, simulation: &mut Simulation, until: Timestamp) {
        let now = simulation.now();
        let mut found = Vec::new();
        let desk = simulation.desk();
        let trader = desk.trader();
        if !trader.is_session_up() {
            found.push("the session is not up a minute after the faults ended".to_owned());
        }
        if trader.unknown_until().is_some() {
            found.push("an order's outcome is unknown a minute after the faults ended".to_owned());
        }
        let symbol = self.symbol;
        let (position, dust) = (trader.position(symbol).to_decimal(), trader.dust(symbol));
        let mut ids = BTreeSet::new();
        let exchange = simulation.protocol().exchange();
        let every = OrderQuery {
            limit: usize::MAX,
            ..OrderQuery::default()
        };
        let all = exchange.all_orders(self.account, symbol, every);
        let mut ended = 0_usize;
        for order in all {
            ended += usize::from(order.ord_status != OrdStatus::New);
            if !ids.insert(order.cl_ord_id) {
                found.push(format!("{} was used for two orders", order.cl_ord_id));
            }
        }
        let base = exchange.balances(self.account).into_iter();
        let held: Money = base
            .filter(|balance| symbol.as_str().starts_with(balance.asset.as_str()))
            .map(|balance| balance.free + balance.locked)
            .sum();
        if position + dust != held {
            // A fill may be on its way.
            if now < until {
                simulation.run(now.plus(LOOK_EVERY));
                return self.agree(simulation, until);
            }
            found.push(format!(
                "the position is {position}, {dust} is dust, and the venue holds {held}"
            ));
        }
        if ended == 0 {
            found.push("it never traded: the run shows nothing".to_owned());
        }
        for what in found {
            self.breach(now, what);
        }
    }
}
