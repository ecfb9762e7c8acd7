//! The shell: moves events into the engine and its commands out, on one thread.
//!
//! [`System`] assembles a configuration into engine, journal, session and driver, runs them until it is told to stop, and
//! ends only when the venue shows no order of ours, or says which may be left. Both binaries run the same code.
//!
//! ```
//! use keel_runtime::Clock;
//!
//! let clock = Clock::start();
//! let before = clock.now();
//! assert!(clock.now() >= before, "it never runs backwards, whatever is done to the wall clock");
//! ```

mod adopt;
mod alerts;
mod assemble;
mod build;
mod change;
mod clock;
mod desk;
mod doctor;
mod emergency;
mod flow;
mod guard;
mod guard_teller;
mod guard_watch;
mod journal_log;
mod logging;
mod loop_watch;
mod money;
mod monitor;
mod observer;
mod operate;
mod outcome;
mod panics;
mod progress;
mod record;
mod restrictions;
mod risk_lines;
mod statement;
mod statement_days;
mod symbol_lines;
mod system;
mod terminal;
mod valuation;

pub use adopt::{Adopted, adopt_from_venue};
pub use assemble::{identity, open_journal, validate};
pub use build::{build, build_if_known};
pub use clock::Clock;
pub use desk::{CLOSE_WITHIN, Desk};
pub use doctor::{Finding, Health, examine};
pub use guard::{GuardEnding, guard};
pub use guard_teller::GuardTeller;
pub use journal_log::{JournalLog, LogError, Opened, SNAPSHOT_RECORDS, SnapshotTaken, decode};
pub use logging::{CappedLog, log_to};
pub use monitor::Monitor;
pub use operate::KILL_FILE;
pub use outcome::{Ending, Outcome, RunContext};
pub use panics::caught;
pub use progress::Progress;
pub use record::{RecordedSummary, record};
pub use restrictions::{lifted, restrictions_in_words};
pub use system::System;
pub use terminal::{ExitCode, StopSignals, parse_duration, summarize, write_report};
