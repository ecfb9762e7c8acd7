//! Clients that take their time: each step has a bound.

use std::io;
use std::time::{Duration, Instant};

use keel_sim_exchange::ClientBounds;
use keel_sim_exchange::protocol::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::running::{HANGS, Running, handshake};

const SOON: Duration = Duration::from_millis(300);

/// Sends this and no more. What came until the exchange closed the connection, and how long that took.
async fn sends_only(running: &Running, bytes: &str) -> (String, Duration) {
    let mut stream = running.connect_from([127, 0, 0, 1]).await;
    let began = Instant::now();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    assert_eq!(running.order().await, 200);
    let mut answer = Vec::new();
    let closed = timeout(HANGS, stream.read_to_end(&mut answer)).await;
    closed.expect("it is closed").unwrap();
    (String::from_utf8(answer).unwrap(), began.elapsed())
}

#[tokio::test]
async fn a_request_head_that_stays_away_ends_the_connection() {
    let bounds = ClientBounds {
        head: SOON,
        ..ClientBounds::default()
    };
    let running = Running::start(Limits::default(), bounds).await;
    let handshake = handshake("/ws-api/v3");
    let half = &handshake[..handshake.len() / 2];
    for (counted, slow) in (1..).zip(["GET /api/v3/pi", half]) {
        let (answer, took) = sends_only(&running, slow).await;
        assert!(answer.is_empty() && took >= SOON, "{took:?}: {answer}");
        assert_eq!(running.ended("Request head timeout").await, counted);
    }
    let (answer, took) = sends_only(&running, "").await;
    assert!(answer.is_empty() && took >= SOON, "{took:?}: {answer}");
    assert_eq!(running.ended("Idle").await, 1);
    assert_eq!(running.ended("Request head timeout").await, 2);
}

#[tokio::test]
async fn a_request_body_that_stays_away_is_answered_408_and_ends_the_connection() {
    let bounds = ClientBounds {
        body: SOON,
        ..ClientBounds::default()
    };
    let running = Running::start(Limits::default(), bounds).await;
    let half = "POST /api/v3/order HTTP/1.1\r\nContent-Length: 14\r\n\r\nsymbol=";
    let (answer, took) = sends_only(&running, half).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(took >= SOON, "{took:?}");
    assert_eq!(running.ended("Request body timeout").await, 1);
}

#[tokio::test]
async fn a_request_that_comes_in_pieces_but_in_time_is_answered_and_nobody_waits_for_it() {
    let running = Running::start(Limits::default(), ClientBounds::default()).await;
    for (pieces, status) in [
        (
            ["GET /api/v3/pi", "ng HTTP/1.1\r\nConnection: cl", "ose\r\n\r\n"],
            "200",
        ),
        (
            [
                "POST /api/v3/order HTTP/1.1\r\nConnection: close\r\nContent-Length: 14\r\n\r\n",
                "symbol=",
                "BTCUSDT",
            ],
            "401",
        ),
    ] {
        let mut stream = running.connect_from([127, 0, 0, 1]).await;
        for piece in pieces {
            stream.write_all(piece.as_bytes()).await.unwrap();
            // It has more time for the rest than this order has for its answer.
            assert_eq!(running.order().await, 200);
        }
        let mut answer = String::new();
        let read = timeout(HANGS, stream.read_to_string(&mut answer)).await;
        read.expect("it is answered").unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
    assert_eq!(running.ended("Request head timeout").await, 0);
}

#[tokio::test]
async fn a_client_that_takes_no_answer_is_reset() {
    let bounds = ClientBounds {
        write: SOON,
        ..ClientBounds::default()
    };
    let running = Running::start(Limits::off(), bounds).await;
    let mut stream = running.connect_from([127, 0, 0, 1]).await;
    let asks = "GET /api/v3/exchangeInfo HTTP/1.1\r\nHost: keel\r\n\r\n".repeat(50);
    let flood = tokio::spawn(async move { while stream.write_all(asks.as_bytes()).await.is_ok() {} });
    assert_eq!(running.order().await, 200);
    timeout(HANGS, flood).await.expect("it is reset").unwrap();
    assert_eq!(running.ended("Write timeout").await, 1);
}

/// What the exchange counted, or that it resets the connection.
async fn counted(running: &Running) -> io::Result<String> {
    let mut stream = TcpStream::connect(running.address).await?;
    stream
        .write_all(b"GET /keel/connections HTTP/1.1\r\nConnection: close\r\n\r\n")
        .await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn a_connection_too_many_is_reset_and_counted_until_another_ends() {
    let bounds = ClientBounds {
        connections: 2,
        ..ClientBounds::default()
    };
    let running = Running::start(Limits::off(), bounds).await;
    let socket = running.upgrade("/ws/btcusdt@trade").await;
    let idle = running.connect_from([127, 0, 0, 1]).await;
    let refused = timeout(HANGS, counted(&running)).await.expect("it does not wait");
    assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    for one in [socket, idle] {
        drop(one);
        let counted = loop {
            // It is reset until the exchange has noticed that the other has gone.
            if let Ok(counted) = counted(&running).await {
                break counted;
            }
        };
        assert!(counted.contains(r#""Too many connections":"#), "{counted}");
    }
}
