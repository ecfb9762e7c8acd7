//! What an operator of the exchange changes while it runs.

use keel_domain::{ExchangeLimits, Instrument, MaxAsset, Symbol, Timestamp};

use super::{AccountId, Exchange, OrderRef};

impl Exchange {
    /// Puts a pair's rules in place of its present ones, and gives those back; nothing, where there is no such pair or
    /// base and quote differ.
    pub fn replace_instrument(&mut self, instrument: Instrument) -> Option<Instrument> {
        let market = self.markets.get_mut(&instrument.symbol)?;
        let is_same_pair =
            market.instrument.base == instrument.base && market.instrument.quote == instrument.quote;
        is_same_pair.then(|| std::mem::replace(&mut market.instrument, instrument))
    }

    /// Puts other limits over all pairs in place of the present ones. What is open beyond them stays.
    pub fn set_limits(&mut self, limits: ExchangeLimits) {
        self.limits = limits;
    }

    /// Puts other limits of assets in place of an account's. What is open beyond them stays.
    pub fn set_max_assets(&mut self, account: AccountId, most: Vec<MaxAsset>) {
        if let Some(owner) = self.accounts.get_mut(account.0) {
            owner.max_assets = most;
        }
    }

    /// Cancels every client's open orders of a pair.
    pub fn cancel_clients_orders(&mut self, now: Timestamp, symbol: Symbol) {
        let accounts: Vec<AccountId> = (0..).map_while(|index| self.account(index)).collect();
        for account in accounts {
            let open: Vec<_> = self
                .open_orders(account, Some(symbol))
                .map(|order| order.order_id)
                .collect();
            for order_id in open {
                // An order of a list may have ended with an earlier one of it.
                let _ended_already = self.cancel(now, account, symbol, OrderRef::OrderId(order_id), None);
            }
        }
    }
}
