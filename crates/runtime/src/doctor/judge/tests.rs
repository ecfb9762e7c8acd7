//! Each judgement where it turns.

use std::time::Duration;

use keel_config::Sources;
use keel_domain::{ExecType, LotSize, NotionalRange, OrdStatus, OrderId, Side, Timestamp};
use keel_execution::Balance;

use super::*;
use crate::doctor::Health;

const PAPER: &str = include_str!("../../../../../config/paper.toml");

fn config(settings: &[&str]) -> Config {
    let overrides = settings.iter().map(ToString::to_string);
    let sources = Sources::text("paper.toml", PAPER).with_overrides(overrides);
    Config::load(&sources).unwrap()
}

fn asset(name: &str) -> Asset {
    Asset::new(name).unwrap()
}

fn btcusdt() -> Instrument {
    let symbol = "BTCUSDT".parse().unwrap();
    Instrument {
        lot_size: LotSize {
            min: "0.00001".parse().unwrap(),
            max: "9000".parse().unwrap(),
            step: "0.00001".parse().unwrap(),
        },
        notional: NotionalRange {
            min: Money::from(5),
            ..NotionalRange::OFF
        },
        ..Instrument::unfiltered(symbol, asset("BTC"), asset("USDT"))
    }
}

fn top() -> Option<(Price, Price)> {
    Some(("65000".parse().unwrap(), "65001".parse().unwrap()))
}

fn standing(usdt: i64) -> AccountStanding {
    AccountStanding {
        account: "7".to_owned(),
        account_type: "SPOT".to_owned(),
        can_trade: true,
        balances: vec![Balance {
            asset: asset("USDT"),
            free: Money::from(usdt),
            locked: Money::ZERO,
        }],
    }
}

fn open(cl_ord_id: &str) -> ExecutionReport {
    ExecutionReport {
        symbol: "BTCUSDT".parse().unwrap(),
        cl_ord_id: cl_ord_id.parse().unwrap(),
        order_id: OrderId(1),
        side: Side::Sell,
        exec_type: ExecType::OrderStatus,
        ord_status: OrdStatus::New,
        order_qty: "1".parse().unwrap(),
        price: "65000".parse().unwrap(),
        cum_qty: Qty::ZERO,
        cum_quote: Money::ZERO,
        trade: None,
        transact_time: Timestamp::from_millis(1),
    }
}

#[test]
fn clocks_apart_warn_and_fail_in_either_direction() {
    let judged = |lead_ms: i64, distance| {
        clock(ClockReading {
            lead_ms,
            round_trip: Duration::from_millis(3),
            distance,
        })
    };
    assert_eq!(judged(2, ClockDistance::Near).health, Health::Ok);
    let far = judged(-700, ClockDistance::Far);
    assert_eq!(far.health, Health::Warn);
    assert!(far.text.contains("700 ms behind ours"), "{}", far.text);
    assert_eq!(judged(3_000, ClockDistance::Fault).health, Health::Fail);
}

#[test]
fn a_key_reads_and_trades_and_no_more() {
    let right = KeyRights {
        is_ip_restricted: true,
        reading: true,
        spot_trading: true,
        ..KeyRights::default()
    };
    let health = |change: fn(&mut KeyRights)| {
        let mut rights = right.clone();
        change(&mut rights);
        key(&rights).health
    };
    assert_eq!(health(|_| {}), Health::Ok);
    assert_eq!(health(|rights| rights.is_ip_restricted = false), Health::Warn);
    assert_eq!(
        health(|rights| rights.unneeded = vec!["enableMargin"]),
        Health::Warn
    );
    assert_eq!(health(|rights| rights.reading = false), Health::Fail);
    assert_eq!(health(|rights| rights.spot_trading = false), Health::Fail);
    assert_eq!(health(|rights| rights.moves_money_out = true), Health::Fail);
}

#[test]
fn an_account_trades_spot_and_is_the_one_of_the_records() {
    let of = |account: Option<&str>| Looked {
        account: account.map(str::to_owned),
        has_records: account.is_some(),
        is_running: false,
    };
    assert_eq!(account(&standing(1), &of(None)).health, Health::Ok);
    assert_eq!(account(&standing(1), &of(Some("7"))).health, Health::Ok);
    let other = account(&standing(1), &of(Some("8")));
    assert_eq!(other.health, Health::Fail);
    assert!(other.remedy.unwrap().contains("account 8"));
    let frozen = AccountStanding {
        can_trade: false,
        ..standing(1)
    };
    assert_eq!(account(&frozen, &of(None)).health, Health::Fail);
    assert_eq!(balances(&standing(5), &btcusdt()).health, Health::Ok);
    assert_eq!(balances(&standing(4), &btcusdt()).health, Health::Warn);
}

#[test]
fn an_order_as_configured_must_be_one_that_venue_and_limits_take() {
    let health = |settings: &[&str]| pair(&config(settings), &btcusdt(), top()).health;
    assert_eq!(health(&[]), Health::Ok);
    let (below_least, below_step) = (
        "strategy.quoter.order_qty=0.00007",
        "strategy.quoter.order_qty=0.010001",
    );
    assert_eq!(health(&[below_least]), Health::Fail);
    assert_eq!(health(&[below_step]), Health::Warn);
    let above_limits = "risk.per_symbol.BTCUSDT.order_notional_max=600";
    assert_eq!(health(&[above_limits]), Health::Fail, "it is worth 650");
    let halted = Instrument {
        status: InstrumentStatus::Halt,
        ..btcusdt()
    };
    assert_eq!(pair(&config(&[]), &halted, top()).health, Health::Fail);
    assert_eq!(pair(&config(&[]), &btcusdt(), None).health, Health::Warn);
}

#[test]
fn fees_in_an_asset_without_a_price_are_told() {
    let symbol = "BTCUSDT".parse().unwrap();
    let paid = |discount_asset: Option<&str>| Fees {
        maker: Money::new(75, 5),
        taker: Money::new(1, 3),
        discount_asset: discount_asset.map(asset),
    };
    let priced = [asset("BTC"), asset("USDT")];
    let plain = fees(symbol, paid(None), &priced);
    assert_eq!(
        (plain.health, plain.text.as_str()),
        (Health::Ok, "maker 0.075 %, taker 0.1 %")
    );
    assert_eq!(fees(symbol, paid(Some("BTC")), &priced).health, Health::Ok);
    assert_eq!(fees(symbol, paid(Some("BNB")), &priced).health, Health::Warn);
}

#[test]
fn open_orders_are_judged_by_whose_they_are_and_who_looks_after_them() {
    let judged = |ids: &[&str], has_records, is_running| {
        let orders: Vec<ExecutionReport> = ids.iter().map(|id| open(id)).collect();
        let looked = Looked {
            account: None,
            has_records,
            is_running,
        };
        open_orders(
            "BTCUSDT".parse().unwrap(),
            &orders,
            "k1".parse().unwrap(),
            &looked,
        )
        .health
    };
    let (ours, stop) = ("k1-quoter-1-1", "k1-quoter-1-stop2");
    assert_eq!(judged(&[], false, false), Health::Ok);
    assert_eq!(judged(&[ours, stop], true, true), Health::Ok);
    assert_eq!(
        judged(&[stop], true, false),
        Health::Ok,
        "it stays when a run ends"
    );
    assert_eq!(
        judged(&[ours, stop], true, false),
        Health::Warn,
        "nobody looks after it"
    );
    assert_eq!(
        judged(&[stop], false, false),
        Health::Fail,
        "its records are lost"
    );
    assert_eq!(judged(&["web_1"], true, true), Health::Warn);
    assert_eq!(judged(&["k2-quoter-1-1"], true, false), Health::Fail);
}
