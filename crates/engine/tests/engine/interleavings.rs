//! Any interleaving, duplication, delay or loss of requests, answers and events, with crashes between them, ends in the
//! venue's truth, and exposure is never counted below it on the way.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

use std::time::Duration;

use crate::common::venue::Request;
use crate::common::{ABSENCE_AFTER, World, entry, lots, replay, symbol};
use keel_domain::{ClOrdId, OrdStatus, Purpose, Side, SignedQty, Timestamp};
use keel_engine::{Command, DurableState, Event, Fact};
use keel_execution::{UnknownCause, VenueReport};
use keel_risk::TradingState;
use keel_strategy::Action;
use proptest::prelude::*;

/// The venue refuses a submission that arrives later than this: the receive window, and its own ten seconds.
const ARRIVES_WITHIN: Duration = Duration::from_secs(15);

#[derive(Debug, Clone, Copy)]
enum Op {
    /// The strategy wishes for an order.
    Submit { is_buy: bool, lots: i64 },
    /// The strategy wishes to cancel one of its orders.
    Cancel(usize),
    /// Time passes.
    Tick(u64),
    /// A request reaches the venue, whose answer sets out.
    Carry(usize),
    /// A request reaches the venue; its answer is lost, and the trader learns of that.
    LoseAnswer(usize),
    /// A request never arrives; the trader learns that it has no answer.
    LoseRequest(usize),
    /// The trader gives up on a submission that is still under way.
    GiveUp(usize),
    /// A report reaches the trader.
    Deliver(usize),
    /// A report reaches the trader, and will again.
    Double(usize),
    /// A report is lost, together with the connection.
    Drop(usize),
    /// An order trades at the venue.
    Fill(usize, i64),
    /// An order ends at the venue without being asked.
    End(usize, bool),
    /// The process dies and starts again; what was on the way to it is lost.
    Crash,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let place = || 0usize..16;
    let op = prop_oneof![
        4 => (any::<bool>(), 1i64..20).prop_map(|(is_buy, lots)| Op::Submit { is_buy, lots }),
        2 => place().prop_map(Op::Cancel),
        3 => (1u64..8_000).prop_map(Op::Tick),
        8 => place().prop_map(Op::Carry),
        2 => place().prop_map(Op::LoseAnswer),
        2 => place().prop_map(Op::LoseRequest),
        1 => place().prop_map(Op::GiveUp),
        8 => place().prop_map(Op::Deliver),
        2 => place().prop_map(Op::Double),
        2 => place().prop_map(Op::Drop),
        4 => (place(), 1i64..20).prop_map(|(place, lots)| Op::Fill(place, lots)),
        1 => (place(), any::<bool>()).prop_map(|(place, stp)| Op::End(place, stp)),
        1 => Just(Op::Crash),
    ];
    prop::collection::vec(op, 0..60)
}

struct Sim {
    world: World,
    requests: Vec<(Request, Timestamp)>,
    reports: Vec<VenueReport>,
    ids: Vec<ClOrdId>,
}

fn take<T>(items: &mut Vec<T>, place: usize) -> Option<T> {
    (!items.is_empty()).then(|| items.remove(place % items.len()))
}

impl Sim {
    fn new() -> Self {
        Self {
            world: World::started(),
            requests: Vec::new(),
            reports: Vec::new(),
            ids: Vec::new(),
        }
    }

    fn send(&mut self, commands: Vec<Command>) {
        for command in commands {
            let request = Request::from(command);
            if let Request::Submit(id, _) = request {
                self.ids.push(id);
            }
            self.requests.push((request, self.world.now));
        }
    }

    fn tell(&mut self, report: VenueReport) {
        let commands = self.world.on_venue(report);
        self.send(commands);
    }

    /// What the trader's session says of a request without an answer.
    fn unanswered(&mut self, request: &Request) {
        let cause = UnknownCause::TimedOut;
        let report = match *request {
            Request::Submit(cl_ord_id, _) => VenueReport::SubmitUnknown { cl_ord_id, cause },
            Request::Cancel(cl_ord_id) => VenueReport::CancelUnknown { cl_ord_id },
            _ => VenueReport::QueryFailed { what: "lost".into() },
        };
        self.tell(report);
    }

    /// The request arrives, in time or not at all.
    fn arrive(&mut self, request: Request, asked_at: Timestamp) -> Vec<VenueReport> {
        let is_late = self.world.now.since(asked_at) > ARRIVES_WITHIN;
        if is_late && matches!(request, Request::Submit(..)) {
            self.unanswered(&request);
            return vec![];
        }
        self.world.venue.answer(self.world.now, asked_at, request)
    }

    fn venue_order(&self, place: usize) -> Option<ClOrdId> {
        let ids: Vec<ClOrdId> = self.world.venue.orders.keys().copied().collect();
        ids.get(place % ids.len().max(1)).copied()
    }

    fn step(&mut self, op: Op) {
        match op {
            Op::Submit { is_buy, lots } => {
                let side = if is_buy { Side::Buy } else { Side::Sell };
                let mut intent = entry(side, lots);
                if side == Side::Sell {
                    intent.purpose = Purpose::ReduceOnly;
                }
                self.wish(Action::Submit(intent));
            }
            Op::Cancel(place) => {
                if let Some(id) = self.ids.get(place % self.ids.len().max(1)) {
                    self.wish(Action::Cancel(*id));
                }
            }
            Op::Tick(ms) => {
                self.world.now = self.world.now.plus(Duration::from_millis(ms));
                let commands = self.world.on(Event::Timer);
                self.send(commands);
            }
            Op::Carry(place) => {
                if let Some((request, asked_at)) = take(&mut self.requests, place) {
                    let answers = self.arrive(request, asked_at);
                    self.reports.extend(answers);
                }
            }
            Op::LoseAnswer(place) => {
                if let Some((request, asked_at)) = take(&mut self.requests, place) {
                    let _lost = self.arrive(request.clone(), asked_at);
                    self.unanswered(&request);
                }
            }
            Op::LoseRequest(place) => {
                if let Some((request, _)) = take(&mut self.requests, place) {
                    self.unanswered(&request);
                }
            }
            Op::GiveUp(place) => {
                let request = self.requests.get(place % self.requests.len().max(1)).cloned();
                if let Some((request @ Request::Submit(..), _)) = request {
                    self.unanswered(&request);
                }
            }
            Op::Deliver(place) => {
                if let Some(report) = take(&mut self.reports, place) {
                    self.tell(report);
                }
            }
            Op::Double(place) => {
                if let Some(report) = self.reports.get(place % self.reports.len().max(1)).cloned() {
                    self.tell(report);
                }
            }
            Op::Drop(place) => self.drop_report(place),
            Op::Fill(..) | Op::End(..) => self.at_the_venue(op),
            Op::Crash => {
                self.reports.clear();
                self.requests
                    .retain(|(request, _)| matches!(request, Request::Submit(..) | Request::Cancel(_)));
                self.world.restart();
                self.world.connect();
            }
        }
    }

    /// What happens at the venue by itself.
    fn at_the_venue(&mut self, op: Op) {
        match op {
            Op::Fill(place, count) => {
                if let Some(id) = self.venue_order(place) {
                    self.reports
                        .extend(self.world.venue.fill(self.world.now, id, lots(count)));
                }
            }
            Op::End(place, is_stp) => {
                let status = if is_stp {
                    OrdStatus::ExpiredInMatch
                } else {
                    OrdStatus::Canceled
                };
                if let Some(id) = self.venue_order(place) {
                    self.reports
                        .extend(self.world.venue.end(self.world.now, id, status));
                }
            }
            _ => {}
        }
    }

    /// An answer that gets lost is told as lost; an event that gets lost takes the session with it.
    fn drop_report(&mut self, place: usize) {
        let Some(report) = take(&mut self.reports, place) else {
            return;
        };
        if let VenueReport::SubmitRejected { cl_ord_id, .. } = report {
            self.unanswered(&Request::Submit(cl_ord_id, entry(Side::Buy, 1)));
        }
        if let VenueReport::CancelRejected { cl_ord_id, .. } = report {
            self.unanswered(&Request::Cancel(cl_ord_id));
        }
    }

    fn wish(&mut self, action: Action) {
        self.world.quote("99.99", "100.01");
        let commands = self.world.wish(vec![action]);
        self.send(commands);
    }

    /// What must hold after every step.
    fn check(&self) {
        let World {
            trader, venue, log, ..
        } = &self.world;
        for (id, order) in &venue.orders {
            assert_eq!(order.submissions, 1, "F1: {id} was sent more than once");
            assert!(order.cum_qty <= order.intent.order_qty);
            let is_recorded = |r: &keel_engine::Record| matches!(r.fact, Fact::Intent { cl_ord_id, intent, .. } if cl_ord_id == *id && intent == order.intent);
            assert!(log.records.iter().any(is_recorded), "inv 2: {id} has no intent");
        }
        let (buys, sells) = trader.live_qty(symbol());
        let reach = |position: SignedQty, side: Side, qty| position.checked_add(side.signed(qty)).unwrap();
        let truth = venue.position(symbol());
        let high = reach(truth, Side::Buy, venue.open(symbol(), Side::Buy));
        let low = reach(truth, Side::Sell, venue.open(symbol(), Side::Sell));
        let own_high = reach(trader.position(symbol()), Side::Buy, buys);
        let own_low = reach(trader.position(symbol()), Side::Sell, sells);
        assert!(
            own_high >= high,
            "inv 19: buys may reach {high}, and {own_high} are counted"
        );
        assert!(
            own_low <= low,
            "inv 19: sales may reach {low}, and {own_low} are counted"
        );
        assert!(low >= SignedQty::ZERO, "more is offered than was bought");
        assert_eq!(trader.state(), &self.world.replayed(), "inv 17");
    }

    /// The faults stop, the venue answers everything, and nothing new is wished.
    fn converge(&mut self) {
        self.world.connect();
        for (request, _) in std::mem::take(&mut self.requests) {
            self.unanswered(&request);
        }
        self.requests.clear();
        self.reports.clear();
        self.world.pass(ABSENCE_AFTER + Duration::from_secs(70));
    }

    fn check_converged(&self) {
        let World { trader, venue, .. } = &self.world;
        assert_eq!(
            trader.trading_state_of(symbol()),
            TradingState::Active,
            "{:?}",
            self.world.alerts
        );
        assert_eq!(trader.position(symbol()), venue.position(symbol()), "inv 16");
        let open: Vec<ClOrdId> = venue
            .orders
            .iter()
            .filter(|(_, order)| !order.status.is_terminal())
            .map(|(id, _)| *id)
            .collect();
        let live: Vec<ClOrdId> = trader.leftovers().map(keel_execution::Order::cl_ord_id).collect();
        assert_eq!(live, open, "inv 9, inv 10, inv 16");
        let exposure = trader.state().orders().exposure(symbol());
        assert_eq!(exposure.unknown_orders, 0);
        assert_eq!(exposure.buy_leaves, venue.open(symbol(), Side::Buy));
        assert_eq!(exposure.sell_leaves, venue.open(symbol(), Side::Sell));
        let booked = trader.state().ledgers().trade_count(symbol());
        assert_eq!(booked, venue.trades.len(), "inv 13");
        let text = serde_json::to_string(trader.state()).unwrap();
        let read: DurableState = serde_json::from_str(&text).unwrap();
        assert_eq!(&read, trader.state(), "a snapshot is the state");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, max_shrink_iters: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn f1_f18_f20_f31_any_interleaving_ends_in_the_venues_truth(ops in ops()) {
        let mut sim = Sim::new();
        for op in ops {
            sim.step(op);
            sim.check();
        }
        sim.converge();
        sim.check();
        sim.check_converged();
    }

    #[test]
    fn f31_a_snapshot_anywhere_and_the_records_after_it_are_the_state_to_the_byte(ops in ops(), at in any::<prop::sample::Index>()) {
        let mut sim = Sim::new();
        for op in ops {
            sim.step(op);
        }
        let written = |state: &DurableState| serde_json::to_vec(state).unwrap();
        let records = &sim.world.log.records;
        let (covered, after) = records.split_at(at.index(records.len() + 1));
        let snapshot = written(&replay(DurableState::default(), covered));
        let resumed = replay(serde_json::from_slice(&snapshot).unwrap(), after);
        prop_assert_eq!(written(&resumed), written(sim.world.trader.state()));
        // What is not written down, such as an index, is made again the same.
        prop_assert_eq!(&resumed, sim.world.trader.state());
    }
}
