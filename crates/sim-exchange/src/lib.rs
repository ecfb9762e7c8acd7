//! A simulated exchange that speaks Binance Spot's protocol.
