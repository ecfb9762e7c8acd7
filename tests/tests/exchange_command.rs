//! `paper-sim exchange` as it is started from a command line.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use keel_binance_wire::params::Params;
use keel_tests::{ANY_PORT, API_KEY, API_SECRET, Exchange, OTHER_ACCOUNT, Process, binary};
use serde_json::{Value, json};

const OWN: (&str, &str) = (API_KEY, API_SECRET);
const SECOND: (&str, &str) = ("second-key", "second-secret");

/// An order of BTCUSDT; with a price it rests, without one it trades at once.
fn order(price: Option<&str>) -> Params {
    let order = Params::new()
        .with("symbol", "BTCUSDT")
        .with("side", "BUY")
        .with("quantity", "0.01");
    match price {
        Some(price) => order
            .with("type", "LIMIT")
            .with("timeInForce", "GTC")
            .with("price", price),
        None => order.with("type", "MARKET"),
    }
}

fn place(exchange: &Exchange, key: (&str, &str), price: Option<&str>) -> Value {
    exchange.signed("POST", "/api/v3/order", order(price), key)
}

fn open_orders(exchange: &Exchange, key: (&str, &str)) -> Value {
    let asked = Params::new().with("symbol", "BTCUSDT");
    exchange.signed("GET", "/api/v3/openOrders", asked, key)
}

fn balance(exchange: &Exchange, key: (&str, &str), asset: &str) -> Option<String> {
    let account = exchange.signed("GET", "/api/v3/account", Params::new(), key);
    let mut balances = account["balances"].as_array().unwrap().iter();
    let found = balances.find(|balance| balance["asset"] == asset)?;
    Some(found["free"].as_str().unwrap().to_owned())
}

#[test]
fn permissions_are_of_the_key_that_they_name() {
    let exchange = Exchange::start_with(31, &["--permissions", "test-key=reading,futures"]);
    let restrictions = |key| exchange.signed("GET", "/sapi/v1/account/apiRestrictions", Params::new(), key);
    let told = |answer: &Value| {
        [
            "ipRestrict",
            "enableReading",
            "enableSpotAndMarginTrading",
            "enableFutures",
        ]
        .map(|name| answer[name] == true)
    };
    assert_eq!(told(&restrictions(OWN)), [false, true, false, true]);
    assert_eq!(told(&restrictions(OTHER_ACCOUNT)), [true, true, true, false]);
    assert_eq!(place(&exchange, OWN, Some("50000"))["code"], -2015);
    assert_eq!(place(&exchange, OTHER_ACCOUNT, Some("50000"))["status"], "NEW");
}

/// Asks one question after the other on one connection. The codes of the refusals.
fn refusals(method: &reqwest::Method, urls: impl Iterator<Item = String>) -> BTreeSet<i64> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let _already_there = rustls::crypto::ring::default_provider().install_default();
    runtime.block_on(async {
        let client = reqwest::Client::new();
        let mut codes = BTreeSet::new();
        for url in urls {
            let request = client
                .request(method.clone(), url)
                .header("X-MBX-APIKEY", API_KEY);
            let answer = request.send().await.unwrap().text().await.unwrap();
            let answer: Value = serde_json::from_str(&answer).unwrap();
            codes.extend(answer["code"].as_i64());
        }
        codes
    })
}

#[test]
fn without_limits_a_client_may_ask_and_order_as_often_as_it_likes() {
    // More than the venue takes in two windows: 100 unfilled orders in ten seconds, 75 questions of weight 80 in a minute.
    for (limits, is_limited) in [("venue", true), ("off", false)] {
        let exchange = Exchange::start_with(32, &["--limits", limits]);
        let orders = (0..230).map(|_| exchange.signed_url("/api/v3/order", order(Some("50000")), API_SECRET));
        let codes = refusals(&reqwest::Method::POST, orders);
        assert_eq!(codes.contains(&-1015), is_limited, "{limits}: {codes:?}");
        let questions = (0..160).map(|_| format!("{}/api/v3/ticker/24hr", exchange.rest_url));
        let codes = refusals(&reqwest::Method::GET, questions);
        assert_eq!(codes.contains(&-1003), is_limited, "{limits}: {codes:?}");
    }
}

#[test]
fn fees_are_paid_in_bnb_while_it_lasts() {
    let exchange = Exchange::start_with(33, &["--bnb-fees", "0.0009"]);
    for key in [OWN, OTHER_ACCOUNT] {
        assert_eq!(balance(&exchange, key, "BNB").as_deref(), Some("0.00090000"));
    }
    let paid_in = |answer: &Value| {
        let fills = answer["fills"].as_array().unwrap().iter();
        fills
            .map(|fill| fill["commissionAsset"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    // About 0.65 USDT of fee at three quarters, at some 600 USDT for a BNB: 0.0008 BNB, once.
    let first = paid_in(&place(&exchange, OWN, None));
    assert!(first.iter().all(|asset| asset == "BNB"), "{first:?}");
    let second = paid_in(&place(&exchange, OWN, None));
    assert!(second.iter().any(|asset| asset == "BTC"), "{second:?}");
    assert_eq!(
        balance(&exchange, OTHER_ACCOUNT, "BNB").as_deref(),
        Some("0.00090000")
    );

    let without = Exchange::start(33);
    assert_eq!(balance(&without, OWN, "BNB"), None);
}

#[test]
fn accounts_have_money_and_orders_of_their_own() {
    let exchange = Exchange::start_with(34, &["--fund", "USDT=1000,BTC=2"]);
    let placed = place(&exchange, OWN, Some("50000"));
    assert_eq!(placed["status"], "NEW", "{placed}");
    assert_eq!(open_orders(&exchange, OWN).as_array().unwrap().len(), 1);
    assert_eq!(open_orders(&exchange, OTHER_ACCOUNT), json!([]));
    let usdt = [OWN, OTHER_ACCOUNT].map(|key| balance(&exchange, key, "USDT"));
    assert_eq!(
        usdt,
        ["500.00000000", "1000.00000000"].map(|free| Some(free.to_owned()))
    );
    let btc = [OWN, OTHER_ACCOUNT].map(|key| balance(&exchange, key, "BTC"));
    assert_eq!(
        btc,
        ["2.00000000", "2.00000000"].map(|free| Some(free.to_owned()))
    );
}

#[test]
fn keys_of_one_name_share_an_account_and_each_has_its_own_permissions() {
    let account = format!("{API_KEY}={}:{}", SECOND.0, SECOND.1);
    let permissions = format!("{}=reading", SECOND.0);
    let exchange = Exchange::start_with(35, &["--account", &account, "--permissions", &permissions]);
    let placed = place(&exchange, OWN, Some("50000"));
    assert_eq!(placed["status"], "NEW", "{placed}");
    let seen = open_orders(&exchange, SECOND);
    assert_eq!(seen[0]["orderId"], placed["orderId"], "the same account");
    assert_eq!(
        balance(&exchange, SECOND, "USDT").as_deref(),
        Some("99500.00000000")
    );
    assert_eq!(
        place(&exchange, SECOND, Some("50000"))["code"],
        -2015,
        "it only reads"
    );
    assert_eq!(
        open_orders(&exchange, OTHER_ACCOUNT),
        json!([]),
        "another account"
    );
    let with_the_others_secret = open_orders(&exchange, (SECOND.0, API_SECRET));
    assert_eq!(with_the_others_secret["code"], -1022);
}

fn refused(arguments: &[&str]) -> String {
    let mut command = Command::new(binary("paper-sim"));
    command.args(["exchange", "--listen", ANY_PORT]).args(arguments);
    let (code, said) = Process::start(&mut command).finish(Duration::from_secs(20));
    assert_eq!(code, Some(2), "{arguments:?}: {said}");
    said
}

#[test]
fn bad_values_end_with_2_and_name_place_and_remedy() {
    let account = ["--account", "a:canary-4f1b"];
    let cases: &[(&[&str], &[&str])] = &[
        (&["--account", "alone"], &["--account", "KEY:SECRET"]),
        (&["--account", "=k:canary-4f1b"], &["--account", "KEY:SECRET"]),
        (&["--account", "k:"], &["--account", "KEY:SECRET"]),
        (
            &["--account", "k:no/such.pem"],
            &["--account k", "no/such.pem", "PEM"],
        ),
        (&["--account", "b=a:canary-4f1b"], &["key a twice", "NAME="]),
        (&["--permissions", "a"], &["--permissions", "KEY=reading"]),
        (
            &["--permissions", "b=reading"],
            &["--permissions names b", "--account"],
        ),
        (
            &["--permissions", "a=flying"],
            &["--permissions a=flying", "spot_trading"],
        ),
        (
            &["--permissions", "a=reading", "--permissions", "a=margin"],
            &["a twice", "at once"],
        ),
        (&["--limits", "some"], &["--limits", "venue, off"]),
        (&["--bnb-fees", "much"], &["--bnb-fees", "much"]),
        (&["--bnb-fees=-1"], &["--bnb-fees -1", "less than nothing"]),
        (&["--fund", "USDT"], &["--fund", "USDT=100000"]),
        (&["--fund", "USDT=lots"], &["--fund USDT=lots", "USDT=100000"]),
        (&["--fund", "USDT=-1"], &["--fund USDT=-1", "less than nothing"]),
    ];
    for (arguments, told) in cases {
        let said = refused(&[&account, *arguments].concat());
        for part in *told {
            assert!(said.contains(part), "{arguments:?} without {part:?}: {said}");
        }
        assert!(!said.contains("canary-4f1b"), "a secret is repeated: {said}");
    }
}

#[test]
fn the_help_says_how_keys_share_an_account() {
    let mut command = Command::new(binary("paper-sim"));
    let output = command.args(["exchange", "--help"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(help.contains("--account <[NAME=]KEY:SECRET>"), "{help}");
    assert!(help.contains("same NAME are keys of one account"), "{help}");
}
