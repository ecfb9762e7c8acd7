//! The exchange without a protocol: matching, accounts, and a market that moves by itself. Synchronous and deterministic:
//! the same seed and the same calls give the same events.

mod account;
mod arena;
mod book;
mod event;
mod exchange;
mod generator;
mod matching;
mod order;
mod order_index;
mod recorded;
mod recording;
mod scenario;

pub use account::{AccountId, AssetBalance};
pub use book::{Book, DepthSnapshot, Fill, LevelQty, Resting};
pub use event::{AccountTrade, ExchangeEvent, OrderReport, PublicTrade, ReportKind};
pub use exchange::{AccountConfig, ConfigError, Exchange, ExchangeConfig, Market, MarketStats, TradeQuery};
pub use order::{NewOrder, OrderError, OrderRef, OrderState, Quantity};
pub use recorded::RecordedMarket;
pub use recording::{Participation, Placed, QueueRule, RecordedEvent, RecordedFill};
pub use scenario::{Scenario, UnknownScenario};
