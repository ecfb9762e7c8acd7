//! Every rule, one step to each side of its boundary.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

mod common;

use std::time::Duration;

use common::{T0, instrument, limit, limits, position, price, qty, symbol, view};
use keel_domain::{
    ClOrdId, Money, OrdType, OrderIntent, Purpose, Qty, Side, SignedQty, StopLeg, TimeInForce, Timestamp,
    Trigger,
};
use keel_risk::{
    Breach, HaltCause, LimitError, Reference, ReferenceFault, RiskGate, RiskLimits, RiskView, Rule,
    TradingState,
};
use proptest::prelude::*;

fn id() -> ClOrdId {
    "k1-1-1".parse().unwrap()
}

fn gate() -> RiskGate {
    RiskGate::new(limits()).unwrap()
}

fn exit(at: &str, order_qty: &str) -> OrderIntent {
    OrderIntent {
        purpose: Purpose::ReduceOnly,
        ..limit(Side::Sell, at, order_qty)
    }
}

fn verdict(intent: OrderIntent, view: &RiskView<'_>) -> Result<(), Rule> {
    judge(&mut gate(), T0, intent, view)
}

fn judge(gate: &mut RiskGate, now: Timestamp, intent: OrderIntent, view: &RiskView<'_>) -> Result<(), Rule> {
    gate.approve(now, intent, id(), view)
        .map(drop)
        .map_err(|breach| breach.rule)
}

#[test]
fn an_ordinary_order_passes_as_it_is() {
    let instrument = instrument();
    let intent = limit(Side::Buy, "100", "1");
    let approved = gate().approve(T0, intent, id(), &view(&instrument)).unwrap();
    assert_eq!(
        (*approved.intent(), approved.cl_ord_id(), approved.approved_at()),
        (intent, id(), T0)
    );
}

#[test]
fn f43_a_symbol_that_is_not_listed_is_refused() {
    let instrument = instrument();
    let other = OrderIntent {
        symbol: "PUMPUSDT".parse().unwrap(),
        ..limit(Side::Buy, "100", "1")
    };
    assert_eq!(verdict(other, &view(&instrument)), Err(Rule::AllowList));
}

#[test]
fn order_qty_at_its_cap_passes_and_one_unit_more_does_not() {
    let instrument = instrument();
    assert_eq!(verdict(limit(Side::Buy, "100", "2"), &view(&instrument)), Ok(()));
    assert_eq!(
        verdict(limit(Side::Buy, "100", "2.00000001"), &view(&instrument)),
        Err(Rule::OrderQty)
    );
}

#[test]
fn order_notional_at_its_cap_passes_and_one_tick_more_does_not() {
    let mut limits = limits();
    limits.per_symbol.get_mut(&symbol()).unwrap().order_notional_max = Money::from(200);
    let instrument = instrument();
    let mut gate = RiskGate::new(limits).unwrap();
    assert_eq!(
        judge(&mut gate, T0, limit(Side::Buy, "100", "2"), &view(&instrument)),
        Ok(())
    );
    let more = judge(&mut gate, T0, limit(Side::Buy, "100.01", "2"), &view(&instrument));
    assert_eq!(more, Err(Rule::OrderNotional));
}

#[test]
fn a_market_order_is_valued_at_the_worst_price_of_the_collar() {
    let instrument = instrument();
    let market = |order_qty| OrderIntent {
        ord_type: OrdType::Market,
        ..limit(Side::Buy, "1", order_qty)
    };
    // 101 * 1.02 = 103.02; two of them are within 250, and within 206.04 free but not within a cent less.
    let rich = RiskView {
        quote_free: Some("206.04".parse().unwrap()),
        ..view(&instrument)
    };
    assert_eq!(verdict(market("2"), &rich), Ok(()));
    let poor = RiskView {
        quote_free: Some("206.03".parse().unwrap()),
        ..view(&instrument)
    };
    assert_eq!(verdict(market("2"), &poor), Err(Rule::Funds));
}

#[test]
fn a_stop_order_is_valued_like_a_market_order_and_with_a_price_it_keeps_to_the_collar() {
    let instrument = instrument();
    let trigger = Trigger::Stop {
        stop_px: price("101.5"),
    };
    let buy = |ord_type| OrderIntent {
        ord_type,
        ..limit(Side::Buy, "1", "2")
    };
    let poor = RiskView {
        quote_free: Some("207.05".parse().unwrap()),
        ..view(&instrument)
    };
    assert_eq!(
        verdict(buy(OrdType::StopLoss { trigger }), &poor),
        Err(Rule::Funds)
    );
    assert_eq!(
        verdict(buy(OrdType::TakeProfit { trigger }), &poor),
        Err(Rule::Funds)
    );
    let at = |text| OrdType::StopLossLimit {
        trigger,
        price: price(text),
        time_in_force: TimeInForce::Gtc,
    };
    assert_eq!(verdict(buy(at("103.53")), &view(&instrument)), Ok(()));
    assert_eq!(
        verdict(buy(at("103.54")), &view(&instrument)),
        Err(Rule::PriceCollar)
    );
}

#[test]
fn f40_a_price_is_bound_on_both_sides_to_the_tick() {
    let instrument = instrument();
    let owner = RiskView {
        position: position("3"),
        ..view(&instrument)
    };
    let flat = view(&instrument);
    // Buys: 99 less 10 % to 101 plus 2 %. Sells: 99 less 2 % to 101 plus 10 %.
    let cases = [
        (Side::Buy, "103.02", Ok(())),
        (Side::Buy, "103.03", Err(Rule::PriceCollar)),
        (Side::Buy, "89.10", Ok(())),
        (Side::Buy, "89.09", Err(Rule::PriceCollar)),
        (Side::Sell, "97.02", Ok(())),
        (Side::Sell, "97.01", Err(Rule::PriceCollar)),
        (Side::Sell, "111.10", Ok(())),
        (Side::Sell, "111.11", Err(Rule::PriceCollar)),
    ];
    for (side, at, expected) in cases {
        let view = if side == Side::Sell { &owner } else { &flat };
        assert_eq!(verdict(limit(side, at, "1"), view), expected, "{side} at {at}");
    }
}

#[test]
fn f36_a_book_at_its_age_limit_gives_a_price_and_an_older_or_broken_one_does_not() {
    let instrument = instrument();
    let aged = |age| {
        Ok(Reference {
            bid: price("99"),
            ask: price("101"),
            age,
        })
    };
    let crossed = Ok(Reference {
        bid: price("101"),
        ask: price("101"),
        age: Duration::ZERO,
    });
    let cases = [
        (aged(Duration::from_secs(2)), Ok(())),
        (
            aged(Duration::from_secs(2) + Duration::from_nanos(1)),
            Err(Rule::StaleBook),
        ),
        (crossed, Err(Rule::StaleBook)),
        (
            Err(ReferenceFault("the book is not synchronised")),
            Err(Rule::StaleBook),
        ),
    ];
    for (reference, expected) in cases {
        let view = RiskView {
            reference,
            ..view(&instrument)
        };
        assert_eq!(
            verdict(limit(Side::Buy, "100", "1"), &view),
            expected,
            "{reference:?}"
        );
    }
}

#[test]
fn f50_what_the_venue_would_refuse_is_not_sent() {
    let instrument = instrument();
    for (at, order_qty) in [
        ("100.001", "1"),
        ("100", "0.0015"),
        ("100", "0.001"),
        ("100", "0"),
    ] {
        let refused = verdict(limit(Side::Buy, at, order_qty), &view(&instrument));
        assert_eq!(refused, Err(Rule::VenueFilter), "{order_qty} at {at}");
    }
}

#[test]
fn f7_the_position_cap_counts_what_is_held_and_all_that_may_still_trade() {
    let instrument = instrument();
    let busy = RiskView {
        position: position("1"),
        buy_leaves: qty("1"),
        ..view(&instrument)
    };
    assert_eq!(verdict(limit(Side::Buy, "100", "1"), &busy), Ok(()));
    assert_eq!(
        verdict(limit(Side::Buy, "100", "1.001"), &busy),
        Err(Rule::Position)
    );
}

#[test]
fn f7_coming_back_from_beyond_the_cap_is_allowed() {
    let instrument = instrument();
    let beyond = RiskView {
        position: position("10"),
        ..view(&instrument)
    };
    assert_eq!(verdict(exit("100", "2"), &beyond), Ok(()));
    assert_eq!(
        verdict(limit(Side::Buy, "100", "0.1"), &beyond),
        Err(Rule::Position)
    );
}

#[test]
fn f7_f29_nothing_is_sold_twice_or_without_being_owned() {
    let instrument = instrument();
    let owner = RiskView {
        position: position("2"),
        sell_leaves: qty("1"),
        ..view(&instrument)
    };
    assert_eq!(verdict(limit(Side::Sell, "100", "1"), &owner), Ok(()));
    assert_eq!(
        verdict(limit(Side::Sell, "100", "1.001"), &owner),
        Err(Rule::Owned)
    );
    assert_eq!(
        verdict(limit(Side::Sell, "100", "0.1"), &view(&instrument)),
        Err(Rule::Owned)
    );
}

#[test]
fn f53_no_more_is_spent_than_is_free_and_nothing_before_the_venue_said_what_is() {
    let instrument = instrument();
    let with = |quote_free| RiskView {
        quote_free,
        ..view(&instrument)
    };
    assert_eq!(
        verdict(limit(Side::Buy, "100", "1"), &with(Some(Money::from(100)))),
        Ok(())
    );
    assert_eq!(
        verdict(
            limit(Side::Buy, "100", "1"),
            &with(Some("99.99".parse().unwrap()))
        ),
        Err(Rule::Funds)
    );
    assert_eq!(
        verdict(limit(Side::Buy, "100", "1"), &with(None)),
        Err(Rule::Funds)
    );
}

#[test]
fn reduce_only_checks_size_and_not_only_side() {
    let instrument = instrument();
    let owner = RiskView {
        position: position("1"),
        ..view(&instrument)
    };
    assert_eq!(verdict(exit("100", "1"), &owner), Ok(()));
    assert_eq!(verdict(exit("100", "1.001"), &owner), Err(Rule::ReduceOnly));
    let buy = OrderIntent {
        purpose: Purpose::ReduceOnly,
        ..limit(Side::Buy, "100", "0.1")
    };
    assert_eq!(verdict(buy, &owner), Err(Rule::ReduceOnly));
}

#[test]
fn f22_an_unknown_outcome_stops_entries_and_lets_exits_pass() {
    let instrument = instrument();
    let unsure = RiskView {
        position: position("1"),
        unknown_orders: 1,
        ..view(&instrument)
    };
    assert_eq!(
        verdict(limit(Side::Buy, "100", "0.1"), &unsure),
        Err(Rule::UnknownOutcome)
    );
    assert_eq!(verdict(exit("100", "1"), &unsure), Ok(()));
}

#[test]
fn f12_each_state_permits_what_its_name_says() {
    let matrix = [
        (TradingState::Active, true, true),
        (TradingState::EntriesBlocked, false, true),
        (TradingState::ReduceOnly, false, true),
        (TradingState::Halted, false, false),
    ];
    let instrument = instrument();
    let owner = RiskView {
        position: position("1"),
        ..view(&instrument)
    };
    for (state, entry, exits) in matrix {
        let mut gate = gate();
        gate.restrict(
            state,
            HaltCause::Operator {
                reason: "test".to_owned(),
            },
        );
        let entry_passes = judge(&mut gate, T0, limit(Side::Buy, "100", "0.1"), &owner).is_ok();
        let exit_passes = judge(&mut gate, T0, exit("100", "1"), &owner).is_ok();
        assert_eq!((entry_passes, exit_passes), (entry, exits), "{state}");
    }
}

#[test]
fn a_restriction_is_latched_and_never_loosened_by_another() {
    let mut gate = gate();
    let why = |reason: &str| HaltCause::Operator {
        reason: reason.to_owned(),
    };
    gate.restrict(TradingState::Halted, why("first"));
    gate.restrict(TradingState::ReduceOnly, why("second"));
    assert_eq!(
        (gate.state(), gate.cause()),
        (TradingState::Halted, Some(&why("first")))
    );
    gate.resume();
    assert_eq!((gate.state(), gate.cause()), (TradingState::Active, None));
}

#[test]
fn f6_the_order_rate_holds_in_any_ten_seconds_and_exits_have_their_own() {
    let instrument = instrument();
    let owner = RiskView {
        position: position("1"),
        ..view(&instrument)
    };
    let mut gate = gate();
    let buy = limit(Side::Buy, "100", "0.1");
    for order_qty in ["0.1", "0.2", "0.3"] {
        let buy = limit(Side::Buy, "100", order_qty);
        assert_eq!(judge(&mut gate, T0, buy, &owner), Ok(()));
    }
    let just_before = T0.plus(Duration::from_secs(10) - Duration::from_nanos(1));
    assert_eq!(judge(&mut gate, just_before, buy, &owner), Err(Rule::OrderRate));
    assert_eq!(judge(&mut gate, just_before, exit("100", "0.1"), &owner), Ok(()));
    assert_eq!(
        judge(&mut gate, T0.plus(Duration::from_secs(10)), buy, &owner),
        Ok(())
    );
}

#[test]
fn f6_the_same_order_goes_out_twice_in_a_second_and_no_third_time() {
    let instrument = instrument();
    let owner = RiskView {
        position: position("1"),
        ..view(&instrument)
    };
    let mut limits = limits();
    limits.orders_per_10s_max = 1_000;
    let ms = |ms| T0.plus(Duration::from_millis(ms));
    for order in [limit(Side::Buy, "100", "0.1"), exit("100", "0.1")] {
        let mut gate = RiskGate::new(limits.clone()).unwrap();
        assert_eq!(judge(&mut gate, ms(0), order, &owner), Ok(()));
        assert_eq!(judge(&mut gate, ms(400), order, &owner), Ok(()));
        assert_eq!(judge(&mut gate, ms(999), order, &owner), Err(Rule::Duplicate));
        let other_price = limit(Side::Buy, "99.99", "0.1");
        let other_qty = limit(Side::Buy, "100", "0.11");
        for other in [other_price, other_qty] {
            assert_eq!(judge(&mut gate, ms(999), other, &owner), Ok(()));
        }
        assert_eq!(
            judge(&mut gate, ms(1_000), order, &owner),
            Ok(()),
            "the first is out"
        );
        assert_eq!(
            judge(&mut gate, ms(1_399), order, &owner),
            Err(Rule::Duplicate),
            "a refusal counts nothing"
        );
        assert_eq!(judge(&mut gate, ms(1_400), order, &owner), Ok(()));
    }
}

#[test]
fn f6_an_order_that_changes_between_its_kinds_is_the_same_order() {
    let (mut gate, instrument) = (gate(), instrument());
    let owner = RiskView {
        position: position("1"),
        ..view(&instrument)
    };
    let taker = limit(Side::Sell, "100", "0.1");
    let maker = OrderIntent {
        ord_type: OrdType::LimitMaker { price: price("100") },
        ..taker
    };
    let reducing = OrderIntent {
        purpose: Purpose::ReduceOnly,
        ..taker
    };
    for (order, expected) in [
        (taker, Ok(())),
        (maker, Ok(())),
        (reducing, Err(Rule::Duplicate)),
        (taker, Err(Rule::Duplicate)),
    ] {
        assert_eq!(judge(&mut gate, T0, order, &owner), expected);
    }
}

#[test]
fn f7_the_gross_exposure_at_its_cap_passes_and_one_tick_more_does_not() {
    let instrument = instrument();
    let at = |gross: Option<&str>| RiskView {
        gross_exposure: gross.map(|gross| gross.parse().unwrap()),
        position: position("1"),
        ..view(&instrument)
    };
    let buy = limit(Side::Buy, "100", "0.1");
    assert_eq!(verdict(buy, &at(Some("990"))), Ok(()));
    assert_eq!(verdict(buy, &at(Some("990.01"))), Err(Rule::GrossExposure));
    assert_eq!(verdict(buy, &at(None)), Err(Rule::GrossExposure));
    assert_eq!(verdict(exit("100", "0.1"), &at(None)), Ok(()), "an exit goes out");
    let sale = limit(Side::Sell, "100", "0.1");
    assert_eq!(verdict(sale, &at(Some("5000"))), Ok(()), "and so does a sale");
}

#[test]
fn an_entry_does_not_buy_from_our_own_sale() {
    let instrument = instrument();
    let seller = RiskView {
        lowest_sell: Some(price("100.5")),
        position: position("1"),
        ..view(&instrument)
    };
    let at_the_market = OrderIntent {
        ord_type: OrdType::Market,
        ..limit(Side::Buy, "100", "0.1")
    };
    assert_eq!(verdict(limit(Side::Buy, "100.49", "0.1"), &seller), Ok(()));
    assert_eq!(
        verdict(limit(Side::Buy, "100.50", "0.1"), &seller),
        Err(Rule::SelfTrade)
    );
    assert_eq!(verdict(at_the_market, &seller), Err(Rule::SelfTrade));
    assert_eq!(verdict(exit("99", "0.1"), &seller), Ok(()), "an exit goes out");
}

/// A sale above the market that carries a stop there; the stop as it was approved.
fn carried(exit: OrderIntent, stop_px: &str) -> Result<Option<StopLeg>, Rule> {
    let instrument = instrument();
    let owner = RiskView {
        position: position("1"),
        ..view(&instrument)
    };
    let stop_px = price(stop_px);
    let trigger = Trigger::Stop { stop_px };
    let stop = StopLeg {
        cl_ord_id: "k1-stop-1-1".parse().unwrap(),
        ord_type: OrdType::StopLoss { trigger },
    };
    let approved = gate().approve_with_stop(T0, exit, id(), stop, &owner);
    approved.map(|order| order.stop()).map_err(|breach| breach.rule)
}

#[test]
fn f28_an_exit_carries_its_stop_and_goes_alone_where_the_stop_is_vetoed() {
    let sale = exit("102", "0.1");
    let stop = carried(sale, "98").unwrap().unwrap();
    assert_eq!(stop.cl_ord_id, "k1-stop-1-1".parse().unwrap());
    let trigger = stop.ord_type.trigger().unwrap();
    assert_eq!(trigger.stop_px(), Some(price("98")));
    assert_eq!(carried(sale, "98.001"), Ok(None), "no price of the venue's");
    assert_eq!(carried(exit("102", "1.5"), "98"), Err(Rule::ReduceOnly));
}

#[test]
fn f6_exits_that_are_priced_anew_all_the_time_do_not_starve_stops() {
    let instrument = instrument();
    let owner = RiskView {
        position: position("1"),
        ..view(&instrument)
    };
    let mut gate = gate();
    for order_qty in ["0.1", "0.2", "0.3", "0.31", "0.32"] {
        assert_eq!(judge(&mut gate, T0, exit("100", order_qty), &owner), Ok(()));
    }
    assert_eq!(
        judge(&mut gate, T0, exit("100", "0.4"), &owner),
        Err(Rule::OrderRate)
    );
    let stop = OrderIntent {
        ord_type: OrdType::StopLoss {
            trigger: Trigger::Stop {
                stop_px: "99".parse().unwrap(),
            },
        },
        ..exit("100", "0.1")
    };
    assert_eq!(judge(&mut gate, T0, stop, &owner), Ok(()));
    assert_eq!(judge(&mut gate, T0, stop, &owner), Err(Rule::OrderRate));
}

#[test]
fn a_refusal_tells_rule_limit_value_and_what_is_still_allowed() {
    let instrument = instrument();
    let breach: Breach = gate()
        .approve(T0, limit(Side::Buy, "100", "5"), id(), &view(&instrument))
        .unwrap_err();
    assert_eq!(
        breach.to_string(),
        "OrderQty: 5 breaks the limit 2 (still allowed: all orders)"
    );
}

#[test]
fn a_limit_of_zero_is_refused_by_name() {
    let zero = |change: fn(&mut RiskLimits)| {
        let mut limits = limits();
        change(&mut limits);
        match RiskGate::new(limits) {
            Err(LimitError::NotPositive { name, .. }) => name,
            other => format!("{other:?}"),
        }
    };
    assert_eq!(zero(|l| l.orders_per_10s_max = 0), "orders_per_10s_max");
    assert_eq!(zero(|l| l.rejections_per_60s_max = 0), "rejections_per_60s_max");
    assert_eq!(zero(|l| l.entry_fills_per_60s_max = 0), "entry_fills_per_60s_max");
    assert_eq!(zero(|l| l.gross_exposure_max = Money::ZERO), "gross_exposure_max");
    assert_eq!(zero(|l| l.collar_through_bps = 0), "collar_through_bps");
    assert_eq!(zero(|l| l.collar_away_bps = 0), "collar_away_bps");
    assert_eq!(zero(|l| l.book_age_max = Duration::ZERO), "book_age_max");
    assert_eq!(
        zero(|l| l
            .per_symbol
            .values_mut()
            .for_each(|s| s.order_qty_max = Qty::ZERO)),
        "BTCUSDT.order_qty_max"
    );
    assert_eq!(
        zero(|l| l.per_symbol.values_mut().for_each(|s| s.position_max = Qty::ZERO)),
        "BTCUSDT.position_max"
    );
    let negative = zero(|l| {
        l.per_symbol
            .values_mut()
            .for_each(|s| s.order_notional_max = Money::NEGATIVE_ONE)
    });
    assert_eq!(negative, "BTCUSDT.order_notional_max");
    let mut empty = limits();
    empty.per_symbol.clear();
    assert_eq!(RiskGate::new(empty).unwrap_err(), LimitError::NoSymbol);
}

proptest! {
    /// Whatever is asked for, position and live orders together never pass the cap, and sales never pass the position.
    #[test]
    fn f7_no_sequence_of_orders_passes_the_position_cap(
        wishes in proptest::collection::vec((any::<bool>(), 1u32..2_500, any::<bool>(), any::<bool>()), 1..60),
    ) {
        let instrument = instrument();
        let mut limits = limits();
        limits.orders_per_10s_max = 1_000;
        let mut gate = RiskGate::new(limits).unwrap();
        let step = qty("0.001");
        let cap = i64::from(3_000_u32) * step.units();
        let (mut held, mut buys, mut sells) = (0_i64, 0_i64, 0_i64);
        for (is_buy, lots, fills, is_exit) in wishes {
            let side = if is_buy { Side::Buy } else { Side::Sell };
            let view = RiskView {
                position: SignedQty::from_units(held),
                buy_leaves: Qty::from_units(buys).unwrap(),
                sell_leaves: Qty::from_units(sells).unwrap(),
                ..view(&instrument)
            };
            let purpose = if is_exit { Purpose::ReduceOnly } else { Purpose::Entry };
            let order_qty = step.checked_mul(lots).unwrap();
            let intent = OrderIntent { order_qty, purpose, ..limit(side, "100", "1") };
            if judge(&mut gate, T0, intent, &view).is_ok() {
                if is_buy { buys += order_qty.units() } else { sells += order_qty.units() }
            }
            prop_assert!(held + buys <= cap, "held {held} and buying {buys}");
            prop_assert!(sells <= held, "selling {sells} of {held}");
            if fills {
                held += buys - sells;
                (buys, sells) = (0, 0);
            }
        }
    }
}

#[test]
fn a_restricted_symbol_restricts_itself_alone_and_only_an_operator_lifts_it() {
    let instrument = instrument();
    let mut gate = gate();
    let why = |reason: &str| HaltCause::Operator {
        reason: reason.to_owned(),
    };
    let other = "ETHUSDT".parse().unwrap();
    gate.restrict_symbol(other, TradingState::Halted, why("other"));
    let buy = limit(Side::Buy, "100", "0.1");
    assert_eq!(judge(&mut gate, T0, buy, &view(&instrument)), Ok(()));
    gate.restrict_symbol(symbol(), TradingState::Halted, why("first"));
    gate.restrict_symbol(symbol(), TradingState::ReduceOnly, why("second"));
    assert_eq!(judge(&mut gate, T0, buy, &view(&instrument)), Err(Rule::State));
    assert_eq!(gate.state(), TradingState::Active);
    let known: Vec<_> = gate
        .restricted_symbols()
        .map(|(symbol, state, cause)| (symbol, state, cause.clone()))
        .collect();
    assert_eq!(
        known,
        [
            (symbol(), TradingState::Halted, why("first")),
            (other, TradingState::Halted, why("other")),
        ]
    );
    gate.resume();
    assert_eq!(judge(&mut gate, T0, buy, &view(&instrument)), Ok(()));
    assert_eq!(gate.state_of(symbol()), TradingState::Active);
}
