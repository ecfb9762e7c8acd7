//! Faults about single orders: which one a request names, and what befalls it.

use keel_binance_wire::error::{code, text};
use keel_binance_wire::params::Params;
use keel_domain::{ClOrdId, OrderId, Timestamp};
use serde_json::Value;

use super::Protocol;
use crate::core::OrderRef;

impl Protocol {
    /// The order that parameters name, with the client's id: of an account, or of the request itself where it is new.
    pub(super) fn order_named(
        &self,
        api_key: Option<&str>,
        params: &Params,
    ) -> (Option<u64>, Option<String>) {
        let account = api_key.and_then(|key| self.keys.get(key)).map(|key| key.account);
        let symbol = params.get("symbol").and_then(|text| text.parse().ok());
        let by_id = params
            .get("orderId")
            .and_then(|text| text.parse().ok())
            .map(|id| OrderRef::OrderId(OrderId(id)));
        let client_id = params.get("origClientOrderId").filter(|id| !id.is_empty());
        let by = by_id.or_else(|| ClOrdId::new(client_id?).ok().map(OrderRef::ClOrdId));
        let order = account
            .zip(symbol)
            .zip(by)
            .and_then(|((account, symbol), by)| self.exchange.order(account, symbol, by).ok());
        match order {
            Some(order) => (Some(order.order_id.0), Some(order.cl_ord_id.to_string())),
            None => {
                let named = client_id.or_else(|| params.get("newClientOrderId"));
                (None, named.map(str::to_owned))
            }
        }
    }

    /// The order that parameters name, to be asked for, canceled or replaced, where it rests in a book that trades.
    pub(super) fn resting_named(&self, api_key: Option<&str>, params: &Params) -> Option<u64> {
        let account = self.keys.get(api_key?)?.account;
        let symbol = params.get("symbol")?.parse().ok()?;
        let given = |name: &str| params.get(name).filter(|text| !text.is_empty());
        let by = match given("orderId").or_else(|| given("cancelOrderId")) {
            Some(id) => OrderRef::OrderId(OrderId(id.parse().ok()?)),
            None => {
                let id = given("origClientOrderId").or_else(|| given("cancelOrigClientOrderId"))?;
                OrderRef::ClOrdId(ClOrdId::new(id).ok()?)
            }
        };
        let order_id = self.exchange.order(account, symbol, by).ok()?.order_id;
        self.exchange.is_fillable(order_id).then_some(order_id.0)
    }

    /// The market comes to an order's price, and its owner is told, before the request at hand is carried out.
    pub(super) fn fill_first(&mut self, now: Timestamp, order_id: u64) {
        self.exchange.advance(now);
        self.exchange.fill_resting(now, OrderId(order_id));
        self.publish();
    }

    /// Leaves denied orders out of a list of orders, as JSON text.
    pub(super) fn hide_orders(&self, now: Timestamp, body: &mut String) {
        let Ok(Value::Array(mut orders)) = serde_json::from_str::<Value>(body) else {
            return;
        };
        orders.retain(|order| {
            let id = order.get("orderId").and_then(Value::as_u64);
            !id.is_some_and(|id| self.faults.plan.hides(now, id))
        });
        *body = Value::Array(orders).to_string();
    }
}

pub(super) fn is_order_list(name: &str) -> bool {
    matches!(
        name.rsplit('/').next(),
        Some("openOrders" | "allOrders" | "openOrders.status")
    )
}

/// The venue's words for an order that is not there: to a cancel, and to a question.
pub(super) fn denial(is_cancel: bool) -> (i32, &'static str) {
    if is_cancel {
        (code::CANCEL_REJECTED, text::UNKNOWN_ORDER)
    } else {
        (code::NO_SUCH_ORDER, text::NO_SUCH_ORDER)
    }
}
