//! Stop and trailing orders, by the documents' own scenarios (faqs/trailing-stop-faq.md).

use keel_domain::{Money, OrdStatus, OrdType, OrderId, Side, TimeInForce, Trigger};
use keel_sim_exchange::core::{NewOrder, OrderError, ReportKind};

use crate::support::*;

fn stop_loss(side: Side, trigger: Trigger, quantity: &str) -> NewOrder {
    order(side, OrdType::StopLoss { trigger }, quantity)
}

fn take_profit(side: Side, trigger: Trigger, quantity: &str) -> NewOrder {
    order(side, OrdType::TakeProfit { trigger }, quantity)
}

fn stop_limit(side: Side, trigger: Trigger, at: &str) -> NewOrder {
    let ord_type = OrdType::StopLossLimit {
        trigger,
        price: price(at),
        time_in_force: TimeInForce::Gtc,
    };
    order(side, ord_type, "1")
}

fn trailing(delta_bips: u32, stop_px: Option<&str>) -> Trigger {
    Trigger::Trailing {
        delta_bips,
        stop_px: stop_px.map(price),
    }
}

fn is_working(venue: &Venue, order_id: OrderId) -> bool {
    venue.order(2, order_id).working_at.is_some()
}

/// Accounts 0 and 1 trade at each price; account 2 has the order under test.
fn walk(venue: &mut Venue, order_id: OrderId, prices: &[&str]) {
    for at in prices {
        assert!(!is_working(venue, order_id), "before {at}");
        venue.trade_at(0, 1, at);
    }
}

#[test]
fn a_stop_on_the_wrong_side_of_the_last_price_would_trigger_immediately() {
    let mut venue = Venue::new(1);
    let refused = Err(OrderError::WouldTrigger);
    // The last price is 100.
    for at in ["100", "99.99"] {
        assert_eq!(venue.place(0, stop_loss(Side::Buy, stop_at(at), "1")), refused);
        assert_eq!(venue.place(0, take_profit(Side::Sell, stop_at(at), "1")), refused);
    }
    for at in ["100", "100.01"] {
        assert_eq!(venue.place(0, stop_loss(Side::Sell, stop_at(at), "1")), refused);
        assert_eq!(venue.place(0, take_profit(Side::Buy, stop_at(at), "1")), refused);
    }
    assert!(
        venue
            .place(0, stop_loss(Side::Buy, stop_at("100.01"), "1"))
            .is_ok()
    );
    assert!(
        venue
            .place(0, take_profit(Side::Sell, stop_at("100.01"), "1"))
            .is_ok()
    );
    assert!(
        venue
            .place(0, stop_loss(Side::Sell, stop_at("99.99"), "1"))
            .is_ok()
    );
    assert!(
        venue
            .place(0, take_profit(Side::Buy, stop_at("99.99"), "1"))
            .is_ok()
    );
}

#[test]
fn a_stop_loss_sells_at_market_once_the_last_price_reaches_it_and_not_before() {
    let mut venue = Venue::new(3);
    let stop = venue.place(2, stop_loss(Side::Sell, stop_at("95"), "2")).unwrap();
    assert_eq!(venue.locked(2, "BTC"), money("2"));
    venue.trade_at(0, 1, "95.01");
    assert_eq!(venue.status(2, stop), OrdStatus::New);
    venue.place(0, limit(Side::Buy, "90", "5")).unwrap();
    // A quote at 94 is no trade at 94.
    let ask = venue.place(1, limit(Side::Sell, "94", "0.001")).unwrap();
    assert_eq!(venue.status(2, stop), OrdStatus::New);
    venue.place(0, ioc(Side::Buy, "94", "0.001")).unwrap();
    assert_eq!(venue.status(1, ask), OrdStatus::Filled);
    let order = venue.order(2, stop);
    assert_eq!(order.ord_status, OrdStatus::Filled);
    assert_eq!(order.cum_quote, money("180"));
    assert_eq!(venue.locked(2, "BTC"), Money::ZERO);
}

#[test]
fn a_stop_limit_rests_at_its_price_after_its_trigger_and_is_told_again() {
    let mut venue = Venue::new(3);
    let stop = venue
        .place(2, stop_limit(Side::Buy, stop_at("110"), "105"))
        .unwrap();
    assert_eq!(venue.locked(2, "USDT"), money("105"));
    assert!(venue.levels(Side::Buy).is_empty());
    venue.trade_at(0, 1, "110");
    assert_eq!(venue.levels(Side::Buy), [("105".to_owned(), "1".to_owned())]);
    let kinds: Vec<ReportKind> = venue.reports(stop).iter().map(|report| report.kind).collect();
    assert_eq!(kinds, [ReportKind::New, ReportKind::New]);
}

#[test]
fn a_stop_that_buys_at_market_takes_what_more_it_needs_or_buys_what_it_can_pay() {
    let mut config = config(3);
    config.accounts[2].funds = vec![(asset("USDT"), money("250"))];
    let mut venue = Venue::with(config);
    let stop = venue.place(2, stop_loss(Side::Buy, stop_at("110"), "2")).unwrap();
    assert_eq!(venue.locked(2, "USDT"), money("220"));
    venue.trade_at(0, 1, "110");
    // The book was empty at that moment.
    assert_eq!(venue.status(2, stop), OrdStatus::Expired);
    let stop = venue.place(2, stop_loss(Side::Buy, stop_at("115"), "2")).unwrap();
    venue.place(0, limit(Side::Sell, "130", "5")).unwrap();
    venue.trade_at(0, 1, "115");
    let order = venue.order(2, stop);
    assert_eq!(
        (order.ord_status, order.cum_qty),
        (OrdStatus::Expired, qty("1.923"))
    );
    assert_eq!(
        venue.free(2, "USDT"),
        money("250") - money("1.923") * money("130")
    );
    assert_eq!(venue.locked(2, "USDT"), Money::ZERO);
}

#[test]
fn a_canceled_stop_gives_back_what_it_held_and_is_not_triggered() {
    let mut venue = Venue::new(3);
    let stop = venue
        .place(2, stop_limit(Side::Buy, stop_at("110"), "105"))
        .unwrap();
    let (now, owner) = (venue.now, venue.account(2));
    let by = keel_sim_exchange::core::OrderRef::OrderId(stop);
    venue.exchange.cancel(now, owner, btcusdt(), by, None).unwrap();
    assert_eq!(venue.locked(2, "USDT"), Money::ZERO);
    venue.trade_at(0, 1, "111");
    assert_eq!(venue.status(2, stop), OrdStatus::Canceled);
    assert!(venue.levels(Side::Buy).is_empty());
}

#[test]
fn one_trade_triggers_stops_in_the_order_of_their_arrival_and_they_trigger_others() {
    let mut venue = Venue::new(3);
    venue.place(0, limit(Side::Buy, "94", "1")).unwrap();
    venue.place(0, limit(Side::Buy, "90", "1")).unwrap();
    venue.place(0, limit(Side::Buy, "80", "1")).unwrap();
    let last = venue.place(2, stop_loss(Side::Sell, stop_at("90"), "1")).unwrap();
    let first = venue.place(2, stop_loss(Side::Sell, stop_at("95"), "1")).unwrap();
    let second = venue.place(2, stop_loss(Side::Sell, stop_at("96"), "1")).unwrap();
    venue.trade_at(0, 1, "95");
    let proceeds = [first, second, last].map(|id| venue.order(2, id).cum_quote);
    assert_eq!(proceeds, [money("94"), money("90"), money("80")]);
}

/// Scenario A: a buy that trails from its stop price up.
#[test]
fn a_trailing_buy_waits_for_its_stop_price_then_for_a_rise_from_the_lowest() {
    let mut venue = Venue::new(3);
    venue.trade_at(0, 1, "400");
    let stop = venue
        .place(2, stop_limit(Side::Buy, trailing(500, Some("440")), "450"))
        .unwrap();
    walk(&mut venue, stop, &["370", "440", "460", "420", "440.99", "441"]);
    assert!(is_working(&venue, stop));
    assert_eq!(venue.levels(Side::Buy), [("450".to_owned(), "1".to_owned())]);
}

/// Scenario B: a sell that trails from its stop price down.
#[test]
fn a_trailing_sell_waits_for_its_stop_price_then_for_a_fall_from_the_highest() {
    let mut venue = Venue::new(3);
    venue.trade_at(0, 1, "400");
    let stop = venue
        .place(2, stop_limit(Side::Sell, trailing(1_000, Some("390")), "380"))
        .unwrap();
    walk(&mut venue, stop, &["415", "390", "370", "410", "369.01", "369"]);
    assert!(is_working(&venue, stop));
}

/// Scenario E: no stop price.
#[test]
fn a_trailing_order_without_a_stop_price_follows_from_the_next_trade() {
    let mut venue = Venue::new(3);
    venue.trade_at(0, 1, "400");
    let stop = venue
        .place(2, stop_limit(Side::Sell, trailing(700, None), "390"))
        .unwrap();
    assert_eq!(venue.order(2, stop).trailing_at, None);
    walk(&mut venue, stop, &["420"]);
    assert!(venue.order(2, stop).trailing_at.is_some());
    walk(&mut venue, stop, &["395", "455", "423.16", "423.15"]);
    assert!(is_working(&venue, stop));
}
