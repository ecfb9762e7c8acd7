//! The budget of orders: shared out between entries, exits and stops, and never more than it is together.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

mod common;

use std::time::Duration;

use common::{T0, instrument, limit, limits, position, price, view};
use keel_domain::{ClOrdId, Instrument, OrdType, OrderIntent, Purpose, Side, StopLeg, Timestamp, Trigger};
use keel_risk::{LimitError, RiskGate, RiskLimits, RiskView, Rule};

fn id() -> ClOrdId {
    "k1-1-1".parse().unwrap()
}

fn exit(at: &str, order_qty: &str) -> OrderIntent {
    OrderIntent {
        purpose: Purpose::ReduceOnly,
        ..limit(Side::Sell, at, order_qty)
    }
}

fn gate(orders_per_10s_max: u32) -> RiskGate {
    RiskGate::new(RiskLimits {
        orders_per_10s_max,
        ..limits()
    })
    .unwrap()
}

fn owner(instrument: &Instrument) -> RiskView<'_> {
    RiskView {
        position: position("1"),
        ..view(instrument)
    }
}

fn stop_type() -> OrdType {
    let stop_px = price("98");
    let trigger = Trigger::Stop { stop_px };
    OrdType::StopLoss { trigger }
}

/// No two of them are the same, but for stops, which may be.
fn orders(number: usize) -> [OrderIntent; 3] {
    let qty = format!("0.{:03}", 100 + number);
    let stop = OrderIntent {
        ord_type: stop_type(),
        ..exit("100", "0.1")
    };
    [limit(Side::Buy, "100", &qty), exit("102", &qty), stop]
}

/// How many entries, exits and stops pass at one moment, asked for in this order.
fn passed(gate: &mut RiskGate, now: Timestamp, kinds: [usize; 3]) -> [usize; 3] {
    let instrument = instrument();
    let view = owner(&instrument);
    let mut passed = [0; 3];
    for kind in kinds {
        for number in 0..200 {
            match gate.approve(now, orders(number)[kind], id(), &view) {
                Ok(_sent) => passed[kind] += 1,
                Err(breach) => assert_eq!(breach.rule, Rule::OrderRate),
            }
        }
    }
    passed
}

const ENTRIES_FIRST: [usize; 3] = [0, 1, 2];
const STOPS_FIRST: [usize; 3] = [2, 1, 0];

#[test]
fn f6_entries_exits_and_stops_together_never_pass_the_whole_and_none_takes_the_others_places() {
    for (whole, exits_first, stops_first) in [
        (3, [1, 1, 1], [1, 1, 1]),
        (4, [1, 2, 1], [1, 1, 2]),
        (9, [3, 5, 1], [3, 1, 5]),
        (10, [4, 4, 2], [4, 2, 4]),
        (50, [20, 20, 10], [20, 10, 20]),
        (101, [40, 41, 20], [40, 20, 41]),
    ] {
        for (kinds, shares) in [(ENTRIES_FIRST, exits_first), (STOPS_FIRST, stops_first)] {
            let mut gate = gate(whole);
            assert_eq!(passed(&mut gate, T0, kinds), shares);
            assert_eq!(shares.iter().sum::<usize>(), usize::try_from(whole).unwrap());
            let just_before = T0.plus(Duration::from_secs(10) - Duration::from_nanos(1));
            assert_eq!(passed(&mut gate, just_before, kinds), [0; 3]);
            assert_eq!(passed(&mut gate, T0.plus(Duration::from_secs(10)), kinds), shares);
        }
    }
}

#[test]
fn f6_places_that_come_free_are_taken_by_whoever_comes_first() {
    let mut gate = gate(10);
    let at = |seconds| T0.plus(Duration::from_secs(seconds));
    assert_eq!(passed(&mut gate, T0, [1, 1, 1]), [0, 4, 0]);
    assert_eq!(passed(&mut gate, at(5), [2, 2, 2]), [0, 0, 2]);
    // The exits are out: two places of their own, and the two common ones for stops.
    assert_eq!(passed(&mut gate, at(10), [2, 2, 1]), [0, 2, 2]);
    assert_eq!(
        passed(&mut gate, at(15), STOPS_FIRST),
        [4, 0, 2],
        "two stops of ten seconds ago are out"
    );
}

/// Whether an exit leaves, and whether it carries its stop.
fn carry(gate: &mut RiskGate, number: u32) -> Result<bool, Rule> {
    let instrument = instrument();
    let stop = StopLeg {
        cl_ord_id: format!("k1-stop-1-{number}").parse().unwrap(),
        ord_type: stop_type(),
    };
    let sale = exit("102", &format!("0.{number}"));
    let sent = gate.approve_with_stop(T0, sale, id(), stop, &owner(&instrument));
    sent.map(|order| order.stop().is_some())
        .map_err(|breach| breach.rule)
}

#[test]
fn f6_an_exit_with_its_stop_takes_two_places_of_exits_and_goes_alone_where_there_is_one() {
    // One place of their own, and three common ones.
    let mut gate = gate(8);
    assert_eq!(carry(&mut gate, 301), Ok(true));
    assert_eq!(passed(&mut gate, T0, [1, 1, 1]), [0, 2, 0]);
    assert_eq!(carry(&mut gate, 302), Err(Rule::OrderRate));
    assert_eq!(
        passed(&mut gate, T0, ENTRIES_FIRST),
        [3, 0, 1],
        "stops that stand alone have theirs"
    );
    let mut gate = self::gate(9);
    assert_eq!([carry(&mut gate, 301), carry(&mut gate, 302)], [Ok(true); 2]);
    assert_eq!(carry(&mut gate, 303), Ok(false), "the fifth place is the last");
}

#[test]
fn f6_a_cap_binds_at_once_and_never_goes_beyond_what_is_configured() {
    let mut gate = gate(50);
    let mut now = T0;
    let mut capped = |most| {
        gate.cap_orders_per_10s(most);
        // So that no order is a duplicate.
        now = now.plus(Duration::from_secs(1));
        (gate.orders_per_10s_max(), passed(&mut gate, now, ENTRIES_FIRST))
    };
    assert_eq!(capped(10), (10, [4, 4, 2]));
    assert_eq!(capped(9), (9, [0, 0, 0]));
    assert_eq!(capped(49), (49, [15, 17, 7]));
    assert_eq!(capped(50), (50, [1, 0, 1]));
    assert_eq!(capped(51), (50, [0, 0, 0]));
    assert_eq!(capped(0).0, RiskLimits::ORDERS_PER_10S_LEAST);
}

#[test]
fn f6_what_is_said_to_be_left_is_what_passes() {
    for (taken, expected) in [
        ([0; 3], (0, 20)),
        ([1; 3], (20, 0)),
        ([2; 3], (20, 10)),
        (ENTRIES_FIRST, (0, 0)),
    ] {
        let mut gate = gate(50);
        assert_eq!(gate.orders_left(T0), (20, 20));
        passed(&mut gate, T0, taken);
        let later = T0.plus(Duration::from_millis(9_999));
        assert_eq!(gate.orders_left(later), expected, "after {taken:?}");
        let (entries, exits) = expected;
        assert_eq!(
            passed(&mut gate, later, [0, 1, 1]),
            [entries, exits, 0],
            "after {taken:?}"
        );
        assert_eq!(gate.orders_left(later), (0, 0), "after {taken:?}");
        let free = gate.orders_left(T0.plus(Duration::from_secs(10)));
        assert_eq!(free, (20 - entries, 20 - exits), "after {taken:?}");
    }
}

#[test]
fn a_whole_that_cannot_be_shared_out_is_refused() {
    let refused = |orders_per_10s_max| {
        let limits = RiskLimits {
            orders_per_10s_max,
            ..limits()
        };
        RiskGate::new(limits).err()
    };
    let too_low = |value| {
        let name = "orders_per_10s_max".to_owned();
        Some(LimitError::TooLow {
            name,
            value,
            least: 3,
        })
    };
    assert_eq!(
        [refused(1), refused(2), refused(3)],
        [too_low(1), too_low(2), None]
    );
}
