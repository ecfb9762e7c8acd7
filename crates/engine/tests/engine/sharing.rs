//! Several strategies on one account and pair: each has its own orders, position, stops and dust, and the venue sees the sum.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

use std::time::Duration;

use crate::common::venue::VenueOrder;
use crate::common::{World, cancels, entry, instrument, lots, price, submissions, symbol};
use keel_domain::{
    ClOrdId, Instrument, Money, NotionalRange, OrdStatus, OrdType, OrderIntent, Purpose, Qty, Side,
    SignedQty, StrategyId, TimeInForce,
};
use keel_engine::{Event, Fact, Operator, ProtectionSettings};
use keel_execution::{NotSent, VenueReport};
use keel_risk::{Rule, TradingState};
use keel_strategy::Action;
use proptest::prelude::*;

const SETTINGS: ProtectionSettings = ProtectionSettings {
    stop_distance_bps: 200,
    unprotected_max: Duration::from_secs(5),
};

fn id(name: &str) -> StrategyId {
    name.parse().unwrap()
}

fn two() -> World {
    World::shared(&["maker", "trend"], None)
}

fn sale(lots_: i64) -> OrderIntent {
    OrderIntent {
        purpose: Purpose::ReduceOnly,
        ..entry(Side::Sell, lots_)
    }
}

/// The strategy wishes this now, and the venue answers. Gives the order, where it went out.
fn says(world: &mut World, name: &str, action: Action) -> Option<ClOrdId> {
    let known: Vec<ClOrdId> = world.venue.orders.keys().copied().collect();
    let script = world.scripts.get(&id(name)).unwrap();
    script.lock().unwrap().wishes.push_back(vec![action]);
    world.exchange(Event::Timer);
    let new = world.venue.orders.keys().find(|id| !known.contains(id));
    new.copied()
}

fn fill(world: &mut World, order: ClOrdId, qty: Qty) {
    let report = world.venue.fill(world.now, order, qty).unwrap();
    world.exchange(Event::Venue(report));
}

fn buys(world: &mut World, name: &str, qty: i64) {
    let order = says(world, name, Action::Submit(entry(Side::Buy, qty))).unwrap();
    fill(world, order, lots(qty));
}

fn held(world: &World, name: &str) -> SignedQty {
    let ledger = world.trader.state().ledgers().of(id(name));
    ledger.map_or(SignedQty::ZERO, |ledger| ledger.position(symbol()))
}

/// The open orders at the venue whose ids begin like this.
fn open<'a>(world: &'a World, mark: &'a str) -> impl Iterator<Item = (&'a ClOrdId, &'a VenueOrder)> {
    let orders = world.venue.orders.iter();
    orders.filter(move |(id, order)| !order.status.is_terminal() && id.as_str().starts_with(mark))
}

fn refused(world: &World, rule: Rule) -> u64 {
    world.trader.counters().refused.get(&rule).copied().unwrap_or(0)
}

fn settle(world: &mut World, ms: u64) {
    world.now = world.now.plus(Duration::from_millis(ms));
    world.quote("99.99", "100.01");
    world.exchange(Event::Timer);
}

#[test]
fn f41_each_strategy_sees_its_own_position_cost_orders_and_entries_and_no_others() {
    let mut world = two();
    buys(&mut world, "maker", 10);
    let second = OrderIntent {
        ord_type: OrdType::Limit {
            price: price("98"),
            time_in_force: TimeInForce::Gtc,
        },
        ..entry(Side::Buy, 4)
    };
    let order = says(&mut world, "trend", Action::Submit(second)).unwrap();
    world.exchange(Event::Timer);
    let told = |world: &World, name: &str| world.scripts[&id(name)].lock().unwrap().told;
    assert_eq!(
        (told(&world, "maker"), told(&world, "trend")),
        (2, 1),
        "of its own orders"
    );
    let seen = |world: &World, name: &str| {
        let script = world.scripts[&id(name)].lock().unwrap();
        (
            script.position,
            script.avg_px,
            script.open.clone(),
            script.entries_today,
        )
    };
    let maker = (SignedQty::from(lots(10)), Some(price("100")), vec![], 1);
    assert_eq!(seen(&world, "maker"), maker);
    assert_eq!(seen(&world, "trend"), (SignedQty::ZERO, None, vec![order], 0));
    world.venue.last_px = price("98");
    fill(&mut world, order, lots(4));
    world.exchange(Event::Timer);
    let trend = (SignedQty::from(lots(4)), Some(price("98")), vec![], 1);
    assert_eq!(seen(&world, "trend"), trend);
    assert_eq!(seen(&world, "maker"), maker);
    assert_eq!(world.trader.position(symbol()), SignedQty::from(lots(14)));
    assert_eq!(world.trader.state(), &world.replayed());
}

#[test]
fn f29_no_strategy_sells_what_another_holds() {
    let mut world = two();
    buys(&mut world, "maker", 10);
    for intent in [sale(1), entry(Side::Sell, 1)] {
        assert_eq!(says(&mut world, "trend", Action::Submit(intent)), None);
    }
    assert_eq!(
        refused(&world, Rule::Owned) + refused(&world, Rule::ReduceOnly),
        2
    );
    buys(&mut world, "trend", 3);
    assert_eq!(says(&mut world, "trend", Action::Submit(sale(4))), None);
    let order = says(&mut world, "trend", Action::Submit(sale(3))).unwrap();
    assert_eq!(says(&mut world, "maker", Action::Submit(sale(11))), None);
    fill(&mut world, order, lots(3));
    assert_eq!(held(&world, "trend"), SignedQty::ZERO);
    assert_eq!(held(&world, "maker"), SignedQty::from(lots(10)));
}

#[test]
fn a_strategy_cancels_only_its_own_orders() {
    let mut world = World::shared(&["maker", "trend"], Some(SETTINGS));
    let order = says(&mut world, "maker", Action::Submit(entry(Side::Buy, 10))).unwrap();
    fill(&mut world, order, lots(5));
    settle(&mut world, 0);
    settle(&mut world, 500);
    let (stop, _) = open(&world, "k1-maker-1-stop").next().unwrap();
    let stop = *stop;
    for (name, target) in [("trend", order), ("maker", stop)] {
        says(&mut world, name, Action::Cancel(target));
        assert!(!world.venue.orders[&target].status.is_terminal(), "{name}");
    }
    says(&mut world, "maker", Action::Cancel(order));
    assert!(world.venue.orders[&order].status.is_terminal());
}

#[test]
fn f30_each_holding_has_a_stop_of_its_own_size_and_price() {
    let mut world = World::shared(&["maker", "trend"], Some(SETTINGS));
    buys(&mut world, "maker", 10);
    let cheaper = OrderIntent {
        ord_type: OrdType::Limit {
            price: price("99"),
            time_in_force: TimeInForce::Gtc,
        },
        ..entry(Side::Buy, 4)
    };
    let order = says(&mut world, "trend", Action::Submit(cheaper)).unwrap();
    world.venue.last_px = price("99");
    fill(&mut world, order, lots(4));
    settle(&mut world, 0);
    settle(&mut world, 500);
    let stop = |world: &World, mark: &str| {
        let mut stops = open(world, mark);
        let (id, order) = stops.next().unwrap();
        assert!(stops.next().is_none());
        let trigger = order.intent.ord_type.trigger().unwrap();
        (*id, order.leaves(), trigger.stop_px().unwrap())
    };
    let (maker, qty, px) = stop(&world, "k1-maker-1-stop");
    assert_eq!((qty, px), (lots(10), price("98")));
    let (trend, qty, px) = stop(&world, "k1-trend-1-stop");
    assert_eq!((qty, px), (lots(4), price("97.02")));
    fill(&mut world, trend, lots(4));
    settle(&mut world, 500);
    assert_eq!(held(&world, "trend"), SignedQty::ZERO);
    assert_eq!(held(&world, "maker"), SignedQty::from(lots(10)));
    assert_eq!(open(&world, "k1-trend").count(), 0);
    assert_eq!(stop(&world, "k1-maker-1-stop"), (maker, lots(10), price("98")));
}

/// The venue takes five stops on a pair. Those of a holding are merged before the others have none.
#[test]
fn f26_many_strategies_leave_each_other_room_for_a_stop() {
    let names = ["a", "b", "c", "d"];
    let mut world = World::shared(&names, Some(SETTINGS));
    // The brake stops entries after ten.
    for _ in 0..2 {
        for name in names {
            buys(&mut world, name, 5);
            settle(&mut world, 0);
            settle(&mut world, 500);
            assert!(open(&world, "k1-").count() <= 5, "{:?}", world.alerts);
        }
    }
    for _ in 0..4 {
        settle(&mut world, 500);
    }
    for name in names {
        let mark = format!("k1-{name}-1-stop");
        let stopped =
            open(&world, &mark).fold(Qty::ZERO, |sum, (_, order)| sum.saturating_add(order.leaves()));
        assert_eq!(stopped, lots(10), "{name}");
    }
}

#[test]
fn an_operator_flattens_every_holding_under_its_own_name() {
    let mut world = World::shared(&["maker", "trend"], Some(SETTINGS));
    buys(&mut world, "maker", 10);
    buys(&mut world, "trend", 4);
    settle(&mut world, 0);
    settle(&mut world, 500);
    let reason = "going away".to_owned();
    world.exchange(Event::Operator(Operator::Flatten { reason }));
    settle(&mut world, 10);
    let sales: Vec<(ClOrdId, Qty)> = open(&world, "k1-")
        .map(|(id, order)| (*id, order.leaves()))
        .collect();
    let told: Vec<(bool, Qty)> = sales
        .iter()
        .map(|(id, qty)| (id.as_str().contains("-flat"), *qty))
        .collect();
    assert_eq!(told, [(true, lots(10)), (true, lots(4))]);
    for (id, qty) in sales {
        fill(&mut world, id, qty);
    }
    settle(&mut world, 10);
    assert!(world.trader.is_flat());
    assert_eq!(
        (held(&world, "maker"), held(&world, "trend")),
        (SignedQty::ZERO, SignedQty::ZERO)
    );
}

#[test]
fn f44_one_strategys_dust_stays_out_of_anothers_position() {
    let mut world = two();
    let notional = NotionalRange {
        min: Money::from(5),
        ..instrument(symbol()).notional
    };
    world.exchange(Event::Venue(VenueReport::Instrument(Instrument {
        notional,
        ..instrument(symbol())
    })));
    buys(&mut world, "maker", 10);
    let order = says(&mut world, "trend", Action::Submit(entry(Side::Buy, 10))).unwrap();
    fill(&mut world, order, lots(4));
    let ended = world.venue.end(world.now, order, OrdStatus::Canceled).unwrap();
    world.exchange(Event::Venue(ended));
    for _ in 0..12 {
        settle(&mut world, 500);
    }
    assert_eq!(held(&world, "trend"), SignedQty::ZERO);
    assert_eq!(world.trader.dust(symbol()), lots(4).to_decimal());
    assert_eq!(held(&world, "maker"), SignedQty::from(lots(10)));
    let dust = world.log.records.iter().find_map(|record| match &record.fact {
        Fact::Dust { strategy, dust } => Some((*strategy, dust.qty)),
        _ => None,
    });
    assert_eq!(dust, Some((id("trend"), lots(4).to_decimal())));
}

/// A strategy that is taken out of the configuration leaves a position behind: it is not given to the others.
#[test]
fn what_a_strategy_holds_that_runs_no_more_is_protected_and_told_and_nobodys_but_an_operators() {
    let mut world = World::shared(&["maker", "trend"], Some(SETTINGS));
    buys(&mut world, "trend", 4);
    world.runs = vec![id("maker")];
    world.restart();
    world.connect();
    world.exchange(Event::Timer);
    let told = world.alerts.iter().filter(|text| text.contains("strategy trend"));
    assert_eq!(told.count(), 1, "{:?}", world.alerts);
    settle(&mut world, 500);
    let (_, stop) = open(&world, "k1-trend-2-stop").next().unwrap();
    assert_eq!(stop.leaves(), lots(4));
    assert_eq!(says(&mut world, "maker", Action::Submit(sale(4))), None);
    let reason = "nobody manages it".to_owned();
    world.exchange(Event::Operator(Operator::Flatten { reason }));
    settle(&mut world, 10);
    let (order, _) = open(&world, "k1-trend-2-flat").next().unwrap();
    let order = *order;
    fill(&mut world, order, lots(4));
    settle(&mut world, 10);
    assert!(world.trader.is_flat());
}

/// Somebody sold coins that two strategies hold: nobody can say whose, and the larger holding gives first.
#[test]
fn f23_what_the_account_lacks_is_taken_from_the_largest_holding_first() {
    let mut world = two();
    buys(&mut world, "maker", 4);
    buys(&mut world, "trend", 10);
    world
        .venue
        .balances
        .insert("BTC".parse().unwrap(), lots(3).to_decimal());
    let reason = "sold by hand".to_owned();
    world.exchange(Event::Operator(Operator::AcceptVenue { reason }));
    for _ in 0..20 {
        settle(&mut world, 500);
    }
    assert_eq!(held(&world, "trend"), SignedQty::ZERO, "{:?}", world.alerts);
    assert_eq!(held(&world, "maker"), SignedQty::from(lots(3)));
    assert_eq!(world.trader.state(), &world.replayed());
}

#[test]
fn f67_a_strategy_that_panics_halts_all_and_the_others_are_still_told() {
    let mut world = two();
    world.scripts[&id("trend")].lock().unwrap().panics = true;
    world.exchange(Event::Timer);
    assert_eq!(world.trader.trading_state(), TradingState::Halted);
    assert!(
        world
            .alerts
            .iter()
            .any(|text| text.contains("strategy trend panicked"))
    );
    let calls = |world: &World, name: &str| world.scripts[&id(name)].lock().unwrap().calls;
    let before = (calls(&world, "maker"), calls(&world, "trend"));
    world.exchange(Event::Timer);
    let after = (calls(&world, "maker"), calls(&world, "trend"));
    assert!(after.0 > before.0);
    assert_eq!(after.1, before.1);
}

/// Kill switches have fired while the bot went on placing orders: the gate closes first.
#[test]
fn f9_an_order_of_the_event_that_halts_does_not_go_out() {
    let mut world = two();
    let wishes = vec![Action::Submit(entry(Side::Buy, 1))];
    let script = |name| world.scripts[&id(name)].lock().unwrap();
    script("maker").wishes.push_back(wishes);
    script("trend").panics = true;
    let commands = world.on(Event::Timer);
    assert_eq!(world.trader.trading_state(), TradingState::Halted);
    assert_eq!((submissions(&commands), cancels(&commands)), (0, vec![]));
    let facts = world.log.records.iter().map(|record| &record.fact);
    let not_sent = facts.filter_map(|fact| match fact {
        Fact::SubmitNotSent { cause, .. } => Some(cause),
        _ => None,
    });
    let halted = NotSent::Restricted(TradingState::Halted);
    assert_eq!(not_sent.collect::<Vec<_>>(), [&halted]);
    assert_eq!(world.trader.live_qty(symbol()), (Qty::ZERO, Qty::ZERO));
    assert_eq!(world.trader.state(), &world.replayed());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever three strategies wish for and the venue fills: nobody is short, no more is on sale than its owner holds, and the
    /// sum is what the venue has.
    #[test]
    fn f29_f41_holdings_never_mix(
        wishes in proptest::collection::vec((0usize..3, any::<bool>(), 1i64..12, 0i64..12), 1..40),
        is_protected in any::<bool>(),
    ) {
        let names = ["maker", "other", "trend"];
        let mut world = World::shared(&names, is_protected.then_some(SETTINGS));
        for (who, is_buy, qty, filled) in wishes {
            let name = names[who];
            let intent = if is_buy { entry(Side::Buy, qty) } else { sale(qty) };
            if let Some(order) = says(&mut world, name, Action::Submit(intent)) {
                let filled = lots(filled).min(world.venue.orders[&order].leaves());
                if !filled.is_zero() && !world.venue.orders[&order].status.is_terminal() {
                    fill(&mut world, order, filled);
                }
            }
            settle(&mut world, 600);
            let mut sum = SignedQty::ZERO;
            for name in names {
                let position = held(&world, name);
                prop_assert!(position >= SignedQty::ZERO, "{name} {position}");
                let mark = format!("k1-{name}-");
                let on_sale = open(&world, &mark)
                    .filter(|(_, order)| order.intent.side == Side::Sell)
                    .filter(|(_, order)| order.pair.is_none() || order.intent.ord_type.trigger().is_none())
                    .fold(Qty::ZERO, |sum, (_, order)| sum.saturating_add(order.leaves()));
                prop_assert!(SignedQty::from(on_sale) <= position, "{name} sells {on_sale} of {position}");
                sum = sum.saturating_add(position);
            }
            prop_assert_eq!(sum, world.venue.position(symbol()));
            prop_assert_eq!(sum, world.trader.position(symbol()));
        }
        prop_assert_eq!(world.trader.state(), &world.replayed());
    }
}
