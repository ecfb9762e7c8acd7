//! The loss budget: what trips it and what does not, and that no restart loosens it.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use std::time::Duration;

use crate::common::{World, cancels, entry, loss_limits, lots, other_symbol, price, submissions};
use keel_domain::{Money, OrdType, OrderIntent, Purpose, Side};
use keel_engine::{Event, Operator};
use keel_risk::{HaltCause, LossBreach, LossLimits, LossStanding, Rule, TradingState};
use keel_strategy::Action;
use proptest::prelude::*;

pub(crate) fn money(text: &str) -> Money {
    text.parse().unwrap()
}

pub(crate) fn limits(day_max: &str, drawdown_max: &str) -> LossLimits {
    LossLimits {
        day_max: money(day_max),
        drawdown_max: money(drawdown_max),
        ..loss_limits()
    }
}

/// Holds a tenth of a coin, bought at 100: a price lower by 1 is a loss of 0.1.
pub(crate) fn holding(limits: LossLimits) -> World {
    let mut world = World::losing(limits);
    let id = world.submit_live(entry(Side::Buy, 10));
    fill(&mut world, id, 10);
    world
}

pub(crate) fn fill(world: &mut World, id: keel_domain::ClOrdId, qty: i64) {
    let report = world.venue.fill(world.now, id, lots(qty)).unwrap();
    world.exchange(Event::Venue(report));
}

/// A second later the bid is here.
pub(crate) fn reads(world: &mut World, bid: &str) -> TradingState {
    world.now = world.now.plus(Duration::from_secs(1));
    let ask = money(bid) + money("0.02");
    world.quote(bid, &ask.to_string());
    world.exchange(Event::Timer);
    world.trader.trading_state()
}

pub(crate) fn standing(world: &World) -> LossStanding {
    world.trader.loss_standing(world.now).unwrap()
}

pub(crate) fn exit(lots_: i64) -> OrderIntent {
    OrderIntent {
        ord_type: OrdType::Market,
        purpose: Purpose::ReduceOnly,
        ..entry(Side::Sell, lots_)
    }
}

#[test]
fn the_days_loss_leaves_only_exits_at_the_limit_and_not_before() {
    let mut world = holding(limits("0.5", "100"));
    let resting = world.submit_live(entry(Side::Buy, 1));
    for _ in 0..3 {
        assert_eq!(reads(&mut world, "95.01"), TradingState::Active, "0.499 is lost");
    }
    assert_eq!(
        reads(&mut world, "95"),
        TradingState::Active,
        "one reading may be wrong"
    );
    assert_eq!(reads(&mut world, "95"), TradingState::ReduceOnly);
    let expected = LossBreach::Day {
        lost: money("0.5"),
        limit: money("0.5"),
    };
    let cause = world.trader.restriction_cause();
    assert!(
        matches!(cause, Some(HaltCause::Loss(trip)) if trip.breach == expected),
        "{cause:?}"
    );
    assert_eq!(world.trader.leftovers().count(), 0, "{resting} is canceled");
    assert_eq!(
        submissions(&world.wish(vec![Action::Submit(entry(Side::Buy, 1))])),
        0
    );
    assert_eq!(submissions(&world.wish(vec![Action::Submit(exit(10))])), 1);
    assert!(cancels(&world.on(Event::Timer)).is_empty());
}

#[test]
fn f15_one_bad_price_trips_nothing_however_often_it_comes_back() {
    let mut world = holding(limits("0.5", "100"));
    for _ in 0..5 {
        assert_eq!(reads(&mut world, "94"), TradingState::Active);
        assert_eq!(reads(&mut world, "99"), TradingState::Active);
    }
}

#[test]
fn f15_one_bad_price_is_no_peak_to_fall_from() {
    let mut world = holding(limits("100", "0.5"));
    for _ in 0..3 {
        assert_eq!(reads(&mut world, "107"), TradingState::Active);
        assert_eq!(reads(&mut world, "100"), TradingState::Active);
        assert_eq!(reads(&mut world, "100"), TradingState::Active);
    }
    assert_eq!(standing(&world).drawdown, Money::ZERO);
}

#[test]
fn readings_are_a_second_apart() {
    let mut world = holding(limits("0.5", "100"));
    reads(&mut world, "94");
    for _ in 0..9 {
        world.now = world.now.plus(Duration::from_millis(100));
        world.exchange(Event::Timer);
        assert_eq!(world.trader.trading_state(), TradingState::Active);
    }
    world.now = world.now.plus(Duration::from_millis(100));
    world.exchange(Event::Timer);
    assert_eq!(world.trader.trading_state(), TradingState::ReduceOnly);
}

#[test]
fn f13_an_operator_cannot_resume_the_days_loss_away() {
    let mut world = holding(limits("0.5", "100"));
    reads(&mut world, "94");
    assert_eq!(reads(&mut world, "94"), TradingState::ReduceOnly);
    let reason = "did not look".to_owned();
    world.exchange(Event::Operator(Operator::Resume { reason }));
    reads(&mut world, "94");
    assert_eq!(reads(&mut world, "94"), TradingState::ReduceOnly);
}

#[test]
fn f14_a_new_day_has_the_whole_budget_again() {
    let mut world = holding(limits("0.5", "100"));
    reads(&mut world, "94");
    assert_eq!(reads(&mut world, "94"), TradingState::ReduceOnly);
    world.now = world.now.plus(Duration::from_secs(86_400));
    for _ in 0..3 {
        reads(&mut world, "94");
    }
    let reason = "a new day".to_owned();
    world.exchange(Event::Operator(Operator::Resume { reason }));
    reads(&mut world, "94");
    assert_eq!(reads(&mut world, "94"), TradingState::Active);
    assert_eq!(standing(&world).day_lost, Money::ZERO);
    reads(&mut world, "89");
    assert_eq!(reads(&mut world, "89"), TradingState::ReduceOnly, "0.5 more");
}

#[test]
fn the_loss_from_the_peak_counts_over_days_until_an_operator_resumes() {
    let mut world = holding(limits("100", "0.5"));
    for _ in 0..2 {
        assert_eq!(reads(&mut world, "102"), TradingState::Active);
    }
    world.now = world.now.plus(Duration::from_secs(86_400));
    assert_eq!(
        reads(&mut world, "97.01"),
        TradingState::Active,
        "0.499 below the peak"
    );
    reads(&mut world, "97");
    assert_eq!(reads(&mut world, "97"), TradingState::ReduceOnly);
    assert_eq!(standing(&world).drawdown, money("0.5"));
    let reason = "looked at it".to_owned();
    world.exchange(Event::Operator(Operator::Resume { reason }));
    for _ in 0..3 {
        assert_eq!(reads(&mut world, "97"), TradingState::Active);
    }
    assert_eq!(standing(&world).drawdown, Money::ZERO);
}

#[test]
fn a_pair_that_is_traded_no_more_does_not_switch_the_budget_off_and_is_told() {
    let mut world = holding(limits("0.5", "100"));
    let intent = OrderIntent {
        symbol: other_symbol(),
        ..entry(Side::Buy, 10)
    };
    let id = world.submit_live(intent);
    fill(&mut world, id, 10);
    world.symbols = vec![crate::common::symbol()];
    world.restart();
    world.alerts.clear();
    world.connect();
    let told = |text: &String| text.starts_with("ETHUSDT: 0.1 is held, and the pair is not in");
    assert_eq!(world.alerts.iter().filter(|text| told(text)).count(), 1);
    reads(&mut world, "94");
    assert_eq!(reads(&mut world, "94"), TradingState::ReduceOnly);
}

#[test]
fn f7_what_is_held_of_a_pair_that_is_traded_no_more_counts_in_the_gross_exposure_at_its_cost() {
    // With 0.1 at this price, 10 are left of the gross exposure of these tests.
    for (px, sent) in [("9999900", 1), ("9999900.1", 0)] {
        let mut world = World::booted();
        let funds = ("USDT".parse().unwrap(), money("2000000"));
        world.venue.balances.extend([funds]);
        world.connect();
        let other = OrderIntent {
            symbol: other_symbol(),
            ..entry(Side::Buy, 10)
        };
        let id = world.submit_live(other);
        world.venue.last_px = price(px);
        fill(&mut world, id, 10);
        world.symbols = vec![crate::common::symbol()];
        world.restart();
        world.connect();
        let commands = world.wish(vec![Action::Submit(entry(Side::Buy, 10))]);
        assert_eq!(submissions(&commands), sent, "{px}");
        let refused = world.trader.counters().refused.get(&Rule::GrossExposure);
        assert_eq!(refused, (sent == 0).then_some(&1));
    }
}

proptest! {
    /// Whatever was traded and whenever the process died, what is left is what was left, and what has tripped has tripped.
    #[test]
    fn f13_a_restart_leaves_the_budget_as_it_was(
        bids in prop::collection::vec(9_550_u32..10_400, 1..20),
        restart_after in prop::collection::vec(any::<bool>(), 20),
    ) {
        let mut world = holding(limits("0.3", "0.4"));
        let mut other = holding(limits("0.3", "0.4"));
        for (bid, restarts) in bids.iter().zip(restart_after) {
            let bid = Money::new((*bid).into(), 2).to_string();
            reads(&mut world, &bid);
            reads(&mut other, &bid);
            // Two readings, which a restart forgets, are read again.
            if restarts && world.trader.trading_state() == other.trader.trading_state() {
                world.restart();
                world.connect();
                for world in [&mut world, &mut other] {
                    reads(world, &bid);
                    reads(world, &bid);
                }
            }
            prop_assert!(world.trader.trading_state() <= other.trader.trading_state());
            prop_assert_eq!(standing(&world), standing(&other));
        }
        reads(&mut world, "99");
        reads(&mut other, "99");
        prop_assert_eq!(standing(&world), standing(&other));
        prop_assert_eq!(world.trader.state(), &world.replayed());
    }
}
