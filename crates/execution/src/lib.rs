//! The life of orders, the open ones, and the trait of a venue.
