//! The operator's surface.

use keel_sim_exchange::protocol::Method;

use crate::venue::{REST, Venue, code_of, json_of};

#[test]
fn the_operator_adds_lists_and_takes_out_rules_while_running() {
    let mut venue = Venue::new("");
    let body = r#"{"rule": [{"id": "x", "request": "POST /api/v3/order", "action": "status", "status": 504, "probability": 1.0}]}"#;
    let (status, shown) = venue.keel(Method::Post, "/keel/faults", body);
    assert_eq!((status, &shown["rules"][0]["id"]), (200, &"x".into()));
    assert_eq!(
        venue.keel(Method::Post, "/keel/faults", body).0,
        400,
        "the name is taken"
    );
    assert_eq!(venue.place(REST, "a-1").response.status, 504);
    let halt = "[[rule]]\nid = \"h\"\naction = \"symbol_status\"\nsymbol = \"BTCUSDT\"\nstatus = \"HALT\"";
    assert_eq!(venue.keel(Method::Post, "/keel/faults", halt).0, 200);
    assert_eq!(venue.keel(Method::Delete, "/keel/faults/x", "").0, 200);
    assert_eq!(code_of(&venue.place(REST, "a-2")), Some(-1013));
    assert_eq!(venue.keel(Method::Delete, "/keel/faults/h", "").0, 200);
    assert_eq!(
        venue.place(REST, "a-2").response.status,
        200,
        "what it set went back"
    );
    assert_eq!(venue.keel(Method::Delete, "/keel/faults/h", "").0, 404);
    let unknown = halt.replace("BTCUSDT", "XYZUSDT");
    let (status, shown) = venue.keel(Method::Post, "/keel/faults", &unknown);
    assert_eq!(
        (status, &shown["error"]),
        (400, &"rule `h`: the exchange has no XYZUSDT".into())
    );
    let weight = |venue: &mut Venue| venue.time().response.headers[0].1.parse::<u32>().unwrap();
    let before = weight(&mut venue);
    venue.keel(Method::Get, "/keel/faults", "");
    assert_eq!(
        weight(&mut venue),
        before + 1,
        "the operator's requests have no weight"
    );
}

#[test]
fn the_operator_sets_a_pairs_status() {
    let mut venue = Venue::new("");
    let path = "/keel/symbol/BTCUSDT/status";
    assert_eq!(venue.keel(Method::Post, path, r#"{"status":"HALT"}"#).0, 200);
    assert_eq!(code_of(&venue.place(REST, "a-1")), Some(-1013));
    assert_eq!(venue.keel(Method::Post, path, r#"{"status":"TRADING"}"#).0, 200);
    assert_eq!(venue.place(REST, "a-1").response.status, 200);
    assert_eq!(venue.keel(Method::Post, path, "nonsense").0, 400);
    assert_eq!(
        venue
            .keel(
                Method::Post,
                "/keel/symbol/XYZUSDT/status",
                r#"{"status":"HALT"}"#
            )
            .0,
        404
    );
    assert_eq!(venue.keel(Method::Get, "/keel/nothing", "").0, 404);
}

#[test]
fn the_operator_deposits_and_withdraws() {
    let mut venue = Venue::new("");
    let user = venue.user_stream();
    let (deposit, withdraw) = (
        "/keel/account/paper-key/deposit",
        "/keel/account/paper-key/withdraw",
    );
    let free = |venue: &mut Venue| {
        let account = venue.rest(Method::Get, "/api/v3/account", &[]);
        let balances = json_of(&account)["balances"].as_array().unwrap().clone();
        let usdt = balances
            .into_iter()
            .find(|balance| balance["asset"] == "USDT")
            .unwrap();
        usdt["free"].as_str().unwrap().to_owned()
    };
    let body = r#"{"asset":"USDT","amount":"250.5"}"#;
    assert_eq!(venue.keel(Method::Post, deposit, body).0, 200);
    assert_eq!(
        venue.user_events(user),
        ["balanceUpdate", "outboundAccountPosition"]
    );
    assert_eq!(free(&mut venue), "100250.50000000");
    assert_eq!(venue.keel(Method::Post, withdraw, body).0, 200);
    assert_eq!(free(&mut venue), "100000.00000000");
    for (path, body, status) in [
        (withdraw, r#"{"asset":"USDT","amount":"100000.01"}"#, 400),
        (deposit, r#"{"asset":"USDT","amount":"-1"}"#, 400),
        (deposit, r#"{"asset":"USDT","amount":"1e999"}"#, 400),
        (deposit, r#"{"asset":"USDT","amount":"1000000000000.1"}"#, 400),
        (deposit, "nonsense", 400),
        ("/keel/account/nobody/deposit", body, 404),
    ] {
        assert_eq!(venue.keel(Method::Post, path, body).0, status, "{path} {body}");
    }
    assert_eq!(free(&mut venue), "100000.00000000");
}
