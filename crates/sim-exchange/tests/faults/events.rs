//! Events and connections that go wrong.

use keel_sim_exchange::protocol::Outgoing;
use serde_json::Value;

use crate::venue::{CLIENT, REST, TAKE, Venue};
use crate::{ORDERS, SECOND, rule};

#[test]
fn f18_drop_takes_one_event_and_leaves_the_others() {
    let text = "event = \"executionReport\"\naction = \"drop\"\nnth = 2";
    let mut venue = Venue::new(&rule(text));
    let user = venue.user_stream();
    venue.place(TAKE, "a-1");
    let events = venue.user_events(user);
    assert_eq!(events.iter().filter(|event| *event == "NEW").count(), 1);
    let mut healthy = Venue::new("");
    let other = healthy.user_stream();
    healthy.place(TAKE, "a-1");
    assert_eq!(healthy.user_events(other).len(), events.len() + 1);
}

#[test]
fn duplicate_sends_an_event_twice() {
    let mut venue = Venue::new(&rule("event = \"executionReport\"\naction = \"duplicate\""));
    let user = venue.user_stream();
    venue.place(REST, "a-1");
    assert_eq!(venue.user_events(user), ["NEW", "NEW", "outboundAccountPosition"]);
}

#[test]
fn delay_of_an_event_lets_others_overtake_it() {
    let mut venue = Venue::new(&rule(
        "event = \"executionReport\"\naction = \"delay\"\nms = 1500",
    ));
    let user = venue.user_stream();
    venue.place(REST, "a-1");
    assert_eq!(venue.user_events(user), ["outboundAccountPosition"]);
    venue.pass(SECOND);
    assert_eq!(venue.user_events(user), [""; 0]);
    venue.pass(SECOND);
    assert_eq!(venue.user_events(user), ["NEW"]);
}

#[test]
fn f20_delay_of_the_answer_brings_the_fill_before_the_acknowledgement() {
    let mut venue = Venue::new(&rule(&format!("{ORDERS}\naction = \"delay\"\nms = 200")));
    let user = venue.user_stream();
    venue.ws(user, "order.place", TAKE);
    venue.pass(SECOND);
    let frames = venue.frames(user);
    let fill = frames
        .iter()
        .position(|frame| frame["event"]["x"] == "TRADE")
        .unwrap();
    let ack = frames.iter().position(|frame| frame["status"] == 200).unwrap();
    assert!(fill < ack);
}

#[test]
fn reorder_swaps_an_event_with_the_next_of_its_kind() {
    let text = "event = \"depth\"\naction = \"reorder\"\nnth = 2";
    let updates = |rules: &str| -> Vec<u64> {
        let mut venue = Venue::new(rules);
        let streams = venue.streams("btcusdt@depth@100ms");
        venue.pass(SECOND);
        let frames = venue.frames(streams);
        frames
            .iter()
            .map(|frame| frame["data"]["u"].as_u64().unwrap())
            .collect()
    };
    let mut expected = updates("");
    assert!(expected.len() > 3);
    expected.swap(1, 2);
    assert_eq!(updates(&rule(text)), expected);
}

#[test]
fn f35_stall_stops_data_on_a_connection_while_pings_go_on() {
    let text = "event = \"market\"\naction = \"stall\"\nfor_s = 30\nfrom_s = 2\nmax = 1";
    let mut venue = Venue::new(&rule(text));
    let stalled = venue.streams("btcusdt@depth@100ms/btcusdt@bookTicker");
    venue.pass(SECOND);
    assert!(!venue.frames(stalled).is_empty());
    venue.pass(SECOND * 2);
    venue.outgoing(stalled);
    venue.pass(SECOND * 24);
    let outgoing = venue.outgoing(stalled);
    assert!(!outgoing.is_empty());
    assert!(
        outgoing
            .iter()
            .all(|outgoing| !matches!(outgoing, Outgoing::Text(_) | Outgoing::Close(..))),
        "only pings"
    );
    let fresh = venue.streams("btcusdt@depth@100ms");
    venue.pass(SECOND);
    assert!(!venue.frames(fresh).is_empty(), "a new connection is well");
    venue.pass(SECOND * 4);
    venue.outgoing(stalled);
    venue.pass(SECOND);
    assert!(!venue.frames(stalled).is_empty(), "it is over");
}

#[test]
fn f37_gap_makes_the_update_ids_jump() {
    let text = "action = \"gap\"\nframes = 3\nfrom_s = 1\nmax = 1\nsymbol = \"BTCUSDT\"";
    let mut venue = Venue::new(&rule(text));
    let streams = venue.streams("btcusdt@depth@100ms");
    let others = venue.streams("ethusdt@depth@100ms");
    venue.pass(SECOND * 3);
    let all: Vec<_> = std::iter::from_fn(|| venue.protocol.poll_out()).collect();
    let jumps = |conn| {
        let frames: Vec<Value> = all
            .iter()
            .filter(|(id, _)| *id == conn)
            .filter_map(|(_, outgoing)| match outgoing {
                Outgoing::Text(text) => serde_json::from_str(text).ok(),
                _ => None,
            })
            .collect();
        let is_jump = |pair: &[Value]| {
            pair[0]["data"]["u"].as_u64().unwrap() + 1 != pair[1]["data"]["U"].as_u64().unwrap()
        };
        frames.windows(2).filter(|pair| is_jump(pair)).count()
    };
    assert_eq!((jumps(streams), jumps(others)), (1, 0));
    assert_eq!(venue.fired(), [("gap-1".to_owned(), 3)]);
}

#[test]
fn corrupt_breaks_crosses_or_zeroes_an_event() {
    let frames = |event: &str, what: &str, streams: &str| {
        let mut venue = Venue::new(&rule(&format!(
            "event = \"{event}\"\naction = \"corrupt\"\nwhat = \"{what}\""
        )));
        let conn = venue.streams(streams);
        venue.pass(SECOND * 5);
        venue.frames(conn)
    };
    let broken = frames("trade", "broken_json", "btcusdt@trade");
    assert!(!broken.is_empty() && broken.iter().all(Value::is_null));
    let price = |frame: &Value, key: &str| -> f64 { frame["data"][key].as_str().unwrap().parse().unwrap() };
    let crossed = frames("bookTicker", "crossed", "btcusdt@bookTicker");
    assert!(!crossed.is_empty() && crossed.iter().all(|frame| price(frame, "b") > price(frame, "a")));
    let zeroed = frames("trade", "zero_price", "btcusdt@trade");
    assert!(!zeroed.is_empty() && zeroed.iter().all(|frame| frame["data"]["p"] == "0.00000000"));
    let depth = frames("depth", "zero_price", "btcusdt@depth@100ms");
    let levels = depth
        .iter()
        .flat_map(|frame| frame["data"]["b"].as_array().unwrap());
    assert!(levels.clone().count() > 0);
    assert!(levels.clone().all(|level| level[0] == "0.00000000"));
}

#[test]
fn f19_disconnect_at_an_event_ends_the_connection_in_its_place() {
    for (how, is_reset) in [("close", false), ("reset", true)] {
        let text = format!("event = \"executionReport\"\naction = \"disconnect\"\nhow = \"{how}\"\nnth = 2");
        let mut venue = Venue::new(&rule(&text));
        let user = venue.user_stream();
        venue.place(TAKE, "a-1");
        let outgoing = venue.outgoing(user);
        let is_end = |outgoing: &Outgoing| matches!(outgoing, Outgoing::Close(1001, _) | Outgoing::Reset);
        let end = outgoing.iter().find(|outgoing| is_end(outgoing)).unwrap();
        assert_eq!(*end == Outgoing::Reset, is_reset);
        let texts = outgoing
            .iter()
            .filter(|outgoing| matches!(outgoing, Outgoing::Text(text) if text.contains("TRADE")));
        assert_eq!(texts.count(), 0, "the fill came while the client was away");
        assert!(venue.exists("a-1"));
    }
}

#[test]
fn f59_disconnect_visits_the_open_connections_at_its_time() {
    let text = "connection = \"streams\"\naction = \"disconnect\"\nfrom_s = 3\nevery_s = 10";
    let mut venue = Venue::new(&rule(text));
    let streams = venue.streams("btcusdt@trade");
    let user = venue.user_stream();
    venue.pass(SECOND * 2);
    let mut open: Vec<_> = std::iter::from_fn(|| venue.protocol.poll_out()).collect();
    venue.pass(SECOND * 2);
    let late = venue.streams("btcusdt@trade");
    venue.pass(SECOND * 10);
    open.extend(std::iter::from_fn(|| venue.protocol.poll_out()));
    let closed = |conn| {
        open.iter()
            .any(|(id, outgoing)| *id == conn && matches!(outgoing, Outgoing::Close(1001, _)))
    };
    assert!(closed(streams) && closed(late) && !closed(user));
    assert_eq!(venue.fired(), [("disconnect-1".to_owned(), 2)]);
}

#[test]
fn f38_user_stream_lost_silently_or_told() {
    for (how, told) in [("silence", false), ("terminated", true)] {
        let text =
            format!("connection = \"ws_api\"\naction = \"user_stream_lost\"\nhow = \"{how}\"\nfrom_s = 1");
        let mut venue = Venue::new(&rule(&text));
        let user = venue.user_stream();
        venue.place(REST, "a-1");
        assert!(venue.user_events(user).contains(&"NEW".to_owned()), "not yet");
        venue.pass(SECOND * 2);
        assert_eq!(
            venue
                .user_events(user)
                .contains(&"eventStreamTerminated".to_owned()),
            told
        );
        venue.place(REST, "a-2");
        assert_eq!(venue.user_events(user), [""; 0]);
        venue.ws(user, "ping", &[]);
        assert_eq!(
            venue.frames(user)[0]["status"],
            200,
            "the connection itself is well"
        );
        venue.pass(SECOND * 25);
        assert!(
            venue
                .outgoing(user)
                .iter()
                .any(|outgoing| !matches!(outgoing, Outgoing::Text(_))),
            "pings go on"
        );
        let again = venue.user_stream();
        venue.place(REST, "a-3");
        assert!(
            venue.user_events(again).contains(&"NEW".to_owned()),
            "a new subscription is well"
        );
    }
}

#[test]
fn f60_refuse_connection_refuses_handshakes_until_its_end() {
    let text = "connection = \"*\"\naction = \"refuse_connection\"\nstatus = 429\nuntil_s = 600";
    let mut venue = Venue::new(&rule(text));
    assert_eq!(venue.protocol.ws_open(venue.now, CLIENT, "/ws", ""), Err(429));
    assert_eq!(
        venue.protocol.ws_open(venue.now, CLIENT, "/ws-api/v3", ""),
        Err(429)
    );
    let end = venue.now.plus(SECOND * 600);
    assert!(venue.protocol.ws_open(end, CLIENT, "/ws", "").is_ok());
    assert_eq!(venue.fired(), [("refuse_connection-1".to_owned(), 2)]);
}

#[test]
fn f59_server_shutdown_is_told_and_then_the_connection_closed() {
    let text = "connection = \"*\"\naction = \"server_shutdown\"\nfrom_s = 1\nfor_s = 5";
    let mut venue = Venue::new(&rule(text));
    let combined = venue.streams("");
    let raw = venue.open("/ws", "");
    let user = venue.user_stream();
    venue.pass(SECOND * 3);
    let all: Vec<_> = std::iter::from_fn(|| venue.protocol.poll_out()).collect();
    let told = |conn, is_it: &dyn Fn(&Value) -> bool| {
        all.iter().any(|(id, outgoing)| match outgoing {
            Outgoing::Text(text) if *id == conn => is_it(&serde_json::from_str(text).unwrap()),
            _ => false,
        })
    };
    assert!(told(combined, &|f| f["stream"] == "!serverShutdown"
        && f["data"]["e"] == "serverShutdown"));
    assert!(told(raw, &|f| f["e"] == "serverShutdown"));
    assert!(told(user, &|f| f["event"]["e"] == "serverShutdown"));
    assert!(
        all.iter()
            .all(|(_, outgoing)| !matches!(outgoing, Outgoing::Close(..)))
    );
    venue.pass(SECOND * 4);
    let closed = std::iter::from_fn(|| venue.protocol.poll_out());
    assert_eq!(
        closed
            .filter(|(_, outgoing)| matches!(outgoing, Outgoing::Close(..)))
            .count(),
        3
    );
}
