//! How much of the limits is used, as monitoring and operators see it.

use keel_domain::{Money, Side, Symbol, Timestamp};
use keel_engine::Trader;
use keel_monitoring::RiskUse;

use crate::valuation::symbols;

/// How much of each limit is used.
pub(crate) fn risk_use(now: Timestamp, trader: &Trader) -> Vec<RiskUse> {
    let by_symbol = symbols(trader).flat_map(|symbol| symbol_use(trader, symbol));
    by_symbol.chain(loss_use(now, trader)).collect()
}

/// What has been lost of what may be; nothing while the book gives no price for what is held.
fn loss_use(now: Timestamp, trader: &Trader) -> Vec<RiskUse> {
    let Some(standing) = trader.loss_standing(now) else {
        return Vec::new();
    };
    let limits = trader.loss_limits();
    let amount = |name: &str, value: Money, limit| RiskUse {
        name: format!("{name}, {}", limits.currency),
        // A gain uses nothing of it.
        value: value.max(Money::ZERO),
        limit,
    };
    vec![
        amount("lost today", standing.day_lost, limits.day_max),
        amount("lost from the peak", standing.drawdown, limits.drawdown_max),
        RiskUse {
            name: "exits in a row that lost".to_owned(),
            value: standing.losing_exits.into(),
            limit: limits.losing_exits_max.into(),
        },
    ]
}

fn symbol_use(trader: &Trader, symbol: Symbol) -> Vec<RiskUse> {
    let Some(limits) = trader.limits().per_symbol.get(&symbol) else {
        return Vec::new();
    };
    let (buys, _) = trader.live_qty(symbol);
    let reach = trader.position(symbol).to_decimal() + buys.to_decimal();
    let largest = trader
        .leftovers()
        .filter(|o| o.symbol() == symbol && o.side() == Side::Buy);
    let value = largest
        .filter_map(|o| {
            o.intent()
                .ord_type
                .price()
                .map(|price| keel_domain::notional(o.leaves_qty(), price))
        })
        .max();
    vec![
        RiskUse {
            name: format!("{symbol} position and open buys"),
            value: reach,
            limit: limits.position_max.to_decimal(),
        },
        RiskUse {
            name: format!("{symbol} largest open order"),
            value: value.unwrap_or_default(),
            limit: limits.order_notional_max,
        },
    ]
}
