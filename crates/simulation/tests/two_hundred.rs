//! A halt with 200 open orders, from its trigger to the last cancel at the exchange: engine, journal, session and wires.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

use std::time::Duration;

use keel_binance_wire::signing::VerifyingKey;
use keel_config::{Config, PAPER_TOML, Sources};
use keel_domain::{
    Asset, ClOrdId, Money, OrdType, OrderIntent, Purpose, Qty, Side, SignedQty, TimeInForce, Timestamp,
};
use keel_engine::{DurableState, Fact, Identity, Operator, Record, RecordLog, Seen};
use keel_execution::OrderState;
use keel_journal::{Limits, MemDisk};
use keel_risk::HaltCause;
use keel_runtime::{Ending, JournalLog, Opened, Progress, RunContext, identity};
use keel_sim_exchange::core::{
    AccountConfig, AccountId, Exchange, ExchangeConfig, NewOrder, OrderOptions, Quantity,
};
use keel_sim_exchange::faults::FaultFile;
use keel_sim_exchange::protocol::{AccountKey, KeyPermissions, Protocol};
use keel_simulation::{Simulation, SimulationSettings};

const BEGINS_AT: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const KEY: &str = "drill-key";
const SECRET: &str = "drill-secret";
const ORDERS: usize = 200;
/// From the trigger of a halt to the last cancel.
const HALT_WITHIN: Duration = Duration::from_secs(1);

/// As many as the venue takes on a pair, far below the market.
fn orders() -> Vec<(ClOrdId, OrderIntent)> {
    let intent = OrderIntent {
        symbol: "BTCUSDT".parse().unwrap(),
        side: Side::Buy,
        ord_type: OrdType::Limit {
            price: "20000".parse().unwrap(),
            time_in_force: TimeInForce::Gtc,
        },
        order_qty: "0.001".parse().unwrap(),
        purpose: Purpose::Entry,
    };
    let id = |n| format!("k1-trend-1-{n}").parse().unwrap();
    (1..=ORDERS).map(|n| (id(n), intent)).collect()
}

/// What the process before left: its intents, and then it died.
fn recorded(identity: &Identity) -> MemDisk {
    let disk = MemDisk::default();
    let opened: Opened<DurableState, _> =
        JournalLog::open(disk.clone(), Limits::default(), identity).unwrap();
    let mut log = opened.log;
    let booted = Fact::Booted {
        boot: 1,
        identity: identity.clone(),
    };
    let intents = orders().into_iter().map(|(cl_ord_id, intent)| Fact::Intent {
        cl_ord_id,
        intent,
        seen: Seen {
            bid_ask: None,
            position: SignedQty::ZERO,
            buy_leaves: Qty::ZERO,
            sell_leaves: Qty::ZERO,
        },
        stop: None,
    });
    let at = BEGINS_AT;
    let records: Vec<Record> = std::iter::once(booted)
        .chain(intents)
        .map(|fact| Record { at, fact })
        .collect();
    log.commit(&records, true).unwrap();
    disk
}

fn exchange() -> Exchange {
    let mut config = ExchangeConfig::with_default_markets(5);
    config.accounts = vec![AccountConfig {
        name: KEY.to_owned(),
        funds: vec![(Asset::new("USDT").unwrap(), Money::from(100_000))],
        ..AccountConfig::default()
    }];
    let mut exchange = Exchange::new(config, BEGINS_AT).unwrap();
    let account = exchange.account(0).unwrap();
    for (cl_ord_id, intent) in orders() {
        let order = NewOrder {
            symbol: intent.symbol,
            side: intent.side,
            ord_type: intent.ord_type,
            quantity: Quantity::Base(intent.order_qty),
            cl_ord_id: Some(cl_ord_id),
            options: OrderOptions::default(),
        };
        exchange.place(BEGINS_AT, account, order).unwrap();
    }
    exchange
}

struct Drill {
    simulation: Simulation,
    account: AccountId,
}

impl Drill {
    /// One that has found its 200 orders live.
    fn with_orders() -> Self {
        let overrides = ["strategy.name=trend", "protection.mode=none"];
        let sources = Sources::text("built-in paper.toml", PAPER_TOML)
            .with_overrides(overrides.iter().map(|text| (*text).to_owned()));
        let config = Config::load(&sources).unwrap();
        let disk = recorded(&identity(&config));
        let exchange = exchange();
        let account = exchange.account(0).unwrap();
        let key = AccountKey {
            api_key: KEY.to_owned(),
            verifying_key: VerifyingKey::hmac(SECRET),
            account,
            permissions: KeyPermissions::default(),
            created_at: BEGINS_AT,
        };
        let settings = SimulationSettings {
            config,
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
        let simulation = Simulation::start_on(disk, settings, protocol, BEGINS_AT).unwrap();
        let mut drill = Self { simulation, account };
        drill.pass_until("all are found live", Duration::from_secs(10), |drill| {
            let trader = drill.simulation.desk().trader();
            let live = trader
                .leftovers()
                .filter(|order| order.state() == OrderState::Live);
            trader.is_session_up() && live.count() == ORDERS
        });
        assert_eq!(drill.open(), ORDERS);
        drill
    }

    /// Gives how long it took.
    fn pass_until(&mut self, what: &str, within: Duration, is_so: impl Fn(&mut Self) -> bool) -> Duration {
        let begin = self.simulation.now();
        while !is_so(self) {
            let taken = self.simulation.now().since(begin);
            assert!(taken < within, "{what}: not within {within:?}");
            let soon = self.simulation.now().plus(Duration::from_millis(5));
            self.simulation.run(soon);
        }
        self.simulation.now().since(begin)
    }

    fn open(&mut self) -> usize {
        let account = self.account;
        let exchange = self.simulation.protocol().exchange();
        exchange.open_orders(account, None).count()
    }

    fn halt(&mut self) {
        let reason = "drill".to_owned();
        self.simulation
            .operate(Operator::Halt(HaltCause::Operator { reason }));
    }

    fn faults(&mut self, rules: &str) {
        let file = FaultFile::parse("the drill", rules).unwrap();
        let now = self.simulation.now();
        self.simulation.protocol().set_faults(now, 5, file.rules).unwrap();
    }
}

#[test]
fn f9_the_last_of_two_hundred_orders_is_canceled_within_a_second_of_the_halt() {
    let mut drill = Drill::with_orders();
    drill.halt();
    drill.pass_until("nothing is open", HALT_WITHIN, |drill| drill.open() == 0);
    assert_eq!(drill.simulation.close().0.ending, Ending::Closed);
}

#[test]
fn f10_two_hundred_cancels_leave_within_a_second_over_a_disk_that_hangs() {
    let mut drill = Drill::with_orders();
    drill.simulation.disk().hang_syncs(Duration::from_secs(60));
    drill.halt();
    drill.pass_until("nothing is open", HALT_WITHIN, |drill| drill.open() == 0);
}

#[test]
fn f60_two_hundred_cancels_leave_by_rest_within_a_second_while_no_websocket_is_up() {
    let mut drill = Drill::with_orders();
    drill.faults(
        "[[rule]]\nid = \"down\"\nconnection = \"*\"\naction = \"disconnect\"\n\n[[rule]]\nid = \"refused\"\nconnection = \"*\"\naction = \"refuse_connection\"",
    );
    drill.pass_until("the connections are down", Duration::from_secs(5), |drill| {
        !drill.simulation.desk().trader().is_session_up()
    });
    drill.halt();
    drill.pass_until("nothing is open", HALT_WITHIN, |drill| drill.open() == 0);
}

/// Whatever the venue says of rates while it lasts: once the wait is over, the last cancel is there within a second.
#[test]
fn f34_two_hundred_orders_are_canceled_within_a_second_of_the_end_of_a_429() {
    let mut drill = Drill::with_orders();
    let wait = Duration::from_secs(20);
    drill.faults(&format!(
        "[[rule]]\nid = \"limited\"\nrequest = \"*\"\naction = \"rate_limit\"\nretry_after_s = {}",
        wait.as_secs()
    ));
    drill.halt();
    drill.pass_until("the venue limits", HALT_WITHIN, |drill| {
        drill.simulation.faults().contains_key("limited")
    });
    let over = drill.simulation.now().plus(wait);
    drill.simulation.run(over);
    assert_eq!(drill.open(), ORDERS, "none was taken meanwhile");
    drill.faults("");
    drill.pass_until("nothing is open", HALT_WITHIN, |drill| drill.open() == 0);
}
