//! Several keys: RSA signatures, and what each key may do (faqs/api_key_types.md, "Request Security").

use crate::common::{Answer, ED25519_KEY, HMAC_KEY, READ_ONLY_KEY, RSA_KEY, START, Venue, ed25519, hmac};
use keel_binance_wire::params::Params;
use keel_binance_wire::signing::SigningKey;
use keel_sim_exchange::protocol::{KeyPermissions, Method};
use serde_json::json;

/// Of `timestamp=1700000100000`, by OpenSSL with the RSA key's private half.
const RSA_SIGNATURE: &str = concat!(
    "e2xmedD97wZhfn5oXZvqxPmFFydei6yQ78W0HFGEfczXU14C/lh6728ACOD+h+lXpfKsYHzcm16kxtzdfw9IoWwJfWShfLeN",
    "8bNMiRgJSn/dZHyD2cADNnhVv6TIFlJ1tSX9en3+Q6bI12xo2pRDzlzRTeR1aH5QKp7Q0AHxPdQ7MGCgHmvdDhDGFMc+GJz9",
    "gl+hwGXz4VMZ3cg6dtLagKysCZTWOYd+sThM5yhcr9LWfgsV60Gd0xCll8HfObeY9KziS6Crq8KUFaXZhcafYn+baHDSxK/b",
    "uR4KxTs+/lW9Ien4tT3Hc8vctrDQNvTgZWe4o7FzLHYveUlYyZZnDw==",
);

fn account_by_rsa(venue: &mut Venue, signature: &str) -> Answer {
    let signature = Params::new().with("signature", signature).to_query();
    let query = format!("timestamp=1700000100000&{signature}");
    let mut request = venue.plain(Method::Get, "/api/v3/account", &query);
    request.api_key = Some(RSA_KEY.to_owned());
    venue.request(&request)
}

fn ask(venue: &mut Venue, method: Method, path: &str, key: (&str, &SigningKey), params: Params) -> Answer {
    let query = params.with("timestamp", venue.now.as_millis()).to_query();
    let signature = Params::new().with("signature", key.1.sign(&query)).to_query();
    let mut request = venue.plain(method, path, &format!("{query}&{signature}"));
    request.api_key = Some(key.0.to_owned());
    venue.request(&request)
}

#[test]
fn rsa_signatures_open_their_own_account() {
    let mut venue = Venue::new();
    assert_eq!(account_by_rsa(&mut venue, RSA_SIGNATURE).ok()["uid"], 1_000_002);
    for wrong in [
        RSA_SIGNATURE.to_lowercase(),
        RSA_SIGNATURE.replacen("e2", "e3", 1),
        "AAAA".to_owned(),
        "no base64".to_owned(),
    ] {
        assert_eq!(account_by_rsa(&mut venue, &wrong).refusal().1, -1022, "{wrong}");
    }
}

#[test]
fn a_key_without_trading_reads_and_does_not_trade() {
    let mut venue = Venue::new();
    let signer = ed25519();
    let key = (READ_ONLY_KEY, &signer);
    let account = ask(&mut venue, Method::Get, "/api/v3/account", key, Params::new());
    assert_eq!(account.ok()["uid"], 1_000_001);
    let order = || Venue::limit_order("BUY", "60000", "0.001");
    let cancel = || {
        Params::new()
            .with("symbol", "BTCUSDT")
            .with("origClientOrderId", "x")
    };
    for (method, path, params) in [
        (Method::Post, "/api/v3/order", order()),
        (Method::Post, "/api/v3/order/test", order()),
        (Method::Delete, "/api/v3/order", cancel()),
        (Method::Delete, "/api/v3/openOrders", cancel()),
    ] {
        let answer = ask(&mut venue, method, path, key, params);
        let text = "Invalid API-key, IP, or permissions for action.";
        assert_eq!(answer.refusal(), (401, -2015, text), "{path}");
    }
    let owner = (ED25519_KEY, &signer);
    ask(&mut venue, Method::Post, "/api/v3/order", owner, order()).ok();
}

#[test]
fn a_session_of_a_key_without_trading_does_not_trade_either() {
    let mut venue = Venue::new();
    let id = venue.open("/ws-api/v3");
    let params = venue.ws_signed(READ_ONLY_KEY, &ed25519(), Params::new());
    assert_eq!(venue.ask(id, "session.logon", params)["status"], 200);
    let now = venue.now.as_millis();
    let mut order = json!({ "timestamp": now });
    for (name, value) in Venue::limit_order("BUY", "60000", "0.001").iter() {
        order[name] = value.into();
    }
    let answer = venue.ask(id, "order.place", order);
    assert_eq!(
        (&answer["status"], &answer["error"]["code"]),
        (&json!(401), &json!(-2015))
    );
    let answer = venue.ask(id, "account.status", json!({ "timestamp": now }));
    assert_eq!(answer["status"], 200);
}

#[test]
fn a_key_is_told_what_it_may_do() {
    let mut venue = Venue::new();
    let path = "/sapi/v1/account/apiRestrictions";
    let usual = ask(&mut venue, Method::Get, path, (HMAC_KEY, &hmac()), Params::new()).ok();
    let flags = |answer: &serde_json::Value| {
        [
            "ipRestrict",
            "enableReading",
            "enableSpotAndMarginTrading",
            "enableWithdrawals",
        ]
        .map(|name| answer[name].as_bool().unwrap())
    };
    assert_eq!(flags(&usual), [true, true, true, false]);
    venue.wait_millis(5_000);
    let later = ask(&mut venue, Method::Get, path, (HMAC_KEY, &hmac()), Params::new()).ok();
    // When the key was made, not when it was asked for.
    assert_eq!(later["createTime"], START.as_millis());
    let other = ask(
        &mut venue,
        Method::Get,
        path,
        (READ_ONLY_KEY, &ed25519()),
        Params::new(),
    )
    .ok();
    assert_eq!(flags(&other), [false, true, false, true]);
}

#[test]
fn trade_fees_are_told_of_one_pair_or_of_all() {
    let mut venue = Venue::new();
    let path = "/sapi/v1/asset/tradeFee";
    let fee =
        |symbol: &str| json!({ "symbol": symbol, "makerCommission": "0.001", "takerCommission": "0.001" });
    let all = venue.signed(Method::Get, path, Params::new()).ok();
    assert_eq!(all, json!([fee("BTCUSDT"), fee("ETHUSDT")]));
    let one = Params::new().with("symbol", "ETHUSDT");
    assert_eq!(venue.signed(Method::Get, path, one).ok(), json!([fee("ETHUSDT")]));
    let none = Params::new().with("symbol", "XYZ");
    assert_eq!(venue.signed(Method::Get, path, none).refusal().1, -1121);
}

#[test]
fn every_permission_has_a_name() {
    let all = KeyPermissions::of_names(KeyPermissions::NAMES).unwrap();
    assert!(format!("{all:?}").matches("true").count() == KeyPermissions::NAMES.len());
    let error = KeyPermissions::of_names(["everything"]).unwrap_err();
    assert!(error.to_string().contains("spot_trading"));
}
