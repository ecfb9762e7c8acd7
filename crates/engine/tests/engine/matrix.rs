//! The matrix of states in docs/RISK.md against the machine: what it says of cancels, and of stops at the venue.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

use std::time::Duration;

use crate::common::{World, entry, lots};
use keel_domain::{ClOrdId, Side};
use keel_engine::{Event, Fact, Operator, ProtectionSettings, Record};
use keel_risk::{HaltCause, TradingState};
use keel_strategy::Action;

const PAGE: &str = include_str!("../../../../docs/RISK.md");

/// What the page says of a state in a column.
fn said(state: TradingState, column: usize) -> &'static str {
    let begin = format!("| {state} |");
    let row = PAGE.lines().find(|line| line.starts_with(&begin)).unwrap();
    row.split('|').nth(column + 1).unwrap().trim()
}

/// A machine in the state since an earlier run, with a stop and two entries that are open. Gives their ids.
fn restricted_to(state: TradingState) -> (World, ClOrdId, [ClOrdId; 2]) {
    let mut world = World::protected(ProtectionSettings {
        stop_distance_bps: 200,
        unprotected_max: Duration::from_secs(5),
    });
    let held = world.submit_live(entry(Side::Buy, 10));
    let fill = world.venue.fill(world.now, held, lots(10)).unwrap();
    world.exchange(Event::Venue(fill));
    world.pass(Duration::from_millis(500));
    let stop = world.trader.resting_stops().next().unwrap().cl_ord_id();
    let entries = [(); 2].map(|()| world.submit_live(entry(Side::Buy, 1)));
    if state != TradingState::Active {
        let reason = "test".to_owned();
        let cause = HaltCause::Operator { reason };
        let fact = Fact::Restricted { state, cause };
        world.log.records.push(Record { at: world.now, fact });
    }
    world.restart();
    world.connect();
    assert_eq!(world.trader.trading_state(), state);
    (world, stop, entries)
}

fn is_open(world: &World, id: ClOrdId) -> bool {
    !world.venue.orders.get(&id).unwrap().status.is_terminal()
}

#[test]
fn f12_what_the_page_says_of_cancels_and_of_stops_in_each_state_is_what_the_machine_does() {
    for state in [
        TradingState::Active,
        TradingState::EntriesBlocked,
        TradingState::ReduceOnly,
        TradingState::Halted,
    ] {
        let (mut world, stop, [by_strategy, by_operator]) = restricted_to(state);
        for command in world.wish(vec![Action::Cancel(by_strategy)]) {
            for report in world.venue.carry_out(world.now, command) {
                world.exchange(Event::Venue(report));
            }
        }
        let strategy_may = !is_open(&world, by_strategy);
        world.exchange(Event::Operator(Operator::CancelAll));
        let operator_may = !is_open(&world, by_operator);
        assert_eq!(strategy_may, operator_may, "{state}");
        let word = if strategy_may { "yes" } else { "no" };
        assert_eq!(said(state, 3), word, "cancels in {state}");
        world.pass(Duration::from_secs(5));
        let word = if is_open(&world, stop) { "stay" } else { "go" };
        assert_eq!(said(state, 4), word, "stops in {state}");
    }
}
