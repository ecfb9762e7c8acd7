//! Open orders by REST alone, for a process that must not depend on a session: it looks at and cancels them, no more.

use std::collections::BTreeSet;
use std::time::Duration;

use keel_binance_wire::error::code;
use keel_domain::{OrderId, Symbol, Timestamp};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::Credentials;
use crate::rest_client::{RequestError, RestClient, RestClientError, read};
use crate::session::HttpMethod;

const OPEN_ORDERS: &str = "/api/v3/openOrders";

/// A pair's open orders, whoever placed them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OpenList {
    /// How many sells wait for a stop or trailing price, or carry one that does: they bound the loss on what is held, and open
    /// nothing. The venue cancels all orders of a list or none.
    pub stops: usize,
    /// The others.
    pub others: Vec<OrderId>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OpenLine {
    order_id: u64,
    order_list_id: i64,
    side: String,
    #[serde(rename = "type")]
    order_type: String,
}

impl OpenLine {
    fn is_stop(&self) -> bool {
        self.side == "SELL" && matches!(self.order_type.as_str(), "STOP_LOSS" | "STOP_LOSS_LIMIT")
    }
}

/// Looks at and cancels a pair's open orders. Keeps no limit by itself: the caller waits as it is told.
#[derive(Debug)]
pub struct OpenOrders {
    client: RestClient,
}

impl OpenOrders {
    /// A client with a connection of its own.
    ///
    /// # Errors
    /// [`RestClientError`].
    pub fn new(
        rest_url: &str,
        credentials: &Credentials,
        recv_window: Duration,
    ) -> Result<Self, RestClientError> {
        let client = RestClient::new(rest_url, credentials, recv_window)?;
        Ok(Self { client })
    }

    /// What is open on the pair (`GET /api/v3/openOrders`).
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn look(
        &mut self,
        now: impl Fn() -> Timestamp,
        symbol: Symbol,
    ) -> Result<OpenList, RequestError> {
        let body = self
            .client
            .signed(HttpMethod::Get, OPEN_ORDERS, &now, |signed, at| {
                signed.open_orders(at, symbol)
            })
            .await?;
        let lines: Vec<OpenLine> = read(&body)?;
        let with_stop: BTreeSet<i64> = lines
            .iter()
            .filter(|line| line.is_stop() && line.order_list_id >= 0)
            .map(|line| line.order_list_id)
            .collect();
        let stays = |line: &OpenLine| {
            line.is_stop() || line.side == "SELL" && with_stop.contains(&line.order_list_id)
        };
        let (stops, others): (Vec<_>, Vec<_>) = lines.into_iter().partition(stays);
        Ok(OpenList {
            stops: stops.len(),
            others: others.iter().map(|order| OrderId(order.order_id)).collect(),
        })
    }

    /// Cancels every open order of the pair (`DELETE /api/v3/openOrders`); gives how many. That there was none any more is
    /// no error.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn cancel_all(
        &mut self,
        now: impl Fn() -> Timestamp,
        symbol: Symbol,
    ) -> Result<usize, RequestError> {
        let answer = self
            .client
            .signed(HttpMethod::Delete, OPEN_ORDERS, &now, |signed, at| {
                signed.open_orders(at, symbol)
            })
            .await;
        none_if_gone(answer, |body| Ok(read::<Vec<IgnoredAny>>(&body)?.len()))
    }

    /// Cancels one order (`DELETE /api/v3/order`); gives how many, 0 or 1. That it was not open any more is no error.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn cancel(
        &mut self,
        now: impl Fn() -> Timestamp,
        symbol: Symbol,
        order: OrderId,
    ) -> Result<usize, RequestError> {
        let answer = self
            .client
            .signed(HttpMethod::Delete, "/api/v3/order", &now, |signed, at| {
                signed.cancel_by_order_id(at, symbol, order)
            })
            .await;
        none_if_gone(answer, |_| Ok(1))
    }
}

/// That there was nothing to cancel (any more) is no error.
fn none_if_gone(
    answer: Result<Vec<u8>, RequestError>,
    count: impl FnOnce(Vec<u8>) -> Result<usize, RequestError>,
) -> Result<usize, RequestError> {
    match answer {
        Ok(body) => count(body),
        Err(RequestError::Refused(error)) if error.code == code::CANCEL_REJECTED => Ok(0),
        Err(error) => Err(error),
    }
}
