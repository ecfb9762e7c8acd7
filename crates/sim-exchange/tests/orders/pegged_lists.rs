//! Pegged orders in lists and in place of others (faqs/pegged_orders.md, "OCO", "OTO and OTOCO").

use keel_domain::{Money, OrdStatus, OrdType, OrderId, Side, TimeInForce};
use keel_sim_exchange::core::{
    ExpiryReason, ListLegs, NewOrder, NewOrderList, OrderError, OrderRef, OrderState, PegPriceType, Replaced,
    Replacement, Step,
};

use crate::pegged::{pegged, quoted};
use crate::support::*;

const PRIMARY: PegPriceType = PegPriceType::Primary;
const MARKET: PegPriceType = PegPriceType::Market;

fn place(venue: &mut Venue, legs: ListLegs) -> Result<Vec<OrderId>, OrderError> {
    place_as(venue, legs, false)
}

fn place_as(venue: &mut Venue, legs: ListLegs, by_proceeds: bool) -> Result<Vec<OrderId>, OrderError> {
    let new = NewOrderList {
        symbol: btcusdt(),
        cl_ord_id: None,
        legs,
        by_proceeds,
    };
    let (now, owner) = (venue.now, venue.account(1));
    let (_, states) = venue.exchange.place_list(now, owner, new)?;
    Ok(states.iter().map(|state| state.order_id).collect())
}

fn stop_limit(side: Side, stop: &str) -> NewOrder {
    let ord_type = OrdType::StopLossLimit {
        trigger: stop_at(stop),
        price: price("88"),
        time_in_force: TimeInForce::Gtc,
    };
    order(side, ord_type, "1")
}

fn profit_limit(side: Side, stop: &str) -> NewOrder {
    let ord_type = OrdType::TakeProfitLimit {
        trigger: stop_at(stop),
        price: price("88"),
        time_in_force: TimeInForce::Gtc,
    };
    order(side, ord_type, "1")
}

fn at_best(order: NewOrder) -> NewOrder {
    pegged(order, PRIMARY, None)
}

/// Status and the price taken from the book.
fn told(venue: &Venue, id: OrderId) -> (OrdStatus, Option<String>) {
    let order = venue.order(1, id);
    (
        order.ord_status,
        order.pegged_price.map(|price| price.to_string()),
    )
}

fn at(status: OrdStatus, price: &str) -> (OrdStatus, Option<String>) {
    (status, Some(price.to_owned()))
}

const UNPRICED: Option<String> = None;

#[test]
fn both_orders_of_a_pair_or_one_of_them_may_be_pegged() {
    let legs = |above, below| ListLegs::Oco { above, below };
    let (maker, stop) = (post_only(Side::Sell, "101", "1"), stop_limit(Side::Sell, "90"));
    for (above, below) in [
        (at_best(maker), at_best(stop)),
        (at_best(maker), stop),
        (maker, at_best(stop)),
    ] {
        let mut venue = quoted();
        let ids = place(&mut venue, legs(above, below)).unwrap();
        // The post-only order takes the best price at once, the other one when it is triggered.
        let taken = above.options.peg.map(|_| "101".to_owned());
        assert_eq!(told(&venue, ids[0]), (OrdStatus::New, taken));
        assert_eq!(told(&venue, ids[1]), (OrdStatus::New, UNPRICED));
        assert_eq!(venue.order(1, ids[0]).price(), price("101"));
        assert_eq!(venue.locked(1, "BTC"), money("1"));
        let named = above.options.peg.map_or("101", |_| "0");
        assert_eq!(venue.order(1, ids[0]).named_price(), price(named));
    }
}

#[test]
fn a_pegged_stop_of_a_pair_enters_at_the_best_price_of_its_trigger_and_ends_the_other() {
    let mut venue = quoted();
    let totals = venue.exchange.totals();
    let legs = ListLegs::Oco {
        above: at_best(post_only(Side::Sell, "1", "1")),
        below: at_best(stop_limit(Side::Sell, "98")),
    };
    let ids = place(&mut venue, legs).unwrap();
    // Others undercut the best price before the trigger.
    venue.place(0, limit(Side::Sell, "100.5", "1")).unwrap();
    venue.place(2, market(Side::Sell, "2")).unwrap();
    assert_eq!(told(&venue, ids[1]), at(OrdStatus::New, "100.5"));
    let other = venue.order(1, ids[0]);
    assert_eq!(other.expiry_reason, Some(ExpiryReason::OcoTrigger));
    assert_eq!(venue.locked(1, "BTC"), money("1"));
    venue.check(3, &totals);
}

#[test]
fn a_pegged_stop_of_a_pair_that_buys_takes_what_more_it_needs_or_is_refused() {
    for (funds, status, locked) in [("150", OrdStatus::New, "104"), ("103", OrdStatus::Expired, "0")] {
        let mut config = config(3);
        config.accounts[1].funds = vec![(asset("USDT"), money(funds))];
        let mut venue = Venue::with(config);
        for (side, at) in [
            (Side::Buy, "99"),
            (Side::Sell, "102"),
            (Side::Sell, "103"),
            (Side::Sell, "104"),
        ] {
            venue.place(0, limit(side, at, "1")).unwrap();
        }
        let totals = venue.exchange.totals();
        let legs = ListLegs::Oco {
            above: pegged(stop_limit(Side::Buy, "102"), MARKET, Some(1)),
            below: at_best(post_only(Side::Buy, "1", "1")),
        };
        let ids = place(&mut venue, legs).unwrap();
        assert_eq!(venue.locked(1, "USDT"), money("103"));
        // The best price goes; the level behind the next one is 104. It would take 103 first.
        venue.place(2, market(Side::Buy, "1")).unwrap();
        let above = venue.order(1, ids[0]);
        if status == OrdStatus::Expired {
            assert_eq!(
                (above.ord_status, above.expiry_reason),
                (status, Some(ExpiryReason::Rejected))
            );
        } else {
            assert_eq!(told(&venue, ids[0]), at(OrdStatus::Filled, locked));
            assert_eq!(above.cum_quote, money("103"));
        }
        assert_eq!(venue.order(1, ids[1]).ord_status, OrdStatus::Expired);
        assert_eq!(venue.locked(1, "USDT"), Money::ZERO);
        venue.check(3, &totals);
    }
}

#[test]
fn a_pegged_take_profit_of_a_pair_is_judged_by_its_trigger_not_by_a_price_it_has_not() {
    let pair = |stop| ListLegs::Oco {
        above: pegged(profit_limit(Side::Sell, stop), MARKET, None),
        below: stop_limit(Side::Sell, "90"),
    };
    let mut venue = quoted();
    assert_eq!(
        place(&mut venue, pair("100")).map(|_| ()),
        Err(OrderError::PriceRelationship)
    );
    let ids = place(&mut venue, pair("100.5")).unwrap();
    venue.trade_at(0, 2, "100.5");
    // It sells to the best bid there is.
    assert_eq!(told(&venue, ids[0]), at(OrdStatus::Filled, "99"));
}

#[test]
fn what_cannot_be_pegged_alone_cannot_be_in_a_list() {
    let stop = order(
        Side::Sell,
        OrdType::StopLoss {
            trigger: stop_at("90"),
        },
        "1",
    );
    let maker = post_only(Side::Sell, "101", "1");
    let buys = limit(Side::Buy, "98", "1");
    let oco = |above, below| ListLegs::Oco { above, below };
    let oto = |working, pending| ListLegs::Oto { working, pending };
    let otoco = |working, above, below| ListLegs::Otoco {
        working,
        above,
        below,
    };
    let deep = |order| pegged(order, PRIMARY, Some(5));
    for (legs, error) in [
        (oco(maker, at_best(stop)), OrderError::PegOrderType),
        (oco(pegged(maker, MARKET, None), stop), OrderError::PegPriceType),
        (oco(deep(maker), stop), OrderError::PegLiquidity),
        (oto(buys, at_best(stop)), OrderError::PegOrderType),
        (oto(deep(buys), maker), OrderError::PegLiquidity),
        (oto(buys, deep(maker)), OrderError::PegLiquidity),
        (otoco(buys, maker, at_best(stop)), OrderError::PegOrderType),
        (
            otoco(buys, pegged(maker, MARKET, None), stop),
            OrderError::PegPriceType,
        ),
        (
            oto(buys, at_best(market(Side::Sell, "1"))),
            OrderError::PegOrderType,
        ),
    ] {
        let mut venue = quoted();
        assert_eq!(place(&mut venue, legs), Err(error), "{legs:?}");
        let owner = venue.account(1);
        assert_eq!(venue.exchange.open_orders(owner, None).count(), 0);
        assert_eq!(venue.exchange.order_lists(owner).count(), 0);
    }
}

/// Fills the first order of a list, at whatever it rests.
fn fill(venue: &mut Venue, id: OrderId) {
    let working: OrderState = venue.order(1, id);
    let at = working.price().to_string();
    let quantity = working.leaves_qty().to_string();
    let better = venue.levels(working.side);
    for (price, there) in better.iter().take_while(|(price, _)| *price != at) {
        venue
            .place(2, ioc(working.side.opposite(), price, there))
            .unwrap();
    }
    let before = venue.levels(working.side)[0].1.clone();
    venue
        .place(2, ioc(working.side.opposite(), &at, &before))
        .unwrap();
    assert_eq!(venue.status(1, id), OrdStatus::Filled, "{quantity}");
}

#[test]
fn a_pegged_order_that_works_enters_at_once_and_one_that_waits_when_it_has_been_filled() {
    let mut venue = quoted();
    let totals = venue.exchange.totals();
    let legs = ListLegs::Oto {
        working: at_best(limit(Side::Buy, "1", "1")),
        pending: at_best(limit(Side::Sell, "1", "1")),
    };
    let ids = place(&mut venue, legs).unwrap();
    assert_eq!(told(&venue, ids[0]), at(OrdStatus::New, "99"));
    assert_eq!(told(&venue, ids[1]), (OrdStatus::PendingNew, UNPRICED));
    venue.place(0, limit(Side::Sell, "100.2", "1")).unwrap();
    fill(&mut venue, ids[0]);
    assert_eq!(told(&venue, ids[1]), at(OrdStatus::New, "100.2"));
    assert_eq!(venue.order(1, ids[1]).price(), price("100.2"));
    venue.check(3, &totals);
}

#[test]
fn a_pegged_stop_limit_that_waits_enters_when_it_is_triggered() {
    let mut venue = quoted();
    let legs = ListLegs::Oto {
        working: limit(Side::Buy, "99", "1"),
        pending: at_best(stop_limit(Side::Sell, "97")),
    };
    let ids = place(&mut venue, legs).unwrap();
    fill(&mut venue, ids[0]);
    assert_eq!(told(&venue, ids[1]), (OrdStatus::New, UNPRICED));
    venue.place(0, limit(Side::Buy, "97", "1")).unwrap();
    venue.place(0, limit(Side::Sell, "100.7", "1")).unwrap();
    venue.place(2, ioc(Side::Sell, "97", "2")).unwrap();
    assert_eq!(told(&venue, ids[1]), at(OrdStatus::New, "100.7"));
}

#[test]
fn the_pair_that_waits_for_another_order_may_be_pegged() {
    let mut venue = quoted();
    let totals = venue.exchange.totals();
    let legs = ListLegs::Otoco {
        working: at_best(limit(Side::Buy, "1", "1")),
        above: at_best(post_only(Side::Sell, "1", "1")),
        below: at_best(stop_limit(Side::Sell, "97")),
    };
    let ids = place(&mut venue, legs).unwrap();
    for id in &ids[1..] {
        assert_eq!(told(&venue, *id), (OrdStatus::PendingNew, UNPRICED));
    }
    venue.place(0, limit(Side::Sell, "100.9", "1")).unwrap();
    fill(&mut venue, ids[0]);
    assert_eq!(told(&venue, ids[1]), at(OrdStatus::New, "100.9"));
    assert_eq!(told(&venue, ids[2]), (OrdStatus::New, UNPRICED));
    assert_eq!(venue.locked(1, "BTC"), money("1"));
    venue.place(2, ioc(Side::Buy, "100.9", "2")).unwrap();
    assert_eq!(venue.status(1, ids[1]), OrdStatus::Filled);
    assert_eq!(venue.status(1, ids[2]), OrdStatus::Expired);
    venue.check(3, &totals);
}

#[test]
fn a_pegged_order_sells_what_another_one_bought() {
    let mut venue = quoted();
    let legs = ListLegs::Oto {
        working: limit(Side::Buy, "99", "1"),
        pending: at_best(limit(Side::Sell, "1", "1")),
    };
    let ids = place_as(&mut venue, legs, true).unwrap();
    fill(&mut venue, ids[0]);
    let pending = venue.order(1, ids[1]);
    assert_eq!(told(&venue, ids[1]), at(OrdStatus::New, "101"));
    assert_eq!(
        (pending.order_qty, venue.locked(1, "BTC")),
        (qty("1"), money("1"))
    );
}

#[test]
fn a_pegged_order_that_waits_is_judged_again_at_its_time() {
    // The level is gone when its turn comes.
    let mut venue = quoted();
    let legs = || ListLegs::Oto {
        working: limit(Side::Buy, "99", "1"),
        pending: pegged(limit(Side::Sell, "1", "1"), PRIMARY, Some(1)),
    };
    let ids = place(&mut venue, legs()).unwrap();
    venue.place(2, ioc(Side::Buy, "103", "2")).unwrap();
    fill(&mut venue, ids[0]);
    let pending = venue.order(1, ids[1]);
    assert_eq!(
        (pending.ord_status, pending.expiry_reason, pending.pegged_price),
        (OrdStatus::Expired, Some(ExpiryReason::Rejected), None)
    );
    // A filter does not pass the price of that time.
    let mut venue = quoted();
    let ids = place(&mut venue, legs()).unwrap();
    let mut instrument = venue.exchange.instrument(btcusdt()).unwrap().clone();
    instrument.price_filter.max = price("102");
    venue.exchange.replace_instrument(instrument);
    fill(&mut venue, ids[0]);
    assert_eq!(venue.order(1, ids[1]).expiry_reason, Some(ExpiryReason::Rejected));
    assert_eq!(venue.locked(1, "BTC"), Money::ZERO);
}

fn replace(venue: &mut Venue, id: OrderId, order: NewOrder) -> Result<Replaced, OrderError> {
    let request = Replacement {
        symbol: btcusdt(),
        by: OrderRef::OrderId(id),
        cancel_id: None,
        restriction: None,
        stops_on_failure: true,
        order,
    };
    let (now, owner) = (venue.now, venue.account(1));
    venue.exchange.cancel_replace(now, owner, &request)
}

#[test]
fn an_order_is_replaced_by_a_pegged_one_at_the_price_that_is_left_by_the_cancel() {
    let mut venue = quoted();
    // The order to go is the best price itself.
    let first = venue.place(1, limit(Side::Buy, "99.5", "1")).unwrap();
    let replaced = replace(&mut venue, first, at_best(limit(Side::Buy, "1", "1"))).unwrap();
    let Step::Done(second) = replaced.order else {
        panic!("{replaced:?}")
    };
    assert_eq!(told(&venue, second), at(OrdStatus::New, "99"));
    assert_eq!(venue.status(1, first), OrdStatus::Canceled);
}

#[test]
fn a_replacement_for_which_the_book_has_no_price_fails_after_the_cancel() {
    let taken = |order: NewOrder| {
        let mut venue = quoted();
        let first = venue.place(1, limit(Side::Buy, "97", "1")).unwrap();
        let replaced = replace(&mut venue, first, order);
        (venue.status(1, first), replaced.map(|replaced| replaced.order))
    };
    let canceled = |error| (OrdStatus::Canceled, Ok(Step::Failed(error)));
    let buys = limit(Side::Buy, "1", "1");
    // The third level was the canceled order's own.
    assert_eq!(
        taken(pegged(buys, PRIMARY, Some(2))),
        canceled(OrderError::PegLiquidity)
    );
    assert_eq!(
        taken(pegged(buys, PRIMARY, Some(9))),
        canceled(OrderError::PegLiquidity)
    );
    assert_eq!(
        taken(at_best(market(Side::Buy, "1"))),
        canceled(OrderError::PegOrderType)
    );
    // A filter that does not pass the pegged price speaks before.
    let (status, refused) = taken(at_best(limit(Side::Buy, "1", "0.0001")));
    assert_eq!(status, OrdStatus::New);
    assert!(matches!(refused, Err(OrderError::Filter(_))), "{refused:?}");
}
