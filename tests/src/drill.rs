//! One drill: an exchange on which things go wrong, a trader, and the comparison of what both know.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::Duration;

use keel_binance_wire::params::Params;
use keel_domain::{ClOrdId, Money, Symbol};
use keel_engine::{DurableState, Fact, Record};
use keel_execution::{Ending, OrderState};
use keel_journal::{FsDisk, read_all};
use serde_json::{Value, json};

use crate::{API_KEY, Exchange, OTHER_ACCOUNT, Process, as_json, binary, eventually, read, root};

/// The names under which an order reaches the exchange.
pub const PLACE: [&str; 2] = ["order.place", "POST /api/v3/order"];
/// Each question to the venue has its weight: this long between them.
const A_QUESTION: Duration = Duration::from_millis(500);
/// The rule that counts the submissions that reach the exchange, whatever becomes of them.
const COUNTER: &str = "placed";

/// The names under which a cancel reaches the exchange.
pub const CANCEL: [&str; 2] = ["order.cancel", "DELETE /api/v3/order"];
/// Settings of a strategy whose orders stay where the market does not come by itself: only [`Drill::force_fill`] fills them.
pub const FAR: [&str; 2] = [
    "strategy.quoter.quote_offset_ticks=300",
    "strategy.quoter.requote_ticks=100000",
];

/// An exchange and the state of a trader.
pub struct Drill {
    /// The exchange.
    pub exchange: Exchange,
    /// The trader's state directory.
    pub dir: tempfile::TempDir,
}

/// A running trader.
pub struct Trader {
    /// The process.
    pub process: Process,
    dashboard: String,
}

impl Trader {
    /// What the dashboard shows.
    #[must_use]
    pub fn snapshot(&self) -> Value {
        as_json(&read(&format!("{}snapshot.json", self.dashboard)))
    }

    /// Its page for Prometheus.
    #[must_use]
    pub fn metrics(&self) -> String {
        read(&format!("{}metrics", self.dashboard))
    }

    /// One of the counters.
    #[must_use]
    pub fn counter(&self, name: &str) -> u64 {
        let snapshot = self.snapshot();
        let counters = snapshot["counters"].as_array().unwrap();
        let counter = counters.iter().find(|counter| counter[0] == name);
        counter.unwrap_or_else(|| panic!("no counter {name}"))[1]
            .as_u64()
            .unwrap()
    }

    /// The position in BTCUSDT, as the trader has it.
    #[must_use]
    pub fn position(&self) -> Money {
        let symbol = &self.snapshot()["symbols"][0];
        money(&symbol["position"]) + money(&symbol["dust"])
    }
}

impl Drill {
    /// Starts the exchange.
    #[must_use]
    pub fn start(seed: u64) -> Self {
        let drill = Self {
            exchange: Exchange::start(seed),
            dir: tempfile::tempdir().unwrap(),
        };
        drill.fault(
            json!({ "id": COUNTER, "request": PLACE, "action": "delay", "ms": 1, "probability": 0.0 }),
        );
        let path = format!("account/{}/deposit", OTHER_ACCOUNT.0);
        for (asset, amount) in [("BTC", "1000"), ("USDT", "100000000")] {
            let funds = json!({ "asset": asset, "amount": amount });
            let told = drill.exchange.operate("POST", &path, &funds);
            assert!(told.get("error").is_none(), "{told}");
        }
        drill
    }

    /// Starts the trader and waits until its dashboard is there.
    #[must_use]
    pub fn trader(&self, settings: &[&str]) -> Trader {
        let mut command = self.exchange.trader(self.dir.path());
        for setting in settings {
            command.args(["--set", setting]);
        }
        let mut process = Process::start(&mut command);
        let line = process.wait_for("dashboard http", Duration::from_secs(10));
        let dashboard = line.rsplit(' ').next().unwrap().to_owned();
        Trader { process, dashboard }
    }

    /// Runs a command of the operator; gives its exit code and its JSON.
    #[must_use]
    pub fn operator(&self, args: &[&str]) -> (i32, Value) {
        let run = self.exchange.trader(self.dir.path());
        let output = Command::new(binary("trader"))
            .current_dir(root())
            .args(args)
            .args(run.get_args().skip(1))
            .arg("--json")
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let json = serde_json::from_str(said.lines().last().unwrap_or_default()).unwrap_or(Value::Null);
        (output.status.code().unwrap(), json)
    }

    /// Switches a fault on. One of requests strikes the trader's account only, unless it names another.
    pub fn fault(&self, mut rule: Value) {
        let is_of_requests = rule.get("request").is_some() && rule.get("account").is_none();
        if is_of_requests {
            rule["account"] = json!(API_KEY);
        }
        self.post(&rule);
    }

    fn post(&self, rule: &Value) {
        let answer = self
            .exchange
            .operate("POST", "faults", &json!({ "rule": [rule] }));
        assert!(answer["rules"].is_array(), "{answer}");
    }

    /// Switches a fault off.
    pub fn heal(&self, id: &str) {
        let answer = self
            .exchange
            .operate("DELETE", &format!("faults/{id}"), &json!({}));
        assert!(answer["rules"].is_array(), "{answer}");
    }

    /// Counts what reaches the exchange by a name, from anybody, and harms none of it.
    pub fn count(&self, id: &str, request: &Value) {
        self.post(&json!({ "id": id, "request": request, "action": "delay", "ms": 1, "probability": 0.0 }));
    }

    /// A figure of a rule: `matched`, `fired` or `impatient`.
    #[must_use]
    pub fn rule(&self, id: &str, figure: &str) -> u64 {
        let shown = self.exchange.operate("GET", "faults", &json!({}));
        let rules = shown["rules"].as_array().unwrap();
        let rule = rules.iter().find(|rule| rule["id"] == id);
        rule.unwrap_or_else(|| panic!("no rule {id}: {shown}"))[figure]
            .as_u64()
            .unwrap()
    }

    /// Waits until a rule has struck so often.
    pub fn wait_for_fault(&self, id: &str, times: u64, within: Duration) {
        eventually(&format!("{id} strikes"), within, || {
            self.rule(id, "fired") >= times
        });
    }

    /// How many submissions have reached the exchange.
    #[must_use]
    pub fn placed(&self) -> u64 {
        self.rule(COUNTER, "matched")
    }

    /// The exchange's answer to a question that needs no key.
    #[must_use]
    pub fn public(&self, path: &str) -> Value {
        as_json(&read(&format!("{}{path}", self.exchange.rest_url)))
    }

    /// The orders of the trader's account that are open, as the venue has them.
    #[must_use]
    pub fn open_orders(&self) -> Vec<Value> {
        list(self.exchange.ask("/api/v3/openOrders", btcusdt()))
    }

    /// All its orders.
    #[must_use]
    pub fn all_orders(&self) -> Vec<Value> {
        list(
            self.exchange
                .ask("/api/v3/allOrders", btcusdt().with("limit", 1_000)),
        )
    }

    /// What the account holds of BTC.
    #[must_use]
    pub fn held(&self) -> Money {
        let account = self.exchange.ask("/api/v3/account", Params::new());
        let balances = account["balances"].as_array().unwrap();
        let held = balances.iter().find(|balance| balance["asset"] == "BTC");
        held.map_or(Money::ZERO, |held| money(&held["free"]) + money(&held["locked"]))
    }

    /// Trades through the prices of the trader's open orders, on the second account, until one of them has traded. Where none
    /// is open any more, the market was first.
    pub fn force_fill(&self) {
        let before = self.traded();
        let mut answer = Value::Null;
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        while self.traded() == before {
            assert!(std::time::Instant::now() < deadline, "no fill: {answer}");
            let open = self.open_orders();
            let Some(order) = open.first() else { return };
            let side = if order["side"] == "BUY" { "SELL" } else { "BUY" };
            answer = self.exchange.trade(side, "20", order["price"].as_str().unwrap());
        }
    }

    /// Whether something has traded, and the trader has the position that the venue has.
    #[must_use]
    pub fn is_position_right(&self, trader: &Trader) -> bool {
        std::thread::sleep(A_QUESTION);
        trader.position() == self.held() && !self.traded().is_zero()
    }

    fn traded(&self) -> Money {
        let orders = self.all_orders();
        orders.iter().map(|order| money(&order["executedQty"])).sum()
    }

    /// What the trader has recorded.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        let recovered = read_all(&FsDisk::read_only(self.dir.path())).unwrap();
        let parse = |payload: &Vec<u8>| serde_json::from_slice(payload).unwrap();
        recovered.records.iter().map(parse).collect()
    }

    /// The orders whose outcome was recorded as unknown.
    #[must_use]
    pub fn unknown(&self) -> BTreeSet<ClOrdId> {
        let records = self.records();
        let unknown = records.iter().filter_map(|record| match record.fact {
            Fact::SubmitUnknown { cl_ord_id, .. } => Some(cl_ord_id),
            _ => None,
        });
        unknown.collect()
    }

    /// Ends the trader by SIGINT and compares its records with the venue's; gives what it said.
    pub fn end(&self, trader: Trader) -> String {
        trader.process.signal("INT");
        let (code, said) = trader.process.finish(Duration::from_secs(60));
        assert_eq!(code, Some(0), "{said}");
        assert!(
            said.contains("closed: the venue shows no order of ours"),
            "{said}"
        );
        self.compare(&said);
        said
    }

    /// The venue's orders, trades and balances against the records: nothing open, nothing twice, nothing unknown to one side.
    pub fn compare(&self, said: &str) {
        assert!(self.open_orders().is_empty(), "{said}");
        let records = self.records();
        let mut state = DurableState::default();
        for record in &records {
            let applied = state.apply(record);
            assert!(applied.is_ok(), "{applied:?}\n{said}");
        }
        assert_eq!(
            state.orders().live().count(),
            0,
            "every order has come to its end: {said}"
        );

        let at_venue = self.all_orders();
        let by_id: BTreeMap<&str, &Value> = at_venue
            .iter()
            .map(|order| (order["clientOrderId"].as_str().unwrap(), order))
            .collect();
        assert_eq!(by_id.len(), at_venue.len(), "an order was sent twice");
        let intents: Vec<ClOrdId> = records
            .iter()
            .filter_map(|record| match record.fact {
                Fact::Intent { cl_ord_id, .. } => Some(cl_ord_id),
                _ => None,
            })
            .collect();
        let mut sent = 0;
        for id in &intents {
            let order = state.orders().get(*id).unwrap();
            let at_venue = by_id.get(id.to_string().as_str());
            sent += u64::from(order.state() != OrderState::Done(Ending::NotSent));
            let is_at_venue = matches!(order.state(), OrderState::Done(Ending::Ended(_)));
            assert_eq!(
                is_at_venue,
                at_venue.is_some(),
                "{id} is {:?} for us: {said}",
                order.state()
            );
            if let Some(at_venue) = at_venue {
                let traded: Money = order.cum_qty().to_decimal();
                assert_eq!(traded, money(&at_venue["executedQty"]), "{id} has traded");
            }
        }
        let unrecorded: Vec<_> = by_id
            .keys()
            .filter(|id| !intents.iter().any(|known| known.to_string() == **id))
            .collect();
        assert!(unrecorded.is_empty(), "without a durable intent: {unrecorded:?}");
        assert!(
            self.placed() <= sent,
            "{} submissions of {sent} orders",
            self.placed()
        );

        let symbol: Symbol = "BTCUSDT".parse().unwrap();
        let ledgers = state.ledgers();
        assert_eq!(
            ledgers.position(symbol).to_decimal() + ledgers.dust(symbol),
            self.held(),
            "the position: {said}"
        );
        let booked = ledgers.trade_count(symbol);
        let trades = list(
            self.exchange
                .ask("/api/v3/myTrades", btcusdt().with("limit", 1_000)),
        );
        assert_eq!(booked, trades.len(), "trades are booked once each");
    }
}

fn btcusdt() -> Params {
    Params::new().with("symbol", "BTCUSDT")
}

fn list(answer: Value) -> Vec<Value> {
    match answer {
        Value::Array(items) => items,
        other => panic!("no list: {other}"),
    }
}

fn money(text: &Value) -> Money {
    text.as_str()
        .unwrap_or_else(|| panic!("no amount: {text}"))
        .parse()
        .unwrap()
}
