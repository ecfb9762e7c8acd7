//! Edges that single changes of the code would move: found by `cargo mutants`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

mod common;

use common::{T0, instrument, limit, limits, position, price, qty, symbol, view};
use keel_domain::{Money, OrdType, OrderIntent, Purpose, Qty, Side, TimeInForce, Trigger};
use keel_risk::{Breach, HaltCause, LimitError, Reference, RiskGate, RiskView, Rule, TradingState};

fn gate() -> RiskGate {
    RiskGate::new(limits()).unwrap()
}

fn breach(gate: &mut RiskGate, intent: OrderIntent, view: &RiskView<'_>) -> Option<Breach> {
    let id = "k1-1-1".parse().unwrap();
    gate.approve(T0, intent, id, view).err()
}

fn rule(intent: OrderIntent, view: &RiskView<'_>) -> Option<Rule> {
    breach(&mut gate(), intent, view).map(|breach| breach.rule)
}

fn cause(reason: &str) -> HaltCause {
    let reason = reason.to_owned();
    HaltCause::Operator { reason }
}

#[test]
fn the_first_cause_of_a_state_is_kept_and_a_stricter_state_brings_its_own() {
    let mut gate = gate();
    gate.restrict(TradingState::ReduceOnly, cause("first"));
    gate.restrict(TradingState::ReduceOnly, cause("second"));
    assert_eq!(gate.cause(), Some(&cause("first")));
    for (state, reason) in [
        (TradingState::Active, "none"),
        (TradingState::ReduceOnly, "first"),
        (TradingState::ReduceOnly, "second"),
    ] {
        gate.restrict_symbol(symbol(), state, cause(reason));
    }
    let known: Vec<_> = gate.restricted_symbols().collect();
    assert_eq!(known, [(symbol(), TradingState::ReduceOnly, &cause("first"))]);
    gate.restrict_symbol(symbol(), TradingState::Halted, cause("third"));
    let known: Vec<_> = gate.restricted_symbols().collect();
    assert_eq!(known, [(symbol(), TradingState::Halted, &cause("third"))]);
}

/// F11, F25: the process ends.
#[test]
fn f11_f25_an_end_lets_nothing_out_but_a_stop_that_protects_and_a_halt_not_even_that() {
    let instrument = instrument();
    let owner = RiskView {
        position: position("1"),
        ..view(&instrument)
    };
    let sale = |ord_type| OrderIntent {
        ord_type,
        purpose: Purpose::ReduceOnly,
        ..limit(Side::Sell, "100", "0.1")
    };
    let trigger = Trigger::Stop { stop_px: price("95") };
    let stop = sale(OrdType::StopLoss { trigger });
    let at_once = sale(OrdType::Limit {
        price: price("99"),
        time_in_force: TimeInForce::Ioc,
    });
    let id = || "k1-1-1".parse().unwrap();
    let protects = |gate: &mut RiskGate, intent| gate.approve_protection(T0, intent, id(), &owner).is_ok();
    let mut gate = gate();
    gate.restrict(TradingState::Halted, HaltCause::Shutdown);
    assert!(protects(&mut gate, stop));
    assert!(!protects(&mut gate, at_once));
    assert_eq!(
        breach(&mut gate, stop, &owner).unwrap().rule,
        Rule::State,
        "a strategy's"
    );
    let adds = OrderIntent {
        purpose: Purpose::Entry,
        ..stop
    };
    assert!(!protects(&mut gate, adds));
    gate.restrict(TradingState::Halted, cause("a halt while it ends"));
    assert_eq!(gate.cause(), Some(&cause("a halt while it ends")));
    assert!(!protects(&mut gate, stop));
    gate.resume();
    assert!(protects(&mut gate, at_once));
    gate.restrict(TradingState::Halted, HaltCause::Shutdown);
    gate.restrict_symbol(symbol(), TradingState::Halted, cause("of the pair"));
    assert!(!protects(&mut gate, stop));
}

#[test]
fn a_symbol_that_is_active_is_no_restricted_one() {
    let mut gate = gate();
    gate.restrict_symbol(symbol(), TradingState::Active, cause("none"));
    assert_eq!(gate.restricted_symbols().count(), 0);
}

#[test]
fn an_order_value_of_zero_cannot_be_meant() {
    let mut limits = limits();
    limits.per_symbol.get_mut(&symbol()).unwrap().order_notional_max = Money::ZERO;
    let error = RiskGate::new(limits).unwrap_err();
    assert!(matches!(error, LimitError::NotPositive { name, .. } if name == "BTCUSDT.order_notional_max"));
}

#[test]
fn states_have_their_names() {
    let names = [
        TradingState::Active,
        TradingState::EntriesBlocked,
        TradingState::ReduceOnly,
        TradingState::Halted,
    ]
    .map(|state| format!("{state:>14}"));
    assert_eq!(
        names,
        [
            "        Active",
            "EntriesBlocked",
            "    ReduceOnly",
            "        Halted"
        ]
    );
}

#[test]
fn the_collars_lower_bound_is_rounded_towards_the_market() {
    let instrument = instrument();
    let cheap = RiskView {
        reference: Ok(Reference {
            bid: price("0.00000003"),
            ask: price("0.00000004"),
            age: std::time::Duration::ZERO,
        }),
        position: position("1"),
        ..view(&instrument)
    };
    // 2 % below three units is 2.94 units.
    let sale = limit(Side::Sell, "0.00000002", "0.1");
    assert_eq!(rule(sale, &cheap), Some(Rule::PriceCollar));
}

#[test]
fn a_stops_limit_keeps_to_the_collar_around_its_trigger_on_the_selling_side() {
    let instrument = instrument();
    let owner = RiskView {
        position: position("1"),
        ..view(&instrument)
    };
    let stop = |at: &str| OrderIntent {
        ord_type: OrdType::StopLossLimit {
            trigger: Trigger::Stop { stop_px: price("90") },
            price: price(at),
            time_in_force: TimeInForce::Gtc,
        },
        purpose: Purpose::ReduceOnly,
        ..limit(Side::Sell, "100", "0.1")
    };
    assert_eq!(rule(stop("88.20"), &owner), None);
    assert_eq!(rule(stop("88.19"), &owner), Some(Rule::PriceCollar));
}

#[test]
fn refusals_for_the_rate_tell_which_order_would_have_been_too_many() {
    let instrument = instrument();
    let view = view(&instrument);
    let mut gate = gate();
    let order = |order_qty: &str| limit(Side::Buy, "100", order_qty);
    for order_qty in ["0.1", "0.1"] {
        assert_eq!(breach(&mut gate, order(order_qty), &view), None);
    }
    let third = breach(&mut gate, order("0.1"), &view).unwrap();
    assert_eq!((third.rule, third.value.as_str()), (Rule::Duplicate, "3"));
    assert_eq!(breach(&mut gate, order("0.2"), &view), None);
    let fourth = breach(&mut gate, order("0.3"), &view).unwrap();
    assert_eq!((fourth.rule, fourth.value.as_str()), (Rule::OrderRate, "4"));
}

#[test]
fn beyond_the_cap_only_what_comes_back_without_passing_through_zero_is_let_out() {
    let instrument = instrument();
    let at = |held: &str, buy_leaves: &str, sell_leaves: &str| RiskView {
        position: position(held),
        buy_leaves: qty(buy_leaves),
        sell_leaves: qty(sell_leaves),
        ..view(&instrument)
    };
    let buy = limit(Side::Buy, "100", "1");
    let sell = limit(Side::Sell, "100", "1");
    assert_eq!(rule(buy, &at("-5", "0", "0")), None, "-4 is nearer to zero");
    assert_eq!(rule(buy, &at("-5", "4", "0")), None, "zero itself");
    assert_eq!(
        rule(buy, &at("-5", "8", "0")),
        Some(Rule::Position),
        "4 is beyond it"
    );
    assert_eq!(rule(sell, &at("5", "0", "0")), None);
    assert_eq!(rule(sell, &at("5", "0", "8")), Some(Rule::Position));
    assert_eq!(rule(sell, &at("0", "0", "3")), Some(Rule::Position), "-4");
    assert_eq!(Qty::ZERO, qty("0"));
}
