//! The life of orders, the open ones, and the trait of a venue.

mod venue;

#[cfg(feature = "mock")]
pub use venue::MockVenue;
pub use venue::{Balance, NotSent, Reject, UnknownCause, Venue, VenueReport};
