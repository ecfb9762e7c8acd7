//! The risk gate: the only maker of an [`ApprovedOrder`].

mod approved;
mod breach;
mod gate;
mod limits;
mod rules;
mod state;
mod view;

pub use approved::ApprovedOrder;
pub use breach::{Breach, Rule};
pub use gate::RiskGate;
pub use limits::{LimitError, RiskLimits, SymbolLimits};
pub use state::{HaltCause, TradingState};
pub use view::{Reference, ReferenceFault, RiskView};
