//! Whether the exchange's balances changed by what the trades say.

use std::collections::BTreeMap;

use keel_domain::{Asset, Money, Side, Trade, notional};

use crate::AssetLine;

/// A trade with its pair's assets.
#[derive(Debug, Clone, Copy)]
pub struct BookedTrade {
    /// The trade.
    pub trade: Trade,
    /// What was bought or sold.
    pub base: Asset,
    /// What it was paid in.
    pub quote: Asset,
}

#[derive(Default)]
struct Change {
    traded: Money,
    commission: Money,
}

/// One line for every asset that has a balance or a trade: exact, nothing is rounded.
#[must_use]
pub fn money_identity(
    at_start: &BTreeMap<Asset, Money>,
    at_end: &BTreeMap<Asset, Money>,
    trades: impl IntoIterator<Item = BookedTrade>,
) -> Vec<AssetLine> {
    let mut changes: BTreeMap<Asset, Change> = BTreeMap::new();
    for asset in at_start.keys().chain(at_end.keys()) {
        changes.entry(*asset).or_default();
    }
    for BookedTrade { trade, base, quote } in trades {
        let sign = if trade.side == Side::Buy {
            Money::ONE
        } else {
            -Money::ONE
        };
        changes.entry(base).or_default().traded += sign * trade.last_qty.to_decimal();
        changes.entry(quote).or_default().traded -= sign * notional(trade.last_qty, trade.last_px);
        if let Some(asset) = trade.commission_asset {
            changes.entry(asset).or_default().commission += trade.commission;
        }
    }
    let line = |(asset, change): (Asset, Change)| {
        let of = |balances: &BTreeMap<Asset, Money>| balances.get(&asset).copied().unwrap_or_default();
        let (at_start, at_end) = (of(at_start), of(at_end));
        let Change { traded, commission } = change;
        let difference = at_end - at_start - traded + commission;
        AssetLine {
            asset,
            at_start,
            at_end,
            traded,
            commission,
            difference,
        }
    };
    changes.into_iter().map(line).collect()
}
