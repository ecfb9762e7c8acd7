//! Smart order routing: the examples of faqs/sor_faq.md, and what routing must not change.

use keel_domain::{InstrumentStatus, Money, OrdStatus, OrderId, Side, Symbol};
use keel_sim_exchange::core::{
    AccountConfig, AllocationQuery, ConfigError, Exchange, ExchangeConfig, ExpiryReason, NewOrder,
    OrderError, OrderState, ReportKind, Sor, StpMode, TradeQuery, WorkingFloor,
};

use crate::support::*;

const QUOTES: [&str; 3] = ["USDT", "USDC", "USDP"];

fn pair(quote: &str) -> Symbol {
    format!("BTC{quote}").parse().unwrap()
}

fn three_books() -> ExchangeConfig {
    let mut config = config(3);
    let model = config.markets[0].clone();
    for quote in &QUOTES[1..] {
        let mut market = model.clone();
        market.instrument.symbol = pair(quote);
        market.instrument.quote = asset(quote);
        config.markets.push(market);
    }
    for market in &mut config.markets {
        market.start_price = price("30000");
    }
    for account in &mut config.accounts {
        let quotes = QUOTES.map(|quote| (asset(quote), money("1000000")));
        account.funds = [(asset("BTC"), money("1000"))]
            .into_iter()
            .chain(quotes)
            .collect();
    }
    config.sors = vec![Sor {
        base: asset("BTC"),
        symbols: QUOTES.map(pair).to_vec(),
    }];
    config
}

fn on(quote: &str, order: NewOrder) -> NewOrder {
    NewOrder {
        symbol: pair(quote),
        ..order
    }
}

fn routed(mut order: NewOrder) -> NewOrder {
    order.options.uses_sor = true;
    order
}

/// The books of the examples 1 to 3.
fn with_asks() -> Venue {
    let mut venue = Venue::with(three_books());
    for (quote, qty, at) in [
        ("USDT", "3", "30800"),
        ("USDT", "3", "30500"),
        ("USDC", "1", "30000"),
        ("USDC", "1", "28000"),
        ("USDP", "1", "35000"),
        ("USDP", "1", "29000"),
    ] {
        venue.place(0, on(quote, limit(Side::Sell, at, qty))).unwrap();
    }
    venue.events();
    venue
}

/// Price, quantity and number of each allocation of an order.
fn allocations(venue: &Venue, order_id: OrderId) -> Vec<(String, String, u64)> {
    let query = AllocationQuery {
        order_id: Some(order_id),
        limit: 100,
        ..AllocationQuery::default()
    };
    let all = venue.exchange.allocations(venue.account(1), btcusdt(), query);
    all.iter()
        .map(|a| (a.price.to_string(), a.qty.to_string(), a.allocation_id.unwrap()))
        .collect()
}

fn expected(fills: &[(&str, &str)]) -> Vec<(String, String, u64)> {
    let numbered = fills.iter().zip(0..);
    numbered
        .map(|((price, qty), id)| ((*price).to_owned(), (*qty).to_owned(), id))
        .collect()
}

fn quote_value(order: &OrderState) -> Money {
    order.cum_quote
}

#[test]
fn example_1_takes_the_best_price_of_all_books_and_pays_in_its_own_quote() {
    let mut venue = with_asks();
    let totals = venue.exchange.totals();
    let id = venue.place(1, routed(limit(Side::Buy, "31000", "0.5"))).unwrap();
    let order = venue.order(1, id);
    assert_eq!(order.ord_status, OrdStatus::Filled);
    assert_eq!(quote_value(&order), money("14000"));
    assert_eq!(order.working_floor, Some(WorkingFloor::Sor));
    assert_eq!(allocations(&venue, id), expected(&[("28000", "0.5")]));
    assert_eq!(venue.free(1, "USDT"), money("986000"));
    assert_eq!(venue.free(1, "USDC"), money("1000000"));
    // The other side sold for what its own pair is paid in.
    assert_eq!(venue.free(0, "USDC"), money("1014000"));
    venue.check(3, &totals);
}

#[test]
fn example_2_walks_the_books_by_price_and_not_by_book() {
    let mut venue = with_asks();
    let totals = venue.exchange.totals();
    let id = venue.place(1, routed(limit(Side::Buy, "31000", "5"))).unwrap();
    assert_eq!(quote_value(&venue.order(1, id)), money("148000"));
    let fills = [("28000", "1"), ("29000", "1"), ("30000", "1"), ("30500", "2")];
    assert_eq!(allocations(&venue, id), expected(&fills));
    venue.check(3, &totals);
}

#[test]
fn example_3_a_market_order_expires_when_all_books_are_empty() {
    let mut venue = with_asks();
    let totals = venue.exchange.totals();
    let id = venue.place(1, routed(market(Side::Buy, "11"))).unwrap();
    let order = venue.order(1, id);
    assert_eq!(order.ord_status, OrdStatus::Expired);
    assert_eq!(order.expiry_reason, Some(ExpiryReason::InsufficientLiquidity));
    assert_eq!((order.cum_qty, quote_value(&order)), (qty("10"), money("305900")));
    assert_eq!(order.working_floor, Some(WorkingFloor::Sor));
    let fills = [
        ("28000", "1"),
        ("29000", "1"),
        ("30000", "1"),
        ("30500", "3"),
        ("30800", "3"),
        ("35000", "1"),
    ];
    assert_eq!(allocations(&venue, id), expected(&fills));
    assert_eq!(venue.locked(1, "USDT"), Money::ZERO);
    venue.check(3, &totals);
}

#[test]
fn example_4_a_sale_gives_the_quote_of_the_orders_own_pair() {
    let mut venue = Venue::with(three_books());
    for (quote, at) in [
        ("USDT", "29500"),
        ("USDC", "35000"),
        ("USDC", "30000"),
        ("USDP", "28000"),
    ] {
        venue.place(0, on(quote, limit(Side::Buy, at, "5"))).unwrap();
    }
    let totals = venue.exchange.totals();
    let id = venue.place(1, routed(limit(Side::Sell, "29000", "10"))).unwrap();
    assert_eq!(quote_value(&venue.order(1, id)), money("325000"));
    assert_eq!(
        allocations(&venue, id),
        expected(&[("35000", "5"), ("30000", "5")])
    );
    assert_eq!(venue.free(1, "USDT"), money("1325000"));
    assert_eq!(venue.free(1, "USDC"), money("1000000"));
    venue.check(3, &totals);
}

#[test]
fn what_is_left_rests_in_its_own_book_and_trades_there_as_any_order() {
    let mut venue = with_asks();
    let id = venue.place(1, routed(limit(Side::Buy, "28500", "3"))).unwrap();
    let order = venue.order(1, id);
    assert_eq!(
        (order.ord_status, order.cum_qty),
        (OrdStatus::PartiallyFilled, qty("1"))
    );
    assert_eq!(order.working_floor, Some(WorkingFloor::Exchange));
    assert_eq!(venue.levels(Side::Buy), [("28500".to_owned(), "2".to_owned())]);
    venue.place(2, ioc(Side::Sell, "28500", "2")).unwrap();
    let query = TradeQuery {
        limit: 10,
        ..TradeQuery::default()
    };
    let trades = venue.exchange.my_trades(venue.account(1), btcusdt(), query);
    let told: Vec<_> = trades
        .iter()
        .map(|t| (t.qty, t.is_maker, t.allocation_id))
        .collect();
    assert_eq!(told, [(qty("2"), true, None)]);
    assert_eq!(allocations(&venue, id).len(), 1);
}

#[test]
fn an_order_that_is_not_routed_stays_in_its_own_book() {
    let mut venue = with_asks();
    let id = venue.place(1, limit(Side::Buy, "31000", "0.5")).unwrap();
    let order = venue.order(1, id);
    assert_eq!((quote_value(&order), order.working_floor), (money("15250"), None));
    assert!(allocations(&venue, id).is_empty());
}

#[test]
fn the_reports_of_a_routed_order_tell_its_floor_and_its_allocations() {
    let mut venue = with_asks();
    let id = venue.place(1, routed(limit(Side::Buy, "28500", "3"))).unwrap();
    let told: Vec<_> = venue
        .reports(id)
        .iter()
        .map(|report| {
            let allocation = match report.kind {
                ReportKind::Trade(trade) => trade.allocation_id,
                _ => None,
            };
            (report.order.working_floor, allocation)
        })
        .collect();
    let sor = Some(WorkingFloor::Sor);
    assert_eq!(told, [(sor, None), (sor, Some(0))]);
}

#[test]
fn at_equal_prices_its_own_book_goes_first() {
    let mut venue = Venue::with(three_books());
    let other = venue
        .place(0, on("USDC", limit(Side::Sell, "30000", "1")))
        .unwrap();
    let own = venue.place(0, limit(Side::Sell, "30000", "1")).unwrap();
    venue.place(1, routed(limit(Side::Buy, "30000", "1"))).unwrap();
    assert_eq!(venue.status(0, own), OrdStatus::Filled);
    let open: Vec<_> = venue
        .exchange
        .open_orders(venue.account(0), None)
        .map(|o| o.order_id)
        .collect();
    assert_eq!(open, [other]);
}

#[test]
fn fill_or_kill_counts_all_books_and_only_up_to_its_limit() {
    let mut venue = with_asks();
    let id = venue.place(1, routed(fok(Side::Buy, "30500", "6.001"))).unwrap();
    let order = venue.order(1, id);
    assert_eq!(order.expiry_reason, Some(ExpiryReason::UnfilledFok));
    assert!(order.cum_qty.is_zero());
    let id = venue.place(1, routed(fok(Side::Buy, "30500", "6"))).unwrap();
    assert_eq!(venue.status(1, id), OrdStatus::Filled);
}

#[test]
fn a_halted_book_is_passed_over() {
    let mut venue = with_asks();
    let mut halted = venue.exchange.instrument(pair("USDC")).unwrap().clone();
    halted.status = InstrumentStatus::Halt;
    venue.exchange.replace_instrument(halted).unwrap();
    let id = venue.place(1, routed(limit(Side::Buy, "31000", "1"))).unwrap();
    assert_eq!(allocations(&venue, id), expected(&[("29000", "1")]));
}

#[test]
fn self_trades_are_prevented_across_books_and_transfer_only_decrements_there() {
    for (mode, maker_left) in [
        (StpMode::ExpireMaker, None),
        (StpMode::Decrement, Some("0.5")),
        (StpMode::Transfer, Some("0.5")),
    ] {
        let mut venue = with_asks();
        let own = on("USDC", with_stp(limit(Side::Sell, "27000", "1.5"), mode));
        let resting = venue.place(1, own).unwrap();
        let totals = venue.exchange.totals();
        let id = venue
            .place(1, routed(with_stp(limit(Side::Buy, "27500", "1"), mode)))
            .unwrap();
        let account = venue.account(1);
        let prevented: Vec<_> = venue
            .exchange
            .prevented_matches(account, btcusdt())
            .map(|p| (p.maker_symbol, p.taker_order_id, p.maker_order_id))
            .collect();
        assert_eq!(prevented, [(pair("USDC"), id, resting)], "{mode:?}");
        let open = venue.exchange.open_orders(account, Some(pair("USDC"))).next();
        assert_eq!(open.map(|o| o.leaves_qty()), maker_left.map(qty), "{mode:?}");
        venue.check(3, &totals);
    }
}

#[test]
fn a_pair_without_routing_refuses_a_routed_order() {
    let mut venue = Venue::new(1);
    let refused = venue.place(0, routed(limit(Side::Buy, "100", "1")));
    assert_eq!(refused, Err(OrderError::NoSor));
}

#[test]
fn routing_needs_two_known_pairs_of_its_base() {
    let made = |base: &str, symbols: &[&str]| {
        let mut config = three_books();
        config.accounts.push(AccountConfig::default());
        config.sors = vec![Sor {
            base: asset(base),
            symbols: symbols.iter().map(|s| s.parse().unwrap()).collect(),
        }];
        Exchange::new(config, T0).err()
    };
    assert_eq!(made("BTC", &["BTCUSDT", "BTCUSDP"]), None);
    let bad = Some(ConfigError::BadSor(asset("BTC")));
    assert_eq!(made("BTC", &["BTCUSDT"]), bad);
    assert_eq!(made("BTC", &["BTCUSDT", "BTCEUR"]), bad);
    assert_eq!(made("BTC", &["BTCUSDT", "BTCUSDC", "BTCUSDT"]), bad);
    assert_eq!(
        made("ETH", &["BTCUSDT", "BTCUSDC"]),
        Some(ConfigError::BadSor(asset("ETH")))
    );
}

#[test]
fn what_the_exchange_exchanges_sums_to_nothing_over_the_quotes() {
    let mut venue = with_asks();
    let quotes = |venue: &Venue| -> Money {
        (0..3)
            .flat_map(|account| QUOTES.map(|quote| (account, quote)))
            .map(|(account, quote)| venue.free(account, quote) + venue.locked(account, quote))
            .sum()
    };
    let before = quotes(&venue);
    venue.place(1, routed(market(Side::Buy, "9"))).unwrap();
    venue
        .place(0, on("USDP", limit(Side::Buy, "26000", "1")))
        .unwrap();
    venue.place(1, routed(market(Side::Sell, "1"))).unwrap();
    assert_eq!(quotes(&venue), before);
}
