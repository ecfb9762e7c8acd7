//! A served exchange with one account, and clients of it.

use std::net::SocketAddr;
use std::time::Duration;

use keel_binance_wire::params::Params;
use keel_binance_wire::signing::{SigningKey, VerifyingKey};
use keel_domain::Money;
use keel_sim_exchange::ClientBounds;
use keel_sim_exchange::core::{AccountConfig, Exchange, ExchangeConfig};
use keel_sim_exchange::protocol::{AccountKey, KeyPermissions, Limits, Protocol};
use keel_sim_exchange::server::{self, Clock};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

const KEY: &str = "paper-key";
const SECRET: &str = "paper-secret";
/// Nothing here takes as long; what does, hangs.
pub(crate) const HANGS: Duration = Duration::from_secs(40);

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    clock: Clock,
    client: reqwest::Client,
    _shutdown: DropGuard,
}

impl Running {
    pub(crate) async fn start(limits: Limits, bounds: ClientBounds) -> Self {
        // A second call finds the first one's provider in place.
        let _installed_already = rustls::crypto::ring::default_provider().install_default();
        let clock = Clock::start();
        let mut config = ExchangeConfig::with_default_markets(1);
        config.accounts.push(AccountConfig {
            name: KEY.to_owned(),
            funds: vec![("USDT".parse().unwrap(), Money::from(1_000_000))],
            ..AccountConfig::default()
        });
        let exchange = Exchange::new(config, clock.now()).unwrap();
        let key = AccountKey {
            api_key: KEY.to_owned(),
            verifying_key: VerifyingKey::hmac(SECRET),
            account: exchange.account(0).unwrap(),
            permissions: KeyPermissions::default(),
            created_at: clock.now(),
        };
        let protocol = Protocol::with_limits(exchange, vec![key], limits, clock.now());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, shutdown) = (listener.local_addr().unwrap(), CancellationToken::new());
        let served = server::serve_with(listener, protocol, clock, bounds, shutdown.clone());
        tokio::spawn(served);
        let client = reqwest::Client::builder().timeout(HANGS);
        // A connection of its own for each request: none that is idle.
        let client = client.pool_max_idle_per_host(0).build().unwrap();
        Self {
            address,
            clock,
            client,
            _shutdown: shutdown.drop_guard(),
        }
    }

    /// Places an order that rests. The status of the answer.
    pub(crate) async fn order(&self) -> u16 {
        let query = Params::new()
            .with("symbol", "BTCUSDT")
            .with("side", "BUY")
            .with("type", "LIMIT")
            .with("timeInForce", "GTC")
            .with("quantity", "0.001")
            .with("price", "60000")
            .with("timestamp", self.clock.now().as_millis())
            .to_query();
        let signature = SigningKey::hmac(SECRET).sign(&query);
        let url = format!(
            "http://{}/api/v3/order?{query}&signature={signature}",
            self.address
        );
        let request = self.client.post(url).header("X-MBX-APIKEY", KEY);
        request.send().await.expect("nobody waits").status().as_u16()
    }

    /// How often connections were ended for a reason.
    pub(crate) async fn ended(&self, reason: &str) -> u64 {
        let url = format!("http://{}/keel/connections", self.address);
        let shown = self.client.get(url).send().await.unwrap().text().await.unwrap();
        let shown: Value = serde_json::from_str(&shown).unwrap();
        shown["ended"][reason].as_u64().unwrap_or(0)
    }

    /// A connection with as little room for answers as the system gives, from one of this machine's addresses.
    pub(crate) async fn connect_from(&self, from: [u8; 4]) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        socket.bind((from, 0).into()).unwrap();
        socket.connect(self.address).await.unwrap()
    }

    /// A WebSocket of which the rest is up to the test.
    pub(crate) async fn upgrade(&self, path: &str) -> TcpStream {
        let mut stream = self.connect_from([127, 0, 0, 1]).await;
        stream.write_all(handshake(path).as_bytes()).await.unwrap();
        stream.read_u8().await.unwrap();
        stream
    }
}

pub(crate) fn handshake(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: keel\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// A text frame of a client; the mask of zeros leaves the text as it is.
pub(crate) fn text_frame(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    assert!(length < 126);
    let mut frame = vec![0x81, 0x80 | length, 0, 0, 0, 0];
    frame.extend_from_slice(text.as_bytes());
    frame
}
