//! Orders that wait, hide, belong together, change, or must not meet; accounts and their commissions; the filters.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

#[path = "../support/mod.rs"]
mod support;

mod account_filters;
mod accounts;
mod amends;
mod conservation;
mod filters;
mod icebergs;
mod lists;
mod pegged;
mod pegged_lists;
mod prevention;
mod price_rules;
mod sor;
mod triggers;
