//! One system against the exchange, on which things go wrong.

use std::collections::BTreeMap;
use std::time::Duration;

use keel_binance_wire::signing::VerifyingKey;
use keel_config::{Config, PAPER_TOML, Sources};
use keel_domain::{Asset, Money, SignedQty, Timestamp};
use keel_engine::Operator;
use keel_risk::{HaltCause, TradingState};
use keel_runtime::{Outcome, Progress, RunContext};
use keel_sim_exchange::core::{AccountConfig, AccountId, Exchange, ExchangeConfig, Scenario};
use keel_sim_exchange::faults::FaultFile;
use keel_sim_exchange::protocol::{AccountKey, KeyPermissions, Protocol};
use keel_simulation::{Simulation, SimulationSettings};

const BEGINS_AT: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const KEY: &str = "drill-key";
const SECRET: &str = "drill-secret";

/// A system and its account at the exchange.
pub(crate) struct Drill {
    pub(crate) simulation: Simulation,
    account: AccountId,
}

impl Drill {
    pub(crate) fn start(overrides: &[&str]) -> Self {
        let mut config = ExchangeConfig::with_default_markets(5);
        config.scenario = Scenario::Volatile;
        config.accounts = vec![AccountConfig {
            name: KEY.to_owned(),
            funds: vec![(Asset::new("USDT").unwrap(), Money::from(100_000))],
            ..AccountConfig::default()
        }];
        let exchange = Exchange::new(config, BEGINS_AT).unwrap();
        let account = exchange.account(0).unwrap();
        let key = AccountKey {
            api_key: KEY.to_owned(),
            verifying_key: VerifyingKey::hmac(SECRET),
            account,
            permissions: KeyPermissions::default(),
            created_at: BEGINS_AT,
        };
        let sources = Sources::text("built-in paper.toml", PAPER_TOML)
            .with_overrides(overrides.iter().map(|text| (*text).to_owned()));
        let settings = SimulationSettings {
            config: Config::load(&sources).unwrap(),
            api_key: KEY.to_owned(),
            api_secret: SECRET.to_owned(),
            latency: Duration::from_millis(5),
            context: RunContext {
                seed: Some(5),
                scenario: None,
                accept_venue: None,
                accept_change: None,
                progress: Progress::silent(),
            },
        };
        let protocol = Protocol::new(exchange, vec![key], BEGINS_AT);
        let simulation = Simulation::start(settings, protocol, BEGINS_AT).unwrap();
        Self { simulation, account }
    }

    /// One that has traded for a minute, and has orders open.
    pub(crate) fn trading(overrides: &[&str]) -> Self {
        let mut drill = Self::start(overrides);
        drill.pass(Duration::from_secs(60));
        drill.pass_until("orders are open", Duration::from_secs(10), |drill| {
            drill.open_orders() > 0
        });
        drill
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.simulation.now().plus(time);
        self.simulation.run(end);
    }

    /// Gives how long it took.
    pub(crate) fn pass_until(
        &mut self,
        what: &str,
        within: Duration,
        is_so: impl Fn(&mut Self) -> bool,
    ) -> Duration {
        let begin = self.simulation.now();
        while !is_so(self) {
            let taken = self.simulation.now().since(begin);
            assert!(taken < within, "{what}: not within {within:?}");
            self.pass(Duration::from_millis(10));
        }
        self.simulation.now().since(begin)
    }

    pub(crate) fn faults(&mut self, rules: &str) {
        let file = FaultFile::parse("the drill", rules).unwrap();
        let now = self.simulation.now();
        self.simulation.protocol().set_faults(now, 5, file.rules).unwrap();
    }

    /// The orders open at the exchange that are no stops.
    pub(crate) fn open_orders(&mut self) -> usize {
        let account = self.account;
        let exchange = self.simulation.protocol().exchange();
        let open = exchange.open_orders(account, None);
        open.filter(|order| order.ord_type.trigger().is_none()).count()
    }

    pub(crate) fn state(&self) -> (TradingState, Option<HaltCause>) {
        let trader = self.simulation.desk().trader();
        (trader.trading_state(), trader.restriction_cause().cloned())
    }

    pub(crate) fn held(&self) -> SignedQty {
        let trader = self.simulation.desk().trader();
        trader.position("BTCUSDT".parse().unwrap())
    }

    pub(crate) fn submitted(&self) -> u64 {
        self.simulation.desk().trader().counters().submitted
    }

    pub(crate) fn halt(&mut self) {
        let reason = "drill".to_owned();
        self.simulation
            .operate(Operator::Halt(HaltCause::Operator { reason }));
    }

    pub(crate) fn end(self) -> (Outcome, BTreeMap<String, u64>) {
        let faults = self.simulation.faults().clone();
        (self.simulation.close().0, faults)
    }
}
