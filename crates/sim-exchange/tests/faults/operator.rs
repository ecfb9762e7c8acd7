//! The operator's surface.

use keel_sim_exchange::protocol::Method;

use crate::venue::{REST, Venue, code_of};

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
