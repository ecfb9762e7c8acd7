//! The life of orders, the open ones, and the trait of a venue.
//!
//! An [`Order`] is moved by evidence only: the venue's totals set it, a lost answer makes it [`OrderState::Unknown`],
//! and nothing but the venue's word ends that. [`Orders`] keeps them all and says what may still trade.
//!
//! ```
//! use keel_domain::*;
//! use keel_execution::{OrderState, Orders, UnknownCause};
//!
//! let intent = OrderIntent {
//!     symbol: "BTCUSDT".parse()?,
//!     side: Side::Buy,
//!     ord_type: OrdType::LimitMaker { price: "65000".parse()? },
//!     order_qty: "0.01".parse()?,
//!     purpose: Purpose::Entry,
//! };
//! let id: ClOrdId = "k1-1-1".parse()?;
//! let mut orders = Orders::new();
//! orders.submit(id, intent, Timestamp::EPOCH)?;
//! orders.mark_unknown(id, UnknownCause::TimedOut)?;
//! // The answer was lost: the order may be live, so all of it still counts.
//! let exposure = orders.exposure(intent.symbol);
//! assert_eq!(exposure.buy_leaves, intent.order_qty);
//! assert_eq!(exposure.unknown_orders, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cl_ord_id;
mod order;
mod order_state;
mod orders;
mod venue;

pub use cl_ord_id::{ClOrdIdSource, IdParts, InstanceTag, IssuedBy, TagError};
pub use order::Order;
pub use order_state::{Applied, CancelState, Contradiction, Ending, OrderState};
pub use orders::{Exposure, Orders, OrdersError};
#[cfg(feature = "mock")]
pub use venue::MockVenue;
pub use venue::{Balance, NotSent, RefusedCause, Reject, UnknownCause, Venue, VenueReport};
