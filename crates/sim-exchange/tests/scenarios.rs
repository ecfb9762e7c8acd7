//! Each market does what its name says, in virtual time, with books that hold and money that stays.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

use std::time::Duration;

use keel_domain::{InstrumentStatus, OrdType, Price, Qty, Side, Symbol, TimeInForce, Timestamp};
use keel_sim_exchange::core::{
    AccountConfig, Exchange, ExchangeConfig, ExchangeEvent, NewOrder, OrderError, OrderOptions, OrderRef,
    PublicTrade, Quantity, Scenario,
};

const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn symbol(text: &str) -> Symbol {
    text.parse().unwrap()
}

fn after(elapsed: Duration) -> Timestamp {
    START.plus(elapsed)
}

fn exchange(scenario: Scenario, seed: u64) -> Exchange {
    let mut config = ExchangeConfig::with_default_markets(seed);
    config.scenario = scenario;
    config.accounts = vec![AccountConfig {
        name: "client".to_owned(),
        funds: vec![
            ("USDT".parse().unwrap(), 1_000_000.into()),
            ("BTC".parse().unwrap(), 10.into()),
        ],
        ..AccountConfig::default()
    }];
    Exchange::new(config, START).unwrap()
}

/// A limit order for 0.001 BTC.
fn order(side: Side, price: Price) -> NewOrder {
    NewOrder {
        symbol: symbol("BTCUSDT"),
        side,
        ord_type: OrdType::Limit {
            price,
            time_in_force: TimeInForce::Gtc,
        },
        quantity: Quantity::Base("0.001".parse().unwrap()),
        cl_ord_id: None,
        options: OrderOptions::default(),
    }
}

fn best(exchange: &Exchange, pair: &str, side: Side) -> i64 {
    exchange.best(symbol(pair), side).unwrap().price.units()
}

fn trades(exchange: &mut Exchange) -> Vec<PublicTrade> {
    let mut trades = Vec::new();
    while let Some(event) = exchange.poll_event() {
        if let ExchangeEvent::Trade(trade) = event {
            trades.push(trade);
        }
    }
    trades
}

/// Advances in steps of 100 ms and looks after each.
fn watch(
    exchange: &mut Exchange,
    from: Duration,
    until: Duration,
    mut look: impl FnMut(&mut Exchange, Duration),
) {
    let mut elapsed = from;
    while elapsed < until {
        elapsed += Duration::from_millis(100);
        exchange.advance(after(elapsed));
        look(exchange, elapsed);
    }
}

/// Advances to a time; in one go the market would stand still where it is more than a minute behind.
fn run_until(exchange: &mut Exchange, until: Duration) {
    let mut elapsed = Duration::ZERO;
    while elapsed < until {
        elapsed += Duration::from_secs(30);
        exchange.advance(after(elapsed.min(until)));
    }
}

#[test]
fn every_book_is_two_sided_and_never_crossed_and_money_stays() {
    for scenario in Scenario::ALL {
        // Only a crash has few levels while sellers run through them.
        let levels_min = if scenario == Scenario::FlashCrash { 5 } else { 20 };
        let mut exchange = exchange(scenario, 7);
        let totals = exchange.totals();
        watch(
            &mut exchange,
            Duration::ZERO,
            Duration::from_secs(132),
            |exchange, elapsed| {
                for pair in ["BTCUSDT", "ETHUSDT"] {
                    let depth = exchange.depth(symbol(pair), 1_000).unwrap();
                    let counts = (depth.bids.len(), depth.asks.len());
                    assert!(
                        counts.0.min(counts.1) >= levels_min,
                        "{scenario} {pair} {elapsed:?}: {counts:?} levels"
                    );
                    assert!(
                        depth.bids[0].price < depth.asks[0].price,
                        "{scenario} {pair} {elapsed:?} is crossed"
                    );
                    assert!(depth.bids.is_sorted_by(|a, b| a.price > b.price));
                    assert!(depth.asks.is_sorted_by(|a, b| a.price < b.price));
                }
                trades(exchange);
            },
        );
        assert_eq!(exchange.totals(), totals, "{scenario}");
    }
}

#[test]
fn the_same_seed_gives_the_same_market_and_another_seed_another() {
    let events = |scenario, seed, step: Duration| {
        let mut exchange = exchange(scenario, seed);
        let mut events = Vec::new();
        let mut elapsed = Duration::ZERO;
        while elapsed < Duration::from_secs(66) {
            elapsed += step;
            exchange.advance(after(elapsed));
            events.extend(std::iter::from_fn(|| exchange.poll_event()));
        }
        events
    };
    let (often, seldom) = (Duration::from_millis(100), Duration::from_secs(22));
    for scenario in Scenario::ALL {
        let first = events(scenario, 1, often);
        assert!(first.len() > 1_000);
        assert!(
            first == events(scenario, 1, seldom),
            "{scenario}: how often it is advanced must not matter"
        );
        assert!(first != events(scenario, 2, often), "{scenario}");
    }
}

#[test]
fn a_flash_crash_falls_eight_percent_in_ten_seconds_and_recovers() {
    let mut exchange = exchange(Scenario::FlashCrash, 3);
    let begin = Scenario::BEGINS_AFTER;
    exchange.advance(after(begin));
    let before = best(&exchange, "BTCUSDT", Side::Buy);
    trades(&mut exchange);
    exchange.advance(after(begin + Scenario::CRASH_FALLS_FOR));
    let lowest = best(&exchange, "BTCUSDT", Side::Buy);
    assert!(lowest * 100 < before * 93, "from {before} to {lowest}");
    let falling: Vec<PublicTrade> = trades(&mut exchange)
        .into_iter()
        .filter(|trade| {
            trade.symbol == symbol("BTCUSDT") && trade.time > after(begin + Duration::from_millis(500))
        })
        .collect();
    assert!(
        falling.len() > 100 && falling.iter().all(|trade| trade.is_buyer_maker),
        "only sellers take"
    );
    exchange.advance(after(
        begin + Scenario::CRASH_FALLS_FOR + Scenario::CRASH_RECOVERS_FOR / 2,
    ));
    let middle = best(&exchange, "BTCUSDT", Side::Buy);
    assert!(
        middle * 100 > before * 95 && middle * 100 < before * 97,
        "steadily, to {middle}"
    );
    exchange.advance(after(
        begin + Scenario::CRASH_FALLS_FOR + Scenario::CRASH_RECOVERS_FOR,
    ));
    let recovered = best(&exchange, "BTCUSDT", Side::Buy);
    assert!(recovered * 100 > before * 98, "from {before} to {recovered}");
}

#[test]
fn a_thin_book_has_a_tenth_of_the_calm_ones_depth_within_ten_basis_points() {
    let depth = |scenario| {
        let mut exchange = exchange(scenario, 5);
        let mut deepest = 0_i128;
        watch(
            &mut exchange,
            Duration::ZERO,
            Duration::from_secs(60),
            |exchange, _| {
                let bids = exchange.depth(symbol("BTCUSDT"), 1_000).unwrap().bids;
                let floor = bids[0].price.units() / 1_000 * 999;
                let near = bids.iter().filter(|level| level.price.units() >= floor);
                let value: i128 = near
                    .map(|level| {
                        i128::from(level.price.units()) * i128::from(level.qty.units()) / 10_i128.pow(16)
                    })
                    .sum();
                deepest = deepest.max(value);
            },
        );
        deepest
    };
    let (thin, calm) = (depth(Scenario::ThinBook), depth(Scenario::Calm));
    assert!(thin < 20_000, "{thin} USDT");
    assert!(thin * 10 < calm, "{thin} against {calm} USDT");
}

#[test]
fn a_halted_pair_refuses_orders_takes_cancels_stands_still_and_comes_back() {
    let mut exchange = exchange(Scenario::HaltedSymbol, 9);
    let (account, btc) = (exchange.account(0).unwrap(), symbol("BTCUSDT"));
    let (begin, end) = (
        Scenario::BEGINS_AFTER,
        Scenario::BEGINS_AFTER + Scenario::HALT_LASTS,
    );
    let low: Price = "60000".parse().unwrap();
    exchange.advance(after(Duration::from_secs(1)));
    let resting = exchange
        .place(after(Duration::from_secs(1)), account, order(Side::Buy, low))
        .unwrap();

    exchange.advance(after(begin));
    assert_eq!(exchange.instrument(btc).unwrap().status, InstrumentStatus::Halt);
    let (book, other) = (
        exchange.depth(btc, 1_000),
        exchange.depth(symbol("ETHUSDT"), 1_000),
    );
    trades(&mut exchange);
    watch(
        &mut exchange,
        begin,
        end - Duration::from_millis(100),
        |exchange, elapsed| {
            let refused = exchange.place(after(elapsed), account, order(Side::Buy, low));
            assert_eq!(refused, Err(OrderError::MarketClosed), "{elapsed:?}");
        },
    );
    assert_eq!(exchange.depth(btc, 1_000), book, "nobody moves it");
    assert_ne!(
        exchange.depth(symbol("ETHUSDT"), 1_000),
        other,
        "the other pair goes on"
    );
    assert!(trades(&mut exchange).iter().all(|trade| trade.symbol != btc));
    let by = OrderRef::OrderId(resting);
    assert!(exchange.cancel(after(end), account, btc, by, None).is_ok());

    exchange.advance(after(end));
    assert_eq!(
        exchange.instrument(btc).unwrap().status,
        InstrumentStatus::Trading
    );
    assert!(exchange.place(after(end), account, order(Side::Buy, low)).is_ok());
    assert_ne!(exchange.depth(btc, 1_000), book);
}

#[test]
fn a_gap_jumps_past_a_stop_with_no_trade_between() {
    let mut exchange = exchange(Scenario::GapThroughStop, 11);
    let btc = symbol("BTCUSDT");
    run_until(&mut exchange, Duration::from_secs(190));
    let trades: Vec<PublicTrade> = trades(&mut exchange)
        .into_iter()
        .filter(|trade| trade.symbol == btc)
        .collect();
    let jumps: Vec<i64> = trades
        .windows(2)
        .map(|pair| (pair[1].price.units() - pair[0].price.units()) * 1_000 / pair[0].price.units())
        .filter(|permille| permille.abs() >= 1)
        .collect();
    let gap = Scenario::GAP_PPM / 1_000;
    assert_eq!(jumps.len(), 3, "down, up, down, and nothing else: {jumps:?}");
    for (jump, expected) in jumps.into_iter().zip([-gap, gap, -gap]) {
        assert!((jump - expected).abs() <= 2, "{jump} permille, not {expected}");
    }
}

#[test]
fn a_gap_fills_a_client_that_rests_in_its_way_at_the_clients_price() {
    let mut exchange = exchange(Scenario::GapThroughStop, 11);
    let account = exchange.account(0).unwrap();
    let before = Scenario::BEGINS_AFTER - Duration::from_secs(1);
    exchange.advance(after(before));
    let price = Price::from_units(best(&exchange, "BTCUSDT", Side::Buy) / 100 * 98)
        .unwrap()
        .floor_to("0.01".parse().unwrap());
    let resting = exchange
        .place(after(before), account, order(Side::Buy, price))
        .unwrap();
    exchange.advance(after(Scenario::BEGINS_AFTER + Duration::from_secs(1)));
    let by = OrderRef::OrderId(resting);
    let state = exchange.order(account, symbol("BTCUSDT"), by).unwrap();
    assert_eq!(
        state.leaves_qty(),
        Qty::ZERO,
        "sellers who requote below pass through it"
    );
    let paid: Price =
        Price::from_decimal((state.cum_quote / state.cum_qty.to_decimal()).round_dp(8)).unwrap();
    assert_eq!(paid, price);
}

#[test]
fn a_trend_rises_and_a_volatile_market_moves_more_than_a_calm_one() {
    let range = |scenario| {
        let mut exchange = exchange(scenario, 13);
        run_until(&mut exchange, Duration::from_secs(180));
        let stats = exchange.stats(symbol("BTCUSDT")).unwrap();
        (stats.open, stats.last, stats.high.units() - stats.low.units())
    };
    let (calm, volatile, trend) = (
        range(Scenario::Calm),
        range(Scenario::Volatile),
        range(Scenario::Trend),
    );
    assert!(volatile.2 > calm.2 * 3);
    assert!(trend.1.units() * 1_000 > trend.0.units() * 1_001);
}

#[test]
fn every_scenario_is_found_by_its_name_and_the_refusal_names_them_all() {
    for scenario in Scenario::ALL {
        assert_eq!(scenario.name().parse(), Ok(scenario));
        assert!(Scenario::overview().contains(scenario.name()));
        let refusal = "quiet".parse::<Scenario>().unwrap_err().to_string();
        assert!(refusal.contains(scenario.name()), "{refusal}");
    }
}
