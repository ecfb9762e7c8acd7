//! The money identity and the page.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use std::collections::BTreeMap;

use keel_domain::{Asset, Money, OrderId, Price, Qty, Side, Symbol, Timestamp, Trade, TradeId};
use keel_report::{BookedTrade, OrderCounts, RunReport, RunTitle, money_identity};
use proptest::prelude::*;

fn asset(name: &str) -> Asset {
    name.parse().unwrap()
}

fn trade(id: u64, is_buy: bool, px: i64, qty: i64, fee: i64, fee_asset: &str) -> BookedTrade {
    let trade = Trade {
        symbol: "BTCUSDT".parse::<Symbol>().unwrap(),
        trade_id: TradeId(id),
        order_id: OrderId(1),
        side: if is_buy { Side::Buy } else { Side::Sell },
        last_px: Price::from_units(px).unwrap(),
        last_qty: Qty::from_units(qty).unwrap(),
        commission: Money::new(fee, 8),
        commission_asset: Some(asset(fee_asset)),
        is_maker: true,
        transact_time: Timestamp::EPOCH,
    };
    BookedTrade {
        trade,
        base: asset("BTC"),
        quote: asset("USDT"),
    }
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
        identity: Vec::new(),
        identity_ok: true,
        positions: Vec::new(),
        equity: Vec::new(),
        charts: Vec::new(),
        alerts: vec!["<b>bold</b>".to_owned()],
    }
}

#[test]
fn a_missing_unit_of_money_shows() {
    let at_start = BTreeMap::from([(asset("USDT"), Money::from(100))]);
    let trades = [trade(1, true, 5_000_000_000, 100_000_000, 10_000_000, "BTC")];
    let exact = BTreeMap::from([(asset("USDT"), Money::from(50)), (asset("BTC"), Money::new(9, 1))]);
    assert!(
        money_identity(&at_start, &exact, trades)
            .iter()
            .all(|line| line.difference.is_zero())
    );
    let short = BTreeMap::from([
        (asset("USDT"), Money::from(50)),
        (asset("BTC"), Money::new(89_999_999, 8)),
    ]);
    let lines = money_identity(&at_start, &short, trades);
    assert_eq!(
        lines
            .iter()
            .find(|line| line.asset == asset("BTC"))
            .unwrap()
            .difference,
        Money::new(-1, 8)
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

proptest! {
    /// Against a model in integers of 1e-16 that shares no arithmetic with it.
    #[test]
    fn the_identity_is_exact(
        trades in proptest::collection::vec((any::<bool>(), 1i64..10_000_000_000, 1i64..100_000_000, 0i64..1_000, 0usize..3), 0..30),
        error in -3i64..4,
    ) {
        let (mut btc, mut usdt, mut bnb) = (0i128, 0i128, 0i128);
        let mut booked = Vec::new();
        for (n, (is_buy, px, qty, fee, fee_in)) in trades.iter().enumerate() {
            let sign = if *is_buy { 1 } else { -1 };
            btc += sign * i128::from(*qty) * 100_000_000;
            usdt -= sign * i128::from(*qty) * i128::from(*px);
            let fee_asset = ["BTC", "USDT", "BNB"][*fee_in];
            *[&mut btc, &mut usdt, &mut bnb][*fee_in] -= i128::from(*fee) * 100_000_000;
            booked.push(trade(n as u64, *is_buy, *px, *qty, *fee, fee_asset));
        }
        let end = |units: i128| Money::from_i128_with_scale(units, 16);
        let at_end = BTreeMap::from([
            (asset("BTC"), end(btc) + Money::new(error, 8)), (asset("USDT"), end(usdt)), (asset("BNB"), end(bnb)),
        ]);
        for line in money_identity(&BTreeMap::new(), &at_end, booked) {
            let expected = if line.asset == asset("BTC") { Money::new(error, 8) } else { Money::ZERO };
            prop_assert_eq!(line.difference, expected);
        }
    }
}
