//! A book as it is written down.

use keel_domain::{Asset, Trade, TradeId};
use serde::Deserialize;

use crate::book::is_in_range;
use crate::carried::Carried;
use crate::{Adjustment, Dust, LedgerError, SymbolBook};

/// The facts of a book, as [`SymbolBook`] writes them.
#[derive(Deserialize)]
pub(crate) struct Stored {
    base: Asset,
    quote: Asset,
    #[serde(default)]
    carried: Option<Carried>,
    trades: Vec<Trade>,
    adjustments: Vec<Adjustment>,
    dust: Vec<Dust>,
}

impl TryFrom<Stored> for SymbolBook {
    type Error = LedgerError;

    fn try_from(stored: Stored) -> Result<Self, LedgerError> {
        let mut facts = Self::new(stored.base, stored.quote).facts;
        facts.carried = stored.carried;
        for trade in stored.trades {
            let refused = Box::new(trade);
            if !is_in_range(&trade, stored.base) {
                return Err(LedgerError::OutOfRange { trade: refused });
            }
            if let Some(known) = facts.trades.insert(trade.trade_id, trade) {
                let known = Box::new(known);
                return Err(LedgerError::Contradiction {
                    known,
                    other: refused,
                });
            }
        }
        facts.adjustments = stored
            .adjustments
            .into_iter()
            .map(|a| ((a.after, a.at), a))
            .collect();
        facts.dust = stored.dust.into_iter().map(|dust| (dust.after, dust)).collect();
        let is_carried = |id: TradeId| {
            facts
                .carried
                .as_ref()
                .is_some_and(|carried| id <= carried.through)
        };
        let is_whole = !facts
            .trades
            .first_key_value()
            .is_some_and(|(id, _)| is_carried(*id));
        let sums = facts
            .fold(|_, _| {})
            .ok()
            .filter(|sums| is_whole && sums.is_in_range());
        let (base, quote) = (stored.base, stored.quote);
        let sums = sums.ok_or(LedgerError::StoredOutOfRange { base, quote })?;
        Ok(Self { facts, sums })
    }
}
