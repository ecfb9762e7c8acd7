//! What a report tells.

use std::collections::BTreeMap;

use keel_domain::{Asset, Money, Price, Qty, Side, SignedQty, StrategyId, Symbol, Timestamp};
use serde::Serialize;

use crate::Statement;

/// One run, from start to end. Its JSON has the fields as they are named here; numbers are strings, times nanoseconds.
#[derive(Debug, Clone, Serialize)]
pub struct RunReport {
    /// What ran.
    pub title: RunTitle,
    /// When it started.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// How it ended.
    pub ending: String,
    /// How many orders.
    pub orders: OrderCounts,
    /// Every trade of this run, oldest first.
    pub fills: Vec<Fill>,
    /// How often each rule refused an order.
    pub breaches: BTreeMap<String, u64>,
    /// Profit and loss by quote currency.
    pub pnl: Vec<QuotePnl>,
    /// Trades and days; none where they cannot be told exactly.
    pub statement: Option<Statement>,
    /// Balance change against trades, by asset.
    pub identity: Vec<AssetLine>,
    /// Whether every line of the identity is exact.
    pub identity_ok: bool,
    /// The identity in one currency, as it was last checked; none where it never was.
    pub identity_money: Option<MoneyLine>,
    /// What is held at the end.
    pub positions: Vec<PositionLine>,
    /// Equity over time, in the first quote currency.
    pub equity: Vec<Sample>,
    /// Price and position over time, by pair.
    pub charts: Vec<SymbolChart>,
    /// What a person was told during the run.
    pub alerts: Vec<String>,
}

/// What ran.
#[derive(Debug, Clone, Serialize)]
pub struct RunTitle {
    /// paper, testnet or live.
    pub mode: String,
    /// The venue's host.
    pub venue: String,
    /// The account, as the venue names it.
    pub account: String,
    /// The strategies.
    pub strategy: String,
    /// The pairs.
    pub symbols: Vec<Symbol>,
    /// The simulated market's seed.
    pub seed: Option<u64>,
    /// The simulated market's scenario.
    pub scenario: Option<String>,
    /// The hash of the effective configuration.
    pub config_hash: String,
    /// The build.
    pub build: String,
}

/// How many orders.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct OrderCounts {
    /// Approved and sent.
    pub submitted: u64,
    /// Ended by a cancel.
    pub canceled: u64,
    /// Refused by the venue.
    pub rejected: u64,
    /// Of unknown outcome at some time.
    pub unknown: u64,
    /// Not ours, in the same account.
    pub foreign: u64,
}

/// One trade.
#[derive(Debug, Clone, Serialize)]
pub struct Fill {
    /// Whose it is.
    pub strategy: StrategyId,
    /// When, by the venue's clock.
    pub at: Timestamp,
    /// The pair.
    pub symbol: Symbol,
    /// Which way.
    pub side: Side,
    /// Base.
    pub last_qty: Qty,
    /// Price.
    pub last_px: Price,
    /// Commission.
    pub commission: Money,
    /// Its asset.
    pub commission_asset: String,
    /// Whether our order rested.
    pub is_maker: bool,
    /// The order's id at the venue.
    pub order_id: u64,
    /// The trade's id.
    pub trade_id: u64,
}

/// Profit and loss in one currency.
#[derive(Debug, Clone, Serialize)]
pub struct QuotePnl {
    /// The currency.
    pub currency: Asset,
    /// Of what was closed, before fees.
    pub realised: Money,
    /// Of what is held, at the worse side of a fresh book; none where there was none.
    pub unrealised: Option<Money>,
    /// Fees, those in base valued at their trade's price.
    pub fees: Money,
    /// The value of all trades.
    pub turnover: Money,
}

impl QuotePnl {
    /// All of it after fees; none where what is held has no price.
    #[must_use]
    pub fn net(&self) -> Option<Money> {
        Some(self.realised + self.unrealised? - self.fees)
    }
}

/// One asset's balance change against its trades.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AssetLine {
    /// The asset.
    pub asset: Asset,
    /// Free and locked at the start, at the exchange.
    pub at_start: Money,
    /// Free and locked at the end, at the exchange.
    pub at_end: Money,
    /// What deposits, withdrawals, rewards and transfers brought and took.
    pub transferred: Money,
    /// What trades that are not ours brought and took, commissions included.
    pub foreign: Money,
    /// What our trades brought and took.
    pub traded: Money,
    /// What our commissions took.
    pub commission: Money,
    /// The change less transfers, foreign trades and ours, plus commissions: zero, or money is unaccounted for.
    pub difference: Money,
}

/// One check of the money identity in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MoneyLine {
    /// When.
    pub at: Timestamp,
    /// What is unaccounted for; none where an asset that moved had no fresh price, so that only the assets were checked.
    pub difference: Option<Money>,
    /// What is allowed.
    pub tolerance: Money,
    /// Why there is no difference.
    pub unpriced: Option<String>,
}

/// What one strategy holds of one pair, and has made of it.
#[derive(Debug, Clone, Serialize)]
pub struct PositionLine {
    /// Whose it is.
    pub strategy: StrategyId,
    /// The pair.
    pub symbol: Symbol,
    /// Base held.
    pub position: SignedQty,
    /// What it cost on average.
    pub avg_px: Option<Money>,
    /// Whether a part of the cost is an estimate.
    pub is_estimated: bool,
    /// The price it was valued at; none where there was no fresh one.
    pub mark: Option<Price>,
    /// Profit of what was closed, before fees, in quote.
    pub realised: Money,
    /// Fees in quote, those in base valued at their trade's price.
    pub fees: Money,
}

/// A value at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// When.
    pub at: Timestamp,
    /// How much.
    pub value: Money,
}

/// One pair over time.
#[derive(Debug, Clone, Serialize)]
pub struct SymbolChart {
    /// The pair.
    pub symbol: Symbol,
    /// Middle of the book.
    pub price: Vec<Sample>,
    /// Base held.
    pub position: Vec<Sample>,
}

impl RunReport {
    /// The report as one JSON object.
    ///
    /// # Errors
    /// None in practice: every field has a JSON form.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// The report as one HTML page without outside resources.
    #[must_use]
    pub fn to_html(&self) -> String {
        crate::html::page(self).into_string()
    }
}
