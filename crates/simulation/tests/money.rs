//! Whose money it is and that it adds up, at every minute of a run in which everything moves it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use keel_domain::{Asset, Money, SignedQty};
use keel_engine::{DurableState, MoneyCheck, Operator, Record};
use keel_journal::read_all;
use keel_positions::{Account, Applied, AssetIdentity, Ledger, Owner, position_differences};
use keel_risk::TradingState;
use keel_runtime::Ending;

use crate::common::run::{MINUTE, Run, asset, btcusdt};

/// What the records alone say of the account.
fn by_journal(run: &Run, at_start: BTreeMap<Asset, Money>) -> Account {
    let recovered = read_all(run.simulation.disk()).unwrap();
    let mut state = DurableState::default();
    for payload in &recovered.records {
        let record: Record = serde_json::from_slice(payload).unwrap();
        state.apply(&record).unwrap();
    }
    let mut account = Account::new(at_start);
    let ours = state.ledgers().books();
    let ours = ours.flat_map(|(id, _, book)| book.trades().map(move |trade| (Owner::Strategy(id), trade)));
    let theirs = state.foreign().books();
    let theirs = theirs.flat_map(|(_, book)| book.trades().map(|trade| (Owner::Foreign, trade)));
    for (owner, trade) in ours.chain(theirs) {
        account.apply(owner, trade, asset("BTC"), asset("USDT")).unwrap();
    }
    for transfer in state.transfers() {
        assert_eq!(account.transfer(*transfer), Applied::New);
    }
    account
}

fn line(check: &MoneyCheck, name: &str) -> AssetIdentity {
    let mut lines = check.assets.iter();
    *lines.find(|line| line.asset == asset(name)).unwrap()
}

/// Rows F41, F45, F46, F47 and F49, and two restarts of the process, in eleven minutes.
#[test]
fn f47_the_money_adds_up_at_every_minute_whatever_moves_it() {
    let mut run = Run::start("0.4", true);
    let at_start = run.balances();
    run.minute();
    run.transfer("deposit", "USDT", "500");
    run.transfer("deposit", "BTC", "0.5");
    let check = run.minute();
    assert_eq!(line(&check, "BTC").transferred, Money::new(5, 1));
    run.transfer("withdraw", "USDT", "20.5");
    let check = run.minute();
    assert_eq!(line(&check, "USDT").transferred, Money::new(4795, 1));
    assert_eq!(
        run.fee_assets(),
        BTreeSet::from([asset("BNB")]),
        "BNB is not used up"
    );
    // Enough for a trade or two, however fast it trades.
    let bnb = run.balances()[&asset("BNB")] - Money::new(15, 4);
    run.transfer("withdraw", "BNB", &bnb.to_string());
    run.minute();
    run.simulation.kill_and_restart().unwrap();
    for _ in 0..2 {
        run.minute();
    }
    let fees = run.fee_assets();
    assert!(fees.len() > 1, "BNB ran out: {fees:?}");
    run.person_buys("0.02");
    let check = run.minute();
    assert!(line(&check, "BTC").foreign > Money::ZERO, "{check:?}");
    assert_eq!(run.state(), TradingState::ReduceOnly);
    let reason = "it was me".to_owned();
    run.simulation.operate(Operator::Resume { reason });
    for _ in 0..2 {
        run.minute();
    }
    run.simulation.kill_and_restart().unwrap();
    for _ in 0..2 {
        run.minute();
    }
    assert_eq!(run.state(), TradingState::Active);
    assert!(run.partly_filled() > 0, "no order was partly filled");

    let account = by_journal(&run, at_start);
    let mut venue = Ledger::new();
    for trade in run.venue_trades() {
        venue.apply(&trade, asset("BTC"), asset("USDT")).unwrap();
    }
    let differences = position_differences(&account, &venue, &run.balances()).unwrap();
    assert_eq!(differences, [], "journal, the venue's trades and its balances");
    let position = run.simulation.desk().trader().position(btcusdt());
    assert!(
        position >= SignedQty::ZERO,
        "nothing but ours was sold: {position}"
    );
    let (outcome, _) = run.simulation.close();
    assert_eq!(outcome.ending, Ending::Closed);
    assert!(outcome.report.identity_ok, "{:?}", outcome.report.identity);
}

#[test]
fn f47_without_the_pair_that_prices_bnb_it_is_said_that_one_currency_was_not_checked() {
    let mut run = Run::start("5", false);
    run.pass(MINUTE);
    assert_eq!(run.fee_assets(), BTreeSet::from([asset("BNB")]));
    let (outcome, _) = run.simulation.close();
    let report = outcome.report;
    assert!(report.identity_ok, "{:?}", report.identity);
    let line = report.identity_money.unwrap();
    assert_eq!(line.difference, None);
    assert_eq!(line.unpriced.as_deref(), Some("no prices lead from BNB to USDT"));
    let told = report
        .alerts
        .iter()
        .filter(|alert| alert.contains("and not in USDT"));
    assert_eq!(told.count(), 1, "{:?}", report.alerts);
}
