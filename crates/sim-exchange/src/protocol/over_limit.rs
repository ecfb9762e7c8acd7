//! A cancel-replace of an account that may place no more orders (rest-api.md, `orderRateLimitExceededMode`).

use keel_binance_wire::error::{ApiError, code};
use keel_binance_wire::params::Params;
use keel_domain::Timestamp;
use serde_json::{Value, json};

use super::endpoint::{Answer, Refusal};
use super::rest::error_body;
use super::{Protocol, trading};
use crate::core::AccountId;

/// The parameters of the cancel in a cancel-replace, by their names there and in a cancel.
const CANCEL_PARAMS: [(&str, &str); 5] = [
    ("symbol", "symbol"),
    ("cancelOrderId", "orderId"),
    ("cancelOrigClientOrderId", "origClientOrderId"),
    ("cancelNewClientOrderId", "newClientOrderId"),
    ("cancelRestrictions", "cancelRestrictions"),
];

/// Refuses the new order; `CANCEL_ONLY` cancels the old one all the same.
pub(super) fn cancel_only(
    protocol: &mut Protocol,
    now: Timestamp,
    account: AccountId,
    params: &Params,
    too_many: Refusal,
) -> Answer {
    match params.get("orderRateLimitExceededMode") {
        None | Some("DO_NOTHING") => return Err(too_many),
        Some("CANCEL_ONLY") => {}
        Some(_) => return Err(super::market::invalid("orderRateLimitExceededMode").into()),
    }
    let mut cancel = Params::new();
    for (name, own) in CANCEL_PARAMS {
        if let Some(value) = params.get(name) {
            cancel.push(own, value);
        }
    }
    let (status, error, result, response) = match trading::cancel(protocol, now, account, &cancel) {
        Ok(canceled) => {
            let error = ApiError::new(-2021, "Order cancel-replace partially failed.");
            (409, error, "SUCCESS", canceled)
        }
        Err(refusal) => {
            let error = ApiError::new(-2022, "Order cancel-replace failed.");
            (400, error, "FAILURE", error_body(&refusal))
        }
    };
    let data = json!({
        "cancelResult": result, "newOrderResult": "FAILURE",
        "cancelResponse": response, "newOrderResponse": error_body(&too_many),
    });
    Err(Refusal {
        data: Some(data),
        ..Refusal::new(status, error)
    })
}

/// Whether an answer stands for orders that count: a success, or a cancel-replace that came as far as its halves and was
/// not kept from its order by the count itself.
pub(super) fn counts(answer: &Answer) -> bool {
    match answer {
        Ok(_) => true,
        Err(refusal) => refusal
            .data
            .as_ref()
            .and_then(|data| data.get("newOrderResponse"))
            .is_some_and(|response| {
                response.get("code").and_then(Value::as_i64) != Some(code::TOO_MANY_ORDERS.into())
            }),
    }
}
