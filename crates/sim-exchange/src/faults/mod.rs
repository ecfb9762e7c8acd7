//! Faults on command: rules that say what goes wrong, where, and how often.
//!
//! A [`FaultPlan`] only decides. It is told of every request, frame and connection with the time, and answers with a
//! fate; the protocol and the sockets carry it out. Every rule draws from a random stream of its own, named by its id,
//! so that the same seed and the same requests give the same faults, and taking a rule out does not move the others.
//! The file's format is described in `docs/FAULTS.md`.

mod actions;
mod armed;
mod events;
mod facts;
mod fate;
mod file;
mod keys;
mod plan;
mod requests;
mod rule;

pub use facts::{ConnectionFacts, EventFacts, RequestFacts};
pub use fate::{DueConnectionFault, EventFate, Injected, InjectedAnswer, RequestFate, RuleReport, VenueStep};
pub use file::FaultFile;
pub use keys::FaultFileError;
pub use plan::{AddError, FaultPlan};
pub use rule::{
    ConnectionAction, Corruption, EventAction, Fault, FilterChange, Hangup, Lapse, Loss, RequestAction,
    RequestPattern, Rule, Stage, SymbolState, VenueAction, When,
};
