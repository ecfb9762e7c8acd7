//! The crate through its public API. One binary: to link one a file takes three times as long.

mod adoption;
mod age;
mod brakes;
mod common;
mod comparison;
mod crashes;
mod differences;
mod dust;
mod early;
mod fate;
mod flatten;
mod foreign;
mod interleavings;
mod losses;
mod machine;
mod market;
mod money;
mod paired;
mod protection;
mod questions;
mod reconciliation;
mod refusals;
mod reports;
mod sharing;
mod start;
mod upkeep;
