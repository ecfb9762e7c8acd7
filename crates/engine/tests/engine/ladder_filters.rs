//! Each filter of the venue that a stop can fail, at each rung of the ladder: the next rung follows, each once, and nothing loops.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use std::collections::VecDeque;
use std::time::Duration;

use crate::common::{World, entry, instrument, lots, symbol};
use keel_domain::{OrdType, Side};
use keel_engine::{Command, Event, ProtectionSettings};
use keel_execution::{Reject, VenueReport};
use keel_risk::TradingState;

const SETTINGS: ProtectionSettings = ProtectionSettings {
    stop_distance_bps: 200,
    unprotected_max: Duration::from_secs(5),
};
/// The venue's filters (filters.md), as its refusals name them.
const FILTERS: [&str; 16] = [
    "PRICE_FILTER",
    "PERCENT_PRICE",
    "PERCENT_PRICE_BY_SIDE",
    "LOT_SIZE",
    "MIN_NOTIONAL",
    "NOTIONAL",
    "ICEBERG_PARTS",
    "MARKET_LOT_SIZE",
    "MAX_NUM_ORDERS",
    "MAX_NUM_ALGO_ORDERS",
    "MAX_NUM_ICEBERG_ORDERS",
    "MAX_POSITION",
    "TRAILING_DELTA",
    "EXCHANGE_MAX_NUM_ORDERS",
    "EXCHANGE_MAX_NUM_ALGO_ORDERS",
    "MAX_NUM_ORDER_LISTS",
];

fn kind(ord_type: OrdType) -> &'static str {
    match ord_type {
        OrdType::StopLoss { .. } => "stop",
        OrdType::StopLossLimit { .. } => "stop with a limit",
        OrdType::Limit { .. } => "exit",
        _ => "other",
    }
}

/// A position is bought, and the venue refuses the first orders to protect it. Gives those sent within the time.
fn protected(world: &mut World, refusals: usize, reject: &Reject, time: Duration) -> Vec<&'static str> {
    let id = world.submit_live(entry(Side::Buy, 10));
    let fill = world.venue.fill(world.now, id, lots(10)).unwrap();
    let mut events = VecDeque::from([Event::Venue(fill)]);
    let (mut kinds, end) = (Vec::new(), world.now.plus(time));
    while world.now < end {
        while let Some(event) = events.pop_front() {
            for command in world.on(event) {
                let reports = match &command {
                    Command::Submit(order) if kinds.len() < refusals => {
                        kinds.push(kind(order.intent().ord_type));
                        let (cl_ord_id, reject) = (order.cl_ord_id(), reject.clone());
                        vec![VenueReport::SubmitRejected { cl_ord_id, reject }]
                    }
                    Command::Submit(order) => {
                        kinds.push(kind(order.intent().ord_type));
                        world.venue.carry_out(world.now, command)
                    }
                    _ => world.venue.carry_out(world.now, command),
                };
                events.extend(reports.into_iter().map(Event::Venue));
            }
        }
        world.now = world.now.plus(Duration::from_millis(500));
        world.quote("99.99", "100.01");
        events.push_back(Event::Timer);
    }
    kinds
}

#[test]
fn f26_every_filter_that_a_stop_fails_leads_down_the_ladder_and_none_loops() {
    const LADDER: [&str; 3] = ["stop", "stop with a limit", "exit"];
    for filter in FILTERS {
        let reject = Reject {
            code: -1013,
            text: format!("Filter failure: {filter}"),
        };
        for refusals in 0..=3 {
            let mut world = World::protected(SETTINGS);
            let sent = protected(&mut world, refusals, &reject, Duration::from_secs(59));
            let expected = LADDER.into_iter().take(refusals + 1).collect::<Vec<_>>();
            assert_eq!(sent, expected, "{filter}, {refusals} refusals");
            let state = world.trader.trading_state_of(symbol());
            let told = world
                .alerts
                .iter()
                .filter(|text| text.contains("no exit was possible"));
            if refusals == 3 {
                assert_eq!((state, told.count()), (TradingState::ReduceOnly, 1), "{filter}");
            } else {
                assert_eq!((state, told.count()), (TradingState::Active, 0), "{filter}");
            }
        }
    }
}

#[test]
fn f26_f51_filters_are_read_again_when_a_stop_fails_one() {
    let mut world = World::protected(SETTINGS);
    let id = world.submit_live(entry(Side::Buy, 10));
    let fill = world.venue.fill(world.now, id, lots(10)).unwrap();
    world.exchange(Event::Venue(fill));
    world.now = world.now.plus(Duration::from_millis(500));
    world.quote("99.99", "100.01");
    let sent = world.on(Event::Timer);
    let stop = sent.iter().find_map(|command| match command {
        Command::Submit(order) => Some(order.cl_ord_id()),
        _ => None,
    });
    let text = "Filter failure: PRICE_FILTER".to_owned();
    let refused = VenueReport::SubmitRejected {
        cl_ord_id: stop.unwrap(),
        reject: Reject { code: -1013, text },
    };
    let commands = world.on_venue(refused);
    let asks = |command: &&Command| matches!(command, Command::QueryInstruments);
    assert_eq!(commands.iter().filter(asks).count(), 1, "{commands:?}");
}

#[test]
fn f62_a_closed_market_is_waited_for_and_leaves_the_ladder_where_it_is() {
    for (code, text) in [(-1013, "Market is closed."), (-1121, "Invalid symbol.")] {
        let mut world = World::protected(SETTINGS);
        let text = text.to_owned();
        let reject = Reject { code, text };
        let sent = protected(&mut world, 100, &reject, Duration::from_secs(600));
        assert_eq!(sent, ["stop"], "{reject}");
        assert_eq!(world.trader.trading_state_of(symbol()), TradingState::Active);
        world.exchange(Event::Venue(VenueReport::Instrument(instrument(symbol()))));
        world.pass(Duration::from_secs(1));
        let stops = world
            .trader
            .resting_stops()
            .map(|stop| kind(stop.intent().ord_type));
        assert_eq!(stops.collect::<Vec<_>>(), ["stop"], "{reject}");
    }
}
