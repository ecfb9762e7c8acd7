//! Metrics, health and the dashboard of a running system: it shows, and decides nothing.
//!
//! ```
//! use std::time::Duration;
//! use keel_domain::Timestamp;
//! use keel_monitoring::Health;
//!
//! let start = Timestamp::from_millis(0);
//! let health = Health::default();
//! let trading = health.register("trading", Duration::from_secs(2), start);
//! trading.beat(start.plus(Duration::from_secs(1)));
//! assert!(health.report(start.plus(Duration::from_secs(3))).is_healthy);
//! assert!(!health.report(start.plus(Duration::from_secs(4))).is_healthy, "it has been silent for too long");
//! ```

mod health;
mod metrics;
mod server;
mod snapshot;

pub use health::{Health, HealthReport, Heartbeat, TaskAge};
pub use metrics::render;
pub use server::{MonitorState, serve};
pub use snapshot::{DataAge, HoldingLine, IdentityLine, OrderLine, RiskUse, Snapshot, SymbolSnapshot};
