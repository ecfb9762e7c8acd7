//! Clients over real sockets that do not behave: they are ended and counted, and nobody waits for them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

mod floods;
mod held_up;
mod running;
mod slow_clients;
