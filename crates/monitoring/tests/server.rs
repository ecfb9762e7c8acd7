//! The web server over a real socket.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use std::sync::Arc;
use std::time::Duration;

use keel_domain::{AlertClass, Money, Timestamp};
use keel_monitoring::{DataAge, Health, IdentityLine, MonitorState, Snapshot, SymbolSnapshot, render, serve};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

struct Running {
    url: String,
    shutdown: CancellationToken,
    snapshots: watch::Sender<Arc<Snapshot>>,
}

async fn start(now_ms: i64) -> Running {
    // The client cannot be made without one; a second installation finds the first.
    let _already_there = rustls::crypto::ring::default_provider().install_default();
    let health = Health::default();
    let beat = health.register("trading", Duration::from_secs(2), Timestamp::EPOCH);
    beat.beat(Timestamp::EPOCH);
    let symbol = SymbolSnapshot {
        symbol: "BTC\"USDT".to_owned(),
        state: "ReduceOnly".to_owned(),
        condition: "usable".to_owned(),
        is_usable: true,
        data_ages: vec![DataAge {
            stream: "depth".to_owned(),
            age_ms: 1_070,
        }],
        ..SymbolSnapshot::default()
    };
    let snapshot = Snapshot {
        state: "Active".to_owned(),
        symbols: vec![symbol],
        alerts: [(AlertClass::Clock, 3)].into(),
        ..Snapshot::default()
    };
    let (snapshots, receiver) = watch::channel(Arc::new(snapshot));
    let now = Arc::new(move || Timestamp::from_millis(now_ms));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let shutdown = CancellationToken::new();
    tokio::spawn(serve(
        listener,
        MonitorState {
            health,
            snapshots: receiver,
            now,
        },
        shutdown.clone(),
    ));
    Running {
        url,
        shutdown,
        snapshots,
    }
}

async fn get(url: String) -> (u16, String) {
    let response = reqwest::get(url).await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn every_page_answers() {
    let running = start(1_000).await;
    let (status, page) = get(format!("{}/", running.url)).await;
    assert!(status == 200 && page.contains("EventSource"));
    let (status, json) = get(format!("{}/snapshot.json", running.url)).await;
    assert!(status == 200 && json.contains("\"state\":\"Active\""), "{json}");
    let (status, metrics) = get(format!("{}/metrics", running.url)).await;
    assert_eq!(status, 200);
    assert!(
        metrics.contains("keel_trading_state{state=\"Active\"} 1"),
        "{metrics}"
    );
    assert!(
        metrics.contains("keel_symbol_trading_state{symbol=\"BTC\\\"USDT\",state=\"ReduceOnly\"} 1"),
        "{metrics}"
    );
    assert!(
        metrics.contains("keel_position{symbol=\"BTC\\\"USDT\"} 0"),
        "{metrics}"
    );
    assert!(
        metrics.contains("keel_data_age_seconds{symbol=\"BTC\\\"USDT\",stream=\"depth\"} 1.070"),
        "{metrics}"
    );
    assert!(
        metrics.contains("keel_market_usable{symbol=\"BTC\\\"USDT\"} 1"),
        "{metrics}"
    );
    for (class, raised) in [
        ("clock\",owner=\"host-administrator", 3),
        ("loss\",owner=\"account-holder", 0),
    ] {
        let line = format!("keel_alerts_total{{class=\"{class}\"}} {raised}\n");
        assert!(metrics.contains(&line), "{line}{metrics}");
    }
    assert_eq!(
        metrics.matches("\nkeel_alerts_total{").count(),
        AlertClass::ALL.len()
    );
    let (_, shown) = get(format!("{}/snapshot.json", running.url)).await;
    assert!(
        shown.contains(r#""alerts":[["clock","host-administrator",3]]"#),
        "{shown}"
    );
    assert!(!metrics.contains("keel_equity "), "what is not known is left out");
}

#[tokio::test]
async fn f67_a_silent_task_makes_health_fail() {
    let (status, _) = get(format!("{}/health", start(2_000).await.url)).await;
    assert_eq!(status, 200);
    let (status, body) = get(format!("{}/health", start(2_001).await.url)).await;
    assert_eq!(status, 503);
    assert!(
        body.contains("\"age_ms\":2001") && body.contains("\"is_stuck\":true"),
        "{body}"
    );
}

#[tokio::test]
async fn nothing_can_be_written_and_no_foreign_name_is_answered() {
    let running = start(0).await;
    let client = reqwest::Client::new();
    let posted = client
        .post(format!("{}/health", running.url))
        .send()
        .await
        .unwrap();
    assert_eq!(posted.status().as_u16(), 405);
    let rebound = client
        .get(format!("{}/health", running.url))
        .header("Host", "evil.example")
        .send()
        .await
        .unwrap();
    assert_eq!(rebound.status().as_u16(), 403);
}

#[tokio::test]
async fn live_pages_get_snapshots_and_the_seventeenth_is_refused() {
    let running = start(0).await;
    let client = reqwest::Client::new();
    let mut pages = Vec::new();
    for _ in 0..16 {
        let page = client
            .get(format!("{}/events", running.url))
            .send()
            .await
            .unwrap();
        assert_eq!(page.status().as_u16(), 200);
        pages.push(page);
    }
    let refused = client
        .get(format!("{}/events", running.url))
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status().as_u16(), 503);
    let first = pages[0].chunk().await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&first).contains("Active"));
    running
        .snapshots
        .send(Arc::new(Snapshot {
            state: "Halted".to_owned(),
            ..Snapshot::default()
        }))
        .unwrap();
    let second = pages[0].chunk().await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&second).contains("Halted"));
    running.shutdown.cancel();
    while pages[0].chunk().await.unwrap().is_some() {}
}

#[test]
fn f47_the_money_identity_is_a_metric_and_absent_before_the_first_check() {
    let health = Health::default().report(Timestamp::EPOCH);
    let before = render(&Snapshot::default(), &health);
    assert!(!before.contains("keel_identity"), "{before}");
    let breach = IdentityLine {
        at: Timestamp::EPOCH,
        is_ok: false,
        difference: Some(Money::new(-15, 1)),
        assets: vec![("USDT".to_owned(), Money::new(-15, 1))],
    };
    let snapshot = Snapshot {
        at: Timestamp::from_millis(31_000),
        identity: Some(breach),
        ..Snapshot::default()
    };
    let page = render(&snapshot, &health);
    for line in [
        "keel_identity_ok 0\n",
        "keel_identity_age_seconds 31\n",
        "keel_identity_in_currency 1\n",
        "keel_identity_difference -1.5\n",
        "keel_identity_asset_difference{asset=\"USDT\"} -1.5\n",
    ] {
        assert!(page.contains(line), "{line} in {page}");
    }
    let unpriced = IdentityLine {
        is_ok: true,
        difference: None,
        ..snapshot.identity.unwrap()
    };
    let snapshot = Snapshot {
        identity: Some(unpriced),
        ..Snapshot::default()
    };
    let page = render(&snapshot, &health);
    assert!(page.contains("keel_identity_in_currency 0\n"), "{page}");
    assert!(!page.contains("keel_identity_difference "), "{page}");
}
