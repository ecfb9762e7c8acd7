//! A durable, append-only log of byte records.
