//! Settings as meant: checked, in the domain's types.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use keel_domain::{Asset, Money, Qty, Stage, StrategyId, Symbol};
use sha2::{Digest, Sha256};

use crate::layers::{self, Setting, Sources};
use crate::reader::Reader;
use crate::{ConfigError, KeyKind, hosts};

/// Against what the system trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A simulated exchange, or the testnet with paper limits.
    Paper,
    /// The venue's testnet.
    Testnet,
    /// Real money.
    Live,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Paper => "paper",
            Self::Testnet => "testnet",
            Self::Live => "live",
        })
    }
}

/// Where the venue is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Venue {
    /// Base of REST.
    pub rest_url: String,
    /// Base of the streams.
    pub stream_url: String,
    /// The WS API.
    pub ws_api_url: String,
    /// How old a request may be when the venue gets it.
    pub recv_window: Duration,
}

impl Venue {
    /// The venue's host and port, by which people know it.
    #[must_use]
    pub fn name(&self) -> String {
        hosts::name(&self.rest_url)
    }
}

/// Where credentials are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialsConfig {
    /// The key's kind.
    pub kind: KeyKind,
    /// File of the key.
    pub api_key_file: Option<PathBuf>,
    /// File of the secret.
    pub api_secret_file: Option<PathBuf>,
}

/// What is traded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trading {
    /// The pairs.
    pub symbols: Vec<Symbol>,
}

/// The quoter's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quoter {
    /// Base in each quote.
    pub order_qty: Qty,
    /// The position around which it leans neither way.
    pub position_target: Qty,
    /// The most base it holds.
    pub position_max: Qty,
    /// How far behind the best price it quotes.
    pub quote_offset_ticks: u32,
    /// How far a quote may be from its wanted price.
    pub requote_ticks: u32,
    /// How far quotes lean at full inventory.
    pub skew_ticks_max: u32,
}

/// The trend follower's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trend {
    /// Length of a bar.
    pub bar_ms: u32,
    /// Bars in the fast average.
    pub fast_bars: u32,
    /// Bars in the slow average.
    pub slow_bars: u32,
    /// Base in an entry.
    pub order_qty: Qty,
    /// Percent below the entry price at which it leaves.
    pub stop_loss_pct: Money,
    /// Percent above the entry price at which it leaves.
    pub take_profit_pct: Money,
    /// Entries that may trade on one UTC day.
    pub max_trades_per_day: u32,
}

/// A strategy to run, with a ledger, orders and stops of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StrategyConfig {
    /// Its name: a part of its orders' ids, and the key of its positions and money.
    pub id: StrategyId,
    /// The pairs that it trades.
    pub symbols: Vec<Symbol>,
    /// What it does.
    pub choice: StrategyChoice,
    /// The table of its settings, for messages.
    pub table: String,
}

/// What a strategy does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StrategyChoice {
    /// The two-sided maker.
    Quoter(Quoter),
    /// The moving-average cross.
    Trend(Trend),
}

/// One pair's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SymbolRisk {
    /// Base in one order.
    pub order_qty_max: Qty,
    /// Quote in one order.
    pub order_notional_max: Money,
    /// Base held.
    pub position_max: Qty,
}

/// The limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Risk {
    /// How far the system has come.
    pub stage: Stage,
    /// Quote that may be held and still be bought, over all pairs.
    pub gross_exposure_max: Money,
    /// Orders of every kind in any ten seconds.
    pub orders_per_10s_max: u32,
    /// How far through the market a price may be.
    pub collar_through_bps: u32,
    /// How far away from it.
    pub collar_away_bps: u32,
    /// The oldest book that gives a price.
    pub book_age_max: Duration,
    /// How often the venue may refuse orders on a pair for the same reason in 60 seconds.
    pub rejections_per_60s_max: u32,
    /// How many entries on a pair may trade in 60 seconds.
    pub entry_fills_per_60s_max: u32,
    /// What the last check before the socket lets out.
    pub last_inch: LastInchSettings,
    /// What may be lost.
    pub loss: LossBudget,
    /// Limits of each pair.
    pub per_symbol: BTreeMap<Symbol, SymbolRisk>,
}

/// What may go out in any 60 seconds, counted behind the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastInchSettings {
    /// Orders of every kind.
    pub orders_per_60s_max: u32,
    /// What they are worth together, in quote.
    pub notional_per_60s_max: Money,
}

/// What may be lost before only exits are permitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LossBudget {
    /// The currency of the amounts.
    pub currency: Asset,
    /// In a day.
    pub day_max: Money,
    /// From the highest profit.
    pub drawdown_max: Money,
    /// Exits in a row that lose.
    pub losing_exits_max: u32,
    /// The zone in which a day begins; there is such a one.
    pub zone: String,
    /// The time of day at which it does, as hours and minutes.
    pub day_starts: String,
}

/// A stop at the venue for what is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protection {
    /// How far below the average entry price the stop stands, in hundredths of a percent.
    pub stop_distance_bps: u32,
    /// How long a position may be without a stop before a person is told.
    pub unprotected_max: Duration,
}

/// What of the market is listened to, and believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarketData {
    /// The widest step of a price that needs no second reading, in hundredths of a percent.
    pub price_jump_bps_max: u32,
    /// Listens to the best prices beside the book.
    pub book_ticker: bool,
    /// Listens to the venue's bars of this length.
    pub kline_interval: Option<String>,
}

/// A whole configuration, as meant.
#[derive(Debug, Clone)]
pub struct Config {
    /// Against what.
    pub mode: Mode,
    /// Marks this instance's orders.
    pub instance_tag: String,
    /// Where.
    pub venue: Venue,
    /// With which key.
    pub credentials: CredentialsConfig,
    /// What.
    pub trading: Trading,
    /// How: at least one, by name.
    pub strategies: Vec<StrategyConfig>,
    /// Within which limits.
    pub risk: Risk,
    /// How positions are protected at the venue; none: not at all.
    pub protection: Option<Protection>,
    /// What of the market is listened to, and believed.
    pub market_data: MarketData,
    /// Where the journal is.
    pub state_dir: PathBuf,
    /// After how many records a snapshot of the state is taken; none: as the journal proposes.
    pub snapshot_records: Option<u64>,
    /// How long the trader may be silent before `trader guard` cancels its orders.
    pub guard_silence_max: Duration,
    /// Where monitoring listens.
    pub monitoring_listen: SocketAddr,
    /// How much is logged.
    pub log_level: String,
    pub(crate) settings: Vec<Setting>,
}

impl Config {
    /// Reads, layers and checks.
    ///
    /// # Errors
    /// The first thing that is wrong, with place, key and remedy.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let layered = layers::load(sources)?;
        let reader = Reader {
            places: &layered.places,
        };
        reader.config(&layered.raw, layered.settings)
    }

    /// Every effective value with its origin. No secret is among them, since none can be in the configuration.
    #[must_use]
    pub fn effective(&self) -> &[Setting] {
        &self.settings
    }

    /// Names these settings: a hash over every effective value, whatever its origin.
    #[must_use]
    pub fn hash(&self) -> String {
        let mut lines: Vec<String> = self
            .settings
            .iter()
            .map(|s| format!("{}={}\n", s.path, s.value))
            .collect();
        lines.sort();
        let digest = Sha256::digest(lines.concat());
        hex::encode(digest).chars().take(16).collect()
    }
}
