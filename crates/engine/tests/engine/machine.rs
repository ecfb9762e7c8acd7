//! The machine through its public interface: what is recorded before what leaves, and what stops it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

use std::time::Duration;

use crate::common::{World, cancels, entry, lots, submissions, symbol};
use keel_domain::{ExecutionReport, OrdStatus, OrderIntent, Side, SignedQty};
use keel_engine::{Command, Event, Fact, Operator};
use keel_execution::{Ending, OrderState, UnknownCause, VenueReport};
use keel_risk::{HaltCause, TradingState};
use keel_strategy::{Action, Permission};

fn halted_by_operator() -> Event {
    let reason = "test".to_owned();
    Event::Operator(Operator::Halt(HaltCause::Operator { reason }))
}

#[test]
fn f1_inv7_the_intent_is_durable_before_the_submission_can_be_had() {
    let mut world = World::started();
    let (id, _) = world.submit(entry(Side::Buy, 10));
    let intent = world
        .log
        .records
        .iter()
        .position(|record| matches!(record.fact, Fact::Intent { cl_ord_id, .. } if cl_ord_id == id))
        .unwrap();
    assert!(intent < world.log.synced, "the intent was not synced");
}

#[test]
fn f10_a_steps_cancels_are_had_before_its_records_are_kept_and_its_submissions_only_after() {
    let mut world = World::started();
    let old = world.submit_live(entry(Side::Buy, 10));
    let wishes = vec![Action::Cancel(old), Action::Submit(entry(Side::Buy, 5))];
    world.script.lock().unwrap().wishes.push_back(wishes);
    let kept = world.log.records.len();
    let mut step = world.trader.on_event(world.now, Event::Timer);
    let first = step.take_cancels();
    assert_eq!(cancels(&first), [old]);
    assert_eq!((first.len(), world.log.records.len()), (1, kept));
    let after = step.release(&mut world.log).unwrap();
    assert_eq!((submissions(&after), cancels(&after).len()), (1, 0));
    assert_eq!(world.log.synced, world.log.records.len());
}

#[test]
fn a_cancel_does_not_overtake_its_orders_own_submission() {
    let mut world = World::started();
    let id = "k1-scripted-1-1".parse().unwrap();
    let wishes = vec![Action::Submit(entry(Side::Buy, 10)), Action::Cancel(id)];
    world.script.lock().unwrap().wishes.push_back(wishes);
    let mut step = world.trader.on_event(world.now, Event::Timer);
    assert_eq!(step.take_cancels(), []);
    let commands = step.release(&mut world.log).unwrap();
    assert_eq!((submissions(&commands), cancels(&commands)), (1, vec![id]));
}

#[test]
fn inv7_inv29_a_failing_log_yields_no_submission_and_the_exposure_stays() {
    let mut world = World::started();
    world
        .script
        .lock()
        .unwrap()
        .wishes
        .push_back(vec![Action::Submit(entry(Side::Buy, 10))]);
    world.log.fails = true;
    let step = world.trader.on_event(world.now, Event::Timer);
    assert!(
        step.records()
            .iter()
            .any(|r| matches!(r.fact, Fact::Intent { .. }))
    );
    assert!(step.release(&mut world.log).is_err());
    let what = "test".to_owned();
    let commands = world
        .trader
        .halt_unrecorded(world.now, HaltCause::Journal { what });
    assert_eq!(submissions(&commands), 0);
    assert_eq!(cancels(&commands).len(), 1, "what may have left is canceled");
    assert_eq!(world.trader.trading_state(), TradingState::Halted);
    assert_eq!(world.trader.live_qty(symbol()).0, lots(10));
}

#[test]
fn f1_f2_inv8_an_unknown_order_keeps_its_exposure_and_blocks_entries() {
    let mut world = World::started();
    let (cl_ord_id, _) = world.submit(entry(Side::Buy, 10));
    let cause = UnknownCause::VenueUnsure(-1007);
    let commands = world.on_venue(VenueReport::SubmitUnknown { cl_ord_id, cause });
    let asks =
        |command: &Command| matches!(command, Command::QueryOrder { cl_ord_id: id, .. } if *id == cl_ord_id);
    assert!(commands.iter().any(asks), "its fate is asked for at once");
    assert_eq!(world.trader.live_qty(symbol()).0, lots(10));
    assert_eq!(
        submissions(&world.wish(vec![Action::Submit(entry(Side::Buy, 1))])),
        0
    );
    assert_eq!(
        world.script.lock().unwrap().permission,
        Some(Permission::ReduceOnly)
    );
}

#[test]
fn f22_inv8_unknown_never_ends_by_age_or_by_the_number_of_questions() {
    let mut world = World::started();
    let (cl_ord_id, _) = world.submit(entry(Side::Buy, 10));
    let cause = UnknownCause::TimedOut;
    world.on_venue(VenueReport::SubmitUnknown { cl_ord_id, cause });
    for _ in 0..2_000 {
        world.now = world.now.plus(Duration::from_secs(1));
        for command in world.on(Event::Timer) {
            if matches!(command, Command::QueryOrder { .. }) {
                let what = "no answer".to_owned();
                world.on_venue(VenueReport::QueryFailed { what });
            }
        }
    }
    let state = world.trader.state().orders().get(cl_ord_id).unwrap().state();
    assert_eq!(state, OrderState::Unknown(cause));
}

#[test]
fn f9_f67_a_panicking_strategy_halts_and_is_never_called_again() {
    let mut world = World::started();
    let id = world.submit_live(entry(Side::Buy, 10));
    world.script.lock().unwrap().panics = true;
    let commands = world.on(Event::Timer);
    assert_eq!(cancels(&commands), [id]);
    assert_eq!(world.trader.trading_state(), TradingState::Halted);
    let calls = world
        .script
        .lock()
        .map_or_else(|e| e.into_inner().calls, |s| s.calls);
    world.on(Event::Timer);
    let after = world
        .script
        .lock()
        .map_or_else(|e| e.into_inner().calls, |s| s.calls);
    assert_eq!(calls, after);
}

#[test]
fn inv21_inv22_inv23_a_halt_is_latched_and_survives_recovery() {
    let mut world = World::started();
    world.on(halted_by_operator());
    assert_eq!(
        submissions(&world.wish(vec![Action::Submit(entry(Side::Buy, 1))])),
        0
    );
    world.restart();
    world.connect();
    assert_eq!(world.trader.trading_state(), TradingState::Halted);
    assert_eq!(
        submissions(&world.wish(vec![Action::Submit(entry(Side::Buy, 1))])),
        0
    );
    let reason = "looked at it".to_owned();
    world.on(Event::Operator(Operator::Resume { reason }));
    world.restart();
    world.connect();
    assert_eq!(world.trader.trading_state(), TradingState::Active);
    world.submit(entry(Side::Buy, 1));
}

#[test]
fn f11_shutdown_closes_the_gate_first_then_cancels_then_looks() {
    let mut world = World::started();
    let live = world.submit_live(entry(Side::Buy, 10));
    let (in_flight, submission) = world.submit(entry(Side::Buy, 5));
    world
        .script
        .lock()
        .unwrap()
        .wishes
        .push_back(vec![Action::Submit(entry(Side::Buy, 1))]);
    let commands = world.on(Event::Operator(Operator::Shutdown));
    assert_eq!(submissions(&commands), 0);
    assert_eq!(cancels(&commands), [live, in_flight]);
    assert!(!world.trader.is_closed());
    // The cancel of the order in flight comes before the order itself.
    for command in commands {
        for report in world.venue.carry_out(world.now, command) {
            world.exchange(Event::Venue(report));
        }
    }
    for report in world.venue.carry_out(world.now, submission) {
        world.exchange(Event::Venue(report));
    }
    assert!(!world.trader.is_closed(), "an order is open at the venue");
    world.pass(Duration::from_secs(5));
    assert!(world.trader.is_closed());
    assert_eq!(world.venue.orders[&in_flight].status, OrdStatus::Canceled);
    assert!(
        world.script.lock().unwrap().wishes.is_empty(),
        "the strategy wished"
    );
    assert_eq!(world.venue.orders.len(), 2, "and nothing of it was sent");
}

#[test]
fn f11_a_shutdown_does_not_leave_the_next_start_halted() {
    let mut world = World::started();
    world.exchange(Event::Operator(Operator::Shutdown));
    world.restart();
    world.connect();
    world.submit(entry(Side::Buy, 1));
}

#[test]
fn f36_inv26_a_stale_or_crossed_book_gives_no_order() {
    let mut world = World::started();
    world.now = world.now.plus(Duration::from_millis(2_001));
    assert_eq!(
        submissions(&world.wish(vec![Action::Submit(entry(Side::Buy, 1))])),
        0
    );
    world.quote("100.01", "100");
    assert_eq!(
        submissions(&world.wish(vec![Action::Submit(entry(Side::Buy, 1))])),
        0
    );
    world.quote("99.99", "100.01");
    world.submit(entry(Side::Buy, 1));
}

#[test]
fn f41_foreign_orders_and_trades_are_told_and_never_booked() {
    let mut world = World::started();
    let theirs = "x-human".parse().unwrap();
    world.venue.place(world.now, theirs, entry(Side::Buy, 10));
    world.venue.fill(world.now, theirs, lots(4)).unwrap();
    world.pass(Duration::from_secs(31));
    assert!(
        world.alerts.iter().any(|text| text.contains("x-human")),
        "{:?}",
        world.alerts
    );
    assert_eq!(world.trader.position(symbol()), SignedQty::ZERO);
    assert_eq!(
        world.venue.orders[&theirs].status,
        OrdStatus::PartiallyFilled,
        "it is not canceled"
    );
    assert!(world.trader.state().orders().get(theirs).is_none());
}

#[test]
fn f32_an_exit_closes_nothing_until_it_has_filled() {
    let mut world = World::started();
    let bought = world.submit_live(entry(Side::Buy, 10));
    let fill = world.venue.fill(world.now, bought, lots(10)).unwrap();
    world.exchange(Event::Venue(fill));
    let exit = keel_domain::OrderIntent {
        purpose: keel_domain::Purpose::ReduceOnly,
        ..entry(Side::Sell, 10)
    };
    let sold = world.submit_live(exit);
    let held = Side::Buy.signed(lots(10));
    assert_eq!(world.trader.position(symbol()), held, "acknowledged");
    world.restart();
    world.connect();
    assert_eq!(world.trader.position(symbol()), held, "over a restart");
    let canceled = world.venue.end(world.now, sold, OrdStatus::Canceled).unwrap();
    world.exchange(Event::Venue(canceled));
    assert_eq!(world.trader.position(symbol()), held, "it came to nothing");
    let sold = world.submit_live(exit);
    let fill = world.venue.fill(world.now, sold, lots(10)).unwrap();
    world.exchange(Event::Venue(fill));
    assert_eq!(world.trader.position(symbol()), SignedQty::ZERO);
}

#[test]
fn f42_an_open_order_with_our_tag_that_is_not_recorded_is_canceled() {
    let mut world = World::started();
    let lost = "k1-900-1".parse().unwrap();
    world.venue.place(world.now, lost, entry(Side::Buy, 10));
    world.pass(Duration::from_secs(31));
    assert_eq!(world.venue.orders[&lost].status, OrdStatus::Canceled);
}

/// The reports of one order that trades 3, then 4 of 10, then is canceled.
fn history(world: &mut World, id: keel_domain::ClOrdId, command: Command) -> Vec<VenueReport> {
    let mut reports = world.venue.carry_out(world.now, command);
    reports.push(world.venue.fill(world.now, id, lots(3)).unwrap());
    reports.push(world.venue.fill(world.now, id, lots(4)).unwrap());
    reports.push(world.venue.end(world.now, id, OrdStatus::Canceled).unwrap());
    reports
}

#[test]
fn f20_every_order_and_doubling_of_ack_fill_fill_cancel_ends_the_same() {
    let mut permutations = Vec::new();
    for a in 0..4 {
        for b in (0..4).filter(|b| *b != a) {
            for c in (0..4).filter(|c| *c != a && *c != b) {
                permutations.push([a, b, c, 6 - a - b - c]);
            }
        }
    }
    assert_eq!(permutations.len(), 24);
    for permutation in permutations {
        for doubled in 0..4 {
            let mut world = World::started();
            let (id, command) = world.submit(entry(Side::Buy, 10));
            let reports = history(&mut world, id, command);
            for place in permutation.into_iter().chain([permutation[doubled]]) {
                world.on_venue(reports[place].clone());
            }
            let order = world.trader.state().orders().get(id).unwrap();
            assert_eq!(
                order.state(),
                OrderState::Done(Ending::Ended(OrdStatus::Canceled)),
                "{permutation:?}"
            );
            assert_eq!(
                (order.cum_qty(), order.booked_qty()),
                (lots(7), lots(7)),
                "{permutation:?}"
            );
            assert_eq!(world.trader.position(symbol()), Side::Buy.signed(lots(7)));
            assert_eq!(world.trader.trading_state(), TradingState::Active);
        }
    }
}

#[test]
fn f3_a_cancel_answered_unknown_order_is_a_question_and_the_fill_is_found() {
    let mut world = World::started();
    let id = world.submit_live(entry(Side::Buy, 10));
    let cancel = world.wish(vec![Action::Cancel(id)]);
    assert_eq!(cancels(&cancel), [id]);
    // It fills while the cancel is on its way, and the fill's event is lost.
    world.venue.fill(world.now, id, lots(10)).unwrap();
    for command in cancel {
        for report in world.venue.carry_out(world.now, command) {
            let commands = world.on_venue(report);
            assert_eq!(world.trader.live_qty(symbol()).0, lots(10), "it still counts");
            for command in commands {
                for report in world.venue.carry_out(world.now, command) {
                    world.exchange(Event::Venue(report));
                }
            }
        }
    }
    world.pass(Duration::from_secs(2));
    assert_eq!(world.trader.position(symbol()), Side::Buy.signed(lots(10)));
    assert_eq!(world.trader.live_qty(symbol()).0, lots(0));
}

#[test]
fn inv35_the_same_events_give_the_same_commands_byte_for_byte() {
    let run = || {
        let mut world = World::started();
        let mut text = String::new();
        let (id, command) = world.submit(entry(Side::Buy, 10));
        for report in history(&mut world, id, command) {
            let step = world.trader.on_event(world.now, Event::Venue(report));
            text.push_str(&format!("{step:?}"));
        }
        for _ in 0..100 {
            world.now = world.now.plus(Duration::from_millis(500));
            let step = world.trader.on_event(world.now, Event::Timer);
            text.push_str(&format!("{step:?}"));
        }
        (text, serde_json::to_string(&world.log.records).unwrap())
    };
    assert_eq!(run(), run());
}

#[test]
fn f21_a_restart_with_overlapping_answers_books_nothing_twice() {
    let mut world = World::started();
    let id = world.submit_live(entry(Side::Buy, 10));
    let report = world.venue.fill(world.now, id, lots(4)).unwrap();
    world.exchange(Event::Venue(report.clone()));
    world.restart();
    world.connect();
    world.exchange(Event::Venue(report));
    let VenueReport::Execution(ExecutionReport {
        trade: Some(trade), ..
    }) = world.venue.fill(world.now, id, lots(1)).unwrap()
    else {
        panic!("a fill has a trade");
    };
    world.pass(Duration::from_secs(31));
    world.pass(Duration::from_secs(31));
    assert!(world.trader.state().ledgers().contains(symbol(), trade.trade_id));
    assert_eq!(world.trader.position(symbol()), Side::Buy.signed(lots(5)));
}

#[test]
fn f55_a_contradiction_halts_its_symbol_alone_and_survives_a_restart() {
    let mut world = World::started();
    let id = world.submit_live(entry(Side::Buy, 10));
    let VenueReport::Execution(report) = world.venue.fill(world.now, id, lots(10)).unwrap() else {
        panic!("a fill is an execution");
    };
    let wrong = ExecutionReport {
        side: Side::Sell,
        ..report
    };
    let commands = world.on_venue(VenueReport::Execution(wrong));
    assert_eq!(cancels(&commands), [id]);
    for _ in 0..2 {
        assert_eq!(world.trader.trading_state_of(symbol()), TradingState::Halted);
        assert_eq!(
            world.trader.trading_state_of(crate::common::other_symbol()),
            TradingState::Active
        );
        assert_eq!(world.trader.trading_state(), TradingState::Active);
        assert_eq!(
            submissions(&world.wish(vec![Action::Submit(entry(Side::Buy, 1))])),
            0
        );
        world.restart();
        world.connect();
    }
    assert!(world.trader.state().restriction().is_some());
    let other = OrderIntent {
        symbol: crate::common::other_symbol(),
        ..entry(Side::Buy, 1)
    };
    world.submit(other);
    let reason = "looked at it".to_owned();
    world.exchange(Event::Operator(Operator::Resume { reason }));
    world.submit(entry(Side::Buy, 1));
}

#[test]
fn f9_orders_of_a_halted_symbol_are_canceled_until_none_is_live() {
    let mut world = World::started();
    let id = world.submit_live(entry(Side::Buy, 10));
    world.on(halted_by_operator());
    // Neither the cancel nor the answer to it arrives; the process dies, too.
    world.restart();
    world.connect();
    world.pass(Duration::from_secs(10));
    assert_eq!(world.venue.orders[&id].status, OrdStatus::Canceled);
}
