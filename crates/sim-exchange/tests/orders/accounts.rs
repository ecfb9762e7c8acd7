//! What accounts pay, and money from outside (faqs/commission_faq.md).

use keel_domain::{Money, OrdStatus, Price, Side};
use keel_sim_exchange::core::{
    CommissionRates, Discount, ExchangeEvent, Market, OrderError, Rates, ReportKind, TradeQuery,
};

use crate::support::*;

fn rates(discount: bool) -> CommissionRates {
    CommissionRates {
        standard: Rates {
            maker: money("0.001"),
            taker: money("0.002"),
            buyer: money("0.0003"),
            seller: money("0.0004"),
        },
        tax: Rates {
            taker: money("0.0001"),
            ..Rates::default()
        },
        special: Rates::default(),
        discount: discount.then(|| Discount {
            asset: asset("BNB"),
            factor: money("0.75"),
        }),
    }
}

/// BTCUSDT from 100 and BNBUSDT at 10; account 0 has its own rates and some BNB.
fn venue(bnb: &str, start: &str) -> Venue {
    let mut config = config(2);
    let mut bnb_market: Market = config.markets[0].clone();
    bnb_market.instrument.symbol = "BNBUSDT".parse().unwrap();
    bnb_market.instrument.base = asset("BNB");
    bnb_market.start_price = start.parse::<Price>().unwrap();
    config.markets.push(bnb_market);
    config.accounts[0].commission = Some(rates(true));
    config.accounts[0].funds.push((asset("BNB"), money(bnb)));
    Venue::with(config)
}

fn paid(venue: &Venue) -> Vec<(Money, String)> {
    let query = TradeQuery {
        limit: 100,
        ..TradeQuery::default()
    };
    let trades = venue.exchange.my_trades(venue.account(0), btcusdt(), query);
    trades
        .iter()
        .map(|t| (t.commission, t.commission_asset.to_string()))
        .collect()
}

#[test]
fn an_account_pays_its_own_rates_in_what_it_receives() {
    let mut config = config(2);
    config.accounts[0].commission = Some(rates(false));
    let mut venue = Venue::with(config);
    let totals = venue.exchange.totals();
    venue.place(1, limit(Side::Sell, "100", "1")).unwrap();
    venue.place(0, market(Side::Buy, "1")).unwrap();
    // Taker, buyer and the taker's tax: 0.0020 + 0.0003 + 0.0001.
    assert_eq!(venue.free(0, "BTC"), money("1001") - money("0.0024"));
    venue.place(0, limit(Side::Sell, "200", "1")).unwrap();
    venue.place(1, market(Side::Buy, "1")).unwrap();
    // Maker and seller: 0.0010 + 0.0004 of 200.
    assert_eq!(
        venue.free(0, "USDT"),
        money("1000000") - money("100") + money("200") - money("0.28")
    );
    assert_eq!(venue.free(1, "BTC"), money("1000"));
    venue.check(2, &totals);
}

#[test]
fn bnb_pays_for_less_and_tax_is_not_discounted() {
    let mut venue = venue("5", "10");
    venue.place(1, limit(Side::Sell, "100", "1")).unwrap();
    venue.place(0, market(Side::Buy, "1")).unwrap();
    // (0.0023 x 0.75 + 0.0001) BTC at 100 / 10 BNB each.
    assert_eq!(paid(&venue), [(money("0.01825"), "BNB".to_owned())]);
    assert_eq!(venue.free(0, "BNB"), money("4.98175"));
    assert_eq!(venue.free(0, "BTC"), money("1001"));
}

#[test]
fn when_bnb_runs_out_in_the_middle_of_an_order_the_next_fills_pay_in_what_they_give() {
    let mut venue = venue("0.04", "10");
    let totals = venue.exchange.totals();
    for _ in 0..4 {
        venue.place(1, limit(Side::Sell, "100", "1")).unwrap();
    }
    let bought = venue.place(0, market(Side::Buy, "4")).unwrap();
    let bnb = (money("0.01825"), "BNB".to_owned());
    let btc = (money("0.0024"), "BTC".to_owned());
    assert_eq!(paid(&venue), [bnb.clone(), bnb, btc.clone(), btc]);
    assert_eq!(venue.free(0, "BNB"), money("0.0035"));
    assert_eq!(venue.status(0, bought), OrdStatus::Filled);
    venue.check(2, &totals);
}

#[test]
fn exactly_enough_bnb_is_enough() {
    let mut venue = venue("0.01825", "10");
    venue.place(1, limit(Side::Sell, "100", "1")).unwrap();
    venue.place(0, market(Side::Buy, "1")).unwrap();
    assert_eq!(venue.free(0, "BNB"), Money::ZERO);
    assert_eq!(paid(&venue)[0].1, "BNB");
}

#[test]
fn deposits_and_withdrawals_are_told_and_kept_apart_from_conservation() {
    let mut venue = Venue::new(1);
    let totals = venue.exchange.totals();
    let (now, owner) = (venue.now, venue.account(0));
    venue.events();
    venue
        .exchange
        .transfer(now, owner, asset("BTC"), money("2.5"))
        .unwrap();
    let events = venue.events();
    let told = events.iter().any(|event| {
        matches!(event, ExchangeEvent::BalanceUpdate { account, asset: a, delta, .. }
            if *account == owner && *a == asset("BTC") && *delta == money("2.5"))
    });
    assert!(told);
    assert!(
        events
            .iter()
            .any(|event| matches!(event, ExchangeEvent::AccountPosition { .. }))
    );
    assert_eq!(venue.free(0, "BTC"), money("1002.5"));
    venue.place(0, limit(Side::Sell, "200", "1000")).unwrap();
    let too_much = venue
        .exchange
        .transfer(now, owner, asset("BTC"), money("-2.50000001"));
    assert_eq!(too_much, Err(OrderError::InsufficientBalance));
    venue
        .exchange
        .transfer(now, owner, asset("BTC"), money("-2.5"))
        .unwrap();
    assert_eq!(venue.free(0, "BTC"), Money::ZERO);
    venue.check(1, &totals);
}

#[test]
fn the_first_fill_of_an_order_is_marked_once() {
    let mut venue = Venue::new(2);
    let order = venue.place(0, limit(Side::Buy, "100", "2")).unwrap();
    venue.place(1, ioc(Side::Sell, "100", "1")).unwrap();
    venue.place(1, ioc(Side::Sell, "100", "1")).unwrap();
    let reports = venue.reports(order);
    let marks: Vec<bool> = reports
        .iter()
        .map(keel_sim_exchange::core::OrderReport::is_first_fill)
        .collect();
    assert_eq!(marks, [false, true, false]);
    assert!(matches!(reports[2].kind, ReportKind::Trade(_)));
}
