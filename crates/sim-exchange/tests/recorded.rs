//! Our orders in a recorded market: every expected fill is computed by hand, for both queue rules.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

use keel_domain::{OrderId, Price, Qty, Side, Timestamp};
use keel_sim_exchange::core::{
    LevelQty, Participation, QueueRule, RecordedEvent, RecordedFill, RecordedMarket,
};
use proptest::prelude::*;

const BOTH: [QueueRule; 2] = [QueueRule::Conservative, QueueRule::Probabilistic];

fn time(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

fn level(price: &str, qty: &str) -> LevelQty {
    LevelQty {
        price: price.parse().unwrap(),
        qty: qty.parse().unwrap(),
    }
}

fn qty(text: &str) -> Qty {
    text.parse().unwrap()
}

fn snapshot(bids: &[(&str, &str)], asks: &[(&str, &str)]) -> RecordedEvent {
    let levels = |levels: &[(&str, &str)]| levels.iter().map(|(p, q)| level(p, q)).collect();
    RecordedEvent::Snapshot {
        time: time(0),
        bids: levels(bids),
        asks: levels(asks),
    }
}

fn depth(side: Side, price: &str, qty: &str) -> RecordedEvent {
    let changed = |of| {
        if side == of {
            vec![level(price, qty)]
        } else {
            vec![]
        }
    };
    RecordedEvent::Depth {
        time: time(1),
        bids: changed(Side::Buy),
        asks: changed(Side::Sell),
    }
}

fn trade(aggressor: Side, price: &str, qty: &str) -> RecordedEvent {
    let LevelQty { price, qty } = level(price, qty);
    RecordedEvent::Trade {
        time: time(1),
        aggressor,
        price,
        qty,
    }
}

/// 100 bid with 10, 101 asked with 10 and 102 with 5.
fn market(rule: QueueRule) -> RecordedMarket {
    let mut market = RecordedMarket::new(rule);
    market.apply(&snapshot(&[("100", "10")], &[("101", "10"), ("102", "5")]));
    market
}

fn rest(market: &mut RecordedMarket, side: Side, price: &str, size: &str) -> OrderId {
    let placed = market.place(time(0), side, Some(price.parse().unwrap()), qty(size));
    assert_eq!((placed.fills.len(), placed.leaves_qty), (0, qty(size)));
    placed.order_id
}

/// Quantities that our orders traded by an event, by order.
fn fills(market: &mut RecordedMarket, event: &RecordedEvent) -> Vec<(u64, String)> {
    let fills = market.apply(event).into_iter();
    fills
        .map(|fill| (fill.order_id.0, fill.qty.to_string()))
        .collect()
}

fn ahead(market: &RecordedMarket, order_id: OrderId) -> String {
    market.waiting(order_id).unwrap().1.to_string()
}

#[test]
fn cancels_bring_us_forward_by_the_probabilistic_rule_only() {
    // 10 before us, 10 come behind us, 8 of the 20 cancel: in proportion 4 of them stood before us.
    for (rule, after_cancels, filled) in [
        (QueueRule::Conservative, "10", vec![]),
        (QueueRule::Probabilistic, "6", vec![(1, "2".to_owned())]),
    ] {
        let mut market = market(rule);
        let order = rest(&mut market, Side::Buy, "100", "2");
        assert_eq!(ahead(&market, order), "10");
        market.apply(&depth(Side::Buy, "100", "20"));
        assert_eq!(ahead(&market, order), "10", "who comes later stands behind");
        market.apply(&depth(Side::Buy, "100", "12"));
        assert_eq!(ahead(&market, order), after_cancels, "{rule:?}");
        assert_eq!(
            fills(&mut market, &trade(Side::Sell, "100", "8")),
            filled,
            "{rule:?}"
        );
    }
}

#[test]
fn a_reduction_that_trades_explain_counts_once() {
    for rule in BOTH {
        let mut market = market(rule);
        let order = rest(&mut market, Side::Buy, "100", "3");
        market.apply(&depth(Side::Buy, "100", "20"));
        assert_eq!(fills(&mut market, &trade(Side::Sell, "100", "4")), vec![]);
        assert_eq!(ahead(&market, order), "6");
        market.apply(&depth(Side::Buy, "100", "16"));
        assert_eq!(
            ahead(&market, order),
            "6",
            "{rule:?}: the trade's 4 are no cancels"
        );
        assert_eq!(
            fills(&mut market, &trade(Side::Sell, "100", "7")),
            vec![(1, "1".to_owned())]
        );
        assert_eq!(market.waiting(order), Some((qty("2"), Qty::ZERO)));
    }
}

#[test]
fn nobody_is_before_us_who_is_no_longer_there() {
    for rule in BOTH {
        let mut market = market(rule);
        let order = rest(&mut market, Side::Buy, "100", "2");
        market.apply(&snapshot(&[("100", "7")], &[]));
        assert_eq!(ahead(&market, order), "7");
        market.apply(&depth(Side::Buy, "100", "3"));
        assert_eq!(ahead(&market, order), "3");
        market.apply(&depth(Side::Buy, "100", "0"));
        market.apply(&depth(Side::Buy, "100", "50"));
        assert_eq!(ahead(&market, order), "0");
        market.apply(&snapshot(&[("99", "1")], &[]));
        assert_eq!(
            fills(&mut market, &trade(Side::Sell, "100", "0.5")),
            vec![(1, "0.5".to_owned())]
        );
    }
}

#[test]
fn a_trade_beyond_our_price_would_have_met_us_first() {
    for rule in BOTH {
        let mut market = market(rule);
        let worse = rest(&mut market, Side::Buy, "99.5", "2");
        let better = rest(&mut market, Side::Buy, "100", "2");
        let filled = market.apply(&trade(Side::Sell, "99", "3"));
        let expected = |order_id, price: &str, size| RecordedFill {
            order_id,
            price: price.parse().unwrap(),
            qty: qty(size),
            is_maker: true,
            time: time(1),
        };
        assert_eq!(
            filled,
            vec![expected(better, "100", "2"), expected(worse, "99.5", "1")]
        );
        assert_eq!(market.waiting(better), None);
        assert_eq!(
            fills(&mut market, &trade(Side::Buy, "99", "3")),
            vec![],
            "buyers do not meet a bid"
        );
        assert_eq!(
            fills(&mut market, &trade(Side::Sell, "101", "3")),
            vec![],
            "above us"
        );
    }
}

#[test]
fn our_orders_at_a_price_trade_in_order_of_arrival_with_the_market_between() {
    let mut market = market(QueueRule::Conservative);
    let first = rest(&mut market, Side::Sell, "101", "2");
    market.apply(&depth(Side::Sell, "101", "15"));
    let second = rest(&mut market, Side::Sell, "101", "2");
    assert_eq!(
        (ahead(&market, first), ahead(&market, second)),
        ("10".to_owned(), "15".to_owned())
    );
    // 10 before the first, its 2, the 5 between, and 1 for the second.
    let both = vec![(1, "2".to_owned()), (2, "1".to_owned())];
    assert_eq!(fills(&mut market, &trade(Side::Buy, "101", "18")), both);
    assert_eq!(ahead(&market, second), "0");
}

#[test]
fn what_we_took_stays_gone_until_the_level_is_refreshed() {
    for rule in BOTH {
        let mut market = market(rule);
        let placed = market.place(time(0), Side::Buy, Some("101".parse().unwrap()), qty("4"));
        assert_eq!((placed.fills[0].qty, placed.fills[0].is_maker), (qty("4"), false));
        let best = |market: &RecordedMarket| market.best(Side::Sell).unwrap();
        assert_eq!(best(&market), level("101", "6"));
        market.apply(&depth(Side::Sell, "101", "9"));
        assert_eq!(best(&market), level("101", "5"), "a cancel is no refresh");
        market.apply(&depth(Side::Sell, "101", "12"));
        assert_eq!(best(&market), level("101", "8"), "3 came, we had taken 4");
        market.apply(&depth(Side::Sell, "101", "16"));
        assert_eq!(best(&market), level("101", "16"), "4 came: refreshed");
        market.place(time(0), Side::Buy, None, qty("16"));
        assert_eq!(best(&market), level("102", "5"));
        market.apply(&depth(Side::Sell, "101", "0"));
        market.apply(&depth(Side::Sell, "101", "1"));
        assert_eq!(best(&market), level("101", "1"), "the level came anew");
        market.apply(&depth(Side::Sell, "101", "10"));
        market.place(time(0), Side::Buy, None, qty("9"));
        market.apply(&depth(Side::Sell, "101", "3"));
        market.apply(&depth(Side::Sell, "101", "5"));
        assert_eq!(
            best(&market),
            level("101", "2"),
            "we took no more than the 3 that were left"
        );
    }
}

#[test]
fn an_order_takes_up_to_its_limit_and_rests_and_one_without_ends() {
    let mut market = market(QueueRule::Conservative);
    let placed = market.place(time(0), Side::Buy, Some("101".parse().unwrap()), qty("12"));
    assert_eq!(placed.leaves_qty, qty("2"));
    assert_eq!(market.waiting(placed.order_id), Some((qty("2"), Qty::ZERO)));
    let ended = market.place(time(0), Side::Buy, None, qty("9"));
    let prices: Vec<Price> = ended.fills.iter().map(|fill| fill.price).collect();
    assert_eq!(
        (prices, ended.leaves_qty),
        (vec!["102".parse().unwrap()], qty("4"))
    );
    assert_eq!(market.waiting(ended.order_id), None);
    assert_eq!(market.cancel(placed.order_id), Some(qty("2")));
    assert_eq!(market.cancel(placed.order_id), None);
}

#[test]
fn quantity_that_stands_where_our_order_reaches_meets_it_and_is_gone() {
    for rule in BOTH {
        let mut market = market(rule);
        let order = rest(&mut market, Side::Buy, "100", "5");
        // A seller asks 99.5: all bids of 100 are gone, we trade at our price.
        assert_eq!(
            fills(&mut market, &depth(Side::Sell, "99.5", "3")),
            vec![(1, "3".to_owned())]
        );
        assert_eq!(market.waiting(order), Some((qty("2"), Qty::ZERO)));
        assert_eq!(
            market.best(Side::Sell),
            Some(level("101", "10")),
            "what we met is gone"
        );
        assert_eq!(
            fills(&mut market, &depth(Side::Sell, "99.5", "3")),
            vec![],
            "and does not come twice"
        );
        let at_the_price = rest(&mut market, Side::Sell, "101", "5");
        assert_eq!(ahead(&market, at_the_price), "10");
        assert_eq!(
            fills(&mut market, &depth(Side::Buy, "101", "3")),
            vec![(2, "3".to_owned())]
        );
    }
}

#[test]
fn changes_of_one_moment_meet_us_after_all_of_them() {
    let mut market = market(QueueRule::Conservative);
    rest(&mut market, Side::Sell, "101", "5");
    // A bid that comes to 101 and one that goes from there in the same message leave nothing to trade with.
    let there_and_gone = RecordedEvent::Depth {
        time: time(1),
        bids: vec![level("101", "3"), level("101", "0")],
        asks: vec![],
    };
    assert_eq!(fills(&mut market, &there_and_gone), vec![]);
}

#[test]
fn our_part_of_the_volume_is_counted() {
    let mut market = market(QueueRule::Conservative);
    assert_eq!(market.participation().rate_ppm(), None);
    market.place(time(0), Side::Buy, None, qty("1"));
    rest(&mut market, Side::Buy, "100.5", "2");
    market.apply(&trade(Side::Sell, "100.5", "8"));
    let participation = Participation {
        made: qty("2"),
        taken: qty("1"),
        recorded: qty("8"),
    };
    assert_eq!(market.participation(), participation);
    assert_eq!(participation.rate_ppm(), Some(375_000));
}

#[test]
fn a_recording_is_read_up_to_now_and_no_further() {
    let at = |seconds| RecordedEvent::Trade {
        time: time(seconds),
        aggressor: Side::Sell,
        price: "100".parse().unwrap(),
        qty: qty("6"),
    };
    let mut market = market(QueueRule::Conservative);
    rest(&mut market, Side::Buy, "100", "9");
    let mut recording = [at(1), at(2), at(3)].into_iter().peekable();
    assert_eq!(market.advance(&mut recording, time(1)), vec![]);
    let filled = market.advance(&mut recording, time(2));
    assert_eq!(
        filled.iter().map(|fill| fill.qty).collect::<Vec<_>>(),
        vec![qty("2")]
    );
    assert_eq!(recording.next(), Some(at(3)));
}

fn event() -> impl Strategy<Value = RecordedEvent> {
    let units = 0..30_i64;
    prop_oneof![
        units
            .clone()
            .prop_map(|units| depth(Side::Buy, "100", &units.to_string())),
        units.prop_map(|units| trade(Side::Sell, "100", &units.to_string())),
    ]
}

proptest! {
    #[test]
    fn the_conservative_rule_never_gives_more_and_neither_gives_more_than_traded(
        events in proptest::collection::vec(event(), 1..60)
    ) {
        let (mut conservative, mut probabilistic) =
            (market(QueueRule::Conservative), market(QueueRule::Probabilistic));
        for market in [&mut conservative, &mut probabilistic] {
            rest(market, Side::Buy, "100", "5000");
        }
        for event in &events {
            conservative.apply(event);
            probabilistic.apply(event);
            let (least, most) = (conservative.participation(), probabilistic.participation());
            prop_assert!(least.made <= most.made);
            prop_assert!(most.made <= most.recorded);
            let before = |market: &RecordedMarket| market.waiting(OrderId(1)).unwrap().1;
            prop_assert!(before(&conservative) >= before(&probabilistic));
        }
    }
}
