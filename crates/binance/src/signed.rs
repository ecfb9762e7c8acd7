//! The one place that holds the API secret. It signs the requests below and nothing else; the only one that places an
//! order takes an approval.

use std::fmt;
use std::time::Duration;

use keel_binance_wire::convert::order_terms;
use keel_binance_wire::enums::{WireRespType, WireSide};
use keel_binance_wire::params::Params;
use keel_binance_wire::signing::{KeyError, SigningKey};
use keel_domain::{ClOrdId, OrderId, StopLeg, Symbol, Timestamp, TradeId, Trigger};
use keel_risk::ApprovedOrder;
use secrecy::{ExposeSecret, SecretString};

/// The kinds of API keys that are supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// A shared secret.
    Hmac,
    /// A private key in PKCS#8 PEM form; it logs the session on, so orders need no signature of their own.
    Ed25519,
}

/// An API key with its secret.
#[derive(Debug)]
pub struct Credentials {
    /// Names the key to the venue.
    pub api_key: SecretString,
    /// The shared secret, or the private key in PEM form.
    pub secret: SecretString,
    /// Which of them it is.
    pub kind: KeyKind,
}

/// Credentials that cannot be used. Says nothing of their contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// The private key cannot be read.
    #[error("the API secret: {0}")]
    Key(#[from] KeyError),
}

/// Makes signed requests.
pub(crate) struct SignedRequests {
    api_key: SecretString,
    key: SigningKey,
    kind: KeyKind,
    recv_window: Duration,
}

impl fmt::Debug for SignedRequests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignedRequests([REDACTED])")
    }
}

/// How a request's parameters travel, which decides how they are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Envelope {
    /// As a query string.
    Rest,
    /// As JSON on the WS API, each request with its own signature.
    WsSigned,
    /// As JSON on a WS API session that is logged on.
    WsLoggedOn,
}

impl SignedRequests {
    /// Without a key: what it would sign, no venue takes.
    pub(crate) fn keyless() -> Self {
        Self {
            api_key: SecretString::default(),
            key: SigningKey::hmac(""),
            kind: KeyKind::Hmac,
            recv_window: Duration::ZERO,
        }
    }

    pub(crate) fn new(credentials: &Credentials, recv_window: Duration) -> Result<Self, CredentialsError> {
        let secret = credentials.secret.expose_secret();
        let key = match credentials.kind {
            KeyKind::Hmac => SigningKey::hmac(secret),
            KeyKind::Ed25519 => SigningKey::ed25519_pem(secret)?,
        };
        Ok(Self {
            api_key: credentials.api_key.clone(),
            key,
            kind: credentials.kind,
            recv_window,
        })
    }

    /// The header's value on REST requests.
    pub(crate) fn api_key(&self) -> &SecretString {
        &self.api_key
    }

    pub(crate) fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Places the order that was approved, as it was approved.
    pub(crate) fn order(&self, at: Timestamp, envelope: Envelope, order: ApprovedOrder) -> Params {
        let intent = order.intent();
        let (order_type, time_in_force, price) = order_terms(intent.ord_type);
        let mut params = Params::new()
            .with("symbol", intent.symbol)
            .with("side", WireSide::from(intent.side))
            .with("type", order_type);
        if intent.ord_type.time_in_force().is_some() {
            params.push("timeInForce", time_in_force);
        }
        params.push("quantity", intent.order_qty);
        if intent.ord_type.price().is_some() {
            params.push("price", price);
        }
        if let Some(trigger) = intent.ord_type.trigger() {
            if let Some(stop_px) = trigger.stop_px() {
                params.push("stopPrice", stop_px);
            }
            if let Some(delta_bips) = trigger.delta_bips() {
                params.push("trailingDelta", delta_bips);
            }
        }
        params.push("newClientOrderId", order.cl_ord_id());
        params.push("newOrderRespType", WireRespType::Full);
        // Whatever the pair's default: what comes in is an exit where both are ours, since the gate lets no entry cross.
        params.push("selfTradePreventionMode", "EXPIRE_MAKER");
        self.sign(at, envelope, params)
    }

    /// Places the sale that was approved with its stop, as both were approved: the sale above the market, the stop below.
    pub(crate) fn oco(
        &self,
        at: Timestamp,
        envelope: Envelope,
        order: ApprovedOrder,
        stop: StopLeg,
    ) -> Params {
        let intent = order.intent();
        let (above_type, _, above_price) = order_terms(intent.ord_type);
        let (below_type, _, _) = order_terms(stop.ord_type);
        let mut params = Params::new()
            .with("symbol", intent.symbol)
            .with("side", WireSide::from(intent.side))
            .with("quantity", intent.order_qty)
            .with("aboveType", above_type)
            .with("aboveClientOrderId", order.cl_ord_id())
            .with("abovePrice", above_price)
            .with("belowType", below_type)
            .with("belowClientOrderId", stop.cl_ord_id);
        if let Some(stop_px) = stop.ord_type.trigger().and_then(Trigger::stop_px) {
            params.push("belowStopPrice", stop_px);
        }
        params.push("newOrderRespType", WireRespType::Full);
        params.push("selfTradePreventionMode", "EXPIRE_MAKER");
        self.sign(at, envelope, params)
    }

    pub(crate) fn cancel(&self, at: Timestamp, envelope: Envelope, symbol: Symbol, id: ClOrdId) -> Params {
        self.sign(
            at,
            envelope,
            Params::new().with("symbol", symbol).with("origClientOrderId", id),
        )
    }

    pub(crate) fn cancel_by_order_id(&self, at: Timestamp, symbol: Symbol, order: OrderId) -> Params {
        self.sign(
            at,
            Envelope::Rest,
            Params::new().with("symbol", symbol).with("orderId", order),
        )
    }

    pub(crate) fn query_order(&self, at: Timestamp, symbol: Symbol, id: ClOrdId) -> Params {
        self.sign(
            at,
            Envelope::Rest,
            Params::new().with("symbol", symbol).with("origClientOrderId", id),
        )
    }

    /// Asks for a pair's open orders, or, with DELETE, cancels them all.
    pub(crate) fn open_orders(&self, at: Timestamp, symbol: Symbol) -> Params {
        self.sign(at, Envelope::Rest, Params::new().with("symbol", symbol))
    }

    /// All orders placed between two times by the venue's clock.
    pub(crate) fn all_orders(&self, at: Timestamp, symbol: Symbol, from: Timestamp, to: Timestamp) -> Params {
        let params = Params::new()
            .with("symbol", symbol)
            .with("startTime", from.as_millis())
            .with("endTime", to.as_millis())
            .with("limit", 1_000);
        self.sign(at, Envelope::Rest, params)
    }

    /// All orders from an id on.
    pub(crate) fn all_orders_from(&self, at: Timestamp, symbol: Symbol, from: OrderId) -> Params {
        let params = Params::new()
            .with("symbol", symbol)
            .with("orderId", from)
            .with("limit", 1_000);
        self.sign(at, Envelope::Rest, params)
    }

    pub(crate) fn my_trades(&self, at: Timestamp, symbol: Symbol, from: Option<TradeId>) -> Params {
        let mut params = Params::new().with("symbol", symbol).with("limit", 1_000);
        if let Some(from) = from {
            params.push("fromId", from);
        }
        self.sign(at, Envelope::Rest, params)
    }

    pub(crate) fn account(&self, at: Timestamp) -> Params {
        self.sign(at, Envelope::Rest, Params::new())
    }

    /// What the account pays on trades of the pair.
    pub(crate) fn commission(&self, at: Timestamp, symbol: Symbol) -> Params {
        self.sign(at, Envelope::Rest, Params::new().with("symbol", symbol))
    }

    /// What the key may do.
    pub(crate) fn restrictions(&self, at: Timestamp) -> Params {
        self.sign(at, Envelope::Rest, Params::new())
    }

    /// Logs a session on, or subscribes to user events with a signature: both name the key and the time.
    pub(crate) fn authenticate(&self, at: Timestamp) -> Params {
        self.sign(at, Envelope::WsSigned, Params::new())
    }

    fn sign(&self, at: Timestamp, envelope: Envelope, mut params: Params) -> Params {
        params.push("recvWindow", self.recv_window.as_millis());
        params.push("timestamp", at.as_millis());
        match envelope {
            Envelope::Rest => {
                let signature = self.key.sign(&params.to_query());
                params.push("signature", signature);
            }
            Envelope::WsSigned => {
                params.push("apiKey", self.api_key.expose_secret());
                let signature = self.key.sign(&params.to_ws_payload());
                params.push("signature", signature);
            }
            Envelope::WsLoggedOn => {}
        }
        params
    }
}
