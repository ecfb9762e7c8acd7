//! What an account can ask about its orders and trades.

use keel_domain::{ClOrdId, OrderId, Symbol, Timestamp, TradeId};

use super::exchange::Exchange;
use super::{AccountId, AccountTrade, OrderError, OrderRef, OrderState, PreventedMatch};

/// Which trades of an account are wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct TradeQuery {
    /// Of this order only.
    pub order_id: Option<OrderId>,
    /// From this trade on, oldest first; without it and without `start`, the latest.
    pub from_id: Option<TradeId>,
    /// From this time on.
    pub start: Option<Timestamp>,
    /// Until this time.
    pub end: Option<Timestamp>,
    /// At most so many.
    pub limit: usize,
}

/// Which allocations of an account are wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct AllocationQuery {
    /// Of this order only.
    pub order_id: Option<OrderId>,
    /// From this allocation on.
    pub from_id: Option<u64>,
    /// From this time on.
    pub start: Option<Timestamp>,
    /// Until this time; without a start, the newest until then.
    pub end: Option<Timestamp>,
    /// At most so many.
    pub limit: usize,
}

/// Which orders of an account are wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct OrderQuery {
    /// From this order on, oldest first; without it and without `start`, the latest.
    pub from_id: Option<OrderId>,
    /// From this time on.
    pub start: Option<Timestamp>,
    /// Until this time.
    pub end: Option<Timestamp>,
    /// At most so many.
    pub limit: usize,
}

impl Exchange {
    /// One order of an account, open or ended.
    ///
    /// # Errors
    /// `UnknownOrder`, `IdMismatch`.
    pub fn order(&self, account: AccountId, symbol: Symbol, by: OrderRef) -> Result<&OrderState, OrderError> {
        let owner = self.accounts.get(account.0).ok_or(OrderError::UnknownOrder)?;
        let by_id = |order_id: OrderId| {
            let open = self
                .orders
                .get(&order_id)
                .filter(|order| order.account == account);
            open.or_else(|| owner.ended.get(&order_id))
                .filter(|order| order.symbol == symbol)
        };
        let by_client_id = |id: ClOrdId| {
            let open = owner
                .open_by_client_id
                .get(&(symbol, id))
                .and_then(|order_id| self.orders.get(order_id));
            // The latest: a client may use the id of an ended order again.
            open.or_else(|| {
                owner
                    .ended
                    .values()
                    .rev()
                    .find(|o| o.cl_ord_id == id && o.symbol == symbol)
            })
        };
        let found = match by {
            OrderRef::OrderId(order_id) => by_id(order_id),
            OrderRef::ClOrdId(id) => by_client_id(id),
            OrderRef::Both(order_id, id) => match by_id(order_id) {
                Some(order) if order.cl_ord_id != id => return Err(OrderError::IdMismatch),
                other => other,
            },
        };
        found.ok_or(OrderError::UnknownOrder)
    }

    /// Open orders of an account, oldest first.
    pub fn open_orders(
        &self,
        account: AccountId,
        symbol: Option<Symbol>,
    ) -> impl Iterator<Item = &OrderState> {
        let ids = self
            .accounts
            .get(account.0)
            .into_iter()
            .flat_map(|owner| owner.open.iter());
        ids.filter_map(|id| self.orders.get(id))
            .filter(move |order| symbol.is_none_or(|s| s == order.symbol))
    }

    /// Orders of an account on a pair, open or ended, oldest first.
    #[must_use]
    pub fn all_orders(&self, account: AccountId, symbol: Symbol, query: OrderQuery) -> Vec<OrderState> {
        let Some(owner) = self.accounts.get(account.0) else {
            return Vec::new();
        };
        let mut all: Vec<&OrderState> = owner
            .ended
            .values()
            .chain(owner.open.iter().filter_map(|id| self.orders.get(id)))
            .collect();
        all.retain(|order| {
            order.symbol == symbol
                && query.from_id.is_none_or(|from| order.order_id >= from)
                && query.start.is_none_or(|start| order.created_at >= start)
                && query.end.is_none_or(|end| order.created_at <= end)
        });
        all.sort_by_key(|order| order.order_id);
        let skip = if query.from_id.is_some() || query.start.is_some() {
            0
        } else {
            all.len().saturating_sub(query.limit)
        };
        all.into_iter().skip(skip).take(query.limit).cloned().collect()
    }

    /// Trades of an account on a pair, oldest first.
    #[must_use]
    pub fn my_trades(&self, account: AccountId, symbol: Symbol, query: TradeQuery) -> Vec<AccountTrade> {
        let Some(owner) = self.accounts.get(account.0) else {
            return Vec::new();
        };
        let is_wanted = |trade: &&AccountTrade| {
            trade.symbol == symbol
                && trade.allocation_id.is_none()
                && query.order_id.is_none_or(|id| trade.order_id == id)
                && query.from_id.is_none_or(|id| trade.trade_id >= id)
                && query.start.is_none_or(|start| trade.time >= start)
                && query.end.is_none_or(|end| trade.time <= end)
        };
        let wanted: Vec<AccountTrade> = owner.trades.iter().filter(is_wanted).copied().collect();
        let from_the_start = query.from_id.is_some() || query.start.is_some();
        let skip = if from_the_start {
            0
        } else {
            wanted.len().saturating_sub(query.limit)
        };
        wanted.into_iter().skip(skip).take(query.limit).collect()
    }

    /// Fills of an account's orders on a pair by smart order routing, oldest first.
    #[must_use]
    pub fn allocations(
        &self,
        account: AccountId,
        symbol: Symbol,
        query: AllocationQuery,
    ) -> Vec<AccountTrade> {
        let Some(owner) = self.accounts.get(account.0) else {
            return Vec::new();
        };
        let is_wanted = |trade: &&AccountTrade| {
            trade.symbol == symbol
                && trade
                    .allocation_id
                    .is_some_and(|id| query.from_id.is_none_or(|from| id >= from))
                && query.order_id.is_none_or(|id| trade.order_id == id)
                && query.start.is_none_or(|start| trade.time >= start)
                && query.end.is_none_or(|end| trade.time <= end)
        };
        let wanted: Vec<AccountTrade> = owner.trades.iter().filter(is_wanted).copied().collect();
        let is_newest = query.end.is_some() && query.start.is_none();
        let skip = if is_newest {
            wanted.len().saturating_sub(query.limit)
        } else {
            0
        };
        wanted.into_iter().skip(skip).take(query.limit).collect()
    }

    /// Matches of an account on a pair that were prevented, oldest first.
    pub fn prevented_matches(
        &self,
        account: AccountId,
        symbol: Symbol,
    ) -> impl Iterator<Item = &PreventedMatch> {
        let owner = self.accounts.get(account.0);
        let matches = owner.into_iter().flat_map(|owner| owner.prevented.iter());
        matches.filter(move |prevented| prevented.symbol == symbol)
    }
}
