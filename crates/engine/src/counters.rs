//! What is counted for people.

use std::collections::BTreeMap;

use keel_risk::Rule;

/// Counts for displays and reports; not durable.
#[derive(Debug, Clone, Default)]
pub struct Counters {
    /// Orders approved and handed out to be sent.
    pub submitted: u64,
    /// Orders that the venue refused.
    pub rejected: u64,
    /// Orders that ended by a cancel.
    pub canceled: u64,
    /// Orders whose outcome became unknown.
    pub unknown: u64,
    /// Trades booked.
    pub fills: u64,
    /// Orders that the gate refused, by rule.
    pub refused: BTreeMap<Rule, u64>,
    /// Wishes of the strategy that were dropped while a pause or a missing session forbade orders.
    pub held_back: u64,
    /// Orders and trades in the account that are not ours.
    pub foreign: u64,
    /// Prices beyond the band of the last good one that no second reading had confirmed yet.
    pub price_jumps: u64,
    /// Updates of the market feed that told a price of zero.
    pub zero_prices: u64,
    /// The venue's bars that were compared with bars made of its trades.
    pub bars_compared: u64,
    /// Those of them that were not the same.
    pub bars_differing: u64,
    /// Differences from the venue that reconciliation found.
    pub differences: u64,
    /// Checks of the money identity that found money or trades unaccounted for.
    pub identity_breaches: u64,
}
