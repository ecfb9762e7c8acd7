//! The trader's sign of life to its guard: one datagram a turn over a local socket.

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::{only_for_owner, prepare, socket};

const NAME: &str = "guard.sock";
const BEAT: &[u8] = b"beat";
const FAREWELL: &[u8] = b"closed";

/// The trader's end. Never blocks; that no guard listens is no error.
#[derive(Debug)]
pub struct Sender {
    socket: UnixDatagram,
    guard: PathBuf,
}

impl Sender {
    /// Speaks to the guard of this state directory, now or whenever there is one.
    ///
    /// # Errors
    /// The system's.
    pub fn new(state_dir: &Path) -> std::io::Result<Self> {
        let sender = UnixDatagram::unbound()?;
        sender.set_nonblocking(true)?;
        Ok(Self {
            socket: sender,
            guard: socket(state_dir, NAME),
        })
    }

    /// Says that the trading loop turns; whether a guard took it.
    pub fn beat(&self) -> bool {
        self.socket.send_to(BEAT, &self.guard).is_ok()
    }

    /// Says that the trader ends and left nothing at the venue; whether a guard took it.
    pub fn farewell(&self) -> bool {
        self.socket.send_to(FAREWELL, &self.guard).is_ok()
    }
}

/// What the guard heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// The trading loop turns.
    Beat,
    /// The trader has ended and left nothing at the venue.
    Farewell,
    /// Nothing, for as long as was waited.
    Silence,
}

/// The guard's end.
#[derive(Debug)]
pub struct Listener {
    socket: UnixDatagram,
}

impl Listener {
    /// Listens for the trader of this state directory.
    ///
    /// # Errors
    /// A directory that cannot be written, or too long a path.
    pub fn start(state_dir: &Path) -> std::io::Result<Self> {
        let path = prepare(state_dir, NAME)?;
        let socket = UnixDatagram::bind(&path)?;
        only_for_owner(&path)?;
        Ok(Self { socket })
    }

    /// Waits for the next sign of life.
    ///
    /// # Errors
    /// The system's; the guard takes it for silence after telling it.
    pub fn wait(&self, at_most: Duration) -> std::io::Result<Heard> {
        self.socket
            .set_read_timeout(Some(at_most.max(Duration::from_millis(1))))?;
        let mut bytes = [0; 16];
        match self.socket.recv(&mut bytes) {
            Ok(len) if bytes.get(..len) == Some(FAREWELL) => Ok(Heard::Farewell),
            Ok(_) => Ok(Heard::Beat),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Ok(Heard::Silence)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(Heard::Silence),
            Err(error) => Err(error),
        }
    }
}
