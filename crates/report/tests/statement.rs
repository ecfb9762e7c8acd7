//! Statements: by hand, and against sums made by filtering.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

use keel_domain::{Asset, Money, OrderId, Price, Qty, Side, StrategyId, Timestamp, Trade, TradeId};
use keel_report::{Statement, StatementHolding, StatementOrder, StatementTrade};
use proptest::prelude::*;

const DAY_MS: i64 = 86_400_000;

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn usdt() -> Asset {
    "USDT".parse().unwrap()
}

fn strategy(name: &str) -> StrategyId {
    name.parse().unwrap()
}

fn trade(trade_id: u64, order_id: u64, side: Side, qty: &str, px: &str) -> StatementTrade {
    let trade = Trade {
        symbol: "BTCUSDT".parse().unwrap(),
        trade_id: TradeId(trade_id),
        order_id: OrderId(order_id),
        side,
        last_px: px.parse().unwrap(),
        last_qty: qty.parse().unwrap(),
        commission: Money::ZERO,
        commission_asset: None,
        is_maker: false,
        transact_time: Timestamp::from_millis(DAY_MS),
    };
    StatementTrade {
        strategy: strategy("trend"),
        trade,
        currency: usdt(),
        realised: Money::ZERO,
        fee: Some(Money::ZERO),
        is_estimated: false,
    }
}

fn order(order_id: u64, ordered: &str, filled: &str, book: Option<(&str, &str)>) -> StatementOrder {
    StatementOrder {
        strategy: strategy("trend"),
        symbol: "BTCUSDT".parse().unwrap(),
        currency: usdt(),
        order_id: Some(OrderId(order_id)),
        decided_at: Timestamp::from_millis(DAY_MS),
        order_qty: ordered.parse().unwrap(),
        cum_qty: filled.parse().unwrap(),
        book: book.map(|(bid, ask)| (bid.parse().unwrap(), ask.parse().unwrap())),
    }
}

#[test]
fn a_day_computed_by_hand() {
    let buy = StatementTrade {
        fee: Some(money("0.1")),
        ..trade(1, 1, Side::Buy, "1", "100.5")
    };
    let mut sale = StatementTrade {
        fee: Some(money("0.2")),
        realised: money("9.5"),
        ..trade(2, 2, Side::Sell, "1", "110")
    };
    sale.trade.is_maker = true;
    let orders = [
        order(1, "2", "1", Some(("99", "101"))),
        order(2, "1", "1", Some(("108", "110"))),
        order(3, "1", "0", None),
    ];
    let statement = Statement::new(&[sale, buy], &orders, &[]);
    let [day] = statement.days.as_slice() else {
        panic!("{:?}", statement.days)
    };
    assert_eq!(day.day, "1970-01-02");
    assert_eq!((day.trades, day.orders), (2, 3));
    assert_eq!(day.turnover, money("210.5"));
    assert_eq!(
        (day.realised, day.fees, day.pnl),
        (money("9.5"), money("0.3"), money("9.2"))
    );
    // A half, all and nothing.
    assert_eq!(day.fill_ratio, Some(money("0.5")));
    assert_eq!(day.maker_share, Some(money("0.52256532")));
    // Bought half above the middle of 100, sold one above the middle of 109.
    assert_eq!(day.slippage, money("-0.5"));
    assert_eq!(day.slippage_bp, Some(money("-23.75296912")));
    assert_eq!((day.slippage_unknown, day.fees_unvalued), (0, 0));
    let slippages: Vec<_> = statement
        .trades
        .iter()
        .map(|line| line.slippage.unwrap())
        .collect();
    assert_eq!(slippages, [money("0.5"), money("-1")]);
}

#[test]
fn f47_a_fee_without_a_value_is_counted_and_left_empty_never_zero() {
    let mut unvalued = StatementTrade {
        fee: None,
        ..trade(1, 1, Side::Buy, "1", "100")
    };
    unvalued.trade.commission = money("0.01");
    unvalued.trade.commission_asset = Some("BNB".parse().unwrap());
    let statement = Statement::new(&[unvalued], &[], &[]);
    assert_eq!(statement.days[0].fees_unvalued, 1);
    let csv = statement.trades_csv();
    assert!(csv.contains(",0.01,BNB,,0,,false\r\n"), "{csv}");
}

#[test]
fn the_day_is_that_of_utc_and_turns_at_midnight() {
    let at = |ms: i64| {
        let mut trade = trade(1, 1, Side::Buy, "1", "100");
        trade.trade.transact_time = Timestamp::from_millis(ms);
        trade.trade.trade_id = TradeId(u64::try_from(ms).unwrap());
        trade
    };
    let statement = Statement::new(&[at(2 * DAY_MS), at(2 * DAY_MS - 1)], &[], &[]);
    let days: Vec<&str> = statement.days.iter().map(|line| line.day.as_str()).collect();
    assert_eq!(days, ["1970-01-02", "1970-01-03"]);
    assert_eq!(statement.trades[0].time, "1970-01-02T23:59:59.999000Z");
}

#[test]
fn orders_without_trades_have_a_day_and_a_fill_ratio_of_nothing() {
    let statement = Statement::new(&[], &[order(1, "1", "0", None)], &[]);
    let day = &statement.days[0];
    assert_eq!((day.trades, day.orders), (0, 1));
    assert_eq!(day.fill_ratio, Some(Money::ZERO));
    assert_eq!((day.maker_share, day.slippage_bp), (None, None));
    assert_eq!(Statement::new(&[], &[], &[]).days, []);
}

#[test]
fn f23_an_estimate_marks_its_trade_and_its_day() {
    let estimated = StatementTrade {
        is_estimated: true,
        ..trade(2, 1, Side::Sell, "1", "100")
    };
    let statement = Statement::new(&[trade(1, 1, Side::Buy, "1", "100"), estimated], &[], &[]);
    let marks: Vec<bool> = statement.trades.iter().map(|line| line.is_estimated).collect();
    assert_eq!(marks, [false, true]);
    assert!(statement.days[0].is_estimated);
    assert!(statement.days_csv().ends_with(",true,0,0,0\r\n"));
}

#[test]
fn the_columns_are_those_of_the_documents_and_of_the_json() {
    let statement = Statement::new(
        &[trade(1, 1, Side::Buy, "1", "100")],
        &[order(1, "1", "1", None)],
        &[],
    );
    let document = std::fs::read_to_string("../../docs/STATEMENTS.md").unwrap();
    let json: serde_json::Value = serde_json::from_str(&statement.to_json().unwrap()).unwrap();
    assert_eq!(json["version"], Statement::VERSION);
    for (csv, rows) in [(statement.trades_csv(), "trades"), (statement.days_csv(), "days")] {
        let lines: Vec<&str> = csv.split_terminator("\r\n").collect();
        let columns: Vec<&str> = lines[0].split(',').collect();
        for line in &lines {
            assert_eq!(line.split(',').count(), columns.len(), "{line}");
            assert!(!line.contains(['"', '\n']), "{line}");
        }
        let fields = json[rows][0].as_object().unwrap();
        assert_eq!(fields.len(), columns.len(), "{rows}");
        for column in columns {
            assert!(fields.contains_key(column), "{column} in the JSON");
            assert!(
                document.contains(&format!("| `{column}` |")),
                "{column} in docs/STATEMENTS.md"
            );
        }
    }
}

prop_compose! {
    fn any_trade()(
        day in 0_i64..3,
        is_trend: bool,
        order_id in 1_u64..5,
        is_buy: bool,
        px in 1_i64..1_000_000_000_000,
        qty in 1_i64..100_000_000_000,
        realised in -1_000_000_000_i64..1_000_000_000,
        fee in 0_i64..1_000_000,
        is_maker: bool,
    ) -> StatementTrade {
        let side = if is_buy { Side::Buy } else { Side::Sell };
        let mut line = trade(0, order_id, side, "1", "1");
        line.trade.last_px = Price::from_units(px).unwrap();
        line.trade.last_qty = Qty::from_units(qty).unwrap();
        line.trade.is_maker = is_maker;
        line.trade.transact_time = Timestamp::from_millis(day * DAY_MS + 77);
        StatementTrade {
            strategy: strategy(if is_trend { "trend" } else { "quoter" }),
            realised: Money::new(realised, 8),
            fee: Some(Money::new(fee, 8)),
            ..line
        }
    }
}

proptest! {
    #[test]
    fn days_are_sums_over_the_trades_of_the_day_and_strategy(
        mut trades in prop::collection::vec(any_trade(), 0..40),
        (bid, spread) in (1_i64..1_000_000_000, 1_i64..1_000_000),
    ) {
        for (n, trade) in trades.iter_mut().enumerate() {
            trade.trade.trade_id = TradeId(n as u64);
        }
        let (bid, ask) = (Price::from_units(bid).unwrap(), Price::from_units(bid + spread).unwrap());
        let known = StatementOrder { book: Some((bid, ask)), ..order(1, "1", "1", None) };
        let statement = Statement::new(&trades, &[known], &[]);
        prop_assert_eq!(statement.trades.len(), trades.len());
        let mut reversed = trades.clone();
        reversed.reverse();
        prop_assert_eq!(&Statement::new(&reversed, &[known], &[]), &statement);
        let mut counted = 0;
        for line in statement.days.iter().filter(|line| line.trades > 0) {
            let of_line: Vec<&StatementTrade> = trades.iter().filter(|t| {
                let day = ["1970-01-01", "1970-01-02", "1970-01-03"][t.trade.transact_time.utc_day() as usize];
                t.strategy == line.strategy && day == line.day
            }).collect();
            counted += of_line.len();
            prop_assert_eq!(line.trades, of_line.len() as u64);
            // In units of 1e-16, half a unit of price being the finest.
            let product = |t: &StatementTrade| i128::from(t.trade.last_px.units()) * i128::from(t.trade.last_qty.units());
            let turnover: i128 = of_line.iter().map(|t| product(t)).sum();
            prop_assert_eq!(line.turnover, Money::from_i128_with_scale(turnover, 16));
            let twice_slippage: i128 = of_line.iter().filter(|t| t.trade.order_id == OrderId(1)).map(|t| {
                let sign = if t.trade.side == Side::Buy { 1 } else { -1 };
                let from_middle = 2 * i128::from(t.trade.last_px.units()) - i128::from(bid.units() + ask.units());
                sign * from_middle * i128::from(t.trade.last_qty.units())
            }).sum();
            prop_assert_eq!(line.slippage, Money::from_i128_with_scale(twice_slippage * 5, 17));
            let unknown = of_line.iter().filter(|t| t.trade.order_id != OrderId(1)).count();
            prop_assert_eq!(line.slippage_unknown, unknown as u64);
            let net: Money = of_line.iter().map(|t| t.realised - t.fee.unwrap()).sum();
            prop_assert_eq!(line.pnl, net);
            prop_assert_eq!(line.realised - line.fees, net);
            let maker: i128 = of_line.iter().filter(|t| t.trade.is_maker).map(|t| product(t)).sum();
            let share = Money::from_i128_with_scale(maker, 16) / line.turnover;
            prop_assert!((line.maker_share.unwrap() - share).abs() < Money::new(1, 8));
        }
        prop_assert_eq!(counted, trades.len());
    }
}

#[test]
fn f47_a_day_that_begins_with_a_position_is_measured_from_there() {
    let held = |day: i64, before: &str, after: &str| StatementHolding {
        strategy: strategy("trend"),
        symbol: "BTCUSDT".parse().unwrap(),
        currency: usdt(),
        day: Timestamp::from_millis(day * DAY_MS),
        unrealised_before: money(before),
        unrealised_after: money(after),
    };
    // Bought at 100; at 110 over midnight, a whole day without a trade at 90, sold at 95.
    let mut sale = StatementTrade {
        realised: money("-5"),
        fee: Some(money("0.5")),
        ..trade(2, 2, Side::Sell, "1", "95")
    };
    sale.trade.transact_time = Timestamp::from_millis(3 * DAY_MS);
    let trades = [trade(1, 1, Side::Buy, "1", "100"), sale];
    let holdings = [held(1, "0", "10"), held(2, "10", "-10"), held(3, "-10", "0")];
    let statement = Statement::new(&trades, &[], &holdings);
    let nets: Vec<Money> = statement.days.iter().map(|line| line.net).collect();
    assert_eq!(nets, [money("10"), money("-20"), money("4.5")]);
    assert_eq!(nets.iter().sum::<Money>(), money("-5.5"), "what the run lost");
    assert_eq!(statement.days[1].trades, 0);

    // The account had 1000; a deposit of 500 came on the first day and a coin of a person's fell by 100 on the second.
    let at = |day: i64, equity: &str| (Timestamp::from_millis(day * DAY_MS), money(equity));
    let equities = [at(1, "1000"), at(2, "1510"), at(3, "1390")];
    let statistics = statement.with_statistics(&equities, usdt()).statistics.unwrap();
    let of = |made: f64, had: f64| made / had;
    let expected = (1.0 + of(10.0, 1000.0)) * (1.0 - of(20.0, 1510.0)) * (1.0 + of(4.5, 1390.0)) - 1.0;
    assert!((statistics.total_return.unwrap() - expected).abs() < 1e-12);
    assert_eq!((statistics.days, statistics.closing_trades), (3, 1));
    assert_eq!(
        (statistics.win_rate, statistics.profit_factor),
        (Some(0.0), Some(0.0))
    );
}

#[test]
fn a_statement_of_another_currency_or_without_any_equity_has_no_return() {
    let statement = Statement::new(&[trade(1, 1, Side::Buy, "1", "100")], &[], &[]);
    assert_eq!(statement.clone().with_statistics(&[], usdt()).statistics, None);
    let one = [(Timestamp::from_millis(DAY_MS), money("1000"))];
    let of_other = statement.with_statistics(&one, "EUR".parse().unwrap());
    assert_eq!(of_other.statistics.unwrap().total_return, Some(0.0));
}
