//! The exchange without a protocol: matching, accounts, and a market that moves by itself. Synchronous and deterministic:
//! the same seed and the same calls give the same events.

mod account;
mod admission;
mod amend;
mod arena;
mod background;
mod book;
mod commission;
mod config;
mod event;
mod exchange;
mod generator;
mod history;
mod level_queue;
mod lifecycle;
mod list_life;
mod market;
mod matching;
mod order;
mod order_index;
mod order_lists;
mod pegged;
mod playback;
mod prevention;
mod recording;
mod reference;
mod replace;
mod scenario;
mod settlement;
mod sor;
mod transfers;
mod triggers;
mod venue_change;

pub use account::{AccountId, AssetBalance};
pub use amend::Amendment;
pub use book::{Book, DepthSnapshot, Fill, LevelQty, Resting};
pub use commission::{CommissionRates, Discount, Rates};
pub use config::{AccountConfig, ConfigError, ExchangeConfig, Market, Sor};
pub use event::{AccountTrade, ExchangeEvent, OrderReport, Prevention, PublicTrade, ReportKind};
pub use exchange::Exchange;
pub use history::{AllocationQuery, OrderQuery, TradeQuery};
pub use market::MarketStats;
pub use order::{
    CancelRestriction, ExpiryReason, NewOrder, OrderError, OrderOptions, OrderRef, OrderState, Quantity,
    StpMode, WorkingFloor,
};
pub use order_lists::{Contingency, ListLegs, ListReport, ListStatus, NewOrderList, OrderList};
pub use pegged::{Peg, PegPriceType};
pub use playback::Recording;
pub use prevention::PreventedMatch;
pub use recording::{QueueRule, RecordedChange, RecordedEvent};
pub use reference::{PriceRange, PriceRules, ReferenceCalculation, ReferencePrice};
pub use replace::{Replaced, Replacement, Step};
pub use scenario::{Scenario, UnknownScenario};
