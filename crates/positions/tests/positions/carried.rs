//! Trades that are carried forward are in every sum as before.

use keel_domain::{Side, TradeId};
use keel_positions::{Adjustment, Applied, CostMethod, Dust, Ledger, LedgerError, RefusedCause};
use proptest::prelude::*;

use crate::common::{apply, asset, ledger_of, money, symbol, trade};
use crate::generated::any_trades;

fn carried(mut ledger: Ledger, before: u64, kept: usize) -> Ledger {
    ledger.carry_forward(symbol(), TradeId(before), kept);
    ledger
}

proptest! {
    #[test]
    fn f65_what_was_carried_forward_is_in_every_sum_as_before(
        trades in any_trades(),
        carries in prop::collection::vec((0..40_usize, 0..120_u64, 0..20_usize), 0..6),
    ) {
        let whole = ledger_of(&trades);
        let mut ledger = Ledger::new();
        for (at, trade) in trades.iter().enumerate() {
            prop_assert_eq!(apply(&mut ledger, trade), Ok(Applied::New));
            for (_, before, kept) in carries.iter().filter(|carry| carry.0 == at) {
                ledger.carry_forward(symbol(), TradeId(*before), *kept);
            }
        }
        let (ours, theirs) = (ledger.book(symbol()).unwrap(), whole.book(symbol()).unwrap());
        prop_assert_eq!(ours.average(), theirs.average());
        prop_assert_eq!(ours.commissions(), theirs.commissions());
        prop_assert_eq!((ours.fees_in_quote(), ours.turnover()), (theirs.fees_in_quote(), theirs.turnover()));
        prop_assert_eq!(ours.trade_count(), theirs.trade_count());
        prop_assert_eq!(ours.fifo(), theirs.fifo());
        prop_assert_eq!(ledger.asset_flows(), whole.asset_flows());
        for method in [CostMethod::AverageCost, CostMethod::Fifo] {
            let (ours, theirs) = (ours.bookings(method).unwrap(), theirs.bookings(method).unwrap());
            prop_assert_eq!(&ours, &theirs[theirs.len() - ours.len()..]);
        }
        for trade in &trades {
            prop_assert!(ledger.contains(symbol(), trade.trade_id));
            prop_assert_eq!(apply(&mut ledger, trade), Ok(Applied::Duplicate));
        }
        let text = serde_json::to_string(&ledger).unwrap();
        prop_assert_eq!(serde_json::from_str::<Ledger>(&text).unwrap(), ledger);
    }
}

#[test]
fn as_many_are_kept_as_are_wanted_and_none_that_may_be_followed_by_a_new_one_goes() {
    let trades: Vec<_> = (1..=9).map(|id| trade(id, Side::Buy, "1", "100")).collect();
    let kept = |before, kept| {
        let ledger = carried(ledger_of(&trades), before, kept);
        let book = ledger.book(symbol()).unwrap();
        let first = book.trades().next().unwrap().trade_id.0;
        assert_eq!(u64::try_from(book.carried_count()).unwrap(), first - 1);
        first
    };
    assert_eq!(kept(100, 3), 7);
    assert_eq!(kept(5, 3), 5, "5 is the first that may be new");
    assert_eq!(kept(100, 9), 1);
    assert_eq!(kept(100, 20), 1);
    assert_eq!(kept(100, 0), 9, "the last stays");
}

#[test]
fn f23_what_was_adjusted_or_set_aside_before_is_carried_with_its_estimate() {
    let buys = [
        trade(1, Side::Buy, "1", "100"),
        trade(2, Side::Sell, "0.999", "110"),
    ];
    let mut ledger = ledger_of(&buys);
    let dust = Dust {
        symbol: symbol(),
        after: TradeId(2),
        qty: money("0.001"),
    };
    ledger.book_dust(&dust).unwrap();
    let found = Adjustment {
        symbol: symbol(),
        after: Some(TradeId(2)),
        at: buys[0].transact_time,
        qty: money("0.5"),
        px: "90".parse().unwrap(),
    };
    let (base, quote) = (asset("BTC"), asset("USDT"));
    ledger.adjust(&found, base, quote).unwrap();
    apply(&mut ledger, &trade(3, Side::Sell, "0.5", "120")).unwrap();
    let whole = ledger.clone();
    let mut ledger = carried(ledger, 100, 1);
    let (ours, theirs) = (ledger.book(symbol()).unwrap(), whole.book(symbol()).unwrap());
    assert_eq!((ours.average(), ours.dust()), (theirs.average(), theirs.dust()));
    assert_eq!(ours.adopted(), theirs.adopted());
    assert!(ours.is_estimated() && ours.bookings(CostMethod::Fifo).unwrap()[0].is_estimated);

    let carried_forward = |error| match error {
        Err(LedgerError::Refused { cause, .. }) => cause == RefusedCause::CarriedForward,
        _ => false,
    };
    assert!(carried_forward(ledger.book_dust(&dust)), "its place is gone");
    assert!(carried_forward(ledger.adjust(&found, base, quote)));
    let opening = Adjustment { after: None, ..found };
    assert!(carried_forward(ledger.adjust(&opening, base, quote)));
    assert_eq!(ledger, carried(whole, 100, 1), "a refusal changes nothing");
}

#[test]
fn f23_more_than_is_explained_follows_the_last_trade_once_the_first_is_carried_forward() {
    let trades = [trade(1, Side::Buy, "1", "100"), trade(2, Side::Buy, "1", "200")];
    let ledger = carried(ledger_of(&trades), 100, 1);
    let instrument = crate::common::instrument();
    let at = trades[0].transact_time;
    let found = ledger.unexplained(&instrument, money("5"), at, "1".parse().unwrap());
    let found = found.unwrap().unwrap();
    assert_eq!((found.after, found.qty), (Some(TradeId(2)), money("3")));
    assert_eq!(
        found.px,
        "100".parse().unwrap(),
        "the price of the first trade of all"
    );
}

#[test]
fn a_stored_book_with_a_trade_among_those_carried_forward_is_not_read() {
    let trades = [trade(1, Side::Buy, "1", "100"), trade(3, Side::Buy, "1", "200")];
    let text = serde_json::to_string(&carried(ledger_of(&trades), 100, 1)).unwrap();
    let changed = text.replace("\"trade_id\":3", "\"trade_id\":1");
    assert_ne!(changed, text);
    let error = serde_json::from_str::<Ledger>(&changed).unwrap_err().to_string();
    assert!(error.contains("carried forward"), "{error}");
}
