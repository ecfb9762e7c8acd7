//! Raw market-data frames with their arrival times, in compressed segments that outlive a crash.
//!
//! A recording is a directory: segments of newline-delimited JSON, each a chain of independent zstd frames, and `index.ndjson` with one line
//! per finished segment. Every block is synced before the next one is begun, so a killed writer loses only the block in its memory
//! and the frames in its queue.

mod error;
mod queue;
mod reader;
mod record;
mod segment;
mod writer;

pub use error::RecordingError;
pub use queue::{Offer, Recorder, RecorderSummary};
pub use reader::{Disagreement, ReadSummary, TornTail, read};
pub use record::{Arrival, Record};
pub use segment::{INDEX_FILE, IndexEntry, segment_name};
pub use writer::{SegmentLimits, SegmentWriter, Written};
