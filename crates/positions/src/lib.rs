//! The ledger: from trades to positions and money.
