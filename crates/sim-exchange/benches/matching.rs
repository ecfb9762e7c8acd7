//! The matching core beside the crate matchcore 0.4: the same operations, the same fills, alternately in one run.
//!
//! `cargo bench -p keel-sim-exchange --bench matching`
//!
//! 60 % limit orders (some of which match), 30 % cancels, 10 % market orders, about 10,000 resting orders, a fixed seed.
//! Throughput is taken over whole rounds without a clock inside; p99 in rounds of their own with a clock around every
//! operation, whose cost (some 25 ns) is in the figures of both.
//!
//! matchcore 0.4 lets a limit order that crosses trade on beyond its limit (`submit_crossable_order` matches without
//! one), so a crossing order here asks for no more than its limit reaches: there both agree. That ours stops at the
//! limit, and rests there, is in `tests/book.rs`.

use std::hint::black_box;
use std::time::Instant;

use keel_domain::{OrderId, Price, Qty, Side};
use keel_sim_exchange::core::{Book, Resting};

const SEED: u64 = 42;
const RESTING: usize = 10_000;
const OPERATIONS: usize = 1_000_000;
const ROUNDS: usize = 7;

/// One operation. Its place in the sequence is the id of the order it makes.
#[derive(Clone, Copy)]
enum Operation {
    Limit { side: Side, price: u64, qty: u64 },
    Cancel { id: u64 },
    Market { side: Side, qty: u64 },
}

/// A resting order traded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Trade {
    taker: u64,
    maker: u64,
    price: u64,
    qty: u64,
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }

    fn side(&mut self) -> Side {
        if self.below(2) == 0 { Side::Buy } else { Side::Sell }
    }
}

trait Engine {
    /// Carries out an operation; trades are told as they happen.
    fn run(&mut self, id: u64, operation: Operation, on_trade: impl FnMut(Trade));
}

#[derive(Default)]
struct Keel(Book);

fn price(units: u64) -> Price {
    Price::from_units(i64::try_from(units).unwrap_or(0)).unwrap_or_default()
}

fn qty(units: u64) -> Qty {
    Qty::from_units(i64::try_from(units).unwrap_or(0)).unwrap_or_default()
}

impl Engine for Keel {
    fn run(&mut self, id: u64, operation: Operation, mut on_trade: impl FnMut(Trade)) {
        let on_fill = |fill: keel_sim_exchange::core::Fill| {
            on_trade(Trade {
                taker: id,
                maker: fill.order_id.0,
                price: fill.price.units().unsigned_abs(),
                qty: fill.qty.units().unsigned_abs(),
            });
        };
        match operation {
            Operation::Limit {
                side,
                price: limit,
                qty: size,
            } => {
                let leaves_qty = self.0.take(side, Some(price(limit)), qty(size), on_fill);
                if !leaves_qty.is_zero() {
                    let resting = Resting {
                        order_id: OrderId(id),
                        leaves_qty,
                    };
                    self.0.add(side, price(limit), resting);
                }
            }
            Operation::Cancel { id } => {
                black_box(self.0.cancel(OrderId(id)));
            }
            Operation::Market { side, qty: size } => {
                black_box(self.0.take(side, None, qty(size), on_fill));
            }
        }
    }
}

struct Matchcore(matchcore::OrderBook);

impl Default for Matchcore {
    fn default() -> Self {
        Self(matchcore::OrderBook::new("BTCUSDT"))
    }
}

impl Engine for Matchcore {
    fn run(&mut self, id: u64, operation: Operation, mut on_trade: impl FnMut(Trade)) {
        use matchcore::{
            CancelCmd, Command, CommandKind, CommandMeta, LimitOrder, MarketOrder, NewOrder, OrderFlags,
            OrderKind, Quantity, QuantityPolicy, SequenceNumber, SubmitCmd, TimeInForce, Timestamp,
        };
        let their = |side| match side {
            Side::Buy => matchcore::Side::Buy,
            Side::Sell => matchcore::Side::Sell,
        };
        let kind = match operation {
            Operation::Limit { side, price, qty } => CommandKind::Submit(SubmitCmd {
                order: NewOrder::Limit(LimitOrder::new(
                    matchcore::Price(price),
                    QuantityPolicy::Standard {
                        quantity: Quantity(qty),
                    },
                    OrderFlags::new(their(side), false, TimeInForce::Gtc),
                )),
            }),
            Operation::Cancel { id } => CommandKind::Cancel(CancelCmd {
                order_id: matchcore::OrderId(id),
                order_kind: OrderKind::Limit,
            }),
            Operation::Market { side, qty } => CommandKind::Submit(SubmitCmd {
                order: NewOrder::Market(MarketOrder::new(Quantity(qty), their(side), false)),
            }),
        };
        let meta = CommandMeta {
            sequence_number: SequenceNumber(id),
            timestamp: Timestamp(id),
        };
        let outcome = self.0.execute(&Command { meta, kind });
        if let matchcore::CommandOutcome::Applied(matchcore::CommandReport::Submit(effects)) = &outcome
            && let Some(result) = effects.target_order().match_result()
        {
            for trade in result.trades() {
                on_trade(Trade {
                    taker: id,
                    maker: trade.maker_order_id().0,
                    price: trade.price().0,
                    qty: trade.quantity().0,
                });
            }
        }
        black_box(outcome);
    }
}

/// What an order of a side at this price could take at once.
fn reach(book: &Book, side: Side, limit: u64) -> u64 {
    let levels = book.levels(side.opposite());
    let is_within = |level: &keel_sim_exchange::core::LevelQty| match side {
        Side::Buy => level.price <= price(limit),
        Side::Sell => level.price >= price(limit),
    };
    levels
        .take_while(is_within)
        .map(|level| level.qty.units().unsigned_abs())
        .sum()
}

/// Makes operations that suit the book as it is by then.
struct Workload {
    random: Random,
    book: Keel,
    mid: u64,
    /// Ids that rest, and where each is in that list.
    open: Vec<u64>,
    places: Vec<usize>,
}

impl Workload {
    /// The kinds in tenths; limit orders only, to fill the book.
    fn next(&mut self, is_filling: bool) -> Operation {
        let random = &mut self.random;
        self.mid = self.mid + random.below(3) - 1;
        let side = random.side();
        match if is_filling { 0 } else { random.below(10) } {
            0..6 => self.limit(side),
            6..9 if !self.open.is_empty() => {
                let place = usize::try_from(random.below(self.open.len() as u64)).unwrap_or(0);
                Operation::Cancel {
                    id: self.open.get(place).copied().unwrap_or(0),
                }
            }
            _ => {
                // Takes more from a book that has grown, so that its size stays.
                let average = if self.open.len() > RESTING { 240 } else { 80 };
                Operation::Market {
                    side,
                    qty: 1 + random.below(average * 2),
                }
            }
        }
    }

    /// Denser towards the middle; one in sixteen may reach across it.
    fn limit(&mut self, side: Side) -> Operation {
        let random = &mut self.random;
        let behind = random.below(400).min(random.below(400)) + 1;
        let is_across = random.below(16) == 0;
        let across = if is_across {
            2 * random.below(3) + behind
        } else {
            0
        };
        let price = match side {
            Side::Buy => self.mid + across - behind,
            Side::Sell => self.mid + behind - across,
        };
        let qty = 1 + random.below(100);
        let reach = reach(&self.book.0, side, price);
        let qty = if reach == 0 { qty } else { qty.min(reach) };
        Operation::Limit { side, price, qty }
    }

    fn carry_out(&mut self, id: u64, operation: Operation) {
        let mut touched = vec![id];
        if let Operation::Cancel { id } = operation {
            touched.push(id);
        }
        self.book.run(id, operation, |trade| touched.push(trade.maker));
        for id in touched {
            self.note(id);
        }
    }

    fn note(&mut self, id: u64) {
        let Some(place) = self.places.get_mut(usize::try_from(id).unwrap_or(usize::MAX)) else {
            return;
        };
        match (self.book.0.get(OrderId(id)), *place) {
            (Some(_), usize::MAX) => {
                *place = self.open.len();
                self.open.push(id);
            }
            (None, at) if at != usize::MAX => {
                *place = usize::MAX;
                self.open.swap_remove(at);
                let moved = self.open.get(at).and_then(|id| usize::try_from(*id).ok());
                if let Some(moved) = moved.and_then(|id| self.places.get_mut(id)) {
                    *moved = at;
                }
            }
            _ => {}
        }
    }
}

/// The first [`RESTING`] operations fill the book; what follows keeps it near that size.
fn operations() -> Vec<Operation> {
    let count = RESTING + OPERATIONS;
    let mut workload = Workload {
        random: Random(SEED),
        book: Keel::default(),
        mid: 1_000_000,
        open: Vec::new(),
        places: vec![usize::MAX; count],
    };
    let mut made = Vec::with_capacity(count);
    for id in 0..count {
        let operation = workload.next(id < RESTING);
        workload.carry_out(id as u64, operation);
        made.push(operation);
    }
    println!(
        "{OPERATIONS} operations after {RESTING} to fill the book; at the end {} orders rest on {} levels",
        workload.open.len(),
        workload.book.0.levels(Side::Buy).count() + workload.book.0.levels(Side::Sell).count(),
    );
    made
}

fn trades<E: Engine + Default>(operations: &[Operation]) -> Vec<Trade> {
    let mut engine = E::default();
    let mut trades = Vec::new();
    for (id, operation) in (0_u64..).zip(operations) {
        engine.run(id, *operation, |trade| trades.push(trade));
    }
    trades
}

fn filled<E: Engine + Default>(operations: &[Operation]) -> (E, &[Operation]) {
    let mut engine = E::default();
    let (fill, rest) = operations.split_at(RESTING);
    for (id, operation) in (0_u64..).zip(fill) {
        engine.run(id, *operation, |trade| {
            black_box(trade);
        });
    }
    (engine, rest)
}

/// Nanoseconds an operation.
fn throughput<E: Engine + Default>(operations: &[Operation]) -> f64 {
    let (mut engine, rest) = filled::<E>(operations);
    let start = Instant::now();
    for (id, operation) in (RESTING as u64..).zip(rest) {
        engine.run(id, *operation, |trade| {
            black_box(trade);
        });
    }
    start.elapsed().as_secs_f64() * 1e9 / OPERATIONS as f64
}

/// The 99th of 100 operations, in nanoseconds.
fn p99<E: Engine + Default>(operations: &[Operation]) -> f64 {
    let (mut engine, rest) = filled::<E>(operations);
    let mut times = Vec::with_capacity(OPERATIONS);
    for (id, operation) in (RESTING as u64..).zip(rest) {
        let start = Instant::now();
        engine.run(id, *operation, |trade| {
            black_box(trade);
        });
        times.push(start.elapsed().as_nanos());
    }
    times.sort_unstable();
    times
        .get(OPERATIONS * 99 / 100)
        .map_or(f64::NAN, |nanos| *nanos as f64)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn main() {
    let operations = operations();
    let (ours, theirs) = (trades::<Keel>(&operations), trades::<Matchcore>(&operations));
    let differs = ours.iter().zip(&theirs).find(|(ours, theirs)| ours != theirs);
    assert!(
        differs.is_none() && ours.len() == theirs.len(),
        "the engines match differently: {} and {} trades, first {differs:?}",
        ours.len(),
        theirs.len()
    );
    println!("{} trades, the same in both", ours.len());

    let (mut ours, mut theirs) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
    for _ in 0..ROUNDS {
        ours.0.push(throughput::<Keel>(&operations));
        theirs.0.push(throughput::<Matchcore>(&operations));
        ours.1.push(p99::<Keel>(&operations));
        theirs.1.push(p99::<Matchcore>(&operations));
    }
    println!("\nmedian of {ROUNDS} rounds     ns/op    operations/s    p99 ns");
    let (ours, theirs) = (
        (median(ours.0), median(ours.1)),
        (median(theirs.0), median(theirs.1)),
    );
    for (name, (nanos, p99)) in [("keel", ours), ("matchcore 0.4", theirs)] {
        println!("{name:<22}{nanos:>8.1}{:>16.0}{p99:>10.0}", 1e9 / nanos);
    }
    println!(
        "\nthroughput {:.2} times matchcore's (at least 1.25 wanted), p99 {:.2} times (at most 1 wanted)",
        theirs.0 / ours.0,
        ours.1 / theirs.1,
    );
}
