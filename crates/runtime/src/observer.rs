//! Watches a run, and tells of it: progress, snapshots, the report.

use std::collections::{BTreeMap, VecDeque};

use keel_binance::Stats;
use keel_domain::{Alert, AlertClass, Money, SignedQty, StrategyId, Symbol, Timestamp, Trade};
use keel_engine::{Counters, Fact, Record, Trader};
use keel_execution::{IdParts, VenueReport};
use keel_monitoring::Snapshot;
use keel_positions::SymbolBook;
use keel_report::{Fill, OrderCounts, PositionLine, RunReport, RunTitle, Sample, SymbolChart};
use keel_risk::TradingState;

use crate::Progress;
use crate::alerts::{Alerts, left_restricted};
use crate::money::{RunMoney, identity_line, money_line};
use crate::risk_lines::risk_use;
use crate::statement::History;
use crate::symbol_lines::symbol_snapshot;
use crate::valuation::{mark, net_pnl, pnl, symbols};

/// The most samples kept of one line; when they are reached, every second goes, and sampling slows down to half.
const SAMPLES_MAX: usize = 8_192;
const FILLS_SHOWN: usize = 20;

/// A line over time that never grows beyond its bound.
#[derive(Debug)]
struct Line {
    samples: Vec<Sample>,
    every: usize,
    skipped: usize,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            samples: Vec::new(),
            every: 1,
            skipped: 0,
        }
    }
}

impl Line {
    fn push(&mut self, at: Timestamp, value: Money) {
        self.skipped += 1;
        if self.skipped < self.every {
            return;
        }
        self.skipped = 0;
        self.samples.push(Sample { at, value });
        if self.samples.len() >= SAMPLES_MAX {
            let mut place = 0;
            self.samples.retain(|_| {
                place += 1;
                place % 2 == 1
            });
            self.every *= 2;
        }
    }
}

/// What is known of a run so far.
#[derive(Debug)]
pub(crate) struct Observer {
    progress: Progress,
    started_at: Timestamp,
    money: RunMoney,
    account: String,
    fills: Vec<(StrategyId, Trade)>,
    lately: VecDeque<String>,
    alerts: Alerts,
    equity: Line,
    prices: BTreeMap<Symbol, (Line, Line)>,
    history: History,
}

fn quantity_line(strategy: StrategyId, trade: &Trade) -> String {
    let role = if trade.is_maker { "maker" } else { "taker" };
    let asset = trade
        .commission_asset
        .map(|asset| asset.to_string())
        .unwrap_or_default();
    format!(
        "{} {} {} at {} by {strategy} ({role}, commission {} {asset})",
        trade.symbol, trade.side, trade.last_qty, trade.last_px, trade.commission
    )
}

impl Observer {
    /// Tells first what an earlier run left restricted.
    pub(crate) fn new(progress: Progress, started_at: Timestamp, trader: &Trader) -> Self {
        let mut observer = Self {
            progress,
            started_at,
            money: RunMoney::default(),
            account: String::new(),
            fills: Vec::new(),
            lately: VecDeque::new(),
            alerts: Alerts::default(),
            equity: Line::default(),
            prices: BTreeMap::new(),
            history: History::default(),
        };
        for alert in left_restricted(trader) {
            observer.alert(started_at, &alert);
        }
        observer
    }

    pub(crate) fn progress(&self) -> Progress {
        self.progress
    }

    pub(crate) fn fill_count(&self) -> usize {
        self.fills.len()
    }

    pub(crate) fn alert(&mut self, now: Timestamp, alert: &Alert) {
        let Alert { class, text } = alert;
        tracing::warn!(class = class.name(), owner = class.owner().name(), "{text}");
        if let Some(line) = self.alerts.raise(now, alert) {
            self.progress.line(&format!("ALERT {line}"));
        }
    }

    /// How many alerts of each class were raised.
    pub(crate) fn alerts_raised(&self) -> &BTreeMap<AlertClass, u64> {
        self.alerts.raised()
    }

    /// Looks at a report before the engine takes it: the account, and the balances at start and end.
    pub(crate) fn on_report(&mut self, report: &VenueReport) {
        match report {
            VenueReport::SessionUp { account } => self.account.clone_from(account),
            VenueReport::Balances {
                balances,
                is_complete: true,
                update_time,
            } => self.money.on_account(balances, *update_time),
            _ => {}
        }
    }

    /// From now on the next whole account is the last.
    pub(crate) fn forget_final_balances(&mut self) {
        self.money.forget_end();
    }

    pub(crate) fn has_final_balances(&self) -> bool {
        self.money.has_end()
    }

    pub(crate) fn on_records(&mut self, records: &[Record]) {
        for record in records {
            self.history.on_record(record);
            match &record.fact {
                Fact::Execution(report) => {
                    let owner = IdParts::of(&report.cl_ord_id).map(|parts| parts.strategy);
                    if let Some((strategy, trade)) = owner.zip(report.trade) {
                        self.on_trade(strategy, trade);
                    }
                }
                Fact::Trade { strategy, trade } => self.on_trade(*strategy, *trade),
                Fact::ForeignTrade(trade) => self.money.on_foreign(*trade),
                Fact::Transfer(transfer) => self.money.on_transfer(*transfer),
                Fact::Refused { intent, breach } => {
                    let symbol = intent.symbol;
                    self.progress.line(&format!(
                        "REFUSED {symbol} {} {}: {breach}",
                        intent.side, intent.order_qty
                    ));
                }
                Fact::Dust { dust, .. } => self.progress.line(&format!(
                    "DUST {} {}: too small to sell, out of the position and still in equity",
                    dust.symbol, dust.qty
                )),
                Fact::Restricted { state, cause } => self.progress.line(&format!("STATE {state}: {cause}")),
                Fact::ResumedToReduceOnly { reason } => {
                    let state = TradingState::ReduceOnly;
                    self.progress.line(&format!("STATE {state}: operator: {reason}"));
                }
                Fact::SymbolRestricted { symbol, state, cause } => {
                    self.progress.line(&format!("STATE {symbol} {state}: {cause}"));
                }
                _ => {}
            }
        }
    }

    fn on_trade(&mut self, strategy: StrategyId, trade: Trade) {
        let key = (trade.symbol, trade.trade_id);
        if self
            .fills
            .iter()
            .rev()
            .take(1_000)
            .any(|(_, known)| (known.symbol, known.trade_id) == key)
        {
            return;
        }
        let line = quantity_line(strategy, &trade);
        self.progress.line(&format!("FILL {line}"));
        self.lately.push_front(line);
        self.lately.truncate(FILLS_SHOWN);
        self.fills.push((strategy, trade));
    }

    /// Takes a sample of equity, prices and positions.
    pub(crate) fn sample(&mut self, now: Timestamp, trader: &Trader) {
        if let Some((equity, _)) = trader.equity(now) {
            self.equity.push(now, equity);
        }
        for symbol in symbols(trader) {
            let (price, position) = self.prices.entry(symbol).or_default();
            if let Ok(top) = trader.top(now, symbol) {
                price.push(
                    now,
                    (top.bid.price.to_decimal() + top.ask.price.to_decimal()) / Money::TWO,
                );
            }
            position.push(now, trader.position(symbol).to_decimal());
        }
    }

    pub(crate) fn snapshot(
        &self,
        now: Timestamp,
        trader: &Trader,
        title: &RunTitle,
        stats: &Stats,
    ) -> Snapshot {
        let counters = trader.counters();
        let refused: u64 = counters.refused.values().sum();
        let counts = [
            ("orders_submitted", counters.submitted),
            ("orders_canceled", counters.canceled),
            ("orders_rejected", counters.rejected),
            ("orders_unknown", counters.unknown),
            ("fills", counters.fills),
            ("breaches", refused),
            ("wishes_held_back", counters.held_back),
            ("foreign", counters.foreign),
            ("differences", counters.differences),
            ("identity_breaches", counters.identity_breaches),
            ("price_jumps", counters.price_jumps),
            ("zero_prices", counters.zero_prices),
            ("bars_compared", counters.bars_compared),
            ("bars_differing", counters.bars_differing),
            ("data_gaps", stats.gaps),
            ("data_resyncs", stats.snapshots),
            ("data_stalls", stats.stalls),
            ("data_undecodable", stats.undecodable),
            ("data_unknown_fields", stats.unknown_fields),
            ("data_updates_conflated", stats.updates_conflated),
            ("data_trades_dropped", stats.trades_dropped),
            ("reconnects", stats.reconnects),
            ("entries_withheld", stats.entries_withheld),
        ];
        let equity = trader.equity(now);
        Snapshot {
            at: now,
            mode: title.mode.clone(),
            venue: title.venue.clone(),
            account: self.account.clone(),
            strategy: title.strategy.clone(),
            build: title.build.clone(),
            config_hash: title.config_hash.clone(),
            state: trader.trading_state().to_string(),
            cause: trader.restriction_cause().map(ToString::to_string),
            session_up: trader.is_session_up(),
            uptime_s: now.since(self.started_at).as_secs(),
            symbols: symbols(trader)
                .map(|symbol| symbol_snapshot(now, trader, symbol))
                .collect(),
            fills: self.lately.iter().cloned().collect(),
            counters: counts
                .into_iter()
                .map(|(name, count)| (name.to_owned(), count))
                .collect(),
            alerts: self.alerts.raised().clone(),
            risk_use: risk_use(now, trader),
            equity: equity.map(|(value, _)| value),
            equity_currency: equity
                .map(|(_, currency)| currency.to_string())
                .unwrap_or_default(),
            pnl: net_pnl(now, trader),
            identity: trader.money_check().map(identity_line),
        }
    }

    /// What the journal tells of all runs stands for what this one has seen.
    pub(crate) fn take_history(&mut self, history: History) {
        self.history = history;
    }

    pub(crate) fn report(&self, now: Timestamp, trader: &Trader, title: RunTitle, ending: &str) -> RunReport {
        let identity = self.money.identity(&self.fills, trader);
        let counters = trader.counters();
        let mut alerts = self.alerts.for_report();
        alerts.extend(self.history.left_out());
        let books = trader.state().ledgers().books();
        let carried: usize = books.map(|(_, _, book)| book.carried_count()).sum();
        if carried > 0 {
            alerts.push(format!(
                "the statement leaves out the first {carried} trades, which were carried forward; `trader journal export` gives them"
            ));
        }
        let chart = |(symbol, (price, position)): (&Symbol, &(Line, Line))| SymbolChart {
            symbol: *symbol,
            price: price.samples.clone(),
            position: position.samples.clone(),
        };
        RunReport {
            started_at: self.started_at,
            ended_at: now,
            ending: ending.to_owned(),
            orders: order_counts(counters),
            fills: self.fills.iter().map(fill_line).collect(),
            breaches: counters
                .refused
                .iter()
                .map(|(rule, count)| (rule.to_string(), *count))
                .collect(),
            pnl: pnl(now, trader),
            statement: self
                .history
                .statement(now, trader, title.symbols.first().copied()),
            identity_ok: counters.identity_breaches == 0
                && identity
                    .as_ref()
                    .is_some_and(|lines| lines.iter().all(|line| line.difference.is_zero())),
            identity: identity.unwrap_or_default(),
            identity_money: trader.money_check().map(money_line),
            positions: position_lines(now, trader),
            equity: self.equity.samples.clone(),
            charts: self.prices.iter().map(chart).collect(),
            alerts,
            title: RunTitle {
                account: self.account.clone(),
                ..title
            },
        }
    }
}

fn position_lines(now: Timestamp, trader: &Trader) -> Vec<PositionLine> {
    let ledgers = trader.state().ledgers();
    let line = |(strategy, symbol, book): (StrategyId, Symbol, &SymbolBook)| PositionLine {
        strategy,
        symbol,
        position: ledgers
            .of(strategy)
            .map_or(SignedQty::ZERO, |ledger| ledger.position(symbol)),
        avg_px: book.average().avg_px(),
        is_estimated: book.is_estimated(),
        mark: mark(now, trader, symbol, book),
        realised: book.realised(),
        fees: book.fees_in_quote() + trader.state().other_fees(strategy, symbol).value,
    };
    ledgers.books().map(line).collect()
}

fn fill_line((strategy, trade): &(StrategyId, Trade)) -> Fill {
    Fill {
        strategy: *strategy,
        at: trade.transact_time,
        symbol: trade.symbol,
        side: trade.side,
        last_qty: trade.last_qty,
        last_px: trade.last_px,
        commission: trade.commission,
        commission_asset: trade
            .commission_asset
            .map(|asset| asset.to_string())
            .unwrap_or_default(),
        is_maker: trade.is_maker,
        order_id: trade.order_id.0,
        trade_id: trade.trade_id.0,
    }
}

fn order_counts(counters: &Counters) -> OrderCounts {
    OrderCounts {
        submitted: counters.submitted,
        canceled: counters.canceled,
        rejected: counters.rejected,
        unknown: counters.unknown,
        foreign: counters.foreign,
    }
}
