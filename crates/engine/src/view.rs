//! What others may look at.

use std::time::Duration;

use keel_domain::{Asset, Instrument, Price, Symbol, Timestamp};
use keel_execution::Balance;
use keel_market_data::Stream;
use keel_risk::{HaltCause, RiskLimits, TradingState};

use crate::{Counters, DurableState, Trader};

impl Trader {
    /// The durable state: orders, ledger, restriction.
    #[must_use]
    pub fn state(&self) -> &DurableState {
        &self.state
    }

    /// Counts since this process started.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What is permitted now.
    #[must_use]
    pub fn trading_state(&self) -> TradingState {
        self.gate.state()
    }

    /// What is permitted now on one symbol.
    #[must_use]
    pub fn trading_state_of(&self, symbol: Symbol) -> TradingState {
        self.gate.state_of(symbol)
    }

    /// Why trading is restricted, while it is.
    #[must_use]
    pub fn restriction_cause(&self) -> Option<&HaltCause> {
        self.gate.cause()
    }

    /// The limits in force.
    #[must_use]
    pub fn limits(&self) -> &RiskLimits {
        self.gate.limits()
    }

    /// Whether the session with the venue has been up since the start of this process.
    #[must_use]
    pub fn has_been_up(&self) -> bool {
        self.has_been_up
    }

    /// Whether the session with the venue is up now.
    #[must_use]
    pub fn is_session_up(&self) -> bool {
        self.session_up
    }

    /// The account's balances, as the venue told last; none before it did.
    pub fn balances(&self) -> Option<impl Iterator<Item = &Balance>> {
        self.balances_at.map(|_| self.balances.values())
    }

    /// One balance, as the venue told last.
    #[must_use]
    pub fn balance(&self, asset: Asset) -> Option<&Balance> {
        self.balances.get(&asset)
    }

    /// The pair's description, once the venue gave it.
    #[must_use]
    pub fn instrument(&self, symbol: Symbol) -> Option<&Instrument> {
        self.state.instruments.get(&symbol)
    }

    /// Time since the book's last update arrived; none while it is not synchronised.
    #[must_use]
    pub fn book_age(&self, now: Timestamp, symbol: Symbol) -> Option<Duration> {
        self.markets.get(&symbol).and_then(|market| market.book.age(now))
    }

    /// Time since each stream of the pair was heard last; none of one that never was.
    pub fn data_ages(&self, now: Timestamp, symbol: Symbol) -> impl Iterator<Item = (Stream, Duration)> {
        let market = self.markets.get(&symbol);
        market.into_iter().flat_map(move |market| {
            market
                .heard
                .iter()
                .map(move |(stream, at)| (*stream, now.since(*at)))
        })
    }

    /// The price of the last public trade.
    #[must_use]
    pub fn last_trade(&self, symbol: Symbol) -> Option<Price> {
        self.markets.get(&symbol).and_then(|market| market.last_trade)
    }
}
