//! Who may ask: keys, signatures over the bytes received, clocks (rest-api.md, "Request Security").

use crate::common::{Answer, ED25519_KEY, HMAC_KEY, Venue, ed25519, hmac};
use keel_binance_wire::params::Params;
use keel_sim_exchange::protocol::Method;
use proptest::prelude::*;
use serde_json::json;

const ACCOUNT: &str = "/api/v3/account";

fn signed_by_hand(venue: &mut Venue, query: &str, body: &str, signature: &str, key: Option<&str>) -> Answer {
    let mut request = venue.plain(Method::Post, "/api/v3/order/test", query);
    request.raw_query = format!("{query}&signature={signature}");
    request.raw_body = body.to_owned();
    request.api_key = key.map(str::to_owned);
    venue.request(&request)
}

fn order(venue: &Venue) -> Params {
    Venue::limit_order("BUY", "60000", "0.001").with("timestamp", venue.now.as_millis())
}

#[test]
fn hmac_signatures_count_in_either_case_and_no_other_does() {
    let mut venue = Venue::new();
    let query = order(&venue).to_query();
    let signature = hmac().sign(&query);
    let upper = signature.to_uppercase();
    assert_ne!(signature, upper);
    for signature in [signature.as_str(), upper.as_str()] {
        let answer = signed_by_hand(&mut venue, &query, "", signature, Some(HMAC_KEY));
        assert_eq!(answer.ok(), json!({}));
    }
    let wrong = format!("{}0", &signature[..63]);
    for signature in [wrong.as_str(), "not hex", "00"] {
        let answer = signed_by_hand(&mut venue, &query, "", signature, Some(HMAC_KEY));
        let text = "Signature for this request is not valid.";
        assert_eq!(answer.refusal(), (400, -1022, text));
    }
}

#[test]
fn ed25519_signatures_are_base64_and_case_counts() {
    let mut venue = Venue::new();
    let query = order(&venue).to_query();
    let signature = ed25519().sign(&query);
    let encoded = Params::new().with("signature", &signature).to_query();
    let encoded = encoded.strip_prefix("signature=").unwrap();
    let answer = signed_by_hand(&mut venue, &query, "", encoded, Some(ED25519_KEY));
    assert_eq!(answer.ok(), json!({}));
    let lower = encoded.to_lowercase();
    let answer = signed_by_hand(&mut venue, &query, "", &lower, Some(ED25519_KEY));
    assert_eq!(answer.refusal().1, -1022);
}

#[test]
fn query_and_body_are_signed_together_without_a_separator() {
    let mut venue = Venue::new();
    let (query, body) = (
        "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC",
        format!("price=60000&quantity=0.001&timestamp={}", venue.now.as_millis()),
    );
    let joined = hmac().sign(&format!("{query}{body}"));
    assert_eq!(
        signed_by_hand(&mut venue, query, &body, &joined, Some(HMAC_KEY)).ok(),
        json!({})
    );
    let separated = hmac().sign(&format!("{query}&{body}"));
    let answer = signed_by_hand(&mut venue, query, &body, &separated, Some(HMAC_KEY));
    assert_eq!(answer.refusal().1, -1022);
}

#[test]
fn the_signature_is_over_percent_encoded_bytes() {
    let mut venue = Venue::new();
    let encoded = format!("{}&newClientOrderId=a%2Fb%3Ac", order(&venue).to_query());
    let plain = encoded.replace("%2F", "/").replace("%3A", ":");
    let answer = signed_by_hand(&mut venue, &encoded, "", &hmac().sign(&encoded), Some(HMAC_KEY));
    assert_eq!(answer.ok(), json!({}));
    // Signed as it reads, sent encoded: the venue refuses since 2026-01-15.
    let answer = signed_by_hand(&mut venue, &encoded, "", &hmac().sign(&plain), Some(HMAC_KEY));
    assert_eq!(answer.refusal().1, -1022);
}

#[test]
fn unknown_keys_are_unauthorized() {
    let mut venue = Venue::new();
    let query = order(&venue).to_query();
    let signature = hmac().sign(&query);
    let unknown = signed_by_hand(&mut venue, &query, "", &signature, Some("nobody"));
    let text = "Invalid API-key, IP, or permissions for action.";
    assert_eq!(unknown.refusal(), (401, -2015, text));
    for key in [None, Some("")] {
        let missing = signed_by_hand(&mut venue, &query, "", &signature, key);
        assert_eq!(missing.refusal(), (401, -2014, "API-key format invalid."));
    }
}

fn at(venue: &mut Venue, timestamp: i64, recv_window: Option<&str>) -> Answer {
    let mut params = Params::new().with("timestamp", timestamp);
    if let Some(window) = recv_window {
        params.push("recvWindow", window);
    }
    let query = params.to_query();
    let signature = hmac().sign(&query);
    let mut request = venue.plain(Method::Get, ACCOUNT, &format!("{query}&signature={signature}"));
    request.api_key = Some(HMAC_KEY.to_owned());
    venue.request(&request)
}

#[test]
fn a_timestamp_counts_up_to_its_bounds_and_not_beyond() {
    let mut venue = Venue::new();
    let now = venue.now.as_millis();
    let (late, early) = (
        "Timestamp for this request is outside of the recvWindow.",
        "Timestamp for this request was 1000ms ahead of the server's time.",
    );
    // Default window: 5000 ms.
    at(&mut venue, now - 5_000, None).ok();
    assert_eq!(at(&mut venue, now - 5_001, None).refusal(), (400, -1021, late));
    at(&mut venue, now + 999, None).ok();
    assert_eq!(at(&mut venue, now + 1_000, None).refusal(), (400, -1021, early));
    at(&mut venue, now - 60_000, Some("60000")).ok();
    assert_eq!(at(&mut venue, now - 60_001, Some("60000")).refusal().1, -1021);
    assert_eq!(at(&mut venue, now, Some("60000.001")).refusal().1, -1131);
    at(&mut venue, now - 1, Some("1")).ok();
    assert_eq!(at(&mut venue, now - 2, Some("1")).refusal().1, -1021);
    // Microseconds, with three places in the window.
    let micros = now * 1_000;
    at(&mut venue, micros - 1_500, Some("1.5")).ok();
    assert_eq!(at(&mut venue, micros - 1_501, Some("1.5")).refusal().1, -1021);
    at(&mut venue, micros + 999_999, None).ok();
    assert_eq!(at(&mut venue, micros + 1_000_000, None).refusal().1, -1021);
}

#[test]
fn malformed_requests_get_the_documented_errors() {
    let mut venue = Venue::new();
    let missing = "Mandatory parameter 'timestamp' was not sent, was empty/null, or malformed.";
    let query = "recvWindow=5000";
    let mut request = venue.plain(
        Method::Get,
        ACCOUNT,
        &format!("{query}&signature={}", hmac().sign(query)),
    );
    request.api_key = Some(HMAC_KEY.to_owned());
    assert_eq!(venue.request(&request).refusal(), (400, -1102, missing));
    request.raw_query = format!("timestamp={}", venue.now.as_millis());
    let unsigned = "Mandatory parameter 'signature' was not sent, was empty/null, or malformed.";
    assert_eq!(venue.request(&request).refusal(), (400, -1102, unsigned));
    let cases = [
        (
            "/api/v3/depth",
            -1102,
            "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.",
        ),
        ("/api/v3/depth?symbol=XYZUSDT", -1121, "Invalid symbol."),
        (
            "/api/v3/depth?symbol=BTCUSDT&limit=0",
            -1130,
            "Data sent for parameter 'limit' is not valid.",
        ),
        (
            "/api/v3/depth?symbol=BTCUSDT&limit=ten",
            -1100,
            "Illegal characters found in parameter 'limit'; legal range is '^[0-9]{1,20}$'.",
        ),
        (
            "/api/v3/depth?symbol=BTCUSDT&symbol=ETHUSDT",
            -1101,
            "Duplicate values for a parameter detected.",
        ),
        (
            "/api/v3/depth?symbol=%FF",
            -1100,
            "Illegal characters found in a parameter.",
        ),
        (
            "/api/v3/ticker/price?symbols=[\"BTCUSDT\",\"BTCUSDT\"]",
            -1151,
            "Symbol is present multiple times in the list.",
        ),
        (
            "/api/v3/ticker/price?symbols=[]",
            -1105,
            "Parameter 'symbols' was empty.",
        ),
        (
            "/api/v3/ticker/price?symbols=[\"BTCUSDT\"]&symbol=BTCUSDT",
            -1128,
            "Combination of optional parameters invalid.",
        ),
    ];
    for (url, code, text) in cases {
        assert_eq!(venue.get(url).refusal(), (400, code, text), "{url}");
    }
    assert_eq!(venue.get("/api/v3/depth?symbol=btcusdt").refusal().1, -1100);
    assert_eq!(venue.get("/api/v1/ping").status, 404);
    let request = venue.plain(Method::Put, "/api/v3/depth", "");
    assert_eq!(venue.request(&request).status, 405);
}

#[test]
fn the_ws_api_signs_sorted_parameters_as_they_read() {
    let mut venue = Venue::new();
    let id = venue.open("/ws-api/v3");
    let good = venue.ws_signed(
        HMAC_KEY,
        &hmac(),
        Venue::limit_order("BUY", "60000", "0.001").with("newClientOrderId", "a/b:c"),
    );
    let reply = venue.ask(id, "order.test", good.clone());
    assert_eq!(reply["status"], 200, "{reply}");
    let mut wrong = good;
    wrong["price"] = json!("60001");
    let reply = venue.ask(id, "order.test", wrong);
    assert_eq!(
        (&reply["status"], &reply["error"]["code"]),
        (&json!(400), &json!(-1022))
    );
    let unknown = venue.ws_signed("nobody", &hmac(), Params::new());
    let reply = venue.ask(id, "account.status", unknown);
    assert_eq!(
        (&reply["status"], &reply["error"]["code"]),
        (&json!(401), &json!(-2015))
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_query_and_body_verify_as_sent_and_not_when_a_byte_differs(
        id in "[a-zA-Z0-9:/_.-]{1,36}", flips in any::<prop::sample::Index>(), split in 0_usize..6,
    ) {
        let mut venue = Venue::new();
        let params = order(&venue).with("newClientOrderId", id);
        let (mut query, mut body) = (Params::new(), Params::new());
        for (place, (name, value)) in params.iter().enumerate() {
            if place < split { query.push(name, value) } else { body.push(name, value) }
        }
        let (query, body) = (query.to_query(), body.to_query());
        let mut signature = hmac().sign(&format!("{query}{body}"));
        let answer = signed_by_hand(&mut venue, &query, &body, &signature, Some(HMAC_KEY));
        prop_assert_eq!(answer.status, 200);
        let place = flips.index(signature.len());
        let other = if &signature[place..=place] == "0" { "1" } else { "0" };
        signature.replace_range(place..=place, other);
        let answer = signed_by_hand(&mut venue, &query, &body, &signature, Some(HMAC_KEY));
        prop_assert_eq!(answer.refusal().1, -1022);
    }
}
