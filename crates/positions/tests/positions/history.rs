//! Random histories of an account: strategies and a person trade three pairs while money comes and goes.

use std::collections::BTreeMap;

use keel_domain::{Asset, Money, OrderId, Price, Qty, Side, Symbol, Timestamp, Trade, TradeId};
use keel_positions::{Account, Ledger, Owner, Transfer, TransferKind};
use proptest::prelude::*;

use crate::common::{asset, money};

/// BNB is traded, and pays fees; one pair quotes in BTC, which another buys.
pub(crate) const PAIRS: [(&str, &str, &str); 3] = [
    ("BTCUSDT", "BTC", "USDT"),
    ("BNBUSDT", "BNB", "USDT"),
    ("BNBBTC", "BNB", "BTC"),
];
pub(crate) const ASSETS: [&str; 3] = ["BTC", "BNB", "USDT"];

#[derive(Debug, Clone, Copy)]
pub(crate) enum Event {
    Trade(Owner, usize, Trade),
    Transfer(Transfer),
}

pub(crate) fn strategy(name: &str) -> Owner {
    Owner::Strategy(name.parse().unwrap())
}

pub(crate) fn pair(index: usize) -> (Symbol, Asset, Asset) {
    let (symbol, base, quote) = PAIRS[index];
    (symbol.parse().unwrap(), asset(base), asset(quote))
}

prop_compose! {
    fn any_owned_trade()(
        owner in 0..3_usize,
        index in 0..PAIRS.len(),
        is_buy: bool,
        px_units in 1_i64..=1_000_000_000_000,
        qty_units in 1_i64..=10_000_000_000,
        commission_permille in 0_i64..=10,
        fee_asset in 0..ASSETS.len(),
    ) -> Event {
        let owner = [strategy("trend"), strategy("quoter"), Owner::Foreign][owner];
        let trade = Trade {
            symbol: pair(index).0,
            trade_id: TradeId(0),
            order_id: OrderId(7),
            side: if is_buy { Side::Buy } else { Side::Sell },
            last_px: Price::from_units(px_units).unwrap(),
            last_qty: Qty::from_units(qty_units).unwrap(),
            commission: Money::new(qty_units * commission_permille / 1000, 8),
            commission_asset: Some(asset(ASSETS[fee_asset])),
            is_maker: is_buy,
            transact_time: Timestamp::EPOCH,
        };
        Event::Trade(owner, index, trade)
    }
}

prop_compose! {
    fn any_transfer()(
        which in 0..ASSETS.len(),
        units in -10_000_000_000_i64..=10_000_000_000,
        is_lock: bool,
    ) -> Event {
        Event::Transfer(Transfer {
            transact_time: Timestamp::EPOCH,
            asset: asset(ASSETS[which]),
            delta: Money::new(units, 8),
            kind: if is_lock { TransferKind::ExternalLock } else { TransferKind::BalanceUpdate },
        })
    }
}

/// Events in the venue's order, each with an id or a time of its own.
pub(crate) fn any_history() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![4 => any_owned_trade(), 1 => any_transfer()];
    prop::collection::vec(event, 0..40).prop_map(|events| {
        let number = |(n, event)| match event {
            Event::Trade(owner, index, trade) => {
                let trade_id = TradeId(n as u64 + 1);
                Event::Trade(owner, index, Trade { trade_id, ..trade })
            }
            Event::Transfer(transfer) => {
                let transact_time = Timestamp::from_millis(n as i64);
                Event::Transfer(Transfer {
                    transact_time,
                    ..transfer
                })
            }
        };
        events.into_iter().enumerate().map(number).collect()
    })
}

pub(crate) fn at_start() -> BTreeMap<Asset, Money> {
    [("BTC", "3"), ("USDT", "1000.5"), ("ETH", "5")]
        .map(|(name, held)| (asset(name), money(held)))
        .into()
}

pub(crate) fn account_of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Account {
    let mut account = Account::new(at_start());
    for event in events {
        match event {
            Event::Trade(owner, index, trade) => {
                let (_, base, quote) = pair(*index);
                account.apply(*owner, trade, base, quote).unwrap();
            }
            Event::Transfer(transfer) => {
                account.transfer(*transfer);
            }
        }
    }
    account
}

/// One ledger of the trades for which `is_wanted` holds.
pub(crate) fn whole_ledger(events: &[Event], is_wanted: impl Fn(Owner) -> bool) -> Ledger {
    let mut ledger = Ledger::new();
    for event in events {
        if let Event::Trade(owner, index, trade) = event
            && is_wanted(*owner)
        {
            let (_, base, quote) = pair(*index);
            ledger.apply(trade, base, quote).unwrap();
        }
    }
    ledger
}

/// What the venue's balances are, counted in units of 1e-16 one event at a time.
pub(crate) fn venue_balances(events: &[Event]) -> BTreeMap<Asset, Money> {
    let scale = 100_000_000_i128;
    let units = |amount: Money| {
        let mut amount = amount;
        amount.rescale(16);
        amount.mantissa()
    };
    let mut held: BTreeMap<Asset, i128> = at_start().into_iter().map(|(a, m)| (a, units(m))).collect();
    for event in events {
        match event {
            Event::Trade(_, index, trade) => {
                let (_, base, quote) = pair(*index);
                let qty = i128::from(trade.last_qty.units());
                let px = i128::from(trade.last_px.units());
                let sign = if trade.side == Side::Buy { 1 } else { -1 };
                *held.entry(base).or_default() += sign * qty * scale;
                *held.entry(quote).or_default() -= sign * qty * px;
                *held.entry(trade.commission_asset.unwrap()).or_default() -= units(trade.commission);
            }
            Event::Transfer(transfer) if transfer.kind == TransferKind::BalanceUpdate => {
                *held.entry(transfer.asset).or_default() += units(transfer.delta);
            }
            Event::Transfer(_) => {}
        }
    }
    let money_of = |(asset, units)| (asset, Money::from_i128_with_scale(units, 16));
    held.into_iter().map(money_of).collect()
}
