//! The crate through its public API.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

mod account;
mod adoption;
mod carried;
mod common;
mod fifo;
mod generated;
mod history;
mod identity;
mod ledger;
mod ledgers;
mod properties;
mod remainder;
mod stored;
mod valuation;
