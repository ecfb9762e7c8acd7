//! Monitoring on a thread of its own, so that nothing it does can delay trading.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context, Result};
use keel_monitoring::{Health, MonitorState, Snapshot, serve};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::Clock;

/// The running monitor. Ends when it is dropped.
#[derive(Debug)]
pub struct Monitor {
    address: SocketAddr,
    health: Health,
    snapshots: watch::Sender<Arc<Snapshot>>,
    shutdown: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Monitor {
    /// Starts serving on an address of this machine.
    ///
    /// # Errors
    /// An address that cannot be had, with the remedy.
    pub fn start(listen: SocketAddr, clock: Clock) -> Result<Self> {
        let listener = TcpListener::bind(listen).with_context(|| {
            format!("monitoring cannot listen on {listen}: choose another with --set monitoring.listen=127.0.0.1:PORT")
        })?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let health = Health::default();
        let (snapshots, receiver) = watch::channel(Arc::new(Snapshot::default()));
        let state = MonitorState {
            health: health.clone(),
            snapshots: receiver,
            now: Arc::new(move || clock.now()),
        };
        let shutdown = CancellationToken::new();
        let token = shutdown.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let thread = std::thread::Builder::new()
            .name("monitoring".to_owned())
            .spawn(move || {
                let served = runtime.block_on(async {
                    let listener = tokio::net::TcpListener::from_std(listener)?;
                    serve(listener, state, token).await
                });
                if let Err(error) = served {
                    tracing::error!(%error, "monitoring ended");
                }
            })?;
        Ok(Self {
            address,
            health,
            snapshots,
            shutdown,
            thread: Some(thread),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The supervised tasks.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Shows a new snapshot.
    pub fn show(&self, snapshot: Snapshot) {
        self.snapshots.send_replace(Arc::new(snapshot));
    }
}

impl Monitor {
    /// Ends the thread; whatever is shown then, nobody sees.
    pub(crate) fn stop(&mut self) {
        self.shutdown.cancel();
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed there.
            let _ended = thread.join();
        }
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.stop();
    }
}
