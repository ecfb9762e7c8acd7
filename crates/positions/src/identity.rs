//! Whether the money adds up, and three ways to the same position.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use keel_domain::{Asset, Money, Symbol, TradeId};

use crate::exact::{add, sub};
use crate::{Account, Flow, Inexact, Ledger, Prices, SymbolBook, ValuationError};

type Amounts = BTreeMap<Asset, Money>;

/// One asset: what was there, what moved it, and what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AssetIdentity {
    /// The asset.
    pub asset: Asset,
    /// Free and locked at the start.
    pub at_start: Money,
    /// Free and locked at the venue now.
    pub at_venue: Money,
    /// What deposits, withdrawals, rewards and transfers brought and took.
    pub transferred: Money,
    /// What trades that are not ours brought and took, commissions included.
    pub foreign: Money,
    /// What our trades brought and took.
    pub traded: Money,
    /// What commissions took of it.
    pub commission: Money,
    /// The change less all of these: zero, or money is unaccounted for.
    pub difference: Money,
}

/// One line for every asset that has a balance or moved; nothing is rounded.
///
/// # Errors
/// [`Inexact`] where a sum needs more than 28 digits.
pub fn asset_identity(account: &Account, at_venue: &Amounts) -> Result<Vec<AssetIdentity>, Inexact> {
    let (transferred, foreign) = (account.transferred()?, account.foreign().asset_changes()?);
    let ours = account.strategies().asset_flows()?;
    let assets: BTreeSet<Asset> = [account.at_start(), at_venue, &transferred, &foreign]
        .into_iter()
        .flat_map(|amounts| amounts.keys())
        .chain(ours.keys())
        .copied()
        .collect();
    let of = |amounts: &Amounts, asset| amounts.get(&asset).copied().unwrap_or_default();
    let line = |asset| {
        let Flow { traded, commission } = ours.get(&asset).copied().unwrap_or_default();
        let (at_start, at_venue) = (of(account.at_start(), asset), of(at_venue, asset));
        let (transferred, foreign) = (of(&transferred, asset), of(&foreign, asset));
        let expected = add(
            add(at_start, transferred)?,
            add(foreign, sub(traded, commission)?)?,
        )?;
        Ok(AssetIdentity {
            asset,
            at_start,
            at_venue,
            transferred,
            foreign,
            traded,
            commission,
            difference: sub(at_venue, expected)?,
        })
    };
    assets.into_iter().map(line).collect()
}

/// The money identity in one currency, everything valued at the same prices:
/// `equity_change - transferred - foreign = realised + unrealised - fees - adopted`.
///
/// The left side comes from balances, the right side from the ledgers' average cost. Values are rounded at 28 digits,
/// far below any tick.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MoneyIdentity {
    /// The venue's balances now less those at the start.
    pub equity_change: Money,
    /// Deposits, withdrawals, rewards and transfers.
    pub transferred: Money,
    /// Trades that are not ours, with their commissions.
    pub foreign: Money,
    /// Profit of what was closed, before fees.
    pub realised: Money,
    /// Profit of what is held, dust included.
    pub unrealised: Money,
    /// Commissions in every asset.
    pub fees: Money,
    /// Profit since adoption of what was taken over without known trades: it was in the balances at the start.
    pub adopted: Money,
    /// The left side less the right.
    pub difference: Money,
}

/// The money identity of an account at the venue's balances, in `currency`.
///
/// # Errors
/// [`ValuationError`] of an asset that moved and has no fresh price.
pub fn money_identity(
    account: &Account,
    at_venue: &Amounts,
    prices: &Prices,
    currency: Asset,
) -> Result<MoneyIdentity, ValuationError> {
    let marks = Marks { prices, currency };
    let mut identity = MoneyIdentity::default();
    for line in asset_identity(account, at_venue)? {
        let change = sub(line.at_venue, line.at_start)?;
        for (sum, amount) in [
            (&mut identity.equity_change, change),
            (&mut identity.transferred, line.transferred),
            (&mut identity.foreign, line.foreign),
        ] {
            marks.add(sum, amount, line.asset)?;
        }
    }
    for (_, _, book) in account.strategies().books() {
        identity.add_book(book, &marks)?;
    }
    let left = [identity.equity_change, -identity.transferred, -identity.foreign];
    let right = [
        -identity.realised,
        -identity.unrealised,
        identity.fees,
        identity.adopted,
    ];
    let sides = left.into_iter().chain(right);
    identity.difference = sides
        .into_iter()
        .try_fold(Money::ZERO, Money::checked_add)
        .ok_or(Inexact)?;
    Ok(identity)
}

/// One price for each asset, whichever way it is held: the value of one unit sold now.
struct Marks<'a> {
    prices: &'a Prices,
    currency: Asset,
}

impl Marks<'_> {
    /// Adds an amount's value, rounded at 28 digits. Nothing is worth nothing, without a price.
    fn add(&self, sum: &mut Money, amount: Money, asset: Asset) -> Result<(), ValuationError> {
        if !amount.is_zero() {
            let mark = self.prices.value(Money::ONE, asset, self.currency)?;
            let value = amount.checked_mul(mark).ok_or(Inexact)?;
            *sum = sum.checked_add(value).ok_or(Inexact)?;
        }
        Ok(())
    }
}

impl MoneyIdentity {
    fn add_book(&mut self, book: &SymbolBook, marks: &Marks<'_>) -> Result<(), ValuationError> {
        let (base, quote) = (book.base(), book.quote());
        marks.add(&mut self.realised, book.realised(), quote)?;
        for held in [book.average(), book.dust()] {
            marks.add(&mut self.unrealised, held.position(), base)?;
            marks.add(&mut self.unrealised, -held.cost(), quote)?;
        }
        marks.add(&mut self.adopted, book.adopted().position(), base)?;
        marks.add(&mut self.adopted, -book.adopted().cost(), quote)?;
        marks.add(&mut self.fees, book.fees_in_quote(), quote)?;
        let is_third = |asset: &Asset| *asset != base && *asset != quote;
        for (asset, taken) in book.commissions().iter().filter(|(asset, _)| is_third(asset)) {
            marks.add(&mut self.fees, *taken, *asset)?;
        }
        Ok(())
    }

    /// The breach, where the difference is beyond `tolerance` (one tick's value: tick size times what is held).
    #[must_use]
    pub fn breach(&self, tolerance: Money) -> Option<Difference> {
        let difference = self.difference;
        (difference.abs() > tolerance).then_some(Difference::Money {
            difference,
            tolerance,
        })
    }
}

/// One thing in which the journal, the venue's trades and the venue's balances do not agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// The money identity is off by more than allowed.
    Money {
        /// The left side less the right, in the currency asked for.
        difference: Money,
        /// What is allowed.
        tolerance: Money,
    },
    /// An asset's change since the start, by three ways, transfers left out.
    Position {
        /// The asset.
        asset: Asset,
        /// By the trades in the journal.
        by_journal: Money,
        /// By the trades that the venue lists.
        by_venue_trades: Money,
        /// By the venue's balances.
        by_balances: Money,
    },
    /// The venue lists a trade that the journal does not have.
    NotInJournal {
        /// The pair.
        symbol: Symbol,
        /// The trade.
        trade_id: TradeId,
    },
    /// The journal has a trade that the venue does not list, though it lists an earlier one.
    NotAtVenue {
        /// The pair.
        symbol: Symbol,
        /// The trade.
        trade_id: TradeId,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Money {
                difference,
                tolerance,
            } => {
                write!(f, "money is off by {difference}, more than {tolerance}")
            }
            Self::Position {
                asset,
                by_journal,
                by_venue_trades,
                by_balances,
            } => write!(
                f,
                "{asset} changed by {by_journal} by the journal, {by_venue_trades} by the venue's trades and {by_balances} by its balances"
            ),
            Self::NotInJournal { symbol, trade_id } => {
                write!(
                    f,
                    "{symbol}: the venue lists trade {trade_id}, the journal does not"
                )
            }
            Self::NotAtVenue { symbol, trade_id } => {
                write!(
                    f,
                    "{symbol}: the journal has trade {trade_id}, the venue does not list it"
                )
            }
        }
    }
}

/// Compares the journal's account with the trades the venue lists since the start (those of everyone on the account) and
/// with its balances, asset by asset and trade by trade. No difference: all three agree to the last digit.
///
/// # Errors
/// [`Inexact`] where a sum needs more than 28 digits.
pub fn position_differences(
    account: &Account,
    venue_trades: &Ledger,
    at_venue: &Amounts,
) -> Result<Vec<Difference>, Inexact> {
    let by_venue = venue_trades.asset_changes()?;
    let lines = asset_identity(account, at_venue)?;
    let mut differences = Vec::new();
    let known: BTreeSet<Asset> = lines.iter().map(|line| line.asset).collect();
    for line in &lines {
        let by_journal = add(line.foreign, sub(line.traded, line.commission)?)?;
        let by_balances = sub(sub(line.at_venue, line.at_start)?, line.transferred)?;
        let by_venue_trades = by_venue.get(&line.asset).copied().unwrap_or_default();
        if by_journal != by_venue_trades || by_journal != by_balances {
            differences.push(Difference::Position {
                asset: line.asset,
                by_journal,
                by_venue_trades,
                by_balances,
            });
        }
    }
    for (asset, change) in by_venue.iter().filter(|(asset, _)| !known.contains(asset)) {
        differences.push(Difference::Position {
            asset: *asset,
            by_journal: Money::ZERO,
            by_venue_trades: *change,
            by_balances: Money::ZERO,
        });
    }
    trade_differences(account, venue_trades, &mut differences);
    Ok(differences)
}

fn trade_differences(account: &Account, venue_trades: &Ledger, differences: &mut Vec<Difference>) {
    let ledgers = || {
        let strategies = account.strategies().iter().map(|(_, ledger)| ledger);
        strategies.chain([account.foreign()])
    };
    for (symbol, book) in venue_trades.books() {
        for trade_id in book.trades().map(|trade| trade.trade_id) {
            if !ledgers().any(|ledger| ledger.contains(symbol, trade_id)) {
                differences.push(Difference::NotInJournal { symbol, trade_id });
            }
        }
    }
    for (symbol, book) in ledgers().flat_map(Ledger::books) {
        let listed = venue_trades.book(symbol);
        let first = listed
            .and_then(|book| book.trades().next())
            .map(|trade| trade.trade_id);
        for trade_id in book.trades().map(|trade| trade.trade_id) {
            if first.is_some_and(|first| first <= trade_id) && !venue_trades.contains(symbol, trade_id) {
                differences.push(Difference::NotAtVenue { symbol, trade_id });
            }
        }
    }
}
