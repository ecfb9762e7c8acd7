//! Lists of an account's past orders and trades, narrowed by times or ids (rest-api.md, "Account endpoints").

use keel_binance_wire::params::Params;
use keel_sim_exchange::protocol::Method;
use serde_json::Value;

use crate::common::Venue;

fn list(venue: &mut Venue, path: &str, rest: &str) -> Result<usize, i64> {
    let params = Params::parse(&format!("symbol=BTCUSDT{rest}")).unwrap();
    let answer = venue.signed(Method::Get, path, params);
    if answer.status == 200 {
        return Ok(answer.ok().as_array().map_or(0, Vec::len));
    }
    Err(answer.refusal().1)
}

/// An account that has bought once, and when, by the venue.
fn traded() -> (Venue, i64) {
    let mut venue = Venue::new();
    let order = Venue::limit_order("BUY", "66000", "0.001");
    let placed: Value = venue.signed(Method::Post, "/api/v3/order", order).ok();
    assert_eq!(placed["status"], "FILLED", "{placed}");
    let at = placed["transactTime"].as_i64().unwrap();
    (venue, at)
}

#[test]
fn trades_are_narrowed_by_a_day_at_most_and_not_by_ids_as_well() {
    let (mut venue, _) = traded();
    for (rest, expected) in [
        ("", Ok(1)),
        ("&startTime=1&endTime=86400001", Ok(0)),
        ("&startTime=1&endTime=86400002", Err(-1127)),
        ("&startTime=1&orderId=1", Err(-1128)),
        ("&endTime=1&fromId=1", Err(-1128)),
        ("&fromId=0", Ok(1)),
    ] {
        assert_eq!(list(&mut venue, "/api/v3/myTrades", rest), expected, "{rest}");
    }
}

#[test]
fn times_may_be_told_in_microseconds_too() {
    let (mut venue, at) = traded();
    for path in ["/api/v3/myTrades", "/api/v3/allOrders"] {
        for (start, expected) in [(at, 1), (at + 1, 0)] {
            let ms = format!("&startTime={start}");
            assert_eq!(list(&mut venue, path, &ms), Ok(expected), "{path} {ms}");
            let us = format!("&startTime={start}000");
            assert_eq!(list(&mut venue, path, &us), Ok(expected), "{path} {us}");
        }
    }
}
