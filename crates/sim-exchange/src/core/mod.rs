//! The exchange without a protocol: matching, accounts, and a market that moves by itself. Synchronous and deterministic:
//! the same seed and the same calls give the same events.

mod account;
mod admission;
mod amend;
mod book;
mod commission;
mod config;
mod event;
mod exchange;
mod generator;
mod history;
mod lifecycle;
mod list_life;
mod market;
mod matching;
mod order;
mod order_lists;
mod prevention;
mod replace;
mod settlement;
mod transfers;
mod triggers;
mod venue_change;

pub use account::{AccountId, AssetBalance};
pub use amend::Amendment;
pub use book::{DepthSnapshot, LevelQty};
pub use commission::{CommissionRates, Discount, Rates};
pub use config::{AccountConfig, ConfigError, ExchangeConfig, Market};
pub use event::{AccountTrade, ExchangeEvent, OrderReport, PublicTrade, ReportKind};
pub use exchange::Exchange;
pub use generator::Scenario;
pub use history::{OrderQuery, TradeQuery};
pub use market::MarketStats;
pub use order::{
    CancelRestriction, ExpiryReason, NewOrder, OrderError, OrderOptions, OrderRef, OrderState, Quantity,
    StpMode,
};
pub use order_lists::{Contingency, ListLegs, ListReport, ListStatus, NewOrderList, OrderList};
pub use prevention::PreventedMatch;
pub use replace::{Replaced, Replacement, Step};
