//! Random trades of one pair.

use keel_domain::{Money, OrderId, Price, Qty, Side, Timestamp, Trade, TradeId};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::common::{asset, symbol};

prop_compose! {
    pub(crate) fn any_trade()(
        is_buy: bool,
        px_units in 1_i64..=10_000_000_000_000,
        qty_units in 1_i64..=100_000_000_000,
        commission_permille in 0_i64..=10,
        paid_in in prop::sample::select(vec![None, Some("BTC"), Some("USDT"), Some("BNB")]),
        gap in 1_u64..=3,
        order in 1_u64..=4,
    ) -> (Trade, u64) {
        let commission_units = qty_units * commission_permille / 1000;
        let trade = Trade {
            symbol: symbol(),
            trade_id: TradeId(0),
            order_id: OrderId(order),
            side: if is_buy { Side::Buy } else { Side::Sell },
            last_px: Price::from_units(px_units).unwrap(),
            last_qty: Qty::from_units(qty_units).unwrap(),
            commission: paid_in.map_or(Money::ZERO, |_| Money::new(commission_units, 8)),
            commission_asset: paid_in.map(asset),
            is_maker: order % 2 == 0,
            transact_time: Timestamp::EPOCH,
        };
        (trade, gap)
    }
}

/// Trades by rising id, with gaps as a pair's public ids have them.
pub(crate) fn any_trades() -> impl Strategy<Value = Vec<Trade>> {
    prop::collection::vec(any_trade(), 1..40).prop_map(|trades| {
        let mut last_id = 0;
        let numbered = trades.into_iter().map(|(trade, gap)| {
            last_id += gap;
            Trade {
                trade_id: TradeId(last_id),
                ..trade
            }
        });
        numbered.collect()
    })
}

/// Trades by id, and the same trades shuffled with some of them repeated.
pub(crate) fn any_arrival() -> impl Strategy<Value = (Vec<Trade>, Vec<Trade>)> {
    (any_trades(), prop::collection::vec(any::<Index>(), 0..40)).prop_flat_map(|(trades, repeated)| {
        let mut arrivals = trades.clone();
        arrivals.extend(repeated.iter().map(|index| *index.get(&trades)));
        (Just(trades), Just(arrivals).prop_shuffle())
    })
}
