//! Which order is meant.

use std::collections::BTreeSet;

use keel_domain::{ClOrdId, OrderId, Symbol};
use keel_engine::{Fact, Record};

/// One order, by the names that the records give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Target {
    /// Our id; none for an order that is known from the venue's trades alone.
    pub(super) cl_ord_id: Option<ClOrdId>,
    pub(super) symbol: Option<Symbol>,
    /// The venue's id, once it told.
    pub(super) order_id: Option<OrderId>,
}

/// Why no one order is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Missing {
    /// The venue's id names an order of each of these pairs.
    Several(Vec<Symbol>),
    /// An order of the account that is none of ours traded; in this record.
    Foreign(u64),
    /// None; these ids look like it.
    Unknown(Vec<String>),
}

/// Ids that are told when the one that was asked for is none.
const NEAR_MAX: usize = 5;

/// Looks for an order by either of its ids.
pub(super) struct Search<'a> {
    text: &'a str,
    symbol: Option<Symbol>,
    /// The number that the text is, if it is one.
    number: Option<OrderId>,
    named: Option<Target>,
    numbered: BTreeSet<Target>,
    foreign: Option<u64>,
    /// Likeness and id, the best first.
    near: Vec<(usize, String)>,
}

impl<'a> Search<'a> {
    pub(super) fn new(text: &'a str, symbol: Option<Symbol>) -> Self {
        Self {
            text,
            symbol,
            number: text.parse().ok().map(OrderId),
            named: None,
            numbered: BTreeSet::new(),
            foreign: None,
            near: Vec::new(),
        }
    }

    pub(super) fn see(&mut self, sequence: u64, record: &Record) {
        match &record.fact {
            Fact::Intent {
                cl_ord_id,
                intent,
                stop,
                ..
            } => {
                self.name(*cl_ord_id, Some(intent.symbol), None);
                if let Some(stop) = stop {
                    self.name(stop.cl_ord_id, Some(intent.symbol), None);
                }
            }
            Fact::SubmitRejected { cl_ord_id, .. }
            | Fact::SubmitNotSent { cl_ord_id, .. }
            | Fact::SubmitUnknown { cl_ord_id, .. }
            | Fact::NeverArrived { cl_ord_id }
            | Fact::Cancel { cl_ord_id, .. } => self.name(*cl_ord_id, None, None),
            Fact::Execution(report) => {
                self.name(report.cl_ord_id, Some(report.symbol), Some(report.order_id));
                self.numbered(Some(report.cl_ord_id), report.symbol, report.order_id);
            }
            Fact::Trade { trade, .. } => self.numbered(None, trade.symbol, trade.order_id),
            Fact::ForeignTrade(trade) if Some(trade.order_id) == self.number => {
                self.foreign = self.foreign.or(Some(sequence));
            }
            _ => {}
        }
    }

    fn name(&mut self, cl_ord_id: ClOrdId, symbol: Option<Symbol>, order_id: Option<OrderId>) {
        if cl_ord_id.as_str() != self.text {
            self.note_near(cl_ord_id.as_str());
            return;
        }
        let known = self.named.get_or_insert(Target {
            cl_ord_id: Some(cl_ord_id),
            symbol,
            order_id,
        });
        known.symbol = known.symbol.or(symbol);
        known.order_id = known.order_id.or(order_id);
    }

    fn numbered(&mut self, cl_ord_id: Option<ClOrdId>, symbol: Symbol, order_id: OrderId) {
        let is_wanted = Some(order_id) == self.number && self.symbol.is_none_or(|wanted| wanted == symbol);
        if is_wanted {
            self.numbered.insert(Target {
                cl_ord_id,
                symbol: Some(symbol),
                order_id: Some(order_id),
            });
        }
    }

    fn note_near(&mut self, id: &str) {
        let likeness = likeness(self.text, id);
        let is_known = self.near.iter().any(|(_, known)| known == id);
        if likeness * 2 < self.text.len() || is_known {
            return;
        }
        let at = self.near.partition_point(|(known, _)| *known >= likeness);
        self.near.insert(at, (likeness, id.to_owned()));
        self.near.truncate(NEAR_MAX);
    }

    /// The order that is meant.
    ///
    /// # Errors
    /// [`Missing`].
    pub(super) fn end(self) -> Result<Target, Missing> {
        if let Some(target) = self.named {
            return Ok(target);
        }
        let symbols: BTreeSet<Symbol> = self.numbered.iter().filter_map(|target| target.symbol).collect();
        if symbols.len() > 1 {
            return Err(Missing::Several(symbols.into_iter().collect()));
        }
        // The one with our id, where a trade that was found by asking carries only the venue's.
        if let Some(target) = self.numbered.last() {
            return Ok(*target);
        }
        Err(match self.foreign {
            Some(sequence) => Missing::Foreign(sequence),
            None => Missing::Unknown(self.near.into_iter().map(|(_, id)| id).collect()),
        })
    }
}

/// How many characters two ids have in common at their ends.
fn likeness(one: &str, other: &str) -> usize {
    let same = |pairs: &mut dyn Iterator<Item = (char, char)>| pairs.take_while(|(a, b)| a == b).count();
    let head = same(&mut one.chars().zip(other.chars()));
    let left = one.chars().count().min(other.chars().count()) - head;
    let tail = same(&mut one.chars().rev().zip(other.chars().rev()).take(left));
    head + tail
}
