//! The documents' signing examples, byte for byte: rest-api.md "SIGNED Endpoint Examples", web-socket-api.md "SIGNED
//! request example", fix-api.md "Signature Computation". The documents publish the private key of the Ed25519 example for
//! FIX only, and none for RSA: there the payload that is signed is compared.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

use keel_binance_wire::params::{Params, signed_payload};
use keel_binance_wire::signing::{SigningKey, VerifyingKey};

const API_KEY: &str = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A";
const SECRET: &str = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";
const WIDE_SYMBOL: &str = "１２３４５６";

/// The REST example's order.
fn rest_order(symbol: &str) -> Params {
    Params::new()
        .with("symbol", symbol)
        .with("side", "BUY")
        .with("type", "LIMIT")
        .with("timeInForce", "GTC")
        .with("quantity", "1")
        .with("price", "0.1")
        .with("recvWindow", 5_000)
        .with("timestamp", 1_499_827_319_559_i64)
}

/// The WS API example's order, in the order in which the request shows it.
fn ws_order(
    symbol: &str,
    side: &str,
    quantity: &str,
    price: &str,
    recv_window: u32,
    api_key: &str,
) -> Params {
    Params::new()
        .with("symbol", symbol)
        .with("side", side)
        .with("type", "LIMIT")
        .with("timeInForce", "GTC")
        .with("quantity", quantity)
        .with("price", price)
        .with("recvWindow", recv_window)
        .with("timestamp", 1_645_423_376_532_i64)
        .with("apiKey", api_key)
}

#[test]
fn hmac_over_rest() {
    let key = SigningKey::hmac(SECRET);
    let ascii = rest_order("LTCBTC").to_query();
    assert_eq!(
        ascii,
        "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
    );
    assert_eq!(
        key.sign(&ascii),
        "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
    );
}

#[test]
fn hmac_over_rest_percent_encodes_before_signing() {
    let wide = rest_order(WIDE_SYMBOL).to_query();
    assert!(wide.starts_with("symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96&side=BUY"));
    assert_eq!(
        SigningKey::hmac(SECRET).sign(&wide),
        "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3"
    );
}

#[test]
fn hmac_over_the_ws_api_sorts_by_name_and_encodes_nothing() {
    let key = SigningKey::hmac(SECRET);
    let ascii = ws_order("BTCUSDT", "SELL", "0.01000000", "52000.00", 100, API_KEY)
        .with("signature", "is not signed");
    assert_eq!(
        key.sign(&ascii.to_ws_payload()),
        "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24"
    );
    let wide = ws_order(WIDE_SYMBOL, "BUY", "1.00000000", "0.10000000", 5_000, API_KEY).to_ws_payload();
    assert!(wide.contains("&symbol=１２３４５６&"));
    assert_eq!(
        key.sign(&wide),
        "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd"
    );
}

#[test]
fn rsa_and_ed25519_sign_the_documented_payloads() {
    let rest = Params::new()
        .with("symbol", WIDE_SYMBOL)
        .with("side", "SELL")
        .with("type", "LIMIT")
        .with("timeInForce", "GTC")
        .with("quantity", "1")
        .with("price", "0.2")
        .with("timestamp", 1_668_481_559_918_i64)
        .with("recvWindow", 5_000);
    assert_eq!(
        rest.to_query(),
        "symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1\
         &price=0.2&timestamp=1668481559918&recvWindow=5000"
    );
    let rsa_key = "CAvIjXy3F44yW6Pou5k8Dy1swsYDWJZLeoK2r8G4cFDnE9nosRppc2eKc1T8TRTQ";
    assert_eq!(
        ws_order("BTCUSDT", "SELL", "0.01000000", "52000.00", 100, rsa_key).to_ws_payload(),
        "apiKey=CAvIjXy3F44yW6Pou5k8Dy1swsYDWJZLeoK2r8G4cFDnE9nosRppc2eKc1T8TRTQ&price=52000.00&quantity=0.01000000\
         &recvWindow=100&side=SELL&symbol=BTCUSDT&timeInForce=GTC&timestamp=1645423376532&type=LIMIT"
    );
}

#[test]
fn a_base64_signature_is_percent_encoded_in_the_url_and_read_back() {
    let signature = "HaZnek7KOGa/k5+f6Q1nw8lzMUpo36mRVvvLHCMUCXxlmdQQGZge1luAUKnleD==";
    let query = rest_order("LTCBTC").with("signature", signature).to_query();
    assert!(
        query
            .ends_with("&signature=HaZnek7KOGa%2Fk5%2Bf6Q1nw8lzMUpo36mRVvvLHCMUCXxlmdQQGZge1luAUKnleD%3D%3D")
    );
    let (payload, read) = signed_payload(&query, "");
    assert_eq!(
        (payload, read.as_deref()),
        (rest_order("LTCBTC").to_query(), Some(signature))
    );
}

#[test]
fn query_and_body_are_joined_without_a_separator() {
    let query = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC";
    let body = "quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559&signature=0fd1";
    let (payload, signature) = signed_payload(query, body);
    assert_eq!(
        payload,
        "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTCquantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
    );
    assert_eq!(signature.as_deref(), Some("0fd1"));
    // The documents' figure for this mixed form, in their older editions too.
    assert_eq!(
        SigningKey::hmac(SECRET).sign(&payload),
        "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77"
    );
}

const ED25519_PEM: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIIJEYWtGBrhACmb9Dvy+qa8WEf0lQOl1s4CLIAB9m89u\n-----END PRIVATE KEY-----\n";

#[test]
fn ed25519_reproduces_the_documented_signature() {
    let key = SigningKey::ed25519_pem(ED25519_PEM).expect("the documents' key");
    let payload = ["A", "EXAMPLE", "SPOT", "1", "20240627-11:17:25.223"].join("\u{1}");
    assert_eq!(
        key.sign(&payload),
        "4MHXelVVcpkdwuLbl6n73HQUXUf1dse2PCgT1DYqW9w8AVZ1RACFGM+5UdlGPrQHrgtS3CvsRURC1oj73j8gCA=="
    );
}

#[test]
fn hex_signatures_verify_in_any_case_and_wrong_ones_do_not() {
    let payload = rest_order("LTCBTC").to_query();
    let key = VerifyingKey::hmac(SECRET);
    let signature = SigningKey::hmac(SECRET).sign(&payload);
    assert!(key.verify(&payload, &signature));
    assert!(key.verify(&payload, &signature.to_uppercase()));
    for wrong in ["", "00", "zz", &signature[1..], &signature.replace('c', "d")] {
        assert!(!key.verify(&payload, wrong), "{wrong}");
    }
    assert!(!VerifyingKey::hmac("another").verify(&payload, &signature));
    assert!(!key.may_log_on());
}

#[test]
fn a_secret_is_never_shown_and_a_wrong_key_is_an_error() {
    assert!(SigningKey::ed25519_pem("not a key").is_err());
    assert!(
        VerifyingKey::public_pem(ED25519_PEM).is_err(),
        "a private key is no public key"
    );
    for shown in [
        format!("{:?}", SigningKey::hmac(SECRET)),
        format!("{:?}", VerifyingKey::hmac(SECRET)),
    ] {
        assert!(shown.contains("REDACTED") && !shown.contains(SECRET));
    }
}
