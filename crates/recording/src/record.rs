use serde::{Deserialize, Serialize};

/// When a frame arrived, by both clocks of this machine.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Arrival {
    /// Nanoseconds since the Unix epoch.
    pub wall_ns: u64,
    /// Nanoseconds of the monotonic clock since the recording began.
    pub mono_ns: u64,
}

/// One frame as it was received; one line of a segment.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Counts all frames from 1, dropped ones too: a hole in the numbers is what was dropped.
    pub seq: u64,
    /// Arrival in nanoseconds since the Unix epoch.
    pub wall_ns: u64,
    /// Arrival in nanoseconds of the monotonic clock.
    pub mono_ns: u64,
    /// Which connection of the recording it came by; REST answers have their own.
    pub connection: u32,
    /// The stream's name, or the path of the REST request.
    pub stream: String,
    /// The frame's text, byte by byte.
    pub frame: String,
}
