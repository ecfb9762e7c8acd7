//! The trader's sign of life to its guard: a datagram a turn over a local socket, and a mark on the disk while it runs.

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use crate::{make_dir, only_for_owner, prepare, socket};

const SOCKET: &str = "guard.sock";
/// There while a trader runs, or did not end in order.
const MARK: &str = "running";
const BEAT: &[u8] = b"beat";
const FAREWELL: &[u8] = b"closed";

/// The trader's end. Never blocks; that no guard listens is no error.
#[derive(Debug)]
pub struct Heart {
    socket: UnixDatagram,
    guard: PathBuf,
    mark: PathBuf,
}

impl Heart {
    /// Speaks to the guard of this state directory, now or whenever there is one. A guard that starts later knows from now
    /// on that a trader runs.
    ///
    /// # Errors
    /// A directory that cannot be written.
    pub fn start(state_dir: &Path) -> std::io::Result<Self> {
        let speaker = UnixDatagram::unbound()?;
        speaker.set_nonblocking(true)?;
        make_dir(state_dir)?;
        let mark = socket(state_dir, MARK);
        std::fs::write(&mark, "")?;
        Ok(Self {
            socket: speaker,
            guard: socket(state_dir, SOCKET),
            mark,
        })
    }

    /// Says that the trading loop turns; whether a guard took it. To be called from that loop, so that its standstill is
    /// silence.
    pub fn beat(&self) -> bool {
        self.socket.send_to(BEAT, &self.guard).is_ok()
    }

    /// Says that the trader ends and leaves nothing at the venue that it does not mean to leave; whether a guard took it.
    ///
    /// # Errors
    /// The mark cannot be taken away: a guard that starts later will cancel what is open.
    pub fn farewell(&self) -> std::io::Result<bool> {
        std::fs::remove_file(&self.mark)?;
        Ok(self.socket.send_to(FAREWELL, &self.guard).is_ok())
    }
}

/// What a guard heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// The trading loop turns.
    Beat,
    /// The trader has ended in order.
    Farewell,
}

/// The guard's end.
#[derive(Debug)]
pub struct Ear {
    socket: tokio::net::UnixDatagram,
    mark: PathBuf,
}

impl Ear {
    /// Listens for the trader of this state directory. Needs a tokio runtime.
    ///
    /// # Errors
    /// A guard that listens already ([`ErrorKind::AddrInUse`]), a directory that cannot be written, or too long a path.
    pub fn start(state_dir: &Path) -> std::io::Result<Self> {
        let other = UnixDatagram::unbound()?;
        if other.connect(socket(state_dir, SOCKET)).is_ok() {
            let problem = "another guard listens on this state directory";
            return Err(std::io::Error::new(ErrorKind::AddrInUse, problem));
        }
        let path = prepare(state_dir, SOCKET)?;
        let socket = tokio::net::UnixDatagram::bind(&path)?;
        only_for_owner(&path)?;
        Ok(Self {
            socket,
            mark: crate::socket(state_dir, MARK),
        })
    }

    /// Whether a trader runs, or has ended without a farewell.
    #[must_use]
    pub fn is_trader_expected(&self) -> bool {
        self.mark.exists()
    }

    /// Waits for the next sign of life. Cancel-safe.
    ///
    /// # Errors
    /// The system's.
    pub async fn next(&self) -> std::io::Result<Heard> {
        let mut bytes = [0; 16];
        let len = self.socket.recv(&mut bytes).await?;
        Ok(read(bytes.get(..len)))
    }

    /// The next sign of life that waits already.
    pub fn try_next(&self) -> Option<Heard> {
        let mut bytes = [0; 16];
        let len = self.socket.try_recv(&mut bytes).ok()?;
        Some(read(bytes.get(..len)))
    }
}

fn read(bytes: Option<&[u8]>) -> Heard {
    if bytes == Some(FAREWELL) {
        Heard::Farewell
    } else {
        Heard::Beat
    }
}
