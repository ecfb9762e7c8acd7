//! What holds for any trades, in any order of arrival, any number of times.
//!
//! The models count in whole units of 1e-16 (a price times a quantity), so they share no arithmetic with the ledger.

use std::collections::BTreeMap;

use keel_domain::{Asset, Money, Price, Qty, Side, SignedQty, Timestamp, Trade, TradeId};
use keel_positions::{Applied, Ledger};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::common::{apply, asset, ledger_of, money, symbol};
use crate::generated::{any_arrival, any_trades};

/// Decimal places of a price times a quantity.
const PRODUCT_PLACES: u32 = 16;

/// The asset that a commission above zero was taken in.
fn fee_asset(trade: &Trade) -> Option<Asset> {
    trade.commission_asset.filter(|_| trade.commission > Money::ZERO)
}

/// The signs of a trade's base and quote for the account.
fn signs(side: Side) -> (i128, i128) {
    match side {
        Side::Buy => (1, -1),
        Side::Sell => (-1, 1),
    }
}

/// What each asset gained, in units of 1e-16, counted one column at a time.
fn naive_changes(trades: &[Trade]) -> BTreeMap<Asset, i128> {
    let mut changes = BTreeMap::new();
    for trade in trades {
        let (qty, px) = (
            i128::from(trade.last_qty.units()),
            i128::from(trade.last_px.units()),
        );
        let (base_sign, quote_sign) = signs(trade.side);
        *changes.entry(asset("BTC")).or_default() += base_sign * qty * 100_000_000;
        *changes.entry(asset("USDT")).or_default() += quote_sign * qty * px;
        if let Some(paid_in) = fee_asset(trade) {
            *changes.entry(paid_in).or_default() -= units_of(trade.commission);
        }
    }
    changes
}

fn units_of(amount: Money) -> i128 {
    let mut scaled = amount;
    scaled.rescale(PRODUCT_PLACES);
    scaled.mantissa()
}

fn money_of(units: i128) -> Money {
    Money::from_i128_with_scale(units, PRODUCT_PLACES)
}

/// Realised profit by keeping an average price, the textbook's way; inexact where the average has no end.
fn naive_realised(trades: &[Trade]) -> Money {
    let (mut position, mut average, mut realised) = (Money::ZERO, Money::ZERO, Money::ZERO);
    for trade in trades {
        let sign = if trade.side == Side::Buy {
            Money::ONE
        } else {
            -Money::ONE
        };
        let base_fee = match trade.commission_asset {
            Some(paid_in) if paid_in == asset("BTC") => -trade.commission,
            _ => Money::ZERO,
        };
        let px = trade.last_px.to_decimal();
        for qty in [sign * trade.last_qty.to_decimal(), base_fee] {
            if (position * qty).is_sign_negative() && !position.is_zero() && !qty.is_zero() {
                let closed = qty.abs().min(position.abs());
                let gain = closed * (px - average);
                realised += if position.is_sign_positive() { gain } else { -gain };
                if qty.abs() > position.abs() {
                    average = px;
                }
            } else if !qty.is_zero() {
                average = (average * position + px * qty) / (position + qty);
            }
            position += qty;
        }
    }
    realised
}

proptest! {
    #[test]
    fn f21_any_order_and_repetition_of_the_same_trades_gives_the_same_ledger((trades, arrivals) in any_arrival()) {
        let mut ledger = Ledger::new();
        let (mut new, mut duplicate) = (0, 0);
        for trade in &arrivals {
            match apply(&mut ledger, trade) {
                Ok(Applied::New) => new += 1,
                Ok(Applied::Duplicate) => duplicate += 1,
                Err(error) => prop_assert!(false, "{error}"),
            }
        }
        prop_assert_eq!((new, duplicate), (trades.len(), arrivals.len() - trades.len()));
        prop_assert_eq!(&ledger, &ledger_of(&trades));
    }

    #[test]
    fn asset_changes_are_exactly_trades_less_commissions((trades, arrivals) in any_arrival()) {
        let mut naive = naive_changes(&trades);
        let changes = ledger_of(&arrivals).asset_changes().unwrap();
        for (asset, change) in changes {
            prop_assert_eq!(change, money_of(naive.remove(&asset).unwrap_or_default()), "{}", asset);
        }
        prop_assert_eq!(naive, BTreeMap::new());
    }

    #[test]
    fn f47_the_book_before_a_time_is_that_of_the_trades_until_then(trades in any_trades(), until: Index) {
        let timed: Vec<Trade> = trades.iter().zip(0..).map(|(trade, ms)| {
            let transact_time = Timestamp::from_millis(ms);
            Trade { transact_time, ..*trade }
        }).collect();
        let until = until.index(timed.len() + 1);
        let at = Timestamp::from_millis(until as i64);
        let whole = ledger_of(&timed);
        let past = whole.book(symbol()).unwrap().before(at).unwrap();
        match ledger_of(&timed[..until]).book(symbol()) {
            Some(book) => prop_assert_eq!(&past, book),
            None => prop_assert!(past.average().position().is_zero() && past.trade_count() == 0),
        }
    }

    #[test]
    fn f45_position_is_signed_fills_less_commissions_in_base(trades in any_trades()) {
        let position = ledger_of(&trades).position(symbol());
        let base = naive_changes(&trades)[&asset("BTC")];
        prop_assert_eq!(i128::from(position.units()) * 100_000_000, base);
    }

    #[test]
    fn realised_and_unrealised_less_fees_are_exactly_the_change_of_equity(
        trades in any_trades(),
        mark in 1_i64..=10_000_000_000_000,
    ) {
        let ledger = ledger_of(&trades);
        let book = ledger.book(symbol()).unwrap();
        let profit = book.realised() + book.average().unrealised(Money::new(mark, 8)).unwrap() - book.fees_in_quote();

        let changes = naive_changes(&trades);
        let base_units = changes[&asset("BTC")] / 100_000_000;
        let equity = base_units * i128::from(mark) + changes[&asset("USDT")];
        prop_assert_eq!(profit, money_of(equity));
    }

    #[test]
    fn f48_realised_profit_is_that_of_average_cost(trades in any_trades()) {
        let ledger = ledger_of(&trades);
        let (ours, naive) = (ledger.book(symbol()).unwrap().realised(), naive_realised(&trades));
        prop_assert!((ours - naive).abs() < money("0.000001"), "{ours} against {naive}");
    }

    #[test]
    fn f48_the_average_price_lies_within_the_prices_paid_or_is_absent(trades in any_trades()) {
        let ledger = ledger_of(&trades);
        let average = ledger.avg_px(symbol());
        let is_flat = ledger.book(symbol()).unwrap().average().position().is_zero();
        prop_assert_eq!(average.is_none(), is_flat);
        if let Some(average) = average {
            let lowest = trades.iter().map(|trade| trade.last_px).min().unwrap().to_decimal();
            let highest = trades.iter().map(|trade| trade.last_px).max().unwrap().to_decimal();
            let rounding = money("0.000001");
            prop_assert!(lowest - rounding <= average && average <= highest + rounding, "{average}");
        }
    }

    #[test]
    fn closing_the_whole_position_leaves_no_cost_and_realises_all_profit(
        trades in any_trades(),
        px_units in 1_i64..=10_000_000_000_000,
    ) {
        let mut ledger = ledger_of(&trades);
        let position = ledger.position(symbol());
        prop_assume!(position != SignedQty::ZERO);
        let last = *trades.last().unwrap();
        let close = Trade {
            trade_id: TradeId(last.trade_id.0 + 1),
            side: if position > SignedQty::ZERO { Side::Sell } else { Side::Buy },
            last_px: Price::from_units(px_units).unwrap(),
            last_qty: position.abs().unwrap(),
            commission: Money::ZERO,
            commission_asset: None,
            ..last
        };
        prop_assert_eq!(apply(&mut ledger, &close), Ok(Applied::New));

        let book = ledger.book(symbol()).unwrap();
        prop_assert_eq!(book.average().position(), Money::ZERO);
        prop_assert_eq!(book.average().cost(), Money::ZERO);
        prop_assert_eq!(book.realised() - book.fees_in_quote(), ledger.asset_changes().unwrap()[&asset("USDT")]);
    }

    #[test]
    fn counts_turnover_and_commissions_are_plain_sums((trades, arrivals) in any_arrival()) {
        let ledger = ledger_of(&arrivals);
        let book = ledger.book(symbol()).unwrap();
        let (mut turnover, mut commissions) = (0_i128, BTreeMap::new());
        for trade in &trades {
            turnover += i128::from(trade.last_qty.units()) * i128::from(trade.last_px.units());
            if let Some(paid_in) = fee_asset(trade) {
                *commissions.entry(paid_in).or_insert(Money::ZERO) += trade.commission;
            }
        }
        prop_assert_eq!(book.trade_count(), trades.len());
        prop_assert_eq!(book.turnover(), money_of(turnover));
        prop_assert_eq!(book.commissions(), &commissions);
    }

    #[test]
    fn f21_a_contradiction_anywhere_changes_nothing(trades in any_trades(), which: Index, field in 0..4) {
        let mut ledger = ledger_of(&trades);
        let before = ledger.clone();
        let known = *which.get(&trades);
        let other = match field {
            0 => Trade { side: known.side.opposite(), ..known },
            1 => Trade { last_px: known.last_px.checked_add(Price::UNIT).unwrap(), ..known },
            2 => Trade { last_qty: known.last_qty.checked_add(Qty::UNIT).unwrap(), ..known },
            _ => Trade { commission: known.commission + money("0.00000001"), ..known },
        };
        prop_assert!(apply(&mut ledger, &other).is_err());
        prop_assert_eq!(ledger, before);
    }
}
