//! A venue without sockets: its protocol, a clock that the test moves, and the frames that came out.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper that fails is a test that fails; each test uses a part"
)]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use keel_binance_wire::params::Params;
use keel_binance_wire::signing::{SigningKey, VerifyingKey};
use keel_domain::Timestamp;
use keel_sim_exchange::core::{AccountConfig, Exchange, ExchangeConfig, Scenario};
use keel_sim_exchange::protocol::{
    AccountKey, ConnId, HttpRequest, HttpResponse, KeyPermissions, Limits, Method, Outgoing, Protocol,
};
use serde_json::{Value, json};

/// The start of a minute, of five minutes and of ten seconds.
pub const START: Timestamp = Timestamp::from_millis(1_700_000_100_000);
pub const HMAC_KEY: &str = "hmac-key";
pub const HMAC_SECRET: &str = "hmac-secret";
pub const ED25519_KEY: &str = "ed25519-key";
const ED25519_PRIVATE: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIPUXEsTS5R33mAvC9RWmN74/JRvVk3OPlDBwnFqBH8Gh
-----END PRIVATE KEY-----";
const ED25519_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAR68cbHPTYUtmlorOEIX4h38SbgpbE7tJ3xuFoVmg2MU=
-----END PUBLIC KEY-----";
pub const RSA_KEY: &str = "rsa-key";
const RSA_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA4dyXnr1EPbgiJpQL9h9h
LA7n1OU6LQlcPJ5316ujx+1RR7u8Q5sD1fPex8QpX73VD5k7A6HJF4/TosB/riVy
YGuWB+4j10EcfuGdIuQgx2BvhPk9dgQN7UTTkowbTy1PktMC8lMkSc4biT4ol08Q
Y23GlEd/qQpC3qWPh7M1YfwSZXzFOAzPet4xINxUjVi4OncF10z/zhF8hYDtmLDT
c2Mpoqwz5JBhAciNS2rsOUKobcq4adEepS5Q5HG0Qih7OGt/obN7E3XPrIzHc7cZ
moaPXcRbdTR0yHLYVzzyWxPbU/6ojxrcahgPhjxLZO8FojhE/VJvKDa6/NEIoW5S
sQIDAQAB
-----END PUBLIC KEY-----";
pub const READ_ONLY_KEY: &str = "read-only-key";

/// Where requests come from unless a test says otherwise.
pub const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
pub const OTHER_PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

pub fn hmac() -> SigningKey {
    SigningKey::hmac(HMAC_SECRET)
}

pub fn ed25519() -> SigningKey {
    SigningKey::ed25519_pem(ED25519_PRIVATE).unwrap()
}

/// An answer with its body read.
pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<&'static str, String>,
    pub body: Value,
}

impl Answer {
    fn of(response: HttpResponse) -> Self {
        let body = match response.body.as_str() {
            "" => Value::Null,
            text => serde_json::from_str(text).expect("the body is JSON"),
        };
        Self {
            status: response.status,
            headers: response.headers.into_iter().collect(),
            body,
        }
    }

    /// The body of a success.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }

    /// Status, code and text of a refusal.
    #[track_caller]
    pub fn refusal(&self) -> (u16, i64, &str) {
        assert_ne!(self.status, 200, "{}", self.body);
        (
            self.status,
            self.body["code"].as_i64().expect("a code"),
            self.body["msg"].as_str().expect("a text"),
        )
    }
}

pub struct Venue {
    pub protocol: Protocol,
    pub now: Timestamp,
    pub peer: IpAddr,
    /// Pings are answered at once and not kept, as any library does.
    pub answers_pings: bool,
    frames: BTreeMap<ConnId, Vec<Outgoing>>,
}

impl Venue {
    /// Three accounts of 100,000 USDT and 10 BTC, with an HMAC, an Ed25519 and an RSA key; the second has another key
    /// that may not trade.
    pub fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    pub fn with_limits(limits: Limits) -> Self {
        Self::of(Scenario::Calm, limits)
    }

    /// With BTCUSDC besides, and orders routed over BTCUSDT and BTCUSDC.
    pub fn with_sor() -> Self {
        Self::of_config(
            ExchangeConfig::with_default_markets(7).with_sor(),
            Limits::default(),
        )
    }

    pub fn of(scenario: Scenario, limits: Limits) -> Self {
        let mut config = ExchangeConfig::with_default_markets(7);
        config.scenario = scenario;
        Self::of_config(config, limits)
    }

    /// 100,000 USDT and 10 BTC.
    pub fn account(name: &str) -> AccountConfig {
        AccountConfig {
            name: name.to_owned(),
            funds: vec![
                ("USDT".parse().unwrap(), 100_000.into()),
                ("BTC".parse().unwrap(), 10.into()),
            ],
            ..AccountConfig::default()
        }
    }

    pub fn of_config(mut config: ExchangeConfig, limits: Limits) -> Self {
        if config.accounts.is_empty() {
            config.accounts = ["hmac", "ed25519", "rsa"].map(Self::account).to_vec();
        }
        let exchange = Exchange::new(config, START).unwrap();
        let key = |api_key: &str, verifying_key, index| AccountKey {
            api_key: api_key.to_owned(),
            verifying_key,
            account: exchange.account(index).unwrap(),
            permissions: KeyPermissions::default(),
            created_at: START,
        };
        let keys = vec![
            key(HMAC_KEY, VerifyingKey::hmac(HMAC_SECRET), 0),
            key(ED25519_KEY, VerifyingKey::public_pem(ED25519_PUBLIC).unwrap(), 1),
            key(RSA_KEY, VerifyingKey::public_pem(RSA_PUBLIC).unwrap(), 2),
            AccountKey {
                permissions: KeyPermissions::of_names(["reading", "withdrawals"]).unwrap(),
                ..key(
                    READ_ONLY_KEY,
                    VerifyingKey::public_pem(ED25519_PUBLIC).unwrap(),
                    1,
                )
            },
        ];
        Self {
            protocol: Protocol::with_limits(exchange, keys, limits, START),
            now: START,
            peer: PEER,
            answers_pings: true,
            frames: BTreeMap::new(),
        }
    }

    /// Lets time pass, with everything that becomes due on the way.
    pub fn wait(&mut self, duration: Duration) {
        let end = self.now.plus(duration);
        while self.protocol.next_deadline() <= end {
            self.now = self.now.max(self.protocol.next_deadline());
            self.protocol.advance(self.now);
            self.collect();
        }
        self.now = end;
        self.protocol.advance(end);
        self.collect();
    }

    pub fn wait_millis(&mut self, millis: u64) {
        self.wait(Duration::from_millis(millis));
    }

    fn collect(&mut self) {
        while let Some((id, outgoing)) = self.protocol.poll_out() {
            if let (true, Outgoing::Ping(payload)) = (self.answers_pings, &outgoing) {
                self.protocol.ws_pong(self.now, id, payload.as_bytes());
                continue;
            }
            self.frames.entry(id).or_default().push(outgoing);
        }
    }

    pub fn request(&mut self, request: &HttpRequest) -> Answer {
        let answer = Answer::of(self.protocol.http(self.now, request));
        self.collect();
        answer
    }

    pub fn plain(&self, method: Method, path: &str, query: &str) -> HttpRequest {
        HttpRequest {
            peer: self.peer,
            method,
            path: path.to_owned(),
            raw_query: query.to_owned(),
            raw_body: String::new(),
            api_key: None,
            time_unit: None,
        }
    }

    /// GET of "PATH?QUERY".
    pub fn get(&mut self, url: &str) -> Answer {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let request = self.plain(Method::Get, path, query);
        self.request(&request)
    }

    /// A request signed by the HMAC key, all in the query.
    pub fn signed(&mut self, method: Method, path: &str, params: Params) -> Answer {
        let request = self.signed_request(method, path, params);
        self.request(&request)
    }

    pub fn signed_request(&self, method: Method, path: &str, params: Params) -> HttpRequest {
        let query = params.with("timestamp", self.now.as_millis()).to_query();
        let signature = hmac().sign(&query);
        let mut request = self.plain(method, path, &format!("{query}&signature={signature}"));
        request.api_key = Some(HMAC_KEY.to_owned());
        request
    }

    pub fn limit_order(side: &str, price: &str, qty: &str) -> Params {
        Params::new()
            .with("symbol", "BTCUSDT")
            .with("side", side)
            .with("type", "LIMIT")
            .with("timeInForce", "GTC")
            .with("price", price)
            .with("quantity", qty)
    }

    pub fn market_order(side: &str, qty: &str) -> Params {
        Params::new()
            .with("symbol", "BTCUSDT")
            .with("side", side)
            .with("type", "MARKET")
            .with("quantity", qty)
    }

    /// Opens a WebSocket at "PATH?QUERY".
    pub fn open(&mut self, url: &str) -> ConnId {
        self.try_open(url).expect("the connection opens")
    }

    pub fn try_open(&mut self, url: &str) -> Result<ConnId, u16> {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        self.protocol.ws_open(self.now, self.peer, path, query)
    }

    pub fn send(&mut self, id: ConnId, text: &str) {
        self.protocol.ws_text(self.now, id, text);
        self.collect();
    }

    /// All that came on a connection since it was last asked for.
    pub fn outgoing(&mut self, id: ConnId) -> Vec<Outgoing> {
        self.collect();
        self.frames.remove(&id).unwrap_or_default()
    }

    /// The text frames that came on a connection.
    pub fn frames(&mut self, id: ConnId) -> Vec<Value> {
        let frames = self.outgoing(id).into_iter();
        frames
            .filter_map(|outgoing| match outgoing {
                Outgoing::Text(text) => Some(serde_json::from_str(&text).expect("frames are JSON")),
                _ => None,
            })
            .collect()
    }

    /// Asks on a streams connection; the answer is the last frame.
    pub fn control(&mut self, id: ConnId, text: &str) -> Value {
        self.send(id, text);
        self.frames(id).pop().expect("an answer")
    }

    /// Asks the WS API; the answer is the frame with a status.
    pub fn ask(&mut self, id: ConnId, method: &str, params: Value) -> Value {
        let request = json!({ "id": "q", "method": method, "params": params });
        self.send(id, &request.to_string());
        let mut frames = self.frames(id);
        let place = frames
            .iter()
            .position(|frame| frame.get("status").is_some())
            .expect("an answer");
        frames.remove(place)
    }

    /// Parameters of the WS API with key, time and signature.
    pub fn ws_signed(&self, api_key: &str, key: &SigningKey, params: Params) -> Value {
        let params = params
            .with("apiKey", api_key)
            .with("timestamp", self.now.as_millis());
        let signature = key.sign(&params.to_ws_payload());
        let mut fields: serde_json::Map<String, Value> = params
            .iter()
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        fields.insert("signature".to_owned(), signature.into());
        fields.insert("timestamp".to_owned(), self.now.as_millis().into());
        fields.into()
    }
}
