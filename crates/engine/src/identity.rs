//! Whether the money adds up: at every comparison of balances, what the venue has against everything that moved it.

use std::collections::{BTreeMap, BTreeSet};

use keel_domain::{AlertClass, Asset, Money, Symbol, Timestamp, TradeId};
use keel_execution::{Balance, VenueReport};
use keel_positions::{
    Account, AssetIdentity, Inexact, MoneyIdentity, Prices, Quote, SymbolBook, Transfer, TransferKind,
    ValuationError, asset_identity, money_identity,
};
use keel_risk::{HaltCause, TradingState};

use crate::{Fact, Step, Trader};

pub(crate) type Amounts = BTreeMap<Asset, Money>;

/// One check of the money identity. The start is the last baseline: the first comparison, or what an operator accepted since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoneyCheck {
    /// When.
    pub at: Timestamp,
    /// The assets of the pairs, of commissions and of transfers: what moved each, and what is unaccounted for.
    pub assets: Vec<AssetIdentity>,
    /// The identity in the first pair's quote currency; none where an asset that moved has no fresh price.
    pub money: Option<MoneyIdentity>,
    /// Why there is none.
    pub unpriced: Option<ValuationError>,
    /// One tick's value of what is held, and the venue's rounding of each trade's value.
    pub tolerance: Money,
    /// Whether nothing is unaccounted for, in any of the ways to count.
    pub is_ok: bool,
}

impl Trader {
    /// The last check of the money identity; none before the first.
    #[must_use]
    pub fn money_check(&self) -> Option<&MoneyCheck> {
        self.reconciliation.money.as_ref()
    }

    /// What trades, ours and others', and transfers made of each asset.
    ///
    /// # Errors
    /// [`Inexact`] where a sum needs more than 28 digits.
    pub(crate) fn explained(&mut self) -> Result<Amounts, Inexact> {
        self.with_account(Amounts::new(), Account::expected_balances)
    }

    /// Compares the venue's totals with a baseline and everything that is known to have moved them.
    ///
    /// # Errors
    /// [`Inexact`] where a sum needs more than 28 digits.
    pub(crate) fn check_money(
        &mut self,
        now: Timestamp,
        baseline: &Amounts,
        relevant: &BTreeSet<Asset>,
    ) -> Result<MoneyCheck, Inexact> {
        let only = |amounts: &Amounts| -> Amounts {
            let kept = amounts.iter().filter(|(asset, _)| relevant.contains(*asset));
            kept.map(|(asset, amount)| (*asset, *amount)).collect()
        };
        let (totals, prices) = (only(&self.totals()), self.prices(now));
        let currency = self.currency();
        let tolerance = self.tick_value() + self.rounding();
        let (assets, money) = self.with_account(only(baseline), |account| {
            let money = currency.map(|currency| money_identity(account, &totals, &prices, currency));
            Ok((asset_identity(account, &totals)?, money.transpose()))
        })?;
        let (money, unpriced) = match money {
            Ok(money) => (money, None),
            Err(why) => (None, Some(why)),
        };
        Ok(MoneyCheck {
            at: now,
            assets,
            money,
            unpriced,
            tolerance,
            is_ok: true,
        })
    }

    /// Tells once of an asset that keeps the identity from being checked in one currency, because no pair will ever give it
    /// a price.
    pub(crate) fn tell_unpriced(&mut self, check: &MoneyCheck, step: &mut Step) {
        let Some(ValuationError::Missing { from, to }) = check.unpriced else {
            return;
        };
        let pairs = self.settings.symbols.iter();
        let mut pairs = pairs.filter_map(|symbol| self.state.instruments.get(symbol));
        if pairs.any(|pair| pair.base == from || pair.quote == from) {
            return;
        }
        if self.reconciliation.unpriced.replace(from) != Some(from) {
            step.push_alert(AlertClass::MarketData.alert(format!(
                "{from} has moved and no configured pair gives it a price: the money is checked asset by asset, and not in {to}"
            )));
        }
    }

    pub(crate) fn keep_breach(&mut self, check: MoneyCheck) {
        self.counters.identity_breaches += 1;
        self.reconciliation.money = Some(MoneyCheck {
            is_ok: false,
            ..check
        });
    }

    /// What the account has beyond what is explained, and the check against the baseline. Without a baseline the account is
    /// taken as it is.
    pub(crate) fn compare(&mut self, now: Timestamp) -> Result<(Amounts, MoneyCheck), Inexact> {
        let explained = self.explained()?;
        let mut beyond = self.totals();
        for (asset, amount) in &explained {
            let total = beyond.entry(*asset).or_default();
            *total = total.checked_sub(*amount).ok_or(Inexact)?;
        }
        let pairs = self.state.instruments.values();
        let mut relevant: BTreeSet<Asset> = explained.into_keys().collect();
        relevant.extend(pairs.flat_map(|instrument| [instrument.base, instrument.quote]));
        let baseline = self.state.baseline.clone().unwrap_or_else(|| beyond.clone());
        let check = self.check_money(now, &baseline, &relevant)?;
        Ok((beyond, check))
    }

    /// The records contradict the venue's list of trades, or themselves: what they say of money cannot be trusted.
    pub(crate) fn on_breach_of_records(
        &mut self,
        now: Timestamp,
        check: &MoneyCheck,
        lost: &[(Symbol, TradeId)],
        step: &mut Step,
    ) {
        self.counters.differences += 1;
        let lost_of = |symbol: Symbol| lost.iter().find(|(of, _)| *of == symbol).map(|(_, id)| *id);
        for symbol in self.settings.symbols.clone() {
            let what = match (lost_of(symbol), check.money) {
                (Some(id), _) => format!("our records have trade {id}, and the venue does not list it"),
                (None, Some(money)) if lost.is_empty() => format!(
                    "money identity: the account changed by {} beyond profit, fees and transfers",
                    money.difference.normalize()
                ),
                (None, _) => continue,
            };
            self.reconciliation.first.get_or_insert(Err(what.clone()));
            if self.gate.state_of(symbol) < TradingState::ReduceOnly {
                let cause = HaltCause::Difference { what };
                self.restrict_symbol(now, symbol, TradingState::ReduceOnly, cause, step);
            }
        }
    }

    /// The venue rounds each trade's value to its own 1e-8.
    pub(crate) fn rounding(&self) -> Money {
        let ours = self.state.ledgers.books().map(|(_, _, book)| book);
        let foreign = self.state.foreign.books().map(|(_, book)| book);
        let trades: usize = ours.chain(foreign).map(SymbolBook::trade_count).sum();
        Money::new(i64::try_from(trades).unwrap_or(i64::MAX), 8)
    }

    /// Lends the ledgers to an account that starts with `baseline`, so that nothing is copied.
    fn with_account<T>(
        &mut self,
        baseline: Amounts,
        ask: impl FnOnce(&Account) -> Result<T, Inexact>,
    ) -> Result<T, Inexact> {
        let state = &mut self.state;
        let account = Account::of(
            baseline,
            std::mem::take(&mut state.ledgers),
            std::mem::take(&mut state.foreign),
            std::mem::take(&mut state.transfers),
        );
        let answer = ask(&account);
        (state.ledgers, state.foreign, state.transfers) = account.into_parts();
        answer
    }

    /// What the venue has, free and locked.
    pub(crate) fn totals(&self) -> Amounts {
        let total = |(asset, balance): (&Asset, &Balance)| (*asset, balance.free + balance.locked);
        self.balances.iter().map(total).collect()
    }

    /// What the account has of the pairs' assets, free and locked, in the first pair's quote currency: each at the worse side of fresh
    /// books. None before the balances are known, or where an asset that is held has no fresh price.
    #[must_use]
    pub fn equity(&self, now: Timestamp) -> Option<(Money, Asset)> {
        self.balances_at?;
        let currency = self.currency()?;
        let pairs = self.state.instruments.values();
        let assets: BTreeSet<Asset> = pairs.flat_map(|pair| [pair.base, pair.quote]).collect();
        let mut held = self.totals();
        held.retain(|asset, _| assets.contains(asset));
        let equity = self.prices(now).equity(&held, currency).ok()?;
        Some((equity, currency))
    }

    /// What the first pair is paid in.
    fn currency(&self) -> Option<Asset> {
        let first = self.settings.symbols.first()?;
        Some(self.state.instruments.get(first)?.quote)
    }

    fn prices(&self, now: Timestamp) -> Prices {
        let age_max = self.gate.limits().book_age_max;
        let mut prices = Prices::new(now, age_max);
        for instrument in self.state.instruments.values() {
            let Some(market) = self.markets.get(&instrument.symbol) else {
                continue;
            };
            // A book that gives its top is fresh now.
            if let Ok(top) = market.top(now, age_max) {
                let quote = Quote {
                    bid: top.bid.price,
                    ask: top.ask.price,
                    at: now,
                };
                prices.set(instrument.base, instrument.quote, quote);
            }
        }
        prices
    }

    /// What one tick of every pair's price makes of what is held, in the currency.
    fn tick_value(&self) -> Money {
        let currency = self.currency();
        let pairs = self.state.instruments.values();
        pairs
            .filter(|instrument| Some(instrument.quote) == currency)
            .map(|instrument| {
                let held = self.state.ledgers.position(instrument.symbol).to_decimal().abs();
                (held + self.dust(instrument.symbol)) * instrument.price_filter.tick_size.to_decimal()
            })
            .sum()
    }

    /// An asset moved, or was locked, without a trade of anyone. It is no profit, and nothing to sell.
    pub(crate) fn on_moved(&mut self, now: Timestamp, report: &VenueReport, step: &mut Step) {
        let (kind, asset, delta, transact_time) = match *report {
            VenueReport::Transfer {
                asset,
                delta,
                transact_time,
            } => (TransferKind::BalanceUpdate, asset, delta, transact_time),
            VenueReport::ExternalLock {
                asset,
                delta,
                transact_time,
            } => (TransferKind::ExternalLock, asset, delta, transact_time),
            _ => return,
        };
        let transfer = Transfer {
            transact_time,
            asset,
            delta,
            kind,
        };
        if self.state.transfers.contains(&transfer) {
            return;
        }
        self.record(now, step, Fact::Transfer(transfer));
        let what = match kind {
            TransferKind::BalanceUpdate if delta.is_sign_negative() => "left the account",
            TransferKind::BalanceUpdate => "came into the account",
            TransferKind::ExternalLock if delta.is_sign_negative() => "is unlocked from outside",
            TransferKind::ExternalLock => "is locked from outside",
        };
        step.push_alert(AlertClass::Transfer.alert(format!(
            "{} {asset} {what}: kept apart, neither ours nor profit",
            delta.abs().normalize()
        )));
    }
}
