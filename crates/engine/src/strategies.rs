//! The strategies of one process, and what each of them holds.

use std::panic::{AssertUnwindSafe, catch_unwind};

use keel_domain::{ClOrdId, Price, Qty, SignedQty, StrategyId, Symbol, Timestamp};
use keel_execution::{CancelState, ClOrdIdSource, IdParts, IssuedBy, Order, OrderState};
use keel_risk::HaltCause;
use keel_strategy::{Action, OpenOrder, OrdersLeft, Strategy, StrategyView, Trigger};

use crate::{Step, Trader};

/// One strategy's position in one pair: what its orders, its stops and its ledger belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Holding {
    pub(crate) strategy: StrategyId,
    pub(crate) symbol: Symbol,
}

/// A strategy with a name and pairs of its own. What it buys is its own: no other strategy of the account sells it.
pub struct RunningStrategy {
    id: StrategyId,
    symbols: Vec<Symbol>,
    strategy: Box<dyn Strategy>,
    has_failed: bool,
}

impl RunningStrategy {
    /// A strategy that trades these pairs under this name.
    #[must_use]
    pub fn new(id: StrategyId, symbols: Vec<Symbol>, strategy: Box<dyn Strategy>) -> Self {
        Self {
            id,
            symbols,
            strategy,
            has_failed: false,
        }
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> StrategyId {
        self.id
    }

    /// Its pairs.
    #[must_use]
    pub fn symbols(&self) -> &[Symbol] {
        &self.symbols
    }

    /// Whether what happened concerns it: of orders only its own do.
    fn is_asked(&self, symbol: Symbol, trigger: Trigger<'_>) -> bool {
        let is_own = |id: &ClOrdId| IdParts::of(id).is_some_and(|parts| parts.strategy == self.id);
        !self.has_failed
            && self.symbols.contains(&symbol)
            && match trigger {
                Trigger::Execution(report) => is_own(&report.cl_ord_id),
                Trigger::Book | Trigger::Trade(_) | Trigger::Kline(_) | Trigger::Timer => true,
            }
    }
}

impl Trader {
    /// Shows one symbol to the strategies that trade it, and carries their wishes to the gate.
    pub(crate) fn run_strategies(
        &mut self,
        now: Timestamp,
        symbol: Symbol,
        trigger: Trigger<'_>,
        step: &mut Step,
    ) {
        let mut strategies = std::mem::take(&mut self.strategies);
        for running in &mut strategies {
            if running.is_asked(symbol, trigger) {
                self.run(now, symbol, running, trigger, step);
            }
        }
        self.strategies = strategies;
    }

    fn run(
        &mut self,
        now: Timestamp,
        symbol: Symbol,
        running: &mut RunningStrategy,
        trigger: Trigger<'_>,
        step: &mut Step,
    ) {
        let strategy = running.id;
        let holding = Holding { strategy, symbol };
        let (entries, exits) = self.gate.orders_left(now);
        let Some(market) = self.markets.get(&symbol) else {
            return;
        };
        let Some(instrument) = self.state.instruments.get(&symbol) else {
            return;
        };
        let mut open_orders = std::mem::take(&mut self.open_orders);
        open_orders.clear();
        open_orders.extend(self.issued(holding, IssuedBy::Strategy).map(open_order));
        let view = StrategyView {
            now,
            instrument,
            top: market.top(now, self.gate.limits().book_age_max),
            position: self.position_of(holding),
            avg_px: self.avg_px_of(holding),
            open_orders: &open_orders,
            entries_today: self.state.entries_of(strategy, symbol, now),
            permission: self.permission(symbol),
            orders_left: OrdersLeft { entries, exits },
        };
        let mut actions = std::mem::take(&mut self.actions);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            running.strategy.on_event(&view, trigger, &mut actions)
        }));
        if outcome.is_err() {
            // Its own state cannot be trusted any more: it is never called again, and its wishes are void.
            actions.clear();
            running.has_failed = true;
            let what = format!("strategy {strategy} panicked");
            self.halt(now, HaltCause::Internal { what }, step);
        }
        for action in actions.drain(..) {
            match action {
                Action::Submit(intent) => self.submit(now, strategy, intent, step),
                Action::Cancel(cl_ord_id) if !self.is_of(strategy, cl_ord_id) => {
                    self.counters.held_back += 1;
                }
                Action::Cancel(cl_ord_id) if self.keeps_partial(now, cl_ord_id) => {
                    self.counters.held_back += 1;
                }
                Action::Cancel(cl_ord_id) => self.cancel(now, cl_ord_id, step),
            }
        }
        self.actions = actions;
        self.open_orders = open_orders;
    }

    /// Whether the order is the strategy's own, and not its stop or an operator's.
    fn is_of(&self, strategy: StrategyId, id: ClOrdId) -> bool {
        let parts = self.settings.tag.parts_of(&id);
        parts.is_some_and(|parts| (parts.strategy, parts.issued_by) == (strategy, IssuedBy::Strategy))
    }

    /// The live orders of a holding that one side has issued.
    pub(crate) fn issued(&self, holding: Holding, by: IssuedBy) -> impl Iterator<Item = &Order> {
        let live = self.state.orders.live();
        live.filter(move |order| order.symbol() == holding.symbol)
            .filter(move |order| {
                let parts = self.settings.tag.parts_of(&order.cl_ord_id());
                parts.is_some_and(|parts| (parts.strategy, parts.issued_by) == (holding.strategy, by))
            })
    }

    /// Who issued an order of ours; none where the id is not one of ours.
    pub(crate) fn issuer(&self, id: &ClOrdId) -> Option<IssuedBy> {
        self.settings.tag.parts_of(id).map(|parts| parts.issued_by)
    }

    /// The holding that an order of ours changes.
    pub(crate) fn holding_of(&self, id: ClOrdId) -> Option<Holding> {
        let symbol = self.state.orders.get(id)?.symbol();
        let strategy = self.settings.tag.parts_of(&id)?.strategy;
        Some(Holding { strategy, symbol })
    }

    /// The next id of an order of the strategy's; none before the boot, and where ids have run out.
    pub(crate) fn next_id(&mut self, strategy: StrategyId, by: IssuedBy) -> Option<ClOrdId> {
        let boot = self.boot?;
        let tag = self.settings.tag;
        let fresh = || ClOrdIdSource::new(tag, strategy, boot);
        let ids = self.ids.entry(strategy).or_insert_with(fresh);
        ids.next_id(by).ok()
    }

    /// Every strategy that has traded the pair, whether it runs or not.
    pub(crate) fn holdings(&self, symbol: Symbol) -> Vec<Holding> {
        let books = self.state.ledgers.books_of(symbol);
        books.map(|(strategy, _)| Holding { strategy, symbol }).collect()
    }

    /// Whether the order changes the holding.
    pub(crate) fn is_in(&self, order: &Order, holding: Holding) -> bool {
        let strategy = || {
            self.settings
                .tag
                .parts_of(&order.cl_ord_id())
                .map(|parts| parts.strategy)
        };
        order.symbol() == holding.symbol && strategy() == Some(holding.strategy)
    }

    /// What sales of a holding may still take, as the gate counts it.
    pub(crate) fn sell_leaves_of(&self, holding: Holding) -> Qty {
        let is_its = |order: &Order| self.is_in(order, holding);
        self.state.orders.exposure_of(holding.symbol, is_its).sell_leaves
    }

    /// What of a holding no sale has a claim on.
    pub(crate) fn unclaimed(&self, holding: Holding) -> Qty {
        let held = self.position_of(holding).long();
        held.saturating_sub(self.sell_leaves_of(holding))
    }

    /// What of the pair is held by other strategies, and not on sale: not this one's to sell.
    pub(crate) fn unclaimed_by_others(&self, holding: Holding) -> Qty {
        let books = self.state.ledgers.books_of(holding.symbol);
        let others = books.filter(|(strategy, _)| *strategy != holding.strategy);
        let unclaimed = others.map(|(strategy, _)| self.unclaimed(Holding { strategy, ..holding }));
        unclaimed.fold(Qty::ZERO, Qty::saturating_add)
    }

    /// What one strategy holds of a pair.
    pub(crate) fn position_of(&self, holding: Holding) -> SignedQty {
        let ledger = self.state.ledgers.of(holding.strategy);
        ledger.map_or(SignedQty::ZERO, |ledger| ledger.position(holding.symbol))
    }

    /// What one strategy paid for its position on average, rounded down to 1e-8; none while flat.
    pub(crate) fn avg_px_of(&self, holding: Holding) -> Option<Price> {
        let ledger = self.state.ledgers.of(holding.strategy)?;
        let average = ledger.avg_px(holding.symbol)?;
        Price::from_decimal(average.trunc_with_scale(8)).ok()
    }

    /// The strategies that run.
    pub fn strategies(&self) -> impl Iterator<Item = &RunningStrategy> {
        self.strategies.iter()
    }
}

fn open_order(order: &Order) -> OpenOrder {
    OpenOrder {
        cl_ord_id: order.cl_ord_id(),
        side: order.side(),
        price: order.intent().ord_type.price(),
        leaves_qty: order.leaves_qty(),
        is_confirmed: order.state() == OrderState::Live,
        is_cancel_pending: order.cancel_state() != CancelState::None,
    }
}
