//! Whose money: strategies' ledgers, and what is not theirs.

use std::collections::{BTreeMap, BTreeSet};

use keel_domain::{Asset, Instrument, Money, Qty, StrategyId, Timestamp, Trade};
use serde::{Deserialize, Serialize};

use crate::exact::{add, sub};
use crate::{Applied, Inexact, Ledger, LedgerError, Ledgers};

/// Whose a trade is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Owner {
    /// An order of this strategy.
    Strategy(StrategyId),
    /// An order that is not ours: a person's, or another program's.
    Foreign,
}

/// What moved an asset without a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TransferKind {
    /// A deposit, withdrawal, reward or transfer between accounts: the event (`balanceUpdate`) does not say which.
    BalanceUpdate,
    /// A part of the balance was locked or unlocked from outside (`externalLockUpdate`). It stays in the balance.
    ExternalLock,
}

/// A movement without a trade. Never ours, never sold, never profit. The venue gives it no id, so all of its fields are its
/// key: of two alike in the same millisecond one is taken for a repetition, and shows as a difference to the balances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Transfer {
    /// When, by the venue's clock (its clear time).
    pub transact_time: Timestamp,
    /// What moved.
    pub asset: Asset,
    /// How much: positive came in, or was locked.
    pub delta: Money,
    /// What the event was.
    pub kind: TransferKind,
}

/// Why an account cannot book something. It is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// The trade is another owner's already.
    #[error("{}: trade {} is booked for {known:?} and now comes for {other:?}", .trade.symbol, .trade.trade_id)]
    OtherOwner {
        /// The trade.
        trade: Box<Trade>,
        /// Whose it is.
        known: Owner,
        /// Whose it would be.
        other: Owner,
    },
    /// The owner's ledger refuses it.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// One account at the venue: what was there before us, what each strategy traded, and what others did meanwhile.
///
/// ```
/// use std::collections::BTreeMap;
/// use keel_domain::{Asset, Money};
/// use keel_positions::{Account, Transfer, TransferKind};
///
/// let eth: Asset = "ETH".parse()?;
/// let mut account = Account::new(BTreeMap::from([(eth, Money::from(5))]));
/// account.transfer(Transfer {
///     transact_time: keel_domain::Timestamp::EPOCH,
///     asset: eth,
///     delta: Money::from(2),
///     kind: TransferKind::BalanceUpdate,
/// });
/// // Seven are expected at the venue, and none of them is ours to sell.
/// assert_eq!(account.expected_balances()?[&eth], Money::from(7));
/// assert_eq!(account.not_ours()?[&eth], Money::from(7));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    at_start: BTreeMap<Asset, Money>,
    strategies: Ledgers,
    foreign: Ledger,
    transfers: BTreeSet<Transfer>,
}

type Amounts = BTreeMap<Asset, Money>;

fn accumulate(sums: &mut Amounts, amounts: impl IntoIterator<Item = (Asset, Money)>) -> Result<(), Inexact> {
    for (asset, amount) in amounts {
        let sum = sums.entry(asset).or_default();
        *sum = add(*sum, amount)?;
    }
    Ok(())
}

impl Account {
    /// An account that holds these totals (free and locked) before the first trade.
    #[must_use]
    pub fn new(at_start: BTreeMap<Asset, Money>) -> Self {
        Self {
            at_start,
            ..Self::default()
        }
    }

    /// An account put together from ledgers that are kept elsewhere: the strategies', and that of trades which are not ours.
    /// No trade may be in both.
    #[must_use]
    pub fn of(
        at_start: BTreeMap<Asset, Money>,
        strategies: Ledgers,
        foreign: Ledger,
        transfers: BTreeSet<Transfer>,
    ) -> Self {
        Self {
            at_start,
            strategies,
            foreign,
            transfers,
        }
    }

    /// What [`Account::of`] took: the strategies' ledgers, that of foreign trades, and the transfers.
    #[must_use]
    pub fn into_parts(self) -> (Ledgers, Ledger, BTreeSet<Transfer>) {
        (self.strategies, self.foreign, self.transfers)
    }

    /// Books a trade of a pair of `base` and `quote` for its owner, once.
    ///
    /// # Errors
    /// [`AccountError`]; nothing changed.
    pub fn apply(
        &mut self,
        owner: Owner,
        trade: &Trade,
        base: Asset,
        quote: Asset,
    ) -> Result<Applied, AccountError> {
        if let Some(known) = self.owner(trade).filter(|known| *known != owner) {
            return Err(AccountError::OtherOwner {
                trade: Box::new(*trade),
                known,
                other: owner,
            });
        }
        match owner {
            Owner::Foreign => Ok(self.foreign.apply(trade, base, quote)?),
            Owner::Strategy(id) => Ok(self.strategies.apply(id, trade, base, quote)?),
        }
    }

    fn owner(&self, trade: &Trade) -> Option<Owner> {
        let strategy = self.strategies.owner(trade.symbol, trade.trade_id);
        let is_foreign = self.foreign.contains(trade.symbol, trade.trade_id);
        strategy
            .map(Owner::Strategy)
            .or_else(|| is_foreign.then_some(Owner::Foreign))
    }

    /// Books a movement without a trade, once.
    pub fn transfer(&mut self, transfer: Transfer) -> Applied {
        if self.transfers.insert(transfer) {
            Applied::New
        } else {
            Applied::Duplicate
        }
    }

    /// The strategies' ledgers.
    #[must_use]
    pub fn strategies(&self) -> &Ledgers {
        &self.strategies
    }

    /// The strategies' ledgers, for dust and adjustments.
    pub fn strategies_mut(&mut self) -> &mut Ledgers {
        &mut self.strategies
    }

    /// The trades that are not ours.
    #[must_use]
    pub fn foreign(&self) -> &Ledger {
        &self.foreign
    }

    /// The movements without trades, oldest first.
    pub fn transfers(&self) -> impl Iterator<Item = &Transfer> {
        self.transfers.iter()
    }

    /// What was held before the first trade.
    #[must_use]
    pub fn at_start(&self) -> &BTreeMap<Asset, Money> {
        &self.at_start
    }

    /// What deposits, withdrawals, rewards and transfers changed of each asset.
    ///
    /// # Errors
    /// [`Inexact`] where a sum needs more than 28 digits.
    pub fn transferred(&self) -> Result<BTreeMap<Asset, Money>, Inexact> {
        self.moved(TransferKind::BalanceUpdate)
    }

    /// What is locked from outside of each asset; it cannot be sold.
    ///
    /// # Errors
    /// [`Inexact`] where a sum needs more than 28 digits.
    pub fn externally_locked(&self) -> Result<BTreeMap<Asset, Money>, Inexact> {
        self.moved(TransferKind::ExternalLock)
    }

    fn moved(&self, kind: TransferKind) -> Result<Amounts, Inexact> {
        let of_kind = self.transfers.iter().filter(|transfer| transfer.kind == kind);
        let mut sums = Amounts::new();
        accumulate(
            &mut sums,
            of_kind.map(|transfer| (transfer.asset, transfer.delta)),
        )?;
        Ok(sums)
    }

    /// What the strategies' trades changed of each asset, commissions included.
    ///
    /// # Errors
    /// [`Inexact`] where a sum needs more than 28 digits.
    pub fn our_changes(&self) -> Result<BTreeMap<Asset, Money>, Inexact> {
        let flows = self.strategies.asset_flows()?.into_iter();
        flows
            .map(|(asset, flow)| Ok((asset, sub(flow.traded, flow.commission)?)))
            .collect()
    }

    /// The totals that the venue should show: what was held at the start, moved by transfers and by everyone's trades.
    ///
    /// # Errors
    /// [`Inexact`] where a sum needs more than 28 digits.
    pub fn expected_balances(&self) -> Result<BTreeMap<Asset, Money>, Inexact> {
        let mut sums = self.at_start.clone();
        accumulate(&mut sums, self.transferred()?)?;
        accumulate(&mut sums, self.foreign.asset_changes()?)?;
        accumulate(&mut sums, self.our_changes()?)?;
        Ok(sums)
    }

    /// What is left of each expected balance after the strategies' positions and dust. Below zero, commissions, a
    /// withdrawal or a foreign sale have eaten a position, and as much of it cannot be sold.
    ///
    /// # Errors
    /// [`Inexact`] where a sum needs more than 28 digits.
    pub fn not_ours(&self) -> Result<BTreeMap<Asset, Money>, Inexact> {
        let mut rest = self.expected_balances()?;
        for (_, _, book) in self.strategies.books() {
            let left = rest.entry(book.base()).or_default();
            *left = sub(*left, add(book.average().position(), book.dust().position())?)?;
        }
        Ok(rest)
    }

    /// What a strategy may sell of a pair: never above its own position, never above what is free at the venue, floored
    /// to the step.
    #[must_use]
    pub fn sellable(&self, id: StrategyId, instrument: &Instrument, free_at_venue: Money) -> Qty {
        let position = self
            .strategies
            .of(id)
            .map_or(Qty::ZERO, |ledger| ledger.position(instrument.symbol).long());
        let free = Qty::from_decimal(free_at_venue.trunc_with_scale(8)).unwrap_or(Qty::ZERO);
        position.min(free).floor_to(instrument.lot_size.step)
    }
}
