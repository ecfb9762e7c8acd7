//! The trait of a strategy, and two reference strategies.

mod view;

pub use view::{Action, OpenOrder, Permission, Strategy, StrategyView, Trigger};
