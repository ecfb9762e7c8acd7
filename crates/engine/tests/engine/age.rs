//! A system that has traded for long: what it keeps does not grow, and what it let go is not taken for somebody else's.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use crate::common::venue::Request;
use crate::common::{T0, World, entry, instrument, lots, price, replay, strategy, symbol};
use keel_domain::{Money, OrderId, Qty, Side, SignedQty, Timestamp, Trade, TradeId};
use keel_engine::{DurableState, Event, Fact, Record, Seen};
use keel_execution::{Orders, VenueReport};
use keel_risk::TradingState;

fn record(fact: Fact) -> Record {
    Record { at: T0, fact }
}

fn trade(number: u64) -> Trade {
    Trade {
        symbol: symbol(),
        trade_id: TradeId(number),
        order_id: OrderId(number),
        side: Side::Buy,
        last_px: price("100"),
        last_qty: lots(1),
        commission: Money::ZERO,
        commission_asset: None,
        is_maker: true,
        transact_time: Timestamp::EPOCH,
    }
}

#[test]
fn f65_trades_that_the_venue_has_told_are_carried_forward_and_the_state_does_not_grow() {
    let kept = DurableState::TRADES_KEPT as u64;
    let mut records = vec![record(Fact::Instrument(instrument(symbol())))];
    records.extend((1..=kept + 1_000).map(|number| {
        record(Fact::Trade {
            strategy: strategy(),
            trade: trade(number),
        })
    }));
    let read = |next| {
        record(Fact::TradesRead {
            symbol: symbol(),
            next: TradeId(next),
        })
    };
    let carried = |records: &[Record]| {
        let state = replay(DurableState::default(), records);
        let book = state.ledgers().of(strategy()).unwrap().book(symbol()).unwrap();
        assert_eq!(book.trade_count() as u64, kept + 1_000);
        assert_eq!(
            book.average().position(),
            lots(1).to_decimal() * Money::from(kept + 1_000)
        );
        let written = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<DurableState>(&written).unwrap(), state);
        book.carried_count()
    };
    assert_eq!(carried(&records), 0, "the venue has told none of them");
    records.push(read(501));
    assert_eq!(carried(&records), 500, "what it has not told may come again");
    records.push(read(kept + 1_001));
    assert_eq!(
        carried(&records),
        500,
        "a few at a time would be a pass over all for each"
    );
    records.remove(records.len() - 2);
    assert_eq!(carried(&records), 1_000);
}

/// So many orders, each traded once, buys and sells in turn, as if an earlier run had made them.
pub(crate) fn has_traded(world: &mut World, orders: u64) {
    let seen = Seen {
        bid_ask: None,
        position: SignedQty::ZERO,
        buy_leaves: Qty::ZERO,
        sell_leaves: Qty::ZERO,
    };
    for n in 0..orders {
        let side = if n % 2 == 0 { Side::Buy } else { Side::Sell };
        let (cl_ord_id, intent) = (format!("k1-scripted-9-{n}").parse().unwrap(), entry(side, 1));
        world.log.records.push(record(Fact::Intent {
            cl_ord_id,
            intent,
            seen,
            stop: None,
        }));
        let placed = world.venue.answer(T0, T0, Request::Submit(cl_ord_id, intent));
        for report in placed.into_iter().chain(world.venue.fill(T0, cl_ord_id, lots(1))) {
            if let VenueReport::Execution(report) = report {
                world.log.records.push(record(Fact::Execution(report)));
            }
        }
    }
}

#[test]
fn f41_a_trade_of_an_order_that_was_let_go_is_still_ours() {
    let mut world = World::started();
    has_traded(&mut world, Orders::ENDED_MAX as u64 + 10);
    world.restart();
    world.connect();
    let first = world.venue.trades.first().copied().unwrap();
    let state = world.trader.state();
    assert!(state.ledgers().contains(symbol(), first.trade_id));
    assert!(
        state.orders().by_order_id(symbol(), first.order_id).is_none(),
        "it is let go"
    );
    world.alerts.clear();
    world.exchange(Event::Venue(VenueReport::Trades {
        symbol: symbol(),
        from: Some(first.trade_id),
        trades: vec![first],
        asked_at: world.now,
    }));
    assert_eq!(world.alerts, Vec::<String>::new());
    assert_eq!(world.trader.trading_state(), TradingState::Active);
    assert_eq!(world.trader.state().foreign().books().count(), 0);
}
