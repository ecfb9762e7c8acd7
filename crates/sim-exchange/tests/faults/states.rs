//! The venue as a whole goes wrong, and comes back.

use keel_sim_exchange::protocol::{Method, Outgoing, Reply};

use crate::venue::{CLIENT, REST, Venue, code_of, json_of};
use crate::{SECOND, rule};

#[test]
fn f57_clock_skew_shifts_server_time_and_judges_timestamps_by_it() {
    for skew in [5_000_i64, -5_000] {
        let text = format!("action = \"clock_skew\"\nms = {skew}\nfrom_s = 10\nuntil_s = 20");
        let mut venue = Venue::new(&rule(&text));
        let offset = |venue: &mut Venue| {
            json_of(&venue.time())["serverTime"].as_i64().unwrap() - venue.now.as_millis()
        };
        assert_eq!(offset(&mut venue), 0);
        assert_eq!(venue.place(REST, "a-1").response.status, 200);
        venue.pass(SECOND * 11);
        assert_eq!(offset(&mut venue), skew);
        let served = venue.place(&[REST, &[("recvWindow", "3000")]].concat(), "a-2");
        assert_eq!(code_of(&served), Some(-1021));
        let user = venue.open("/ws-api/v3", "");
        venue.ws(user, "order.place", &[REST, &[("recvWindow", "3000")]].concat());
        assert_eq!(venue.frames(user)[0]["error"]["code"], -1021);
        venue.pass(SECOND * 10);
        assert_eq!(offset(&mut venue), 0);
        assert_eq!(venue.place(REST, "a-3").response.status, 200);
    }
}

#[test]
fn filters_change_at_a_time_and_go_back() {
    for (change, failure) in [
        ("tick_size = \"7\"", "PRICE_FILTER"),
        ("step_size = \"0.0007\"", "LOT_SIZE"),
        ("min_notional = 100", "NOTIONAL"),
    ] {
        let text = format!("action = \"filters\"\nsymbol = \"BTCUSDT\"\n{change}\nfrom_s = 5\nuntil_s = 10");
        let mut venue = Venue::new(&rule(&text));
        assert_eq!(venue.place(REST, "a-1").response.status, 200);
        venue.pass(SECOND * 6);
        let served = venue.place(REST, "a-2");
        assert_eq!(code_of(&served), Some(-1013));
        assert_eq!(json_of(&served)["msg"], format!("Filter failure: {failure}"));
        venue.pass(SECOND * 5);
        assert_eq!(venue.place(REST, "a-3").response.status, 200);
    }
}

#[test]
fn f61_maintenance_closes_everything_and_ends() {
    let mut venue = Venue::new(&rule("action = \"maintenance\"\nfrom_s = 10\nuntil_s = 70"));
    let (streams, user) = (venue.streams("btcusdt@trade"), venue.user_stream());
    venue.place(REST, "a-1");
    venue.pass(SECOND * 11);
    let closed: Vec<_> = std::iter::from_fn(|| venue.protocol.poll_out())
        .filter(|(_, outgoing)| matches!(outgoing, Outgoing::Close(1001, _)))
        .map(|(id, _)| id)
        .collect();
    assert_eq!(closed, [streams, user]);
    let served = venue.place(REST, "a-2");
    assert_eq!((served.response.status, code_of(&served)), (503, Some(-1016)));
    assert_eq!(venue.time().response.status, 503);
    assert_eq!(venue.protocol.ws_open(venue.now, CLIENT, "/ws", ""), Err(503));
    venue.pass(SECOND * 60);
    assert_eq!(venue.time().response.status, 200);
    assert!(venue.exists("a-1") && !venue.exists("a-2"));
    assert!(venue.protocol.ws_open(venue.now, CLIENT, "/ws", "").is_ok());
}

#[test]
fn f62_symbol_status_closes_a_pair_and_reopens_it() {
    for status in ["HALT", "BREAK", "CANCEL_ONLY"] {
        let text = format!(
            "action = \"symbol_status\"\nsymbol = \"BTCUSDT\"\nstatus = \"{status}\"\nfrom_s = 5\nuntil_s = 10"
        );
        let mut venue = Venue::new(&rule(&text));
        venue.place(REST, "a-1");
        venue.pass(SECOND * 6);
        let served = venue.place(REST, "a-2");
        assert_eq!(
            (code_of(&served), &json_of(&served)["msg"]),
            (Some(-1013), &"Market is closed.".into())
        );
        let info = match venue.reply(
            Method::Get,
            "/api/v3/exchangeInfo",
            "symbol=BTCUSDT".to_owned(),
            "",
        ) {
            Reply::Now(served) => json_of(&served),
            Reply::Later(_) => panic!("the request waits"),
        };
        assert_eq!(info["symbols"][0]["status"], status);
        let named = [("symbol", "BTCUSDT"), ("origClientOrderId", "a-1")];
        assert_eq!(
            venue
                .rest(Method::Delete, "/api/v3/order", &named)
                .response
                .status,
            200
        );
        venue.pass(SECOND * 5);
        assert_eq!(venue.place(REST, "a-3").response.status, 200);
    }
}

#[test]
fn delist_cancels_the_clients_orders_and_closes_the_pair() {
    let mut venue = Venue::new(&rule("action = \"delist\"\nsymbol = \"BTCUSDT\"\nfrom_s = 5"));
    let user = venue.user_stream();
    venue.place(REST, "a-1");
    venue.pass(SECOND * 4);
    assert!(!venue.user_events(user).contains(&"CANCELED".to_owned()));
    venue.pass(SECOND * 2);
    assert!(venue.user_events(user).contains(&"CANCELED".to_owned()));
    assert_eq!(code_of(&venue.place(REST, "a-2")), Some(-1013));
}
