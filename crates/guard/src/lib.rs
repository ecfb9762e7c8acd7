//! The dead man: when a trader counts as dead, and how its open orders are canceled then.
//!
//! [`Guard`] takes heartbeats, answers of the venue, and the time, and gives one request after the other; it has neither
//! clock nor socket. What may be relied on:
//! - Nothing is canceled before a silence has lasted the whole limit, nor before a trader was heard or known to be running.
//! - Once begun, it goes on for ever, until each pair has shown no open order but stops in two passes in a row.
//! - A sell that waits for a stop price stays: it bounds the loss on what is held while nobody looks after it, and opens nothing.
//! - A heartbeat ends the canceling at once: a trader that lives looks after its orders itself.
//! - While the trader lives, the venue is asked once a minute, so that a key that was revoked is told before it is needed.
//! - A wait that the venue asked for is kept, and two passes are never nearer than [`Guard::WAIT_MIN`].
//!
//! ```
//! use std::time::Duration;
//! use keel_domain::Timestamp;
//! use keel_guard::{Guard, Request};
//!
//! let pair = "BTCUSDT".parse()?;
//! let begin = Timestamp::EPOCH;
//! let mut guard = Guard::new(vec![pair], Duration::from_secs(10));
//! guard.on_beat(begin);
//! let silent = begin.plus(Duration::from_secs(10));
//! assert_eq!(guard.next_request(begin.plus(Duration::from_millis(9_999))), None);
//! assert_eq!(guard.next_request(silent), Some(Request::Look(pair)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod guard;
mod sweep;

pub use guard::{Answer, Event, Guard, Request};
