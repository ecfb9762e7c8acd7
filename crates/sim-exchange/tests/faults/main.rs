//! What goes wrong on command.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod events;
mod fills;
mod operator;
mod plan;
mod requests;
mod sockets;
mod states;
mod venue;

use std::time::Duration;

const ORDERS: &str = r#"request = ["POST /api/v3/order", "order.place"]"#;
const SECOND: Duration = Duration::from_secs(1);

fn rule(text: &str) -> String {
    format!("[[rule]]\n{text}\n")
}
