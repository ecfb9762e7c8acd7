//! The gate's checks of one order, in the gate's order, with what of them the records and the configuration tell.

use keel_config::Config;
use keel_domain::{Money, Price, Side, Trigger, notional};
use keel_risk::Rule;

use super::life::Decision;

/// A check that the order passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Check {
    pub(super) rule: Rule,
    /// What was compared; none where it is not recorded.
    pub(super) value: Option<String>,
    /// The limit; none where the configuration of then is not the one at hand.
    pub(super) limit: Option<String>,
}

const BPS: Money = Money::from_parts(10_000, 0, 0, false, 0);

/// How far a price is through the market, or away from it, in hundredths of a percent.
fn distance(side: Side, price: Price, (bid, ask): (Price, Price)) -> String {
    let bps = |far: Price, near: Price| {
        let share = (far.to_decimal() - near.to_decimal()).abs() / near.to_decimal() * BPS;
        share.round_dp(2).normalize()
    };
    match side {
        Side::Buy if price > ask => format!("{price}, {} bps through the ask", bps(price, ask)),
        Side::Buy if price < bid => format!("{price}, {} bps away from the bid", bps(price, bid)),
        Side::Sell if price < bid => format!("{price}, {} bps through the bid", bps(price, bid)),
        Side::Sell if price > ask => format!("{price}, {} bps away from the ask", bps(price, ask)),
        Side::Buy | Side::Sell => format!("{price}, inside bid and ask or at them"),
    }
}

/// Every rule, in the gate's order.
const ALL: [Rule; 17] = [
    Rule::State,
    Rule::Stage,
    Rule::AllowList,
    Rule::UnknownOutcome,
    Rule::OrderQty,
    Rule::StaleBook,
    Rule::PriceCollar,
    Rule::VenueFilter,
    Rule::OrderNotional,
    Rule::Position,
    Rule::SelfTrade,
    Rule::ReduceOnly,
    Rule::Owned,
    Rule::Funds,
    Rule::GrossExposure,
    Rule::Duplicate,
    Rule::OrderRate,
];

/// What the gate asks of a stop that travels with an exit; the exit's own checks see to the rest.
const OF_LEG: [Rule; 4] = [
    Rule::StaleBook,
    Rule::PriceCollar,
    Rule::VenueFilter,
    Rule::OrderRate,
];

/// What the gate compared. `config` is the configuration under which the order was judged.
pub(super) fn checks(decision: &Decision, config: Option<&Config>) -> Vec<Check> {
    let rules: &[Rule] = match decision.partner {
        Some((_, true)) => &OF_LEG,
        _ => &ALL,
    };
    let check = |rule: &Rule| Check {
        rule: *rule,
        value: value(*rule, decision, config),
        limit: limit(*rule, decision, config),
    };
    rules.iter().map(check).collect()
}

fn value(rule: Rule, decision: &Decision, config: Option<&Config>) -> Option<String> {
    let (intent, seen) = (&decision.intent, &decision.seen);
    let price = intent.ord_type.price();
    let on_order = match intent.side {
        Side::Buy => seen.buy_leaves,
        Side::Sell => seen.sell_leaves,
    };
    match rule {
        Rule::State => decision.state.as_ref().map(|(state, _)| state.to_string()),
        Rule::Stage => config.map(|config| config.risk.stage.to_string()),
        Rule::AllowList => Some(intent.symbol.to_string()),
        Rule::UnknownOutcome => decision.unknown_orders.map(|count| format!("{count} orders")),
        Rule::OrderQty => Some(intent.order_qty.to_string()),
        Rule::StaleBook => seen.bid_ask.map(|(bid, ask)| format!("bid {bid}, ask {ask}")),
        Rule::PriceCollar => {
            // Once a stop works, the market is about its stop price.
            let stop_px = intent.ord_type.trigger().and_then(Trigger::stop_px);
            let market = stop_px.map(|px| (px, px)).or(seen.bid_ask)?;
            Some(distance(intent.side, price?, market))
        }
        Rule::VenueFilter => {
            let (sequence, _) = decision.instrument.as_ref()?;
            Some(format!("the pair's filters, record {sequence}"))
        }
        Rule::OrderNotional => Some(notional(intent.order_qty, price?).normalize().to_string()),
        Rule::Position => Some(format!(
            "{} held, {on_order} on order on its side, {} more",
            seen.position, intent.order_qty
        )),
        Rule::Owned if intent.side == Side::Sell => {
            Some(format!("{} held, {on_order} on sale already", seen.position))
        }
        Rule::Owned
        | Rule::SelfTrade
        | Rule::ReduceOnly
        | Rule::Funds
        | Rule::GrossExposure
        | Rule::Duplicate
        | Rule::OrderRate => None,
    }
}

fn limit(rule: Rule, decision: &Decision, config: Option<&Config>) -> Option<String> {
    let risk = config.map(|config| &config.risk);
    let of_pair = risk.and_then(|risk| risk.per_symbol.get(&decision.intent.symbol));
    Some(match rule {
        Rule::State => format!("permits {:?}", decision.intent.purpose),
        Rule::AllowList => of_pair.map(|_| "is listed".to_owned())?,
        Rule::UnknownOutcome => "0 for an entry".to_owned(),
        Rule::OrderQty => format!("at most {}", of_pair?.order_qty_max),
        Rule::StaleBook => format!("at most {} ms old", risk?.book_age_max.as_millis()),
        Rule::PriceCollar => {
            let (through, away) = (risk?.collar_through_bps, risk?.collar_away_bps);
            format!("at most {through} bps through, {away} away")
        }
        Rule::OrderNotional => format!("at most {}", of_pair?.order_notional_max.normalize()),
        Rule::Position => format!("at most {}", of_pair?.position_max),
        Rule::GrossExposure => format!("at most {} for an entry", risk?.gross_exposure_max.normalize()),
        Rule::Duplicate => "at most 2 equal orders in 1 s".to_owned(),
        Rule::OrderRate => format!(
            "at most {} in 10 s, shared out among entries, exits and stops",
            risk?.orders_per_10s_max
        ),
        Rule::Stage | Rule::VenueFilter | Rule::SelfTrade | Rule::ReduceOnly | Rule::Owned | Rule::Funds => {
            return None;
        }
    })
}
