//! What is shown of a running system.

use std::collections::BTreeMap;

use keel_domain::{AlertClass, Money, Price, Qty, SignedQty, Timestamp};
use serde::{Serialize, Serializer};

/// Everything that is shown, at one moment.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Snapshot {
    /// When.
    pub at: Timestamp,
    /// paper, testnet or live.
    pub mode: String,
    /// The venue's host.
    pub venue: String,
    /// The account, as the venue names it.
    pub account: String,
    /// The strategies.
    pub strategy: String,
    /// The build.
    pub build: String,
    /// The hash of the effective configuration.
    pub config_hash: String,
    /// The trading state.
    pub state: String,
    /// Why it is restricted.
    pub cause: Option<String>,
    /// Whether the session with the venue is up.
    pub session_up: bool,
    /// Seconds since the start.
    pub uptime_s: u64,
    /// The pairs.
    pub symbols: Vec<SymbolSnapshot>,
    /// The latest trades, newest first, in words.
    pub fills: Vec<String>,
    /// Counts since the start.
    pub counters: Vec<(String, u64)>,
    /// How many alerts of each class were raised since the start; none of a class that is not here.
    #[serde(serialize_with = "with_owners")]
    pub alerts: BTreeMap<AlertClass, u64>,
    /// How much of each limit is used.
    pub risk_use: Vec<RiskUse>,
    /// What the account is worth.
    pub equity: Option<Money>,
    /// In what.
    pub equity_currency: String,
    /// Profit and loss of this system's own trades, net of fees.
    pub pnl: Option<Money>,
    /// The last check of the money identity; none before the first.
    pub identity: Option<IdentityLine>,
}

/// As class, who has to act, and how many.
fn with_owners<S: Serializer>(alerts: &BTreeMap<AlertClass, u64>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(
        alerts
            .iter()
            .map(|(class, raised)| (class.name(), class.owner().name(), raised)),
    )
}

/// One check of the money identity.
#[derive(Debug, Clone, Default, Serialize)]
pub struct IdentityLine {
    /// When.
    pub at: Timestamp,
    /// Whether nothing is unaccounted for.
    pub is_ok: bool,
    /// What is unaccounted for in the equity's currency; none where an asset that moved has no fresh price.
    pub difference: Option<Money>,
    /// What is unaccounted for by asset.
    pub assets: Vec<(String, Money)>,
}

/// One pair.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SymbolSnapshot {
    /// The pair.
    pub symbol: String,
    /// The state in force for it: the stricter of its own and that of trading as a whole.
    pub state: String,
    /// Why the pair itself is restricted.
    pub cause: Option<String>,
    /// Best bid.
    pub bid: Option<Price>,
    /// Best ask.
    pub ask: Option<Price>,
    /// Milliseconds since the book last changed; none while it is not synchronised.
    pub book_age_ms: Option<u64>,
    /// What the pair's market is like: usable, or what keeps entries from being sent.
    pub condition: String,
    /// Whether entries may be sent as far as the market is concerned.
    pub is_usable: bool,
    /// How long ago each stream was heard last.
    pub data_ages: Vec<DataAge>,
    /// Base held.
    pub position: SignedQty,
    /// Base held that is too small to sell, and not in the position.
    pub dust: Money,
    /// What each strategy has of it.
    pub holdings: Vec<HoldingLine>,
    /// Milliseconds for which something that can be sold has been held without a stop at the venue; none: all is covered, or
    /// nothing is to be.
    pub unprotected_ms: Option<u64>,
    /// Orders that may be live.
    pub orders: Vec<OrderLine>,
}

/// What one strategy holds of a pair, and has made of it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct HoldingLine {
    /// Whose it is.
    pub strategy: String,
    /// Whether the strategy runs, and trades the pair.
    pub runs: bool,
    /// Base held.
    pub position: SignedQty,
    /// Base held that is too small to sell, and not in the position.
    pub dust: Money,
    /// What the position cost on average.
    pub avg_px: Option<Money>,
    /// Realised profit, before fees.
    pub realised: Money,
    /// Unrealised profit, at the worse side of a fresh book; none without one.
    pub unrealised: Option<Money>,
    /// Fees, in quote.
    pub fees: Money,
}

/// How long ago a stream of a pair was heard last.
#[derive(Debug, Clone, Default, Serialize)]
pub struct DataAge {
    /// The stream: depth, trade, book_ticker or kline.
    pub stream: String,
    /// Milliseconds.
    pub age_ms: u64,
}

/// One order that may be live.
#[derive(Debug, Clone, Default, Serialize)]
pub struct OrderLine {
    /// Its id.
    pub cl_ord_id: String,
    /// Its side.
    pub side: String,
    /// Its limit price.
    pub price: Option<Price>,
    /// Its quantity.
    pub order_qty: Qty,
    /// What of it has traded.
    pub cum_qty: Qty,
    /// Where it stands.
    pub state: String,
}

/// How much of a limit is used.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RiskUse {
    /// The limit's name.
    pub name: String,
    /// How much is used.
    pub value: Money,
    /// The limit.
    pub limit: Money,
}
