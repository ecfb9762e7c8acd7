//! Supervision by heartbeats: a task that stops beating is stuck, whatever else it seems to do.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use keel_domain::Timestamp;
use serde::Serialize;

#[derive(Debug)]
struct Task {
    name: &'static str,
    age_max: Duration,
    beat_at: Arc<AtomicI64>,
}

/// All supervised tasks.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Mutex<Vec<Task>>>);

/// The right to say that one task is alive. Beating takes no lock.
#[derive(Debug, Clone)]
pub struct Heartbeat(Arc<AtomicI64>);

impl Heartbeat {
    /// Says that the task did its work now.
    pub fn beat(&self, now: Timestamp) {
        self.0.store(now.as_nanos(), Ordering::Relaxed);
    }
}

/// One task's silence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskAge {
    /// The task.
    pub task: &'static str,
    /// Milliseconds since it last beat, or was registered.
    pub age_ms: u64,
    /// The most it may be silent.
    pub age_ms_max: u64,
    /// Whether it has been silent for longer.
    pub is_stuck: bool,
}

/// All tasks' silence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HealthReport {
    /// Whether no task is stuck.
    pub is_healthy: bool,
    /// The longest silence.
    pub worst: Option<TaskAge>,
    /// Every task.
    pub tasks: Vec<TaskAge>,
}

impl Health {
    /// Supervises a task that beats at least every `age_max`.
    #[must_use]
    pub fn register(&self, name: &'static str, age_max: Duration, now: Timestamp) -> Heartbeat {
        let beat_at = Arc::new(AtomicI64::new(now.as_nanos()));
        let task = Task {
            name,
            age_max,
            beat_at: Arc::clone(&beat_at),
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(task);
        Heartbeat(beat_at)
    }

    /// Who has been silent for how long.
    #[must_use]
    pub fn report(&self, now: Timestamp) -> HealthReport {
        let tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let age = |task: &Task| {
            let age = now.since(Timestamp::from_nanos(task.beat_at.load(Ordering::Relaxed)));
            TaskAge {
                task: task.name,
                age_ms: millis(age),
                age_ms_max: millis(task.age_max),
                is_stuck: age > task.age_max,
            }
        };
        let tasks: Vec<TaskAge> = tasks.iter().map(age).collect();
        HealthReport {
            is_healthy: tasks.iter().all(|task| !task.is_stuck),
            worst: tasks.iter().max_by_key(|task| task.age_ms).cloned(),
            tasks,
        }
    }
}
