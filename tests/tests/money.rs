//! A person, a deposit, fees in BNB that run out, and a restart: whose money it is, to the last digit.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

use std::path::Path;
use std::time::Duration;

use keel_binance_wire::params::Params;
use keel_domain::{Asset, Money, Side, Symbol, Trade};
use keel_engine::{DurableState, Fact, Record};
use keel_journal::{FsDisk, read_all};
use keel_tests::{Exchange, Process, eventually, read};

const LONG: Duration = Duration::from_secs(60);

fn symbol() -> Symbol {
    "BTCUSDT".parse().unwrap()
}

fn records(dir: &Path) -> Vec<Record> {
    let recovered = read_all(&FsDisk::read_only(dir)).unwrap();
    let records = recovered.records.iter();
    records
        .map(|payload| serde_json::from_slice(payload).unwrap())
        .collect()
}

fn replayed(dir: &Path) -> DurableState {
    let mut state = DurableState::default();
    for record in &records(dir) {
        state.apply(record).unwrap();
    }
    state
}

/// A metric's value; none where it is not told.
fn metric(page: &str, name: &str) -> Option<Money> {
    let line = page.lines().find(|line| line.split(' ').next() == Some(name))?;
    line.split(' ').next_back()?.parse().ok()
}

/// Waits for a check of the identity that began after now, looking at every one between; none may fail.
fn identity_holds(dashboard: &str) {
    let url = format!("{dashboard}metrics");
    let mut last_age = None;
    eventually("a check of the money identity", LONG, || {
        let page = read(&url);
        let Some(is_ok) = metric(&page, "keel_identity_ok") else {
            return false;
        };
        assert_eq!(is_ok, Money::ONE, "{page}");
        assert_eq!(
            metric(&page, "keel_identity_breaches_total"),
            Some(Money::ZERO),
            "{page}"
        );
        let age = metric(&page, "keel_identity_age_seconds");
        assert!(age < Some(Money::from(60)), "it is checked within every minute");
        let is_new = last_age.is_some_and(|last| age < last);
        last_age = Some(age);
        is_new
    });
}

fn started(exchange: &Exchange, dir: &Path) -> (Process, String) {
    let mut trader = Process::start(&mut exchange.trader(dir));
    let line = trader.wait_for("dashboard http://", LONG);
    let url = line.split_whitespace().next_back().unwrap().to_owned();
    (trader, url)
}

fn report(dir: &Path) -> serde_json::Value {
    let text = std::fs::read_to_string(dir.join("report/report.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn line<'a>(report: &'a serde_json::Value, asset: &str) -> &'a serde_json::Value {
    let lines = report["identity"].as_array().unwrap();
    lines.iter().find(|line| line["asset"] == asset).unwrap()
}

fn amount(value: &serde_json::Value) -> Money {
    value.as_str().unwrap().parse().unwrap()
}

fn held(exchange: &Exchange, asset: &str) -> Money {
    let account = exchange.ask("/api/v3/account", Params::new());
    let balances = account["balances"].as_array().unwrap();
    let balance = balances.iter().find(|balance| balance["asset"] == asset).unwrap();
    amount(&balance["free"]) + amount(&balance["locked"])
}

fn net_bought<'a>(trades: impl Iterator<Item = &'a Trade>) -> Money {
    let btc: Asset = "BTC".parse().unwrap();
    trades
        .map(|trade| {
            let fee = if trade.commission_asset == Some(btc) {
                trade.commission
            } else {
                Money::ZERO
            };
            match trade.side {
                Side::Buy => trade.last_qty.to_decimal() - fee,
                Side::Sell => -trade.last_qty.to_decimal() - fee,
            }
        })
        .sum()
}

/// Rows F41, F45, F46, F47, F49 with the real binaries: one BTC is a person's before the start.
#[test]
fn f41_f45_f46_f47_f49_the_money_adds_up_through_fees_a_deposit_a_restart_and_a_persons_trade() {
    let exchange = Exchange::start_with(41, &["--bnb-fees", "0.0012", "--fund", "USDT=100000,BTC=1"]);
    let dir = tempfile::tempdir().unwrap();
    let (mut first, dashboard) = started(&exchange, dir.path());
    first.wait_for("BNB)", LONG);
    exchange.transfer("deposit", "USDT", "500");
    exchange.transfer("deposit", "BTC", "0.5");
    exchange.transfer("withdraw", "USDT", "20.5");
    first.wait_for("20.5 USDT left the account", LONG);
    identity_holds(&dashboard);
    first.signal("TERM");
    let (code, said) = first.finish(LONG);
    assert_eq!(code, Some(0), "{said}");
    let of_first = report(dir.path());
    assert_eq!(of_first["identity_ok"], true, "{said}");
    assert_eq!(
        amount(&line(&of_first, "USDT")["transferred"]),
        Money::new(4795, 1)
    );
    assert_eq!(amount(&line(&of_first, "BTC")["transferred"]), Money::new(5, 1));
    for table in ["trades.csv", "days.csv"] {
        let text = std::fs::read_to_string(dir.path().join("report").join(table)).unwrap();
        assert!(text.lines().count() > 1, "{table}: {text}");
    }

    let (mut second, dashboard) = started(&exchange, dir.path());
    second.wait_for("FILL", LONG);
    let market = Params::new().with("symbol", "BTCUSDT").with("side", "BUY");
    let theirs = exchange.order(market.with("type", "MARKET").with("quantity", "0.02"));
    second.wait_for(&format!("of order {}", theirs["orderId"]), LONG);
    identity_holds(&dashboard);
    second.signal("TERM");
    let (code, said) = second.finish(LONG);
    // Only exits are left on the symbol, which an operator has to look at.
    assert_eq!(code, Some(1), "{said}");
    let of_second = report(dir.path());
    assert_eq!(of_second["identity_ok"], true, "{said}");
    assert!(amount(&line(&of_second, "BTC")["foreign"]) > Money::ZERO);

    let state = replayed(dir.path());
    let quoter = state.ledgers().of("quoter".parse().unwrap()).unwrap();
    let ours = quoter.book(symbol()).unwrap();
    let theirs = state.foreign().book(symbol()).unwrap();
    assert_eq!(net_bought(theirs.trades()).round_dp(2), Money::new(2, 2));
    let position = quoter.position(symbol()).to_decimal();
    assert!(position >= Money::ZERO, "nothing but ours was sold: {position}");
    // What is too small to sell has left the position, and is held all the same.
    let owned = position + ours.dust().position();
    assert_eq!(owned, net_bought(ours.trades()), "by the trades");
    let persons = Money::new(15, 1) + net_bought(theirs.trades());
    assert_eq!(owned, held(&exchange, "BTC") - persons, "by the balances");
    let fees: Vec<String> = ours.commissions().keys().map(Asset::to_string).collect();
    assert!(
        fees.contains(&"BNB".to_owned()) && fees.len() > 1,
        "BNB ran out: {fees:?}"
    );
    let transfers = records(dir.path())
        .into_iter()
        .filter(|r| matches!(r.fact, Fact::Transfer(_)));
    assert_eq!(transfers.count(), 3);
}
