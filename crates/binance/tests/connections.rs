//! Connections: back-off, budget, rolling over without a gap, stalls found by the data's age, control messages a second.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

mod common;

use common::{MARKET, MARKET_B, Rig, T0, WS_API, WS_API_B, btc, eth, millis, secs};
use keel_binance::{Input, KeyKind, SessionSettings};
use keel_domain::{Purpose, Symbol, Timestamp};
use keel_execution::{UnknownCause, VenueReport};
use keel_market_data::{LostReason, MarketUpdate};
use serde_json::json;

/// Everything that is tried to be opened is refused at once, for ten minutes.
fn refused_for_ten_minutes(seed: u64) -> Vec<Timestamp> {
    let mut settings = SessionSettings::new(vec![btc()]);
    settings.jitter_seed = seed;
    let mut rig = Rig::with(KeyKind::Hmac, settings);
    let mut attempts = Vec::new();
    let refuse = |rig: &mut Rig, attempts: &mut Vec<Timestamp>| {
        for (at, link) in std::mem::take(&mut rig.opens) {
            attempts.push(at);
            rig.input(Input::Closed(link, "refused".to_owned()));
        }
    };
    refuse(&mut rig, &mut attempts);
    rig.pass_with(secs(600), |rig| refuse(rig, &mut attempts));
    attempts
}

#[test]
fn f60_ten_refused_minutes_make_at_most_thirty_attempts_over_all_sockets() {
    for seed in 0..20 {
        let attempts = refused_for_ten_minutes(seed);
        assert!(attempts.len() <= 30, "{} attempts", attempts.len());
        assert!(attempts.len() >= 20, "it goes on trying: {}", attempts.len());
        let longest = attempts.windows(2).map(|pair| pair[1].since(pair[0])).max();
        assert!(
            longest < Some(secs(61)),
            "and is never silent for long: {longest:?}"
        );
    }
}

#[test]
fn f60_waits_grow_with_jitter_that_the_seed_repeats() {
    let first = refused_for_ten_minutes(1);
    assert_eq!(first, refused_for_ten_minutes(1));
    assert_ne!(first, refused_for_ten_minutes(2));
    let mut rig = Rig::up(KeyKind::Hmac);
    let mut waits = Vec::new();
    for _ in 0..5 {
        let lost_at = rig.now;
        rig.opens.clear();
        rig.input(Input::Closed(MARKET, "gone".to_owned()));
        while rig.opens.is_empty() {
            rig.pass_with(millis(10), Rig::answer_routine);
        }
        waits.push(rig.now.since(lost_at).as_millis());
    }
    for (n, wait) in waits.iter().enumerate() {
        let base = (250 * 4_u128.pow(u32::try_from(n).expect("small"))).min(30_000);
        assert!((base..=base * 5 / 4 + 10).contains(wait), "wait {n}: {waits:?}");
    }
}

#[test]
fn f60_a_connection_that_has_carried_data_waits_the_shortest_time_again() {
    let mut rig = Rig::up(KeyKind::Hmac);
    for _ in 0..4 {
        rig.input(Input::Closed(MARKET, "gone".to_owned()));
        rig.pass_with(secs(5), Rig::answer_routine);
        rig.open_market(MARKET);
        rig.depth(MARKET, btc(), 1, 1);
        rig.http.clear();
    }
    rig.opens.clear();
    rig.input(Input::Closed(MARKET, "gone".to_owned()));
    rig.pass_with(millis(320), Rig::answer_routine);
    assert_eq!(rig.opens.len(), 1);
}

#[test]
fn a_connection_that_does_not_open_in_time_is_given_up() {
    let mut rig = Rig::new(KeyKind::Hmac);
    rig.pass_with(millis(9_999), Rig::answer_routine);
    assert_eq!(rig.closes, []);
    rig.pass(millis(1));
    assert_eq!(rig.closes, [MARKET, WS_API]);
}

/// The venue's data, with ids that go up by one.
struct Stream {
    id: u64,
}

impl Stream {
    fn tick(&mut self, rig: &mut Rig, links: &[keel_binance::Link]) {
        for link in links {
            for symbol in [btc(), eth()] {
                rig.depth(*link, symbol, self.id, self.id);
            }
            rig.trade(*link, btc(), self.id);
        }
        self.id += 1;
    }
}

fn synchronised() -> (Rig, Stream) {
    synchronised_with(SessionSettings::new(vec![btc(), eth()]))
}

fn synchronised_with(settings: SessionSettings) -> (Rig, Stream) {
    let mut rig = Rig::with(KeyKind::Hmac, settings);
    rig.come_up();
    rig.synchronise(btc(), 5);
    rig.depth(MARKET, eth(), 5, 6);
    rig.snapshot(eth(), 5);
    rig.updates();
    (rig, Stream { id: 7 })
}

/// Every pair's deltas continue each other, no book was lost, and no trade came twice.
fn assert_without_gap(updates: &[MarketUpdate], from: u64, to: u64) {
    let ids = |symbol: Symbol| -> Vec<u64> {
        let delta = |u: &MarketUpdate| match u {
            MarketUpdate::BookDelta(delta) if delta.symbol == symbol => Some(delta.last_update_id),
            _ => None,
        };
        updates.iter().filter_map(delta).collect()
    };
    let expected: Vec<u64> = (from..to).collect();
    assert_eq!((ids(btc()), ids(eth())), (expected.clone(), expected.clone()));
    let trades: Vec<u64> = updates
        .iter()
        .filter_map(|u| {
            if let MarketUpdate::Trade(trade) = u {
                Some(trade.trade_id.0)
            } else {
                None
            }
        })
        .collect();
    assert_eq!(trades, expected);
    assert!(
        !updates
            .iter()
            .any(|u| matches!(u, MarketUpdate::BookLost { .. } | MarketUpdate::BookSnapshot(_)))
    );
}

#[test]
fn f59_the_venues_notice_rolls_the_market_connection_without_a_gap() {
    let (mut rig, mut stream) = synchronised();
    rig.opens.clear();
    rig.frame(
        MARKET,
        json!({"stream": "!serverShutdown", "data": {"e": "serverShutdown", "E": 1}}),
    );
    assert_eq!(rig.opens, [(rig.now, MARKET_B)]);
    stream.tick(&mut rig, &[MARKET]);
    rig.open_market(MARKET_B);
    for _ in 0..20 {
        // The new one lags by one event and the old one goes on.
        stream.tick(&mut rig, &[MARKET]);
        for symbol in [btc(), eth()] {
            rig.depth(MARKET_B, symbol, stream.id - 1, stream.id - 1);
        }
        rig.trade(MARKET_B, btc(), stream.id - 1);
        rig.pass_with(millis(99), Rig::answer_routine);
    }
    assert_eq!(rig.closes, []);
    rig.pass_with(millis(100), Rig::answer_routine);
    assert_eq!(rig.closes, [MARKET], "after two seconds of both");
    stream.tick(&mut rig, &[MARKET_B]);
    let updates = rig.updates();
    assert_without_gap(&updates, 7, stream.id);
    rig.frame(MARKET, "what the closed one still says is passed over");
    assert_eq!(rig.session.stats().undecodable, 0);
}

#[test]
fn f59_an_end_that_comes_while_both_carry_the_data_is_no_gap() {
    let (mut rig, mut stream) = synchronised();
    rig.frame(
        MARKET,
        json!({"stream": "!serverShutdown", "data": {"e": "serverShutdown", "E": 1}}),
    );
    rig.open_market(MARKET_B);
    stream.tick(&mut rig, &[MARKET, MARKET_B]);
    rig.input(Input::Closed(MARKET, "shut down".to_owned()));
    stream.tick(&mut rig, &[MARKET_B]);
    assert_without_gap(&rig.updates(), 7, stream.id);
}

/// The session's day, with data every five minutes, up to the given time from the start.
fn live_until(rig: &mut Rig, stream: &mut Stream, end: Timestamp) {
    while rig.now < end {
        let links: Vec<_> = [MARKET, MARKET_B]
            .into_iter()
            .filter(|link| !rig.closes.contains(link))
            .collect();
        stream.tick(rig, &links[..1]);
        rig.pass_with(secs(300).min(end.since(rig.now)), Rig::answer_routine);
    }
}

#[test]
fn f59_connections_roll_an_hour_before_the_venues_day_is_over() {
    let mut settings = SessionSettings::new(vec![btc(), eth()]);
    settings.silent_max = secs(600);
    let (mut rig, mut stream) = synchronised_with(settings);
    rig.opens.clear();
    let rolls_at = T0.plus(secs(23 * 3_600));
    live_until(
        &mut rig,
        &mut stream,
        Timestamp::from_nanos(rolls_at.as_nanos() - 1),
    );
    assert_eq!(rig.opens, []);
    live_until(&mut rig, &mut stream, rolls_at);
    assert_eq!(rig.opens, [(rolls_at, MARKET_B), (rolls_at, WS_API_B)]);
    rig.reports();
    rig.open_market(MARKET_B);
    rig.open_ws_api(WS_API_B);
    stream.tick(&mut rig, &[MARKET, MARKET_B]);
    rig.pass_with(secs(2), Rig::answer_routine);
    assert_eq!(rig.closes, [WS_API, MARKET]);
    stream.tick(&mut rig, &[MARKET_B]);
    assert_without_gap(&rig.updates(), 7, stream.id);
    assert_eq!(rig.reports(), [], "the session was never down");
    rig.submit("k-1", Purpose::Entry).expect("it may be sent");
    assert_eq!(rig.ws_request("order.place").expect("it was sent").2, WS_API_B);
}

#[test]
fn f59_orders_under_way_get_their_answers_on_the_old_connection() {
    let mut rig = Rig::up(KeyKind::Ed25519);
    rig.submit("k-1", Purpose::Entry).expect("it may be sent");
    let (request, _, _) = rig.ws_request("order.place").expect("it was sent");
    rig.frame(WS_API, json!({"event": {"e": "serverShutdown", "E": 1}}));
    rig.open_ws_api(WS_API_B);
    assert_eq!(rig.closes, [], "an answer is awaited");
    rig.ws_answer(
        WS_API,
        &request,
        json!({"status": 200, "result": common::placed("k-1")}),
    );
    assert!(matches!(rig.reports()[..], [VenueReport::Execution(_)]));
    assert_eq!(rig.closes, [WS_API]);
}

#[test]
fn f59_a_connection_that_ends_while_its_successor_opens_is_a_loss_and_no_third_is_opened() {
    let mut rig = Rig::up(KeyKind::Hmac);
    rig.submit("k-1", Purpose::Entry).expect("it may be sent");
    rig.frame(WS_API, json!({"event": {"e": "serverShutdown", "E": 1}}));
    rig.opens.clear();
    rig.input(Input::Closed(WS_API, "shut down".to_owned()));
    let reports = rig.reports();
    assert!(
        matches!(
            &reports[..],
            [
                VenueReport::SessionDown { .. },
                VenueReport::SubmitUnknown {
                    cause: UnknownCause::Disconnected,
                    ..
                }
            ]
        ),
        "{reports:?}"
    );
    assert_eq!(rig.opens, []);
    rig.open_ws_api(WS_API_B);
    rig.answer_routine();
    assert!(rig.reports().contains(&VenueReport::SessionUp {
        account: "7".to_owned()
    }));
}

#[test]
fn f59_a_successor_that_cannot_be_opened_is_tried_again_and_the_old_one_goes_on() {
    let (mut rig, mut stream) = synchronised();
    rig.frame(
        MARKET,
        json!({"stream": "!serverShutdown", "data": {"e": "serverShutdown", "E": 1}}),
    );
    rig.opens.clear();
    rig.input(Input::Closed(MARKET_B, "refused".to_owned()));
    stream.tick(&mut rig, &[MARKET]);
    rig.pass_with(secs(1), Rig::answer_routine);
    assert_eq!(
        rig.opens.iter().map(|(_, link)| *link).collect::<Vec<_>>(),
        [MARKET_B]
    );
    assert_without_gap(&rig.updates(), 7, stream.id);
}

#[test]
fn f35_a_stall_is_found_by_the_age_of_a_pairs_data() {
    let (mut rig, _) = synchronised();
    rig.opens.clear();
    // Ethereum and trades go on, bitcoin's depth is silent.
    for n in 0..99 {
        rig.pass_with(millis(100), Rig::answer_routine);
        rig.depth(MARKET, eth(), 7 + n, 7 + n);
        rig.trade(MARKET, btc(), n + 1);
    }
    assert_eq!((rig.closes.len(), rig.session.stats().stalls), (0, 0));
    rig.updates();
    rig.pass_with(millis(100), Rig::answer_routine);
    assert_eq!((&rig.closes[..], rig.session.stats().stalls), (&[MARKET][..], 1));
    let lost = MarketUpdate::BookLost {
        symbol: btc(),
        reason: LostReason::Stalled,
    };
    assert!(rig.updates().contains(&lost));
    rig.pass_with(secs(1), Rig::answer_routine);
    assert_eq!(rig.opens.len(), 1);
}

#[test]
fn f35_a_ws_api_that_no_longer_answers_is_opened_anew() {
    let (mut rig, mut stream) = synchronised();
    rig.reports();
    for _ in 0..15 {
        stream.tick(&mut rig, &[MARKET]);
        rig.pass(secs(5));
    }
    assert_eq!(rig.closes, [WS_API], "the question for the time had no answer");
    let is_down = |r: &VenueReport| matches!(r, VenueReport::SessionDown { cause } if cause.contains("no longer answers"));
    assert!(rig.reports().iter().any(is_down));
}

#[test]
fn f59_many_subscriptions_are_spread_out_and_leave_room_for_the_pong() {
    let symbols: Vec<Symbol> = (0..400)
        .map(|n| format!("S{n}USDT").parse().expect("a symbol"))
        .collect();
    let mut rig = Rig::with(KeyKind::Hmac, SessionSettings::new(symbols));
    let opened_at = rig.now;
    rig.input(Input::Opened(MARKET));
    let mut sent: Vec<Timestamp> = Vec::new();
    let mut named = 0;
    let mut take = |rig: &mut Rig| {
        for (_, frame) in rig.frames.extract_if(.., |(link, _)| *link == MARKET) {
            sent.push(rig.now);
            named += frame["params"].as_array().expect("streams").len();
        }
    };
    take(&mut rig);
    rig.pass_with(secs(3), take);
    assert_eq!((sent.len(), named), (8, 800));
    for window in sent.windows(5) {
        assert!(
            window[4].since(window[0]) >= secs(1),
            "five within a second: {sent:?}"
        );
    }
    assert!(sent.last().is_some_and(|at| at.since(opened_at) <= secs(1)));
}

#[test]
fn a_refused_subscription_gives_the_connection_up() {
    for refusal in [
        json!({"code": 2, "msg": "Invalid request: too many parameters"}),
        json!({"error": {"code": 2, "msg": "Invalid request"}, "id": 1}),
    ] {
        let mut rig = Rig::new(KeyKind::Hmac);
        rig.input(Input::Opened(MARKET));
        rig.frame(MARKET, refusal);
        assert_eq!(rig.closes, [MARKET]);
    }
}
