//! Several strategies on one account and pair.

use keel_domain::{Side, StrategyId, Trade, TradeId};
use keel_positions::{Applied, Dust, LedgerError, Ledgers};

use crate::common::{asset, money, symbol, trade};

fn id(name: &str) -> StrategyId {
    name.parse().unwrap()
}

fn apply(ledgers: &mut Ledgers, name: &str, trade: &Trade) -> Result<Applied, LedgerError> {
    ledgers.apply(id(name), trade, asset("BTC"), asset("USDT"))
}

#[test]
fn a_trade_of_one_strategy_is_not_booked_for_another() {
    let mut ledgers = Ledgers::default();
    let fill = trade(1, Side::Buy, "1", "100");
    apply(&mut ledgers, "trend", &fill).unwrap();
    let before = ledgers.clone();
    let refused = LedgerError::OtherStrategy {
        trade: Box::new(fill),
        known: id("trend"),
        other: id("maker"),
    };
    assert_eq!(apply(&mut ledgers, "maker", &fill), Err(refused));
    assert_eq!(ledgers, before);
    assert_eq!(ledgers.owner(symbol(), TradeId(1)), Some(id("trend")));
    assert_eq!(ledgers.owner(symbol(), TradeId(2)), None);
}

/// What one strategy carries forward hides no other's trades, and takes none of them for its own.
#[test]
fn f21_a_ledger_that_is_carried_forward_leaves_the_others_as_they_are() {
    let mut ledgers = Ledgers::default();
    let of = |number| if number % 2 == 0 { "trend" } else { "maker" };
    for number in 1..=20 {
        apply(&mut ledgers, of(number), &trade(number, Side::Buy, "1", "100")).unwrap();
    }
    let before = ledgers.position(symbol());
    ledgers.carry_forward(id("trend"), symbol(), TradeId(21), 2);
    assert_eq!(ledgers.position(symbol()), before);
    assert_eq!(ledgers.trade_count(symbol()), 20);
    for number in 1..=20 {
        let again = trade(number, Side::Buy, "1", "100");
        assert_eq!(apply(&mut ledgers, of(number), &again), Ok(Applied::Duplicate));
        assert!(ledgers.contains(symbol(), TradeId(number)), "{number}");
    }
    assert_eq!(ledgers.owner(symbol(), TradeId(3)), Some(id("maker")));
    // Nobody knows any more whose the second was; it is booked all the same.
    let second = trade(2, Side::Buy, "1", "100");
    assert_eq!(apply(&mut ledgers, "maker", &second), Ok(Applied::Duplicate));
    assert_eq!(ledgers.position(symbol()), before);
}

#[test]
fn f44_one_strategys_dust_is_not_anothers() {
    let mut ledgers = Ledgers::default();
    apply(&mut ledgers, "trend", &trade(1, Side::Buy, "0.00001", "100")).unwrap();
    apply(&mut ledgers, "maker", &trade(2, Side::Buy, "1", "100")).unwrap();
    let dust = |after, qty| Dust {
        symbol: symbol(),
        after: TradeId(after),
        qty: money(qty),
    };
    assert!(ledgers.book_dust(id("trend"), &dust(2, "0.00001")).is_err());
    ledgers.book_dust(id("trend"), &dust(1, "0.00001")).unwrap();
    assert_eq!(ledgers.dust(symbol()), money("0.00001"));
    assert_eq!(ledgers.position(symbol()).to_decimal(), money("1"));
    let of = |name| ledgers.of(id(name)).unwrap().position(symbol()).to_decimal();
    assert_eq!((of("trend"), of("maker")), (money("0"), money("1")));
}
