//! What a stage permits, whatever the limits say.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

mod common;

use common::{T0, instrument, limit, limits, position, view};
use keel_domain::{Money, OrderIntent, Purpose, Side, Stage};
use keel_risk::{LimitError, RiskGate, RiskLimits, RiskView, Rule};

/// Limits that stage `tiny` just permits.
fn tiny() -> RiskLimits {
    let mut limits = limits();
    limits.stage = Stage::Tiny;
    limits.gross_exposure_max = Money::from(200);
    for of_symbol in limits.per_symbol.values_mut() {
        of_symbol.order_notional_max = Money::from(50);
    }
    limits
}

#[test]
fn in_stage_shadow_nothing_adds_and_exits_pass() {
    let instrument = instrument();
    let owner = RiskView {
        position: position("1"),
        ..view(&instrument)
    };
    let exit = OrderIntent {
        purpose: Purpose::ReduceOnly,
        ..limit(Side::Sell, "100", "1")
    };
    for stage in [Stage::Shadow, Stage::Normal] {
        let mut gate = RiskGate::new(RiskLimits { stage, ..limits() }).unwrap();
        let mut rule = |id: &str, intent| {
            let judged = gate.approve(T0, intent, id.parse().unwrap(), &owner);
            judged.err().map(|breach| {
                assert!(
                    breach.to_string().contains("still allowed: exits and cancels"),
                    "{breach}"
                );
                breach.rule
            })
        };
        let expected = (stage == Stage::Shadow).then_some(Rule::Stage);
        assert_eq!(
            rule("k1-1-1", limit(Side::Buy, "100", "0.5")),
            expected,
            "{stage}"
        );
        assert_eq!(rule("k1-1-2", exit), None, "{stage}");
    }
}

#[test]
fn stage_tiny_permits_limits_up_to_its_own_and_not_a_hundred_millionth_more() {
    assert!(RiskGate::new(tiny()).is_ok());
    let above = |change: fn(&mut RiskLimits)| {
        let mut limits = tiny();
        change(&mut limits);
        let free = RiskLimits {
            stage: Stage::Normal,
            ..limits.clone()
        };
        assert!(RiskGate::new(free).is_ok());
        match RiskGate::new(limits) {
            Err(LimitError::AboveStage { name, max, .. }) => (name, max),
            other => (format!("{other:?}"), Money::ZERO),
        }
    };
    let more = above(|limits| limits.gross_exposure_max += Money::new(1, 8));
    assert_eq!(more, ("gross_exposure_max".to_owned(), Money::from(200)));
    let more = above(|limits| {
        for of_symbol in limits.per_symbol.values_mut() {
            of_symbol.order_notional_max += Money::new(1, 8);
        }
    });
    assert_eq!(more, ("BTCUSDT.order_notional_max".to_owned(), Money::from(50)));
}
