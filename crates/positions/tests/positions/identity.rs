//! The money adds up, and what does not is named.

use std::collections::BTreeMap;
use std::time::Duration;

use keel_domain::{Asset, Money, Side, Timestamp, TradeId};
use keel_positions::{
    Account, Adjustment, Difference, Dust, Ledger, Owner, Prices, Quote, Transfer, TransferKind,
    asset_identity, money_identity, position_differences,
};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::common::{asset, money, symbol, taking, trade};
use crate::history::{
    Event, account_of, any_history, at_start, pair, strategy, venue_balances, whole_ledger,
};

fn prices(btc: i64, bnb: i64) -> Prices {
    let now = Timestamp::from_millis(1_000);
    let mut prices = Prices::new(now, Duration::from_secs(2));
    for (name, units) in [("BTC", btc), ("BNB", bnb)] {
        let bid = keel_domain::Price::from_units(units).unwrap();
        let ask = bid.checked_add(keel_domain::Price::UNIT).unwrap();
        prices.set(asset(name), asset("USDT"), Quote { bid, ask, at: now });
    }
    prices
}

fn usdt() -> Asset {
    asset("USDT")
}

/// A bought and partly sold position with a fee in BNB, a person's trade and a deposit.
fn mixed_account() -> (Account, Ledger, BTreeMap<Asset, Money>) {
    let start = BTreeMap::from([(usdt(), money("1000")), (asset("BNB"), money("1"))]);
    let mut account = Account::new(start);
    let mut listed = Ledger::new();
    for (owner, trade) in [
        (
            strategy("trend"),
            taking(trade(1, Side::Buy, "2", "100"), "0.002", "BTC"),
        ),
        (
            strategy("trend"),
            taking(trade(2, Side::Sell, "1", "120"), "0.01", "BNB"),
        ),
        (
            Owner::Foreign,
            taking(trade(3, Side::Buy, "1", "110"), "0.11", "USDT"),
        ),
    ] {
        account.apply(owner, &trade, asset("BTC"), usdt()).unwrap();
        listed.apply(&trade, asset("BTC"), usdt()).unwrap();
    }
    account.transfer(Transfer {
        transact_time: Timestamp::from_millis(5),
        asset: usdt(),
        delta: money("500"),
        kind: TransferKind::BalanceUpdate,
    });
    // 1000 - 200 + 120 - 110 - 0.11 + 500; 2 - 0.002 - 1 + 1; 1 - 0.01.
    let at_venue = [("USDT", "1309.89"), ("BTC", "1.998"), ("BNB", "0.99")];
    let at_venue = at_venue.map(|(name, held)| (asset(name), money(held))).into();
    (account, listed, at_venue)
}

#[test]
fn f47_every_part_of_the_identity_is_told_and_adds_up() {
    let (account, listed, at_venue) = mixed_account();
    let prices = prices(13_000_000_000, 30_000_000_000);
    let identity = money_identity(&account, &at_venue, &prices, usdt()).unwrap();
    // USDT +309.89, BTC 1.998 at 130, BNB -0.01 at 300.
    assert_eq!(identity.equity_change, money("566.63"));
    assert_eq!(identity.transferred, money("500"));
    // A person's BTC at 130 for 110.11.
    assert_eq!(identity.foreign, money("19.89"));
    // The base fee of 0.002 at its trade's price realises nothing; 1 sold at 120.
    assert_eq!(identity.realised, money("20"));
    assert_eq!(identity.unrealised, money("29.94"));
    // 0.2 in BTC and 3 in BNB.
    assert_eq!(identity.fees, money("3.2"));
    assert_eq!(identity.difference, Money::ZERO);
    assert_eq!(identity.breach(Money::ZERO), None);
    assert_eq!(position_differences(&account, &listed, &at_venue), Ok(Vec::new()));
}

#[test]
fn f47_a_breach_is_told_beyond_the_tolerance_and_not_at_it() {
    let (account, _, mut at_venue) = mixed_account();
    *at_venue.get_mut(&asset("BTC")).unwrap() -= money("0.0001");
    let prices = prices(13_000_000_000, 30_000_000_000);
    let identity = money_identity(&account, &at_venue, &prices, usdt()).unwrap();
    assert_eq!(identity.difference, money("-0.013"));
    assert_eq!(identity.breach(money("0.013")), None);
    let (difference, tolerance) = (money("-0.013"), money("0.0129"));
    let breach = identity.breach(tolerance).unwrap();
    assert_eq!(
        breach,
        Difference::Money {
            difference,
            tolerance
        }
    );
    assert!(breach.to_string().contains("-0.013"), "{breach}");
}

#[test]
fn f47_a_fee_without_a_price_is_an_error_that_names_its_asset() {
    let (account, _, at_venue) = mixed_account();
    let now = Timestamp::from_millis(1_000);
    let mut prices = Prices::new(now, Duration::from_secs(2));
    let quote = Quote {
        bid: "130".parse().unwrap(),
        ask: "131".parse().unwrap(),
        at: now,
    };
    prices.set(asset("BTC"), usdt(), quote);
    let error = money_identity(&account, &at_venue, &prices, usdt()).unwrap_err();
    assert!(error.to_string().contains("BNB"), "{error}");
}

#[test]
fn f47_the_missing_unit_shows_in_its_asset_and_in_no_other() {
    let (account, listed, mut at_venue) = mixed_account();
    *at_venue.get_mut(&asset("BNB")).unwrap() += money("0.00000001");
    for line in asset_identity(&account, &at_venue).unwrap() {
        let expected = if line.asset == asset("BNB") {
            "0.00000001"
        } else {
            "0"
        };
        assert_eq!(line.difference, money(expected), "{}", line.asset);
    }
    let (by_journal, by_balances) = (money("-0.01"), money("-0.00999999"));
    assert_eq!(
        position_differences(&account, &listed, &at_venue),
        Ok(vec![Difference::Position {
            asset: asset("BNB"),
            by_journal,
            by_venue_trades: by_journal,
            by_balances,
        }])
    );
}

#[test]
fn f21_a_trade_that_one_side_does_not_have_is_named() {
    let (mut account, mut listed, at_venue) = mixed_account();
    let missed = trade(9, Side::Buy, "1", "100");
    listed.apply(&missed, asset("BTC"), usdt()).unwrap();
    let doubled = trade(7, Side::Sell, "1", "100");
    account
        .apply(strategy("trend"), &doubled, asset("BTC"), usdt())
        .unwrap();
    let differences = position_differences(&account, &listed, &at_venue).unwrap();
    let named: Vec<String> = differences.iter().map(ToString::to_string).collect();
    let symbol = symbol();
    let (missed, doubled) = (TradeId(9), TradeId(7));
    assert!(
        differences.contains(&Difference::NotInJournal {
            symbol,
            trade_id: missed
        }),
        "{named:?}"
    );
    assert!(
        differences.contains(&Difference::NotAtVenue {
            symbol,
            trade_id: doubled
        }),
        "{named:?}"
    );
    assert!(
        named.iter().any(|text| text.starts_with("BTC changed by")),
        "{named:?}"
    );
    assert_eq!(
        differences.len(),
        4,
        "BTC and USDT, and the two trades: {named:?}"
    );
}

#[test]
fn trades_before_the_first_that_the_venue_lists_are_not_called_missing() {
    let (account, _, at_venue) = mixed_account();
    let mut listed = Ledger::new();
    let last = *account.foreign().book(symbol()).unwrap().trades().next().unwrap();
    listed.apply(&last, asset("BTC"), usdt()).unwrap();
    let differences = position_differences(&account, &listed, &at_venue).unwrap();
    let is_position = |difference: &Difference| matches!(difference, Difference::Position { .. });
    assert!(
        !differences.is_empty() && differences.iter().all(is_position),
        "{differences:?}"
    );
}

#[test]
fn an_asset_that_only_the_venues_trades_know_is_named() {
    let mut listed = Ledger::new();
    listed
        .apply(&trade(1, Side::Buy, "1", "100"), asset("BTC"), usdt())
        .unwrap();
    let differences = position_differences(&Account::default(), &listed, &BTreeMap::new()).unwrap();
    let assets: Vec<Asset> = differences
        .iter()
        .filter_map(|difference| match difference {
            Difference::Position { asset, .. } => Some(*asset),
            _ => None,
        })
        .collect();
    assert_eq!(assets, [asset("BTC"), usdt()]);
}

proptest! {
    /// With fees in base, quote and BNB, transfers, and trades of a person.
    #[test]
    fn f47_the_identity_is_exact_and_any_missing_unit_shows(
        events in any_history(),
        (btc, bnb) in (1_i64..10_000_000_000_000, 1_i64..100_000_000_000),
        off in -3_i64..=3,
        share in 1_i64..=100,
    ) {
        let mut account = account_of(&events);
        set_aside(&mut account, share);
        let mut at_venue = venue_balances(&events);
        *at_venue.entry(asset("BTC")).or_default() += Money::new(off, 8);
        for line in asset_identity(&account, &at_venue).unwrap() {
            let expected = if line.asset == asset("BTC") { Money::new(off, 8) } else { Money::ZERO };
            prop_assert_eq!(line.difference, expected, "{}", line.asset);
        }
        let prices = prices(btc, bnb);
        let identity = money_identity(&account, &at_venue, &prices, usdt()).unwrap();
        // Values near 10^12 keep 16 places, so what is rounded in a hundred of them is far below 10^-12.
        let expected = Money::new(off, 8) * Money::new(btc, 8);
        prop_assert!((identity.difference - expected).abs() < money("0.000000000001"), "{identity:?}");
    }

    #[test]
    fn f49_transfers_and_a_persons_trades_are_no_profit(events in any_history(), deposit in 1_i64..1_000_000_000) {
        let prices = prices(6_000_000_000_000, 60_000_000_000);
        let is_ours = |event: &&Event| matches!(event, Event::Trade(Owner::Strategy(_), _, _));
        let ours: Vec<Event> = events.iter().filter(is_ours).copied().collect();
        let all = account_of(&events);
        let alone = account_of(&ours);
        let profit = |account: &Account, at_venue: &BTreeMap<Asset, Money>| {
            let identity = money_identity(account, at_venue, &prices, usdt()).unwrap();
            (identity.realised, identity.unrealised, identity.fees)
        };
        let mut at_venue = venue_balances(&events);
        *at_venue.entry(usdt()).or_default() += Money::new(deposit, 8);
        prop_assert_eq!(profit(&all, &at_venue), profit(&alone, &at_start()));
    }

    #[test]
    fn f21_three_ways_agree_or_the_missing_trade_is_named(events in any_history(), which: Index) {
        let at_venue = venue_balances(&events);
        let listed = whole_ledger(&events, |_| true);
        prop_assert_eq!(position_differences(&account_of(&events), &listed, &at_venue), Ok(Vec::new()));

        let trades: Vec<usize> = (0..events.len()).filter(|n| matches!(events[*n], Event::Trade(..))).collect();
        prop_assume!(!trades.is_empty());
        let mut journal = events.clone();
        let Event::Trade(_, _, missed) = journal.remove(*which.get(&trades)) else { unreachable!() };
        let differences = position_differences(&account_of(&journal), &listed, &at_venue).unwrap();
        let (symbol, trade_id) = (missed.symbol, missed.trade_id);
        let named = Difference::NotInJournal { symbol, trade_id };
        prop_assert!(differences.contains(&named), "{differences:?}");
        let is_other_trade = |d: &Difference| matches!(d, Difference::NotInJournal { .. } | Difference::NotAtVenue { .. });
        prop_assert_eq!(differences.iter().filter(|d| is_other_trade(d)).count(), 1);
    }

    /// What was there and is taken over is not profit; what it does from then on is.
    #[test]
    fn f23_adopted_quantities_keep_the_identity(
        events in any_history(),
        units in -1_000_000_000_i64..1_000_000_000,
        px_units in 1_i64..1_000_000_000_000,
    ) {
        let mut account = account_of(&events);
        let first = account.strategies().iter().next().map(|(id, _)| id);
        prop_assume!(first.is_some());
        let first = first.unwrap();
        let ledger = account.strategies().of(first).unwrap();
        let index = (0..3).find(|index| ledger.book(pair(*index).0).is_some()).unwrap();
        let (symbol, base, quote) = pair(index);
        let px = keel_domain::Price::from_units(px_units).unwrap();
        let adjustment = Adjustment { symbol, after: None, at: Timestamp::EPOCH, qty: Money::new(units, 8), px };
        account.strategies_mut().adjust(first, &adjustment, base, quote).unwrap();
        let prices = prices(6_000_000_000_000, 60_000_000_000);
        let identity = money_identity(&account, &venue_balances(&events), &prices, usdt()).unwrap();
        prop_assert!(identity.difference.abs() < money("0.000000000001"), "{identity:?}");
    }
}

/// Moves a share of every long position to dust.
fn set_aside(account: &mut Account, share: i64) {
    let ids: Vec<_> = account.strategies().iter().map(|(id, _)| id).collect();
    for id in ids {
        let ledger = account.strategies().of(id).unwrap();
        let dust: Vec<Dust> = ledger
            .books()
            .filter_map(|(symbol, book)| {
                let qty = (book.average().position() * Money::new(share, 2)).round_dp(8);
                let after = book.trades().next_back()?.trade_id;
                (qty > Money::ZERO).then_some(Dust { symbol, after, qty })
            })
            .collect();
        for dust in dust {
            account.strategies_mut().book_dust(id, &dust).unwrap();
        }
    }
}
