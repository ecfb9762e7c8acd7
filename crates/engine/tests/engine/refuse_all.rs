//! A venue that refuses everything for ten minutes, while a position is held: how much it receives, and that the position is protected
//! once it takes orders again.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

use std::collections::VecDeque;
use std::time::Duration;

use crate::common::{World, entry, lots, price};
use keel_domain::{ClOrdId, OrdStatus, OrdType, OrderIntent, Purpose, Side, Timestamp};
use keel_engine::{Command, Event, ProtectionSettings};
use keel_execution::{Reject, VenueReport};
use keel_strategy::Action;

const SETTINGS: ProtectionSettings = ProtectionSettings {
    stop_distance_bps: 200,
    unprotected_max: Duration::from_secs(5),
};
const TEN_MINUTES: u32 = 6_000;
/// The longest wait between two turns of the ladder.
const AGAIN_AFTER_MAX: Duration = Duration::from_secs(240);

/// What the venue received.
#[derive(Debug, Default, PartialEq, Eq, Clone, Copy)]
struct Received {
    entries: u32,
    exits: u32,
    protection: u32,
}

impl Received {
    fn count(&mut self, command: &Command) -> bool {
        let Command::Submit(order) = command else {
            return false;
        };
        let is_of_protection = order.cl_ord_id().as_str().contains("stop");
        let count = match order.intent().purpose {
            _ if is_of_protection => &mut self.protection,
            Purpose::Entry => &mut self.entries,
            Purpose::ReduceOnly => &mut self.exits,
        };
        *count += 1;
        true
    }
}

fn exit(qty: i64) -> OrderIntent {
    OrderIntent {
        ord_type: OrdType::LimitMaker { price: price("101") },
        purpose: Purpose::ReduceOnly,
        ..entry(Side::Sell, qty)
    }
}

/// Holds a hundred lots, which have their stop.
fn holding() -> World {
    let mut world = World::protected(SETTINGS);
    let id = world.submit_live(entry(Side::Buy, 100));
    let report = world.venue.fill(world.now, id, lots(100)).unwrap();
    world.exchange(Event::Venue(report));
    world.pass(Duration::from_secs(1));
    assert_eq!(world.trader.resting_stops().count(), 1);
    world
}

/// A strategy that wants to buy and to sell all the time, each time another quantity, and a venue that refuses every order.
fn refuse_everything(world: &mut World, turns: u32, reject: &Reject) -> Received {
    let mut received = Received::default();
    for turn in 0..i64::from(turns) {
        let wishes = vec![
            Action::Submit(entry(Side::Buy, 1 + turn % 90)),
            Action::Submit(exit(1 + turn % 90)),
        ];
        world.script.lock().unwrap().wishes.push_back(wishes);
        world.now = world.now.plus(Duration::from_millis(100));
        world.quote("99.99", "100.01");
        let mut events = VecDeque::from([Event::Timer]);
        while let Some(event) = events.pop_front() {
            for command in world.on(event) {
                let reports = if received.count(&command) {
                    let Command::Submit(order) = command else { continue };
                    vec![VenueReport::SubmitRejected {
                        cl_ord_id: order.cl_ord_id(),
                        reject: reject.clone(),
                    }]
                } else {
                    world.venue.carry_out(world.now, command)
                };
                events.extend(reports.into_iter().map(Event::Venue));
            }
        }
    }
    received
}

fn reject(code: i32, text: &str) -> Reject {
    let text = text.to_owned();
    Reject { code, text }
}

#[test]
fn f6_with_a_position_ten_minutes_of_refusals_are_a_bounded_number_of_orders() {
    for (reject, entries, exits, protection) in [
        (
            reject(-2010, "This action is disabled on this account."),
            1,
            16,
            12,
        ),
        (
            reject(-2010, "Account has insufficient balance for requested action."),
            1,
            16,
            12,
        ),
        (reject(-1013, "Filter failure: NOTIONAL"), 1, 16, 12),
        (reject(-1015, "Too many new orders."), 3, 14, 41),
    ] {
        let mut world = holding();
        let expected = Received {
            entries,
            exits,
            protection,
        };
        let received = refuse_everything(&mut world, TEN_MINUTES, &reject);
        assert_eq!(received, expected, "{reject}");
        assert_eq!(world.trader.resting_stops().count(), 0);
        world.pass(AGAIN_AFTER_MAX + Duration::from_secs(1));
        assert_eq!(world.trader.resting_stops().count(), 1, "{reject}");
    }
}

#[test]
fn f26_a_ladder_that_comes_to_nothing_is_tried_twice_as_late_each_time_up_to_four_minutes() {
    let mut world = holding();
    let reject = reject(-2010, "This action is disabled on this account.");
    let tried = (0..1_000).filter(|_| refuse_everything(&mut world, 10, &reject).protection > 0);
    let tried: Vec<u32> = tried.collect();
    let waits: Vec<u32> = tried.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(waits, [60, 120, 240, 240, 240], "{tried:?}");
    world.pass(AGAIN_AFTER_MAX + Duration::from_secs(1));
    assert_eq!(world.trader.resting_stops().count(), 1);
    let tried = (0..100).filter(|_| refuse_everything(&mut world, 10, &reject).protection > 0);
    assert_eq!(tried.count(), 2, "protected in between, it begins anew");
}

#[test]
fn f26_an_exit_that_sells_a_part_is_followed_by_the_next_after_a_minute() {
    let mut world = holding();
    let refusal = reject(-2010, "This action is disabled on this account.");
    refuse_everything(&mut world, TEN_MINUTES, &refusal);
    let mut exits: Vec<(Timestamp, ClOrdId)> = Vec::new();
    while exits.len() < 3 {
        world.now = world.now.plus(Duration::from_secs(1));
        world.quote("97.00", "97.02");
        world.exchange(Event::Timer);
        let open = world.venue.orders.iter();
        let exit = open
            .filter(|(_, order)| !order.status.is_terminal() && order.intent.side == Side::Sell)
            .map(|(id, _)| *id)
            .next();
        let Some(exit) = exit else { continue };
        exits.push((world.now, exit));
        let part = world.venue.fill(world.now, exit, lots(2)).unwrap();
        world.exchange(Event::Venue(part));
        let ended = world.venue.end(world.now, exit, OrdStatus::Expired).unwrap();
        world.exchange(Event::Venue(ended));
    }
    let waits: Vec<u64> = exits
        .windows(2)
        .map(|pair| pair[1].0.since(pair[0].0).as_secs())
        .collect();
    assert_eq!(waits, [60, 60]);
}
