//! The trader's side.

use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use tokio::net::UnixListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::{Answer, Request, Verdict, only_for_owner, prepare};

/// Requests that may wait for the trading loop.
const WAITING_MAX: usize = 16;
/// How long the trading loop may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const BODY_BYTES_MAX: usize = 4 * 1024;

/// A request on its way to the trading loop.
#[derive(Debug)]
pub struct Call {
    /// What is wanted.
    pub request: Request,
    /// Where the answer goes. Nobody may be waiting any more.
    pub answer: oneshot::Sender<Answer>,
}

/// Why nobody listens.
#[derive(Debug, thiserror::Error)]
#[error(
    "the control socket {path}: {cause}; the path must be writable and shorter than 108 bytes: see [state] dir"
)]
pub struct ServerError {
    path: String,
    cause: std::io::Error,
}

/// Listens for operators on a thread of its own, and for SIGUSR1, which halts. Ends when it is dropped.
#[derive(Debug)]
pub struct Server {
    calls: mpsc::Receiver<Call>,
    shutdown: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// The socket's name below the state directory.
    pub const SOCKET: &str = "control/trader.sock";
    const NAME: &str = "trader.sock";

    /// Starts listening. The caller owns the state directory, so a socket that is there is a dead process's.
    ///
    /// # Errors
    /// A directory that cannot be written, or too long a path.
    pub fn start(state_dir: &Path) -> Result<Self, ServerError> {
        Self::try_start(state_dir).map_err(|cause| ServerError {
            path: state_dir.join(Self::SOCKET).display().to_string(),
            cause,
        })
    }

    fn try_start(state_dir: &Path) -> std::io::Result<Self> {
        let path = prepare(state_dir, Self::NAME)?;
        let listener = std::os::unix::net::UnixListener::bind(&path)?;
        only_for_owner(&path)?;
        listener.set_nonblocking(true)?;
        let (sender, calls) = mpsc::channel(WAITING_MAX);
        let shutdown = CancellationToken::new();
        let token = shutdown.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        // Taken over before anything is traded: the signal's default would end the process.
        let kill = {
            let _entered = runtime.enter();
            signal(SignalKind::user_defined1())?
        };
        let thread = std::thread::Builder::new()
            .name("control".to_owned())
            .spawn(move || {
                let ended = runtime.block_on(async {
                    let listener = UnixListener::from_std(listener)?;
                    tokio::spawn(halt_on(kill, sender.clone()));
                    let router = Router::new()
                        .fallback(answer)
                        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
                        .with_state(sender);
                    tokio::select! {
                        ended = axum::serve(listener, router).into_future() => ended,
                        () = token.cancelled() => Ok(()),
                    }
                });
                // The loop sees the closed channel; without it there are still the file and the ordinary signals.
                drop(ended);
            })?;
        Ok(Self {
            calls,
            shutdown,
            thread: Some(thread),
        })
    }

    /// The next request that waits, at once.
    pub fn try_next(&mut self) -> Option<Call> {
        self.calls.try_recv().ok()
    }

    /// Whether the thread has ended, so that no request can come any more.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl Server {
    /// Ends the thread: no request comes any more.
    pub fn stop(&mut self) {
        self.shutdown.cancel();
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed there.
            let _ended = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn halt_on(mut signal: Signal, calls: mpsc::Sender<Call>) {
    while signal.recv().await.is_some() {
        let (answer, _nobody_waits) = oneshot::channel();
        let reason = "signal SIGUSR1".to_owned();
        let request = Request::Halt { reason };
        if calls.send(Call { request, answer }).await.is_err() {
            return;
        }
    }
}

async fn answer(State(calls): State<mpsc::Sender<Call>>, method: Method, uri: Uri, body: String) -> Response {
    let request = match Request::parse(method.as_str(), uri.path(), &body) {
        Ok(request) => request,
        Err(problem) => return (StatusCode::BAD_REQUEST, format!("{problem}\n")).into_response(),
    };
    let (sender, receiver) = oneshot::channel();
    let call = Call {
        request,
        answer: sender,
    };
    if calls.try_send(call).is_err() {
        let problem =
            "the trading loop takes no more requests; `kill -USR1`, or the file KILL, or the guard\n";
        return (StatusCode::SERVICE_UNAVAILABLE, problem).into_response();
    }
    let Ok(Ok(answer)) = tokio::time::timeout(ANSWER_WITHIN, receiver).await else {
        let problem = "the trading loop did not answer: outcome unknown, look before you act\n";
        return (StatusCode::GATEWAY_TIMEOUT, problem).into_response();
    };
    let status = match answer.verdict {
        Verdict::Done => StatusCode::OK,
        Verdict::Refused => StatusCode::CONFLICT,
        Verdict::Unknown => StatusCode::ACCEPTED,
    };
    match serde_json::to_string(&answer) {
        Ok(json) => (status, [(header::CONTENT_TYPE, "application/json")], json).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
