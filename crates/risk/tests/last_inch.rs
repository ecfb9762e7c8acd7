//! The last check before the socket: its limits, and that it stays shut.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

mod common;

use std::time::Duration;

use common::{T0, instrument, limit, limits, position, price, view};
use keel_domain::{Money, OrdType, OrderIntent, Purpose, Side, StopLeg, Timestamp, Trigger};
use keel_risk::{ApprovedOrder, LastInch, LastInchLimits, LimitError, RiskGate, RiskView, Trip};

fn last_inch(orders: u32, notional: &str) -> LastInch {
    LastInch::new(LastInchLimits {
        orders_per_60s_max: orders,
        notional_per_60s_max: notional.parse().unwrap(),
    })
    .unwrap()
}

/// A gate that lets everything of the test pass.
fn gate() -> RiskGate {
    let mut limits = limits();
    limits.orders_per_10s_max = 1_000;
    limits.gross_exposure_max = Money::from(1_000_000);
    RiskGate::new(limits).unwrap()
}

fn approved(gate: &mut RiskGate, at: Timestamp, intent: OrderIntent) -> ApprovedOrder {
    // Another id at each time, as every order has its own.
    let id = format!("k1-1-{}", at.as_nanos() - T0.as_nanos());
    gate.approve(at, intent, id.parse().unwrap(), &view(&instrument()))
        .unwrap()
}

/// Lets orders out at these milliseconds, each worth 10, and gives what became of the last.
fn sent(last_inch: &mut LastInch, times: &[u64]) -> Result<(), Trip> {
    let mut gate = gate();
    let mut last = Ok(());
    for ms in times {
        let at = T0.plus(Duration::from_millis(*ms));
        let intent = limit(Side::Buy, "100", "0.1");
        last = last_inch.check(at, &approved(&mut gate, at, intent), |_| Some(&intent));
    }
    last
}

#[test]
fn f8_an_order_that_is_not_what_was_recorded_trips() {
    let meant = limit(Side::Buy, "100", "0.1");
    let recorded = [
        None,
        Some(limit(Side::Buy, "100", "0.2")),
        Some(limit(Side::Buy, "100.01", "0.1")),
        Some(limit(Side::Sell, "100", "0.1")),
    ];
    for recorded in recorded {
        let order = approved(&mut gate(), T0, meant);
        let mut last_inch = last_inch(10, "1000");
        assert_eq!(
            last_inch.check(T0, &order, |_| recorded.as_ref()),
            Err(Trip::NotItsIntent)
        );
    }
    let order = approved(&mut gate(), T0, meant);
    assert_eq!(last_inch(10, "1000").check(T0, &order, |_| Some(&meant)), Ok(()));
}

#[test]
fn f8_a_stop_that_is_carried_has_to_be_on_record_too() {
    let exit = OrderIntent {
        purpose: Purpose::ReduceOnly,
        ..limit(Side::Sell, "102", "0.1")
    };
    let stop = |stop_px: &str| StopLeg {
        cl_ord_id: "k1-stop-1-1".parse().unwrap(),
        ord_type: OrdType::StopLoss {
            trigger: Trigger::Stop {
                stop_px: price(stop_px),
            },
        },
    };
    let instrument = instrument();
    let owner = RiskView {
        position: position("1"),
        ..view(&instrument)
    };
    let id = "k1-1-1".parse().unwrap();
    let order = gate()
        .approve_with_stop(T0, exit, id, stop("98"), &owner)
        .unwrap();
    let (meant, other) = (stop("98").intent(&exit), stop("97").intent(&exit));
    for (recorded, expected) in [
        (Some(&meant), Ok(())),
        (Some(&other), Err(Trip::NotItsIntent)),
        (None, Err(Trip::NotItsIntent)),
    ] {
        let on_record = |asked| if asked == id { Some(&exit) } else { recorded };
        assert_eq!(last_inch(10, "1000").check(T0, &order, on_record), expected);
    }
}

#[test]
fn f8_the_orders_of_any_sixty_seconds_are_counted() {
    assert_eq!(
        sent(&mut last_inch(3, "1000"), &[0, 30_000, 60_000, 61_000]),
        Ok(())
    );
    assert_eq!(
        sent(&mut last_inch(3, "1000"), &[0, 30_000, 59_998, 59_999]),
        Err(Trip::Orders { max: 3 })
    );
}

#[test]
fn f8_the_value_of_any_sixty_seconds_is_added_up() {
    assert_eq!(sent(&mut last_inch(100, "30"), &[0, 30_000, 59_999]), Ok(()));
    assert_eq!(
        sent(&mut last_inch(100, "30"), &[0, 30_000, 59_999, 60_000]),
        Ok(())
    );
    let max = "30".parse().unwrap();
    assert_eq!(
        sent(&mut last_inch(100, "30"), &[0, 30_000, 59_999, 60_000, 61_000]),
        Err(Trip::Notional { max }),
        "what has left the window is taken off, and no more"
    );
    let max = "29.99".parse().unwrap();
    assert_eq!(
        sent(&mut last_inch(100, "29.99"), &[0, 30_000, 59_999]),
        Err(Trip::Notional { max })
    );
}

#[test]
fn f8_once_tripped_nothing_goes_out_until_an_operator_resumes() {
    let mut last_inch = last_inch(1, "1000");
    assert_eq!(sent(&mut last_inch, &[0]), Ok(()));
    assert_eq!(sent(&mut last_inch, &[1]), Err(Trip::Orders { max: 1 }));
    assert_eq!(
        sent(&mut last_inch, &[3_600_000]),
        Err(Trip::Orders { max: 1 }),
        "an hour later"
    );
    last_inch.reset();
    assert_eq!(sent(&mut last_inch, &[3_600_001]), Ok(()));
}

#[test]
fn a_limit_of_zero_or_less_cannot_be_meant() {
    let name = |orders, notional: &str| {
        let limits = LastInchLimits {
            orders_per_60s_max: orders,
            notional_per_60s_max: notional.parse().unwrap(),
        };
        match LastInch::new(limits) {
            Err(LimitError::NotPositive { name, .. }) => Some(name),
            _ => None,
        }
    };
    assert_eq!(name(0, "1").as_deref(), Some("last_inch.orders_per_60s_max"));
    assert_eq!(name(1, "0").as_deref(), Some("last_inch.notional_per_60s_max"));
    assert_eq!(name(1, "-1").as_deref(), Some("last_inch.notional_per_60s_max"));
    assert_eq!(name(1, "0.01"), None);
}

#[test]
fn f8_an_id_that_has_gone_out_goes_out_no_second_time() {
    let intent = limit(Side::Buy, "100", "0.1");
    let (mut gate, mut last_inch) = (gate(), last_inch(100_000, "1000000"));
    let mut sent = |order: &ApprovedOrder| last_inch.check(T0, order, |_| Some(&intent));
    let order = approved(&mut gate, T0, intent);
    assert_eq!(sent(&order), Ok(()));
    let repeated = Err(Trip::Repeated {
        cl_ord_id: order.cl_ord_id(),
    });
    assert_eq!(sent(&order), repeated, "the same approval");
    last_inch.reset();
    let later = T0.plus(Duration::from_secs(3_600));
    let again = gate.approve(later, intent, order.cl_ord_id(), &view(&instrument()));
    assert_eq!(
        last_inch.check(later, &again.unwrap(), |_| Some(&intent)),
        repeated,
        "nor after a resume, with an approval of its own"
    );
}

#[test]
fn f8_the_id_of_a_carried_stop_is_used_once_too() {
    let exit = OrderIntent {
        purpose: Purpose::ReduceOnly,
        ..limit(Side::Sell, "102", "0.1")
    };
    let instrument = instrument();
    let owner = RiskView {
        position: position("1"),
        ..view(&instrument)
    };
    let trigger = Trigger::Stop { stop_px: price("98") };
    let stop = StopLeg {
        cl_ord_id: "k1-stop-1-1".parse().unwrap(),
        ord_type: OrdType::StopLoss { trigger },
    };
    let leg = stop.intent(&exit);
    let (mut gate, mut last_inch) = (gate(), last_inch(10, "1000"));
    let mut sent = |id: &str| {
        let order = gate.approve_with_stop(T0, exit, id.parse().unwrap(), stop, &owner);
        let recorded = |asked| {
            if asked == stop.cl_ord_id {
                Some(&leg)
            } else {
                Some(&exit)
            }
        };
        last_inch.check(T0, &order.unwrap(), recorded)
    };
    assert_eq!(sent("k1-1-1"), Ok(()));
    let cl_ord_id = stop.cl_ord_id;
    assert_eq!(sent("k1-1-2"), Err(Trip::Repeated { cl_ord_id }));
}

#[test]
fn f65_f8_as_many_ids_are_kept_as_can_be_sent_in_minutes() {
    let intent = limit(Side::Buy, "100", "0.1");
    for (between, expected) in [(16_383, false), (16_384, true)] {
        let (mut gate, mut last_inch) = (gate(), last_inch(1, "1000"));
        let order_at = |gate: &mut RiskGate, minute: u64| {
            let at = T0.plus(Duration::from_secs(60) * u32::try_from(minute).unwrap());
            (at, approved(gate, at, intent))
        };
        for minute in 0..=between {
            let (at, order) = order_at(&mut gate, minute);
            assert_eq!(last_inch.check(at, &order, |_| Some(&intent)), Ok(()));
        }
        let (_, first) = order_at(&mut gate, 0);
        let end = T0.plus(Duration::from_secs(60) * 20_000);
        let judged = last_inch.check(end, &first, |_| Some(&intent));
        assert_eq!(judged.is_ok(), expected, "{between} orders in between");
    }
}
