//! Binance Spot's messages both ways and its signatures; no I/O.
//!
//! The client and the simulated exchange share these types, so each is checked against the samples in the venue's own
//! documents (repository binance/binance-spot-api-docs, as of 2026-07-21). Unknown fields are passed over; an unknown
//! enum value is an error, never a guess.
//!
//! ```
//! use keel_binance_wire::stream::{self, StreamEvent};
//!
//! let frame = br#"{"stream":"bnbbtc@trade","data":{"e":"trade","E":1672515782136,"s":"BNBBTC","t":12345,
//!     "p":"0.001","q":"100","T":1672515782136,"m":true,"M":true}}"#;
//! let Ok(StreamEvent::Trade(trade)) = stream::decode(frame) else { panic!("not a trade") };
//! assert_eq!(trade.price.to_string(), "0.001");
//! ```

pub mod convert;
pub mod depth_scan;
pub mod enums;
pub mod error;
pub mod filters;
pub mod market;
pub mod number;
pub mod order_answers;
pub mod orders;
pub mod params;
pub mod price_rules;
pub mod rest;
pub mod signing;
pub mod sor;
pub mod stream;
pub mod ws_api;
