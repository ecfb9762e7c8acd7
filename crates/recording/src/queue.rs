use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::{Arrival, Record, RecordingError, SegmentLimits, SegmentWriter, Written};

/// What became of a frame that was offered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Offer {
    /// It waits for the writer.
    Queued,
    /// The queue was full; the frame is dropped and counted.
    Dropped,
    /// The writer has ended; the frame is dropped and counted, and [`Recorder::finish`] tells why.
    WriterEnded,
}

/// What a recording came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RecorderSummary {
    /// What is on disk.
    pub written: Written,
    /// Frames offered.
    pub offered: u64,
    /// Frames dropped before the writer.
    pub dropped: u64,
}

/// A recording with its own writer thread behind a bounded queue, so that a slow disk never delays a socket.
pub struct Recorder {
    queue: SyncSender<Record>,
    writer: JoinHandle<Result<Written, RecordingError>>,
    offered: u64,
    dropped: u64,
}

impl Recorder {
    /// Begins a recording in `dir` with room for `capacity` waiting frames.
    ///
    /// # Errors
    /// As [`SegmentWriter::create`]; or the thread cannot be started.
    pub fn start(dir: &Path, limits: SegmentLimits, capacity: usize) -> Result<Self, RecordingError> {
        let writer = SegmentWriter::create(dir, limits)?;
        let (queue, frames) = sync_channel(capacity);
        let writer = thread::Builder::new()
            .name("recording".to_owned())
            .spawn(move || write_all(writer, &frames, Duration::from_nanos(limits.block_ns)))
            .map_err(|e| RecordingError::io(dir, e))?;
        Ok(Self {
            queue,
            writer,
            offered: 0,
            dropped: 0,
        })
    }

    /// Offers a frame and never waits.
    pub fn offer(&mut self, arrival: Arrival, connection: u32, stream: &str, frame: &str) -> Offer {
        self.offered += 1;
        let record = Record {
            seq: self.offered,
            wall_ns: arrival.wall_ns,
            mono_ns: arrival.mono_ns,
            connection,
            stream: stream.to_owned(),
            frame: frame.to_owned(),
        };
        match self.queue.try_send(record) {
            Ok(()) => return Offer::Queued,
            Err(TrySendError::Full(_)) => self.dropped += 1,
            Err(TrySendError::Disconnected(_)) => {
                self.dropped += 1;
                return Offer::WriterEnded;
            }
        }
        Offer::Dropped
    }

    /// Frames dropped so far.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Waits until all queued frames are on disk.
    ///
    /// # Errors
    /// Why the writer ended early; all blocks synced before are kept.
    pub fn finish(self) -> Result<RecorderSummary, RecordingError> {
        drop(self.queue);
        let written = self.writer.join().map_err(|_| RecordingError::WriterGone)??;
        Ok(RecorderSummary {
            written,
            offered: self.offered,
            dropped: self.dropped,
        })
    }
}

// A quiet stream must not keep a block in memory: the wait for the next frame is bounded like the block.
fn write_all(
    mut writer: SegmentWriter,
    frames: &Receiver<Record>,
    wait: Duration,
) -> Result<Written, RecordingError> {
    loop {
        match frames.recv_timeout(wait) {
            Ok(record) => match writer.append(&record) {
                Ok(()) => {}
                Err(refused @ RecordingError::RecordTooLarge { .. }) => {
                    writer.finish()?;
                    return Err(refused);
                }
                Err(spent) => return Err(spent),
            },
            Err(RecvTimeoutError::Timeout) => writer.flush()?,
            Err(RecvTimeoutError::Disconnected) => return writer.finish(),
        }
    }
}
