//! Faults carried out on requests and on the venue. What is decided is decided by the [`FaultPlan`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use keel_binance_wire::params::Params;
use keel_domain::{Instrument, Timestamp};
use serde_json::json;

use super::fault_orders::{denial, is_order_list};
use super::rest::{HttpRequest, HttpResponse, Method};
use super::{ConnId, Outgoing, Protocol};
use crate::faults::{
    Fault, FaultPlan, Injected, InjectedAnswer, Loss, RequestFacts, RequestFate, Rule, Stage, VenueAction,
};

/// Frames and requests that may wait at once; what is more goes through without delay, and is counted.
const HELD_MAX: usize = 10_000;

/// How an answer travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// As it is.
    Whole,
    /// Half of the body, under the length of the whole, and then the connection ends.
    Cut,
    /// Not at all: the connection is reset.
    Reset,
    /// Not at all: the connection stays open and silent.
    Silence,
}

/// An answer with its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// The answer.
    pub response: HttpResponse,
    /// How it travels.
    pub delivery: Delivery,
    /// How long it waits before that.
    pub delay: Duration,
}

/// Names a request that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

/// What comes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// An answer.
    Now(Served),
    /// It is carried out later; [`Protocol::poll_answered`] gives the answer under this ticket.
    Later(Ticket),
}

/// What waits for its time.
pub(super) enum Held {
    Frame(ConnId, Outgoing),
    /// Waits for the next frame of its kind, named by the text.
    Swapped(ConnId, String, Outgoing),
    WsRequest(ConnId, String),
    Http(Ticket, HttpRequest),
}

/// The plan, and what is under way because of it.
pub(super) struct Faults {
    pub(super) plan: FaultPlan,
    pub(super) now: Timestamp,
    pub(super) ready: VecDeque<(ConnId, Outgoing)>,
    pub(super) held: BTreeMap<(Timestamp, u64), Held>,
    pub(super) not_held: u64,
    /// Connections whose user events are lost without a word.
    pub(super) deaf: BTreeSet<ConnId>,
    next_held: u64,
    answered: VecDeque<(Ticket, Served)>,
    /// Pairs as they were before a rule changed them.
    pub(super) replaced: BTreeMap<String, Instrument>,
}

impl Faults {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            plan: FaultPlan::new(0),
            now,
            ready: VecDeque::new(),
            held: BTreeMap::new(),
            not_held: 0,
            deaf: BTreeSet::new(),
            next_held: 1,
            answered: VecDeque::new(),
            replaced: BTreeMap::new(),
        }
    }

    /// Keeps something until its time; gives it back when there is no more room.
    pub(super) fn hold(&mut self, due: Timestamp, held: Held) -> Option<Held> {
        if self.held.len() >= HELD_MAX {
            self.not_held += 1;
            return Some(held);
        }
        self.held.insert((due, self.next_held), held);
        self.next_held += 1;
        None
    }

    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        let held = self.held.keys().next().map(|(due, _)| *due);
        held.into_iter().chain(self.plan.next_deadline()).min()
    }
}

impl Served {
    fn whole(response: HttpResponse) -> Self {
        Self::by(Delivery::Whole, response)
    }

    fn by(delivery: Delivery, response: HttpResponse) -> Self {
        Self {
            response,
            delivery,
            delay: Duration::ZERO,
        }
    }
}

impl Protocol {
    /// Starts with faults: all chance from the seed. Rules that were switched on before are forgotten.
    ///
    /// # Errors
    /// A pair that the exchange does not have, or too many rules; no rule is switched on then.
    pub fn set_faults(&mut self, now: Timestamp, seed: u64, rules: Vec<Rule>) -> Result<(), String> {
        self.faults.plan = FaultPlan::new(seed);
        self.add_faults(now, rules)
    }

    /// Switches rules on.
    ///
    /// # Errors
    /// A pair that the exchange does not have, a name that is taken, or too many rules; none is switched on then.
    pub fn add_faults(&mut self, now: Timestamp, rules: Vec<Rule>) -> Result<(), String> {
        for rule in &rules {
            if let Fault::Venue(VenueAction::Symbol(symbol, _) | VenueAction::Filters(symbol, _)) = rule.fault
                && self.exchange.instrument(symbol).is_none()
            {
                return Err(format!("rule `{}`: the exchange has no {symbol}", rule.id));
            }
        }
        self.faults
            .plan
            .add(now, rules)
            .map_err(|error| error.to_string())?;
        self.tick_faults(now);
        Ok(())
    }

    /// The oldest injected fault that was not logged yet.
    pub fn poll_injected(&mut self) -> Option<Injected> {
        self.faults.plan.poll_injected()
    }

    /// The oldest answer to a request that waited.
    pub fn poll_answered(&mut self) -> Option<(Ticket, Served)> {
        self.faults.answered.pop_front()
    }

    /// The venue's clock.
    pub(super) fn clock(&self, now: Timestamp) -> Timestamp {
        Timestamp::from_nanos(now.as_nanos().saturating_add(self.faults.plan.clock_skew(now)))
    }

    /// Carries out what time has made due.
    pub(super) fn tick_faults(&mut self, now: Timestamp) {
        self.settle();
        self.faults.now = now;
        if !self.faults.plan.is_empty() {
            for step in self.faults.plan.venue_steps(now) {
                self.take_venue_step(now, step);
            }
            self.visit_connections(now);
        }
        while let Some(entry) = self.faults.held.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let held = entry.remove();
            self.release(now, held);
        }
    }

    pub(super) fn release(&mut self, now: Timestamp, held: Held) {
        match held {
            Held::Frame(id, outgoing) | Held::Swapped(id, _, outgoing) => self.send_now(id, outgoing),
            Held::WsRequest(id, frame) => {
                // A request of a connection that is gone was lost with it.
                if self.connections.contains_key(&id) {
                    self.ws_request(now, id, &frame);
                }
            }
            Held::Http(ticket, request) => {
                let served = Served::whole(self.http(now, &request));
                self.faults.answered.push_back((ticket, served));
            }
        }
    }

    /// Takes one request, of a client or of the operator (`/keel/...`), with whatever goes wrong.
    pub fn serve(&mut self, now: Timestamp, request: &HttpRequest) -> Reply {
        self.tick_faults(now);
        if request.path.starts_with("/keel/") {
            return Reply::Now(Served::whole(self.operate(now, request)));
        }
        match self.fate_of(now, request) {
            RequestFate::Lose(stage, loss) => {
                let response = self.http_at(now, request, stage);
                let delivery = match loss {
                    Loss::Reset => Delivery::Reset,
                    Loss::Silence => Delivery::Silence,
                };
                Reply::Now(Served::by(delivery, response))
            }
            RequestFate::Answer(stage, answer) => {
                self.http_at(now, request, stage);
                Reply::Now(Served::whole(response_of(now, &answer)))
            }
            RequestFate::Delay(Stage::After, delay) => {
                let response = self.http(now, request);
                Reply::Now(Served {
                    response,
                    delivery: Delivery::Whole,
                    delay,
                })
            }
            RequestFate::Delay(Stage::Before, delay) => {
                let ticket = Ticket(self.faults.next_held);
                let held = Held::Http(ticket, request.clone());
                match self.faults.hold(now.plus(delay), held) {
                    None => Reply::Later(ticket),
                    Some(_) => Reply::Now(Served::whole(self.http(now, request))),
                }
            }
            RequestFate::Cut => Reply::Now(Served::by(Delivery::Cut, self.http(now, request))),
            RequestFate::FillFirst(order_id) => {
                self.fill_first(now, order_id);
                Reply::Now(Served::whole(self.http(now, request)))
            }
            RequestFate::Deny => {
                let (code, msg) = denial(request.method == Method::Delete);
                Reply::Now(Served::whole(error_response(400, code, msg)))
            }
            RequestFate::Pass => {
                let mut response = self.http(now, request);
                if is_order_list(&request.path) && self.faults.plan.hides_any(now) {
                    self.hide_orders(now, &mut response.body);
                }
                Reply::Now(Served::whole(response))
            }
        }
    }

    fn http_at(&mut self, now: Timestamp, request: &HttpRequest, stage: Stage) -> HttpResponse {
        match stage {
            Stage::After => self.http(now, request),
            Stage::Before => HttpResponse {
                status: 503,
                headers: Vec::new(),
                body: String::new(),
            },
        }
    }

    fn fate_of(&mut self, now: Timestamp, request: &HttpRequest) -> RequestFate {
        if self.faults.plan.is_empty() {
            return RequestFate::Pass;
        }
        let mut params = Params::parse(&request.raw_query).unwrap_or_default();
        params.merge(Params::parse(&request.raw_body).unwrap_or_default());
        let (order_id, cl_ord_id) = self.order_named(request.api_key.as_deref(), &params);
        let method = match request.method {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
        };
        let facts = RequestFacts {
            method,
            name: &request.path,
            account: request.api_key.as_deref(),
            symbol: params.get("symbol"),
            cl_ord_id: cl_ord_id.as_deref(),
            order_id,
            resting_order_id: self.resting_named(request.api_key.as_deref(), &params),
        };
        self.faults.plan.on_request(now, &facts)
    }
}

fn error_response(status: u16, code: i32, msg: &str) -> HttpResponse {
    HttpResponse {
        status,
        headers: Vec::new(),
        body: json!({ "code": code, "msg": msg }).to_string(),
    }
}

fn response_of(now: Timestamp, answer: &InjectedAnswer) -> HttpResponse {
    let mut response = match &answer.error {
        Some((code, msg)) => error_response(answer.status, *code, msg),
        None => gateway_page(answer.status),
    };
    if let Some(retry_at) = answer.retry_at {
        let seconds = retry_at.since(now).as_millis().div_ceil(1_000);
        response.headers.push(("retry-after", seconds.to_string()));
    }
    response
}

/// What a gateway in front of the venue sends when the venue does not answer: no JSON.
fn gateway_page(status: u16) -> HttpResponse {
    let words = match status {
        502 => "Bad Gateway",
        503 => "Service Temporarily Unavailable",
        504 => "Gateway Time-out",
        _ => "Internal Server Error",
    };
    let title = format!("{status} {words}");
    let body = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    );
    HttpResponse {
        status,
        headers: vec![("content-type", "text/html".to_owned())],
        body,
    }
}
