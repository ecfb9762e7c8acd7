//! A venue in virtual time with one client, for the tests of faults.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use keel_binance_wire::params::Params;
use keel_binance_wire::signing::{SigningKey, VerifyingKey};
use keel_domain::{ClOrdId, Money, Symbol, Timestamp};
use keel_sim_exchange::core::{AccountConfig, Exchange, ExchangeConfig, OrderRef};
use keel_sim_exchange::faults::FaultFile;
use keel_sim_exchange::protocol::{
    AccountKey, ConnId, HttpRequest, KeyPermissions, Limits, Method, Outgoing, Protocol, Reply, Served,
};
use serde_json::{Value, json};

/// Where the client is.
pub(crate) const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
pub(crate) const KEY: &str = "paper-key";
pub(crate) const SECRET: &str = "paper-secret";

pub(crate) fn protocol(rules: &str, now: Timestamp) -> Protocol {
    let mut config = ExchangeConfig::with_default_markets(1);
    config.accounts.push(AccountConfig {
        name: KEY.to_owned(),
        funds: vec![
            ("USDT".parse().unwrap(), Money::from(100_000)),
            ("BTC".parse().unwrap(), Money::from(2)),
        ],
        ..AccountConfig::default()
    });
    let exchange = Exchange::new(config, now).unwrap();
    let key = AccountKey {
        api_key: KEY.to_owned(),
        verifying_key: VerifyingKey::hmac(SECRET),
        account: exchange.account(0).unwrap(),
        permissions: KeyPermissions::default(),
        created_at: now,
    };
    let mut protocol = Protocol::with_limits(exchange, vec![key], Limits::off(), now);
    let file = FaultFile::parse("test.toml", rules).unwrap();
    protocol
        .set_faults(now, file.seed.unwrap_or(1), file.rules)
        .unwrap();
    protocol
}

pub(crate) fn signed(timestamp: Timestamp, params: &[(&str, &str)]) -> Params {
    let mut all = Params::new();
    for (name, value) in params {
        all.push(name, value);
    }
    all.with("timestamp", timestamp.as_millis())
}

pub(crate) fn signature(payload: &str) -> String {
    SigningKey::hmac(SECRET).sign(payload)
}

pub(crate) const REST: &[(&str, &str)] = &[
    ("symbol", "BTCUSDT"),
    ("side", "BUY"),
    ("type", "LIMIT"),
    ("timeInForce", "GTC"),
    ("quantity", "0.001"),
    ("price", "60000"),
];
pub(crate) const TAKE: &[(&str, &str)] = &[
    ("symbol", "BTCUSDT"),
    ("side", "BUY"),
    ("type", "MARKET"),
    ("quantity", "0.01"),
];

pub(crate) struct Venue {
    pub(crate) protocol: Protocol,
    pub(crate) now: Timestamp,
}

impl Venue {
    pub(crate) fn new(rules: &str) -> Self {
        let now = Timestamp::from_millis(1_700_000_000_000);
        Self {
            protocol: protocol(rules, now),
            now,
        }
    }

    /// Lets time pass, in steps as the shell would.
    pub(crate) fn pass(&mut self, span: Duration) {
        let end = self.now.plus(span);
        while self.now < end {
            self.now = self.now.plus(Duration::from_millis(50)).min(end);
            self.protocol.advance(self.now);
        }
    }

    pub(crate) fn reply(&mut self, method: Method, path: &str, raw_query: String, raw_body: &str) -> Reply {
        let request = HttpRequest {
            method,
            peer: CLIENT,
            path: path.to_owned(),
            raw_query,
            raw_body: raw_body.to_owned(),
            api_key: Some(KEY.to_owned()),
            time_unit: None,
        };
        self.protocol.serve(self.now, &request)
    }

    pub(crate) fn ask(&mut self, method: Method, path: &str, params: &[(&str, &str)]) -> Reply {
        let query = signed(self.now, params).to_query();
        let query = format!("{query}&signature={}", signature(&query));
        self.reply(method, path, query, "")
    }

    pub(crate) fn rest(&mut self, method: Method, path: &str, params: &[(&str, &str)]) -> Served {
        match self.ask(method, path, params) {
            Reply::Now(served) => served,
            Reply::Later(ticket) => panic!("{ticket:?}: the request waits"),
        }
    }

    pub(crate) fn place(&mut self, order: &[(&str, &str)], id: &str) -> Served {
        let order = [order, &[("newClientOrderId", id)]].concat();
        self.rest(Method::Post, "/api/v3/order", &order)
    }

    pub(crate) fn query(&mut self, id: &str) -> Served {
        let named = [("symbol", "BTCUSDT"), ("origClientOrderId", id)];
        self.rest(Method::Get, "/api/v3/order", &named)
    }

    pub(crate) fn time(&mut self) -> Served {
        match self.reply(Method::Get, "/api/v3/time", String::new(), "") {
            Reply::Now(served) => served,
            Reply::Later(_) => panic!("the request waits"),
        }
    }

    pub(crate) fn keel(&mut self, method: Method, path: &str, body: &str) -> (u16, Value) {
        match self.reply(method, path, String::new(), body) {
            Reply::Now(served) => (served.response.status, json_of(&served)),
            Reply::Later(_) => panic!("the operator waits"),
        }
    }

    pub(crate) fn exists(&self, id: &str) -> bool {
        let exchange = self.protocol.exchange();
        let account = exchange.account(0).unwrap();
        let symbol: Symbol = "BTCUSDT".parse().unwrap();
        exchange
            .order(account, symbol, OrderRef::ClOrdId(ClOrdId::new(id).unwrap()))
            .is_ok()
    }

    pub(crate) fn open(&mut self, path: &str, query: &str) -> ConnId {
        self.protocol.ws_open(self.now, CLIENT, path, query).unwrap()
    }

    pub(crate) fn streams(&mut self, names: &str) -> ConnId {
        self.open("/stream", &format!("streams={names}"))
    }

    /// A WS API connection that hears of the account.
    pub(crate) fn user_stream(&mut self) -> ConnId {
        let id = self.open("/ws-api/v3", "");
        self.ws(id, "userDataStream.subscribe.signature", &[]);
        self.frames(id);
        id
    }

    pub(crate) fn ws(&mut self, id: ConnId, method: &str, params: &[(&str, &str)]) {
        let params = signed(self.now, params).with("apiKey", KEY);
        let signature = signature(&params.to_ws_payload());
        let params: serde_json::Map<String, Value> = params
            .with("signature", signature)
            .iter()
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        let frame = json!({ "id": 7, "method": method, "params": params });
        self.protocol.ws_text(self.now, id, &frame.to_string());
    }

    /// Everything that left since the last call, for this connection.
    pub(crate) fn outgoing(&mut self, id: ConnId) -> Vec<Outgoing> {
        std::iter::from_fn(|| self.protocol.poll_out())
            .filter(|(to, _)| *to == id)
            .map(|(_, outgoing)| outgoing)
            .collect()
    }

    pub(crate) fn texts(&mut self, id: ConnId) -> Vec<String> {
        let text = |outgoing| match outgoing {
            Outgoing::Text(text) => Some(text.to_string()),
            _ => None,
        };
        self.outgoing(id).into_iter().filter_map(text).collect()
    }

    pub(crate) fn frames(&mut self, id: ConnId) -> Vec<Value> {
        let texts = self.texts(id);
        texts
            .iter()
            .map(|text| serde_json::from_str(text).unwrap_or(Value::Null))
            .collect()
    }

    /// Kinds of the user events among the frames: `NEW`, `TRADE` and so on for reports, else the event's name.
    pub(crate) fn user_events(&mut self, id: ConnId) -> Vec<String> {
        let name = |frame: &Value| {
            let event = frame.get("event")?;
            let kind = event.get("x").or(event.get("e"))?;
            kind.as_str().map(str::to_owned)
        };
        self.frames(id).iter().filter_map(name).collect()
    }

    pub(crate) fn fired(&mut self) -> Vec<(String, u64)> {
        let (_, shown) = self.keel(Method::Get, "/keel/faults", "");
        let rules = shown["rules"].as_array().unwrap().iter();
        rules
            .map(|rule| {
                (
                    rule["id"].as_str().unwrap().to_owned(),
                    rule["fired"].as_u64().unwrap(),
                )
            })
            .collect()
    }
}

pub(crate) fn json_of(served: &Served) -> Value {
    serde_json::from_str(&served.response.body).unwrap_or(Value::Null)
}

pub(crate) fn code_of(served: &Served) -> Option<i64> {
    json_of(served)["code"].as_i64()
}
