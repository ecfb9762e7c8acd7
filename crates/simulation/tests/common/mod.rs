//! The whole system against the exchange in virtual time, and what can be done to both.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside #[test] functions; no test file uses all of them"
)]

pub mod run;

use std::collections::BTreeMap;
use std::time::Duration;

use keel_binance_wire::signing::{SigningKey, VerifyingKey};
use keel_config::{Config, PAPER_TOML, Sources};
use keel_domain::{AlertClass, Asset, Money, SignedQty, Timestamp};
use keel_engine::Operator;
use keel_risk::{HaltCause, TradingState};
use keel_runtime::{Outcome, Progress, RunContext};
use keel_sim_exchange::core::{AccountConfig, AccountId, Exchange, ExchangeConfig, OrderQuery, Scenario};
use keel_sim_exchange::faults::FaultFile;
use keel_sim_exchange::protocol::{AccountKey, HttpRequest, KeyPermissions, Method, Protocol, Reply};
use keel_simulation::{Simulation, SimulationSettings};

pub const BEGINS_AT: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const KEY: &str = "drill-key";
const SECRET: &str = "drill-secret";
/// Every way in which an order can be placed.
pub const PLACE: &str = r#"["order.place", "POST /api/v3/order"]"#;

pub struct Drill {
    pub simulation: Simulation,
    pub account: AccountId,
}

impl Drill {
    pub fn start(overrides: &[&str]) -> Self {
        Self::on(Scenario::Volatile, overrides)
    }

    /// On another market.
    pub fn on(scenario: Scenario, overrides: &[&str]) -> Self {
        let mut config = ExchangeConfig::with_default_markets(5);
        config.scenario = scenario;
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
    pub fn trading(overrides: &[&str]) -> Self {
        let mut drill = Self::start(overrides);
        drill.pass(Duration::from_secs(60));
        drill.pass_until("orders are open", Duration::from_secs(10), |drill| {
            drill.open_orders() > 0
        });
        drill
    }

    pub fn pass(&mut self, time: Duration) {
        let end = self.simulation.now().plus(time);
        self.simulation.run(end);
    }

    /// Gives how long it took.
    pub fn pass_until(
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

    pub fn faults(&mut self, rules: &str) {
        let file = FaultFile::parse("the drill", rules).unwrap();
        let now = self.simulation.now();
        self.simulation.protocol().set_faults(now, 5, file.rules).unwrap();
    }

    /// The orders open at the exchange that are no stops.
    pub fn open_orders(&mut self) -> usize {
        let account = self.account;
        let exchange = self.simulation.protocol().exchange();
        let open = exchange.open_orders(account, None);
        open.filter(|order| order.ord_type.trigger().is_none()).count()
    }

    /// The orders that have ever reached the exchange.
    pub fn placed(&mut self) -> usize {
        let account = self.account;
        let everything = OrderQuery {
            limit: usize::MAX,
            ..OrderQuery::default()
        };
        let exchange = self.simulation.protocol().exchange();
        let orders = exchange.all_orders(account, "BTCUSDT".parse().unwrap(), everything);
        orders.len()
    }

    pub fn state(&self) -> (TradingState, Option<HaltCause>) {
        let trader = self.simulation.desk().trader();
        (trader.trading_state(), trader.restriction_cause().cloned())
    }

    pub fn held(&self) -> SignedQty {
        let trader = self.simulation.desk().trader();
        trader.position("BTCUSDT".parse().unwrap())
    }

    pub fn submitted(&self) -> u64 {
        self.simulation.desk().trader().counters().submitted
    }

    pub fn halt(&mut self) {
        let reason = "drill".to_owned();
        self.simulation
            .operate(Operator::Halt(HaltCause::Operator { reason }));
    }

    pub fn end(self) -> (Outcome, BTreeMap<String, u64>) {
        let faults = self.simulation.faults().clone();
        (self.simulation.close().0, faults)
    }
}

impl Drill {
    pub fn raised(&self, class: AlertClass) -> u64 {
        let raised = self.simulation.desk().alerts_raised();
        raised.get(&class).copied().unwrap_or(0)
    }

    pub fn has_fired(&self, rule: &str) -> bool {
        self.simulation.faults().contains_key(rule)
    }

    /// An operator's request to the exchange.
    pub fn keel(&mut self, path: &str, body: &str) {
        self.ask(path, String::new(), body.to_owned());
    }

    /// A person with the account's key orders, without this system.
    pub fn order_by_hand(&mut self, cl_ord_id: &str, terms: &str) {
        let at = self.simulation.now().as_millis();
        let query = format!("symbol=BTCUSDT&newClientOrderId={cl_ord_id}&{terms}&timestamp={at}");
        let signature = SigningKey::hmac(SECRET).sign(&query);
        self.ask(
            "/api/v3/order",
            format!("{query}&signature={signature}"),
            String::new(),
        );
    }

    fn ask(&mut self, path: &str, raw_query: String, raw_body: String) {
        let request = HttpRequest {
            peer: std::net::Ipv4Addr::LOCALHOST.into(),
            method: Method::Post,
            path: path.to_owned(),
            raw_query,
            raw_body,
            api_key: Some(KEY.to_owned()),
            time_unit: None,
        };
        let now = self.simulation.now();
        let Reply::Now(served) = self.simulation.protocol().serve(now, &request) else {
            panic!("{path} is answered at once");
        };
        let response = served.response;
        assert_eq!(response.status, 200, "{}", response.body);
    }
}
