//! Binance Spot as a venue: a session machine without I/O and a thin tokio driver.
