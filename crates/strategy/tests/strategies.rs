//! The reference strategies, shown prices and positions by hand.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

use std::time::Duration;

use keel_domain::{
    ClOrdId, Instrument, LotSize, Money, NotionalRange, OrderIntent, Price, PriceFilter, Purpose, Qty, Side,
    SignedQty, Symbol, Timestamp, TradeId,
};
use keel_market_data::{BookFault, BookTop, Level, PublicTrade};
use keel_strategy::{
    Action, OpenOrder, OrdersLeft, Permission, Quoter, QuoterSettings, Strategy, StrategyView, Trend,
    TrendSettings, Trigger,
};
use proptest::prelude::*;

const PERMISSIONS: [Permission; 3] = [Permission::All, Permission::ReduceOnly, Permission::Nothing];

fn symbol() -> Symbol {
    "BTCUSDT".parse().unwrap()
}

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

fn qty(text: &str) -> Qty {
    text.parse().unwrap()
}

fn instrument() -> Instrument {
    let lot_size = LotSize {
        min: qty("0.001"),
        max: qty("1000"),
        step: qty("0.001"),
    };
    let (base, quote) = ("BTC".parse().unwrap(), "USDT".parse().unwrap());
    Instrument {
        price_filter: PriceFilter {
            tick_size: price("0.01"),
            ..PriceFilter::OFF
        },
        lot_size,
        notional: NotionalRange {
            min: Money::from(5),
            ..NotionalRange::OFF
        },
        ..Instrument::unfiltered(symbol(), base, quote)
    }
}

/// What a strategy is shown; the parts a test cares for are set on it.
struct Scene {
    instrument: Instrument,
    now: Timestamp,
    top: Result<BookTop, BookFault>,
    position: SignedQty,
    avg_px: Option<Price>,
    open: Vec<OpenOrder>,
    entries_today: u32,
    permission: Permission,
    orders_left: OrdersLeft,
}

impl Scene {
    fn new(bid: &str, ask: &str) -> Self {
        let level = |text| Level {
            price: price(text),
            qty: qty("1"),
        };
        Self {
            instrument: instrument(),
            now: Timestamp::from_millis(1_700_000_000_000),
            top: Ok(BookTop {
                bid: level(bid),
                ask: level(ask),
            }),
            position: SignedQty::ZERO,
            avg_px: None,
            open: Vec::new(),
            entries_today: 0,
            permission: Permission::All,
            orders_left: OrdersLeft { entries: 1, exits: 1 },
        }
    }

    fn holding(mut self, held: &str, avg_px: &str) -> Self {
        self.position = held.parse().unwrap();
        self.avg_px = Some(price(avg_px));
        self
    }

    fn actions(&self, strategy: &mut dyn Strategy, trigger: Trigger<'_>) -> Vec<Action> {
        let view = StrategyView {
            now: self.now,
            instrument: &self.instrument,
            top: self.top,
            position: self.position,
            avg_px: self.avg_px,
            open_orders: &self.open,
            entries_today: self.entries_today,
            permission: self.permission,
            orders_left: self.orders_left,
        };
        let mut actions = Vec::new();
        strategy.on_event(&view, trigger, &mut actions);
        actions
    }

    fn orders(&self, strategy: &mut dyn Strategy) -> Vec<OrderIntent> {
        intents(&self.actions(strategy, Trigger::Book))
    }
}

fn intents(actions: &[Action]) -> Vec<OrderIntent> {
    actions
        .iter()
        .filter_map(|action| match action {
            Action::Submit(intent) => Some(*intent),
            Action::Cancel(_) => None,
        })
        .collect()
}

fn quoter() -> Quoter {
    Quoter::new(QuoterSettings {
        order_qty: qty("0.1"),
        position_target: qty("0.2"),
        position_max: qty("0.4"),
        quote_offset_ticks: 0,
        requote_ticks: 50,
        skew_ticks_max: 100,
    })
    .unwrap()
}

fn prices(orders: &[OrderIntent]) -> (Option<Price>, Option<Price>) {
    let of = |side| {
        let order = orders.iter().find(|order| order.side == side);
        order.and_then(|order| order.ord_type.price())
    };
    (of(Side::Buy), of(Side::Sell))
}

#[test]
fn the_quoter_joins_both_sides_at_its_target() {
    let orders = Scene::new("100", "100.1")
        .holding("0.2", "100")
        .orders(&mut quoter());
    assert_eq!(prices(&orders), (Some(price("100")), Some(price("100.1"))));
    let purposes: Vec<Purpose> = orders.iter().map(|order| order.purpose).collect();
    assert_eq!(purposes, [Purpose::Entry, Purpose::ReduceOnly]);
}

#[test]
fn the_quoter_leans_down_when_it_holds_much_and_up_when_it_holds_little() {
    // 0.1 above the target is a quarter of the most it holds: 25 of 100 ticks.
    let much = Scene::new("100", "100.1")
        .holding("0.3", "100")
        .orders(&mut quoter());
    assert_eq!(prices(&much), (Some(price("99.75")), Some(price("100.1"))));
    let little = Scene::new("100", "100.1")
        .holding("0.1", "100")
        .orders(&mut quoter());
    assert_eq!(prices(&little), (Some(price("100")), Some(price("100.35"))));
}

#[test]
fn the_quoter_stops_buying_at_its_most_and_sells_only_what_it_holds() {
    let full = Scene::new("100", "100.1")
        .holding("0.4", "100")
        .orders(&mut quoter());
    assert_eq!(
        full.iter().map(|order| order.side).collect::<Vec<_>>(),
        [Side::Sell]
    );
    let nearly = Scene::new("100", "100.1")
        .holding("0.33", "100")
        .orders(&mut quoter());
    assert_eq!((nearly[0].side, nearly[0].order_qty), (Side::Buy, qty("0.07")));
    let flat = Scene::new("100", "100.1").orders(&mut quoter());
    assert_eq!(
        flat.iter().map(|order| order.side).collect::<Vec<_>>(),
        [Side::Buy]
    );
}

fn resting(side: Side, at: &str, confirmed: bool) -> OpenOrder {
    OpenOrder {
        cl_ord_id: "k1-1-1".parse::<ClOrdId>().unwrap(),
        side,
        price: Some(price(at)),
        leaves_qty: qty("0.1"),
        is_confirmed: confirmed,
        is_cancel_pending: false,
    }
}

#[test]
fn the_quoter_moves_a_quote_at_its_bound_and_leaves_one_of_open_fate_alone() {
    let cancels = |at: &str, confirmed| {
        let mut scene = Scene::new("100", "100.1").holding("0.2", "100");
        scene.open.push(resting(Side::Buy, at, confirmed));
        let actions = scene.actions(&mut quoter(), Trigger::Book);
        actions
            .iter()
            .filter(|action| matches!(action, Action::Cancel(_)))
            .count()
    };
    assert_eq!(cancels("99.51", true), 0, "49 ticks away");
    assert_eq!(cancels("99.50", true), 1, "50 ticks away");
    assert_eq!(cancels("90", false), 0);
}

#[test]
fn f36_without_a_price_the_quoter_only_cancels() {
    let mut scene = Scene::new("100", "100.1").holding("0.2", "100");
    scene.top = Err(BookFault::Stale {
        age: Duration::from_secs(3),
    });
    scene.open.push(resting(Side::Buy, "100", true));
    let actions = scene.actions(&mut quoter(), Trigger::Book);
    assert_eq!(actions, [Action::Cancel("k1-1-1".parse().unwrap())]);
}

#[test]
fn f6_the_quoter_sends_nothing_that_the_order_rate_takes_no_more() {
    let placed = |entries, exits| {
        let mut scene = Scene::new("100", "100.1").holding("0.2", "100");
        scene.orders_left = OrdersLeft { entries, exits };
        let orders = scene.orders(&mut quoter());
        orders.iter().map(|order| order.side).collect::<Vec<_>>()
    };
    assert_eq!(placed(1, 1), [Side::Buy, Side::Sell]);
    assert_eq!(placed(0, 1), [Side::Sell]);
    assert_eq!(placed(1, 0), [Side::Buy]);
    assert_eq!(placed(0, 0), []);
}

#[test]
fn the_quoter_places_what_it_is_permitted() {
    let placed = |permission| {
        let mut scene = Scene::new("100", "100.1").holding("0.2", "100");
        scene.permission = permission;
        let orders = scene.orders(&mut quoter());
        orders.iter().map(|order| order.side).collect::<Vec<_>>()
    };
    let sides = PERMISSIONS.map(placed);
    assert_eq!(sides, [vec![Side::Buy, Side::Sell], vec![Side::Sell], vec![]]);
}

proptest! {
    /// Whatever it holds: it never offers more than it has, never bids beyond its most, and never crosses.
    #[test]
    fn the_quoter_never_quotes_beyond_its_bounds(held in 0i64..600, bid in 1_000i64..20_000, spread in 1i64..50) {
        let held = Qty::from_units(held * 100_000).unwrap();
        let level = |units| Level { price: Price::from_units(units * 1_000_000).unwrap(), qty: qty("1") };
        let mut scene = Scene::new("100", "101");
        scene.top = Ok(BookTop { bid: level(bid), ask: level(bid + spread) });
        scene.position = Side::Buy.signed(held);
        for order in scene.orders(&mut quoter()) {
            let at = order.ord_type.price().unwrap();
            match order.side {
                Side::Buy => {
                    prop_assert!(held.saturating_add(order.order_qty) <= qty("0.4"));
                    prop_assert!(at <= level(bid).price);
                }
                Side::Sell => {
                    prop_assert!(order.order_qty <= held);
                    prop_assert!(at >= level(bid + spread).price);
                }
            }
        }
    }
}

fn trend() -> Trend {
    Trend::new(TrendSettings {
        bar_ms: 1_000,
        fast_bars: 1,
        slow_bars: 2,
        order_qty: qty("0.1"),
        stop_loss_pct: "2".parse().unwrap(),
        take_profit_pct: "3".parse().unwrap(),
        max_trades_per_day: 2,
    })
    .unwrap()
}

/// A public trade at each price, one bar apart; what follows the last.
fn after_trades(trend: &mut Trend, scene: &Scene, trades: &[&str]) -> Vec<OrderIntent> {
    let mut last = Vec::new();
    for (bar, text) in trades.iter().enumerate() {
        let trade = PublicTrade {
            symbol: symbol(),
            trade_id: TradeId(bar as u64),
            price: price(text),
            qty: qty("1"),
            aggressor: Side::Buy,
            trade_time: Timestamp::from_millis(i64::try_from(bar).unwrap() * 1_000),
        };
        last = intents(&scene.actions(trend, Trigger::Trade(&trade)));
    }
    last
}

/// Closes of 100, 99 and 101: the fast average crosses above the slow one when the third bar closes.
const CROSS_UP: [&str; 4] = ["100", "99", "101", "101"];

#[test]
fn the_trend_enters_on_a_cross_and_on_nothing_less() {
    let scene = Scene::new("100.9", "101");
    let orders = after_trades(&mut trend(), &scene, &CROSS_UP);
    assert_eq!(orders.len(), 1);
    assert_eq!(
        (orders[0].side, orders[0].order_qty, orders[0].purpose),
        (Side::Buy, qty("0.1"), Purpose::Entry)
    );
    // Above from the start is no cross.
    assert_eq!(
        after_trades(&mut trend(), &scene, &["100", "101", "102", "103"]),
        []
    );
    // The bar of the cross has not closed yet.
    assert_eq!(after_trades(&mut trend(), &scene, &CROSS_UP[..3]), []);
}

#[test]
fn the_trend_leaves_at_the_stop_and_at_the_target_and_not_a_tick_before() {
    let leaves = |bid: &str| {
        let orders = Scene::new(bid, "200").holding("0.1", "100").orders(&mut trend());
        assert!(
            orders
                .iter()
                .all(|order| order.purpose == Purpose::ReduceOnly && order.order_qty == qty("0.1"))
        );
        orders.len()
    };
    assert_eq!(leaves("98.01"), 0);
    assert_eq!(leaves("98"), 1);
    assert_eq!(leaves("102.99"), 0);
    assert_eq!(leaves("103"), 1);
}

#[test]
fn the_trend_leaves_on_the_opposite_cross() {
    let scene = Scene::new("100", "100.1").holding("0.1", "100");
    let orders = after_trades(&mut trend(), &scene, &["100", "101", "100", "100"]);
    assert_eq!(
        orders.iter().map(|order| order.side).collect::<Vec<_>>(),
        [Side::Sell]
    );
}

#[test]
fn the_trend_enters_no_more_than_its_trades_a_day() {
    for (entries_today, expected) in [(1, 1), (2, 0), (3, 0)] {
        let mut scene = Scene::new("100.9", "101");
        scene.entries_today = entries_today;
        assert_eq!(
            after_trades(&mut trend(), &scene, &CROSS_UP).len(),
            expected,
            "{entries_today}"
        );
    }
}

#[test]
fn the_trend_places_what_it_is_permitted() {
    let entries = PERMISSIONS.map(|permission| {
        let mut scene = Scene::new("100.9", "101");
        scene.permission = permission;
        after_trades(&mut trend(), &scene, &CROSS_UP).len()
    });
    assert_eq!(entries, [1, 0, 0]);
    let exits = PERMISSIONS.map(|permission| {
        let mut scene = Scene::new("98", "98.1").holding("0.1", "100");
        scene.permission = permission;
        scene.orders(&mut trend()).len()
    });
    assert_eq!(exits, [1, 1, 0]);
}

#[test]
fn f32_the_trend_sends_one_order_at_a_time() {
    let mut scene = Scene::new("98", "98.1").holding("0.1", "100");
    scene.open.push(resting(Side::Sell, "98", false));
    assert_eq!(scene.orders(&mut trend()), []);
}
