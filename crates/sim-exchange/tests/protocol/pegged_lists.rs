//! Pegged orders in lists and in place of others on the wire: the documented parameters of each (rest-api.md, "Order
//! lists", "Cancel an Existing Order and Send a New Order").

use keel_binance_wire::params::Params;
use keel_sim_exchange::protocol::Method;
use serde_json::{Value, json};

use crate::common::{HMAC_KEY, Venue, hmac};
use crate::ws_api::subscribe;

fn of(query: &str) -> Params {
    Params::parse(query).unwrap()
}

/// Level, from the best one, of a side of BTCUSDT's book.
fn level(venue: &mut Venue, side: &str, place: usize) -> Value {
    let depth = venue.get("/api/v3/depth?symbol=BTCUSDT&limit=5").ok();
    depth[side][place][0].clone()
}

/// A list's parameters; where its legs begin with these words, each is pegged to the second level of its own side.
fn list(kind: &str, pegged: &[&str]) -> Params {
    let fixed = match kind {
        "oco" => {
            "side=SELL&quantity=0.001&aboveType=LIMIT_MAKER&belowType=STOP_LOSS_LIMIT&belowStopPrice=60000\
             &belowTimeInForce=GTC"
        }
        "oto" => {
            "workingType=LIMIT&workingSide=BUY&workingQuantity=0.001&workingTimeInForce=GTC\
             &pendingType=LIMIT_MAKER&pendingSide=SELL&pendingQuantity=0.001"
        }
        "opo" => {
            "workingType=LIMIT&workingSide=BUY&workingQuantity=0.001&workingTimeInForce=GTC\
             &pendingType=LIMIT_MAKER&pendingSide=SELL"
        }
        "otoco" => {
            "workingType=LIMIT&workingSide=BUY&workingQuantity=0.001&workingTimeInForce=GTC&pendingSide=SELL\
             &pendingQuantity=0.001&pendingAboveType=LIMIT_MAKER&pendingBelowType=STOP_LOSS_LIMIT\
             &pendingBelowStopPrice=60000&pendingBelowTimeInForce=GTC"
        }
        _ => {
            "workingType=LIMIT&workingSide=BUY&workingQuantity=0.001&workingTimeInForce=GTC&pendingSide=SELL\
             &pendingAboveType=LIMIT_MAKER&pendingBelowType=STOP_LOSS_LIMIT&pendingBelowStopPrice=60000\
             &pendingBelowTimeInForce=GTC"
        }
    };
    let mut params = of(&format!("symbol=BTCUSDT&{fixed}"));
    for leg in pegged {
        params.push(&format!("{leg}PegPriceType"), "PRIMARY_PEG");
        params.push(&format!("{leg}PegOffsetType"), "PRICE_LEVEL");
        params.push(&format!("{leg}PegOffsetValue"), "1");
    }
    params
}

const LISTS: [(&str, &[&str]); 5] = [
    ("oco", &["above", "below"]),
    ("oto", &["working", "pending"]),
    ("opo", &["working", "pending"]),
    ("otoco", &["working", "pendingAbove", "pendingBelow"]),
    ("opoco", &["working", "pendingAbove", "pendingBelow"]),
];

#[test]
fn every_leg_of_every_list_takes_its_own_peg() {
    for (kind, legs) in LISTS {
        let mut venue = Venue::new();
        let events = venue.open("/ws-api/v3");
        subscribe(&mut venue, events);
        let (bid, ask) = (level(&mut venue, "bids", 1), level(&mut venue, "asks", 1));
        let placed = venue
            .signed(
                Method::Post,
                &format!("/api/v3/orderList/{kind}"),
                list(kind, legs),
            )
            .ok();
        let reports = placed["orderReports"].as_array().unwrap();
        assert_eq!(reports.len(), legs.len(), "{kind}");
        for (report, leg) in reports.iter().zip(legs) {
            let told = ["pegPriceType", "pegOffsetType", "pegOffsetValue", "price"].map(|name| &report[name]);
            let expected = [
                &json!("PRIMARY_PEG"),
                &json!("PRICE_LEVEL"),
                &json!(1),
                &json!("0.00000000"),
            ];
            assert_eq!(told, expected, "{kind} {leg}");
            // Only what is in the book has its price.
            let taken = match *leg {
                "above" => Some(&ask),
                "working" => Some(&bid),
                _ => None,
            };
            assert_eq!(report.get("peggedPrice"), taken, "{kind} {leg}");
        }
        let told: Vec<Value> = venue
            .frames(events)
            .into_iter()
            .map(|frame| frame["event"].clone())
            .filter(|event| event["e"] == "executionReport")
            .collect();
        assert!(told.len() >= legs.len());
        assert!(
            told.iter()
                .all(|event| event["gP"] == "PRIMARY_PEG" && event["gOV"] == 1)
        );
    }
}

#[test]
fn the_ws_api_takes_them_too_and_one_leg_alone() {
    let mut venue = Venue::new();
    let id = venue.open("/ws-api/v3");
    for (kind, legs) in LISTS {
        let alone = legs[0];
        let mut params = list(kind, &[alone]);
        for other in &legs[1..] {
            let at = if other.ends_with("elow") { "59000" } else { "70000" };
            params.push(&format!("{other}Price"), at);
        }
        let params = venue.ws_signed(HMAC_KEY, &hmac(), params);
        let reply = venue.ask(id, &format!("orderList.place.{kind}"), params);
        assert_eq!(reply["status"], 200, "{kind} {reply}");
        let reports = reply["result"]["orderReports"].as_array().unwrap();
        let pegged: Vec<bool> = reports.iter().map(|r| r.get("pegPriceType").is_some()).collect();
        assert_eq!(
            pegged.iter().filter(|pegged| **pegged).count(),
            1,
            "{kind} {reply}"
        );
        assert!(pegged[0]);
    }
}

#[test]
fn a_leg_without_price_or_peg_and_pegs_that_do_not_fit_say_why() {
    let mut venue = Venue::new();
    for (kind, legs) in LISTS {
        let path = format!("/api/v3/orderList/{kind}");
        // The last leg has neither.
        let answer = venue.signed(Method::Post, &path, list(kind, &legs[..legs.len() - 1]));
        let missing = format!("{}Price", legs[legs.len() - 1]);
        assert_eq!(answer.refusal().1, -1102);
        assert!(answer.refusal().2.contains(&missing), "{}", answer.body);
        for (name, value, code) in [
            ("PegPriceType", "BEST", -1210),
            ("PegOffsetType", "TICKS", -1211),
            ("PegOffsetValue", "101", -1130),
        ] {
            let mut params = Params::new();
            params.push(&format!("{}{name}", legs[0]), value);
            // What is named already stays.
            params.merge(list(kind, legs));
            let answer = venue.signed(Method::Post, &path, params);
            assert_eq!(answer.refusal().1, code, "{kind} {name}");
        }
    }
    let stop = "symbol=BTCUSDT&side=SELL&quantity=0.001&aboveType=LIMIT_MAKER&abovePrice=70000\
                &belowType=STOP_LOSS&belowStopPrice=60000&belowPegPriceType=PRIMARY_PEG";
    let answer = venue.signed(Method::Post, "/api/v3/orderList/oco", of(stop));
    assert_eq!(
        answer.refusal(),
        (400, -2010, "This order type may not use pegged price.")
    );
}

#[test]
fn an_order_is_replaced_by_a_pegged_one_or_only_canceled_where_the_book_is_too_thin() {
    let mut venue = Venue::new();
    let mut replace = |rest: &str| {
        let order = Venue::limit_order("BUY", "60000", "0.001");
        let first = venue.signed(Method::Post, "/api/v3/order", order).ok();
        let query = format!(
            "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.001&pegPriceType=PRIMARY_PEG\
             &cancelReplaceMode=STOP_ON_FAILURE&cancelOrderId={}{rest}",
            first["orderId"]
        );
        let best = level(&mut venue, "bids", 0);
        let answer = venue.signed(Method::Post, "/api/v3/order/cancelReplace", of(&query));
        (answer, best)
    };
    let (answer, best) = replace("");
    let data = answer.ok();
    let new = &data["newOrderResponse"];
    assert_eq!(
        (&new["pegPriceType"], &new["peggedPrice"], &new["price"]),
        (&json!("PRIMARY_PEG"), &best, &json!("0.00000000"))
    );
    let (answer, _) = replace("&pegOffsetType=PRICE_LEVEL&pegOffsetValue=100");
    assert_eq!(
        answer.refusal(),
        (409, -2021, "Order cancel-replace partially failed.")
    );
    let data = &answer.body["data"];
    assert_eq!(
        (&data["cancelResult"], &data["newOrderResult"]),
        (&json!("SUCCESS"), &json!("FAILURE"))
    );
    assert_eq!(
        data["newOrderResponse"],
        json!({ "code": -2010, "msg": "Order book liquidity is too low for this pegged order." })
    );
}
