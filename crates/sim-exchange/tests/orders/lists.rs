//! Order lists: OCO, OTO, OTOCO, OPO.

use keel_domain::{FilterFailure, Money, OrdStatus, OrdType, OrderId, Side, TimeInForce};
use keel_sim_exchange::core::{
    ExchangeEvent, ExpiryReason, ListLegs, ListStatus, NewOrder, NewOrderList, OrderError, OrderRef,
    OrderState,
};

use crate::support::*;

fn list(legs: ListLegs) -> NewOrderList {
    NewOrderList {
        symbol: btcusdt(),
        cl_ord_id: None,
        legs,
        by_proceeds: false,
    }
}

fn place_list(venue: &mut Venue, new: NewOrderList) -> Result<(u64, Vec<OrderState>), OrderError> {
    let (now, owner) = (venue.now, venue.account(0));
    venue.exchange.place_list(now, owner, new)
}

fn ids(placed: &(u64, Vec<OrderState>)) -> Vec<OrderId> {
    placed.1.iter().map(|state| state.order_id).collect()
}

fn stop_limit(side: Side, stop: &str, at: &str, quantity: &str) -> NewOrder {
    let ord_type = OrdType::StopLossLimit {
        trigger: stop_at(stop),
        price: price(at),
        time_in_force: TimeInForce::Gtc,
    };
    order(side, ord_type, quantity)
}

/// Sells 2 at 110, or at 88 once 90 is reached.
fn sell_pair() -> NewOrderList {
    list(ListLegs::Oco {
        above: post_only(Side::Sell, "110", "2"),
        below: stop_limit(Side::Sell, "90", "88", "2"),
    })
}

fn list_events(venue: &mut Venue) -> Vec<ListStatus> {
    let status = |event| match event {
        ExchangeEvent::List(report) => Some(report.status),
        _ => None,
    };
    venue.events().into_iter().filter_map(status).collect()
}

#[test]
fn a_pair_holds_its_funds_once_and_a_fill_of_one_ends_the_other() {
    let mut venue = Venue::new(3);
    let placed = place_list(&mut venue, sell_pair()).unwrap();
    let [above, below] = ids(&placed)[..] else {
        panic!("two")
    };
    assert_eq!(venue.locked(0, "BTC"), money("2"));
    venue.place(1, ioc(Side::Buy, "110", "0.5")).unwrap();
    assert_eq!(venue.status(0, above), OrdStatus::PartiallyFilled);
    let other = venue.order(0, below);
    assert_eq!(other.ord_status, OrdStatus::Expired);
    assert_eq!(other.expiry_reason, Some(ExpiryReason::OcoTrigger));
    assert_eq!(venue.locked(0, "BTC"), money("1.5"));
    assert_eq!(list_events(&mut venue), [ListStatus::ExecStarted]);
    venue.place(1, ioc(Side::Buy, "110", "1.5")).unwrap();
    assert_eq!(list_events(&mut venue), [ListStatus::AllDone]);
    assert_eq!(venue.locked(0, "BTC"), Money::ZERO);
}

#[test]
fn a_trigger_of_one_ends_the_other_and_takes_over_what_is_held() {
    let mut venue = Venue::new(3);
    let placed = place_list(&mut venue, sell_pair()).unwrap();
    let [above, below] = ids(&placed)[..] else {
        panic!("two")
    };
    venue.trade_at(1, 2, "90");
    assert_eq!(venue.status(0, above), OrdStatus::Expired);
    assert_eq!(venue.levels(Side::Sell), [("88".to_owned(), "2".to_owned())]);
    assert_eq!(venue.locked(0, "BTC"), money("2"));
    venue.place(1, ioc(Side::Buy, "88", "2")).unwrap();
    assert_eq!(venue.status(0, below), OrdStatus::Filled);
    assert_eq!(venue.free(0, "USDT"), money("1000176"));
}

#[test]
fn a_buying_pair_holds_what_the_dearer_order_needs() {
    let mut venue = Venue::new(3);
    let pair = list(ListLegs::Oco {
        above: stop_limit(Side::Buy, "110", "112", "2"),
        below: post_only(Side::Buy, "95", "2"),
    });
    let placed = place_list(&mut venue, pair).unwrap();
    assert_eq!(venue.locked(0, "USDT"), money("224"));
    venue.place(1, ioc(Side::Sell, "95", "1")).unwrap();
    assert_eq!(venue.locked(0, "USDT"), money("95"));
    assert_eq!(venue.status(0, ids(&placed)[0]), OrdStatus::Expired);
}

#[test]
fn canceling_one_order_cancels_the_list() {
    let mut venue = Venue::new(1);
    let placed = place_list(&mut venue, sell_pair()).unwrap();
    let (now, owner) = (venue.now, venue.account(0));
    let by = OrderRef::OrderId(ids(&placed)[1]);
    venue.exchange.cancel(now, owner, btcusdt(), by, None).unwrap();
    for id in ids(&placed) {
        assert_eq!(venue.status(0, id), OrdStatus::Canceled);
    }
    assert_eq!(venue.locked(0, "BTC"), Money::ZERO);
    assert_eq!(
        list_events(&mut venue),
        [ListStatus::ExecStarted, ListStatus::AllDone]
    );
    let again = venue
        .exchange
        .cancel_list(now, owner, (Some(placed.0), None), None);
    assert_eq!(again.map(|_| ()), Err(OrderError::UnknownOrder));
}

#[test]
fn the_prices_of_a_pair_lie_on_both_sides_of_the_last_price() {
    let mut venue = Venue::new(1);
    let refused = Err(OrderError::PriceRelationship);
    for (near, stop) in [("100", "90"), ("110", "100"), ("99", "90"), ("110", "101")] {
        let pair = list(ListLegs::Oco {
            above: post_only(Side::Sell, near, "2"),
            below: stop_limit(Side::Sell, stop, "88", "2"),
        });
        assert_eq!(place_list(&mut venue, pair).map(|_| ()), refused, "{near} {stop}");
    }
    assert_eq!(venue.locked(0, "BTC"), Money::ZERO);
}

#[test]
fn an_amend_of_one_order_of_a_pair_reduces_both() {
    let mut venue = Venue::new(1);
    let placed = place_list(&mut venue, sell_pair()).unwrap();
    let (now, owner) = (venue.now, venue.account(0));
    let by = OrderRef::OrderId(ids(&placed)[1]);
    venue
        .exchange
        .amend(now, owner, btcusdt(), by, (qty("1.5"), None))
        .unwrap();
    for id in ids(&placed) {
        assert_eq!(venue.order(0, id).order_qty, qty("1.5"));
    }
    assert_eq!(venue.locked(0, "BTC"), money("1.5"));
    assert_eq!(
        list_events(&mut venue),
        [ListStatus::ExecStarted, ListStatus::Updated]
    );
}

#[test]
fn a_pending_order_waits_until_the_working_one_is_wholly_filled() {
    let mut venue = Venue::new(2);
    let chain = list(ListLegs::Oto {
        working: limit(Side::Buy, "99", "2"),
        pending: limit(Side::Sell, "120", "2"),
    });
    let placed = place_list(&mut venue, chain).unwrap();
    let [working, pending] = ids(&placed)[..] else {
        panic!("two")
    };
    assert_eq!(venue.status(0, pending), OrdStatus::PendingNew);
    assert_eq!(venue.locked(0, "BTC"), Money::ZERO);
    venue.place(1, ioc(Side::Sell, "99", "1.9")).unwrap();
    assert_eq!(venue.status(0, pending), OrdStatus::PendingNew);
    venue.place(1, ioc(Side::Sell, "99", "0.1")).unwrap();
    assert_eq!(venue.status(0, working), OrdStatus::Filled);
    assert_eq!(venue.status(0, pending), OrdStatus::New);
    assert_eq!(venue.locked(0, "BTC"), money("2"));
    assert_eq!(venue.levels(Side::Sell), [("120".to_owned(), "2".to_owned())]);
}

#[test]
fn the_placement_of_a_chain_tells_the_pending_order_as_pending_even_when_it_began_at_once() {
    let mut venue = Venue::new(2);
    venue.place(1, limit(Side::Sell, "99", "2")).unwrap();
    let chain = list(ListLegs::Oto {
        working: limit(Side::Buy, "99", "2"),
        pending: limit(Side::Sell, "120", "2"),
    });
    let placed = place_list(&mut venue, chain).unwrap();
    let told: Vec<OrdStatus> = placed.1.iter().map(|state| state.ord_status).collect();
    assert_eq!(told, [OrdStatus::Filled, OrdStatus::PendingNew]);
    assert_eq!(venue.status(0, ids(&placed)[1]), OrdStatus::New);
}

#[test]
fn a_pending_order_ends_with_a_working_one_that_is_not_filled() {
    let mut venue = Venue::new(2);
    let chain = list(ListLegs::Oto {
        working: ioc(Side::Buy, "99", "2"),
        pending: limit(Side::Sell, "120", "2"),
    });
    let placed = place_list(&mut venue, chain).unwrap();
    let pending = venue.order(0, ids(&placed)[1]);
    assert_eq!(pending.ord_status, OrdStatus::Expired);
    assert_eq!(pending.expiry_reason, Some(ExpiryReason::OtoPhaseOneExpired));
    assert_eq!(
        list_events(&mut venue),
        [ListStatus::ExecStarted, ListStatus::AllDone]
    );
}

#[test]
fn a_pending_order_without_funds_expires_as_rejected() {
    let mut config = config(2);
    config.accounts[0].funds = vec![(asset("USDT"), money("1000"))];
    let mut venue = Venue::with(config);
    let chain = list(ListLegs::Oto {
        working: limit(Side::Buy, "99", "2"),
        pending: limit(Side::Sell, "120", "3"),
    });
    let placed = place_list(&mut venue, chain).unwrap();
    venue.place(1, ioc(Side::Sell, "99", "2")).unwrap();
    let pending = venue.order(0, ids(&placed)[1]);
    assert_eq!(pending.ord_status, OrdStatus::Expired);
    assert_eq!(pending.expiry_reason, Some(ExpiryReason::Rejected));
}

#[test]
fn a_triple_is_an_entry_with_its_profit_and_its_stop() {
    let mut venue = Venue::new(3);
    let chain = list(ListLegs::Otoco {
        working: limit(Side::Buy, "99", "2"),
        above: post_only(Side::Sell, "110", "2"),
        below: stop_limit(Side::Sell, "90", "88", "2"),
    });
    let placed = place_list(&mut venue, chain).unwrap();
    let [_, above, below] = ids(&placed)[..] else {
        panic!("three")
    };
    venue.place(1, ioc(Side::Sell, "99", "2")).unwrap();
    assert_eq!([above, below].map(|id| venue.status(0, id)), [OrdStatus::New; 2]);
    assert_eq!(venue.locked(0, "BTC"), money("2"));
    venue.trade_at(1, 2, "90");
    assert_eq!(venue.status(0, above), OrdStatus::Expired);
    assert_eq!(venue.levels(Side::Sell), [("88".to_owned(), "2".to_owned())]);
}

#[test]
fn proceeds_are_kept_for_the_order_that_sells_them_less_commission_in_whole_steps() {
    let mut config = config(2);
    config.taker_rate = money("0.001");
    config.maker_rate = money("0.001");
    config.accounts[0].funds = vec![(asset("USDT"), money("1000"))];
    let mut venue = Venue::with(config);
    let chain = NewOrderList {
        by_proceeds: true,
        ..list(ListLegs::Oto {
            working: limit(Side::Buy, "99", "2.5"),
            pending: limit(Side::Sell, "120", "2.5"),
        })
    };
    let placed = place_list(&mut venue, chain).unwrap();
    venue.place(1, ioc(Side::Sell, "99", "1")).unwrap();
    assert_eq!(
        (venue.free(0, "BTC"), venue.locked(0, "BTC")),
        (Money::ZERO, money("0.999"))
    );
    venue.place(1, ioc(Side::Sell, "99", "1.5")).unwrap();
    let pending = venue.order(0, ids(&placed)[1]);
    // 2.5 less 0.1 % is 2.4975; in steps of 0.001 it is 2.497.
    assert_eq!(
        (pending.ord_status, pending.order_qty),
        (OrdStatus::New, qty("2.497"))
    );
    assert_eq!(
        (venue.free(0, "BTC"), venue.locked(0, "BTC")),
        (money("0.0005"), money("2.497"))
    );
}

#[test]
fn what_sells_proceeds_is_adjusted_to_its_lots_and_judged_when_they_are_known() {
    let run = |pending: NewOrder, change: &dyn Fn(&mut keel_domain::Instrument)| {
        let mut config = config(2);
        change(&mut config.markets[0].instrument);
        let mut venue = Venue::with(config);
        let chain = NewOrderList {
            by_proceeds: true,
            ..list(ListLegs::Oto {
                working: limit(Side::Buy, "99", "2.5"),
                pending,
            })
        };
        let placed = place_list(&mut venue, chain).unwrap();
        venue.place(1, limit(Side::Buy, "95", "9")).unwrap();
        venue.place(1, ioc(Side::Sell, "99", "2.5")).unwrap();
        assert_eq!(
            venue.locked(0, "BTC").is_zero(),
            pending.ord_type == OrdType::Market || venue.status(0, ids(&placed)[1]) == OrdStatus::Expired
        );
        venue.order(0, ids(&placed)[1])
    };
    let unchanged = |_: &mut keel_domain::Instrument| {};
    let sold = run(market(Side::Sell, "2.5"), &unchanged);
    assert_eq!((sold.ord_status, sold.cum_qty), (OrdStatus::Filled, qty("2.5")));
    let sold = run(market(Side::Sell, "2.5"), &|instrument| {
        instrument.market_lot_size.step = qty("0.2")
    });
    assert_eq!((sold.ord_status, sold.cum_qty), (OrdStatus::Filled, qty("2.4")));
    let sold = run(market(Side::Sell, "2.5"), &|instrument| {
        instrument.market_lot_size.max = qty("2")
    });
    assert_eq!(sold.cum_qty, qty("2"));
    // A limit order knows nothing of market lots.
    let rests = run(limit(Side::Sell, "120", "2.5"), &|instrument| {
        instrument.market_lot_size.max = qty("2")
    });
    assert_eq!((rests.ord_status, rests.order_qty), (OrdStatus::New, qty("2.5")));
}

#[test]
fn proceeds_too_small_for_a_filter_are_given_back() {
    let mut config = config(2);
    config.maker_rate = money("0.1");
    config.markets[0].instrument.notional.min = money("240");
    let mut venue = Venue::with(config);
    let chain = NewOrderList {
        by_proceeds: true,
        ..list(ListLegs::Oto {
            working: limit(Side::Buy, "99", "2.5"),
            pending: limit(Side::Sell, "105", "2.5"),
        })
    };
    let placed = place_list(&mut venue, chain).unwrap();
    venue.place(1, ioc(Side::Sell, "99", "2.5")).unwrap();
    // 2.5 less 10 % at 105 is 236.25.
    let pending = venue.order(0, ids(&placed)[1]);
    assert_eq!(
        (pending.ord_status, pending.expiry_reason, pending.order_qty),
        (OrdStatus::Expired, Some(ExpiryReason::Rejected), qty("2.25"))
    );
    assert_eq!(venue.locked(0, "BTC"), Money::ZERO);
    assert_eq!(venue.free(0, "BTC"), money("1002.25"));
}

#[test]
fn an_account_has_at_most_twenty_open_lists_and_no_two_of_one_id() {
    let mut venue = Venue::new(1);
    let chain = |name: Option<&str>| NewOrderList {
        cl_ord_id: name.map(id),
        ..list(ListLegs::Oto {
            working: limit(Side::Buy, "99", "0.1"),
            pending: limit(Side::Sell, "120", "0.1"),
        })
    };
    place_list(&mut venue, chain(Some("one"))).unwrap();
    assert_eq!(
        place_list(&mut venue, chain(Some("one"))).map(|_| ()),
        Err(OrderError::Duplicate)
    );
    for _ in 1..20 {
        place_list(&mut venue, chain(None)).unwrap();
    }
    let full = Err(OrderError::Filter(FilterFailure::MaxNumOrderLists));
    assert_eq!(place_list(&mut venue, chain(None)).map(|_| ()), full);
}
