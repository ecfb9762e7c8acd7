//! A fill that comes just before the cancel of its order.

use std::time::Duration;

use keel_domain::{InstrumentStatus, Money, OrdType, Side, TimeInForce, Timestamp};
use keel_sim_exchange::core::{
    AccountConfig, Exchange, ExchangeConfig, NewOrder, OrderOptions, OrderRef, Quantity,
};
use keel_sim_exchange::protocol::{Method, Served};
use serde_json::{Value, json};

use crate::venue::{Venue, code_of, json_of};

const FILLS: &str = "[[rule]]\nid = \"f\"\naction = \"fill_before_cancel\"\n";

/// The best price of a side of BTCUSDT's book.
fn best(venue: &Venue, side: Side) -> String {
    let exchange = venue.protocol.exchange();
    let best = exchange.best("BTCUSDT".parse().unwrap(), side);
    best.unwrap().price.to_string()
}

/// Places an order that joins the best price of its side.
fn join(venue: &mut Venue, side: &str, id: &str, rest: &[(&str, &str)]) {
    let at = best(venue, if side == "BUY" { Side::Buy } else { Side::Sell });
    let order = [
        &[
            ("symbol", "BTCUSDT"),
            ("side", side),
            ("type", "LIMIT"),
            ("timeInForce", "GTC"),
            ("quantity", "0.01"),
            ("price", at.as_str()),
        ],
        rest,
    ]
    .concat();
    let placed = venue.place(&order, id);
    assert_eq!(json_of(&placed)["status"], "NEW");
}

fn named(id: &str) -> [(&str, &str); 2] {
    [("symbol", "BTCUSDT"), ("origClientOrderId", id)]
}

fn cancel(venue: &mut Venue, id: &str) -> Served {
    venue.rest(Method::Delete, "/api/v3/order", &named(id))
}

fn status(venue: &mut Venue, id: &str) -> Value {
    json_of(&venue.query(id))["status"].clone()
}

#[test]
fn f3_a_cancel_is_answered_unknown_order_because_the_order_has_just_filled() {
    for (side, rest) in [
        ("BUY", &[][..]),
        ("SELL", &[]),
        ("BUY", &[("icebergQty", "0.001")]),
    ] {
        let mut venue = Venue::new(FILLS);
        let totals = venue.protocol.exchange().totals();
        join(&mut venue, side, "a-1", rest);
        let answer = cancel(&mut venue, "a-1");
        assert_eq!(
            (answer.response.status, json_of(&answer)),
            (400, json!({ "code": -2011, "msg": "Unknown order sent." }))
        );
        let order = json_of(&venue.query("a-1"));
        assert_eq!(
            (&order["status"], &order["executedQty"]),
            (&json!("FILLED"), &json!("0.01000000"))
        );
        let trades = venue.rest(Method::Get, "/api/v3/myTrades", &[("symbol", "BTCUSDT")]);
        let trades = json_of(&trades);
        let trades = trades.as_array().unwrap();
        assert!(!trades.is_empty() && trades.iter().all(|trade| trade["isMaker"] == true));
        assert_eq!(venue.fired(), [("f".to_owned(), 1)]);
        assert_eq!(venue.protocol.exchange().totals(), totals);
    }
}

#[test]
fn f3_the_fill_is_told_before_the_answer_or_with_a_delay_after_it() {
    let late = "[[rule]]\nevent = \"executionReport\"\naction = \"delay\"\nms = 300\nnth = 2\n";
    for (rules, expected) in [
        (FILLS.to_owned(), ["TRADE", "-2011"]),
        (format!("{FILLS}{late}"), ["-2011", "TRADE"]),
    ] {
        let mut venue = Venue::new(&rules);
        let user = venue.user_stream();
        join(&mut venue, "BUY", "a-1", &[]);
        venue.frames(user);
        venue.ws(user, "order.cancel", &named("a-1"));
        venue.pass(Duration::from_millis(400));
        let told: Vec<String> = venue
            .frames(user)
            .iter()
            .filter_map(|frame| {
                let code = frame["error"]["code"].as_i64().map(|code| code.to_string());
                code.or_else(|| frame["event"]["x"].as_str().map(str::to_owned))
            })
            .collect();
        assert_eq!(told, expected);
    }
}

#[test]
fn f3_a_replacement_fails_with_its_cancel_and_is_placed_only_where_failure_is_allowed() {
    for (mode, status, code, placed) in [
        ("STOP_ON_FAILURE", 400, -2022, "NOT_ATTEMPTED"),
        ("ALLOW_FAILURE", 409, -2021, "SUCCESS"),
    ] {
        let mut venue = Venue::new(FILLS);
        join(&mut venue, "BUY", "a-1", &[]);
        let request = [
            ("symbol", "BTCUSDT"),
            ("side", "BUY"),
            ("type", "LIMIT"),
            ("timeInForce", "GTC"),
            ("quantity", "0.001"),
            ("price", "60000"),
            ("cancelReplaceMode", mode),
            ("cancelOrigClientOrderId", "a-1"),
            ("newClientOrderId", "a-2"),
        ];
        let answer = venue.rest(Method::Post, "/api/v3/order/cancelReplace", &request);
        assert_eq!((answer.response.status, code_of(&answer)), (status, Some(code)));
        let data = &json_of(&answer)["data"];
        assert_eq!(
            (&data["cancelResult"], &data["newOrderResult"]),
            (&json!("FAILURE"), &json!(placed))
        );
        assert_eq!(data["cancelResponse"]["code"], -2011);
        assert_eq!(venue.exists("a-2"), placed == "SUCCESS");
    }
}

#[test]
fn only_what_stands_before_the_order_is_filled_with_it() {
    let mut venue = Venue::new(FILLS);
    join(&mut venue, "BUY", "before", &[]);
    join(&mut venue, "BUY", "it", &[]);
    join(&mut venue, "BUY", "behind", &[]);
    cancel(&mut venue, "it");
    assert_eq!(
        ["before", "it", "behind"].map(|id| status(&mut venue, id)),
        ["FILLED", "FILLED", "NEW"]
    );
}

#[test]
fn orders_that_do_not_rest_in_a_book_that_trades_are_canceled_as_ever() {
    let mut venue = Venue::new(FILLS);
    let stop = [
        ("symbol", "BTCUSDT"),
        ("side", "SELL"),
        ("type", "STOP_LOSS"),
        ("quantity", "0.01"),
        ("stopPrice", "50000"),
    ];
    venue.place(&stop, "stop");
    assert_eq!(cancel(&mut venue, "stop").response.status, 200);
    // Ended and unknown ones.
    for id in ["stop", "nobody"] {
        assert_eq!(code_of(&cancel(&mut venue, id)), Some(-2011));
    }
    join(&mut venue, "BUY", "halted", &[]);
    let halt = r#"{"status":"CANCEL_ONLY"}"#;
    assert_eq!(
        venue.keel(Method::Post, "/keel/symbol/BTCUSDT/status", halt).0,
        200
    );
    assert_eq!(cancel(&mut venue, "halted").response.status, 200);
    assert_eq!(status(&mut venue, "halted"), "CANCELED");
    assert_eq!(venue.fired(), [("f".to_owned(), 0)]);
}

#[test]
fn the_rule_chooses_orders_as_others_do_and_names_its_requests_where_told() {
    let mut venue = Venue::new(&format!("{FILLS}cl_ord_id = \"a-\"\nmax = 1\n"));
    for (id, ended) in [("b-1", "CANCELED"), ("a-1", "FILLED"), ("a-2", "CANCELED")] {
        join(&mut venue, "BUY", id, &[]);
        cancel(&mut venue, id);
        assert_eq!(status(&mut venue, id), ended, "{id}");
    }
    let mut venue = Venue::new(&format!("{FILLS}request = \"order.cancel\"\n"));
    join(&mut venue, "BUY", "a-1", &[]);
    assert_eq!(cancel(&mut venue, "a-1").response.status, 200);
}

#[test]
fn an_exchange_without_background_fills_nothing_on_command() {
    let mut config = ExchangeConfig::with_default_markets(1);
    config.has_background = false;
    config.accounts.push(AccountConfig {
        funds: vec![("USDT".parse().unwrap(), Money::from(100_000))],
        ..AccountConfig::default()
    });
    let now = Timestamp::from_millis(1_700_000_000_000);
    let mut exchange = Exchange::new(config, now).unwrap();
    let (account, symbol) = (exchange.account(0).unwrap(), "BTCUSDT".parse().unwrap());
    let order = NewOrder {
        symbol,
        side: Side::Buy,
        ord_type: OrdType::Limit {
            price: "60000".parse().unwrap(),
            time_in_force: TimeInForce::Gtc,
        },
        quantity: Quantity::Base("0.01".parse().unwrap()),
        cl_ord_id: None,
        options: OrderOptions::default(),
    };
    let id = exchange.place(now, account, order).unwrap();
    assert!(exchange.is_fillable(id));
    exchange.fill_resting(now, id);
    let found = exchange.order(account, symbol, OrderRef::OrderId(id)).unwrap();
    assert!(found.cum_qty.is_zero());
    let mut halted = exchange.instrument(symbol).unwrap().clone();
    halted.status = InstrumentStatus::Halt;
    exchange.replace_instrument(halted).unwrap();
    assert!(!exchange.is_fillable(id));
}
