//! `trader record`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use keel_runtime::{ExitCode, Progress, StopSignals, record};

use crate::ConfigArgs;

/// The recording's settings.
#[derive(clap::Args, Clone)]
pub(crate) struct RecordArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Where the recording goes: a directory that holds none yet.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// End after this time (30s, 5m, 2h); without it, at Ctrl-C or SIGTERM.
    #[arg(long, value_parser = keel_runtime::parse_duration)]
    duration: Option<Duration>,
}

/// Records the market data of the configuration's pairs.
///
/// # Errors
/// Wrong configuration, or a directory or disk that cannot be used.
pub(crate) fn run(args: &RecordArgs, json: bool) -> Result<ExitCode> {
    let config = args.config.load()?;
    let progress = Progress::to_stderr();
    let pairs: Vec<String> = config.trading.symbols.iter().map(ToString::to_string).collect();
    progress.line(&format!(
        "recording {} of {} into {}",
        pairs.join(", "),
        config.venue.name(),
        args.out.display()
    ));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let recorded = runtime.block_on(async {
        let stop = StopSignals::listen()?;
        let over = async {
            match args.duration {
                Some(duration) => tokio::time::sleep(duration).await,
                None => std::future::pending().await,
            }
        };
        let first = stop.nth(1);
        let ended = async {
            tokio::select! {
                () = over => {},
                () = first => {},
            }
        };
        record(&config, &args.out, ended, progress).await
    })?;
    let summary = recorded.recorder;
    progress.line(&format!(
        "{} records in {} segments, {} bytes; {} frames dropped, {} gaps, {} reconnects",
        summary.written.records,
        summary.written.segments,
        summary.written.bytes,
        summary.dropped,
        recorded.gaps,
        recorded.reconnects,
    ));
    if json {
        let told = serde_json::json!({
            "records": summary.written.records,
            "segments": summary.written.segments,
            "bytes": summary.written.bytes,
            "dropped": summary.dropped,
            "gaps": recorded.gaps,
            "reconnects": recorded.reconnects,
        });
        println!("{told}");
    }
    let is_whole = summary.dropped == 0 && summary.written.records > 0;
    Ok(if is_whole { ExitCode::Done } else { ExitCode::Fault })
}
