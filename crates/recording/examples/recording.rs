//! Records the lines of standard input as frames of one pair, or tells what a recording holds.
//!
//! `cargo run -p keel-recording --example recording -- write DIR BTCUSDT < LINES`, then `… -- read DIR`. A line is a frame of a combined
//! stream or the answer to a request for a snapshot; it may begin with its arrival in nanoseconds since the Unix epoch.

use std::env;
use std::error::Error;
use std::io::{BufRead, stdin};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use keel_recording::{Record, SegmentLimits, SegmentWriter, read};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next(), arguments.next()) {
        (Some("write"), Some(dir), Some(symbol)) => write(Path::new(&dir), &symbol),
        (Some("read"), Some(dir), None) => {
            println!("{:?}", read(Path::new(&dir), |_| ControlFlow::Continue(()))?);
            Ok(())
        }
        _ => Err("usage: recording write DIR SYMBOL < LINES, or recording read DIR".into()),
    }
}

fn write(dir: &Path, symbol: &str) -> Result<(), Box<dyn Error>> {
    let mut writer = SegmentWriter::create(dir, SegmentLimits::default())?;
    let mut begun = None;
    for (seq, line) in (1..).zip(stdin().lock().lines()) {
        let line = line?;
        let (wall_ns, frame) = match line.split_once(' ').map(|(at, frame)| (at.parse(), frame)) {
            Some((Ok(at), frame)) => (at, frame),
            _ => (
                u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())?,
                line.as_str(),
            ),
        };
        let stream = if frame.starts_with("{\"lastUpdateId\"") {
            format!("/api/v3/depth?symbol={symbol}")
        } else {
            let stream = serde_json::from_str::<serde_json::Value>(frame)?;
            stream
                .get("stream")
                .and_then(|name| name.as_str())
                .unwrap_or("stdin")
                .to_owned()
        };
        writer.append(&Record {
            seq,
            wall_ns,
            mono_ns: wall_ns.saturating_sub(*begun.get_or_insert(wall_ns)),
            connection: 0,
            stream,
            frame: frame.to_owned(),
        })?;
    }
    println!("{:?}", writer.finish()?);
    Ok(())
}
