//! The crate through its public API.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

mod common;
mod fifo;
mod generated;
mod ledger;
mod properties;
mod remainder;
mod stored;
mod valuation;
