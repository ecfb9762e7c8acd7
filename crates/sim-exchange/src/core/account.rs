//! Accounts: what each has, holds and did.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use keel_domain::{Asset, ClOrdId, MaxAsset, Money, OrderId, Symbol, Timestamp};

use super::order_lists::OrderList;
use super::{AccountConfig, AccountTrade, CommissionRates, OrderState, PreventedMatch};

/// An account of the exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub(super) usize);

impl AccountId {
    /// The number by which the venue names the account.
    #[must_use]
    pub fn uid(self) -> u64 {
        1_000_000 + self.0 as u64
    }
}

/// One asset of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AssetBalance {
    /// The asset.
    pub asset: Asset,
    /// Spendable.
    pub free: Money,
    /// Held by open orders.
    pub locked: Money,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Holding {
    pub(super) free: Money,
    pub(super) locked: Money,
}

/// How many orders an account has open on a pair.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct OpenCounts {
    pub(super) orders: u32,
    pub(super) algo: u32,
    pub(super) icebergs: u32,
}

#[derive(Debug)]
pub(super) struct Account {
    /// Whether a client uses it: background participants leave no history.
    pub(super) has_client: bool,
    /// Whether it does what was recorded, which no rule binds.
    pub(super) is_recorded: bool,
    pub(super) holdings: BTreeMap<Asset, Holding>,
    pub(super) open: BTreeSet<OrderId>,
    pub(super) open_by_client_id: BTreeMap<(Symbol, ClOrdId), OrderId>,
    /// Ended orders, by id. Bounded by [`Account::HISTORY_MAX`], oldest go first.
    pub(super) ended: BTreeMap<OrderId, OrderState>,
    /// Bounded by [`Account::HISTORY_MAX`], oldest go first.
    pub(super) trades: VecDeque<AccountTrade>,
    /// Bounded by [`Account::HISTORY_MAX`], oldest go first.
    pub(super) prevented: VecDeque<PreventedMatch>,
    /// Open and ended ones, by id. Bounded by [`Account::HISTORY_MAX`], oldest go first.
    pub(super) lists: BTreeMap<u64, OrderList>,
    pub(super) open_lists: BTreeSet<u64>,
    pub(super) counts: BTreeMap<Symbol, OpenCounts>,
    pub(super) rates: CommissionRates,
    pub(super) trade_group: Option<u64>,
    pub(super) max_assets: Vec<MaxAsset>,
    pub(super) updated_at: Timestamp,
    pub(super) touched: BTreeSet<Asset>,
}

impl Account {
    /// How many ended orders, and how many trades, an account keeps.
    pub(super) const HISTORY_MAX: usize = 100_000;

    pub(super) fn new(
        has_client: bool,
        config: &AccountConfig,
        rates: CommissionRates,
        now: Timestamp,
    ) -> Self {
        let holding = |(asset, free): &(Asset, Money)| {
            (
                *asset,
                Holding {
                    free: *free,
                    locked: Money::ZERO,
                },
            )
        };
        Self {
            has_client,
            is_recorded: false,
            holdings: config.funds.iter().map(holding).collect(),
            open: BTreeSet::new(),
            open_by_client_id: BTreeMap::new(),
            ended: BTreeMap::new(),
            trades: VecDeque::new(),
            prevented: VecDeque::new(),
            lists: BTreeMap::new(),
            open_lists: BTreeSet::new(),
            counts: BTreeMap::new(),
            rates,
            trade_group: config.trade_group,
            max_assets: config.max_assets.clone(),
            updated_at: now,
            touched: BTreeSet::new(),
        }
    }

    pub(super) fn free(&self, asset: Asset) -> Money {
        self.holdings
            .get(&asset)
            .map_or(Money::ZERO, |holding| holding.free)
    }

    /// Moves money between free and locked: positive locks. The caller has checked that it is there.
    pub(super) fn lock(&mut self, asset: Asset, amount: Money) {
        let holding = self.holdings.entry(asset).or_default();
        holding.free -= amount;
        holding.locked += amount;
        self.touched.insert(asset);
    }

    /// Takes money that was locked.
    pub(super) fn spend_locked(&mut self, asset: Asset, amount: Money) {
        self.holdings.entry(asset).or_default().locked -= amount;
        self.touched.insert(asset);
    }

    /// Takes money that is free. The caller has checked that it is there.
    pub(super) fn pay(&mut self, asset: Asset, amount: Money) {
        self.holdings.entry(asset).or_default().free -= amount;
        self.touched.insert(asset);
    }

    /// Counts an order that is open now.
    pub(super) fn opened(&mut self, order: &OrderState) {
        self.open.insert(order.order_id);
        self.open_by_client_id
            .insert((order.symbol, order.cl_ord_id), order.order_id);
        let counts = self.counts.entry(order.symbol).or_default();
        counts.orders += 1;
        counts.algo += u32::from(order.ord_type.trigger().is_some());
        counts.icebergs += u32::from(!order.iceberg_qty.is_zero());
    }

    /// Counts an order that is open no more, and keeps it.
    pub(super) fn closed(&mut self, order: OrderState) {
        self.open.remove(&order.order_id);
        self.open_by_client_id.remove(&(order.symbol, order.cl_ord_id));
        if let Some(counts) = self.counts.get_mut(&order.symbol) {
            counts.orders -= 1;
            counts.algo -= u32::from(order.ord_type.trigger().is_some());
            counts.icebergs -= u32::from(!order.iceberg_qty.is_zero());
        }
        self.keep_ended(order);
    }

    /// Gives money.
    pub(super) fn receive(&mut self, asset: Asset, amount: Money) {
        self.holdings.entry(asset).or_default().free += amount;
        self.touched.insert(asset);
    }

    pub(super) fn balances(&self) -> Vec<AssetBalance> {
        let balance = |(asset, holding): (&Asset, &Holding)| AssetBalance {
            asset: *asset,
            free: holding.free,
            locked: holding.locked,
        };
        self.holdings.iter().map(balance).collect()
    }

    fn keep_ended(&mut self, order: OrderState) {
        if !self.has_client {
            return;
        }
        self.ended.insert(order.order_id, order);
        if self.ended.len() > Self::HISTORY_MAX {
            self.ended.pop_first();
        }
    }

    pub(super) fn keep_trade(&mut self, trade: AccountTrade) {
        if !self.has_client {
            return;
        }
        self.trades.push_back(trade);
        if self.trades.len() > Self::HISTORY_MAX {
            self.trades.pop_front();
        }
    }

    pub(super) fn keep_prevented(&mut self, prevented: PreventedMatch) {
        if !self.has_client {
            return;
        }
        self.prevented.push_back(prevented);
        if self.prevented.len() > Self::HISTORY_MAX {
            self.prevented.pop_front();
        }
    }

    pub(super) fn keep_list(&mut self, list: OrderList) {
        self.open_lists.insert(list.id);
        self.lists.insert(list.id, list);
        if self.lists.len() > Self::HISTORY_MAX {
            self.lists.pop_first();
        }
    }
}
