//! Our orders in a recorded market: every expected fill is computed by hand, for both queue rules.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

use keel_domain::{
    InstrumentStatus, Money, OrdType, OrderId, Qty, Side, Symbol, TimeInForce, Timestamp, Trigger,
};
use keel_sim_exchange::core::{
    AccountConfig, AccountId, Exchange, ExchangeConfig, ExchangeEvent, ExpiryReason, LevelQty, NewOrder,
    OrderOptions, OrderRef, PriceRange, PriceRules, Quantity, QueueRule, RecordedChange, RecordedEvent,
    ReferenceCalculation, ReportKind, Scenario,
};
use proptest::prelude::*;

const BOTH: [QueueRule; 2] = [QueueRule::Conservative, QueueRule::Probabilistic];
/// The first event's; the exchange starts an hour later.
const RECORDED: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const START: Timestamp = Timestamp::from_millis(1_700_003_600_000);

fn pair() -> Symbol {
    "BTCUSDT".parse().unwrap()
}

fn level(price: &str, qty: &str) -> LevelQty {
    LevelQty {
        price: price.parse().unwrap(),
        qty: qty.parse().unwrap(),
    }
}

fn levels(levels: &[(&str, &str)]) -> Vec<LevelQty> {
    levels.iter().map(|(price, qty)| level(price, qty)).collect()
}

fn snapshot(bids: &[(&str, &str)], asks: &[(&str, &str)]) -> RecordedChange {
    RecordedChange::Snapshot {
        bids: levels(bids),
        asks: levels(asks),
    }
}

fn depth(bids: &[(&str, &str)], asks: &[(&str, &str)]) -> RecordedChange {
    RecordedChange::Depth {
        bids: levels(bids),
        asks: levels(asks),
    }
}

fn bid(price: &str, qty: &str) -> RecordedChange {
    depth(&[(price, qty)], &[])
}

fn ask(price: &str, qty: &str) -> RecordedChange {
    depth(&[], &[(price, qty)])
}

fn sold(price: &str, qty: &str) -> RecordedChange {
    traded(Side::Sell, price, qty)
}

fn traded(aggressor: Side, price: &str, qty: &str) -> RecordedChange {
    let LevelQty { price, qty } = level(price, qty);
    RecordedChange::Trade {
        aggressor,
        price,
        qty,
    }
}

/// An exchange that plays a recording, one event a second, and one client.
struct Scene {
    exchange: Exchange,
    client: AccountId,
    now: Timestamp,
    /// Public trades so far: price and quantity.
    tape: Vec<(String, String)>,
}

impl Scene {
    /// Begins with 100 bid with 10, 101 asked with 10 and 102 with 5.
    fn new(rule: QueueRule, events: Vec<RecordedChange>) -> Self {
        Self::ruled(rule, events, Vec::new())
    }

    fn ruled(rule: QueueRule, events: Vec<RecordedChange>, price_rules: Vec<PriceRules>) -> Self {
        let mut config = ExchangeConfig::with_default_markets(1);
        config.scenario = Scenario::Calm;
        config.has_background = false;
        config.price_rules = price_rules;
        config.markets.truncate(1);
        config.markets[0].start_price = "100".parse().unwrap();
        config.accounts = vec![AccountConfig {
            name: "client".to_owned(),
            funds: vec![
                ("USDT".parse().unwrap(), Money::from(10_000_000)),
                ("BTC".parse().unwrap(), Money::from(10_000)),
            ],
            ..AccountConfig::default()
        }];
        let mut exchange = Exchange::new(config, START).unwrap();
        let client = exchange.account(0).unwrap();
        let first = snapshot(&[("100", "10")], &[("101", "10"), ("102", "5")]);
        let events = std::iter::once(first).chain(events);
        let timed = events.zip(0_i64..).map(|(change, second)| RecordedEvent {
            symbol: pair(),
            time: RECORDED.plus(std::time::Duration::from_secs(second.unsigned_abs())),
            change,
        });
        exchange.play(START, rule, Box::new(timed.collect::<Vec<_>>().into_iter()));
        let mut scene = Self {
            exchange,
            client,
            now: START,
            tape: Vec::new(),
        };
        scene.fills();
        scene
    }

    /// Lets the next recorded event happen, and gives what the client's orders traded by it: order, price, quantity.
    fn step(&mut self) -> Vec<(u64, String, String)> {
        self.now = self.exchange.next_deadline().unwrap();
        self.exchange.advance(self.now);
        self.fills()
    }

    fn fills(&mut self) -> Vec<(u64, String, String)> {
        let mut fills = Vec::new();
        while let Some(event) = self.exchange.poll_event() {
            match event {
                ExchangeEvent::Order(report) => {
                    if let ReportKind::Trade(trade) = report.kind {
                        let (price, qty) = (trade.price.to_string(), trade.qty.to_string());
                        fills.push((report.order.order_id.0, price, qty));
                    }
                }
                ExchangeEvent::Trade(trade) => {
                    self.tape.push((trade.price.to_string(), trade.qty.to_string()));
                }
                _ => {}
            }
        }
        fills
    }

    fn place(&mut self, side: Side, price: &str, qty: &str) -> OrderId {
        let order = NewOrder {
            symbol: pair(),
            side,
            ord_type: OrdType::Limit {
                price: price.parse().unwrap(),
                time_in_force: TimeInForce::Gtc,
            },
            quantity: Quantity::Base(qty.parse().unwrap()),
            cl_ord_id: None,
            options: OrderOptions::default(),
        };
        self.exchange.place(self.now, self.client, order).unwrap()
    }

    /// Places an order that rests whole.
    fn rest(&mut self, side: Side, price: &str, qty: &str) -> u64 {
        let order_id = self.place(side, price, qty);
        assert_eq!(self.fills(), vec![], "it rests");
        order_id.0
    }

    fn leaves(&self, order_id: u64) -> String {
        let found = self
            .exchange
            .order(self.client, pair(), OrderRef::OrderId(OrderId(order_id)));
        found.unwrap().leaves_qty().to_string()
    }

    fn set_status(&mut self, status: InstrumentStatus) {
        let mut instrument = self.exchange.instrument(pair()).unwrap().clone();
        instrument.status = status;
        self.exchange.replace_instrument(instrument).unwrap();
    }

    fn best(&self, side: Side) -> Option<(String, String)> {
        let best = self.exchange.best(pair(), side)?;
        Some((best.price.to_string(), best.qty.to_string()))
    }
}

fn fill(order_id: u64, price: &str, qty: &str) -> (u64, String, String) {
    (order_id, price.to_owned(), qty.to_owned())
}

fn at(price: &str, qty: &str) -> Option<(String, String)> {
    Some((price.to_owned(), qty.to_owned()))
}

#[test]
fn without_orders_of_ours_it_trades_as_it_did() {
    // The 3 at 103 came and went between two books; 101 and 102 were gone by then.
    let mut scene = Scene::new(
        QueueRule::Conservative,
        vec![
            traded(Side::Buy, "101", "4"),
            traded(Side::Buy, "103", "3"),
            depth(&[("101", "2")], &[("101", "0"), ("102", "0"), ("103", "7")]),
        ],
    );
    assert_eq!(scene.best(Side::Sell), at("101", "10"));
    scene.step();
    assert_eq!(scene.best(Side::Sell), at("101", "6"));
    scene.step();
    assert_eq!(scene.best(Side::Sell), None);
    scene.step();
    assert_eq!(
        (scene.best(Side::Buy), scene.best(Side::Sell)),
        (at("101", "2"), at("103", "7"))
    );
    let tape: Vec<_> = [at("101", "4"), at("103", "3")].into_iter().flatten().collect();
    assert_eq!(scene.tape, tape);
    assert_eq!(scene.exchange.recorded_volume(pair()).to_string(), "7");
    assert!(scene.exchange.is_played_out());
    assert_eq!(scene.exchange.next_deadline(), None);
}

#[test]
fn cancels_bring_us_forward_by_the_probabilistic_rule_only() {
    // 10 before us, 10 come behind us, 8 of the 20 cancel: in proportion 4 of them stood before us.
    for (rule, filled) in [
        (QueueRule::Conservative, None),
        (QueueRule::Probabilistic, Some("2")),
    ] {
        let mut scene = Scene::new(rule, vec![bid("100", "20"), bid("100", "12"), sold("100", "8")]);
        let order = scene.rest(Side::Buy, "100", "2");
        assert_eq!((scene.step(), scene.step()), (vec![], vec![]));
        let expected: Vec<_> = filled.map(|qty| fill(order, "100", qty)).into_iter().collect();
        assert_eq!(scene.step(), expected, "{rule:?}");
    }
}

#[test]
fn a_reduction_that_trades_explain_counts_once() {
    for rule in BOTH {
        let events = vec![
            bid("100", "20"),
            sold("100", "4"),
            bid("100", "16"),
            sold("100", "7"),
        ];
        let mut scene = Scene::new(rule, events);
        let order = scene.rest(Side::Buy, "100", "3");
        for _ in 0..3 {
            assert_eq!(scene.step(), vec![]);
        }
        assert_eq!(
            scene.step(),
            vec![fill(order, "100", "1")],
            "{rule:?}: 6 stand before us, since the trade's 4 are no cancels"
        );
        assert_eq!(scene.leaves(order), "2");
    }
}

#[test]
fn nobody_is_before_us_who_is_no_longer_there() {
    for rule in BOTH {
        let events = vec![
            snapshot(&[("100", "7")], &[]),
            bid("100", "3"),
            sold("100", "4"),
            bid("100", "0"),
            bid("100", "50"),
            sold("100", "0.5"),
        ];
        let mut scene = Scene::new(rule, events);
        let order = scene.rest(Side::Buy, "100", "2");
        assert_eq!((scene.step(), scene.step()), (vec![], vec![]));
        assert_eq!(scene.step(), vec![fill(order, "100", "1")], "3 stood before us");
        assert_eq!((scene.step(), scene.step()), (vec![], vec![]));
        assert_eq!(
            scene.step(),
            vec![fill(order, "100", "0.5")],
            "the 50 came behind us"
        );
    }
}

#[test]
fn a_trade_beyond_our_price_would_have_met_us_first() {
    for rule in BOTH {
        let mut scene = Scene::new(rule, vec![sold("99", "3")]);
        let worse = scene.rest(Side::Buy, "99.5", "2");
        let better = scene.rest(Side::Buy, "100", "2");
        assert_eq!(
            scene.step(),
            vec![fill(better, "100", "2"), fill(worse, "99.5", "1")],
            "nothing of the 10 that stood before us at 100 was there any more"
        );
    }
}

#[test]
fn a_trade_on_the_other_side_of_us_meets_us_only_where_it_reaches() {
    let mut scene = Scene::new(
        QueueRule::Conservative,
        vec![traded(Side::Buy, "101", "3"), traded(Side::Buy, "100", "1")],
    );
    let order = scene.rest(Side::Buy, "100.5", "2");
    assert_eq!(
        scene.step(),
        vec![],
        "a buyer at 101 does not meet a bid of 100.5"
    );
    assert_eq!(
        scene.step(),
        vec![fill(order, "100.5", "1")],
        "who sold at 100 would have sold to us"
    );
}

#[test]
fn our_orders_at_a_price_trade_in_order_of_arrival_with_the_market_between() {
    let mut scene = Scene::new(
        QueueRule::Conservative,
        vec![ask("101", "15"), traded(Side::Buy, "101", "18")],
    );
    let first = scene.rest(Side::Sell, "101", "2");
    scene.step();
    let second = scene.rest(Side::Sell, "101", "2");
    // 10 before the first, its 2, the 5 between, and 1 for the second.
    let both = vec![fill(first, "101", "2"), fill(second, "101", "1")];
    assert_eq!(scene.step(), both);
}

#[test]
fn what_we_took_stays_gone_until_the_level_is_refreshed() {
    for rule in BOTH {
        let events = ["9", "12", "16", "0", "1", "10", "3", "5"];
        let mut scene = Scene::new(rule, events.map(|qty| ask("101", qty)).to_vec());
        let taken = scene.place(Side::Buy, "101", "4");
        assert_eq!(scene.fills(), vec![fill(taken.0, "101", "4")]);
        assert_eq!(scene.best(Side::Sell), at("101", "6"));
        let mut after = |what: &str, best| {
            scene.step();
            assert_eq!(scene.best(Side::Sell), best, "{rule:?}: {what}");
        };
        after("a cancel is no refresh", at("101", "5"));
        after("3 came, we had taken 4", at("101", "8"));
        after("4 came: refreshed", at("101", "16"));
        after("all gone", at("102", "5"));
        after("the level came anew", at("101", "1"));
        after("and grew", at("101", "10"));
        scene.place(Side::Buy, "101", "9");
        scene.fills();
        scene.step();
        assert_eq!(scene.best(Side::Sell), at("102", "5"), "3 left, we had taken 9");
        scene.step();
        assert_eq!(
            scene.best(Side::Sell),
            at("101", "2"),
            "{rule:?}: we took no more than the 3 that were left"
        );
    }
}

#[test]
fn a_new_snapshot_brings_back_what_we_took() {
    let mut scene = Scene::new(
        QueueRule::Conservative,
        vec![snapshot(&[("100", "10")], &[("101", "10")])],
    );
    scene.place(Side::Buy, "101", "4");
    scene.step();
    assert_eq!(scene.best(Side::Sell), at("101", "10"));
}

#[test]
fn quantity_that_stands_where_our_order_reaches_meets_it_and_is_gone() {
    for rule in BOTH {
        let mut scene = Scene::new(rule, vec![ask("99.5", "3"), ask("99.5", "3"), bid("101", "3")]);
        let order = scene.rest(Side::Buy, "100", "5");
        // A seller asks 99.5: all bids of 100 are gone, we trade at our price.
        assert_eq!(scene.step(), vec![fill(order, "100", "3")]);
        assert_eq!(scene.leaves(order), "2");
        assert_eq!(scene.best(Side::Sell), at("101", "10"), "what we met is gone");
        assert_eq!(scene.step(), vec![], "and does not come twice");
        let sell = scene.rest(Side::Sell, "101", "5");
        assert_eq!(scene.step(), vec![fill(sell, "101", "3")]);
    }
}

#[test]
fn changes_of_one_moment_meet_us_after_all_of_them() {
    // A bid that comes to 101 and one that goes from there in the same message leave nothing to trade with.
    let there_and_gone = depth(&[("101", "3"), ("101", "0")], &[]);
    let mut scene = Scene::new(QueueRule::Conservative, vec![there_and_gone]);
    scene.rest(Side::Sell, "101", "5");
    assert_eq!(scene.step(), vec![]);
}

#[test]
fn a_halted_pair_stands_still_and_then_is_what_was_recorded() {
    let events = vec![bid("100", "4"), sold("100", "4"), bid("99", "1")];
    let mut scene = Scene::new(QueueRule::Conservative, events);
    scene.set_status(InstrumentStatus::Halt);
    scene.step();
    scene.step();
    assert_eq!((scene.best(Side::Buy), scene.tape.len()), (at("100", "10"), 0));
    scene.set_status(InstrumentStatus::Trading);
    scene.step();
    assert_eq!(scene.best(Side::Buy), at("100", "4"));
}

#[test]
fn a_recording_is_played_up_to_now_and_no_further() {
    let mut scene = Scene::new(
        QueueRule::Conservative,
        vec![sold("100", "1"), sold("100", "2"), sold("100", "3")],
    );
    let second = std::time::Duration::from_secs(1);
    scene.exchange.advance(START.plus(second * 2));
    scene.fills();
    assert_eq!(scene.tape.len(), 2);
    assert_eq!(scene.exchange.next_deadline(), Some(START.plus(second * 3)));
    assert!(!scene.exchange.is_played_out());
}

#[test]
fn a_price_range_binds_our_orders_and_not_what_was_recorded() {
    let (up, down) = (Some(Money::new(101, 2)), Some(Money::new(99, 2)));
    let rules = PriceRules {
        symbol: pair(),
        reference: Some(ReferenceCalculation::External(0)),
        range: Some(PriceRange {
            bid_up: up,
            bid_down: down,
            ask_up: up,
            ask_down: down,
        }),
    };
    let events = vec![traded(Side::Buy, "101", "4"), ask("101", "6")];
    let mut scene = Scene::ruled(QueueRule::Conservative, events, vec![rules]);
    let given = Some("90".parse().unwrap());
    assert!(scene.exchange.give_reference_price(START, pair(), given));
    scene.step();
    assert_eq!(scene.tape, [("101".to_owned(), "4".to_owned())]);
    let order = scene.place(Side::Buy, "101", "1");
    let found = scene
        .exchange
        .order(scene.client, pair(), OrderRef::OrderId(order));
    assert_eq!(
        found.unwrap().expiry_reason,
        Some(ExpiryReason::PriceRangeExceeded)
    );
    assert_eq!(scene.best(Side::Sell), at("101", "6"));
}

#[test]
fn our_stop_is_triggered_by_a_recorded_trade() {
    let moved = depth(&[("100", "0"), ("99.5", "5")], &[]);
    let mut scene = Scene::new(QueueRule::Conservative, vec![moved, sold("99.5", "1")]);
    let trigger = Trigger::Stop {
        stop_px: "99.5".parse().unwrap(),
    };
    let order = NewOrder {
        symbol: pair(),
        side: Side::Sell,
        ord_type: OrdType::StopLoss { trigger },
        quantity: Quantity::Base("2".parse().unwrap()),
        cl_ord_id: None,
        options: OrderOptions::default(),
    };
    let stop = scene.exchange.place(scene.now, scene.client, order).unwrap();
    assert_eq!(scene.step(), vec![]);
    assert_eq!(scene.step(), vec![fill(stop.0, "99.5", "2")]);
    assert_eq!(scene.best(Side::Buy), at("99.5", "2"));
}

fn change() -> impl Strategy<Value = RecordedChange> {
    prop_oneof![
        (0..30_u32).prop_map(|qty| bid("100", &qty.to_string())),
        (1..30_u32).prop_map(|qty| sold("100", &qty.to_string())),
    ]
}

proptest! {
    #[test]
    fn the_conservative_rule_never_gives_more_and_neither_gives_more_than_traded(
        events in proptest::collection::vec(change(), 1..40)
    ) {
        let filled = |rule| {
            let mut scene = Scene::new(rule, events.clone());
            scene.rest(Side::Buy, "100", "5000");
            let mut most = Qty::ZERO;
            for _ in &events {
                for (_, _, qty) in scene.step() {
                    most = most.saturating_add(qty.parse().unwrap());
                }
                prop_assert!(most <= scene.exchange.recorded_volume(pair()));
            }
            Ok(most)
        };
        let (least, most) = (filled(QueueRule::Conservative)?, filled(QueueRule::Probabilistic)?);
        prop_assert!(least <= most);
    }

    #[test]
    fn money_is_only_moved_by_a_recording(events in proptest::collection::vec(change(), 1..40)) {
        let mut scene = Scene::new(QueueRule::Probabilistic, events.clone());
        let before = scene.exchange.totals();
        scene.rest(Side::Buy, "100", "50");
        scene.place(Side::Buy, "101", "3");
        for _ in &events {
            scene.step();
            prop_assert_eq!(&before, &scene.exchange.totals());
        }
    }
}
