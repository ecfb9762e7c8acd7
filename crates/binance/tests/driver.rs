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
    let (closed, refusing) = listener().await;
    drop(closed);
    session_at(streams, refusing).await
}

async fn session_at(streams: SocketAddr, orders: SocketAddr) -> (Driver, Session) {
    keel_binance::install_crypto_provider();
    let (closed, refusing) = listener().await;
    drop(closed);
    let rest_url = format!("http://{refusing}");
    let endpoints = Endpoints {
        rest_url: rest_url.clone(),
        stream_url: format!("ws://{streams}"),
        ws_api_url: format!("ws://{orders}/ws-api/v3"),
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

/// The burst fills the inbox, the socket's buffers, and then the venue waits; the order's news comes on the other connection.
#[tokio::test]
async fn a_burst_of_market_data_delays_no_orders_news_and_waits_at_its_bound() {
    let (streams, streams_address) = listener().await;
    let (orders, orders_address) = listener().await;
    let (mut driver, mut session) = session_at(streams_address, orders_address).await;
    let venue = async {
        let (market, api) = tokio::join!(streams.accept(), orders.accept());
        let (market, api) = tokio::join!(
            tokio_tungstenite::accept_async(market.expect("it connects").0),
            tokio_tungstenite::accept_async(api.expect("it connects").0)
        );
        let (market, mut api) = (market.expect("a handshake"), api.expect("a handshake"));
        // Its log-on shows that the session has taken the connection in.
        api.next().await.expect("open").expect("a message");
        (market, api)
    };
    let (mut market, mut api) = drive(&mut driver, &mut session, venue).await;

    // Nobody takes anything in until the market connection holds no more.
    let frame = Message::text(format!(
        r#"{{"stream":"btcusdt@trade","data":{{"pad":"{}"}}}}"#,
        "x".repeat(1_000)
    ));
    let mut sent = 0_u64;
    while tokio::time::timeout(std::time::Duration::from_secs(1), market.send(frame.clone()))
        .await
        .is_ok_and(|sent| sent.is_ok())
    {
        sent += 1;
        assert!(sent < 1_000_000, "what waits is bounded");
    }
    assert!(sent > 4_096, "{sent}");
    let news = r#"{"event":{"e":"outboundAccountPosition","E":1,"u":1,"B":[]}}"#;
    api.send(Message::text(news)).await.expect("it is still there");

    let (mut turns, started) = (0, std::time::Instant::now());
    while keel_execution::Venue::next_report(&mut session).is_none() {
        turns += 1;
        assert!(turns <= 4, "the order's news waits behind {sent} frames");
        driver.turn(&mut session, || T0.plus(started.elapsed())).await;
    }
    assert!(
        session.stats().undecodable < sent / 2,
        "most of the burst still waits"
    );
}
