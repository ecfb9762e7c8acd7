//! What the venue says of its clock, a key, an account and its pairs: questions by REST alone, which change nothing.

use std::time::Duration;

use keel_binance_wire::convert;
use keel_binance_wire::order_answers::OrderStatusReport;
use keel_binance_wire::params::Params;
use keel_binance_wire::rest::{Account, AccountCommission, ApiRestrictions, CommissionRates, Depth};
use keel_domain::{Asset, ExecutionReport, Instrument, Money, Price, Symbol, Timestamp};
use keel_execution::Balance;

use crate::history::{UNREADABLE, balances, instruments};
use crate::rest_client::{RequestError, RestClient, RestClientError, read};
use crate::session::{Distance, HttpMethod, VenueClock};
use crate::{Credentials, KeyKind};

/// The venue's clock against ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockReading {
    /// The venue's clock less ours, in milliseconds.
    pub lead_ms: i64,
    /// The quickest answer: the offset is wrong by half of it at most.
    pub round_trip: Duration,
    /// Whether that is near enough.
    pub distance: Distance,
}

/// What a key may do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent rights")]
pub struct KeyRights {
    /// It is good from listed addresses only.
    pub is_ip_restricted: bool,
    /// Account data.
    pub reading: bool,
    /// Spot orders.
    pub spot_trading: bool,
    /// Moves money to another user or out of the venue.
    pub moves_money_out: bool,
    /// Rights that no spot trader needs, by the venue's names.
    pub unneeded: Vec<&'static str>,
}

/// An account as the venue describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountStanding {
    /// Its name.
    pub account: String,
    /// `SPOT`, if it is of that kind.
    pub account_type: String,
    /// Whether the venue takes its orders.
    pub can_trade: bool,
    /// What it has.
    pub balances: Vec<Balance>,
}

/// What trades of a pair cost, as fractions of their value, all surcharges included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fees {
    /// Resting orders.
    pub maker: Money,
    /// Orders that take.
    pub taker: Money,
    /// The asset in which they are paid at a discount while it lasts.
    pub discount_asset: Option<Asset>,
}

/// Asks. Keeps no limit by itself: the caller waits as it is told.
#[derive(Debug)]
pub struct Inquiry {
    client: RestClient,
}

impl Inquiry {
    /// A client with a connection of its own. Without credentials only what is public can be asked.
    ///
    /// # Errors
    /// [`RestClientError`].
    pub fn new(
        rest_url: &str,
        credentials: Option<&Credentials>,
        recv_window: Duration,
    ) -> Result<Self, RestClientError> {
        let nobody = Credentials {
            api_key: String::new().into(),
            secret: String::new().into(),
            kind: KeyKind::Hmac,
        };
        let client = RestClient::new(rest_url, credentials.unwrap_or(&nobody), recv_window)?;
        Ok(Self { client })
    }

    /// Compares the clocks, by the quickest of several answers (`GET /api/v3/time`).
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn clock(&self, now: impl Fn() -> Timestamp) -> Result<ClockReading, RequestError> {
        let mut clock = VenueClock::new(now());
        let mut round_trip = Duration::MAX;
        for _ in 0..VenueClock::SAMPLES {
            let asked_at = now();
            let venue_time = self.client.venue_time().await?;
            let answered_at = now();
            round_trip = round_trip.min(answered_at.since(asked_at));
            let _change = clock.on_sample(answered_at, asked_at, venue_time);
        }
        let offset_nanos = clock.offset_nanos();
        Ok(ClockReading {
            lead_ms: offset_nanos / 1_000_000,
            round_trip,
            distance: Distance::of(offset_nanos),
        })
    }

    /// The pairs and their filters (`GET /api/v3/exchangeInfo`).
    ///
    /// # Errors
    /// [`RequestError`]; a pair that there is not refuses the whole.
    pub async fn instruments(&self, symbols: &[Symbol]) -> Result<Vec<Instrument>, RequestError> {
        instruments(&self.client, symbols).await
    }

    /// Best bid and ask; none where a side is empty (`GET /api/v3/depth`).
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn top(&self, symbol: Symbol) -> Result<Option<(Price, Price)>, RequestError> {
        let params = Params::new().with("symbol", symbol).with("limit", 5);
        let body = self.client.public("/api/v3/depth", &params).await?;
        let depth: Depth = read(&body)?;
        let (bid, ask) = (depth.bids.first(), depth.asks.first());
        Ok(bid.zip(ask).map(|(bid, ask)| (bid.0, ask.0)))
    }

    /// What the key may do (`GET /sapi/v1/account/apiRestrictions`, which the testnet has not got: `Unclear` with 404).
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn key_rights(&mut self, now: impl Fn() -> Timestamp) -> Result<KeyRights, RequestError> {
        let path = "/sapi/v1/account/apiRestrictions";
        let ask = self
            .client
            .signed(HttpMethod::Get, path, &now, |signed, at| signed.restrictions(at));
        let told: ApiRestrictions = read(&ask.await?)?;
        let unneeded = [
            ("permitsUniversalTransfer", told.permits_universal_transfer),
            ("enableMargin", told.enable_margin),
            ("enableFutures", told.enable_futures),
            ("enableVanillaOptions", told.enable_vanilla_options),
            (
                "enablePortfolioMarginTrading",
                told.enable_portfolio_margin_trading,
            ),
        ];
        Ok(KeyRights {
            is_ip_restricted: told.ip_restrict,
            reading: told.enable_reading,
            spot_trading: told.enable_spot_and_margin_trading,
            moves_money_out: told.enable_withdrawals || told.enable_internal_transfer,
            unneeded: unneeded
                .into_iter()
                .filter_map(|(name, has)| has.then_some(name))
                .collect(),
        })
    }

    /// The account (`GET /api/v3/account`).
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn account(&mut self, now: impl Fn() -> Timestamp) -> Result<AccountStanding, RequestError> {
        let ask = self
            .client
            .signed(HttpMethod::Get, "/api/v3/account", &now, |signed, at| {
                signed.account(at)
            });
        let account: Account = read(&ask.await?)?;
        Ok(AccountStanding {
            account: account.uid.to_string(),
            balances: balances(&account)?,
            account_type: account.account_type,
            can_trade: account.can_trade,
        })
    }

    /// What trades of the pair cost (`GET /api/v3/account/commission`).
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn fees(&mut self, now: impl Fn() -> Timestamp, symbol: Symbol) -> Result<Fees, RequestError> {
        let path = "/api/v3/account/commission";
        let ask = self.client.signed(HttpMethod::Get, path, &now, |signed, at| {
            signed.commission(at, symbol)
        });
        let told: AccountCommission = read(&ask.await?)?;
        let rates = [
            Some(&told.standard_commission),
            told.special_commission.as_ref(),
            Some(&told.tax_commission),
        ];
        // Besides a rate for resting or taking there is one for the side: the dearer side is told.
        let whole = |of: fn(&CommissionRates) -> Money| {
            let dearer = |rates: &CommissionRates| of(rates) + rates.buyer.max(rates.seller);
            rates.into_iter().flatten().map(dearer).sum()
        };
        let is_discounted = told.discount.enabled_for_account && told.discount.enabled_for_symbol;
        let asset = Asset::new(&told.discount.discount_asset).map_err(|_| UNREADABLE);
        Ok(Fees {
            maker: whole(|rates| rates.maker),
            taker: whole(|rates| rates.taker),
            discount_asset: is_discounted.then_some(asset).transpose()?,
        })
    }

    /// What is open on the pair, whoever placed it (`GET /api/v3/openOrders`).
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn open_orders(
        &mut self,
        now: impl Fn() -> Timestamp,
        symbol: Symbol,
    ) -> Result<Vec<ExecutionReport>, RequestError> {
        let ask = self
            .client
            .signed(HttpMethod::Get, "/api/v3/openOrders", &now, |signed, at| {
                signed.open_orders(at, symbol)
            });
        let lines: Vec<OrderStatusReport> = read(&ask.await?)?;
        let orders = lines.iter().map(convert::order_status);
        orders.collect::<Result<_, _>>().map_err(|_| UNREADABLE)
    }
}
