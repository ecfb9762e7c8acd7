//! Unfilled orders of an account (rest-api.md, "Unfilled Order Count"; faqs/order_count_decrement.md).

use keel_binance_wire::params::Params;
use keel_sim_exchange::protocol::{Limits, Method};
use serde_json::{Value, json};

use crate::common::{Answer, Venue};
use crate::limits::{place, small};

const ORDER: &str = "/api/v3/order";

fn counts(answer: &Answer) -> [&str; 2] {
    ["x-mbx-order-count-10s", "x-mbx-order-count-1d"].map(|name| answer.headers[name].as_str())
}

#[test]
fn unfilled_orders_are_counted_by_account_in_ten_seconds_and_a_day() {
    let mut venue = Venue::with_limits(Limits {
        request_weight_1m: 6_000,
        ..small()
    });
    for n in ["1", "2", "3"] {
        let placed = place(&mut venue, "60000");
        assert_eq!(counts(&placed), [n, n]);
    }
    venue.wait_millis(4_000);
    let refused = place(&mut venue, "60000");
    let text = "Too many new orders; current limit is 3 orders per 10 SECOND.";
    assert_eq!(refused.refusal(), (429, -1015, text));
    assert_eq!(refused.headers["retry-after"], "6");
    venue.wait_millis(6_000);
    assert_eq!(counts(&place(&mut venue, "60000")), ["1", "4"]);
    assert_eq!(counts(&place(&mut venue, "60000")), ["2", "5"]);
    let refused = place(&mut venue, "60000");
    let text = "Too many new orders; current limit is 5 orders per 1 DAY.";
    assert_eq!(refused.refusal(), (429, -1015, text));
    let told = venue
        .signed(Method::Get, "/api/v3/rateLimit/order", Params::new())
        .ok();
    assert_eq!((&told[0]["count"], &told[1]["count"]), (&json!(2), &json!(5)));
    assert_eq!((&told[0]["limit"], &told[1]["limit"]), (&json!(3), &json!(5)));
}

#[test]
fn an_order_leaves_the_count_with_its_first_fill_and_only_then() {
    let mut venue = Venue::new();
    let resting = place(&mut venue, "60000");
    assert_eq!(counts(&resting), ["1", "1"]);
    // It takes at once: counted, and off again by its first fill.
    let taken = venue.signed(Method::Post, ORDER, Venue::market_order("BUY", "0.001"));
    assert_eq!(taken.body["status"], "FILLED");
    let told = venue
        .signed(Method::Get, "/api/v3/rateLimit/order", Params::new())
        .ok();
    assert_eq!(told[0]["count"], 1);
    // Several fills take it off once.
    let big = venue.signed(Method::Post, ORDER, Venue::market_order("BUY", "1.2"));
    assert!(big.body["fills"].as_array().unwrap().len() > 1, "{}", big.body);
    let told = venue
        .signed(Method::Get, "/api/v3/rateLimit/order", Params::new())
        .ok();
    assert_eq!(told[0]["count"], 1);
    let rejected = place(&mut venue, "0.001");
    assert!(!rejected.headers.contains_key("x-mbx-order-count-10s"));
}

fn replace(venue: &mut Venue, cancel: &str, more: &[(&str, &str)]) -> Answer {
    let mut params = Venue::limit_order("BUY", "60000", "0.001")
        .with("cancelReplaceMode", "STOP_ON_FAILURE")
        .with("cancelOrigClientOrderId", cancel);
    more.iter().for_each(|(name, value)| params.push(name, value));
    venue.signed(Method::Post, "/api/v3/order/cancelReplace", params)
}

fn told(venue: &mut Venue) -> Value {
    let told = venue
        .signed(Method::Get, "/api/v3/rateLimit/order", Params::new())
        .ok();
    told[0]["count"].clone()
}

#[test]
fn a_cancel_replace_counts_as_one_order_also_when_it_was_not_attempted() {
    let mut venue = Venue::new();
    let order = Venue::limit_order("BUY", "60000", "0.001").with("newClientOrderId", "one");
    venue.signed(Method::Post, ORDER, order).ok();
    let replaced = replace(&mut venue, "one", &[]);
    assert_eq!(counts(&replaced), ["2", "2"]);
    let failed = replace(&mut venue, "one", &[]);
    assert_eq!(failed.refusal(), (400, -2022, "Order cancel-replace failed."));
    assert_eq!(failed.body["data"]["newOrderResult"], "NOT_ATTEMPTED");
    assert_eq!(told(&mut venue), 3);
    // One that cannot be read counts nothing.
    assert_eq!(
        replace(&mut venue, "one", &[("newOrderRespType", "ALL")]).status,
        400
    );
    assert_eq!(told(&mut venue), 3);
}

#[test]
fn over_the_count_a_cancel_replace_does_nothing_or_cancels_only() {
    let mut venue = Venue::with_limits(Limits {
        orders_10s: 1,
        ..Limits::default()
    });
    let order = Venue::limit_order("BUY", "60000", "0.001").with("newClientOrderId", "one");
    venue.signed(Method::Post, ORDER, order).ok();
    let too_many = "Too many new orders; current limit is 1 orders per 10 SECOND.";
    for more in [&[][..], &[("orderRateLimitExceededMode", "DO_NOTHING")]] {
        let refused = replace(&mut venue, "one", more);
        assert_eq!(refused.refusal(), (429, -1015, too_many));
        assert_eq!(refused.headers["retry-after"], "10");
    }
    let cancel_only = [("orderRateLimitExceededMode", "CANCEL_ONLY")];
    let partial = replace(&mut venue, "one", &cancel_only);
    assert_eq!(
        partial.refusal(),
        (409, -2021, "Order cancel-replace partially failed.")
    );
    let data = &partial.body["data"];
    assert_eq!(
        (&data["cancelResult"], &data["newOrderResult"]),
        (&json!("SUCCESS"), &json!("FAILURE"))
    );
    assert_eq!(data["cancelResponse"]["status"], "CANCELED");
    assert_eq!(
        data["newOrderResponse"],
        json!({ "code": -1015, "msg": too_many })
    );
    let failed = replace(&mut venue, "one", &cancel_only);
    assert_eq!(failed.refusal().1, -2022);
    assert_eq!(failed.body["data"]["cancelResponse"]["code"], -2011);
    assert_eq!(told(&mut venue), 1);
}
