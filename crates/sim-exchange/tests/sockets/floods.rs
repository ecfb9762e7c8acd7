//! Clients that flood: the others' orders are answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::{SinkExt, StreamExt};
use keel_sim_exchange::ClientBounds;
use keel_sim_exchange::protocol::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::running::{HANGS, Running, text_frame};

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

/// Writes this until the exchange ends it, and never reads.
fn flood(mut stream: TcpStream, bytes: Vec<u8>) -> JoinHandle<()> {
    tokio::spawn(async move { while stream.write_all(&bytes).await.is_ok() {} })
}

/// Asks again as soon as it is answered, until the exchange says no more. How often it was answered.
fn asks_on(running: &Running) -> (JoinHandle<()>, Arc<AtomicU64>) {
    let url = format!("ws://{}/ws-api/v3", running.address);
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    let task = tokio::spawn(async move {
        let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        loop {
            for _ in 0..50 {
                let ask = Message::text(r#"{"id":2,"method":"exchangeInfo"}"#);
                socket.feed(ask).await.unwrap();
            }
            socket.flush().await.unwrap();
            for _ in 0..50 {
                socket.next().await.unwrap().unwrap();
            }
            counted.fetch_add(50, Ordering::Relaxed);
        }
    });
    (task, count)
}

/// Asks by REST without a pause, and takes every answer. How many bytes of answers came.
async fn asks_by_rest(running: &Running) -> Arc<AtomicU64> {
    let (mut answers, questions) = running.connect_from([127, 0, 0, 1]).await.into_split();
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        let mut questions = questions;
        let asks = "GET /api/v3/exchangeInfo HTTP/1.1\r\nHost: keel\r\n\r\n".repeat(50);
        while questions.write_all(asks.as_bytes()).await.is_ok() {}
    });
    tokio::spawn(async move {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = answers.read(&mut buffer).await {
            counted.fetch_add(length as u64, Ordering::Relaxed);
        }
    });
    count
}

#[tokio::test]
async fn who_takes_no_frames_is_disconnected_and_counted_while_others_orders_are_answered() {
    let running = Running::start(Limits::off(), ClientBounds::default()).await;
    let slow = running.upgrade(&format!("/ws/{}", many_streams())).await;
    let lists = text_frame(r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#).repeat(50);
    let slow_consumer = flood(slow, lists);
    let infos = text_frame(r#"{"id":1,"method":"exchangeInfo"}"#).repeat(50);
    let never_reads = flood(running.upgrade("/ws-api/v3").await, infos);
    let (asker, asked) = asks_on(&running);
    let by_rest = asks_by_rest(&running).await;
    let mut orders = 0;
    while !(slow_consumer.is_finished() && never_reads.is_finished()) {
        let status = timeout(HANGS, running.order()).await;
        assert_eq!(status.expect("nobody waits for the others"), 200);
        orders += 1;
        assert!(orders < 20_000, "the slow ones are never ended");
    }
    assert_eq!(running.ended("Slow consumer").await, 2);
    assert!(orders > 0 && !asker.is_finished());
    // Those that take their answers are not ended, and ask on while orders are answered.
    for count in [asked, by_rest] {
        let before = count.load(Ordering::Relaxed);
        assert!(before > 0);
        while count.load(Ordering::Relaxed) == before {
            assert_eq!(running.order().await, 200);
        }
    }
}

#[tokio::test]
async fn an_address_at_its_limits_is_refused_while_another_is_answered() {
    let running = Running::start(Limits::default(), ClientBounds::default()).await;
    let asks = "GET /api/v3/ticker/24hr HTTP/1.1\r\nHost: keel\r\n\r\n".repeat(50);
    let mut refused = running.connect_from([127, 0, 0, 2]).await;
    let mut last = String::new();
    let mut buffer = vec![0; 64 * 1024];
    while !last.contains(" 418 ") {
        refused.write_all(asks.as_bytes()).await.unwrap();
        assert_eq!(running.order().await, 200);
        let read = timeout(HANGS, refused.read(&mut buffer)).await;
        let length = read.expect("an answer").unwrap();
        assert!(length > 0, "closed");
        last = String::from_utf8_lossy(&buffer[..length]).into_owned();
    }
    assert_eq!(running.order().await, 200);
}
