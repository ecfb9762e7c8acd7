//! Orders and fills in our name that nobody meant halt everything; those of persons, and those of orders that were let go, do not.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use crate::age::has_traded;
use crate::common::{T0, World, cancels, entry, lots, symbol};
use keel_domain::{ClOrdId, ExecType, ExecutionReport, OrdStatus, Side, Timestamp};
use keel_engine::{Event, Operator};
use keel_execution::{Orders, VenueReport};
use keel_risk::{HaltCause, TradingState};

/// Nobody here has made it, whatever its tag says.
fn unmeant() -> ClOrdId {
    "k1-scripted-1-900".parse().unwrap()
}

fn placed(world: &mut World, id: ClOrdId) -> VenueReport {
    world.venue.place(world.now, id, entry(Side::Buy, 10))
}

fn filled(world: &mut World, id: ClOrdId) -> ExecutionReport {
    placed(world, id);
    match world.venue.fill(world.now, id, lots(10)) {
        Some(VenueReport::Execution(report)) => report,
        other => unreachable!("{other:?}"),
    }
}

/// As a list of all orders tells it.
fn listed(report: ExecutionReport) -> ExecutionReport {
    ExecutionReport {
        exec_type: ExecType::OrderStatus,
        trade: None,
        ..report
    }
}

fn told(world: &mut World, report: ExecutionReport) -> TradingState {
    world.exchange(Event::Venue(VenueReport::Execution(report)));
    world.trader.trading_state()
}

fn resume(world: &mut World) {
    let reason = "looked at it".to_owned();
    world.exchange(Event::Operator(Operator::Resume { reason }));
    assert_eq!(world.trader.trading_state(), TradingState::Active);
}

#[test]
fn f8_an_open_order_in_our_name_that_nobody_meant_halts_and_is_canceled_as_often_as_it_is_seen() {
    let mut world = World::started();
    let ours = world.submit_live(entry(Side::Buy, 1));
    let seen = placed(&mut world, unmeant());
    assert_eq!(cancels(&world.on_venue(seen.clone())), [unmeant(), ours]);
    let what = "BTCUSDT: order k1-scripted-1-900, BUY 0.1 of which 0 traded, carries our tag and belongs to no intent in our records";
    let cause = HaltCause::Contradiction {
        what: what.to_owned(),
    };
    assert_eq!(world.trader.trading_state(), TradingState::Halted);
    assert_eq!(world.trader.restriction_cause(), Some(&cause));
    world.restart();
    assert_eq!(world.trader.trading_state(), TradingState::Halted, "latched");
    world.connect();
    resume(&mut world);
    assert_eq!(cancels(&world.on_venue(seen)).first(), Some(&unmeant()));
    assert_eq!(
        world.trader.trading_state(),
        TradingState::Halted,
        "it is still there"
    );
}

#[test]
fn f8_a_fill_in_our_name_that_nobody_meant_halts_each_one() {
    let mut world = World::started();
    let fill = filled(&mut world, unmeant());
    assert_eq!(told(&mut world, fill), TradingState::Halted);
    let cause = world.trader.restriction_cause().unwrap().to_string();
    assert!(cause.contains("BUY 0.1 of which 0.1 traded"), "{cause}");
    assert_eq!(world.trader.position(symbol()), keel_domain::SignedQty::ZERO);
    resume(&mut world);
    assert_eq!(told(&mut world, fill), TradingState::Active, "the same one again");
    let other = filled(&mut world, "k1-scripted-1-901".parse().unwrap());
    assert_eq!(told(&mut world, other), TradingState::Halted);
}

#[test]
fn f8_a_fill_that_only_a_list_of_orders_tells_halts_where_it_cannot_be_of_an_order_that_was_let_go() {
    for (id, expected) in [
        ("k1-scripted-2-1", TradingState::Halted),
        ("k1-x", TradingState::Halted),
        ("k1-scripted-1-1", TradingState::Active),
    ] {
        let mut world = World::started();
        let fill = filled(&mut world, id.parse().unwrap());
        assert_eq!(
            told(&mut world, listed(fill)),
            expected,
            "{id}, in the first boot"
        );
    }
}

#[test]
fn f41_a_persons_order_and_fill_halt_nothing() {
    let mut world = World::started();
    for id in ["x-1", "k2-scripted-1-1", "k10-scripted-1-1"] {
        let fill = filled(&mut world, id.parse().unwrap());
        assert_eq!(told(&mut world, fill), TradingState::Active, "{id}");
    }
    assert_eq!(world.trader.trading_state_of(symbol()), TradingState::ReduceOnly);
}

#[test]
fn f23_what_was_done_in_our_name_before_the_records_began_halts_nothing() {
    let mut world = World::started();
    let before = Timestamp::from_nanos(T0.as_nanos() - 1);
    let mut fill = filled(&mut world, "k1-scripted-900-1".parse().unwrap());
    fill.transact_time = before;
    assert_eq!(told(&mut world, listed(fill)), TradingState::Active);
    let trade = fill.trade.as_mut().unwrap();
    trade.transact_time = before;
    assert_eq!(told(&mut world, fill), TradingState::Active);
    let mut canceled = listed(fill);
    canceled.ord_status = OrdStatus::Canceled;
    assert_eq!(told(&mut world, canceled), TradingState::Active);
    let trade = fill.trade.as_mut().unwrap();
    (trade.transact_time, trade.trade_id) = (T0, keel_domain::TradeId(7));
    assert_eq!(
        told(&mut world, fill),
        TradingState::Halted,
        "and since then it does"
    );
}

#[test]
fn f41_the_trade_of_an_order_that_was_let_go_comes_again_and_is_still_ours() {
    let mut world = World::started();
    has_traded(&mut world, Orders::ENDED_MAX as u64 + 10);
    world.restart();
    world.connect();
    let trade = world.venue.trades.first().copied().unwrap();
    let id = "k1-scripted-9-0".parse().unwrap();
    assert!(world.trader.state().orders().get(id).is_none(), "it is let go");
    let report = world.venue.report(world.now, id, ExecType::Trade).unwrap();
    world.alerts.clear();
    let again = ExecutionReport {
        trade: Some(trade),
        ..report
    };
    assert_eq!(told(&mut world, again), TradingState::Active);
    assert_eq!(world.alerts, Vec::<String>::new());
    assert_eq!(world.trader.state().foreign().books().count(), 0);
}
