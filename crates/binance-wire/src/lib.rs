//! Binance Spot's messages both ways and its signatures; no I/O.
