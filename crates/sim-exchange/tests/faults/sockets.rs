//! Faults over real sockets, seen by a plain client: it gets an error, and the exchange has the order.

use std::net::SocketAddr;
use std::time::Duration;

use crate::venue::{KEY, REST, protocol, signature, signed};
use futures_util::StreamExt;
use keel_sim_exchange::server::{self, Clock};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

struct Running {
    address: SocketAddr,
    clock: Clock,
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<std::io::Result<()>>,
    client: reqwest::Client,
}

impl Running {
    async fn start(rules: &str) -> Self {
        // A second call finds the first one's provider in place.
        let _installed_already = rustls::crypto::ring::default_provider().install_default();
        let clock = Clock::start();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let protocol = protocol(rules, clock.now());
        let task = tokio::spawn(server::serve(listener, protocol, clock, shutdown.clone()));
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(2))
            .build()
            .unwrap();
        Self {
            address,
            clock,
            shutdown,
            task,
            client,
        }
    }

    fn url(&self, path: &str, params: &[(&str, &str)]) -> String {
        let query = signed(self.clock.now(), params).to_query();
        format!(
            "http://{}{path}?{query}&signature={}",
            self.address,
            signature(&query)
        )
    }

    async fn place(&self, id: &str) -> reqwest::Result<String> {
        let order = [REST, &[("newClientOrderId", id)]].concat();
        let url = self.url("/api/v3/order", &order);
        self.client
            .post(url)
            .header("X-MBX-APIKEY", KEY)
            .send()
            .await?
            .text()
            .await
    }

    async fn status(&self, id: &str) -> Value {
        let url = self.url(
            "/api/v3/order",
            &[("symbol", "BTCUSDT"), ("origClientOrderId", id)],
        );
        let answer = self
            .client
            .get(url)
            .header("X-MBX-APIKEY", KEY)
            .send()
            .await
            .unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }

    async fn stop(self) {
        self.shutdown.cancel();
        drop(self.client);
        self.task.await.unwrap().unwrap();
    }
}

fn on_orders(rest: &str) -> String {
    format!("[[rule]]\nrequest = \"POST /api/v3/order\"\nmax = 1\n{rest}\n")
}

/// The chain of an error's causes, as text.
fn causes(error: &reqwest::Error) -> String {
    let mut text = format!("{error:?}");
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text = format!("{text}; {next:?}");
        cause = next.source();
    }
    text
}

#[tokio::test]
async fn f1_a_lost_answer_is_a_time_out_to_the_client_and_an_order_at_the_exchange() {
    let running = Running::start(&on_orders("action = \"lose_answer\"")).await;
    let error = running.place("a-1").await.unwrap_err();
    assert!(error.is_timeout(), "{}", causes(&error));
    assert_eq!(running.status("a-1").await["status"], "NEW");
    assert!(running.place("a-2").await.is_ok(), "only the first");
    running.stop().await;
}

#[tokio::test]
async fn f2_a_reset_is_seen_as_a_reset_and_the_order_exists() {
    let running = Running::start(&on_orders("action = \"reset\"")).await;
    let error = running.place("a-1").await.unwrap_err();
    assert!(causes(&error).contains("ConnectionReset"), "{}", causes(&error));
    assert_eq!(running.status("a-1").await["status"], "NEW");
    running.stop().await;
}

#[tokio::test]
async fn f2_a_reset_before_execution_leaves_no_order() {
    let running = Running::start(&on_orders("action = \"reset\"\nstage = \"before\"")).await;
    assert!(running.place("a-1").await.is_err());
    assert_eq!(running.status("a-1").await["code"], -2013);
    running.stop().await;
}

#[tokio::test]
async fn f2_a_cut_body_fails_in_the_middle_and_the_order_exists() {
    let running = Running::start(&on_orders("action = \"cut_body\"")).await;
    let order = [REST, &[("newClientOrderId", "a-1")]].concat();
    let url = running.url("/api/v3/order", &order);
    let mut answer = running
        .client
        .post(url)
        .header("X-MBX-APIKEY", KEY)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let promised = answer.content_length().unwrap();
    let first = answer.chunk().await.unwrap().unwrap();
    assert_eq!(first.len() as u64, promised / 2);
    assert!(answer.chunk().await.is_err());
    assert_eq!(running.status("a-1").await["status"], "NEW");
    running.stop().await;
}

#[tokio::test]
async fn a_delayed_request_is_answered_when_it_is_carried_out() {
    let running = Running::start(&on_orders("action = \"delay\"\nms = 300\nstage = \"before\"")).await;
    let (placed, early) = tokio::join!(running.place("a-1"), running.status("a-1"));
    assert_eq!(early["code"], -2013);
    assert!(placed.unwrap().contains("\"clientOrderId\":\"a-1\""));
    assert_eq!(running.status("a-1").await["status"], "NEW");
    running.stop().await;
}

#[tokio::test]
async fn a_web_socket_is_reset_without_a_close_frame() {
    let rules = "[[rule]]\nevent = \"bookTicker\"\naction = \"disconnect\"\nhow = \"reset\"\nnth = 3\n";
    let running = Running::start(rules).await;
    let url = format!("ws://{}/ws/btcusdt@bookTicker", running.address);
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let mut texts = 0;
    let end = loop {
        match socket.next().await {
            Some(Ok(message)) if message.is_text() => texts += 1,
            Some(Ok(message)) if message.is_close() => panic!("it is closed in order"),
            Some(Ok(_)) => {}
            end => break end,
        }
    };
    assert_eq!(texts, 2);
    assert!(matches!(end, Some(Err(_))), "{end:?}");
    running.stop().await;
}

#[tokio::test]
async fn the_operators_paths_are_closed_to_pages_in_a_browser() {
    let running = Running::start("").await;
    let url = format!("http://{}/keel/faults", running.address);
    let answer = running.client.get(&url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let answer = running
        .client
        .get(&url)
        .header("Origin", "http://evil.example")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 403);
    running.stop().await;
}
