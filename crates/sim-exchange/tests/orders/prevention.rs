//! Self-trade prevention in every mode (faqs/stp_faq.md).

use keel_domain::{Money, OrdStatus, OrderId, Qty, Side};
use keel_sim_exchange::core::{PreventedMatch, Prevention, ReportKind, StpMode};

use crate::support::*;

/// A bid of account 0 meets its own ask of `taker` in a mode; the bid's size is given.
fn meet(venue: &mut Venue, mode: StpMode, bid: &str, ask: &str) -> (OrderId, OrderId) {
    let maker = venue.place(0, limit(Side::Buy, "100", bid)).unwrap();
    let taker = venue
        .place(0, with_stp(limit(Side::Sell, "100", ask), mode))
        .unwrap();
    (maker, taker)
}

fn kept(venue: &Venue) -> Vec<PreventedMatch> {
    venue
        .exchange
        .prevented_matches(venue.account(0), btcusdt())
        .copied()
        .collect()
}

#[test]
fn without_a_mode_an_account_trades_with_itself() {
    let mut venue = Venue::new(1);
    let (maker, taker) = meet(&mut venue, StpMode::None, "1", "1");
    assert_eq!(
        [maker, taker].map(|id| venue.status(0, id)),
        [OrdStatus::Filled; 2]
    );
    assert!(kept(&venue).is_empty());
}

#[test]
fn expire_taker_ends_what_came_and_leaves_what_rested() {
    let mut venue = Venue::new(1);
    let (maker, taker) = meet(&mut venue, StpMode::ExpireTaker, "1", "3");
    assert_eq!(venue.status(0, maker), OrdStatus::New);
    assert_eq!(venue.status(0, taker), OrdStatus::ExpiredInMatch);
    assert_eq!(venue.locked(0, "BTC"), Money::ZERO);
    assert_eq!(venue.locked(0, "USDT"), money("100"));
    let [only] = kept(&venue)[..] else {
        panic!("one prevented match")
    };
    assert_eq!((only.taker_order_id, only.maker_order_id), (taker, maker));
    assert_eq!(
        (only.taker_prevented_qty, only.maker_prevented_qty),
        (qty("3"), Qty::ZERO)
    );
    assert_eq!(only.price, price("100"));
    let last = venue.reports(taker).pop().unwrap();
    let prevention = Prevention {
        qty: qty("3"),
        counter_symbol: btcusdt(),
        counter_order_id: maker,
        trade_group: None,
        execution_qty: qty("1"),
        execution_px: price("100"),
    };
    assert_eq!(last.kind, ReportKind::Prevented(prevention));
}

/// Scenario B of the document: all three resting orders expire, the order that came rests.
#[test]
fn expire_maker_ends_what_rested_and_what_came_goes_on() {
    let mut venue = Venue::new(1);
    let makers = [("120", "1.2"), ("110", "1.3"), ("100", "8.1")]
        .map(|(at, quantity)| venue.place(0, limit(Side::Buy, at, quantity)).unwrap());
    let taker = with_stp(limit(Side::Sell, "100", "3"), StpMode::ExpireMaker);
    let taker = venue.place(0, taker).unwrap();
    for (maker, prevented) in makers.into_iter().zip(["1.2", "1.3", "8.1"]) {
        let order = venue.order(0, maker);
        assert_eq!(order.ord_status, OrdStatus::ExpiredInMatch);
        assert_eq!(order.prevented_qty, qty(prevented));
    }
    assert_eq!(venue.status(0, taker), OrdStatus::New);
    assert_eq!(venue.levels(Side::Sell), [("100".to_owned(), "3".to_owned())]);
    assert_eq!(venue.locked(0, "USDT"), Money::ZERO);
    assert_eq!(
        kept(&venue)
            .iter()
            .map(|m| m.prevented_match_id)
            .collect::<Vec<_>>(),
        [0, 1, 2]
    );
}

#[test]
fn expire_both_ends_both() {
    let mut venue = Venue::new(1);
    let (maker, taker) = meet(&mut venue, StpMode::ExpireBoth, "1", "3");
    assert_eq!(
        [maker, taker].map(|id| venue.status(0, id)),
        [OrdStatus::ExpiredInMatch; 2]
    );
    let [only] = kept(&venue)[..] else {
        panic!("one prevented match")
    };
    assert_eq!(
        (only.taker_prevented_qty, only.maker_prevented_qty),
        (qty("3"), qty("1"))
    );
}

#[test]
fn decrement_makes_both_smaller_and_the_smaller_ends() {
    let mut venue = Venue::new(1);
    let (maker, taker) = meet(&mut venue, StpMode::Decrement, "1", "3");
    assert_eq!(venue.status(0, maker), OrdStatus::ExpiredInMatch);
    assert_eq!(venue.status(0, taker), OrdStatus::New);
    assert_eq!(venue.levels(Side::Sell), [("100".to_owned(), "2".to_owned())]);
    assert_eq!(venue.locked(0, "BTC"), money("2"));
    let mut venue = Venue::new(1);
    let (maker, taker) = meet(&mut venue, StpMode::Decrement, "3", "1");
    assert_eq!(venue.status(0, taker), OrdStatus::ExpiredInMatch);
    assert_eq!(venue.status(0, maker), OrdStatus::New);
    assert_eq!(venue.levels(Side::Buy), [("100".to_owned(), "2".to_owned())]);
    assert_eq!(venue.locked(0, "USDT"), money("200"));
    let mut venue = Venue::new(1);
    let (maker, taker) = meet(&mut venue, StpMode::Decrement, "1", "1");
    assert_eq!(
        [maker, taker].map(|id| venue.status(0, id)),
        [OrdStatus::ExpiredInMatch; 2]
    );
}

fn group() -> Venue {
    let mut config = config(3);
    config.accounts[0].trade_group = Some(7);
    config.accounts[1].trade_group = Some(7);
    Venue::with(config)
}

#[test]
fn a_group_does_not_trade_within_itself_but_with_others() {
    let mut venue = group();
    let own = venue.place(0, limit(Side::Buy, "100", "1")).unwrap();
    let stranger = venue.place(2, limit(Side::Buy, "99", "1")).unwrap();
    let taker = with_stp(limit(Side::Sell, "99", "1"), StpMode::ExpireMaker);
    let taker = venue.place(1, taker).unwrap();
    assert_eq!(venue.status(0, own), OrdStatus::ExpiredInMatch);
    assert_eq!(venue.status(2, stranger), OrdStatus::Filled);
    assert_eq!(venue.status(1, taker), OrdStatus::Filled);
    assert_eq!(kept(&venue)[0].trade_group, Some(7));
}

#[test]
fn transfer_moves_the_quantity_between_two_accounts_of_a_group_where_both_ask_for_it() {
    let mut venue = group();
    let totals = venue.exchange.totals();
    let bid = with_stp(limit(Side::Buy, "100", "2"), StpMode::Transfer);
    let maker = venue.place(0, bid).unwrap();
    let ask = with_stp(limit(Side::Sell, "90", "1"), StpMode::Transfer);
    let taker = venue.place(1, ask).unwrap();
    assert_eq!(venue.status(1, taker), OrdStatus::ExpiredInMatch);
    assert_eq!(venue.status(0, maker), OrdStatus::New);
    assert_eq!(venue.free(0, "BTC"), money("1001"));
    assert_eq!(venue.free(1, "USDT"), money("1000100"));
    assert_eq!(venue.locked(0, "USDT"), money("100"));
    venue.check(3, &totals);
    // One of them asks for something else: only decremented.
    let ask = with_stp(limit(Side::Sell, "100", "0.5"), StpMode::Transfer);
    venue.place(0, ask).unwrap();
    assert_eq!(venue.free(0, "BTC"), money("1001"));
}

#[test]
fn a_fill_or_kill_order_never_trades_in_part_because_of_its_own_orders() {
    for mode in [
        StpMode::ExpireTaker,
        StpMode::ExpireMaker,
        StpMode::ExpireBoth,
        StpMode::Decrement,
    ] {
        let mut venue = Venue::new(2);
        venue.place(1, limit(Side::Buy, "101", "1")).unwrap();
        venue.place(0, limit(Side::Buy, "100", "1")).unwrap();
        venue.place(1, limit(Side::Buy, "99", "1")).unwrap();
        let whole = with_stp(fok(Side::Sell, "99", "3"), mode);
        let taker = venue.place(0, whole).unwrap();
        assert_eq!(venue.order(0, taker).cum_qty, Qty::ZERO, "{mode:?}");
        let fits = with_stp(fok(Side::Sell, "99", "2"), mode);
        let taker = venue.place(0, fits).unwrap();
        let traded = venue.order(0, taker).cum_qty;
        assert!(traded.is_zero() || traded == qty("2"), "{mode:?} {traded}");
        assert_eq!(traded == qty("2"), mode == StpMode::ExpireMaker);
    }
}

#[test]
fn a_market_order_that_skips_its_own_order_pays_for_the_deeper_level() {
    let mut venue = Venue::new(2);
    venue.place(0, limit(Side::Sell, "100", "1")).unwrap();
    venue.place(1, limit(Side::Sell, "105", "1")).unwrap();
    let bought = venue
        .place(0, with_stp(market(Side::Buy, "1"), StpMode::ExpireMaker))
        .unwrap();
    let order = venue.order(0, bought);
    assert_eq!(
        (order.ord_status, order.cum_quote),
        (OrdStatus::Filled, money("105"))
    );
}
