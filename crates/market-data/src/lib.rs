//! The local order book, its freshness, and the trait of a market feed.
