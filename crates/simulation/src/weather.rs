//! What goes wrong in one seed's run: each class of fault at a rate of its own, about half of them switched off.

use std::fmt::Write;

use keel_sim_exchange::faults::{FaultFile, FaultFileError};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The faults of a seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weather {
    /// What the exchange does, as a fault file (docs/FAULTS.md).
    pub fault_file: String,
    /// How often the process is killed, in a hundred hours.
    pub kills_per_100h: u64,
}

/// A class of fault: its name, its rule but for the rate, and the highest rate in millionths.
struct Class(&'static str, &'static str, u64);

const ORDERS: &str = "[\"POST /api/v3/order\", \"order.place\"]";

const CLASSES: &[Class] = &[
    Class(
        "lose-request",
        "request = \"*\"\naction = \"lose_request\"\nhow = \"reset\"",
        50_000,
    ),
    Class("lose-answer", "request = \"*\"\naction = \"lose_answer\"", 50_000),
    Class(
        "late-answer",
        "request = \"*\"\naction = \"delay\"\nms = [50, 2000]",
        50_000,
    ),
    Class(
        "late-request",
        "request = \"*\"\naction = \"delay\"\nstage = \"before\"\nms = [50, 2000]",
        20_000,
    ),
    Class(
        "status-executed",
        "request = \"*\"\naction = \"status\"\nstatus = 503",
        15_000,
    ),
    Class(
        "status-not-executed",
        "request = \"*\"\naction = \"status\"\nstatus = 502\nstage = \"before\"",
        15_000,
    ),
    Class(
        "unsure-executed",
        "request = \"*\"\naction = \"unknown_outcome\"\ncode = -1007",
        15_000,
    ),
    Class(
        "unsure-not-executed",
        "request = \"*\"\naction = \"unknown_outcome\"\ncode = -1006\nstage = \"before\"",
        15_000,
    ),
    Class("cut-body", "request = \"*\"\naction = \"cut_body\"", 10_000),
    Class(
        "rejection",
        "request = ORDERS\naction = \"reject\"\ncode = -2010\nmsg = \"Account has insufficient balance for requested action.\"",
        50_000,
    ),
    Class("denied-order", "action = \"deny_order\"\nfor_s = 5", 20_000),
    Class(
        "rate-limit",
        "request = \"*\"\naction = \"rate_limit\"\nretry_after_s = 3",
        3_000,
    ),
    Class(
        "ban",
        "request = \"*\"\naction = \"ban\"\nretry_after_s = 120",
        100,
    ),
    Class("lost-event", "event = \"user\"\naction = \"drop\"", 20_000),
    Class("double-event", "event = \"*\"\naction = \"duplicate\"", 50_000),
    Class(
        "late-event",
        "event = \"user\"\naction = \"delay\"\nms = [1000, 20000]",
        10_000,
    ),
    Class("swapped-event", "event = \"*\"\naction = \"reorder\"", 10_000),
    Class("depth-gap", "event = \"depth\"\naction = \"gap\"", 2_000),
    Class(
        "broken-frame",
        "event = \"market\"\naction = \"corrupt\"\nwhat = \"broken_json\"",
        1_000,
    ),
    Class(
        "crossed-book",
        "event = \"depth\"\naction = \"corrupt\"\nwhat = \"crossed\"",
        1_000,
    ),
    Class(
        "zero-price",
        "event = \"market\"\naction = \"corrupt\"\nwhat = \"zero_price\"",
        1_000,
    ),
    Class("stall", "event = \"market\"\naction = \"stall\"\nfor_s = 60", 60),
    Class(
        "disconnect",
        "connection = \"*\"\naction = \"disconnect\"\nhow = \"reset\"\nfrom_s = 60\nevery_s = 60",
        200_000,
    ),
    Class(
        "server-shutdown",
        "connection = \"*\"\naction = \"server_shutdown\"\nfor_s = 10\nfrom_s = 600\nevery_s = 600",
        300_000,
    ),
    Class(
        "user-stream-lost",
        "connection = \"ws_api\"\naction = \"user_stream_lost\"\nfrom_s = 60\nevery_s = 60",
        33_000,
    ),
];

/// Classes that come once, for a while, if at all: name, rule but for its time, chance in an hour in millionths, longest in
/// seconds.
const SPELLS: &[(&str, &str, u64, u64)] = &[
    ("skew-ahead", "action = \"clock_skew\"\nms = 1500", 300_000, 600),
    ("skew-behind", "action = \"clock_skew\"\nms = -1500", 300_000, 600),
    ("maintenance", "action = \"maintenance\"", 300_000, 900),
    (
        "halt",
        "action = \"symbol_status\"\nsymbol = \"BTCUSDT\"\nstatus = \"HALT\"",
        300_000,
        300,
    ),
    (
        "cancel-only",
        "action = \"symbol_status\"\nsymbol = \"BTCUSDT\"\nstatus = \"CANCEL_ONLY\"",
        300_000,
        300,
    ),
    (
        "other-filters",
        "action = \"filters\"\nsymbol = \"BTCUSDT\"\ntick_size = \"0.10\"",
        300_000,
        1200,
    ),
];

const MILLION: u64 = 1_000_000;

fn dice(seed: u64, class: usize) -> ChaCha8Rng {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    dice.set_stream(u64::try_from(class).unwrap_or(u64::MAX));
    dice
}

fn below(dice: &mut ChaCha8Rng, limit: u64) -> u64 {
    dice.next_u64().checked_rem(limit).unwrap_or(0)
}

impl Weather {
    /// The faults of a seed for a run of so many seconds. Each class draws from a stream of its own, so that one that is added
    /// does not change the others.
    #[must_use]
    pub fn of_seed(seed: u64, seconds: u64) -> Self {
        let mut file = format!("seed = {seed}\n");
        for (number, Class(name, rule, rate_max)) in CLASSES.iter().enumerate() {
            let mut dice = dice(seed, number);
            if below(&mut dice, 2) == 1 {
                continue;
            }
            let rate = below(&mut dice, rate_max + 1);
            let rule = rule.replace("ORDERS", ORDERS);
            // Writing to a string cannot fail.
            let _written = write!(
                file,
                "\n[[rule]]\nid = \"{name}\"\n{rule}\nprobability = 0.{rate:06}\n"
            );
        }
        for (number, (name, rule, chance, longest_s)) in SPELLS.iter().enumerate() {
            let mut dice = dice(seed, 1_000 + number);
            if below(&mut dice, MILLION) >= *chance {
                continue;
            }
            let from = below(&mut dice, seconds.max(1));
            let until = from + 1 + below(&mut dice, *longest_s);
            let _written = write!(
                file,
                "\n[[rule]]\nid = \"{name}\"\n{rule}\nfrom_s = {from}\nuntil_s = {until}\n"
            );
        }
        let mut dice = dice(seed, 2_000);
        let kills_per_100h = below(&mut dice, 2) * below(&mut dice, 401);
        Self {
            fault_file: file,
            kills_per_100h,
        }
    }

    /// The rules.
    ///
    /// # Errors
    /// A class that the exchange does not take: a fault of this file.
    pub fn faults(&self) -> Result<FaultFile, FaultFileError> {
        FaultFile::parse("the weather", &self.fault_file)
    }
}

/// When the process is killed, in seconds from the start.
pub(crate) fn kills(seed: u64, seconds: u64, per_100h: u64) -> Vec<u64> {
    let mut dice = dice(seed, 2_001);
    let hundredths = per_100h * seconds / 3_600;
    let count = hundredths / 100 + u64::from(below(&mut dice, 100) < hundredths % 100);
    let mut at: Vec<u64> = (0..count).map(|_| below(&mut dice, seconds.max(1))).collect();
    at.sort_unstable();
    at
}
