//! What the venue knows of an account's past, by REST alone, as far as it reaches.

use std::time::Duration;

use keel_binance_wire::convert;
use keel_binance_wire::order_answers::{MyTrade, OrderStatusReport};
use keel_binance_wire::params::Params;
use keel_binance_wire::rest::{Account, ExchangeInfo};
use keel_domain::{Asset, ExecutionReport, Instrument, OrderId, Symbol, Timestamp, Trade, TradeId};
use keel_execution::Balance;

use crate::Credentials;
use crate::rest_client::{RequestError, RestClient, RestClientError, read};
use crate::session::HttpMethod;
use crate::signed::SignedRequests;

/// The most entries of one answer.
const PAGE: usize = 1_000;
/// How often in a row a wait that the venue demands is kept before the error is given to the caller.
const WAITS_MAX: u32 = 5;

/// Reads an account's past.
#[derive(Debug)]
pub struct History {
    client: RestClient,
}

impl History {
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

    /// The pairs and their filters (`GET /api/v3/exchangeInfo`).
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn instruments(&mut self, symbols: &[Symbol]) -> Result<Vec<Instrument>, RequestError> {
        instruments(&self.client, symbols).await
    }

    /// The account's name and its balances (`GET /api/v3/account`).
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn account(
        &mut self,
        now: impl Fn() -> Timestamp,
    ) -> Result<(String, Vec<Balance>), RequestError> {
        let ask = |signed: &SignedRequests, at| signed.account(at);
        let body = self.ask("/api/v3/account", &now, ask).await?;
        let account: Account = read(&body)?;
        Ok((account.uid.to_string(), balances(&account)?))
    }

    /// All orders of the pair, oldest first (`GET /api/v3/allOrders`, page by page).
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn orders(
        &mut self,
        now: impl Fn() -> Timestamp,
        symbol: Symbol,
    ) -> Result<Vec<ExecutionReport>, RequestError> {
        let mut all: Vec<ExecutionReport> = Vec::new();
        let mut from = OrderId(1);
        loop {
            let ask = |signed: &SignedRequests, at| signed.all_orders_from(at, symbol, from);
            let body = self.ask("/api/v3/allOrders", &now, ask).await?;
            let page: Vec<OrderStatusReport> = read(&body)?;
            for order in &page {
                all.push(convert::order_status(order).map_err(|_| UNREADABLE)?);
            }
            match all.last() {
                Some(last) if page.len() >= PAGE => from = OrderId(last.order_id.0.saturating_add(1)),
                _ => return Ok(all),
            }
        }
    }

    /// All trades of the account on the pair, oldest first (`GET /api/v3/myTrades`, page by page).
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn trades(
        &mut self,
        now: impl Fn() -> Timestamp,
        symbol: Symbol,
    ) -> Result<Vec<Trade>, RequestError> {
        let mut all: Vec<Trade> = Vec::new();
        let mut from = TradeId(0);
        loop {
            let ask = |signed: &SignedRequests, at| signed.my_trades(at, symbol, Some(from));
            let body = self.ask("/api/v3/myTrades", &now, ask).await?;
            let page: Vec<MyTrade> = read(&body)?;
            for trade in &page {
                all.push(convert::my_trade(trade).map_err(|_| UNREADABLE)?);
            }
            match all.last() {
                Some(last) if page.len() >= PAGE => from = TradeId(last.trade_id.0.saturating_add(1)),
                _ => return Ok(all),
            }
        }
    }

    /// Keeps the waits that the venue demands: a long past costs more weight than a minute has.
    async fn ask(
        &mut self,
        path: &'static str,
        now: &impl Fn() -> Timestamp,
        params: impl Fn(&SignedRequests, Timestamp) -> Params,
    ) -> Result<Vec<u8>, RequestError> {
        let mut waits = 0;
        loop {
            match self.client.signed(HttpMethod::Get, path, now, &params).await {
                Err(RequestError::RateLimited { wait, .. }) if waits < WAITS_MAX => {
                    waits += 1;
                    tokio::time::sleep(wait).await;
                }
                answer => return answer,
            }
        }
    }
}

pub(crate) async fn instruments(
    client: &RestClient,
    symbols: &[Symbol],
) -> Result<Vec<Instrument>, RequestError> {
    let names: Vec<String> = symbols.iter().map(|symbol| format!("\"{symbol}\"")).collect();
    let params = Params::new().with("symbols", format!("[{}]", names.join(",")));
    let body = client.public("/api/v3/exchangeInfo", &params).await?;
    let info: ExchangeInfo = read(&body)?;
    let instruments: Result<_, _> = info.symbols.iter().map(convert::instrument).collect();
    instruments.map_err(|_| UNREADABLE)
}

pub(crate) fn balances(account: &Account) -> Result<Vec<Balance>, RequestError> {
    let balances = account.balances.iter().map(|balance| {
        Ok(Balance {
            asset: Asset::new(&balance.asset).map_err(|_| UNREADABLE)?,
            free: balance.free,
            locked: balance.locked,
        })
    });
    balances.collect()
}

pub(crate) const UNREADABLE: RequestError = RequestError::Unclear { status: 200 };
