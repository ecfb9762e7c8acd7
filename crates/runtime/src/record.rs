//! Market data as it arrives, onto the disk.

use std::cell::RefCell;
use std::future::Future;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;
use keel_binance::{Driver, Session, Tap};
use keel_config::Config;
use keel_execution::Venue;
use keel_market_data::MarketFeed;
use keel_recording::{Arrival, Offer, Recorder, RecorderSummary, SegmentLimits};

use crate::{Clock, Progress, assemble};

/// Frames that may wait for the disk: some seconds of a busy market.
const WAITING_MAX: usize = 16_384;
/// How often a line says how it goes.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// What was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordedSummary {
    /// What is on disk, and what was dropped before it.
    pub recorder: RecorderSummary,
    /// Gaps that the feed found and closed by new snapshots.
    pub gaps: u64,
    /// Times that a connection was made anew.
    pub reconnects: u64,
}

struct RecordingTap {
    recorder: Rc<RefCell<Option<Recorder>>>,
    clock: Clock,
    has_ended: Rc<RefCell<bool>>,
}

/// The stream that a frame of a combined stream names; else what kind of frame it is.
fn stream_of(frame: &str) -> &str {
    let named = frame
        .strip_prefix("{\"stream\":\"")
        .and_then(|rest| rest.split('"').next());
    named.unwrap_or("control")
}

impl RecordingTap {
    fn offer(&self, connection: u64, stream: &str, frame: &[u8]) {
        let wall = self.clock.wall().as_nanos();
        let arrival = Arrival {
            wall_ns: u64::try_from(wall).unwrap_or(0),
            mono_ns: u64::try_from(self.clock.elapsed().as_nanos()).unwrap_or(u64::MAX),
        };
        let connection = u32::try_from(connection).unwrap_or(u32::MAX);
        // What came by WebSocket is text; anything else is told as it can be.
        let frame = String::from_utf8_lossy(frame);
        let named = if stream.is_empty() {
            stream_of(&frame)
        } else {
            stream
        };
        if let Some(recorder) = self.recorder.borrow_mut().as_mut() {
            let offer = recorder.offer(arrival, connection, named, &frame);
            *self.has_ended.borrow_mut() |= offer == Offer::WriterEnded;
        }
    }
}

impl Tap for RecordingTap {
    fn frame(&mut self, connection: u64, frame: &[u8]) {
        self.offer(connection, "", frame);
    }

    fn answer(&mut self, request: &str, body: &[u8]) {
        self.offer(0, request, body);
    }
}

/// Records the pairs' streams, with the snapshots and rules that belong to them, until `stop` is ready. Needs no key.
///
/// # Errors
/// A directory that holds a recording already, a disk that is full, or a venue's address that cannot be used. What was synced
/// before is kept.
pub async fn record(
    config: &Config,
    dir: &Path,
    stop: impl Future<Output = ()>,
    progress: Progress,
) -> Result<RecordedSummary> {
    let clock = Clock::start();
    let recorder = Recorder::start(dir, SegmentLimits::default(), WAITING_MAX)?;
    let recorder = Rc::new(RefCell::new(Some(recorder)));
    let has_ended = Rc::new(RefCell::new(false));
    let mut driver = Driver::new(&config.venue.rest_url)?;
    driver.tap(Box::new(RecordingTap {
        recorder: Rc::clone(&recorder),
        clock,
        has_ended: Rc::clone(&has_ended),
    }));
    let mut session = Session::without_account(
        clock.now(),
        assemble::endpoints(config),
        assemble::session_settings(config),
    );
    let mut tells = tokio::time::interval(TELL_EVERY);
    let mut updates = 0_u64;
    tokio::pin!(stop);
    loop {
        tokio::select! {
            biased;
            () = &mut stop => break,
            _ = tells.tick() => {
                let dropped = recorder.borrow().as_ref().map_or(0, Recorder::dropped);
                let gaps = session.stats().gaps;
                progress.line(&format!("{updates} updates, {gaps} gaps, {dropped} frames dropped"));
            }
            () = driver.turn(&mut session, move || clock.now()) => {}
        }
        while session.next_report().is_some() {}
        while session.next_update().is_some() {
            updates += 1;
        }
        driver.transmit(&mut session, move || clock.now()).await;
        if *has_ended.borrow() {
            break;
        }
    }
    let stats = session.stats();
    drop(driver);
    let Some(recorder) = recorder.borrow_mut().take() else {
        anyhow::bail!("the recorder is gone");
    };
    Ok(RecordedSummary {
        recorder: recorder.finish()?,
        gaps: stats.gaps,
        reconnects: stats.reconnects,
    })
}
