//! Money that comes from outside and goes there: what an operator does.

use std::collections::BTreeMap;

use keel_domain::{Asset, Money, Timestamp};

use super::exchange::Exchange;
use super::{AccountId, ExchangeEvent, OrderError};

impl Exchange {
    /// Adds to what an account has free, or takes from it where `delta` is below zero. The account's client is told of a
    /// balance update.
    ///
    /// # Errors
    /// `InsufficientBalance` where less is free, or there is no such account; nothing changed.
    pub fn transfer(
        &mut self,
        now: Timestamp,
        account: AccountId,
        asset: Asset,
        delta: Money,
    ) -> Result<(), OrderError> {
        self.check_free(account, asset, -delta)?;
        let Some(owner) = self.accounts.get_mut(account.0) else {
            return Err(OrderError::InsufficientBalance);
        };
        owner.receive(asset, delta);
        *self.transfers.entry(asset).or_default() += delta;
        if owner.has_client {
            let event = ExchangeEvent::BalanceUpdate {
                account,
                asset,
                delta,
                time: now,
            };
            self.events.push_back(event);
        }
        self.tell_positions(now);
        Ok(())
    }

    /// What came from outside of each asset, less what went there.
    #[must_use]
    pub fn external_transfers(&self) -> &BTreeMap<Asset, Money> {
        &self.transfers
    }
}
