//! Own records compared with the venue's: open orders, trades and balances; on start, after each reconnect, and regularly.
//!
//! Open orders and trades repair the records by themselves, since each names its order. Balances cannot: what the account has
//! beyond our trades is its baseline, and a total that differs from baseline and trades means that something was traded,
//! paid in or taken out that we know nothing of: what that does is in `differences`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use keel_domain::{AlertClass, Asset, ClOrdId, Money, Price, Symbol, Timestamp};
use keel_execution::OrderState;
use keel_positions::Adjustment;
use keel_risk::{HaltCause, TradingState};

use crate::differences::Suspect;
use crate::fate::Poll;
use crate::{Command, Fact, MoneyCheck, Step, Trader};

/// One question of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    OpenOrders(Symbol),
    Trades(Symbol),
    Balances,
}

/// Questions without an answer yet.
#[derive(Debug)]
struct Sweep {
    since: Timestamp,
    asked_at: Timestamp,
    delay: Duration,
    missing: BTreeSet<Part>,
}

/// How far own records have been compared with the venue's.
#[derive(Debug, Default)]
pub(crate) struct Reconciliation {
    sweep: Option<Sweep>,
    last: Option<Timestamp>,
    /// Everything has been answered since the session came up.
    is_done: bool,
    /// A difference of balances, since when and how often in a row it was seen.
    pub(crate) suspect: Option<Suspect>,
    pub(crate) again_at: Option<Timestamp>,
    /// Balances have been compared in this process; whether they agreed.
    pub(crate) first: Option<Result<(), String>>,
    /// The last check of the money identity.
    pub(crate) money: Option<MoneyCheck>,
    /// The asset without a price that was told of.
    pub(crate) unpriced: Option<Asset>,
    /// The operator's words, until the venue's view is known.
    pub(crate) accept: Option<String>,
}

impl Reconciliation {
    /// The most that a question waits before it is asked again.
    const DELAY_MAX: Duration = Duration::from_secs(16);
    const DELAY_MIN: Duration = Duration::from_secs(2);
    pub(crate) const AGAIN_AFTER: Duration = Duration::from_secs(1);
    /// While orders are on their way nothing can be compared; so the comparison comes within a minute all the same.
    pub(crate) const BUSY_AFTER: Duration = Duration::from_secs(10);

    pub(crate) fn on_session_down(&mut self) {
        self.is_done = false;
        self.sweep = None;
        self.suspect = None;
    }

    /// Whether everything that may have been missed has been asked for and answered since the session came up.
    pub(crate) fn is_done(&self) -> bool {
        self.is_done
    }
}

impl Trader {
    /// An order that was confirmed and has been denied for so long is a difference.
    const VANISHED_MAX: Duration = Duration::from_secs(60);

    /// Whether a comparison with the venue is under way.
    #[must_use]
    pub fn is_reconciling(&self) -> bool {
        self.reconciliation.sweep.is_some()
    }

    /// Asks the venue for all that may have been missed.
    pub(crate) fn ask_everything(&mut self, now: Timestamp, step: &mut Step) {
        let mut missing = BTreeSet::from([Part::Balances]);
        for symbol in self.markets.keys() {
            missing.extend([Part::OpenOrders(*symbol), Part::Trades(*symbol)]);
        }
        self.reconciliation.last = Some(now);
        self.reconciliation.again_at = None;
        self.ask(&missing, step);
        self.reconciliation.sweep = Some(Sweep {
            since: now,
            asked_at: now,
            delay: Reconciliation::DELAY_MIN,
            missing,
        });
    }

    fn ask(&self, parts: &BTreeSet<Part>, step: &mut Step) {
        for part in parts {
            step.push_command(match *part {
                Part::OpenOrders(symbol) => Command::QueryOpenOrders { symbol },
                Part::Trades(symbol) => Command::QueryTrades {
                    symbol,
                    from: self.state.next_trade.get(&symbol).copied(),
                },
                Part::Balances => Command::QueryBalances,
            });
        }
    }

    /// Compares when the period is over, and asks again what was not answered, less often each time.
    pub(crate) fn reconcile_when_due(&mut self, now: Timestamp, step: &mut Step) {
        if !self.session_up {
            return;
        }
        if let Some(sweep) = &mut self.reconciliation.sweep {
            if now.since(sweep.asked_at) >= sweep.delay {
                sweep.asked_at = now;
                sweep.delay = (sweep.delay * 2).min(Reconciliation::DELAY_MAX);
                let missing = sweep.missing.clone();
                self.ask(&missing, step);
            }
            return;
        }
        let is_over = |last: Timestamp| now.since(last) >= self.settings.reconcile_every;
        let is_due = self.reconciliation.last.is_none_or(is_over);
        if is_due || self.reconciliation.again_at.is_some_and(|at| now >= at) {
            self.ask_everything(now, step);
        }
    }

    /// One question was answered. With the last one the comparison is done.
    pub(crate) fn on_swept(&mut self, now: Timestamp, part: Part, asked_at: Timestamp, step: &mut Step) {
        let Some(sweep) = &mut self.reconciliation.sweep else {
            return;
        };
        if asked_at < sweep.since {
            return;
        }
        sweep.missing.remove(&part);
        if !sweep.missing.is_empty() {
            return;
        }
        self.reconciliation.sweep = None;
        self.reconciliation.is_done = true;
        let is_quiet = self
            .state
            .orders
            .active()
            .all(|order| order.state() == OrderState::Live && order.cum_qty() == order.booked_qty());
        if is_quiet {
            self.compare_balances(now, step);
        } else {
            let is_urgent = self.reconciliation.accept.is_some() || self.reconciliation.first.is_none();
            let wait = if is_urgent {
                Reconciliation::AGAIN_AFTER
            } else {
                Reconciliation::BUSY_AFTER
            };
            self.reconciliation.again_at = Some(now.plus(wait));
        }
    }

    fn compare_balances(&mut self, now: Timestamp, step: &mut Step) {
        if let Some(reason) = self.reconciliation.accept.take() {
            self.accept_venue(now, reason, step);
        }
        let Ok((beyond, check)) = self.compare(now) else {
            let what = "the sums of trades are no longer exact".to_owned();
            self.halt(now, HaltCause::Internal { what }, step);
            return;
        };
        self.tell_unpriced(&check, step);
        let lost = self.look_for_unlisted(step);
        let quotes: BTreeSet<Asset> = self.state.instruments.values().map(|i| i.quote).collect();
        let rounding = self.rounding();
        let mut differences = self.shortages();
        let lines = check.assets.iter().filter(|line| !line.difference.is_zero());
        differences.extend(lines.map(|line| (line.asset, line.difference)));
        // Amounts of base and commissions are told exactly; only what a trade cost or brought is rounded.
        differences.retain(|asset, difference| difference.abs() > rounding || !quotes.contains(asset));
        let is_off = differences.is_empty()
            && check
                .money
                .is_some_and(|money| money.breach(check.tolerance).is_some());
        if differences.is_empty() && lost.is_empty() && !is_off {
            if self.state.baseline.is_none() {
                self.record(now, step, Fact::Baseline { amounts: beyond });
            }
            self.reconciliation.money = Some(check);
            self.agree(now, step);
            return;
        }
        if !lost.is_empty() || is_off {
            self.on_breach_of_records(now, &check, &lost, step);
        }
        if differences.is_empty() {
            self.keep_breach(check);
            return;
        }
        if !self.counts(now, &differences, rounding) {
            return;
        }
        self.keep_breach(check);
        self.on_difference(now, &differences, &beyond, step);
    }

    pub(crate) fn agree(&mut self, now: Timestamp, step: &mut Step) {
        self.note_told(now, BTreeMap::new(), step);
        self.reconciliation.suspect = None;
        self.reconciliation.first.get_or_insert(Ok(()));
    }

    /// What the account lacks of what our positions say it holds, below zero.
    fn shortages(&self) -> BTreeMap<Asset, Money> {
        let mut left: BTreeMap<Asset, Money> = BTreeMap::new();
        for symbol in &self.settings.symbols {
            if let Some(instrument) = self.state.instruments.get(symbol) {
                let left = left
                    .entry(instrument.base)
                    .or_insert_with(|| self.total(instrument.base));
                *left -= self.position(*symbol).to_decimal() + self.dust(*symbol);
            }
        }
        left.retain(|_, left| left.is_sign_negative());
        left
    }

    pub(crate) fn total(&self, asset: Asset) -> Money {
        self.balances
            .get(&asset)
            .map_or(Money::ZERO, |balance| balance.free + balance.locked)
    }

    /// Takes the venue's quantities: no position is larger than what the account has of its base asset.
    fn accept_venue(&mut self, now: Timestamp, reason: String, step: &mut Step) {
        self.record(now, step, Fact::VenueAccepted { reason });
        self.listed.forget_missing();
        let mut left: BTreeMap<Asset, Money> = BTreeMap::new();
        for symbol in self.settings.symbols.clone() {
            let Some(base) = self
                .state
                .instruments
                .get(&symbol)
                .map(|instrument| instrument.base)
            else {
                continue;
            };
            let held = self.position(symbol).to_decimal();
            let available = *left.entry(base).or_insert_with(|| self.total(base)) - self.dust(symbol);
            let available = available.max(Money::ZERO);
            left.insert(base, (available - held).max(Money::ZERO));
            if held <= available {
                continue;
            }
            step.push_alert(AlertClass::Difference.alert(format!(
                "{symbol}: the position is set from {held} to {available}, as the venue has it; its cost is estimated"
            )));
            self.take_away(now, symbol, held - available, step);
        }
        self.restore_restrictions();
        self.reconciliation.first = Some(Ok(()));
    }

    /// Takes what the venue does not hold out of the positions. Nobody knows whose it was: the largest gives first.
    fn take_away(&mut self, now: Timestamp, symbol: Symbol, missing: Money, step: &mut Step) {
        let mut holdings = self.holdings(symbol);
        holdings.sort_by_key(|holding| std::cmp::Reverse(self.position_of(*holding)));
        let mut missing = missing;
        for holding in holdings {
            let strategy = holding.strategy;
            let held = self.position_of(holding).to_decimal();
            let taken = held.min(missing);
            let ledger = self.state.ledgers.of(strategy);
            let last_trade = ledger
                .and_then(|ledger| ledger.book(symbol))
                .and_then(|book| book.trades().next_back());
            if taken <= Money::ZERO {
                break;
            }
            missing -= taken;
            let adjustment = Adjustment {
                at: now,
                symbol,
                after: last_trade.map(|trade| trade.trade_id),
                qty: -taken,
                px: last_trade.map_or(Price::ZERO, |trade| trade.last_px),
            };
            self.record(now, step, Fact::Adjusted { strategy, adjustment });
        }
    }

    /// An order that the venue confirmed and now does not know. The venue may forget an order for a while and know it again:
    /// it is asked again and again, and counts in full meanwhile; a person is called once it has been denied for a minute.
    pub(crate) fn on_vanished(&mut self, now: Timestamp, id: ClOrdId, asked_at: Timestamp, step: &mut Step) {
        let Some(order) = self.state.orders.get(id) else {
            return;
        };
        let is_late_enough = order
            .confirmed_at()
            .is_some_and(|at| asked_at.since(at.max(self.booted_at)) >= self.settings.absence_after);
        let symbol = order.symbol();
        if order.state() != OrderState::Live || !is_late_enough {
            return;
        }
        let poll = self.polls.entry(id).or_insert_with(|| Poll::due(now));
        let since = *poll.vanished_since.get_or_insert(asked_at);
        if asked_at.since(since) < Self::VANISHED_MAX {
            return;
        }
        if self.gate.state_of(symbol) < TradingState::ReduceOnly {
            self.counters.differences += 1;
            let what = format!("order {id}: our records say it is live, the venue says it does not know it");
            self.restrict_symbol(
                now,
                symbol,
                TradingState::ReduceOnly,
                HaltCause::Difference { what },
                step,
            );
        }
    }

    /// What the first comparison of balances in this process found: none while it has not been made; otherwise agreement,
    /// or both sides of the difference. A start is to be refused then, unless an operator accepts the venue's view.
    #[must_use]
    pub fn first_comparison(&self) -> Option<Result<(), &str>> {
        Some(match self.reconciliation.first.as_ref()? {
            Ok(()) => Ok(()),
            Err(what) => Err(what.as_str()),
        })
    }
}
