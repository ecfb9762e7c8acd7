//! The operator's requests, the file KILL, and what the loop notices of itself: what reaches the engine from outside trading.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use keel_config::Config;
use keel_control::{Answer, Call, Request, Server, Verdict};
use keel_domain::{ClOrdId, Timestamp};
use keel_engine::{Operator, Trader};
use keel_execution::Order;
use keel_monitoring::RiskUse;
use keel_risk::{HaltCause, TradingState};
use tokio::sync::oneshot;

use crate::System;
use crate::loop_watch::LoopWatch;
use crate::restrictions::{lifted, pair_states, restrictions_in_words};
use crate::risk_lines::risk_use;
use crate::valuation::{books, symbols};

/// How long the venue may take to confirm before the answer says that it did not.
const CONFIRM_WITHIN: Duration = Duration::from_secs(8);

/// The file that halts while it is there.
pub const KILL_FILE: &str = "KILL";

/// What an answer waits for.
enum Proof {
    /// No order of ours is open on any symbol, asked after the request.
    Closed,
    /// None of these may be live.
    Ended(Vec<ClOrdId>),
    /// Nothing that can be sold is held, and nothing is open.
    Flat,
    /// The comparison is over.
    Reconciled,
}

struct Pending {
    since: Timestamp,
    proof: Proof,
    text: &'static str,
    answer: oneshot::Sender<Answer>,
}

/// Everything by which a person reaches the loop.
pub(crate) struct Operations {
    server: Server,
    kill_file: PathBuf,
    pending: Vec<Pending>,
    watch: LoopWatch,
}

impl Operations {
    pub(crate) fn start(config: &Config, now: Timestamp) -> anyhow::Result<Self> {
        Ok(Self {
            server: Server::start(&config.state_dir)?,
            kill_file: config.state_dir.join(KILL_FILE),
            pending: Vec::new(),
            watch: LoopWatch::new(now),
        })
    }

    #[cfg(test)]
    pub(crate) fn stop_server(&mut self) {
        self.server.stop();
    }
}

impl System {
    /// Takes what operators want, and answers what has been confirmed. To be called each turn.
    pub(crate) fn operate(&mut self, now: Timestamp) {
        if let Some(cause) = self.operations.watch.on_turn(now) {
            self.halt(now, cause);
        }
        // A file that cannot be looked at is taken for none: there are the other ways.
        if self.operations.kill_file.exists() {
            let reason = format!("the file {} is there", self.operations.kill_file.display());
            self.halt(now, HaltCause::Operator { reason });
        }
        self.desk.heed_mark(now);
        let is_dead = self.operations.server.is_dead();
        if let Some(alert) = self.operations.watch.on_control(is_dead) {
            self.desk.observer.alert(now, &alert);
        }
        while let Some(call) = self.operations.server.try_next() {
            self.on_call(now, call);
        }
        self.answer_confirmed(now);
    }

    fn halt(&mut self, now: Timestamp, cause: HaltCause) {
        if self.desk.trader.trading_state() < TradingState::Halted {
            self.desk.operate(now, Operator::Halt(cause));
        }
    }

    fn on_call(&mut self, now: Timestamp, call: Call) {
        tracing::info!(
            request = call.request.name(),
            reason = call.request.body(),
            "operator"
        );
        let live: Vec<ClOrdId> = self.desk.trader.leftovers().map(Order::cl_ord_id).collect();
        let (operator, proof, text) = match call.request {
            Request::Status => {
                let text = status(now, &self.desk.trader);
                return self.answer(call.answer, Verdict::Done, &text, "nothing was asked");
            }
            Request::Resume { reason } => return self.resume(now, call.answer, reason),
            Request::Halt { reason } => (
                Operator::Halt(HaltCause::Operator { reason }),
                Proof::Closed,
                "halted; every order canceled",
            ),
            Request::ReduceOnly { .. } if self.desk.trader.trading_state() > TradingState::ReduceOnly => {
                let text = "refused: trading is halted, which is stricter; `trader resume` first";
                return self.answer(call.answer, Verdict::Refused, text, "nothing was changed");
            }
            Request::ReduceOnly { reason } => (
                Operator::ReduceOnly { reason },
                Proof::Ended(live),
                "reduce-only; every order that was open canceled",
            ),
            Request::Flatten { .. } if self.desk.has_failed || self.desk.is_closing() => {
                let text = "refused: the journal failed, or the trader is ending; start it anew";
                return self.answer(call.answer, Verdict::Refused, text, "nothing was changed");
            }
            Request::Flatten { reason } => (
                Operator::Flatten { reason },
                Proof::Flat,
                "reduce-only; everything canceled, and what was held is sold",
            ),
            Request::CancelAll => (
                Operator::CancelAll,
                Proof::Ended(live),
                "every order that was open canceled",
            ),
            Request::Reconcile if !self.desk.trader.is_session_up() => {
                let text = "refused: the session with the venue is down; it is compared when it comes up";
                return self.answer(call.answer, Verdict::Refused, text, "nothing was asked");
            }
            Request::Reconcile => (Operator::Reconcile, Proof::Reconciled, "compared with the venue"),
        };
        self.desk.operate(now, operator);
        self.operations.pending.push(Pending {
            since: now,
            proof,
            text,
            answer: call.answer,
        });
    }

    fn resume(&mut self, now: Timestamp, answer: oneshot::Sender<Answer>, reason: String) {
        let refusal = if self.desk.has_failed {
            Some("refused: the journal failed, nothing can be recorded; start the trader anew")
        } else if self.desk.is_closing() {
            Some("refused: the trader is ending")
        } else if self.operations.kill_file.exists() {
            Some("refused: the file KILL is in the state directory; remove it first")
        } else {
            None
        };
        if let Some(refusal) = refusal {
            return self.answer(answer, Verdict::Refused, refusal, "nothing was changed");
        }
        let mark = self.desk.mark().ok().flatten();
        let restrictions = restrictions_in_words(self.desk.trader.restrictions());
        let text = lifted(restrictions, mark.as_deref());
        self.desk.operate(now, Operator::Resume { reason });
        if self.desk.trader.trading_state() > TradingState::Active {
            let refusal = "refused: the mark HALTED cannot be removed from the state directory";
            return self.answer(answer, Verdict::Refused, refusal, "nothing was changed");
        }
        self.answer(answer, Verdict::Done, &text, "nothing was asked");
    }

    fn answer_confirmed(&mut self, now: Timestamp) {
        for pending in std::mem::take(&mut self.operations.pending) {
            if is_shown(&self.desk.trader, &pending.proof) {
                let verified = match pending.proof {
                    Proof::Closed => "the venue shows no order of ours but stops that protect a position",
                    Proof::Flat => {
                        "the venue confirmed that every order ended, and that nothing that can be sold is held"
                    }
                    Proof::Ended(_) => "the venue confirmed the end of each order that was open",
                    Proof::Reconciled => "the venue told its open orders, trades and balances",
                };
                self.answer(pending.answer, Verdict::Done, pending.text, verified);
            } else if now.since(pending.since) >= CONFIRM_WITHIN {
                let verified = "NOT verified: the venue did not confirm in time; it goes on being tried";
                self.answer(pending.answer, Verdict::Unknown, pending.text, verified);
            } else {
                self.operations.pending.push(pending);
            }
        }
    }

    fn answer(&self, to: oneshot::Sender<Answer>, verdict: Verdict, text: &str, verified: &str) {
        let state = self.desk.trader.trading_state();
        let answer = Answer {
            verdict,
            text: text.to_owned(),
            verified: verified.to_owned(),
            state: state.to_string(),
            cause: self.desk.trader.restriction_cause().map(ToString::to_string),
            still_allowed: state.still_allowed().to_owned(),
            pairs: pair_states(&self.desk.trader),
            live_orders: self
                .desk
                .trader
                .leftovers()
                .map(|order| order.cl_ord_id().to_string())
                .collect(),
        };
        // Who asked may have gone; a signal waits for no answer.
        let _gone = to.send(answer);
    }
}

/// What a person asks first: what is held, and how much of each limit is used.
fn status(now: Timestamp, trader: &Trader) -> String {
    let session = if trader.is_session_up() { "up" } else { "DOWN" };
    let mut text = format!("status: session with the venue {session}");
    for symbol in symbols(trader) {
        let position = trader.position(symbol);
        let _infallible = write!(text, "\n  {symbol}: position {position}");
        for (strategy, book) in books(trader, symbol) {
            if let Some(avg_px) = book.average().avg_px() {
                let held = book.average().position().normalize();
                let _infallible = write!(text, ", {held} of {strategy} bought at {}", avg_px.round_dp(8));
            }
        }
        let condition = trader.market_condition(now, symbol);
        let _infallible = write!(text, "; market {condition}");
    }
    for RiskUse { name, value, limit } in risk_use(now, trader) {
        let _infallible = write!(text, "\n  {name}: {} of {limit}", value.round_dp(8).normalize());
    }
    text
}

fn is_shown(trader: &Trader, proof: &Proof) -> bool {
    match proof {
        Proof::Closed => trader.is_closed(),
        Proof::Ended(ids) => !trader.leftovers().any(|order| ids.contains(&order.cl_ord_id())),
        Proof::Flat => trader.is_flat(),
        Proof::Reconciled => !trader.is_reconciling() && trader.is_session_up(),
    }
}
