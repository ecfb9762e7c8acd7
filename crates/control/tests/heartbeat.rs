//! The trader's sign of life, from its end to the guard's.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;

use keel_control::{Ear, Heard, Heart};

fn in_tokio<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(test)
}

#[test]
fn beats_and_the_farewell_arrive_in_order_and_are_forgotten_without_a_guard() {
    in_tokio(async {
        let dir = tempfile::tempdir().unwrap();
        let heart = Heart::start(dir.path()).unwrap();
        assert!(!heart.beat(), "nobody listens yet");
        let ear = Ear::start(dir.path()).unwrap();
        assert!(ear.try_next().is_none());
        assert!(heart.beat());
        assert!(heart.farewell().unwrap());
        assert_eq!(ear.next().await.unwrap(), Heard::Beat);
        assert_eq!(ear.next().await.unwrap(), Heard::Farewell);
    });
}

#[test]
fn the_mark_outlives_a_killed_trader_and_not_a_farewell() {
    in_tokio(async {
        let dir = tempfile::tempdir().unwrap();
        let ear = Ear::start(dir.path()).unwrap();
        assert!(!ear.is_trader_expected());
        drop(Heart::start(dir.path()).unwrap());
        assert!(ear.is_trader_expected());
        Heart::start(dir.path()).unwrap().farewell().unwrap();
        assert!(!ear.is_trader_expected());
    });
}

#[test]
fn a_trader_never_waits_for_a_guard_that_does_not_read() {
    in_tokio(async {
        let dir = tempfile::tempdir().unwrap();
        let heart = Heart::start(dir.path()).unwrap();
        let _ear = Ear::start(dir.path()).unwrap();
        let taken = (0..100_000).filter(|_| heart.beat()).count();
        assert!((1..100_000).contains(&taken), "{taken} fit into the socket");
    });
}

#[test]
fn one_guard_a_state_directory_and_a_dead_ones_socket_is_taken_over() {
    in_tokio(async {
        let dir = tempfile::tempdir().unwrap();
        let heart = Heart::start(dir.path()).unwrap();
        let first = Ear::start(dir.path()).unwrap();
        let refused = Ear::start(dir.path()).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::AddrInUse);
        assert!(heart.beat(), "the first one's socket is still there");
        assert_eq!(first.next().await.unwrap(), Heard::Beat);
        drop(first);
        let next = Ear::start(dir.path()).unwrap();
        assert!(heart.beat());
        assert_eq!(next.next().await.unwrap(), Heard::Beat);
    });
}

#[test]
fn nobody_else_can_speak_to_the_guard() {
    in_tokio(async {
        let dir = tempfile::tempdir().unwrap();
        let _ear = Ear::start(dir.path()).unwrap();
        let mode = |path: &str| {
            let metadata = std::fs::metadata(dir.path().join(path)).unwrap();
            metadata.permissions().mode() & 0o777
        };
        assert_eq!((mode("control"), mode("control/guard.sock")), (0o700, 0o600));
    });
}
