//! The thin driver over real sockets on loopback: it answers pings, moves frames, and tells what the venue's HTTP says.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use keel_binance::{Credentials, Driver, Endpoints, KeyKind, Session, SessionSettings};
use keel_domain::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;

const T0: Timestamp = Timestamp::from_millis(1_700_000_000_000);

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// A session whose streams are at `streams` and whose other ends refuse.
async fn session(streams: SocketAddr) -> (Driver, Session) {
    keel_binance::install_crypto_provider();
    let (closed, refusing) = listener().await;
    drop(closed);
    let rest_url = format!("http://{refusing}");
    let endpoints = Endpoints {
        rest_url: rest_url.clone(),
        stream_url: format!("ws://{streams}"),
        ws_api_url: format!("ws://{refusing}/ws-api/v3"),
    };
    let credentials = Credentials {
        api_key: "key".into(),
        secret: "secret".into(),
        kind: KeyKind::Hmac,
    };
    let settings = SessionSettings::new(vec!["BTCUSDT".parse().expect("a symbol")]);
    let session = Session::new(T0, endpoints, settings, &credentials).expect("usable credentials");
    (Driver::new(&rest_url).expect("a driver"), session)
}

/// Turns the driver until `end` is done.
async fn drive<T>(driver: &mut Driver, session: &mut Session, end: impl Future<Output = T>) -> T {
    let started = std::time::Instant::now();
    let now = move || T0.plus(started.elapsed());
    let end = tokio::time::timeout(std::time::Duration::from_secs(30), end);
    tokio::pin!(end);
    loop {
        tokio::select! {
            done = &mut end => return done.expect("what is waited for does not happen"),
            () = driver.turn(session, now) => {}
        }
    }
}

#[tokio::test]
async fn a_ping_is_answered_with_its_own_payload() {
    let (listener, address) = listener().await;
    let (mut driver, mut session) = session(address).await;
    let venue = async {
        let (socket, _) = listener.accept().await.expect("it connects");
        let mut venue = tokio_tungstenite::accept_async(socket)
            .await
            .expect("a handshake");
        venue
            .send(Message::Ping("1700000000123".into()))
            .await
            .expect("a ping");
        let (mut subscribed, mut pong) = (false, None);
        while !subscribed || pong.is_none() {
            match venue.next().await.expect("open").expect("a message") {
                Message::Text(text) => subscribed = text.contains("btcusdt@depth@100ms"),
                Message::Pong(payload) => pong = Some(payload),
                other => panic!("{other:?}"),
            }
        }
        pong.expect("a pong")
    };
    let pong = drive(&mut driver, &mut session, venue).await;
    assert_eq!(&pong[..], b"1700000000123");
}

#[tokio::test]
async fn f34_a_handshake_refused_with_429_stops_ordinary_requests() {
    let (listener, address) = listener().await;
    let (mut driver, mut session) = session(address).await;
    let venue = async {
        let (mut socket, _) = listener.accept().await.expect("it connects");
        let mut request = [0_u8; 2_048];
        let read = socket.read(&mut request).await.expect("a request");
        assert!(request[..read].starts_with(b"GET /stream HTTP/1.1"));
        let answer = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n";
        socket.write_all(answer).await.expect("it is still there");
        socket.shutdown().await.expect("an end");
        // The next attempt shows that the refusal was taken in.
        listener.accept().await.expect("it tries again");
    };
    drive(&mut driver, &mut session, venue).await;
    let before = session.stats().rate_limited;
    keel_execution::Venue::query_balances(&mut session, T0.plus(std::time::Duration::from_secs(30)));
    assert_eq!(session.stats().rate_limited, before + 1);
}
