//! How an operator reaches the running trader: HTTP over a Unix socket in the state directory.
//!
//! The socket is in a directory of mode 0700 and has mode 0600 itself, so that only the trader's own user can speak to it: no
//! port, no token, and nothing that a browser could be tricked into. `curl --unix-socket` reaches it as any HTTP server.
//!
//! [`Server`] runs on a thread of its own and hands each [`Request`] to the trading loop, which answers when it has done and
//! verified it. [`call`] is the other side.
//!
//! [`Heart`] tells the guard, which listens with an [`Ear`] on a socket beside, that the trading loop turns.
//!
//! ```
//! use keel_control::Request;
//!
//! let halt = Request::parse("POST", "/halt", "looks wrong");
//! assert_eq!(halt, Ok(Request::Halt { reason: "looks wrong".to_owned() }));
//! assert!(Request::parse("POST", "/halt", " ").is_err(), "whoever changes something says why");
//! assert!(Request::parse("GET", "/halt", "looks wrong").is_err(), "a GET changes nothing");
//! ```

mod client;
mod heartbeat;
mod request;
mod server;

pub use client::{CallError, call};
pub use heartbeat::{Ear, Heard, Heart};
pub use request::{Answer, PairState, Request, Verdict};
pub use server::{Call, Server, ServerError};

use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

const DIR: &str = "control";

fn socket(state_dir: &Path, name: &str) -> PathBuf {
    state_dir.join(DIR).join(name)
}

/// Makes the sockets' directory, which only its owner may enter.
fn make_dir(state_dir: &Path) -> std::io::Result<()> {
    let dir = state_dir.join(DIR);
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&dir)?;
    std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o700))
}

/// Makes the directory, and takes away the socket that an earlier process left there.
fn prepare(state_dir: &Path, name: &str) -> std::io::Result<PathBuf> {
    make_dir(state_dir)?;
    let path = socket(state_dir, name);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(path),
    }
}

fn only_for_owner(path: &Path) -> std::io::Result<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}
