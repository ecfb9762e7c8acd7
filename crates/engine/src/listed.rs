//! Trades of the records against those that the venue lists: the second way to the same position.

use std::collections::{BTreeMap, BTreeSet};

use keel_domain::{Symbol, TradeId};

use crate::{Command, Step, Trader};

/// One pair's trades of this process, as the venue listed them.
#[derive(Debug)]
struct Seen {
    /// Those of the records before this id have been looked at.
    looked_to: TradeId,
    /// Listed since the last look.
    ids: BTreeSet<TradeId>,
    /// Booked, but not listed so far, and how many looks found that.
    missing: BTreeMap<TradeId, u32>,
}

/// What the venue has listed.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    by_symbol: BTreeMap<Symbol, Seen>,
}

impl Listed {
    /// The venue may list a trade later than a younger one, so it counts as missing only when it stays so.
    const LOOKS_MIN: u32 = 3;

    /// The venue listed this trade; the question began at `from`.
    pub(crate) fn see(&mut self, symbol: Symbol, trade_id: TradeId, from: Option<TradeId>) {
        let seen = self.by_symbol.entry(symbol).or_insert_with(|| Seen {
            looked_to: from.unwrap_or(trade_id),
            ids: BTreeSet::new(),
            missing: BTreeMap::new(),
        });
        seen.ids.insert(trade_id);
    }

    /// An operator has looked at what is missing.
    pub(crate) fn forget_missing(&mut self) {
        for seen in self.by_symbol.values_mut() {
            seen.missing.clear();
        }
    }
}

impl Trader {
    /// Looks whether the venue has listed every booked trade that lies before the next to ask for. One that it did not list
    /// is asked for again; gives those that stayed missing.
    pub(crate) fn look_for_unlisted(&mut self, step: &mut Step) -> Vec<(Symbol, TradeId)> {
        let mut lost = Vec::new();
        for (symbol, seen) in &mut self.listed.by_symbol {
            let next = self.state.next_trade.get(symbol).copied().unwrap_or(TradeId(0));
            for (_, book) in self.state.ledgers.books_of(*symbol) {
                let booked = book.trades().rev().map(|trade| trade.trade_id);
                let new = booked
                    .skip_while(|id| *id >= next)
                    .take_while(|id| *id >= seen.looked_to);
                seen.missing.extend(new.map(|id| (id, 0)));
            }
            seen.missing.retain(|id, _| !seen.ids.contains(id));
            seen.looked_to = seen.looked_to.max(next);
            seen.ids.clear();
            for (id, looks) in &mut seen.missing {
                *looks = looks.saturating_add(1);
                if *looks >= Listed::LOOKS_MIN {
                    lost.push((*symbol, *id));
                }
            }
            if let Some(id) = seen.missing.keys().next() {
                let (symbol, from) = (*symbol, Some(*id));
                step.push_command(Command::QueryTrades { symbol, from });
            }
        }
        lost
    }
}
