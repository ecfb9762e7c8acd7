//! Requests that go wrong: each action shows its effect, and nothing of it without the rule.

use std::time::Duration;

use keel_sim_exchange::protocol::{Delivery, Method, Outgoing, Reply};
use serde_json::Value;

use crate::venue::{REST, TAKE, Venue, code_of, json_of};
use crate::{ORDERS, SECOND, rule};

#[test]
fn without_rules_nothing_goes_wrong() {
    let mut venue = Venue::new("");
    let served = venue.place(REST, "a-1");
    assert_eq!(
        (served.response.status, served.delivery, served.delay),
        (200, Delivery::Whole, Duration::ZERO)
    );
    let user = venue.user_stream();
    venue.place(TAKE, "a-2");
    let events = venue.user_events(user);
    assert_eq!(events.iter().filter(|event| *event == "NEW").count(), 1);
    assert!(events.contains(&"TRADE".to_owned()), "{events:?}");
    assert_eq!(venue.query("a-1").response.status, 200);
    let streams = venue.streams("btcusdt@depth@100ms/btcusdt@trade/btcusdt@bookTicker");
    venue.pass(SECOND * 5);
    let depth: Vec<Value> = venue.frames(streams);
    let depth: Vec<&Value> = depth.iter().filter(|frame| is_of(frame, "depth@100ms")).collect();
    assert!(depth.len() > 10);
    for pair in depth.windows(2) {
        let next = pair[0]["data"]["u"].as_u64().unwrap() + 1;
        assert_eq!(pair[1]["data"]["U"].as_u64().unwrap(), next);
    }
    assert!(venue.protocol.poll_injected().is_none());
}

fn is_of(frame: &Value, kind: &str) -> bool {
    frame["stream"].as_str().is_some_and(|name| name.ends_with(kind))
}

#[test]
fn f1_lose_answer_executes_and_stays_silent_or_resets() {
    for (how, delivery) in [("silence", Delivery::Silence), ("reset", Delivery::Reset)] {
        let text = format!("{ORDERS}\naction = \"lose_answer\"\nhow = \"{how}\"\nnth = 1");
        let mut venue = Venue::new(&rule(&text));
        assert_eq!(venue.place(REST, "a-1").delivery, delivery);
        assert!(venue.exists("a-1"));
        assert_eq!(
            venue.place(REST, "a-2").delivery,
            Delivery::Whole,
            "only the first"
        );
        assert_eq!(venue.fired(), [("lose_answer-1".to_owned(), 1)]);
        let logged = venue.protocol.poll_injected().unwrap();
        assert_eq!(
            (logged.action, logged.subject.as_str()),
            ("lose_answer", "POST /api/v3/order")
        );
    }
}

#[test]
fn f1_lose_answer_on_the_ws_api_leaves_only_the_events() {
    let mut venue = Venue::new(&rule(&format!("{ORDERS}\naction = \"lose_answer\"\nmax = 1")));
    let user = venue.user_stream();
    for (id, replies) in [("a-1", 0), ("a-2", 1)] {
        venue.ws(user, "order.place", &[REST, &[("newClientOrderId", id)]].concat());
        let frames = venue.frames(user);
        assert!(venue.exists(id));
        assert_eq!(
            frames.iter().filter(|frame| frame["status"] == 200).count(),
            replies
        );
        assert!(
            frames.iter().any(|frame| frame["event"]["x"] == "NEW"),
            "{frames:?}"
        );
    }
}

#[test]
fn f1_lose_request_does_not_execute() {
    let mut venue = Venue::new(&rule(&format!("{ORDERS}\naction = \"lose_request\"")));
    assert_eq!(venue.place(REST, "a-1").delivery, Delivery::Silence);
    let user = venue.user_stream();
    venue.ws(
        user,
        "order.place",
        &[REST, &[("newClientOrderId", "a-2")]].concat(),
    );
    assert_eq!(venue.outgoing(user), []);
    assert!(!venue.exists("a-1") && !venue.exists("a-2"));
}

#[test]
fn f2_reset_before_and_after_execution() {
    for (stage, executed) in [("before", false), ("after", true)] {
        let text = format!("{ORDERS}\naction = \"reset\"\nstage = \"{stage}\"");
        let mut venue = Venue::new(&rule(&text));
        assert_eq!(venue.place(REST, "a-1").delivery, Delivery::Reset);
        assert_eq!(venue.exists("a-1"), executed);
        let user = venue.user_stream();
        venue.ws(
            user,
            "order.place",
            &[REST, &[("newClientOrderId", "a-2")]].concat(),
        );
        assert!(venue.outgoing(user).contains(&Outgoing::Reset));
        assert_eq!(venue.exists("a-2"), executed);
    }
}

#[test]
fn reject_answers_code_and_text_and_does_not_execute() {
    let text = "action = \"reject\"\ncode = -2010\nmsg = \"Order would immediately match and take.\"";
    let mut venue = Venue::new(&rule(&format!("{ORDERS}\n{text}\ncl_ord_id = \"bad-\"")));
    let served = venue.place(REST, "bad-1");
    assert_eq!((served.response.status, code_of(&served)), (400, Some(-2010)));
    assert_eq!(json_of(&served)["msg"], "Order would immediately match and take.");
    assert!(!venue.exists("bad-1"));
    assert_eq!(venue.place(REST, "good-1").response.status, 200, "another prefix");
}

#[test]
fn delay_after_execution_holds_the_answer() {
    let mut venue = Venue::new(&rule(&format!("{ORDERS}\naction = \"delay\"\nms = [400, 600]")));
    let served = venue.place(REST, "a-1");
    assert!(venue.exists("a-1"));
    let range = Duration::from_millis(400)..=Duration::from_millis(600);
    assert!(range.contains(&served.delay), "{:?}", served.delay);
    let user = venue.user_stream();
    venue.ws(
        user,
        "order.place",
        &[REST, &[("newClientOrderId", "a-2")]].concat(),
    );
    let events = venue.frames(user);
    assert!(events.iter().all(|frame| frame.get("status").is_none()) && !events.is_empty());
    venue.pass(SECOND);
    assert!(venue.frames(user).iter().any(|frame| frame["status"] == 200));
}

#[test]
fn delay_before_execution_executes_late() {
    let text = "action = \"delay\"\nms = 6000\nstage = \"before\"\nmax = 2";
    let mut venue = Venue::new(&rule(&format!("{ORDERS}\n{text}")));
    let order = [REST, &[("newClientOrderId", "a-1"), ("recvWindow", "10000")]].concat();
    let Reply::Later(ticket) = venue.ask(Method::Post, "/api/v3/order", &order) else {
        panic!("it is answered at once");
    };
    let Reply::Later(too_late) = venue.ask(Method::Post, "/api/v3/order", REST) else {
        panic!("it is answered at once");
    };
    venue.pass(SECOND * 5);
    assert!(!venue.exists("a-1") && venue.protocol.poll_answered().is_none());
    venue.pass(SECOND);
    assert!(venue.exists("a-1"));
    let (first, served) = venue.protocol.poll_answered().unwrap();
    assert_eq!((first, served.response.status), (ticket, 200));
    let (second, served) = venue.protocol.poll_answered().unwrap();
    assert_eq!(
        (second, code_of(&served)),
        (too_late, Some(-1021)),
        "the receive window is over"
    );
}

#[test]
fn f2_status_5xx_before_and_after_execution() {
    for status in [500, 502, 503, 504] {
        for (stage, executed) in [("before", false), ("after", true)] {
            let text = format!("action = \"status\"\nstatus = {status}\nstage = \"{stage}\"");
            let mut venue = Venue::new(&rule(&format!("{ORDERS}\n{text}")));
            let served = venue.place(REST, "a-1");
            assert_eq!(served.response.status, status);
            assert!(
                served.response.body.starts_with("<html>"),
                "a gateway speaks no JSON"
            );
            assert!(
                served
                    .response
                    .headers
                    .contains(&("content-type", "text/html".to_owned()))
            );
            assert_eq!(venue.exists("a-1"), executed);
            let user = venue.user_stream();
            venue.ws(
                user,
                "order.place",
                &[REST, &[("newClientOrderId", "a-2")]].concat(),
            );
            let replies = venue.frames(user);
            let reply = replies
                .iter()
                .find(|frame| frame.get("status").is_some())
                .unwrap();
            assert_eq!((&reply["status"], &reply["id"]), (&status.into(), &7.into()));
            assert_eq!(venue.exists("a-2"), executed);
        }
    }
}

#[test]
fn f2_unknown_outcome_1006_and_1007_before_and_after_execution() {
    for code in [-1006, -1007] {
        for (stage, executed) in [("before", false), ("after", true)] {
            let text = format!("action = \"unknown_outcome\"\ncode = {code}\nstage = \"{stage}\"");
            let mut venue = Venue::new(&rule(&format!("{ORDERS}\n{text}")));
            let served = venue.place(REST, "a-1");
            assert_eq!(code_of(&served), Some(code));
            let msg = json_of(&served)["msg"].as_str().unwrap().to_lowercase();
            assert!(msg.ends_with("execution status unknown."), "{msg}");
            assert!(served.response.status >= 500);
            assert_eq!(venue.exists("a-1"), executed);
        }
    }
}

#[test]
fn f2_cut_body_executes_and_breaks_the_answer_off() {
    let mut venue = Venue::new(&rule(&format!("{ORDERS}\naction = \"cut_body\"")));
    let served = venue.place(REST, "a-1");
    assert_eq!((served.delivery, served.response.status), (Delivery::Cut, 200));
    assert!(venue.exists("a-1"));
    let user = venue.user_stream();
    venue.ws(
        user,
        "order.place",
        &[REST, &[("newClientOrderId", "a-2")]].concat(),
    );
    assert!(venue.exists("a-2"));
    assert!(
        venue.frames(user).contains(&Value::Null),
        "half a frame is no JSON"
    );
}

#[test]
fn f34_rate_limit_closes_every_path_until_its_end_and_counts_the_impatient() {
    let text = "action = \"rate_limit\"\nretry_after_s = 5\nmax = 1";
    let mut venue = Venue::new(&rule(&format!("{ORDERS}\n{text}")));
    assert_eq!(venue.time().response.status, 200, "nothing yet");
    let served = venue.place(REST, "a-1");
    assert_eq!((served.response.status, code_of(&served)), (429, Some(-1003)));
    assert!(served.response.headers.contains(&("retry-after", "5".to_owned())));
    venue.pass(SECOND * 2);
    let early = venue.time();
    assert_eq!(early.response.status, 429);
    assert!(early.response.headers.contains(&("retry-after", "3".to_owned())));
    let (_, shown) = venue.keel(Method::Get, "/keel/faults", "");
    assert_eq!(shown["rules"][0]["impatient"], 1);
    venue.pass(SECOND * 3);
    assert_eq!(venue.place(REST, "a-2").response.status, 200);
    assert!(!venue.exists("a-1"));
}

#[test]
fn f34_ban_is_418_with_its_end_in_the_text_and_in_the_ws_api() {
    let mut venue = Venue::new(&rule(&format!(
        "{ORDERS}\naction = \"ban\"\nretry_after_s = 120\nmax = 1"
    )));
    let user = venue.user_stream();
    let end = venue.now.plus(SECOND * 120).as_millis();
    let served = venue.place(REST, "a-1");
    assert_eq!((served.response.status, code_of(&served)), (418, Some(-1003)));
    let msg = json_of(&served)["msg"].as_str().unwrap().to_owned();
    assert!(msg.contains(&format!("IP banned until {end}")), "{msg}");
    venue.ws(user, "ping", &[]);
    let reply = &venue.frames(user)[0];
    assert_eq!(
        (&reply["status"], &reply["error"]["data"]["retryAfter"]),
        (&418.into(), &end.into())
    );
}

#[test]
fn f24_deny_order_denies_for_its_span_though_the_order_lives() {
    let mut venue = Venue::new(&rule("action = \"deny_order\"\nfor_s = 30\nlists = \"hide\""));
    venue.place(REST, "a-1");
    assert_eq!(code_of(&venue.query("a-1")), Some(-2013));
    let named = [("symbol", "BTCUSDT"), ("origClientOrderId", "a-1")];
    let cancel = venue.rest(Method::Delete, "/api/v3/order", &named);
    assert_eq!(code_of(&cancel), Some(-2011));
    assert!(venue.exists("a-1"));
    let open = venue.rest(Method::Get, "/api/v3/openOrders", &[]);
    assert_eq!(json_of(&open), Value::Array(vec![]));
    let user = venue.user_stream();
    venue.ws(user, "order.status", &named);
    assert_eq!(venue.frames(user)[0]["error"]["code"], -2013);
    venue.ws(user, "openOrders.status", &[]);
    assert_eq!(venue.frames(user)[0]["result"], Value::Array(vec![]));
    venue.pass(SECOND * 31);
    assert_eq!(json_of(&venue.query("a-1"))["status"], "NEW", "denied once only");
    let open = venue.rest(Method::Get, "/api/v3/openOrders", &[]);
    assert_eq!(json_of(&open).as_array().unwrap().len(), 1);
}

#[test]
fn what_waits_is_bounded_and_what_is_more_goes_through_at_once() {
    let text = "request = \"GET /api/v3/time\"\naction = \"delay\"\nms = 1000\nstage = \"before\"";
    let mut venue = Venue::new(&rule(text));
    let ask = |venue: &mut Venue| venue.reply(Method::Get, "/api/v3/time", String::new(), "");
    for _ in 0..10_000 {
        assert!(matches!(ask(&mut venue), Reply::Later(_)));
    }
    assert!(matches!(ask(&mut venue), Reply::Now(served) if served.response.status == 200));
    let (_, shown) = venue.keel(Method::Get, "/keel/faults", "");
    assert_eq!((&shown["held"], &shown["not_held"]), (&10_000.into(), &1.into()));
    venue.pass(SECOND);
    assert_eq!(
        std::iter::from_fn(|| venue.protocol.poll_answered()).count(),
        10_000
    );
    assert!(matches!(ask(&mut venue), Reply::Later(_)), "there is room again");
}
