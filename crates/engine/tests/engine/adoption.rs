//! Records made anew from the venue's, after a state directory was lost.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

use std::collections::BTreeMap;

use crate::common::{T0, World, entry, identity, instrument, lots, other_symbol, price, strategy, symbol};
use keel_domain::{ClOrdId, ExecType, Money, OrdStatus, Side, SignedQty, TradeId};
use keel_engine::{AdoptError, Adoption, DurableState, Event, VenuePast, adopt};
use proptest::prelude::*;

/// What a venue where this happened tells of it.
fn past(world: &World) -> VenuePast {
    let orders = world.venue.orders.keys();
    VenuePast {
        account: "1".to_owned(),
        instruments: vec![instrument(symbol()), instrument(other_symbol())],
        orders: orders
            .filter_map(|id| world.venue.report(T0, *id, ExecType::OrderStatus))
            .collect(),
        trades: world.venue.trades.clone(),
        totals: world.venue.balances.clone(),
    }
}

fn adopted(past: &VenuePast) -> Result<Adoption, AdoptError> {
    adopt(T0, identity(), "k1".parse().unwrap(), "the disk died", past)
}

fn state(adoption: &Adoption) -> DurableState {
    crate::common::replay(DurableState::default(), &adoption.records)
}

fn traded(world: &mut World, side: Side, qty: i64) -> ClOrdId {
    let id = world.submit_live(entry(side, qty));
    let report = world.venue.fill(world.now, id, lots(qty)).unwrap();
    world.exchange(Event::Venue(report));
    id
}

/// An order that another program placed, and that traded.
fn theirs(world: &mut World, qty: i64) {
    let id: ClOrdId = "web_1".parse().unwrap();
    world.venue.place(world.now, id, entry(Side::Buy, qty));
    world.venue.fill(world.now, id, lots(qty)).unwrap();
}

#[test]
fn our_trades_are_found_by_their_orders_and_no_others() {
    let mut world = World::started();
    traded(&mut world, Side::Buy, 10);
    traded(&mut world, Side::Sell, 4);
    theirs(&mut world, 7);
    let adoption = adopted(&past(&world)).unwrap();
    let [pair] = adoption.pairs[..] else {
        panic!("{:?}", adoption.pairs)
    };
    assert_eq!((pair.orders, pair.trades), (2, 2));
    assert_eq!(pair.position, SignedQty::from(lots(6)));
    assert_eq!(pair.avg_px, Some(Money::from(100)));
    assert!(!pair.is_estimated);
    assert_eq!((pair.strategy, pair.symbol), (strategy(), symbol()));
    let state = state(&adoption);
    assert_eq!(state.ledgers(), world.trader.state().ledgers());
    assert_eq!(state.foreign().position(symbol()), SignedQty::ZERO);
}

#[test]
fn f1_ids_go_on_after_the_last_boot_that_the_venue_has_seen() {
    let mut world = World::started();
    for _ in 0..3 {
        traded(&mut world, Side::Buy, 1);
        world.restart();
        world.connect();
    }
    traded(&mut world, Side::Buy, 1);
    let known: Vec<ClOrdId> = world.venue.orders.keys().copied().collect();
    let adoption = adopted(&past(&world)).unwrap();
    // The lost directory is replaced by the adopted one.
    world.log.records = adoption.records;
    world.log.synced = world.log.records.len();
    world.restart();
    world.connect();
    let (next, _) = world.submit(entry(Side::Buy, 1));
    assert!(!known.contains(&next), "{next} was used before");
    assert!(next.to_string().contains("-5-"), "{next}");
}

#[test]
fn open_orders_of_ours_refuse_it_by_name() {
    let mut world = World::started();
    let open = world.submit_live(entry(Side::Buy, 1));
    let error = adopted(&past(&world)).unwrap_err();
    assert!(
        matches!(&error, AdoptError::Open(ids) if *ids == [open]),
        "{error}"
    );
    world.venue.end(world.now, open, OrdStatus::Canceled);
    assert!(adopted(&past(&world)).is_ok());
}

#[test]
fn a_history_that_is_cut_off_leaves_no_short_position_and_is_marked_estimated() {
    let mut world = World::started();
    traded(&mut world, Side::Buy, 10);
    traded(&mut world, Side::Sell, 10);
    let mut past = past(&world);
    past.trades.retain(|trade| trade.side == Side::Sell);
    let adoption = adopted(&past).unwrap();
    let pair = adoption.pairs[0];
    assert_eq!(pair.position, SignedQty::ZERO);
    assert!(pair.is_estimated);
    let state = state(&adoption);
    assert!(
        state
            .ledgers()
            .of(strategy())
            .unwrap()
            .book(symbol())
            .unwrap()
            .is_estimated()
    );
}

#[test]
fn f23_no_more_is_adopted_than_the_account_has() {
    let mut world = World::started();
    traded(&mut world, Side::Buy, 10);
    let mut past = past(&world);
    past.totals.insert("BTC".parse().unwrap(), lots(3).to_decimal());
    let adoption = adopted(&past).unwrap();
    let pair = adoption.pairs[0];
    assert_eq!(pair.position, SignedQty::from(lots(3)));
    assert!(pair.is_estimated);
}

#[test]
fn f13_what_was_lost_before_does_not_use_the_new_budget() {
    let mut world = World::started();
    traded(&mut world, Side::Buy, 10);
    let mut past = past(&world);
    // Sold at half of what it cost, in ten exits.
    let buy = past.orders[0];
    for n in 0..10 {
        let mut order = buy;
        order.order_id.0 += 100 + n;
        order.cl_ord_id = format!("k1-scripted-1-{}", 50 + n).parse().unwrap();
        let mut trade = past.trades[0];
        trade.trade_id = TradeId(1_000 + n);
        trade.order_id = order.order_id;
        trade.side = Side::Sell;
        trade.last_px = price("50");
        trade.last_qty = lots(1);
        past.orders.push(order);
        past.trades.push(trade);
    }
    let adoption = adopted(&past).unwrap();
    world.log.records = adoption.records;
    world.log.synced = world.log.records.len();
    world.restart();
    world.connect();
    let standing = world.trader.loss_standing(world.now).unwrap();
    assert_eq!(standing.losing_exits, 0);
    assert_eq!(standing.day_lost, Money::ZERO);
    assert_eq!(standing.drawdown, Money::ZERO);
}

proptest! {
    /// Whatever was traded: the ledger is the one that was lost.
    #[test]
    fn the_ledger_is_the_one_that_was_lost(trades in prop::collection::vec((any::<bool>(), 1i64..20), 0..20)) {
        let mut world = World::started();
        let mut held = 0;
        for (is_buy, qty) in trades {
            let qty = if is_buy { qty.min(200 - held) } else { qty.min(held) };
            if qty > 0 {
                world.now = world.now.plus(std::time::Duration::from_secs(10));
                world.quote("99.99", "100.01");
                traded(&mut world, if is_buy { Side::Buy } else { Side::Sell }, qty);
                held += if is_buy { qty } else { -qty };
            }
        }
        theirs(&mut world, 3);
        let adoption = adopted(&past(&world)).unwrap();
        let state = state(&adoption);
        prop_assert_eq!(state.ledgers(), world.trader.state().ledgers());
        prop_assert!(adoption.pairs.iter().all(|pair| !pair.is_estimated));
        let totals: BTreeMap<_, _> = world.venue.balances.clone();
        prop_assert!(!totals.is_empty());
    }
}
