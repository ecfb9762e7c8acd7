//! Settings as typed, then as meant; secrets apart; modes.
