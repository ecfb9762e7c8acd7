//! What the venue told, against what is configured: facts in, findings out.

use keel_binance::{AccountStanding, ClockDistance, ClockReading, Fees, KeyRights};
use keel_config::{Config, StrategyChoice};
use keel_domain::{
    Asset, ExecutionReport, Instrument, InstrumentStatus, Money, Price, Qty, Symbol, notional,
};
use keel_execution::{IdParts, InstanceTag, IssuedBy};

use super::machine::Looked;
use super::{Finding, of_pair};

const PERCENT: Money = Money::from_parts(100, 0, 0, false, 0);

pub(super) fn clock(reading: ClockReading) -> Finding {
    let what = "clock";
    let text = format!(
        "the venue's is {} ms {} ours (answered in {} ms)",
        reading.lead_ms.unsigned_abs(),
        if reading.lead_ms < 0 { "behind" } else { "ahead of" },
        reading.round_trip.as_millis()
    );
    let remedy = "set this machine's clock by NTP (chrony, systemd-timesyncd)";
    match reading.distance {
        ClockDistance::Near => Finding::ok(what, text),
        ClockDistance::Far => Finding::warn(what, text, remedy),
        ClockDistance::Fault => Finding::fail(what, text, remedy),
    }
}

pub(super) fn key(rights: &KeyRights) -> Finding {
    let what = "key";
    if rights.moves_money_out {
        let text = "it can withdraw, or transfer to others: whoever gets it empties the account";
        return Finding::fail(
            what,
            text,
            "take enableWithdrawals and enableInternalTransfer from the key",
        );
    }
    if !rights.reading || !rights.spot_trading {
        let text = format!(
            "reading: {}, spot trading: {}",
            rights.reading, rights.spot_trading
        );
        return Finding::fail(what, text, "give the key both rights, and no other");
    }
    let text = "reads and trades spot";
    if !rights.unneeded.is_empty() {
        let text = format!(
            "{text}, and has rights that are not needed: {}",
            rights.unneeded.join(", ")
        );
        return Finding::warn(what, text, "take them from the key");
    }
    if !rights.is_ip_restricted {
        let text = format!("{text}, from any address");
        return Finding::warn(what, text, "bind it to this machine's address");
    }
    Finding::ok(what, format!("{text}, from listed addresses, and no more"))
}

pub(super) fn account(standing: &AccountStanding, looked: &Looked) -> Finding {
    let what = "account";
    let told = &standing.account;
    if let Some(recorded) = looked.account.as_ref().filter(|recorded| *recorded != told) {
        let text = format!("the records are of account {recorded}, and the key is account {told}'s");
        let remedy = format!("choose another [state] dir, or the key of account {recorded}");
        return Finding::fail(what, text, remedy);
    }
    if !standing.can_trade || standing.account_type != "SPOT" {
        let text = format!(
            "{told} of type {} {} trade",
            standing.account_type,
            if standing.can_trade { "may" } else { "may not" }
        );
        return Finding::fail(what, text, "use a spot account that the venue lets trade");
    }
    let bound = match (&looked.account, looked.has_records) {
        (Some(_), _) => "the records are of it",
        (None, true) => "whose the records are, their first part tells, which is gone: the start compares",
        (None, false) => "the first start binds the records to it",
    };
    Finding::ok(what, format!("{told}, may trade spot; {bound}"))
}

/// What orders on the pair must be worth.
fn least_notional(instrument: &Instrument) -> Money {
    let older = instrument.limits.min_notional.map(|least| least.min);
    instrument.notional.min.max(older.unwrap_or_default())
}

pub(super) fn balances(standing: &AccountStanding, instrument: &Instrument) -> Finding {
    let what = of_pair("balances", instrument.symbol);
    let of = |asset: Asset| {
        let balances = standing.balances.iter();
        let held = balances.filter(|balance| balance.asset == asset);
        held.fold((Money::ZERO, Money::ZERO), |(free, locked), balance| {
            (free + balance.free, locked + balance.locked)
        })
    };
    let (free, locked) = of(instrument.quote);
    let shown = |asset: Asset| {
        let (free, locked) = of(asset);
        format!("{asset} {} free, {} locked", free.normalize(), locked.normalize())
    };
    let text = format!("{}; {}", shown(instrument.quote), shown(instrument.base));
    if free + locked < least_notional(instrument).max(Money::new(1, 8)) {
        let remedy = format!("deposit {}: nothing can be bought", instrument.quote);
        return Finding::warn(what, text, remedy);
    }
    Finding::ok(what, text)
}

/// The strategies that trade the pair: name and quantity of an entry.
fn entries(config: &Config, symbol: Symbol) -> impl Iterator<Item = (&str, Qty)> {
    let of_pair = move |strategy: &&keel_config::StrategyConfig| strategy.symbols.contains(&symbol);
    config.strategies.iter().filter(of_pair).map(|strategy| {
        let qty = match strategy.choice {
            StrategyChoice::Quoter(settings) => settings.order_qty,
            StrategyChoice::Trend(settings) => settings.order_qty,
        };
        (strategy.id.as_str(), qty)
    })
}

pub(super) fn pair(config: &Config, instrument: &Instrument, top: Option<(Price, Price)>) -> Finding {
    let symbol = instrument.symbol;
    let what = of_pair("pair", symbol);
    if instrument.status != InstrumentStatus::Trading {
        let text = format!("the venue has it in status {:?}", instrument.status);
        return Finding::fail(
            what,
            text,
            "wait until it trades, or take it out of trading.symbols",
        );
    }
    let Some((bid, ask)) = top else {
        let text = "one side of its book is empty: there is no price to trade at";
        return Finding::warn(what, text, "wait, or take it out of trading.symbols");
    };
    let least = least_notional(instrument);
    // A configuration whose limits are above its stage's is refused.
    let most = config
        .risk
        .per_symbol
        .get(&symbol)
        .map(|limits| limits.order_notional_max);
    let mut sizes = Vec::new();
    for (strategy, wanted) in entries(config, symbol) {
        let qty = instrument.floor_qty(wanted);
        let worth = notional(qty, bid).normalize();
        let sizing = format!("strategy {strategy} orders {wanted}, worth {worth}");
        if qty.is_zero() || worth < least {
            let text = format!(
                "{sizing}: the venue takes no less than {} and {} {}",
                instrument.lot_size.min,
                least.normalize(),
                instrument.quote
            );
            return Finding::fail(what, text, format!("raise order_qty of strategy {strategy}"));
        }
        if let Some(most) = most.filter(|most| worth > *most) {
            let text = format!("{sizing}: the limits permit {most}, so that all are refused");
            let remedy = format!(
                "lower order_qty of strategy {strategy}; or raise order_notional_max, if that is meant"
            );
            return Finding::fail(what, text, remedy);
        }
        if qty != wanted {
            let text = format!(
                "{sizing}, and quantities are multiples of {}",
                instrument.lot_size.step
            );
            return Finding::warn(what, text, "write an order_qty that is a multiple of it");
        }
        sizes.push(sizing);
    }
    let text = format!(
        "trades, bid {bid}, ask {ask}; tick {}, step {}, least {} {}; {}",
        instrument.price_filter.tick_size,
        instrument.lot_size.step,
        least.normalize(),
        instrument.quote,
        sizes.join("; ")
    );
    Finding::ok(what, text)
}

/// `priced` are the assets of the configured pairs.
pub(super) fn fees(symbol: Symbol, fees: Fees, priced: &[Asset]) -> Finding {
    let what = of_pair("fees", symbol);
    let percent = |rate: Money| (rate * PERCENT).normalize();
    let text = format!("maker {} %, taker {} %", percent(fees.maker), percent(fees.taker));
    match fees.discount_asset {
        None => Finding::ok(what, text),
        Some(asset) if priced.contains(&asset) => {
            Finding::ok(what, format!("{text}, less while paid in {asset}"))
        }
        Some(asset) => {
            let text =
                format!("{text}, less while paid in {asset}, to which no configured pair gives a price");
            let remedy = format!(
                "configure a pair of {asset}, or switch the discount off: the money is checked asset by asset only"
            );
            Finding::warn(what, text, remedy)
        }
    }
}

pub(super) fn open_orders(
    symbol: Symbol,
    orders: &[ExecutionReport],
    tag: InstanceTag,
    looked: &Looked,
) -> Finding {
    let what = of_pair("open orders", symbol);
    if let Some((order, other)) = orders
        .iter()
        .find_map(|order| Some((order, tag.other_in(&order.cl_ord_id)?)))
    {
        let text = format!(
            "{} is of instance {other}: two instances on one pair trade against each other",
            order.cl_ord_id
        );
        let remedy =
            format!("stop {other} and cancel its orders, or give one of the two other trading.symbols");
        return Finding::fail(what, text, remedy);
    }
    let (ours, foreign): (Vec<_>, Vec<_>) = orders.iter().partition(|order| tag.owns(&order.cl_ord_id));
    let is_stop = |order: &&&ExecutionReport| {
        IdParts::of(&order.cl_ord_id).is_some_and(|parts| parts.issued_by == IssuedBy::Protection)
    };
    let stops = ours.iter().filter(is_stop).count();
    let text = format!(
        "{} ours, of which {stops} stops; {} of others",
        ours.len(),
        foreign.len()
    );
    if !looked.is_running && !looked.has_records && !ours.is_empty() {
        let remedy =
            "where the state directory was lost: `trader adopt --reason WHY`; else cancel them at the venue";
        return Finding::fail(
            what,
            format!("{text}: no records know ours, a start halts"),
            remedy,
        );
    }
    if !foreign.is_empty() {
        let remedy = "take others' orders to another pair or account: a fill of them leaves only exits on the pair, and the guard cancels them";
        return Finding::warn(what, text, remedy);
    }
    if !looked.is_running && ours.len() > stops {
        let remedy = "nobody looks after them: `trader run` takes them up again, or cancel them at the venue";
        return Finding::warn(what, text, remedy);
    }
    Finding::ok(what, text)
}

#[cfg(test)]
mod tests;
