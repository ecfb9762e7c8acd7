//! The process dies at every point of an order's life, to the byte of its log, and goes on as if it had not.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

use std::collections::BTreeSet;
use std::time::Duration;

use crate::common::venue::ModelVenue;
use crate::common::{ABSENCE_AFTER, World, entry, lots, symbol};
use keel_domain::{ClOrdId, OrdStatus, Side};
use keel_engine::{Command, Event, Record, RecordLog};
use keel_execution::VenueReport;
use keel_risk::TradingState;
use keel_strategy::Action;

/// Power is gone.
#[derive(Debug)]
struct Dead;

/// A log as bytes: what was synced stays, of the rest a crash leaves the first bytes, and a record that is not whole is
/// none. The journal's own tests show that it is such a log.
#[derive(Debug, Default, Clone)]
struct ByteLog {
    bytes: Vec<u8>,
    durable: usize,
    /// Bytes, and syncs as one each, until the power goes.
    left: Option<u64>,
    spent: u64,
}

impl ByteLog {
    fn spend(&mut self) -> Result<(), Dead> {
        if self.left == Some(self.spent) {
            return Err(Dead);
        }
        self.spent += 1;
        Ok(())
    }

    /// What is found after the power went, when so many bytes that were not synced had reached the disk all the same.
    fn whole(&self, kept: usize) -> &[u8] {
        let end = self.durable.saturating_add(kept).min(self.bytes.len());
        let bytes = self.bytes.get(..end).unwrap();
        let whole = bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |end| end + 1);
        bytes.get(..whole).unwrap()
    }

    fn found(&self, kept: usize) -> Vec<Record> {
        self.whole(kept)
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect()
    }
}

impl RecordLog for ByteLog {
    type Error = Dead;

    fn commit(&mut self, records: &[Record], must_sync: bool) -> Result<(), Dead> {
        for record in records {
            let mut bytes = serde_json::to_vec(record).unwrap();
            bytes.push(b'\n');
            for byte in bytes {
                self.spend()?;
                self.bytes.push(byte);
            }
        }
        if must_sync {
            self.spend()?;
            self.durable = self.bytes.len();
        }
        Ok(())
    }
}

/// One order's life: it is sent, acknowledged, trades in part, is canceled while it trades once more. Every step may be the
/// last; the venue goes on by itself.
struct Life {
    world: World,
    log: ByteLog,
}

impl Life {
    fn begin() -> Self {
        let mut world = World::started();
        let mut log = ByteLog::default();
        log.commit(&world.log.records, true).unwrap();
        log.spent = 0;
        world.log.records.clear();
        Self { world, log }
    }

    /// A command leaves; whether the process lives to see the answer is one more point to die at.
    fn carry(&mut self, command: Command) -> Result<Vec<VenueReport>, Dead> {
        self.log.spend()?;
        let answers = self.world.venue.carry_out(self.world.now, command);
        self.log.spend()?;
        Ok(answers)
    }

    fn exchange(&mut self, event: Event) -> Result<(), Dead> {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            let mut step = self.world.trader.on_event(self.world.now, event);
            // As the shell does: cancels leave before their records are kept.
            for command in step.take_cancels() {
                events.extend(self.carry(command)?.into_iter().map(Event::Venue));
            }
            for command in step.release(&mut self.log)? {
                events.extend(self.carry(command)?.into_iter().map(Event::Venue));
            }
        }
        Ok(())
    }

    fn wish(&mut self, action: Action) -> Result<(), Dead> {
        self.world.script.lock().unwrap().wishes.push_back(vec![action]);
        self.exchange(Event::Timer)
    }

    fn live(&mut self) -> Result<(), Dead> {
        self.wish(Action::Submit(entry(Side::Buy, 10)))?;
        let id: ClOrdId = "k1-scripted-1-1".parse().unwrap();
        for count in [3, 2] {
            let fill = self.world.venue.fill(self.world.now, id, lots(count)).unwrap();
            self.log.spend()?;
            self.exchange(Event::Venue(fill))?;
        }
        let raced = self.world.venue.fill(self.world.now, id, lots(1)).unwrap();
        self.wish(Action::Cancel(id))?;
        self.exchange(Event::Venue(raced))?;
        let canceled = self
            .world
            .venue
            .report(self.world.now, id, keel_domain::ExecType::Canceled)
            .unwrap();
        self.exchange(Event::Venue(VenueReport::Execution(canceled)))
    }

    /// The next process, with what of the log is found.
    fn go_on(&mut self, kept: usize) {
        self.world.log.records = self.log.found(kept);
        self.world.restart();
        self.world.connect();
        self.world.pass(ABSENCE_AFTER + Duration::from_secs(40));
    }
}

fn check(world: &World, venue_before: &ModelVenue, what: &str) {
    let World { trader, venue, .. } = world;
    assert!(venue.orders.len() <= 1, "{what}: a duplicate");
    for order in venue.orders.values() {
        assert_eq!(order.submissions, 1, "{what}: sent twice");
    }
    assert_eq!(venue.trades, venue_before.trades, "{what}");
    assert_eq!(
        trader.position(symbol()),
        venue.position(symbol()),
        "{what}: the position"
    );
    let open: Vec<ClOrdId> = venue
        .orders
        .iter()
        .filter(|(_, order)| !order.status.is_terminal())
        .map(|(id, _)| *id)
        .collect();
    let live: Vec<ClOrdId> = trader.leftovers().map(keel_execution::Order::cl_ord_id).collect();
    assert_eq!(
        live, open,
        "{what}: an order is forgotten, or one is only thought"
    );
    assert_eq!(
        trader.state().orders().exposure(symbol()).unknown_orders,
        0,
        "{what}"
    );
    assert_eq!(
        trader.trading_state_of(symbol()),
        TradingState::Active,
        "{what}: {:?}",
        world.alerts
    );
}

#[test]
fn f31_inv7_inv17_a_crash_at_every_byte_of_an_orders_life_loses_and_doubles_nothing() {
    let mut whole = Life::begin();
    whole.live().unwrap();
    let points = whole.log.spent;
    assert_eq!(
        whole.world.venue.orders.values().next().unwrap().status,
        OrdStatus::Canceled
    );
    assert!(points > 1_000, "{points}");
    // What goes on depends on the records found and on the venue alone: each such case is gone through once.
    let mut seen = BTreeSet::new();
    for point in 0..=points {
        let died_at = || {
            let mut life = Life::begin();
            life.log.left = Some(point);
            assert_eq!(life.live().is_ok(), point == points);
            life
        };
        let dead = died_at();
        // None, a part, and all of what was not synced has reached the disk.
        for kept in [0, 100, usize::MAX] {
            if !seen.insert((dead.log.whole(kept).len(), format!("{:?}", dead.world.venue))) {
                continue;
            }
            let mut life = died_at();
            life.go_on(kept);
            let what = format!("crash at {point} of {points}, {kept} kept");
            check(&life.world, &dead.world.venue, &what);
        }
    }
    assert!(seen.len() >= 12, "{} cases", seen.len());
}

#[test]
fn f31_a_second_crash_while_coming_back_changes_nothing() {
    let mut whole = Life::begin();
    whole.live().unwrap();
    for point in (0..=whole.log.spent).step_by(97) {
        let mut life = Life::begin();
        life.log.left = Some(point);
        let _died = life.live();
        let venue = life.world.venue.clone();
        life.world.log.records = life.log.found(0);
        for _ in 0..3 {
            life.world.restart();
            life.world.connect();
        }
        life.world.pass(ABSENCE_AFTER + Duration::from_secs(40));
        check(&life.world, &venue, &format!("crash at {point}"));
    }
}
