//! The venue as a whole goes wrong, and comes back.

use keel_domain::Side;
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

/// Levels of a side, and what stands on them all together.
fn side_of(venue: &Venue, side: Side) -> (usize, i64) {
    let depth = venue
        .protocol
        .exchange()
        .depth("BTCUSDT".parse().unwrap(), 1_000)
        .unwrap();
    let levels = if side == Side::Buy { depth.bids } else { depth.asks };
    (levels.len(), levels.iter().map(|level| level.qty.units()).sum())
}

#[test]
fn coarser_filters_leave_the_market_its_liquidity_and_its_trades() {
    for (change, levels_min, step) in [
        ("tick_size = \"7\"", 2, "0.00001"),
        ("tick_size = \"5000\"", 1, "0.00001"),
        ("step_size = \"0.0007\"", 20, "0.0007"),
        ("step_size = \"1\"", 20, "1"),
        ("min_notional = 30000", 20, "0.00001"),
    ] {
        let text = format!("action = \"filters\"\nsymbol = \"BTCUSDT\"\n{change}\nfrom_s = 5\nuntil_s = 65");
        let mut venue = Venue::new(&rule(&text));
        venue.pass(SECOND * 4);
        let usual = [Side::Buy, Side::Sell].map(|side| side_of(&venue, side));
        // Long enough that every quote is another.
        venue.pass(SECOND * 50);
        let symbol = "BTCUSDT".parse().unwrap();
        for (side, usual) in [Side::Buy, Side::Sell].into_iter().zip(usual) {
            let (levels, qty) = side_of(&venue, side);
            assert!(levels >= levels_min, "{change}: {levels} levels");
            assert!(qty * 2 > usual.1, "{change}: {qty} against {}", usual.1);
        }
        let exchange = venue.protocol.exchange();
        let pair = exchange.instrument(symbol).unwrap();
        let (tick, step) = (pair.price_filter.tick_size, step.parse().unwrap());
        let depth = exchange.depth(symbol, 1_000).unwrap();
        assert!(depth.bids[0].price < depth.asks[0].price, "{change}");
        for level in depth.bids.iter().chain(&depth.asks) {
            assert!(level.price.is_multiple_of(tick), "{change}: {level:?}");
        }
        let trades = exchange.recent_trades(symbol, 1_000);
        let late = trades
            .iter()
            .filter(|trade| venue.now.since(trade.time) < SECOND * 10);
        let late: Vec<_> = late.collect();
        assert!(late.len() > 10, "{change}: takers go on");
        assert!(
            late.iter().all(|trade| trade.qty.is_multiple_of(step)),
            "{change}"
        );
        venue.pass(SECOND * 15);
        let (levels, qty) = side_of(&venue, Side::Buy);
        assert!(levels >= 20 && qty * 2 > usual[0].1, "{change}: it goes back");
    }
}

#[test]
fn a_halt_freezes_the_book_as_it_stands_and_its_end_sets_it_going() {
    for status in ["HALT", "BREAK", "CANCEL_ONLY"] {
        let text = format!(
            "action = \"symbol_status\"\nsymbol = \"BTCUSDT\"\nstatus = \"{status}\"\nfrom_s = 5\nuntil_s = 65"
        );
        let mut venue = Venue::new(&rule(&text));
        let book = |venue: &Venue| venue.protocol.exchange().depth("BTCUSDT".parse().unwrap(), 1_000);
        venue.pass(SECOND * 6);
        let frozen = book(&venue);
        assert!(frozen.as_ref().is_some_and(|depth| depth.bids.len() >= 20));
        for _ in 0..50 {
            venue.pass(SECOND);
            assert_eq!(book(&venue), frozen, "{status}");
        }
        venue.pass(SECOND * 10);
        assert_ne!(book(&venue), frozen, "{status}");
        assert!(side_of(&venue, Side::Buy).0 >= 20 && side_of(&venue, Side::Sell).0 >= 20);
    }
}
