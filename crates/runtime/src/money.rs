//! A run's money: the account at both ends, and everything that moved it between.

use std::collections::BTreeMap;

use keel_domain::{Asset, Money, StrategyId, Timestamp, Trade};
use keel_engine::{MoneyCheck, Trader};
use keel_execution::Balance;
use keel_monitoring::IdentityLine;
use keel_positions::{Account, AssetIdentity, Owner, Transfer, asset_identity};
use keel_report::{AssetLine, MoneyLine};

/// What is known of the account during a run.
#[derive(Debug, Default)]
pub(crate) struct RunMoney {
    at_start: Option<(BTreeMap<Asset, Money>, Timestamp)>,
    at_end: Option<BTreeMap<Asset, Money>>,
    foreign: Vec<Trade>,
    transfers: Vec<Transfer>,
}

impl RunMoney {
    /// Takes the whole account, as of a time by the venue's clock.
    pub(crate) fn on_account(&mut self, balances: &[Balance], update_time: Timestamp) {
        let totals: BTreeMap<Asset, Money> = balances.iter().map(|b| (b.asset, b.free + b.locked)).collect();
        if self.at_start.is_none() {
            self.at_start = Some((totals.clone(), update_time));
        }
        self.at_end = Some(totals);
    }

    pub(crate) fn on_foreign(&mut self, trade: Trade) {
        self.foreign.push(trade);
    }

    pub(crate) fn on_transfer(&mut self, transfer: Transfer) {
        self.transfers.push(transfer);
    }

    /// From now on the next whole account is the last.
    pub(crate) fn forget_end(&mut self) {
        self.at_end = None;
    }

    pub(crate) fn has_end(&self) -> bool {
        self.at_end.is_some()
    }

    /// The identity by asset; none without the balances at both ends, or where a trade cannot be booked.
    pub(crate) fn identity(&self, fills: &[(StrategyId, Trade)], trader: &Trader) -> Option<Vec<AssetLine>> {
        let (at_start, since) = self.at_start.clone()?;
        let mut account = Account::new(at_start);
        let owned = fills.iter().map(|(id, trade)| (Owner::Strategy(*id), trade));
        let foreign = self.foreign.iter().map(|trade| (Owner::Foreign, trade));
        // What moved before the first balances were taken is in them.
        for (owner, trade) in owned
            .chain(foreign)
            .filter(|(_, trade)| trade.transact_time > since)
        {
            let instrument = trader.instrument(trade.symbol)?;
            account
                .apply(owner, trade, instrument.base, instrument.quote)
                .ok()?;
        }
        for transfer in self.transfers.iter().filter(|moved| moved.transact_time > since) {
            // Each was recorded once.
            let _new = account.transfer(*transfer);
        }
        let lines = asset_identity(&account, self.at_end.as_ref()?).ok()?;
        Some(lines.into_iter().map(asset_line).collect())
    }
}

/// A check of the money identity as monitoring shows it.
pub(crate) fn identity_line(check: &MoneyCheck) -> IdentityLine {
    let of = |line: &AssetIdentity| (line.asset.to_string(), line.difference);
    IdentityLine {
        at: check.at,
        is_ok: check.is_ok,
        difference: check.money.map(|money| money.difference),
        assets: check.assets.iter().map(of).collect(),
    }
}

/// The same, in one currency, as the report shows it.
pub(crate) fn money_line(check: &MoneyCheck) -> MoneyLine {
    MoneyLine {
        at: check.at,
        difference: check.money.map(|money| money.difference),
        tolerance: check.tolerance,
        unpriced: check.unpriced.map(|why| why.to_string()),
    }
}

fn asset_line(line: AssetIdentity) -> AssetLine {
    AssetLine {
        asset: line.asset,
        at_start: line.at_start,
        at_end: line.at_venue,
        transferred: line.transferred,
        foreign: line.foreign,
        traded: line.traded,
        commission: line.commission,
        difference: line.difference,
    }
}
