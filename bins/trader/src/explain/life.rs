//! One order's whole life, gathered from the records.

use std::collections::BTreeMap;

use keel_domain::{
    Asset, ClOrdId, ExecutionReport, Instrument, Money, OrderId, OrderIntent, SignedQty, StrategyId, Symbol,
    Timestamp, Trade, TradeId, notional,
};
use keel_engine::{DurableState, Fact, Identity, Record, Seen};
use keel_execution::IdParts;
use keel_risk::{HaltCause, TradingState};

use super::find::Target;
use super::words;

/// The decision: what was wanted, what was seen, and what held at that moment.
#[derive(Debug, Clone)]
pub(super) struct Decision {
    pub(super) sequence: u64,
    pub(super) at: Timestamp,
    pub(super) intent: OrderIntent,
    pub(super) seen: Seen,
    /// The other order of the pair (OCO), and whether this one is its stop.
    pub(super) partner: Option<(ClOrdId, bool)>,
    /// What was permitted on the pair, and why not more; none where the records before it are gone.
    pub(super) state: Option<(TradingState, Option<HaltCause>)>,
    /// Orders of unknown outcome on the pair.
    pub(super) unknown_orders: Option<usize>,
    /// Who ran.
    pub(super) identity: Option<Identity>,
    /// The record that holds the pair's filters, and what it says.
    pub(super) instrument: Option<(u64, Instrument)>,
}

/// One line of the life.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) sequence: u64,
    pub(super) at: Timestamp,
    pub(super) kind: &'static str,
    pub(super) text: String,
    /// Whether the record is of the order itself, or of what happened meanwhile.
    pub(super) is_own: bool,
    /// The pair's position after it, where it moved.
    pub(super) position: Option<SignedQty>,
}

/// An order's life.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) target: Target,
    pub(super) decision: Option<Decision>,
    pub(super) events: Vec<Event>,
    /// Each trade once, with the record that told it first.
    pub(super) trades: BTreeMap<TradeId, (u64, Trade)>,
    /// How it ended, in words; none while the records do not say that it did.
    pub(super) ending: Option<String>,
    /// The position that the next decision on the pair saw, with its record.
    pub(super) next_seen: Option<(u64, SignedQty)>,
    /// Whether the strategy that issued it is known from a record alone.
    strategy: Option<StrategyId>,
    /// The state that the records make; of no use where the first of them are gone.
    state: DurableState,
    is_whole: bool,
    identity: Option<Identity>,
    instruments: BTreeMap<Symbol, (u64, Instrument)>,
}

impl Life {
    pub(super) fn new(target: Target, is_whole: bool) -> Self {
        Self {
            target,
            decision: None,
            events: Vec::new(),
            trades: BTreeMap::new(),
            ending: None,
            next_seen: None,
            strategy: None,
            state: DurableState::default(),
            is_whole,
            identity: None,
            instruments: BTreeMap::new(),
        }
    }

    /// Whose position the order changes.
    pub(super) fn strategy(&self) -> Option<StrategyId> {
        self.parts().map(|parts| parts.strategy).or(self.strategy)
    }

    /// What its id tells.
    pub(super) fn parts(&self) -> Option<IdParts> {
        self.target.cl_ord_id.as_ref().and_then(IdParts::of)
    }

    /// Takes the next record.
    pub(super) fn see(&mut self, sequence: u64, record: &Record) {
        let fact = &record.fact;
        match fact {
            Fact::Booted { identity, .. } => self.identity = Some(identity.clone()),
            Fact::Instrument(instrument) => {
                self.instruments
                    .insert(instrument.symbol, (sequence, instrument.clone()));
            }
            Fact::Intent { intent, seen, .. } => self.note_next(sequence, intent, *seen),
            _ => {}
        }
        let decided = self.decided(sequence, record);
        let is_own = decided.is_some() || self.is_own(fact);
        if let Some(decision) = decided {
            self.decision = Some(decision);
        }
        let before = self.position();
        if self.is_whole {
            // What contradicted itself was recorded, and led to a restriction that is in the records too.
            let _restriction_follows = self.state.apply(record);
        }
        let moved = self.position().filter(|after| Some(*after) != before);
        let words = if is_own {
            words::of_order(fact)
        } else if self.is_living() && self.concerns(fact) {
            words::meanwhile(fact)
        } else {
            None
        };
        let Some((kind, text)) = words else { return };
        self.events.push(Event {
            sequence,
            at: record.at,
            kind,
            text,
            is_own,
            position: moved.filter(|_| is_own),
        });
        if is_own {
            self.note(sequence, fact);
        }
    }

    fn position(&self) -> Option<SignedQty> {
        let symbol = self.target.symbol.filter(|_| self.is_whole)?;
        Some(self.state.ledgers().position(symbol))
    }

    /// What the strategy alone holds of the pair by all records, with its average price.
    pub(super) fn holding(&self) -> Option<(Money, Option<Money>)> {
        let symbol = self.target.symbol.filter(|_| self.is_whole)?;
        let book = self.state.ledgers().of(self.strategy()?)?.book(symbol)?;
        Some((book.average().position(), book.average().avg_px()))
    }

    fn is_living(&self) -> bool {
        !self.events.is_empty() && self.ending.is_none()
    }

    /// Whether a fact about everything, or about a pair, is about this order's pair.
    fn concerns(&self, fact: &Fact) -> bool {
        match fact {
            Fact::SymbolRestricted { symbol, .. } => Some(*symbol) == self.target.symbol,
            _ => true,
        }
    }

    /// The first decision on the pair after the order traded, or ended.
    fn note_next(&mut self, sequence: u64, intent: &OrderIntent, seen: Seen) {
        let is_over = !self.trades.is_empty() || self.ending.is_some();
        if is_over && self.next_seen.is_none() && Some(intent.symbol) == self.target.symbol {
            self.next_seen = Some((sequence, seen.position));
        }
    }

    /// The decision, if this is the record of it: the order's own, or the one of the exit whose stop it is.
    fn decided(&self, sequence: u64, record: &Record) -> Option<Decision> {
        let Fact::Intent {
            cl_ord_id,
            intent,
            seen,
            stop,
        } = &record.fact
        else {
            return None;
        };
        let wanted = self.target.cl_ord_id?;
        let (intent, partner) = match stop {
            Some(stop) if stop.cl_ord_id == wanted => (stop.intent(intent), Some((*cl_ord_id, true))),
            _ if *cl_ord_id == wanted => (*intent, stop.map(|stop| (stop.cl_ord_id, false))),
            _ => return None,
        };
        Some(Decision {
            sequence,
            at: record.at,
            intent,
            seen: *seen,
            partner,
            state: self.is_whole.then(|| self.permitted(intent.symbol)),
            unknown_orders: self
                .is_whole
                .then(|| self.state.orders().exposure(intent.symbol).unknown_orders),
            identity: self.identity.clone(),
            instrument: self.instruments.get(&intent.symbol).cloned(),
        })
    }

    /// The stricter of what holds for all pairs and for this one.
    fn permitted(&self, symbol: Symbol) -> (TradingState, Option<HaltCause>) {
        let of_all = self.state.restriction_of_all();
        let of_pair = self.state.restricted_symbols().get(&symbol);
        let strictest = of_all.into_iter().chain(of_pair).max_by_key(|(state, _)| *state);
        strictest.map_or((TradingState::Active, None), |(state, cause)| {
            (*state, Some(cause.clone()))
        })
    }

    fn is_own(&self, fact: &Fact) -> bool {
        let is_named = |id: &ClOrdId| Some(*id) == self.target.cl_ord_id;
        let is_numbered = |symbol: Symbol, id: OrderId| {
            Some(symbol) == self.target.symbol && Some(id) == self.target.order_id
        };
        match fact {
            Fact::SubmitRejected { cl_ord_id, .. }
            | Fact::SubmitNotSent { cl_ord_id, .. }
            | Fact::SubmitUnknown { cl_ord_id, .. }
            | Fact::NeverArrived { cl_ord_id }
            | Fact::Cancel { cl_ord_id, .. } => is_named(cl_ord_id),
            Fact::Execution(report) => {
                is_named(&report.cl_ord_id) || is_numbered(report.symbol, report.order_id)
            }
            Fact::Trade { trade, .. } => is_numbered(trade.symbol, trade.order_id),
            _ => false,
        }
    }

    fn note(&mut self, sequence: u64, fact: &Fact) {
        match fact {
            Fact::SubmitRejected { reject, .. } => {
                self.ending = Some(format!("refused by the venue: {reject}"))
            }
            Fact::SubmitNotSent { cause, .. } => self.ending = Some(format!("never sent: {cause}")),
            Fact::NeverArrived { .. } => self.ending = Some("never arrived at the venue".to_owned()),
            Fact::Execution(report) => self.note_report(sequence, report),
            Fact::Trade { strategy, trade } => {
                self.strategy = Some(*strategy);
                self.trades.entry(trade.trade_id).or_insert((sequence, *trade));
            }
            _ => {}
        }
    }

    fn note_report(&mut self, sequence: u64, report: &ExecutionReport) {
        if let Some(trade) = report.trade {
            self.trades.entry(trade.trade_id).or_insert((sequence, trade));
        }
        if report.ord_status.is_terminal() {
            self.ending = Some(format!("{:?}, {} traded", report.ord_status, report.cum_qty));
        }
    }

    /// What it traded in all, what that was worth, and the fees by asset.
    pub(super) fn traded(&self) -> (Money, Money, BTreeMap<Asset, Money>) {
        let (mut qty, mut value, mut fees) = (Money::ZERO, Money::ZERO, BTreeMap::new());
        for (_, trade) in self.trades.values() {
            qty += trade.last_qty.to_decimal();
            value += notional(trade.last_qty, trade.last_px);
            if let Some(asset) = trade.commission_asset {
                *fees.entry(asset).or_default() += trade.commission;
            }
        }
        (qty, value, fees)
    }
}
