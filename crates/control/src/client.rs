//! The operator's side.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use crate::{Answer, Request, socket};

/// Longer than the server lets the trading loop take.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
const ANSWER_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No trader listens on this state directory. Nothing was done.
    #[error("no trader runs on this state directory")]
    NotRunning,
    /// The request was not understood. Nothing was done.
    #[error("{0}")]
    NotUnderstood(String),
    /// It may or may not have been done.
    #[error("outcome unknown: {0}")]
    Unclear(String),
}

/// Asks the trader that runs on this state directory, and waits for its answer.
///
/// # Errors
/// [`CallError`], which says whether something may have been done.
pub fn call(state_dir: &Path, request: &Request) -> Result<Answer, CallError> {
    let mut stream =
        UnixStream::connect(socket(state_dir, "trader.sock")).map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => CallError::NotRunning,
            _ => CallError::NotUnderstood(format!("the control socket: {error}")),
        })?;
    let text = exchange(&mut stream, request).map_err(|error| CallError::Unclear(error.to_string()))?;
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return Err(CallError::Unclear(
            "the trader ended before it answered".to_owned(),
        ));
    };
    if let Ok(answer) = serde_json::from_str(body) {
        return Ok(answer);
    }
    let problem = body.trim().to_owned();
    match head.split(' ').nth(1) {
        Some("400" | "413" | "503") => Err(CallError::NotUnderstood(problem)),
        _ => Err(CallError::Unclear(problem)),
    }
}

fn exchange(stream: &mut UnixStream, request: &Request) -> std::io::Result<String> {
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    stream.set_write_timeout(Some(ANSWER_WITHIN))?;
    let body = request.body();
    write!(
        stream,
        "{} /{} HTTP/1.1\r\nHost: keel\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        request.method(),
        request.name(),
        body.len(),
    )?;
    let mut text = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}
