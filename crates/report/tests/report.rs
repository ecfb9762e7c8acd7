//! The page and the JSON of a run.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use std::collections::BTreeMap;

use keel_domain::{Asset, Money, OrderId, Side, Timestamp, Trade, TradeId};
use keel_report::{
    AssetLine, MoneyLine, OrderCounts, PositionLine, QuotePnl, RunReport, RunTitle, Statement, StatementTrade,
};

fn asset(name: &str) -> Asset {
    name.parse().unwrap()
}

fn empty() -> RunReport {
    RunReport {
        title: RunTitle {
            mode: "paper".to_owned(),
            venue: "127.0.0.1:1".to_owned(),
            account: "<script>alert(1)</script>".to_owned(),
            strategy: "quoter".to_owned(),
            symbols: vec!["BTCUSDT".parse().unwrap()],
            seed: Some(1),
            scenario: None,
            config_hash: "abc".to_owned(),
            build: "test".to_owned(),
        },
        started_at: Timestamp::EPOCH,
        ended_at: Timestamp::EPOCH,
        ending: "closed".to_owned(),
        orders: OrderCounts::default(),
        fills: Vec::new(),
        breaches: BTreeMap::new(),
        pnl: Vec::new(),
        statement: None,
        identity: Vec::new(),
        identity_ok: true,
        identity_money: None,
        positions: Vec::new(),
        equity: Vec::new(),
        charts: Vec::new(),
        alerts: vec!["<b>bold</b>".to_owned()],
    }
}

#[test]
fn a_missing_unit_of_money_shows_in_its_row() {
    let line = AssetLine {
        asset: asset("BTC"),
        at_start: Money::ONE,
        at_end: Money::new(89_999_999, 8),
        transferred: Money::from(7),
        foreign: Money::from(-7),
        traded: Money::ZERO,
        commission: Money::new(1, 1),
        difference: Money::new(-1, 8),
    };
    let page = RunReport {
        identity: vec![line],
        identity_ok: false,
        ..empty()
    }
    .to_html();
    for cell in [
        "0.89999999",
        "\u{2212}0.00000001 \u{2717}",
        "<td>7</td>",
        "<td>\u{2212}7</td>",
    ] {
        assert!(page.contains(cell), "{cell}");
    }
}

#[test]
fn f47_an_identity_that_lacks_a_price_is_not_shown_as_checked() {
    let line = MoneyLine {
        at: Timestamp::EPOCH,
        difference: None,
        tolerance: Money::ZERO,
        unpriced: Some("no prices lead from BNB to USDT".to_owned()),
    };
    let shown = |line: MoneyLine| {
        let identity_money = Some(line);
        RunReport {
            identity_money,
            ..empty()
        }
        .to_html()
    };
    let page = shown(line.clone());
    assert!(page.contains("NOT checked in one currency") && page.contains("no prices lead from BNB to USDT"));
    let page = shown(MoneyLine {
        difference: Some(Money::new(12, 1)),
        unpriced: None,
        ..line
    });
    assert!(
        page.contains("off by 1.2,") && !page.contains("NOT checked"),
        "{page}"
    );
}

#[test]
fn an_empty_run_renders_and_hostile_text_is_escaped() {
    let page = empty().to_html();
    assert!(page.contains("The money adds up"));
    assert!(
        !page.contains("<script>") && !page.contains("<b>bold"),
        "text from outside is not markup"
    );
    assert!(
        !page.contains("http://") && !page.contains("https://"),
        "nothing is fetched"
    );
}

#[test]
fn money_that_does_not_add_up_is_the_first_thing_said() {
    let page = RunReport {
        identity_ok: false,
        ..empty()
    }
    .to_html();
    assert!(page.contains("The money does not add up") && !page.contains("The money adds up"));
}

#[test]
fn the_json_has_what_machines_look_for() {
    let json = empty().to_json().unwrap();
    for key in [
        "\"fills\"",
        "\"orders\"",
        "\"breaches\"",
        "\"pnl\"",
        "\"identity_ok\":true",
    ] {
        assert!(json.contains(key), "{key} in {json}");
    }
}

#[test]
fn f23_an_estimated_cost_is_shown_as_one() {
    let line = PositionLine {
        strategy: "trend".parse().unwrap(),
        symbol: "BTCUSDT".parse().unwrap(),
        position: "1".parse().unwrap(),
        avg_px: Some(Money::from(100)),
        is_estimated: true,
        mark: None,
        realised: Money::ZERO,
        fees: Money::ZERO,
    };
    let page = |is_estimated| {
        let positions = vec![PositionLine {
            is_estimated,
            ..line.clone()
        }];
        RunReport { positions, ..empty() }.to_html()
    };
    assert!(page(true).contains("100 (estimated)"));
    assert!(!page(false).contains("estimated"));
}

#[test]
fn f47_the_page_shows_the_days_of_its_statement_and_the_fees_that_have_no_value() {
    let trade = Trade {
        symbol: "BTCUSDT".parse().unwrap(),
        trade_id: TradeId(7),
        order_id: OrderId(3),
        side: Side::Buy,
        last_qty: "0.5".parse().unwrap(),
        last_px: "100".parse().unwrap(),
        commission: Money::new(1, 3),
        commission_asset: Some(asset("BNB")),
        is_maker: true,
        transact_time: Timestamp::EPOCH,
    };
    let line = StatementTrade {
        strategy: "quoter".parse().unwrap(),
        trade,
        currency: asset("USDT"),
        realised: Money::ZERO,
        fee: None,
        is_estimated: false,
    };
    let report = RunReport {
        statement: Some(Statement::new(&[line], &[], &[])),
        ..empty()
    };
    let page = report.to_html();
    for cell in ["<td>1970-01-01</td>", "<td>50</td>", "0 and 1 without a value"] {
        assert!(page.contains(cell), "{cell}");
    }
    assert!(report.to_json().unwrap().contains("\"trade_id\":7"));
    assert!(empty().to_html().contains("Cannot be told exactly"));
}

#[test]
fn the_page_and_the_json_show_the_statistics_and_leave_out_what_has_no_meaning() {
    let trade = |id: u64, realised: i64| StatementTrade {
        strategy: "quoter".parse().unwrap(),
        trade: Trade {
            symbol: "BTCUSDT".parse().unwrap(),
            trade_id: TradeId(id),
            order_id: OrderId(id),
            side: Side::Sell,
            last_qty: "1".parse().unwrap(),
            last_px: "100".parse().unwrap(),
            commission: Money::ZERO,
            commission_asset: None,
            is_maker: true,
            transact_time: Timestamp::EPOCH,
        },
        currency: asset("USDT"),
        realised: Money::from(realised),
        fee: Some(Money::ZERO),
        is_estimated: false,
    };
    let statement = Statement::new(&[trade(1, 150), trade(2, -40)], &[], &[]);
    let equities = [(Timestamp::EPOCH, Money::from(1_000))];
    let report = RunReport {
        statement: Some(statement.with_statistics(&equities, asset("USDT"))),
        ..empty()
    };
    let page = report.to_html();
    // 110 of 1000; 150 won by 40 lost; one day has no deviation.
    for cell in [
        "<td>11.0000 %</td>",
        "<td>3.7500</td>",
        "<td>50.0000 %</td>",
        "<td>–</td>",
    ] {
        assert!(page.contains(cell), "{cell}");
    }
    let json: serde_json::Value = serde_json::from_str(&report.to_json().unwrap()).unwrap();
    let figures = &json["statement"]["statistics"];
    assert_eq!(figures["profit_factor"], 3.75);
    assert_eq!(figures["sharpe"], serde_json::Value::Null);
}

#[test]
fn f47_fees_without_a_value_are_told_beside_the_profit() {
    let line = QuotePnl {
        currency: asset("USDT"),
        realised: Money::TEN,
        unrealised: Some(Money::ZERO),
        fees: Money::ONE,
        fees_unvalued: 3,
        turnover: Money::ZERO,
    };
    let page = RunReport {
        pnl: vec![line],
        ..empty()
    }
    .to_html();
    assert!(page.contains("<td>1 and 3 without a value</td>"));
}
