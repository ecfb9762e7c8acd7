//! A machine that has no time for the exchange.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use keel_sim_exchange::ClientBounds;
use keel_sim_exchange::protocol::Limits;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::running::{HANGS, Running};

const ASK: &str = r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#;

/// Sends so many frames at once. How many were answered before the end.
async fn answers(running: &Running, frames: usize, pause: Duration) -> usize {
    let url = format!("ws://{}/ws/btcusdt@kline_1d", running.address);
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    // So that the exchange is asleep in its loop.
    assert_eq!(running.order().await, 200);
    for _ in 0..frames {
        socket.feed(Message::text(ASK)).await.unwrap();
    }
    // The exchange lives on this thread: it stands still as on a machine that does not give it any time.
    std::thread::sleep(pause);
    socket.flush().await.unwrap();
    let mut answered = 0;
    while answered < frames {
        let frame = timeout(HANGS, socket.next()).await.expect("an answer or the end");
        match frame {
            Some(Ok(Message::Text(text))) => answered += usize::from(text.contains("\"result\"")),
            Some(Ok(Message::Ping(_))) => {}
            _ => break,
        }
    }
    answered
}

#[tokio::test]
async fn frames_that_heaped_up_while_the_exchange_stood_still_are_not_held_against_their_sender() {
    let running = Running::start(Limits::default(), ClientBounds::default()).await;
    assert!(answers(&running, 50, Duration::ZERO).await < 50, "five a second");
    assert_eq!(running.ended("Too many messages").await, 1);
    assert_eq!(answers(&running, 10, Duration::from_millis(1_100)).await, 10);
    assert_eq!(running.ended("Too many messages").await, 1);
}
