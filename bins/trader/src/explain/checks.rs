//! The gate's checks of one order, in the gate's order, with what of them the records and the configuration tell.

use keel_config::Config;
use keel_domain::{Money, OrdType, Price, Side, Trigger, notional};
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

fn price_of(kind: OrdType) -> Option<Price> {
    kind.price().or_else(|| kind.trigger().and_then(Trigger::stop_px))
}

/// What the gate compared. `config` is the configuration under which the order was judged.
pub(super) fn checks(decision: &Decision, config: Option<&Config>) -> Vec<Check> {
    let (intent, seen) = (&decision.intent, &decision.seen);
    let risk = config.map(|config| &config.risk);
    let of_pair = risk.and_then(|risk| risk.per_symbol.get(&intent.symbol));
    let check = |rule, value: Option<String>, limit: Option<String>| Check { rule, value, limit };
    let price = price_of(intent.ord_type);
    let reach = match intent.side {
        Side::Buy => seen.buy_leaves,
        Side::Sell => seen.sell_leaves,
    };
    let state = decision.state.as_ref().map(|(state, _)| state.to_string());
    vec![
        check(Rule::State, state, Some(format!("permits {:?}", intent.purpose))),
        check(Rule::Stage, risk.map(|risk| risk.stage.to_string()), None),
        check(
            Rule::AllowList,
            Some(intent.symbol.to_string()),
            of_pair.map(|_| "is listed".to_owned()),
        ),
        check(
            Rule::UnknownOutcome,
            decision.unknown_orders.map(|count| format!("{count} orders")),
            Some("0 for an entry".to_owned()),
        ),
        check(
            Rule::OrderQty,
            Some(intent.order_qty.to_string()),
            of_pair.map(|limits| format!("at most {}", limits.order_qty_max)),
        ),
        check(
            Rule::StaleBook,
            seen.bid_ask.map(|(bid, ask)| format!("bid {bid}, ask {ask}")),
            risk.map(|risk| format!("at most {} ms old", risk.book_age_max.as_millis())),
        ),
        check(
            Rule::PriceCollar,
            price
                .zip(seen.bid_ask)
                .map(|(price, market)| distance(intent.side, price, market)),
            risk.map(|risk| {
                let (through, away) = (risk.collar_through_bps, risk.collar_away_bps);
                format!("at most {through} bps through, {away} away")
            }),
        ),
        check(
            Rule::VenueFilter,
            decision
                .instrument
                .as_ref()
                .map(|(sequence, _)| format!("the pair's filters, record {sequence}")),
            None,
        ),
        check(
            Rule::OrderNotional,
            price.map(|price| notional(intent.order_qty, price).normalize().to_string()),
            of_pair.map(|limits| format!("at most {}", limits.order_notional_max)),
        ),
        check(
            Rule::Position,
            Some(format!(
                "{} held, {reach} on order on its side, {} more",
                seen.position, intent.order_qty
            )),
            of_pair.map(|limits| format!("at most {}", limits.position_max)),
        ),
        check(Rule::SelfTrade, None, None),
        check(Rule::ReduceOnly, None, None),
        check(
            Rule::Owned,
            (intent.side == Side::Sell).then(|| format!("{} held, {reach} on sale already", seen.position)),
            None,
        ),
        check(Rule::Funds, None, None),
        check(
            Rule::GrossExposure,
            None,
            risk.map(|risk| format!("at most {}", risk.gross_exposure_max)),
        ),
        check(Rule::Duplicate, None, Some("twice in a second".to_owned())),
        check(
            Rule::OrderRate,
            None,
            risk.map(|risk| format!("at most {} in 10 s", risk.orders_per_10s_max)),
        ),
    ]
}
