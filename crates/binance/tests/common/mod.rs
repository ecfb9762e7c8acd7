//! A session with a venue made of this test's own words: bytes and time, no socket.
#![allow(
    dead_code,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions, not all of them used in every test"
)]

mod approval;

use std::collections::BTreeMap;
use std::time::Duration;

use keel_binance::{
    Credentials, Endpoints, HttpFailure, HttpMethod, HttpRequest, HttpResult, Input, KeyKind, Link,
    RequestId, Session, SessionSettings, Slot, Transmit,
};
use keel_domain::{ClOrdId, Purpose, Symbol, Timestamp};
use keel_execution::{Venue, VenueReport};
use keel_market_data::{MarketFeed, MarketUpdate};
use serde_json::{Value, json};

pub(crate) use approval::approved;

pub(crate) const MARKET: Link = Link::Market(Slot::A);
pub(crate) const MARKET_B: Link = Link::Market(Slot::B);
pub(crate) const WS_API: Link = Link::WsApi(Slot::A);
pub(crate) const WS_API_B: Link = Link::WsApi(Slot::B);
/// The middle of a minute of the venue.
pub(crate) const T0: Timestamp = Timestamp::from_millis(1_700_000_010_000);
/// The documents' Ed25519 example key.
pub(crate) const ED25519_PEM: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIIJEYWtGBrhACmb9Dvy+qa8WEf0lQOl1s4CLIAB9m89u\n-----END PRIVATE KEY-----\n";

pub(crate) fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(crate) fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(crate) fn btc() -> Symbol {
    "BTCUSDT".parse().unwrap()
}

pub(crate) fn eth() -> Symbol {
    "ETHUSDT".parse().unwrap()
}

pub(crate) fn id(text: &str) -> ClOrdId {
    text.parse().unwrap()
}

/// What the session wants done and has not been answered yet.
pub(crate) struct Rig {
    pub(crate) session: Session,
    pub(crate) now: Timestamp,
    /// The venue's clock less ours.
    pub(crate) skew_ms: i64,
    /// The one-way time of `/time` questions answered by [`Rig::answer_routine`].
    pub(crate) http: BTreeMap<RequestId, HttpRequest>,
    pub(crate) frames: Vec<(Link, Value)>,
    pub(crate) opens: Vec<(Timestamp, Link)>,
    pub(crate) closes: Vec<Link>,
}

impl Rig {
    pub(crate) fn new(kind: KeyKind) -> Self {
        Self::with(kind, SessionSettings::new(vec![btc(), eth()]))
    }

    pub(crate) fn with(kind: KeyKind, settings: SessionSettings) -> Self {
        let secret = match kind {
            KeyKind::Hmac => "secret",
            KeyKind::Ed25519 => ED25519_PEM,
        };
        let credentials = Credentials {
            api_key: "key".into(),
            secret: secret.into(),
            kind,
        };
        let endpoints = Endpoints {
            rest_url: "http://venue".into(),
            stream_url: "ws://venue".into(),
            ws_api_url: "ws://venue/ws-api/v3".into(),
        };
        let session = Session::new(T0, endpoints, settings, &credentials).unwrap();
        let mut rig = Self {
            session,
            now: T0,
            skew_ms: 0,
            http: BTreeMap::new(),
            frames: Vec::new(),
            opens: Vec::new(),
            closes: Vec::new(),
        };
        rig.drain();
        rig
    }

    fn drain(&mut self) {
        while let Some(transmit) = self.session.poll_transmit(self.now) {
            match transmit {
                Transmit::Http(id, request) => drop(self.http.insert(id, request)),
                Transmit::Frame(link, text) => self.frames.push((link, serde_json::from_str(&text).unwrap())),
                Transmit::Open(link, _) => self.opens.push((self.now, link)),
                Transmit::Close(link) => self.closes.push(link),
            }
        }
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.session.handle(self.now, input);
        let deadline = self
            .session
            .next_deadline()
            .expect("there is always something to do");
        assert!(
            deadline > self.now,
            "a deadline that has passed would keep the driver spinning"
        );
        self.drain();
    }

    /// Time passes, with a turn at every deadline, as the driver does it.
    pub(crate) fn pass(&mut self, duration: Duration) {
        self.pass_with(duration, |_| {});
    }

    /// The same, with something done after every turn.
    pub(crate) fn pass_with(&mut self, duration: Duration, mut after: impl FnMut(&mut Self)) {
        let end = self.now.plus(duration);
        while let Some(at) = self.session.next_deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.input(Input::Timer);
            after(self);
        }
        self.now = end;
        self.input(Input::Timer);
        after(self);
    }

    pub(crate) fn frame(&mut self, link: Link, text: impl ToString) {
        self.input(Input::Frame(link, text.to_string().into_bytes()));
    }

    pub(crate) fn depth(&mut self, link: Link, symbol: Symbol, first: u64, last: u64) {
        let event_time = self.now.as_millis() + self.skew_ms;
        self.depth_at(link, symbol, first, last, event_time);
    }

    pub(crate) fn depth_at(&mut self, link: Link, symbol: Symbol, first: u64, last: u64, event_time: i64) {
        let stream = format!("{}@depth@100ms", symbol.as_str().to_lowercase());
        let data = json!({"e": "depthUpdate", "E": event_time, "s": symbol, "U": first, "u": last,
            "b": [["100.00000000", "1.00000000"]], "a": [["101.00000000", "1.00000000"]]});
        self.frame(link, json!({"stream": stream, "data": data}));
    }

    pub(crate) fn trade(&mut self, link: Link, symbol: Symbol, trade_id: u64) {
        let stream = format!("{}@trade", symbol.as_str().to_lowercase());
        let time = self.now.as_millis();
        let data = json!({"e": "trade", "E": time, "s": symbol, "t": trade_id, "p": "100.5", "q": "1", "T": time,
            "m": true, "M": true});
        self.frame(link, json!({"stream": stream, "data": data}));
    }

    /// The oldest REST request for a path.
    pub(crate) fn asked(&self, method: HttpMethod, path: &str) -> Option<(RequestId, String)> {
        let mut requests = self.http.iter();
        let found = requests.find(|(_, request)| request.method == method && request.path == path)?;
        Some((*found.0, found.1.query.clone()))
    }

    pub(crate) fn answer(&mut self, id: RequestId, status: u16, body: impl ToString) {
        self.answer_with(
            id,
            HttpResult {
                status,
                retry_after: None,
                used_weight: None,
                body: body.to_string().into(),
            },
        );
    }

    pub(crate) fn answer_with(&mut self, id: RequestId, result: HttpResult) {
        self.http.remove(&id);
        self.input(Input::Http(id, Ok(result)));
    }

    pub(crate) fn fail(&mut self, id: RequestId, failure: HttpFailure) {
        self.http.remove(&id);
        self.input(Input::Http(id, Err(failure)));
    }

    /// Answers what is asked as a matter of routine: the time, the pairs, the account.
    pub(crate) fn answer_routine(&mut self) {
        while let Some((id, _)) = self.asked(HttpMethod::Get, "/api/v3/time") {
            let time = self.now.as_millis() + self.skew_ms;
            self.answer(id, 200, json!({"serverTime": time}));
        }
        while let Some((id, _)) = self.asked(HttpMethod::Get, "/api/v3/exchangeInfo") {
            let time = self.now.as_millis() + self.skew_ms;
            self.answer(
                id,
                200,
                json!({"timezone": "UTC", "serverTime": time, "rateLimits": [], "exchangeFilters": [],
                "symbols": []}),
            );
        }
        while let Some((id, _)) = self.asked(HttpMethod::Get, "/api/v3/account") {
            self.answer(id, 200, account());
        }
        while let Some((id, _, link)) = self.ws_request("time") {
            let time = self.now.as_millis() + self.skew_ms;
            self.ws_answer(link, &id, json!({"status": 200, "result": {"serverTime": time}}));
        }
    }

    /// Takes the oldest unanswered request of a method of the WS API: its id, parameters and connection.
    pub(crate) fn ws_request(&mut self, method: &str) -> Option<(String, Value, Link)> {
        let place = self
            .frames
            .iter()
            .position(|(_, frame)| frame["method"] == method)?;
        let (link, frame) = self.frames.remove(place);
        Some((
            frame["id"].as_str().unwrap().to_owned(),
            frame["params"].clone(),
            link,
        ))
    }

    pub(crate) fn ws_answer(&mut self, link: Link, id: &str, mut answer: Value) {
        answer["id"] = id.into();
        self.frame(link, answer);
    }

    /// Opens a market connection and confirms its subscriptions.
    pub(crate) fn open_market(&mut self, link: Link) {
        self.input(Input::Opened(link));
        while let Some(place) = self
            .frames
            .iter()
            .position(|(to, f)| *to == link && f["method"] == "SUBSCRIBE")
        {
            let (_, frame) = self.frames.remove(place);
            self.frame(link, json!({"result": null, "id": frame["id"]}));
        }
    }

    /// Opens a connection of the WS API and logs on there.
    pub(crate) fn open_ws_api(&mut self, link: Link) {
        self.input(Input::Opened(link));
        if let Some((id, _, _)) = self.ws_request("session.logon") {
            self.ws_answer(link, &id, json!({"status": 200, "result": {}}));
        }
        let subscribed = self.ws_request("userDataStream.subscribe");
        let signed = self.ws_request("userDataStream.subscribe.signature");
        let (id, _, _) = subscribed.or(signed).expect("it subscribes");
        self.ws_answer(link, &id, json!({"status": 200, "result": {"subscriptionId": 0}}));
    }

    /// Everything open, logged on and measured; reports and updates taken.
    pub(crate) fn up(kind: KeyKind) -> Self {
        let mut rig = Self::new(kind);
        rig.come_up();
        rig
    }

    pub(crate) fn come_up(&mut self) {
        self.open_market(MARKET);
        self.open_ws_api(WS_API);
        self.answer_routine();
        self.pass_with(secs(1), Self::answer_routine);
        let reports = self.reports();
        assert!(
            reports.iter().any(|r| matches!(r, VenueReport::SessionUp { .. })),
            "{reports:?}"
        );
        self.updates();
    }

    /// Delivers the first events of a pair and the snapshot that fits them.
    pub(crate) fn synchronise(&mut self, symbol: Symbol, first: u64) {
        self.depth(MARKET, symbol, first, first + 1);
        self.snapshot(symbol, first);
        assert!(matches!(
            self.updates()[..],
            [MarketUpdate::BookSnapshot(_), MarketUpdate::BookDelta(_)]
        ));
    }

    pub(crate) fn snapshot(&mut self, symbol: Symbol, last_update_id: u64) {
        let (id, query) = self
            .asked(HttpMethod::Get, "/api/v3/depth")
            .expect("a snapshot is asked for");
        assert!(query.starts_with(&format!("symbol={symbol}&")), "{query}");
        self.answer(
            id,
            200,
            json!({"lastUpdateId": last_update_id, "bids": [["100", "1"]], "asks": [["101", "1"]]}),
        );
    }

    pub(crate) fn reports(&mut self) -> Vec<VenueReport> {
        std::iter::from_fn(|| self.session.next_report()).collect()
    }

    pub(crate) fn updates(&mut self) -> Vec<MarketUpdate> {
        std::iter::from_fn(|| self.session.next_update()).collect()
    }

    pub(crate) fn submit(
        &mut self,
        cl_ord_id: &str,
        purpose: Purpose,
    ) -> Result<(), keel_execution::NotSent> {
        let sent = self.session.submit(self.now, approved(cl_ord_id, purpose));
        self.drain();
        sent
    }

    pub(crate) fn submit_pair(
        &mut self,
        cl_ord_id: &str,
        stop_id: &str,
    ) -> Result<(), keel_execution::NotSent> {
        let sent = self
            .session
            .submit(self.now, approval::approved_pair(cl_ord_id, stop_id));
        self.drain();
        sent
    }

    pub(crate) fn cancel(&mut self, cl_ord_id: &str) -> Result<(), keel_execution::NotSent> {
        let sent = self.session.cancel(self.now, btc(), id(cl_ord_id));
        self.drain();
        sent
    }

    pub(crate) fn call(&mut self, call: impl FnOnce(&mut Session, Timestamp)) {
        call(&mut self.session, self.now);
        self.drain();
    }
}

pub(crate) fn account() -> Value {
    json!({"makerCommission": 0, "takerCommission": 0, "buyerCommission": 0, "sellerCommission": 0,
        "commissionRates": {"maker": "0", "taker": "0", "buyer": "0", "seller": "0"}, "canTrade": true,
        "canWithdraw": false, "canDeposit": false, "brokered": false, "requireSelfTradePrevention": false,
        "preventSor": false, "updateTime": 1, "accountType": "SPOT",
        "balances": [{"asset": "USDT", "free": "100", "locked": "0"}], "permissions": ["SPOT"], "uid": 7})
}

pub(crate) fn placed(cl_ord_id: &str) -> Value {
    json!({"symbol": "BTCUSDT", "orderId": 5, "orderListId": -1, "clientOrderId": cl_ord_id, "transactTime": 1,
        "price": "100", "origQty": "1", "executedQty": "0", "origQuoteOrderQty": "0", "cummulativeQuoteQty": "0",
        "status": "NEW", "timeInForce": "GTC", "type": "LIMIT", "side": "SELL", "workingTime": 1,
        "selfTradePreventionMode": "NONE", "fills": []})
}
