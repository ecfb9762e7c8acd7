//! The system without a venue: what halts it from within and from beside.

use std::future::{pending, ready};
use std::path::Path;
use std::pin::pin;

use keel_config::{PAPER_TOML, Sources, load_credentials};
use keel_domain::Timestamp;
use keel_journal::{FsDisk, HaltMark};
use keel_risk::{HaltCause, TradingState};

use super::*;
use crate::loop_watch::LoopWatch;
use crate::{KILL_FILE, Progress};

fn system(dir: &Path) -> System {
    keel_binance::install_crypto_provider();
    let overrides = [
        format!("state.dir={}", dir.display()),
        "monitoring.listen=127.0.0.1:0".to_owned(),
    ];
    let sources = Sources::text("built-in paper.toml", PAPER_TOML).with_overrides(overrides);
    let config = Config::load(&sources).unwrap();
    let credentials = load_credentials(&config, |_| Some("test".to_owned())).unwrap();
    let context = RunContext {
        seed: None,
        scenario: None,
        accept_venue: None,
        accept_change: None,
        progress: Progress::silent(),
    };
    System::start(&config, credentials, Clock::start(), &context).unwrap()
}

fn state(system: &System) -> (TradingState, String) {
    let trader = &system.desk.trader;
    let cause = trader.restriction_cause();
    (
        trader.trading_state(),
        cause.map(HaltCause::to_string).unwrap_or_default(),
    )
}

fn is_active(system: &System) -> bool {
    system.desk.trader.trading_state() == TradingState::Active
}

#[tokio::test]
async fn f67_a_loop_that_stood_still_for_longer_than_ten_seconds_halts_and_for_ten_it_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let mut system = system(dir.path());
    assert_eq!(LoopWatch::GAP_MAX, Duration::from_secs(10));
    let mut now = system.clock.now();
    system.operate(now);
    now = now.plus(LoopWatch::GAP_MAX);
    system.operate(now);
    assert!(is_active(&system), "{:?}", state(&system));
    now = now.plus(LoopWatch::GAP_MAX + Duration::from_millis(1));
    system.operate(now);
    let cause = "internal fault: the trading loop stood still for 10 s".to_owned();
    assert_eq!(state(&system), (TradingState::Halted, cause));
}

#[tokio::test]
async fn f9_a_halt_works_with_the_dashboard_and_the_control_socket_dead() {
    let dir = tempfile::tempdir().unwrap();
    let mut system = system(dir.path());
    system.monitor.stop();
    system.operations.stop_server();
    let turn = |system: &mut System, now: Timestamp| {
        system.operate(now);
        system.tick();
    };
    let now = system.clock.now();
    turn(&mut system, now);
    assert!(is_active(&system), "their death is told, and no reason to halt");
    std::fs::write(dir.path().join(KILL_FILE), "").unwrap();
    turn(&mut system, now.plus(Duration::from_secs(1)));
    let (state, cause) = state(&system);
    assert!(state == TradingState::Halted && cause.contains("KILL"), "{cause}");
    let ended = system.run(ready(()), ready(())).await;
    let told = |alert: &String| alert.contains("the control socket is dead");
    assert!(ended.report.alerts.iter().any(told), "{:?}", ended.report.alerts);
}

#[tokio::test]
async fn f9_a_panic_in_a_turn_is_caught_halts_and_is_latched() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = system(dir.path());
    first.trade(&mut pin!(pending()), |_, _| panic!("injected")).await;
    let cause = "internal fault: the program panicked: injected".to_owned();
    assert_eq!(state(&first), (TradingState::Halted, cause.clone()));
    let ended = first.run(ready(()), ready(())).await;
    assert!(matches!(ended.ending, Ending::Unverified(_)), "{}", ended.ending);
    assert_eq!(state(&system(dir.path())), (TradingState::Halted, cause));
}

#[tokio::test]
async fn f25_a_mark_halts_the_running_system_and_the_next_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = system(dir.path());
    let now = first.clock.now();
    first.operate(now);
    assert!(is_active(&first));
    let mut guard = FsDisk::read_only(dir.path());
    guard.leave_mark("the guard heard nothing").unwrap();
    first.operate(now);
    assert_eq!(first.desk.trader.trading_state(), TradingState::Halted);
    drop(first);
    let (state, cause) = state(&system(dir.path()));
    assert!(state == TradingState::Halted && cause.contains("the guard heard nothing"));
}
