//! The read-only web server: dashboard, snapshot, metrics, health.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use futures_util::stream;
use keel_domain::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::{Health, Snapshot, metrics};

const DASHBOARD: &str = include_str!("dashboard.html");
const POLICY: &str = "default-src 'self' 'unsafe-inline'";
/// The most pages that are kept live at once.
const LIVE_MAX: usize = 16;
/// The shortest time between two snapshots on one page.
const LIVE_EVERY: Duration = Duration::from_millis(250);

/// What the server shows.
#[derive(Clone)]
pub struct MonitorState {
    /// The supervised tasks.
    pub health: Health,
    /// The latest snapshot.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// The clock.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

#[derive(Clone)]
struct App {
    monitor: MonitorState,
    live: Arc<Semaphore>,
    shutdown: CancellationToken,
}

impl App {
    fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.monitor.snapshots.borrow())
    }
}

/// Serves until the token is cancelled. Everything is read-only, and only pages of this machine are answered.
///
/// # Errors
/// The listener's.
pub async fn serve(
    listener: TcpListener,
    monitor: MonitorState,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let app = App {
        monitor,
        live: Arc::new(Semaphore::new(LIVE_MAX)),
        shutdown: shutdown.clone(),
    };
    let router = Router::new()
        .route(
            "/",
            get(|| async { ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(DASHBOARD)) }),
        )
        .route("/snapshot.json", get(snapshot))
        .route("/metrics", get(metrics_page))
        .route("/health", get(health))
        .route("/events", get(events))
        .layer(middleware::from_fn(guard))
        .with_state(app);
    axum::serve(listener, router)
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await
}

/// Refuses everything but reading, and everything that a browser was led to by another site's name for this machine.
async fn guard(request: Request, next: Next) -> Response {
    if request.method() != Method::GET {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if !["127.0.0.1", "localhost", "[::1]"].contains(&name) {
        return StatusCode::FORBIDDEN.into_response();
    }
    next.run(request).await
}

fn json(status: StatusCode, value: &impl serde::Serialize) -> Response {
    match serde_json::to_string(value) {
        Ok(body) => (status, [(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn snapshot(State(app): State<App>) -> Response {
    json(StatusCode::OK, &*app.snapshot())
}

async fn metrics_page(State(app): State<App>) -> Response {
    let health = app.monitor.health.report((app.monitor.now)());
    let page = metrics::render(&app.snapshot(), &health);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], page).into_response()
}

async fn health(State(app): State<App>) -> Response {
    let report = app.monitor.health.report((app.monitor.now)());
    let snapshot = app.snapshot();
    let status = if report.is_healthy {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = serde_json::json!({
        "is_healthy": report.is_healthy,
        "worst": report.worst,
        "tasks": report.tasks,
        "mode": snapshot.mode,
        "state": snapshot.state,
        "session_up": snapshot.session_up,
    });
    json(status, &body)
}

struct Live {
    snapshots: watch::Receiver<Arc<Snapshot>>,
    shutdown: CancellationToken,
    is_first: bool,
    _place: OwnedSemaphorePermit,
}

async fn events(State(app): State<App>) -> Response {
    let Ok(place) = Arc::clone(&app.live).try_acquire_owned() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let snapshots = app.monitor.snapshots.clone();
    let live = Live {
        snapshots,
        shutdown: app.shutdown,
        is_first: true,
        _place: place,
    };
    let stream = stream::unfold(live, |mut live| async move {
        if !std::mem::take(&mut live.is_first) {
            tokio::select! {
                () = live.shutdown.cancelled() => return None,
                () = tokio::time::sleep(LIVE_EVERY) => {},
            }
            tokio::select! {
                () = live.shutdown.cancelled() => return None,
                changed = live.snapshots.changed() => changed.ok()?,
            }
        }
        let snapshot = Arc::clone(&live.snapshots.borrow_and_update());
        let event = Event::default().data(serde_json::to_string(&*snapshot).unwrap_or_default());
        Some((Ok::<_, Infallible>(event), live))
    });
    Sse::new(stream).keep_alive(KeepAlive::default()).into_response()
}
