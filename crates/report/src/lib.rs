//! Run reports: one HTML page with plots, and JSON.
