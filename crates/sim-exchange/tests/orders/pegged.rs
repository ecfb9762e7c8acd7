//! Orders whose price comes from the book (faqs/pegged_orders.md).

use keel_domain::{Money, OrdStatus, OrdType, Side, TimeInForce};
use keel_sim_exchange::core::{ExpiryReason, NewOrder, OrderError, Peg, PegPriceType, ReportKind};

use crate::support::*;

pub(crate) fn pegged(mut order: NewOrder, price_type: PegPriceType, offset: Option<u8>) -> NewOrder {
    order.options.peg = Some(Peg {
        price_type,
        offset,
        price: price("0"),
    });
    order
}

/// Account 0 bids at 99, 98 and asks at 101, 103.
pub(crate) fn quoted() -> Venue {
    let mut venue = Venue::new(3);
    for at in ["99", "98"] {
        venue.place(0, limit(Side::Buy, at, "1")).unwrap();
    }
    for at in ["101", "103"] {
        venue.place(0, limit(Side::Sell, at, "1")).unwrap();
    }
    venue
}

/// A stop-limit order at the best price of its own side, or the other one.
fn stop_limit(price_type: PegPriceType) -> NewOrder {
    let ord_type = OrdType::StopLossLimit {
        trigger: stop_at("100.5"),
        price: price("100"),
        time_in_force: TimeInForce::Gtc,
    };
    pegged(order(Side::Buy, ord_type, "0.5"), price_type, None)
}

#[test]
fn a_primary_peg_joins_its_own_side_at_the_level_asked_for() {
    let mut venue = quoted();
    for (side, offset, at) in [
        (Side::Buy, None, "99"),
        (Side::Buy, Some(1), "98"),
        (Side::Sell, None, "101"),
        (Side::Sell, Some(1), "103"),
    ] {
        let id = venue
            .place(1, pegged(limit(side, "1", "1"), PegPriceType::Primary, offset))
            .unwrap();
        let order = venue.order(1, id);
        assert_eq!((order.pegged_price, order.price()), (Some(price(at)), price(at)));
        assert_eq!(order.named_price(), price("0"));
        assert_eq!(order.ord_status, OrdStatus::New);
    }
    assert_eq!(venue.locked(1, "USDT"), money("197"));
    // Not pegged again: the best price moves, the order stays.
    venue.place(0, limit(Side::Buy, "100", "1")).unwrap();
    let open: Vec<_> = venue.exchange.open_orders(venue.account(1), None).collect();
    assert_eq!(open[0].price(), price("99"));
}

#[test]
fn a_market_peg_takes_the_best_price_and_only_that() {
    let mut venue = quoted();
    let id = venue
        .place(1, pegged(ioc(Side::Buy, "1", "3"), PegPriceType::Market, None))
        .unwrap();
    let order = venue.order(1, id);
    assert_eq!((order.cum_qty, order.cum_quote), (qty("1"), money("101")));
    assert_eq!(order.expiry_reason, Some(ExpiryReason::UnfilledIoc));
}

#[test]
fn pegs_that_do_not_fit_are_refused() {
    let mut venue = quoted();
    let mut place = |order| venue.place(1, order);
    let (primary, market_peg) = (PegPriceType::Primary, PegPriceType::Market);
    for kind in [
        market(Side::Buy, "1"),
        order(
            Side::Sell,
            OrdType::StopLoss {
                trigger: stop_at("50"),
            },
            "1",
        ),
    ] {
        assert_eq!(place(pegged(kind, primary, None)), Err(OrderError::PegOrderType));
    }
    for (kind, price_type) in [
        (post_only(Side::Buy, "1", "1"), market_peg),
        (ioc(Side::Buy, "1", "1"), primary),
        (fok(Side::Buy, "1", "1"), primary),
    ] {
        assert_eq!(
            place(pegged(kind, price_type, None)),
            Err(OrderError::PegPriceType)
        );
    }
    let deep = pegged(limit(Side::Buy, "1", "1"), primary, Some(2));
    assert_eq!(place(deep), Err(OrderError::PegLiquidity));
}

#[test]
fn the_price_named_beside_a_peg_must_pass_the_filters_too() {
    let mut venue = quoted();
    let mut order = pegged(limit(Side::Buy, "1", "1"), PegPriceType::Primary, None);
    for (named, is_good) in [("99.005", false), ("1000", false), ("120", true)] {
        order.options.peg = order.options.peg.map(|peg| Peg {
            price: price(named),
            ..peg
        });
        let placed = venue.place(1, order);
        assert_eq!(placed.is_ok(), is_good, "{named}: {placed:?}");
        assert_eq!(is_good, !matches!(placed, Err(OrderError::Filter(_))));
    }
}

#[test]
fn a_pegged_stop_takes_its_price_when_it_is_triggered() {
    let mut venue = quoted();
    let totals = venue.exchange.totals();
    let id = venue.place(1, stop_limit(PegPriceType::Primary)).unwrap();
    assert_eq!(venue.order(1, id).pegged_price, None);
    venue.place(0, limit(Side::Buy, "99.5", "1")).unwrap();
    venue.trade_at(0, 2, "100.5");
    let order = venue.order(1, id);
    assert_eq!(
        (order.pegged_price, order.ord_status),
        (Some(price("99.5")), OrdStatus::New)
    );
    assert_eq!(venue.locked(1, "USDT"), money("49.75"));
    venue.check(3, &totals);
}

#[test]
fn a_pegged_stop_without_a_price_in_the_book_or_the_funds_for_it_expires() {
    // The level has gone by the time of the trigger.
    let mut venue = Venue::new(3);
    let bid = venue.place(0, limit(Side::Buy, "99", "1")).unwrap();
    let id = venue.place(1, stop_limit(PegPriceType::Primary)).unwrap();
    let by = keel_sim_exchange::core::OrderRef::OrderId(bid);
    let (now, owner) = (venue.now, venue.account(0));
    venue.exchange.cancel(now, owner, btcusdt(), by, None).unwrap();
    venue.trade_at(0, 2, "100.5");
    let last = venue.reports(id).pop().unwrap();
    assert_eq!(last.kind, ReportKind::Expired(ExpiryReason::Rejected));
    assert_eq!(venue.locked(1, "USDT"), Money::ZERO);
    // The price is higher by then than what is left can pay.
    let mut config = config(3);
    config.accounts[1].funds = vec![(asset("USDT"), money("49.6"))];
    let mut venue = Venue::with(config);
    venue.place(0, limit(Side::Buy, "99", "1")).unwrap();
    let id = venue.place(1, stop_limit(PegPriceType::Primary)).unwrap();
    venue.place(0, limit(Side::Buy, "99.5", "1")).unwrap();
    venue.trade_at(0, 2, "100.5");
    let order = venue.order(1, id);
    assert_eq!(
        (order.ord_status, order.expiry_reason),
        (OrdStatus::Expired, Some(ExpiryReason::Rejected))
    );
    assert_eq!(
        (venue.free(1, "USDT"), venue.locked(1, "USDT")),
        (money("49.6"), Money::ZERO)
    );
}
