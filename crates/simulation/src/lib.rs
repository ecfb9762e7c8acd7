//! The whole trading system and a simulated exchange in virtual time: the same session, engine, journal and protocol as over
//! sockets, with every byte between them, and no socket, thread or clock. The same seed gives the same run.

mod frames;
mod recorded;
mod simulation;
mod soak;
mod weather;
mod wires;

pub use frames::FrameTally;
pub use recorded::{PlayedBack, RecordedData, RecordedError};
pub use simulation::{Simulation, SimulationSettings};
pub use soak::{SoakRun, soak};
pub use weather::Weather;
