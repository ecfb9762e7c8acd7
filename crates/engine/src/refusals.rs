//! The venue's refusals, and the rules that are read again because of them.

use std::time::Duration;

use keel_domain::{AlertClass, ClOrdId, Instrument, InstrumentStatus, Purpose, Timestamp};
use keel_execution::Reject;
use keel_risk::{HaltCause, TradingState};
use keel_strategy::Trigger;

use crate::market::Shut;
use crate::{Command, Fact, Step, Trader};

/// The order fails one of the pair's filters.
const FILTER_FAILURE: i32 = -1013;
/// The matching engine refused the order; the text says why.
const NEW_ORDER_REJECTED: i32 = -2010;

/// The last price was not between an exit and the stop that it carries.
pub(crate) const BAD_RELATIONSHIP: &str = "relationship of the prices";

/// The venue knows no such pair.
const BAD_SYMBOL: i32 = -1121;

/// Refusals of anything that was sent at that moment: the clock, the rate, an overload, an end of service (the venue's errors.md,
/// and its HTTP statuses). The same order may be taken a moment later.
pub(crate) const NOT_ABOUT_THE_ORDER: [i32; 8] = [-1021, -1003, -1015, -1008, -1016, -403, -418, -429];

/// Whether a refusal means every order on the pair.
fn shut(reject: &Reject) -> Option<Shut> {
    match reject.code {
        FILTER_FAILURE if reject.text.contains("Market is closed") => Some(Shut::MarketClosed),
        BAD_SYMBOL => Some(Shut::Unlisted),
        _ => None,
    }
}

impl Trader {
    /// Filters change while the system runs.
    const INSTRUMENTS_EVERY: Duration = Duration::from_secs(600);
    /// How often a pair that does not trade is asked about.
    const STATUS_EVERY: Duration = Duration::from_secs(30);

    pub(crate) fn read_instruments_when_due(&mut self, now: Timestamp, step: &mut Step) {
        let every = if self.awaits_status() {
            Self::STATUS_EVERY
        } else {
            Self::INSTRUMENTS_EVERY
        };
        let is_over = |last: Timestamp| now.since(last) >= every;
        if self.session_up && self.instruments_at.is_none_or(is_over) {
            self.read_instruments(now, step);
        }
    }

    fn read_instruments(&mut self, now: Timestamp, step: &mut Step) {
        self.instruments_at = Some(now);
        step.push_command(Command::QueryInstruments);
    }

    pub(crate) fn on_instrument(&mut self, now: Timestamp, instrument: Instrument, step: &mut Step) {
        let symbol = instrument.symbol;
        self.on_status(&instrument, step);
        let known = self.state.instruments.get(&symbol);
        if known == Some(&instrument) {
            return;
        }
        let (known_status, assets) = (
            known.map_or(InstrumentStatus::Trading, |known| known.status),
            known.map(|known| (known.base, known.quote)),
        );
        if known_status != instrument.status {
            let status = instrument.status;
            step.push_alert(
                AlertClass::PairStatus.alert(format!("{symbol}: the pair's status is {status:?}")),
            );
        } else if assets.is_some() {
            step.push_alert(
                AlertClass::PairStatus.alert(format!("{symbol}: the venue changed the pair's rules")),
            );
        }
        if assets.is_some_and(|assets| assets != (instrument.base, instrument.quote)) {
            let (base, quote) = (instrument.base, instrument.quote);
            let what = format!("{symbol} is now a pair of {base} and {quote}");
            let cause = HaltCause::MarketData { what };
            self.restrict_symbol(now, symbol, TradingState::Halted, cause, step);
            return;
        }
        self.record(now, step, Fact::Instrument(instrument));
        if let Some(market) = self.markets.get_mut(&symbol) {
            market.barred = None;
        }
        for report in std::mem::take(&mut self.early) {
            self.on_execution(now, &report, step);
        }
    }

    /// The venue refused an order. One that failed a filter is not sent again unchanged while the filters are the same; after
    /// one that lacked funds nothing is sent before the venue has told balances again.
    pub(crate) fn on_rejected(
        &mut self,
        now: Timestamp,
        cl_ord_id: ClOrdId,
        reject: Reject,
        step: &mut Step,
    ) {
        self.counters.rejected += 1;
        let Some(order) = self.state.orders.get(cl_ord_id) else {
            return;
        };
        let (symbol, intent) = (order.symbol(), *order.intent());
        if matches!(reject.code, FILTER_FAILURE | BAD_SYMBOL) {
            self.read_instruments(now, step);
        }
        if let Some(shut) = shut(&reject) {
            self.shut(symbol, shut, step);
        }
        if self.is_stop(&cl_ord_id) {
            // A pair that takes no order says nothing of this one.
            if shut(&reject).is_none() {
                self.on_stop_rejected(now, cl_ord_id, &reject, step);
            }
            self.record(now, step, Fact::SubmitRejected { cl_ord_id, reject });
            return;
        }
        self.pause(now, symbol);
        if reject.text.contains(BAD_RELATIONSHIP) {
            self.on_pair_rejected(now, cl_ord_id);
        }
        let lacks_funds = reject.code == NEW_ORDER_REJECTED && reject.text.contains("insufficient balance");
        if let Some(market) = self.markets.get_mut(&symbol) {
            if reject.code == FILTER_FAILURE && shut(&reject).is_none() {
                market.barred = Some(intent);
            }
            market.awaits_balances |= lacks_funds;
        }
        if lacks_funds {
            step.push_command(Command::QueryBalances);
        }
        let refused = Fact::SubmitRejected {
            cl_ord_id,
            reject: reject.clone(),
        };
        self.record(now, step, refused);
        // Exits go on during a 429, and are refused as long as it lasts.
        let is_passing = NOT_ABOUT_THE_ORDER.contains(&reject.code) && intent.purpose == Purpose::ReduceOnly;
        if !is_passing {
            self.brake_rejections(now, symbol, &reject, step);
        }
        self.run_strategies(now, symbol, Trigger::Timer, step);
    }
}
