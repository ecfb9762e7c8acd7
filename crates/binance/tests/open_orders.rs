//! The dead man's client against a scripted venue.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

use std::time::Duration;

use keel_binance::{Credentials, HttpFailure, KeyKind, OpenList, OpenOrders, RequestError};
use keel_domain::{OrderId, Symbol, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const T0: i64 = 1_700_000_000_000;
const TIME: &str = r#"200 OK|{"serverTime":1700000005000}"#;

fn now() -> Timestamp {
    Timestamp::from_millis(T0)
}

fn pair() -> Symbol {
    "BTCUSDT".parse().unwrap()
}

fn client(rest_url: &str) -> OpenOrders {
    keel_binance::install_crypto_provider();
    let credentials = Credentials {
        api_key: "key".into(),
        secret: "secret".into(),
        kind: KeyKind::Hmac,
    };
    OpenOrders::new(rest_url, &credentials, Duration::from_secs(5)).unwrap()
}

/// Answers one request a connection, in this order; each is status, perhaps with headers, then `|`, then the body. Gives the
/// request lines.
async fn venue(answers: &'static [&'static str]) -> (OpenOrders, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = client(&format!("http://{}", listener.local_addr().unwrap()));
    let served = tokio::spawn(async move {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut bytes = vec![0; 4_096];
            let len = socket.read(&mut bytes).await.unwrap();
            let head = String::from_utf8_lossy(&bytes[..len]).into_owned();
            asked.push(head.lines().next().unwrap().to_owned());
            let (status, body) = answer.split_once('|').unwrap();
            let text = format!(
                "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            socket.write_all(text.as_bytes()).await.unwrap();
        }
        asked
    });
    (client, served)
}

#[tokio::test]
async fn it_asks_the_venues_time_once_and_signs_by_it() {
    let (mut client, served) = venue(&[TIME, "200 OK|[]", "200 OK|[{}]"]).await;
    assert_eq!(client.look(now, pair()).await, Ok(OpenList::default()));
    assert_eq!(client.cancel_all(now, pair()).await, Ok(1));
    let asked = served.await.unwrap();
    assert!(asked[0].starts_with("GET /api/v3/time "), "{asked:?}");
    for (request, method) in asked[1..].iter().zip(["GET", "DELETE"]) {
        let begin =
            format!("{method} /api/v3/openOrders?symbol=BTCUSDT&recvWindow=5000&timestamp=17000000050");
        assert!(
            request.starts_with(&begin) && request.contains("&signature="),
            "{request}"
        );
    }
}

#[tokio::test]
async fn f31_sells_that_wait_for_a_stop_price_are_told_apart() {
    const OPEN: &str = r#"200 OK|[
        {"orderId":1,"side":"SELL","type":"STOP_LOSS_LIMIT","stopPrice":"90"},
        {"orderId":2,"side":"SELL","type":"LIMIT"},
        {"orderId":3,"side":"BUY","type":"STOP_LOSS"},
        {"orderId":4,"side":"SELL","type":"STOP_LOSS"},
        {"orderId":5,"side":"SELL","type":"TAKE_PROFIT"},
        {"orderId":6,"side":"SELL","type":"A_NEW_ONE"}]"#;
    let (mut client, served) = venue(&[
        TIME,
        OPEN,
        r#"200 OK|{"orderId":2}"#,
        r#"400 Bad Request|{"code":-2011,"msg":"Unknown order sent."}"#,
    ])
    .await;
    let others = [2, 3, 5, 6].map(OrderId).to_vec();
    assert_eq!(client.look(now, pair()).await, Ok(OpenList { stops: 2, others }));
    assert_eq!(client.cancel(now, pair(), OrderId(2)).await, Ok(1));
    assert_eq!(
        client.cancel(now, pair(), OrderId(3)).await,
        Ok(0),
        "gone meanwhile"
    );
    let asked = served.await.unwrap();
    let begin = "DELETE /api/v3/order?symbol=BTCUSDT&orderId=2&recvWindow=5000&timestamp=";
    assert!(asked[2].starts_with(begin), "{asked:?}");
}

#[tokio::test]
async fn f57_a_refused_timestamp_asks_the_time_anew() {
    const REFUSED: &str = r#"400 Bad Request|{"code":-1021,"msg":"Timestamp for this request"}"#;
    let (mut client, served) = venue(&[TIME, REFUSED, TIME, "200 OK|[]"]).await;
    assert!(matches!(
        client.look(now, pair()).await,
        Err(RequestError::Refused(_))
    ));
    assert_eq!(client.look(now, pair()).await, Ok(OpenList::default()));
    assert!(served.await.unwrap()[2].starts_with("GET /api/v3/time "));
}

#[tokio::test]
async fn nothing_to_cancel_is_no_error() {
    let (mut client, _served) = venue(&[
        TIME,
        r#"400 Bad Request|{"code":-2011,"msg":"Unknown order sent."}"#,
    ])
    .await;
    assert_eq!(client.cancel_all(now, pair()).await, Ok(0));
}

/// What becomes of one question, by its answer.
async fn outcome(answers: &'static [&'static str]) -> RequestError {
    venue(answers).await.0.look(now, pair()).await.unwrap_err()
}

#[tokio::test]
async fn f34_the_venues_wait_is_told_and_without_one_its_shortest_ban() {
    let limited = |status, seconds| RequestError::RateLimited {
        status,
        wait: Duration::from_secs(seconds),
    };
    let too_many = outcome(&[TIME, "429 Too Many Requests\r\nRetry-After: 7|{}"]).await;
    assert_eq!(too_many, limited(429, 7));
    assert_eq!(outcome(&[TIME, "429 Too Many Requests|"]).await, limited(429, 60));
    assert_eq!(outcome(&["418 I'm a teapot|"]).await, limited(418, 120));
}

#[tokio::test]
async fn f2_an_unsure_venue_is_not_a_refusal() {
    let unsure = outcome(&[TIME, r#"503 Unavailable|{"code":-1007,"msg":"Timeout"}"#]).await;
    assert_eq!(unsure, RequestError::Unclear { status: 503 });
    let no_list = outcome(&[TIME, "200 OK|<html>"]).await;
    assert_eq!(no_list, RequestError::Unclear { status: 200 });
    assert_eq!(
        outcome(&["403 Forbidden|<html>"]).await,
        RequestError::Unclear { status: 403 }
    );
}

#[tokio::test]
async fn only_what_stays_refused_is_lasting() {
    let key = outcome(&[TIME, r#"401 Unauthorized|{"code":-2015,"msg":"Invalid API-key"}"#]).await;
    assert!(key.is_lasting(), "{key}");
    let time = outcome(&[TIME, r#"400 Bad Request|{"code":-1021,"msg":"Timestamp"}"#]).await;
    assert!(!time.is_lasting(), "{time}");
}

#[tokio::test]
async fn a_venue_that_cannot_be_reached_was_sent_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let refused = client(&format!("http://{address}")).look(now, pair()).await;
    assert_eq!(refused, Err(RequestError::NoAnswer(HttpFailure::NotSent)));
}
