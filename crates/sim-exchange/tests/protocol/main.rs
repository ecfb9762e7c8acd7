//! The protocol as a client sees it, driven without sockets and with the time as an argument.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

mod account_filters;
mod common;
mod control;
mod determinism;
mod garbage;
mod held_up;
mod history;
mod keys;
mod klines;
mod limits;
mod market;
mod order_counts;
mod pegged;
mod pegged_lists;
mod price_rules;
mod samples;
mod signatures;
mod sor;
mod streams;
mod user_data;
mod ws_api;
