//! A pause of the exchange itself is not held against its clients.

use std::time::Duration;

use keel_sim_exchange::protocol::{ConnId, Outgoing, Protocol};

use crate::common::Venue;

const LIST: &str = r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#;
const TOO_MANY: Outgoing = Outgoing::Close(1_008, "Too many messages");

/// Sends frames at one moment until the connection is ended. How many were answered.
fn taken(venue: &mut Venue, id: ConnId) -> usize {
    let mut answered = 0;
    loop {
        venue.send(id, LIST);
        let frames = venue.outgoing(id);
        if frames.last() == Some(&TOO_MANY) {
            return answered;
        }
        answered += frames.len();
        assert!(answered < 1_000, "no bound");
    }
}

fn pause(venue: &mut Venue, seconds: u64) {
    let from = venue.now;
    venue.now = venue.now.plus(Duration::from_secs(seconds));
    venue.protocol.was_held_up(from, venue.now);
}

#[test]
fn after_a_pause_a_client_has_five_frames_for_each_second_of_it() {
    let mut venue = Venue::new();
    let ids = [venue.open("/ws"), venue.open("/ws"), venue.open("/ws")];
    pause(&mut venue, 3);
    assert_eq!(taken(&mut venue, ids[0]), 20, "its own second, and three");
    venue.now = venue.now.plus(Duration::from_millis(999));
    assert_eq!(taken(&mut venue, ids[1]), 20, "while it catches up");
    venue.now = venue.now.plus(Duration::from_millis(1));
    assert_eq!(taken(&mut venue, ids[2]), 5, "no longer");
}

#[test]
fn what_waited_does_not_count_again_in_the_second_after() {
    let mut venue = Venue::new();
    let id = venue.open("/ws");
    pause(&mut venue, 8);
    venue.now = venue.now.plus(Duration::from_millis(600));
    for _ in 0..40 {
        venue.send(id, LIST);
    }
    venue.now = venue.now.plus(Duration::from_millis(500));
    for _ in 0..5 {
        venue.send(id, LIST);
        assert!(!venue.outgoing(id).contains(&TOO_MANY));
    }
    assert_eq!(taken(&mut venue, id), 0, "five a second again");
}

#[test]
fn pauses_close_together_are_one() {
    let mut venue = Venue::new();
    let id = venue.open("/ws");
    pause(&mut venue, 2);
    venue.now = venue.now.plus(Duration::from_millis(500));
    pause(&mut venue, 2);
    assert_eq!(taken(&mut venue, id), 25, "of 4.5 s");
}

#[test]
fn frames_that_waited_for_their_reader_count_as_spread_over_that_time() {
    let mut venue = Venue::new();
    let id = venue.open("/ws");
    let since = venue.now;
    venue.now = venue.now.plus(Duration::from_secs(2));
    for _ in 0..15 {
        venue.protocol.ws_waited(id, since);
        venue.send(id, LIST);
    }
    assert!(!venue.outgoing(id).contains(&TOO_MANY));
    venue.protocol.ws_waited(id, since);
    venue.send(id, LIST);
    assert_eq!(venue.outgoing(id), [TOO_MANY]);
}

#[test]
fn a_pause_is_not_counted_as_a_late_pong() {
    let mut venue = Venue::new();
    venue.answers_pings = false;
    let id = venue.open("/ws");
    venue.wait(Protocol::PING_EVERY);
    pause(&mut venue, 50);
    venue.wait(Protocol::PONG_WITHIN - Duration::from_millis(1));
    let frames = venue.outgoing(id);
    assert!(
        frames.iter().all(|frame| matches!(frame, Outgoing::Ping(_))),
        "{frames:?}"
    );
    venue.wait_millis(1);
    assert_eq!(venue.outgoing(id), [Outgoing::Close(1_008, "Pong timeout")]);
}
