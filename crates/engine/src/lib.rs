//! The synchronous trading machine: event in, records and commands out.

mod record;
mod reports;
mod state;
mod step;
mod trader;
mod trading;
mod upkeep;
mod view;

pub use record::{Fact, Identity, Record, Seen};
pub use state::{DurableState, Fault};
pub use step::{Command, RecordLog, Step};
pub use trader::{Counters, Event, Operator, RecoverError, Trader, TraderSettings};
