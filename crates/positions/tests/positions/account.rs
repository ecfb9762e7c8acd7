//! Whose money: strategies apart from each other and from what is not theirs.

use std::collections::BTreeMap;

use keel_domain::{Money, Side, Timestamp, Trade, TradeId};
use keel_positions::{Account, AccountError, Applied, Owner, Transfer, TransferKind};
use proptest::prelude::*;

use crate::common::{asset, instrument, money, symbol, taking, trade};
use crate::history::{
    PAIRS, account_of, any_history, at_start, pair, strategy, venue_balances, whole_ledger,
};

fn book(account: &mut Account, owner: Owner, trade: &Trade) -> Result<Applied, AccountError> {
    account.apply(owner, trade, asset("BTC"), asset("USDT"))
}

fn transfer(at_ms: i64, name: &str, delta: &str, kind: TransferKind) -> Transfer {
    Transfer {
        transact_time: Timestamp::from_millis(at_ms),
        asset: asset(name),
        delta: money(delta),
        kind,
    }
}

#[test]
fn f41_what_a_person_holds_or_buys_is_never_ours_to_sell() {
    let holdings = BTreeMap::from([(asset("BTC"), money("5"))]);
    let mut account = Account::new(holdings);
    let trend = "trend".parse().unwrap();
    assert_eq!(
        account.sellable(trend, &instrument(), money("5")).to_string(),
        "0"
    );
    book(&mut account, Owner::Foreign, &trade(1, Side::Buy, "2", "100")).unwrap();
    book(
        &mut account,
        Owner::Strategy(trend),
        &taking(trade(2, Side::Buy, "1", "100"), "0.0015", "BTC"),
    )
    .unwrap();
    // 7.9985 are there, of which 0.9985 is ours, floored to the step.
    assert_eq!(
        account
            .sellable(trend, &instrument(), money("7.9985"))
            .to_string(),
        "0.998"
    );
    assert_eq!(account.not_ours().unwrap()[&asset("BTC")], money("7"));
    assert_eq!(
        account
            .strategies()
            .of(trend)
            .unwrap()
            .position(symbol())
            .to_string(),
        "0.9985"
    );
}

#[test]
fn f41_a_person_who_sells_our_coins_leaves_less_to_sell_and_it_shows() {
    let mut account = Account::new(BTreeMap::new());
    let trend = "trend".parse().unwrap();
    book(
        &mut account,
        Owner::Strategy(trend),
        &trade(1, Side::Buy, "1", "100"),
    )
    .unwrap();
    book(&mut account, Owner::Foreign, &trade(2, Side::Sell, "0.4", "100")).unwrap();
    assert_eq!(account.not_ours().unwrap()[&asset("BTC")], money("-0.4"));
    assert_eq!(
        account.sellable(trend, &instrument(), money("0.6")).to_string(),
        "0.6"
    );
    let ours = account.strategies().position(symbol());
    assert_eq!(ours.to_decimal(), Money::ONE, "our own word stays");
}

#[test]
fn f46_fees_in_a_coin_that_is_also_traded_come_out_of_the_reserve_first_and_then_show() {
    let reserve = BTreeMap::from([(asset("BNB"), money("0.5"))]);
    let mut account = Account::new(reserve);
    let owner = strategy("trend");
    let bnb = Trade {
        symbol: "BNBUSDT".parse().unwrap(),
        ..trade(1, Side::Buy, "2", "300")
    };
    account.apply(owner, &bnb, asset("BNB"), asset("USDT")).unwrap();
    let left = |account: &Account| account.not_ours().unwrap()[&asset("BNB")];
    book(
        &mut account,
        owner,
        &taking(trade(2, Side::Buy, "1", "100"), "0.5", "BNB"),
    )
    .unwrap();
    assert_eq!(left(&account), Money::ZERO);
    assert_eq!(
        account.strategies().position(bnb.symbol).to_decimal(),
        money("2"),
        "fees of another pair do not eat it"
    );
    book(
        &mut account,
        owner,
        &taking(trade(3, Side::Buy, "1", "100"), "0.1", "BNB"),
    )
    .unwrap();
    assert_eq!(left(&account), money("-0.1"), "the reserve is short");
}

#[test]
fn f49_deposits_withdrawals_and_rewards_are_transfers_once_each() {
    let mut account = Account::new(BTreeMap::from([(asset("USDT"), money("100"))]));
    let deposit = transfer(1, "USDT", "50", TransferKind::BalanceUpdate);
    assert_eq!(account.transfer(deposit), Applied::New);
    assert_eq!(account.transfer(deposit), Applied::Duplicate);
    assert_eq!(
        account.transfer(transfer(2, "USDT", "-20", TransferKind::BalanceUpdate)),
        Applied::New
    );
    assert_eq!(
        account.transfer(transfer(2, "USDT", "50", TransferKind::BalanceUpdate)),
        Applied::New
    );
    assert_eq!(account.transferred().unwrap()[&asset("USDT")], money("80"));
    assert_eq!(account.expected_balances().unwrap()[&asset("USDT")], money("180"));
    assert_eq!(account.our_changes(), Ok(BTreeMap::new()));
}

#[test]
fn a_lock_from_outside_moves_no_money() {
    let mut account = Account::new(BTreeMap::from([(asset("NEO"), money("100"))]));
    account.transfer(transfer(1, "NEO", "10", TransferKind::ExternalLock));
    account.transfer(transfer(2, "NEO", "-4", TransferKind::ExternalLock));
    assert_eq!(account.expected_balances().unwrap()[&asset("NEO")], money("100"));
    assert_eq!(account.externally_locked().unwrap()[&asset("NEO")], money("6"));
    assert_eq!(account.transferred(), Ok(BTreeMap::new()));
}

#[test]
fn a_trade_has_one_owner() {
    let mut account = Account::default();
    let fill = trade(1, Side::Buy, "1", "100");
    book(&mut account, strategy("trend"), &fill).unwrap();
    let before = account.clone();
    for other in [strategy("quoter"), Owner::Foreign] {
        let known = strategy("trend");
        let trade = Box::new(fill);
        assert_eq!(
            book(&mut account, other, &fill),
            Err(AccountError::OtherOwner { trade, known, other })
        );
        assert_eq!(account, before);
    }
    assert_eq!(
        book(&mut account, strategy("trend"), &fill),
        Ok(Applied::Duplicate)
    );
}

#[test]
fn a_refused_first_trade_leaves_no_strategy_behind() {
    let mut account = Account::default();
    let refused = taking(trade(1, Side::Buy, "1", "100"), "2", "BTC");
    assert!(book(&mut account, strategy("trend"), &refused).is_err());
    assert_eq!(account.strategies().iter().count(), 0);
}

#[test]
fn one_strategys_profit_is_not_anothers() {
    let mut account = Account::default();
    let (trend, quoter) = (strategy("trend"), strategy("quoter"));
    for (owner, id, side, px) in [
        (trend, 1, Side::Buy, "100"),
        (quoter, 2, Side::Buy, "120"),
        (trend, 3, Side::Sell, "110"),
        (quoter, 4, Side::Sell, "110"),
    ] {
        book(&mut account, owner, &trade(id, side, "1", px)).unwrap();
    }
    let realised = |name: &str| {
        let ledger = account.strategies().of(name.parse().unwrap()).unwrap();
        ledger.book(symbol()).unwrap().realised()
    };
    assert_eq!(
        (realised("trend"), realised("quoter")),
        (money("10"), money("-10"))
    );
}

proptest! {
    #[test]
    fn the_strategies_and_all_the_rest_together_are_what_the_venue_sees(events in any_history()) {
        let mut expected = account_of(&events).expected_balances().unwrap();
        for (asset, held) in venue_balances(&events) {
            prop_assert_eq!(expected.remove(&asset).unwrap_or_default(), held, "{}", asset);
        }
        prop_assert!(expected.values().all(Money::is_zero));
    }

    #[test]
    fn the_strategies_sum_is_one_ledger_of_all_their_trades(events in any_history(), mark in 1_i64..1_000_000_000_000) {
        let account = account_of(&events);
        let whole = whole_ledger(&events, |owner| owner != Owner::Foreign);
        let mark = Money::new(mark, 8);
        for index in 0..PAIRS.len() {
            let (symbol, _, _) = pair(index);
            let (mut profit, mut fees, mut count) = (Money::ZERO, Money::ZERO, 0);
            for (_, book) in account.strategies().books_of(symbol) {
                profit += book.realised() + book.unrealised(mark).unwrap();
                fees += book.fees_in_quote();
                count += book.trade_count();
            }
            let Some(book) = whole.book(symbol) else {
                prop_assert_eq!(count, 0);
                continue;
            };
            prop_assert_eq!(count, book.trade_count());
            prop_assert_eq!(account.strategies().position(symbol), whole.position(symbol));
            prop_assert_eq!(account.strategies().trade_count(symbol), count);
            prop_assert_eq!(profit, book.realised() + book.unrealised(mark).unwrap());
            prop_assert_eq!(fees, book.fees_in_quote());
        }
        let ours = account.our_changes().unwrap();
        prop_assert_eq!(ours, whole.asset_changes().unwrap());
    }

    #[test]
    fn any_order_and_repetition_gives_the_same_account_and_it_is_stored_whole(
        (events, arrivals) in any_history().prop_flat_map(|events| {
            let twice: Vec<_> = events.iter().chain(&events).copied().collect();
            (Just(events), Just(twice).prop_shuffle())
        }),
    ) {
        let account = account_of(&events);
        prop_assert_eq!(&account_of(&arrivals), &account);
        let text = serde_json::to_string(&account).unwrap();
        prop_assert_eq!(serde_json::from_str::<Account>(&text).unwrap(), account);
    }

    #[test]
    fn f41_what_is_not_ours_does_not_depend_on_what_we_trade(events in any_history()) {
        // A strategy that only buys and sells with quote keeps every coin it did not buy.
        let account = account_of(&events);
        let rest = account.not_ours().unwrap();
        let untouched = asset("ETH");
        prop_assert_eq!(rest[&untouched], at_start()[&untouched]);
        let expected = account.expected_balances().unwrap();
        let mut ours: BTreeMap<_, Money> = BTreeMap::new();
        for (_, _, book) in account.strategies().books() {
            *ours.entry(book.base()).or_default() += book.average().position();
        }
        for (asset, left) in rest {
            let all = expected.get(&asset).copied().unwrap_or_default();
            prop_assert_eq!(left + ours.get(&asset).copied().unwrap_or_default(), all);
        }
    }
}

#[test]
fn trades_of_one_id_on_two_pairs_have_owners_of_their_own() {
    let mut account = Account::default();
    let btc = trade(1, Side::Buy, "1", "100");
    let bnb = Trade {
        symbol: "BNBUSDT".parse().unwrap(),
        ..btc
    };
    book(&mut account, strategy("trend"), &btc).unwrap();
    assert_eq!(
        account.apply(strategy("quoter"), &bnb, asset("BNB"), asset("USDT")),
        Ok(Applied::New)
    );
    assert!(
        account
            .strategies()
            .of("quoter".parse().unwrap())
            .unwrap()
            .contains(bnb.symbol, TradeId(1))
    );
}
