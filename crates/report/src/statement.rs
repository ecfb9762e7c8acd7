//! Statements: what each strategy traded on each day, and what came of it.

use std::collections::BTreeMap;

use keel_domain::{Asset, Money, OrderId, Price, Qty, Side, StrategyId, Symbol, Timestamp, Trade, notional};
use serde::Serialize;

use crate::Statistics;
use crate::format::{day, instant};

/// Decimal places of ratios.
const RATIO_PLACES: u32 = 8;

/// One trade of a strategy, as its ledger booked it.
#[derive(Debug, Clone, Copy)]
pub struct StatementTrade {
    /// Whose it is.
    pub strategy: StrategyId,
    /// The trade.
    pub trade: Trade,
    /// What is paid in: the currency of every amount of the line.
    pub currency: Asset,
    /// What it realised, before fees.
    pub realised: Money,
    /// Its commission in the currency; none where it was taken in a third asset that had no price.
    pub fee: Option<Money>,
    /// Whether a part of the cost was an estimate.
    pub is_estimated: bool,
}

/// One order of a strategy, in its last known state.
#[derive(Debug, Clone, Copy)]
pub struct StatementOrder {
    /// Whose it is.
    pub strategy: StrategyId,
    /// The pair.
    pub symbol: Symbol,
    /// What the pair is paid in.
    pub currency: Asset,
    /// The venue's id; none for one that it never accepted.
    pub order_id: Option<OrderId>,
    /// When it was decided: the day it counts for.
    pub decided_at: Timestamp,
    /// How much was ordered.
    pub order_qty: Qty,
    /// How much has traded.
    pub cum_qty: Qty,
    /// Best bid and ask when it was decided; none where they were not kept.
    pub book: Option<(Price, Price)>,
}

/// What a strategy held of a pair over one day.
#[derive(Debug, Clone, Copy)]
pub struct StatementHolding {
    /// Whose it is.
    pub strategy: StrategyId,
    /// The pair.
    pub symbol: Symbol,
    /// What the pair is paid in.
    pub currency: Asset,
    /// Any time of the UTC day.
    pub day: Timestamp,
    /// What closing what was held when the day began would have realised, at the day's first price.
    pub unrealised_before: Money,
    /// The same when the day ended, at the next day's first price; of the last day, at the statement's time.
    pub unrealised_after: Money,
}

/// One trade in a statement. Its CSV columns and JSON fields have these names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TradeLine {
    /// When, UTC, ISO 8601 with microseconds.
    pub time: String,
    /// Whose it is.
    pub strategy: StrategyId,
    /// The pair.
    pub symbol: Symbol,
    /// The trade's id; with the symbol, its key.
    pub trade_id: u64,
    /// The order's id.
    pub order_id: u64,
    /// BUY or SELL.
    pub side: String,
    /// Base.
    pub qty: Qty,
    /// Price.
    pub price: Price,
    /// Quantity times price.
    pub value: Money,
    /// The currency of price, value, fee, realised and slippage.
    pub currency: Asset,
    /// Whether our order rested.
    pub is_maker: bool,
    /// Commission as it was taken.
    pub commission: Money,
    /// The asset it was taken in; empty for none.
    pub commission_asset: Option<Asset>,
    /// Commission in the currency; empty where it had no price.
    pub fee: Option<Money>,
    /// What it realised, before fees.
    pub realised: Money,
    /// What it cost against the middle of the book at the decision; empty where that book was not kept.
    pub slippage: Option<Money>,
    /// Whether a part of the cost was an estimate.
    pub is_estimated: bool,
}

/// One day of one strategy on one pair. Its CSV columns and JSON fields have these names; amounts are in the currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DayLine {
    /// The day, UTC, ISO 8601.
    pub day: String,
    /// Whose it is.
    pub strategy: StrategyId,
    /// The pair.
    pub symbol: Symbol,
    /// What the pair is paid in.
    pub currency: Asset,
    /// How many trades.
    pub trades: u64,
    /// How many orders were decided.
    pub orders: u64,
    /// The sum of the trades' values.
    pub turnover: Money,
    /// What was realised, before fees.
    pub realised: Money,
    /// Fees that have a value in the currency.
    pub fees: Money,
    /// How many trades' fees have none: the profit is before those.
    pub fees_unvalued: u64,
    /// Realised less fees.
    pub pnl: Money,
    /// The mean, over the day's orders, of traded quantity by ordered quantity; empty without orders.
    pub fill_ratio: Option<Money>,
    /// The share of the turnover whose order rested; empty without turnover.
    pub maker_share: Option<Money>,
    /// The sum of the trades' slippage, where known; above zero is a cost.
    pub slippage: Money,
    /// The slippage in hundredths of a percent of the value it is known for; empty where none is known.
    pub slippage_bp: Option<Money>,
    /// How many trades' slippage is not known.
    pub slippage_unknown: u64,
    /// Whether any trade's cost was in part an estimate.
    pub is_estimated: bool,
    /// Profit of what was held when the day began, not realised yet.
    pub unrealised_before: Money,
    /// The same when it ended: what the next day begins with.
    pub unrealised_after: Money,
    /// What the day made: `pnl`, and what became of the profit that is not realised.
    pub net: Money,
}

/// Trades and days.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Statement {
    /// The form of this document.
    pub version: u32,
    /// Every trade, by time, pair and id.
    pub trades: Vec<TradeLine>,
    /// Every day with a trade or an order, by day, strategy and pair.
    pub days: Vec<DayLine>,
    /// What the days come to; none where no day's equity is known.
    pub statistics: Option<Statistics>,
}

type Key = (i64, StrategyId, Symbol);

struct Day {
    line: DayLine,
    ratios: Money,
    maker: Money,
    slippage_value: Money,
}

impl Statement {
    /// The form's version: it changes when a column is renamed, removed or changes its meaning.
    pub const VERSION: u32 = 1;

    /// The statement of these trades, orders and holdings, without statistics. The order of the input does not matter; each is
    /// to be there once.
    #[must_use]
    pub fn new(trades: &[StatementTrade], orders: &[StatementOrder], holdings: &[StatementHolding]) -> Self {
        let mut days: BTreeMap<Key, Day> = BTreeMap::new();
        let mut books = BTreeMap::new();
        for order in orders {
            if let (Some(order_id), Some(book)) = (order.order_id, order.book) {
                books.insert((order.symbol, order_id), book);
            }
            let key = (order.decided_at.utc_day(), order.strategy, order.symbol);
            days.entry(key)
                .or_insert_with(|| Day::new(order.decided_at, order.strategy, order.symbol, order.currency))
                .add_order(order);
        }
        for held in holdings {
            let key = (held.day.utc_day(), held.strategy, held.symbol);
            let day = days
                .entry(key)
                .or_insert_with(|| Day::new(held.day, held.strategy, held.symbol, held.currency));
            day.line.unrealised_before = held.unrealised_before;
            day.line.unrealised_after = held.unrealised_after;
        }
        let mut sorted: Vec<&StatementTrade> = trades.iter().collect();
        sorted.sort_by_key(|t| (t.trade.transact_time, t.trade.symbol, t.trade.trade_id));
        let mut lines = Vec::with_capacity(sorted.len());
        for trade in sorted {
            let (at, symbol) = (trade.trade.transact_time, trade.trade.symbol);
            let book = books.get(&(symbol, trade.trade.order_id));
            let line = TradeLine::new(trade, book.map(|book| slippage(&trade.trade, *book)));
            days.entry((at.utc_day(), trade.strategy, symbol))
                .or_insert_with(|| Day::new(at, trade.strategy, symbol, trade.currency))
                .add_trade(&line);
            lines.push(line);
        }
        Self {
            version: Self::VERSION,
            trades: lines,
            days: days.into_values().map(Day::finished).collect(),
            statistics: None,
        }
    }

    /// The statement as one JSON object; amounts are strings, so that no digit is lost.
    ///
    /// # Errors
    /// None in practice: every field has a JSON form.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }
}

/// What the trade cost against the middle of the book: above zero when a buy paid more or a sale got less.
fn slippage(trade: &Trade, (bid, ask): (Price, Price)) -> Money {
    let middle = (bid.to_decimal() + ask.to_decimal()) / Money::TWO;
    let worse_by = match trade.side {
        Side::Buy => trade.last_px.to_decimal() - middle,
        Side::Sell => middle - trade.last_px.to_decimal(),
    };
    worse_by * trade.last_qty.to_decimal()
}

/// A ratio for reading; none of nothing.
fn ratio(part: Money, whole: Money) -> Option<Money> {
    let ratio = part.checked_div(whole)?;
    Some(ratio.round_dp(RATIO_PLACES).normalize())
}

impl TradeLine {
    fn new(booked: &StatementTrade, slippage: Option<Money>) -> Self {
        let trade = &booked.trade;
        let is_free = trade.commission.is_zero();
        Self {
            time: instant(trade.transact_time),
            strategy: booked.strategy,
            symbol: trade.symbol,
            trade_id: trade.trade_id.0,
            order_id: trade.order_id.0,
            side: trade.side.to_string(),
            qty: trade.last_qty,
            price: trade.last_px,
            value: notional(trade.last_qty, trade.last_px),
            currency: booked.currency,
            is_maker: trade.is_maker,
            commission: trade.commission.normalize(),
            commission_asset: trade.commission_asset.filter(|_| !is_free),
            fee: booked.fee.map(|fee| fee.normalize()),
            realised: booked.realised.normalize(),
            slippage: slippage.map(|slippage| slippage.normalize()),
            is_estimated: booked.is_estimated,
        }
    }
}

impl Day {
    fn new(at: Timestamp, strategy: StrategyId, symbol: Symbol, currency: Asset) -> Self {
        let zero = Money::ZERO;
        let line = DayLine {
            day: day(at),
            strategy,
            symbol,
            currency,
            trades: 0,
            orders: 0,
            turnover: zero,
            realised: zero,
            fees: zero,
            fees_unvalued: 0,
            pnl: zero,
            fill_ratio: None,
            maker_share: None,
            slippage: zero,
            slippage_bp: None,
            slippage_unknown: 0,
            is_estimated: false,
            unrealised_before: zero,
            unrealised_after: zero,
            net: zero,
        };
        Self {
            line,
            ratios: zero,
            maker: zero,
            slippage_value: zero,
        }
    }

    fn add_order(&mut self, order: &StatementOrder) {
        self.line.orders += 1;
        let (filled, ordered) = (order.cum_qty.to_decimal(), order.order_qty.to_decimal());
        self.ratios += filled.checked_div(ordered).unwrap_or_default();
    }

    fn add_trade(&mut self, trade: &TradeLine) {
        let line = &mut self.line;
        line.trades += 1;
        line.turnover += trade.value;
        line.realised += trade.realised;
        line.is_estimated |= trade.is_estimated;
        match trade.fee {
            Some(fee) => line.fees += fee,
            None => line.fees_unvalued += 1,
        }
        match trade.slippage {
            Some(slippage) => {
                line.slippage += slippage;
                self.slippage_value += trade.value;
            }
            None => line.slippage_unknown += 1,
        }
        if trade.is_maker {
            self.maker += trade.value;
        }
    }

    fn finished(self) -> DayLine {
        let line = self.line;
        let pnl = line.realised - line.fees;
        DayLine {
            pnl: pnl.normalize(),
            net: (pnl + line.unrealised_after - line.unrealised_before).normalize(),
            unrealised_before: line.unrealised_before.normalize(),
            unrealised_after: line.unrealised_after.normalize(),
            fill_ratio: ratio(self.ratios, Money::from(line.orders)),
            maker_share: ratio(self.maker, line.turnover),
            slippage_bp: ratio(line.slippage * Money::from(10_000), self.slippage_value),
            turnover: line.turnover.normalize(),
            realised: line.realised.normalize(),
            fees: line.fees.normalize(),
            slippage: line.slippage.normalize(),
            ..line
        }
    }
}
