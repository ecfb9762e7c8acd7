//! Clients over real sockets that do not behave: they are ended, and nobody waits for them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers outside #[test] functions"
)]

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use keel_sim_exchange::core::{Exchange, ExchangeConfig};
use keel_sim_exchange::protocol::{Limits, Protocol};
use keel_sim_exchange::server::{self, Clock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

async fn server() -> (SocketAddr, CancellationToken) {
    let clock = Clock::start();
    let exchange = Exchange::new(ExchangeConfig::with_default_markets(1), clock.now()).unwrap();
    let protocol = Protocol::with_limits(exchange, Vec::new(), Limits::off(), clock.now());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, shutdown) = (listener.local_addr().unwrap(), CancellationToken::new());
    tokio::spawn(server::serve(listener, protocol, clock, shutdown.clone()));
    (address, shutdown)
}

/// A WebSocket that is never read from.
async fn never_read(address: SocketAddr, path: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let handshake = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(handshake.as_bytes()).await.unwrap();
    stream.read_u8().await.unwrap();
    stream
}

/// A text frame of a client; the mask of zeros leaves the text as it is.
fn text_frame(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    let mut frame = vec![0x81, 0x80 | length, 0, 0, 0, 0];
    frame.extend_from_slice(text.as_bytes());
    frame
}

/// Streams enough that the list of them is a long answer to a short question.
fn many_streams() -> String {
    let intervals = [
        "1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w",
    ];
    let names = intervals.iter().flat_map(|interval| {
        ["btcusdt", "ethusdt"].map(|pair| format!("{pair}@kline_{interval}/{pair}@kline_{interval}@+08:00"))
    });
    names.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn a_client_that_takes_no_answers_is_reset_while_others_get_theirs() {
    let (address, shutdown) = server().await;
    let mut stream = never_read(address, &format!("/ws/{}", many_streams())).await;
    let flood = tokio::spawn(async move {
        let frames = text_frame(r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#).repeat(50);
        while stream.write_all(&frames).await.is_ok() {}
    });
    let url = format!("ws://{address}/ws-api/v3");
    let (mut other, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let mut answers = 0;
    while !flood.is_finished() {
        other
            .send(Message::text(r#"{"id":2,"method":"time"}"#))
            .await
            .unwrap();
        let answer = tokio::time::timeout(Duration::from_secs(60), other.next()).await;
        let answer = answer.expect("nobody waits for the slow one").unwrap().unwrap();
        answers += i32::from(answer.is_text());
        assert!(answers < 50_000, "the slow one is never ended");
    }
    assert!(answers > 0);
    shutdown.cancel();
}
