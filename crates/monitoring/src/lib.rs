//! Metrics, health and the dashboard of a running system.
