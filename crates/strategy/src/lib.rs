//! The trait of a strategy, and two reference strategies.
