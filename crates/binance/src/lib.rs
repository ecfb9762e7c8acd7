//! Binance Spot as a venue: a session machine without I/O and a thin tokio driver.
//!
//! [`Session`] takes what came from the sockets and the time, and gives what is to be sent and when it wants to be called
//! again; it implements [`keel_market_data::MarketFeed`] and [`keel_execution::Venue`]. [`Driver`] owns the sockets and only moves bytes.
//!
//! [`OpenOrders`] is the dead man's client: open orders looked at and canceled by REST alone, with the same signatures.
//! [`Inquiry`] asks what keeps a start from trading, and changes nothing.
//!
//! What may be relied on:
//! - An order without a clear answer is reported as unknown, never as rejected; an answer after its time still counts.
//! - One counter holds the request weight of every call against the venue's minute. Three tenths of it are kept for
//!   cancels, exits and questions about unknown orders. After 429 only exits leave, after 418 nothing does.
//! - A connection's successor is open and subscribed before it ends, after 23 hours or on the venue's notice. All
//!   connections together try at most 30 times in ten minutes.
//! - Data is stale by its age and by the venue's clock, not by pings; books are lost then, and said to be.
//!
//! An order's request is made from an approval, which only the risk gate gives, and taken by value:
//! ```
//! use keel_execution::Venue;
//! fn send(session: &mut keel_binance::Session, now: keel_domain::Timestamp, order: keel_risk::ApprovedOrder) {
//!     let _queued = session.submit(now, order);
//! }
//! ```
//! An intent is not enough:
//! ```compile_fail,E0308
//! use keel_execution::Venue;
//! fn send(session: &mut keel_binance::Session, now: keel_domain::Timestamp, order: keel_domain::OrderIntent) {
//!     let _queued = session.submit(now, order);
//! }
//! ```
//! And the module that signs cannot be reached from outside:
//! ```compile_fail,E0603
//! use keel_binance::signed::SignedRequests;
//! ```

mod driver;
mod history;
mod inquiry;
mod open_orders;
mod rest_client;
mod session;
mod signed;

pub use driver::{Driver, DriverError, Tap, install_crypto_provider, try_socket};
pub use history::History;
pub use inquiry::{AccountStanding, ClockReading, Fees, Inquiry, KeyRights};
pub use open_orders::{OpenList, OpenOrders};
pub use rest_client::{RequestError, RestClientError};
pub use session::{
    Distance as ClockDistance, Endpoints, HttpFailure, HttpMethod, HttpRequest, HttpResult, Input, Link,
    RequestId, Session, SessionSettings, Slot, Stats, Transmit,
};
pub use signed::{Credentials, CredentialsError, KeyKind};
