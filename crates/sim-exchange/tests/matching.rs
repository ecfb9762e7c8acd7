//! Matching by price, then by time; every order type at the moment it arrives.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

mod support;

use keel_domain::{Money, OrdStatus, OrderId, Side};
use keel_sim_exchange::core::{
    Exchange, ExchangeConfig, ExchangeEvent, ExpiryReason, OrderError, OrderRef, PublicTrade,
};
use proptest::prelude::*;
use support::*;

/// One step of a random day: an order or a cancel.
#[derive(Debug, Clone, Copy)]
enum Step {
    Limit {
        side: Side,
        ticks: i64,
        lots: i64,
        kind: u8,
    },
    Market {
        side: Side,
        lots: i64,
    },
    Cancel {
        which: usize,
    },
}

fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let limit =
        (side.clone(), 9_980_i64..10_020, 1_i64..40, 0_u8..4).prop_map(|(side, ticks, lots, kind)| {
            Step::Limit {
                side,
                ticks,
                lots,
                kind,
            }
        });
    let market = (side, 1_i64..80).prop_map(|(side, lots)| Step::Market { side, lots });
    let cancel = (0_usize..50).prop_map(|which| Step::Cancel { which });
    let step = prop_oneof![6 => limit, 1 => market, 2 => cancel];
    prop::collection::vec((0_usize..3, step), 1..80)
}

/// The plainest book there is: a list, searched from the front every time.
#[derive(Default)]
struct Model {
    resting: Vec<(OrderId, Side, i64, i64)>,
    trades: Vec<(i64, i64)>,
}

impl Model {
    fn best(&self, side: Side, limit: Option<i64>) -> Option<usize> {
        let mut best: Option<usize> = None;
        for (place, (_, resting_side, ticks, _)) in self.resting.iter().enumerate() {
            let fits = match (side, limit) {
                (_, None) => true,
                (Side::Buy, Some(limit)) => *ticks <= limit,
                (Side::Sell, Some(limit)) => *ticks >= limit,
            };
            let is_better = best.is_none_or(|best| match side {
                Side::Buy => *ticks < self.resting[best].2,
                Side::Sell => *ticks > self.resting[best].2,
            });
            if *resting_side != side && fits && is_better {
                best = Some(place);
            }
        }
        best
    }

    fn take(&mut self, side: Side, limit: Option<i64>, mut lots: i64) -> i64 {
        while lots > 0
            && let Some(place) = self.best(side, limit)
        {
            let (_, _, ticks, there) = self.resting[place];
            let traded = there.min(lots);
            self.trades.push((ticks, traded));
            lots -= traded;
            self.resting[place].3 -= traded;
            if self.resting[place].3 == 0 {
                self.resting.remove(place);
            }
        }
        lots
    }

    fn reach(&self, side: Side, limit: i64) -> i64 {
        let fits = |(_, s, ticks, _): &&(OrderId, Side, i64, i64)| {
            *s != side
                && if side == Side::Buy {
                    *ticks <= limit
                } else {
                    *ticks >= limit
                }
        };
        self.resting.iter().filter(fits).map(|(.., lots)| lots).sum()
    }

    fn limit(&mut self, order_id: OrderId, side: Side, ticks: i64, lots: i64, kind: u8) {
        if kind == 2 && self.reach(side, ticks) < lots {
            return;
        }
        let left = self.take(side, Some(ticks), lots);
        if left > 0 && (kind == 0 || kind == 3) {
            self.resting.push((order_id, side, ticks, left));
        }
    }
}

fn text(units: i64, per_one: i64) -> String {
    format!("{}.{:03}", units / per_one, (units % per_one) * 1_000 / per_one)
}

fn play(venue: &mut Venue, model: &mut Model, account: usize, step: Step) {
    match step {
        Step::Limit {
            side,
            ticks,
            lots,
            kind,
        } => {
            let (at, quantity) = (text(ticks, 100), text(lots, 1_000));
            let make = [limit, ioc, fok, post_only][usize::from(kind)];
            match venue.place(account, make(side, &at, &quantity)) {
                Ok(order_id) => {
                    assert!(kind != 3 || model.reach(side, ticks) == 0);
                    model.limit(order_id, side, ticks, lots, kind);
                }
                Err(OrderError::WouldMatch) => assert!(kind == 3 && model.reach(side, ticks) > 0),
                Err(error) => panic!("{error}"),
            }
        }
        Step::Market { side, lots } => {
            venue.place(account, market(side, &text(lots, 1_000))).unwrap();
            model.take(side, None, lots);
        }
        Step::Cancel { which } => {
            let open = venue.exchange.open_orders(venue.account(account), None);
            let open: Vec<OrderId> = open.map(|order| order.order_id).collect();
            let Some(order_id) = open.get(which % open.len().max(1)).copied() else {
                return;
            };
            let (now, owner) = (venue.now, venue.account(account));
            let by = OrderRef::OrderId(order_id);
            venue.exchange.cancel(now, owner, btcusdt(), by, None).unwrap();
            model.resting.retain(|(id, ..)| *id != order_id);
        }
    }
}

fn trades(events: &[ExchangeEvent]) -> Vec<PublicTrade> {
    let trade = |event: &ExchangeEvent| match event {
        ExchangeEvent::Trade(trade) => Some(*trade),
        _ => None,
    };
    events.iter().filter_map(trade).collect()
}

proptest! {
    #[test]
    fn trades_are_those_of_a_naive_book_by_price_then_time(steps in steps()) {
        let (mut venue, mut model) = (Venue::new(3), Model::default());
        for (account, step) in steps {
            play(&mut venue, &mut model, account, step);
        }
        let traded: Vec<(i64, i64)> = trades(&venue.events())
            .iter()
            .map(|t| (t.price.units() / 1_000_000, t.qty.units() / 100_000))
            .collect();
        prop_assert_eq!(traded, model.trades);
        let mut left: Vec<OrderId> = model.resting.iter().map(|(id, ..)| *id).collect();
        left.sort_unstable();
        let mut open: Vec<OrderId> = (0..3)
            .flat_map(|n| venue.exchange.open_orders(venue.account(n), None).map(|o| o.order_id))
            .collect();
        open.sort_unstable();
        prop_assert_eq!(open, left);
    }

    #[test]
    fn assets_are_conserved_and_nothing_is_negative_after_every_operation(steps in steps()) {
        let mut config = config(3);
        config.maker_rate = money("0.001");
        config.taker_rate = money("0.002");
        let (mut venue, mut model) = (Venue::with(config), Model::default());
        let totals = venue.exchange.totals();
        for (account, step) in steps {
            play(&mut venue, &mut model, account, step);
            venue.check(3, &totals);
        }
    }

    #[test]
    fn a_level_told_by_events_is_the_level_of_the_book(steps in steps()) {
        let (mut venue, mut model) = (Venue::new(3), Model::default());
        let mut told = std::collections::BTreeMap::new();
        let mut last = venue.exchange.update_id(btcusdt());
        for (account, step) in steps {
            play(&mut venue, &mut model, account, step);
            for event in venue.events() {
                if let ExchangeEvent::Book { update_id, side, price, qty, .. } = event {
                    prop_assert_eq!(update_id, last + 1);
                    last = update_id;
                    told.insert((side, price), qty);
                }
            }
            told.retain(|_, qty| !qty.is_zero());
            let depth = venue.exchange.depth(btcusdt(), usize::MAX).unwrap();
            let levels = depth.bids.iter().map(|l| ((Side::Buy, l.price), l.qty));
            let levels = levels.chain(depth.asks.iter().map(|l| ((Side::Sell, l.price), l.qty)));
            prop_assert_eq!(&told, &levels.collect::<std::collections::BTreeMap<_, _>>());
        }
    }
}

#[test]
fn the_same_seed_and_calls_give_the_same_events() {
    let run = |seed| {
        let mut config = ExchangeConfig::with_default_markets(seed);
        config.accounts = support::config(1).accounts;
        let mut exchange = Exchange::new(config, T0).unwrap();
        let account = exchange.account(0).unwrap();
        let mut events = Vec::new();
        for second in 1..20 {
            let now = T0.plus(std::time::Duration::from_secs(second));
            exchange.advance(now);
            let _ = exchange.place(now, account, market(Side::Buy, "0.01"));
            events.extend(std::iter::from_fn(|| exchange.poll_event()));
        }
        events
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn immediate_or_cancel_trades_what_there_is_and_the_rest_expires() {
    let mut venue = Venue::new(2);
    venue.place(0, limit(Side::Sell, "100", "1")).unwrap();
    let taken = venue.place(1, ioc(Side::Buy, "100", "3")).unwrap();
    let order = venue.order(1, taken);
    assert_eq!(order.ord_status, OrdStatus::Expired);
    assert_eq!(order.cum_qty, qty("1"));
    assert_eq!(order.expiry_reason, Some(ExpiryReason::UnfilledIoc));
    assert_eq!(venue.locked(1, "USDT"), Money::ZERO);
}

#[test]
fn fill_or_kill_trades_whole_or_not_at_all() {
    let mut venue = Venue::new(2);
    venue.place(0, limit(Side::Sell, "100", "1")).unwrap();
    venue.place(0, limit(Side::Sell, "101", "1")).unwrap();
    let killed = venue.place(1, fok(Side::Buy, "101", "2.001")).unwrap();
    assert_eq!(venue.status(1, killed), OrdStatus::Expired);
    assert_eq!(
        venue.order(1, killed).expiry_reason,
        Some(ExpiryReason::UnfilledFok)
    );
    assert_eq!(venue.order(1, killed).cum_qty, qty("0"));
    let filled = venue.place(1, fok(Side::Buy, "101", "2")).unwrap();
    assert_eq!(venue.status(1, filled), OrdStatus::Filled);
    assert_eq!(venue.order(1, filled).cum_quote, money("201"));
}

#[test]
fn a_post_only_order_that_would_trade_is_refused_and_one_step_further_rests() {
    let mut venue = Venue::new(2);
    venue.place(0, limit(Side::Sell, "100", "1")).unwrap();
    assert_eq!(
        venue.place(1, post_only(Side::Buy, "100", "1")),
        Err(OrderError::WouldMatch)
    );
    let rests = venue.place(1, post_only(Side::Buy, "99.99", "1")).unwrap();
    assert_eq!(venue.status(1, rests), OrdStatus::New);
}

#[test]
fn a_market_order_beyond_the_book_expires_with_what_it_got() {
    let mut venue = Venue::new(2);
    venue.place(0, limit(Side::Buy, "99", "1")).unwrap();
    let sold = venue.place(1, market(Side::Sell, "2")).unwrap();
    let order = venue.order(1, sold);
    assert_eq!((order.ord_status, order.cum_qty), (OrdStatus::Expired, qty("1")));
    assert_eq!(order.expiry_reason, Some(ExpiryReason::InsufficientLiquidity));
    assert_eq!(venue.locked(1, "BTC"), Money::ZERO);
}

#[test]
fn a_market_order_by_value_spends_no_more_than_its_value_in_whole_steps() {
    let mut venue = Venue::new(2);
    venue.place(0, limit(Side::Sell, "100", "1")).unwrap();
    venue.place(0, limit(Side::Sell, "103", "5")).unwrap();
    let bought = venue.place(1, market_by_value(Side::Buy, "200")).unwrap();
    let order = venue.order(1, bought);
    // 1 at 100, then 100 / 103 rounded down to the step of 0.001.
    assert_eq!(order.cum_qty, qty("1.970"));
    assert_eq!(order.cum_quote, money("199.910"));
    assert_eq!(order.ord_status, OrdStatus::Filled);
    assert_eq!(venue.free(1, "USDT"), money("1000000") - money("199.910"));
}

#[test]
fn an_order_by_value_needs_a_book() {
    let mut venue = Venue::new(2);
    let order = market_by_value(Side::Buy, "200");
    assert_eq!(venue.place(1, order), Err(OrderError::NoLiquidity));
}

#[test]
fn a_better_price_than_the_limit_gives_the_difference_back() {
    let mut venue = Venue::new(2);
    venue.place(0, limit(Side::Sell, "90", "1")).unwrap();
    let bought = venue.place(1, limit(Side::Buy, "100", "2")).unwrap();
    assert_eq!(venue.status(1, bought), OrdStatus::PartiallyFilled);
    assert_eq!(venue.locked(1, "USDT"), money("100"));
    assert_eq!(venue.free(1, "USDT"), money("1000000") - money("190"));
}
