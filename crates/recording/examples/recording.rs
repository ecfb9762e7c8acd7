//! Records the lines of standard input as frames, or tells what a recording holds.
//!
//! `cargo run -p keel-recording --example recording -- write DIR < frames.ndjson`, then `… -- read DIR`.

use std::env;
use std::error::Error;
use std::io::{BufRead, stdin};
use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use keel_recording::{Record, SegmentLimits, SegmentWriter, read};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (Some("write"), Some(dir)) => write(Path::new(&dir)),
        (Some("read"), Some(dir)) => {
            println!("{:?}", read(Path::new(&dir), |_| ())?);
            Ok(())
        }
        _ => Err("usage: recording write DIR < LINES, or recording read DIR".into()),
    }
}

fn write(dir: &Path) -> Result<(), Box<dyn Error>> {
    let mut writer = SegmentWriter::create(dir, SegmentLimits::default())?;
    let begun = Instant::now();
    for (seq, line) in (1..).zip(stdin().lock().lines()) {
        let wall_ns = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())?;
        let mono_ns = u64::try_from(begun.elapsed().as_nanos())?;
        writer.append(&Record {
            seq,
            wall_ns,
            mono_ns,
            connection: 0,
            stream: "stdin".to_owned(),
            frame: line?,
        })?;
    }
    println!("{:?}", writer.finish()?);
    Ok(())
}
