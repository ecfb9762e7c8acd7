use serde::{Deserialize, Serialize};

/// The index's file name within a recording.
pub const INDEX_FILE: &str = "index.ndjson";

/// Largest uncompressed block, in bytes; the reader allocates no more for one.
pub(crate) const MAX_BLOCK_BYTES: usize = 16 * 1024 * 1024;

/// One finished segment; one line of the index.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct IndexEntry {
    /// The segment's file name.
    pub segment: String,
    /// First arrival, nanoseconds since the Unix epoch.
    pub first_wall_ns: u64,
    /// Last arrival, nanoseconds since the Unix epoch.
    pub last_wall_ns: u64,
    /// Records in it.
    pub records: u64,
    /// Its size on disk.
    pub bytes: u64,
}

/// The file name of segment `number`, counted from 1.
#[must_use]
pub fn segment_name(number: u64) -> String {
    format!("segment-{number:06}.ndjson.zst")
}
