//! Selling everything that is held: nothing else is sent meanwhile, and it ends.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

use std::time::Duration;

use crate::common::{World, cancels, entry, instrument, lots, price, replay, submissions, symbol};
use keel_domain::{ClOrdId, OrdStatus, OrdType, OrderIntent, Purpose, Qty, Side, SignedQty, TimeInForce};
use keel_engine::{Command, DurableState, Event, Operator, ProtectionSettings, Record};
use keel_execution::VenueReport;
use keel_risk::{HaltCause, TradingState};
use keel_strategy::Action;

/// Holds so many lots; a stop protects them.
fn holding(qty: i64) -> World {
    let mut world = World::protected(ProtectionSettings {
        stop_distance_bps: 100,
        unprotected_max: Duration::from_secs(5),
    });
    let mut left = qty;
    while left > 0 {
        let part = left.min(90);
        let id = world.submit_live(entry(Side::Buy, part));
        fill(&mut world, id, lots(part));
        left -= part;
    }
    for _ in 0..10 {
        pass(&mut world, 100);
    }
    assert!(world.trader.resting_stops().next().is_some());
    world
}

fn fill(world: &mut World, id: ClOrdId, qty: Qty) {
    let report = world.venue.fill(world.now, id, qty).unwrap();
    world.exchange(Event::Venue(report));
}

fn pass(world: &mut World, ms: u64) {
    world.now = world.now.plus(Duration::from_millis(ms));
    world.quote("99.99", "100.01");
    world.exchange(Event::Timer);
}

fn flatten(world: &mut World) {
    let reason = "going away".to_owned();
    world.exchange(Event::Operator(Operator::Flatten { reason }));
}

/// The order that flattens and waits for its end.
fn sale(world: &World) -> Option<(ClOrdId, OrderIntent)> {
    let order = world.trader.leftovers().next()?;
    Some((order.cl_ord_id(), *order.intent()))
}

/// The venue trades so much of the sale, and ends it, as it does with IOC.
fn sells(world: &mut World, qty: Qty) {
    let (id, intent) = sale(world).unwrap();
    if !qty.is_zero() {
        fill(world, id, qty);
    }
    if qty < intent.order_qty {
        let report = world.venue.end(world.now, id, OrdStatus::Expired).unwrap();
        world.exchange(Event::Venue(report));
    }
}

#[test]
fn what_is_held_is_sold_at_once_within_the_collar_and_the_stop_makes_room() {
    let mut world = holding(50);
    let resting = world.submit_live(entry(Side::Buy, 1));
    flatten(&mut world);
    pass(&mut world, 10);
    assert_eq!(world.trader.resting_stops().count(), 0);
    let (id, intent) = sale(&world).unwrap();
    let expected = OrderIntent {
        symbol: symbol(),
        side: Side::Sell,
        // 2 % below the bid, the collar of these tests.
        ord_type: OrdType::Limit {
            price: price("98"),
            time_in_force: TimeInForce::Ioc,
        },
        order_qty: lots(50),
        purpose: Purpose::ReduceOnly,
    };
    assert_eq!(intent, expected);
    assert!(id.to_string().contains("-flat"), "{id}");
    assert_ne!(id, resting, "what was open is canceled");
    assert!(!world.trader.is_flat());
    sells(&mut world, lots(50));
    pass(&mut world, 10);
    assert!(world.trader.is_flat());
    assert_eq!(world.trader.position(symbol()), SignedQty::ZERO);
    assert_eq!(world.trader.trading_state(), TradingState::ReduceOnly);
}

#[test]
fn a_large_position_leaves_in_orders_that_are_allowed_half_a_second_apart() {
    let mut world = holding(250);
    flatten(&mut world);
    pass(&mut world, 10);
    let mut sold = Vec::new();
    for _ in 0..3 {
        let (_, intent) = sale(&world).unwrap();
        sold.push(intent.order_qty);
        sells(&mut world, intent.order_qty);
        assert_eq!(sale(&world), None);
        pass(&mut world, 480);
        assert_eq!(sale(&world), None, "not before half a second is over");
        pass(&mut world, 20);
    }
    assert_eq!(sold, [lots(100), lots(100), lots(50)]);
    assert!(world.trader.is_flat());
}

#[test]
fn what_nobody_bought_is_offered_again_for_a_minute_and_then_protected_again() {
    let mut world = holding(50);
    flatten(&mut world);
    world.alerts.clear();
    let mut orders = 0;
    for _ in 0..599 {
        pass(&mut world, 100);
        if sale(&world).is_some() {
            orders += 1;
            sells(&mut world, Qty::ZERO);
        }
    }
    assert!((100..=120).contains(&orders), "{orders}");
    assert_eq!(world.alerts, Vec::<String>::new());
    pass(&mut world, 100);
    assert_eq!(
        world.alerts,
        ["BTCUSDT: not flat, 0.5 left: `trader flatten` tries again"]
    );
    assert!(!world.trader.is_flat());
    for _ in 0..20 {
        pass(&mut world, 100);
    }
    assert_eq!(sale(&world), None);
    assert_eq!(world.trader.resting_stops().count(), 1, "the stop is back");
    assert_eq!(world.trader.trading_state(), TradingState::ReduceOnly);
}

#[test]
fn f25_a_position_that_is_being_sold_counts_as_bare_all_the_time_and_nobody_is_told() {
    let mut world = holding(50);
    flatten(&mut world);
    let bare_since = world.now;
    world.alerts.clear();
    for _ in 0..599 {
        pass(&mut world, 100);
        assert_eq!(world.trader.unprotected_since(symbol()), Some(bare_since));
        if sale(&world).is_some() {
            sells(&mut world, Qty::ZERO);
        }
    }
    assert_eq!(world.alerts, Vec::<String>::new());
    world.loses = |command| matches!(command, Command::Submit(_));
    let told = |world: &World| {
        let texts = world.alerts.iter();
        texts.filter(|text| text.contains("without a stop")).count()
    };
    for _ in 0..49 {
        pass(&mut world, 100);
    }
    assert_eq!(told(&world), 0, "the sale's own end is told");
    pass(&mut world, 100);
    assert_eq!(told(&world), 1);
    world.loses = |_| false;
    for _ in 0..600 {
        pass(&mut world, 100);
    }
    assert_eq!(world.trader.unprotected_since(symbol()), None);
}

#[test]
fn the_strategy_sends_nothing_meanwhile() {
    let mut world = holding(50);
    flatten(&mut world);
    let exit = OrderIntent {
        ord_type: OrdType::Market,
        purpose: Purpose::ReduceOnly,
        ..entry(Side::Sell, 10)
    };
    let commands = world.wish(vec![Action::Submit(exit)]);
    let by_strategy = commands.iter().filter(|command| match command {
        Command::Submit(order) => !order.cl_ord_id().to_string().contains("-flat"),
        _ => false,
    });
    assert_eq!(by_strategy.count(), 0);
}

#[test]
fn f12_a_halt_is_lifted_to_reduce_only_and_no_further() {
    let mut world = holding(50);
    let reason = "drill".to_owned();
    world.exchange(Event::Operator(Operator::Halt(HaltCause::Operator { reason })));
    flatten(&mut world);
    assert_eq!(world.trader.trading_state(), TradingState::ReduceOnly);
    pass(&mut world, 10);
    assert!(sale(&world).is_some());
    assert_eq!(world.trader.state(), &world.replayed());
    sells(&mut world, lots(50));
    world.restart();
    world.connect();
    assert_eq!(world.trader.trading_state(), TradingState::ReduceOnly);
    assert_eq!(
        submissions(&world.wish(vec![Action::Submit(entry(Side::Buy, 1))])),
        0
    );
}

/// A crash may leave any prefix of what was recorded.
#[test]
fn f12_no_prefix_of_the_records_of_a_flatten_out_of_a_halt_starts_active() {
    for is_of_a_pair in [false, true] {
        let mut world = holding(50);
        if is_of_a_pair {
            let mut instrument = instrument(symbol());
            instrument.base = "ETH".parse().unwrap();
            world.exchange(Event::Venue(VenueReport::Instrument(instrument)));
            assert_eq!(world.trader.trading_state(), TradingState::Active);
        } else {
            let reason = "drill".to_owned();
            world.exchange(Event::Operator(Operator::Halt(HaltCause::Operator { reason })));
        }
        assert_eq!(world.trader.trading_state_of(symbol()), TradingState::Halted);
        let halted = world.log.records.len();
        flatten(&mut world);
        pass(&mut world, 10);
        sells(&mut world, lots(50));
        pass(&mut world, 10);
        assert!(world.log.records.len() > halted + 2);
        for end in halted..=world.log.records.len() {
            let state = replay(DurableState::default(), &world.log.records[..end]);
            let (state, cause) = state.restriction().unwrap();
            assert!(*state >= TradingState::ReduceOnly, "{end}: {state}: {cause}");
        }
        let reason = "going away".to_owned();
        let state = world.trader.state();
        let expected = (TradingState::ReduceOnly, HaltCause::Operator { reason });
        assert_eq!(state.restriction(), Some(&expected));
    }
}

/// Written by builds that recorded a flatten out of a halt as two facts.
#[test]
fn records_of_a_flatten_of_earlier_builds_still_read() {
    let text = r#"[{"at":1,"fact":{"Restricted":{"state":"Halted","cause":{"Operator":{"reason":"drill"}}}}},
        {"at":2,"fact":{"Resumed":{"reason":"to flatten: away"}}},
        {"at":2,"fact":{"Restricted":{"state":"ReduceOnly","cause":{"Operator":{"reason":"away"}}}}}]"#;
    let records: Vec<Record> = serde_json::from_str(text).unwrap();
    let state = replay(DurableState::default(), &records);
    let reason = "away".to_owned();
    let expected = (TradingState::ReduceOnly, HaltCause::Operator { reason });
    assert_eq!(state.restriction(), Some(&expected));
}

#[test]
fn f7_what_a_stop_sold_while_nobody_listened_is_not_sold_again() {
    let mut world = holding(50);
    let stop = world.trader.resting_stops().next().unwrap().cl_ord_id();
    let cause = "gone".to_owned();
    world.exchange(Event::Venue(VenueReport::SessionDown { cause }));
    world.venue.fill(world.now, stop, lots(50)).unwrap();
    flatten(&mut world);
    pass(&mut world, 1_000);
    assert!(!world.trader.is_flat(), "not known yet");
    world.connect();
    pass(&mut world, 1_000);
    assert!(world.trader.is_flat(), "the stop had sold it");
    assert_eq!(world.venue.orders.len(), 2, "the buy and its stop");
}

#[test]
fn f41_nothing_is_sold_before_the_venue_has_told_what_happened_meanwhile() {
    let mut world = World::started();
    let id = world.submit_live(entry(Side::Buy, 10));
    fill(&mut world, id, lots(10));
    let cause = "gone".to_owned();
    world.exchange(Event::Venue(VenueReport::SessionDown { cause }));
    let account = "1".to_owned();
    // Up again, and nothing is answered yet.
    world.on(Event::Venue(VenueReport::SessionUp { account }));
    world.quote("99.99", "100.01");
    let reason = "going away".to_owned();
    let sent = submissions(&world.on(Event::Operator(Operator::Flatten { reason })));
    assert_eq!(sent + submissions(&world.on(Event::Timer)), 0);
    assert!(!world.trader.is_flat());
    world.connect();
    pass(&mut world, 1_000);
    assert!(sale(&world).is_some(), "now it is");
}

#[test]
fn a_halt_in_the_middle_stops_the_sale() {
    let mut world = holding(250);
    flatten(&mut world);
    pass(&mut world, 10);
    sells(&mut world, lots(100));
    let reason = "stop that".to_owned();
    world.exchange(Event::Operator(Operator::Halt(HaltCause::Operator { reason })));
    for _ in 0..20 {
        pass(&mut world, 100);
    }
    assert_eq!(sale(&world), None);
    assert_eq!(world.trader.position(symbol()), SignedQty::from(lots(150)));
}

#[test]
fn a_system_that_is_ending_flattens_nothing() {
    let mut world = holding(50);
    world.exchange(Event::Operator(Operator::Shutdown));
    flatten(&mut world);
    for _ in 0..20 {
        pass(&mut world, 100);
    }
    assert_eq!(sale(&world), None);
    assert!(cancels(&world.on(Event::Timer)).is_empty());
    assert_eq!(world.trader.resting_stops().count(), 1);
}
