//! The two legs of a pair of which one cancels the other.

use keel_binance_wire::error::ApiError;
use keel_binance_wire::params::Params;
use keel_domain::{OrdType, Qty, Side, Symbol, TimeInForce};

use super::order_params::Leg;
use crate::core::{NewOrder, Quantity};

const fn is_limit(ord_type: OrdType) -> bool {
    matches!(ord_type, OrdType::LimitMaker { .. })
}

const fn is_stop(ord_type: OrdType) -> bool {
    matches!(ord_type, OrdType::StopLoss { .. } | OrdType::StopLossLimit { .. })
}

/// Whether the kinds of a pair's orders fit the places they were given.
fn check_pair(above: &NewOrder, below: &NewOrder) -> Result<(), ApiError> {
    let error = |code, msg: &str| Err(ApiError::new(code, msg));
    for order in [above, below] {
        if matches!(order.ord_type, OrdType::Market | OrdType::Limit { .. }) {
            return error(-1158, "Order type not supported in OCO.");
        }
        let rests = order
            .ord_type
            .time_in_force()
            .is_none_or(|tif| tif == TimeInForce::Gtc);
        if !order.options.iceberg_qty.is_zero() && !rests {
            let msg = "Parameter 'icebergQty' is not supported if `aboveTimeInForce`/`belowTimeInForce` is not GTC.";
            return error(-1160, msg);
        }
    }
    if is_limit(above.ord_type) && is_limit(below.ord_type) {
        return error(-1168, "At least one OCO order must be contingent.");
    }
    let (near, far, words) = match above.side {
        Side::Buy => (
            below,
            above,
            [
                (-1165, "A limit order in a buy OCO must be below."),
                (-1198, "A take profit order in a buy OCO must be below."),
                (-1196, "A stop loss order in a buy OCO must be above."),
            ],
        ),
        Side::Sell => (
            above,
            below,
            [
                (-1166, "A limit order in a sell OCO must be above."),
                (-1199, "A take profit order in a sell OCO must be above."),
                (-1197, "A stop loss order in a sell OCO must be below."),
            ],
        ),
    };
    let [limit, take_profit, stop] = words;
    if is_limit(far.ord_type) {
        return error(limit.0, limit.1);
    }
    if is_stop(near.ord_type) {
        return error(stop.0, stop.1);
    }
    if !is_stop(far.ord_type) {
        return error(take_profit.0, take_profit.1);
    }
    Ok(())
}

/// The two legs of a pair.
pub(super) fn pair(
    params: &Params,
    symbol: Symbol,
    (side, qty): (Side, Qty),
    [above, below]: [&str; 2],
) -> Result<(NewOrder, NewOrder), ApiError> {
    let leg = |prefix| Leg::of_list(params, prefix).order(symbol, side, Quantity::Base(qty));
    let (above, below) = (leg(above)?, leg(below)?);
    check_pair(&above, &below)?;
    Ok((above, below))
}
