//! The ledger trade by trade: booked once, and what each kind of trade and commission does to position and money.

use std::collections::BTreeMap;

use keel_domain::{Money, OrderId, Price, Qty, Side, SignedQty, Symbol, Timestamp, Trade, TradeId};
use keel_positions::{Applied, Ledger, LedgerError};

use crate::common::{apply, asset, ledger_of, money, realised, symbol, taking, trade};

fn position(ledger: &Ledger) -> String {
    ledger.position(symbol()).to_string()
}

#[test]
fn an_empty_ledger_is_flat_and_has_no_average_price() {
    let ledger = Ledger::new();
    assert_eq!(ledger.position(symbol()), SignedQty::ZERO);
    assert_eq!(ledger.avg_px(symbol()), None);
    assert_eq!(ledger.book(symbol()), None);
    assert_eq!(ledger.books().count(), 0);
    assert_eq!(ledger.asset_changes().unwrap(), BTreeMap::new());
}

#[test]
fn f21_a_journal_replay_and_an_overlapping_query_book_each_trade_once() {
    let trades: Vec<Trade> = (1..=6)
        .map(|id| taking(trade(id, Side::Buy, "0.5", "100"), "0.0005", "BTC"))
        .collect();
    let mut ledger = ledger_of(&trades);
    let before = ledger.clone();

    // The query overlaps from the middle on, and tells the time less precisely than the event did.
    for known in &trades[2..] {
        let queried = Trade {
            transact_time: Timestamp::from_nanos(known.transact_time.as_nanos() + 999_999),
            ..*known
        };
        assert_eq!(apply(&mut ledger, &queried), Ok(Applied::Duplicate));
    }
    assert_eq!(ledger, before);

    assert_eq!(
        apply(&mut ledger, &trade(7, Side::Buy, "0.5", "100")),
        Ok(Applied::New)
    );
    assert_eq!(position(&ledger), "3.497");
}

#[test]
fn a_trade_is_known_once_it_is_booked_and_only_on_its_own_symbol() {
    let ledger = ledger_of(&[trade(5, Side::Buy, "1", "100")]);
    let other: Symbol = "ETHUSDT".parse().unwrap();
    assert!(ledger.contains(symbol(), TradeId(5)));
    assert!(!ledger.contains(symbol(), TradeId(6)));
    assert!(!ledger.contains(other, TradeId(5)));
}

#[test]
fn f21_the_same_trade_id_on_two_symbols_is_two_trades() {
    let mut ledger = Ledger::new();
    let btc = trade(1, Side::Buy, "1", "100");
    let eth = Trade {
        symbol: "ETHUSDT".parse().unwrap(),
        ..trade(1, Side::Sell, "2", "50")
    };
    let (usdt, base) = (asset("USDT"), asset("ETH"));
    assert_eq!(apply(&mut ledger, &btc), Ok(Applied::New));
    assert_eq!(ledger.apply(&eth, base, usdt), Ok(Applied::New));
    assert_eq!(position(&ledger), "1");
    assert_eq!(ledger.position(eth.symbol).to_string(), "-2");
    let symbols: Vec<Symbol> = ledger.books().map(|(symbol, _)| symbol).collect();
    assert_eq!(symbols, [btc.symbol, eth.symbol]);
    // What one pair paid, the other received.
    assert_eq!(ledger.asset_changes().unwrap()[&usdt], Money::ZERO);
}

#[test]
fn f21_the_same_id_with_any_other_content_is_a_contradiction_and_changes_nothing() {
    let known = taking(trade(1, Side::Buy, "1", "100"), "0.001", "BTC");
    let mut ledger = ledger_of(&[known]);
    let before = ledger.clone();
    let others = [
        Trade {
            order_id: OrderId(2),
            ..known
        },
        Trade {
            side: Side::Sell,
            ..known
        },
        Trade {
            last_px: Price::from_units(known.last_px.units() + 1).unwrap(),
            ..known
        },
        Trade {
            last_qty: Qty::from_units(known.last_qty.units() - 1).unwrap(),
            ..known
        },
        Trade {
            commission: money("0.00100001"),
            ..known
        },
        Trade {
            commission_asset: Some(asset("BNB")),
            ..known
        },
        Trade {
            is_maker: true,
            ..known
        },
    ];
    for other in others {
        let (known, other) = (Box::new(known), Box::new(other));
        assert_eq!(
            apply(&mut ledger, &other),
            Err(LedgerError::Contradiction { known, other })
        );
        assert_eq!(ledger, before);
    }
}

#[test]
fn a_commission_written_with_other_zeros_is_the_same_commission() {
    let known = taking(trade(1, Side::Buy, "1", "100"), "0.1", "USDT");
    let mut ledger = ledger_of(&[known]);
    let other = Trade {
        commission: money("0.10000000"),
        ..known
    };
    assert_eq!(apply(&mut ledger, &other), Ok(Applied::Duplicate));
}

#[test]
fn a_commission_of_zero_is_the_same_whatever_its_asset() {
    let unnamed = trade(1, Side::Buy, "1", "100");
    let named = taking(unnamed, "0", "BNB");
    let mut ledger = ledger_of(&[unnamed]);
    assert_eq!(apply(&mut ledger, &named), Ok(Applied::Duplicate));
    for ledger in [ledger, ledger_of(&[named])] {
        assert_eq!(ledger.book(symbol()).unwrap().commissions(), &BTreeMap::new());
        assert!(!ledger.asset_changes().unwrap().contains_key(&asset("BNB")));
    }
}

#[test]
fn a_trade_beyond_exact_money_is_refused_and_at_the_bound_is_booked() {
    let at_bound = [
        trade(1, Side::Buy, "1000000000", "1000"),
        taking(trade(1, Side::Buy, "1", "100"), "1000000000000", "BNB"),
        taking(trade(1, Side::Buy, "1", "100"), "1", "BTC"),
        trade(1, Side::Sell, "92233720368.54775807", "0.00000001"),
    ];
    for trade in at_bound {
        assert_eq!(apply(&mut Ledger::new(), &trade), Ok(Applied::New), "{trade:?}");
    }
    let beyond = [
        trade(1, Side::Buy, "1000000000", "1000.00000001"),
        trade(1, Side::Buy, "92233720368.54775807", "92233720368.54775807"),
        taking(trade(1, Side::Buy, "1", "100"), "1000000000000.1", "BNB"),
        taking(trade(1, Side::Buy, "1", "100"), "-1000000000000.1", "USDT"),
        taking(trade(1, Side::Buy, "1", "100"), "1.00000001", "BTC"),
    ];
    for refused in beyond {
        let mut ledger = Ledger::new();
        let trade = Box::new(refused);
        assert_eq!(
            apply(&mut ledger, &refused),
            Err(LedgerError::OutOfRange { trade })
        );
        assert_eq!(ledger, Ledger::new());
    }
}

#[test]
fn a_position_beyond_what_is_counted_is_refused_and_never_reads_as_flat() {
    let largest = trade(1, Side::Buy, "92233720368.54775807", "0.00000001");
    let mut ledger = ledger_of(&[largest]);
    let before = ledger.clone();
    let refused = trade(2, Side::Buy, "0.00000001", "0.00000001");
    let error = apply(&mut ledger, &refused).unwrap_err();
    assert_eq!(
        error,
        LedgerError::OutOfRange {
            trade: Box::new(refused)
        }
    );
    assert_eq!(ledger, before);
    assert_eq!(apply(&mut ledger, &largest), Ok(Applied::Duplicate));
    assert_eq!(ledger.position(symbol()), SignedQty::from_units(i64::MAX));
}

#[test]
fn a_pair_whose_assets_change_is_refused_and_changes_nothing() {
    let mut ledger = ledger_of(&[trade(1, Side::Buy, "1", "100")]);
    let before = ledger.clone();
    for (base, quote) in [("ETH", "USDT"), ("BTC", "USDC")] {
        let (base, quote) = (asset(base), asset(quote));
        let refused = ledger.apply(&trade(2, Side::Buy, "1", "100"), base, quote);
        let (known_base, known_quote) = (asset("BTC"), asset("USDT"));
        let expected = LedgerError::OtherAssets {
            symbol: symbol(),
            known_base,
            known_quote,
            base,
            quote,
        };
        assert_eq!(refused, Err(expected));
        assert_eq!(ledger, before);
    }
}

#[test]
fn f45_a_commission_in_base_leaves_less_to_sell_than_was_bought() {
    let ledger = ledger_of(&[taking(trade(1, Side::Buy, "1", "100"), "0.001", "BTC")]);
    assert_eq!(position(&ledger), "0.999");
    let sellable = ledger.position(symbol()).long().floor_to("0.01".parse().unwrap());
    assert_eq!(sellable.to_string(), "0.99");
    assert_eq!(ledger.avg_px(symbol()), Some(money("100")));
    assert_eq!(realised(&ledger), Money::ZERO);
    let book = ledger.book(symbol()).unwrap();
    assert_eq!(book.fees_in_quote(), money("0.1"));
}

#[test]
fn f45_a_commission_in_quote_leaves_the_position_and_takes_money() {
    let ledger = ledger_of(&[
        taking(trade(1, Side::Buy, "1", "100"), "0.1", "USDT"),
        taking(trade(2, Side::Sell, "1", "110"), "0.11", "USDT"),
    ]);
    assert_eq!(position(&ledger), "0");
    assert_eq!(realised(&ledger), money("10"));
    assert_eq!(ledger.book(symbol()).unwrap().fees_in_quote(), money("0.21"));
    assert_eq!(ledger.asset_changes().unwrap()[&asset("USDT")], money("9.79"));
}

#[test]
fn f45_commissions_that_switch_asset_inside_one_order_are_kept_apart() {
    let of_one_order = |id, commission, paid_in| Trade {
        order_id: OrderId(77),
        ..taking(trade(id, Side::Buy, "1", "100"), commission, paid_in)
    };
    let ledger = ledger_of(&[
        of_one_order(1, "0.0003", "BNB"),
        of_one_order(2, "0.001", "BTC"),
        of_one_order(3, "0.1", "USDT"),
        of_one_order(4, "0.0004", "BNB"),
    ]);
    assert_eq!(position(&ledger), "3.999");
    let book = ledger.book(symbol()).unwrap();
    let expected = [("BNB", "0.0007"), ("BTC", "0.001"), ("USDT", "0.1")];
    let expected: BTreeMap<_, _> = expected.map(|(name, sum)| (asset(name), money(sum))).into();
    assert_eq!(book.commissions(), &expected);
    // 0.001 BTC at 100 and 0.1 USDT; the third asset has no price here.
    assert_eq!(book.fees_in_quote(), money("0.2"));
    let changes = [("BNB", "-0.0007"), ("BTC", "3.999"), ("USDT", "-400.1")];
    let changes: BTreeMap<_, _> = changes.map(|(name, sum)| (asset(name), money(sum))).into();
    assert_eq!(ledger.asset_changes().unwrap(), changes);
}

#[test]
fn a_rebate_in_quote_is_a_fee_below_zero() {
    let ledger = ledger_of(&[taking(trade(1, Side::Sell, "1", "100"), "-0.02", "USDT")]);
    assert_eq!(ledger.book(symbol()).unwrap().fees_in_quote(), money("-0.02"));
    assert_eq!(ledger.asset_changes().unwrap()[&asset("USDT")], money("100.02"));
}

#[test]
fn a_position_finer_than_the_venue_keeps_is_rounded_towards_zero_and_the_money_is_not() {
    let fine = "0.000000001";
    let long = ledger_of(&[taking(trade(1, Side::Buy, "1", "100"), fine, "BTC")]);
    assert_eq!(position(&long), "0.99999999");
    assert_eq!(long.asset_changes().unwrap()[&asset("BTC")], money("0.999999999"));
    let short = ledger_of(&[taking(trade(1, Side::Sell, "1", "100"), fine, "BTC")]);
    assert_eq!(position(&short), "-1");
    assert_eq!(
        short.asset_changes().unwrap()[&asset("BTC")],
        money("-1.000000001")
    );
}

#[test]
fn f48_profit_and_average_come_from_the_prices_of_fills() {
    // One order, filled at three prices none of which is the mean.
    let ledger = ledger_of(&[
        trade(1, Side::Buy, "1", "100"),
        trade(2, Side::Buy, "2", "103"),
        trade(3, Side::Buy, "1", "110"),
    ]);
    assert_eq!(ledger.avg_px(symbol()), Some(money("104")));
    let book = ledger.book(symbol()).unwrap();
    assert_eq!(book.turnover(), money("416"));
    assert_eq!(book.average().cost(), money("416"));
    assert_eq!(book.average().unrealised(money("105")).unwrap(), money("4"));
    assert_eq!(realised(&ledger), Money::ZERO);
}

#[test]
fn f48_the_average_stays_while_reducing_and_is_absent_never_zero_when_flat() {
    let mut trades = vec![
        trade(1, Side::Buy, "1", "100"),
        trade(2, Side::Buy, "1", "110"),
        trade(3, Side::Sell, "0.5", "120"),
    ];
    let ledger = ledger_of(&trades);
    assert_eq!(ledger.avg_px(symbol()), Some(money("105")));
    assert_eq!(realised(&ledger), money("7.5"));

    trades.push(trade(4, Side::Sell, "1.5", "90"));
    let ledger = ledger_of(&trades);
    assert_eq!(ledger.avg_px(symbol()), None);
    assert_eq!(realised(&ledger), money("-15"));
    assert_eq!(ledger.book(symbol()).unwrap().average().cost(), Money::ZERO);
}

#[test]
fn f48_parts_of_a_cost_that_does_not_divide_lose_no_money() {
    // A third of 100 has no end; what is rounded off stays in the cost and comes out with the last part.
    let ledger = ledger_of(&[
        trade(1, Side::Buy, "1", "33"),
        trade(2, Side::Buy, "2", "33.5"),
        trade(3, Side::Sell, "1", "40"),
        trade(4, Side::Sell, "1", "40"),
        trade(5, Side::Sell, "1", "40"),
    ]);
    assert_eq!(realised(&ledger), money("20"));
}

#[test]
fn a_sale_of_more_than_is_held_is_booked_as_short_and_closes_by_buying() {
    let sold = [trade(1, Side::Buy, "1", "100"), trade(2, Side::Sell, "3", "110")];
    let ledger = ledger_of(&sold);
    assert_eq!(position(&ledger), "-2");
    assert_eq!(realised(&ledger), money("10"));
    assert_eq!(ledger.avg_px(symbol()), Some(money("110")));
    assert_eq!(
        ledger
            .book(symbol())
            .unwrap()
            .average()
            .unrealised(money("100"))
            .unwrap(),
        money("20")
    );

    let bought_back = [
        sold[0],
        sold[1],
        trade(3, Side::Buy, "0.5", "90"),
        trade(4, Side::Buy, "2.5", "120"),
    ];
    let ledger = ledger_of(&bought_back);
    assert_eq!(position(&ledger), "1");
    // 10 of the long, 0.5 x 20 and 1.5 x -10 of the short.
    assert_eq!(realised(&ledger), money("5"));
    assert_eq!(ledger.avg_px(symbol()), Some(money("120")));
}

#[test]
fn a_late_trade_takes_its_place_by_id() {
    let trades = [
        trade(1, Side::Buy, "1", "100"),
        trade(2, Side::Sell, "1", "110"),
        trade(3, Side::Buy, "1", "200"),
    ];
    let mut ledger = ledger_of([&trades[0], &trades[2]]);
    assert_eq!(ledger.avg_px(symbol()), Some(money("150")));
    assert_eq!(apply(&mut ledger, &trades[1]), Ok(Applied::New));
    assert_eq!(ledger, ledger_of(&trades));
    assert_eq!(realised(&ledger), money("10"));
    assert_eq!(ledger.avg_px(symbol()), Some(money("200")));
}

#[test]
fn the_book_lists_its_trades_by_id_whatever_the_order_of_arrival() {
    let [first, second, third] = [1, 2, 3].map(|id| trade(id, Side::Buy, "1", "100"));
    let ledger = ledger_of([&third, &first, &second]);
    let book = ledger.book(symbol()).unwrap();
    assert_eq!(book.trades().copied().collect::<Vec<_>>(), [first, second, third]);
    assert_eq!(
        book.trades().next_back().map(|last| last.trade_id),
        Some(TradeId(3))
    );
    assert_eq!(book.trade_count(), 3);
    assert_eq!((book.base(), book.quote()), (asset("BTC"), asset("USDT")));
}

#[test]
fn errors_name_the_pair_the_trade_and_both_sides() {
    let known = trade(1, Side::Buy, "1", "100");
    let mut ledger = ledger_of(&[known]);
    let other = trade(1, Side::Buy, "1", "101");
    let text = apply(&mut ledger, &other).unwrap_err().to_string();
    for part in ["BTCUSDT", "trade 1", "Price(100)", "Price(101)"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let other = ledger.apply(&trade(2, Side::Buy, "1", "100"), asset("ETH"), asset("USDC"));
    let text = other.unwrap_err().to_string();
    for part in ["BTCUSDT", "BTC/USDT", "ETH/USDC"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}
