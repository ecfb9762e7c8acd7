//! What kinds of market there are, and what each does when.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How the market moves. What happens at a time is counted from the exchange's start and comes again with every period,
/// so that a test need not wait and a long run sees it often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// A quiet day.
    Calm,
    /// Eight times the usual moves.
    Volatile,
    /// A steady rise.
    Trend,
    /// A fall of 8 % in ten seconds with sellers only and a quarter of the usual quantities, then a recovery in a minute.
    FlashCrash,
    /// A twentieth of the usual quantities, on levels eight times as far apart.
    ThinBook,
    /// The first pair stops trading for half a minute; the others go on.
    HaltedSymbol,
    /// Jumps of 4 % with no trade between, down and up in turn.
    GapThroughStop,
}

/// Who takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takers {
    /// Buyers and sellers alike.
    Both,
    /// Sellers only, and more often.
    Sellers,
}

/// What holds at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Conditions {
    /// What is added to the fair price that the random walk gives, in millionths of it.
    pub(super) shift_ppm: i64,
    /// Quantities, of the usual.
    pub(super) size_percent: i64,
    pub(super) takers: Takers,
    pub(super) is_halted: bool,
}

const USUAL: Conditions = Conditions {
    shift_ppm: 0,
    size_percent: 100,
    takers: Takers::Both,
    is_halted: false,
};

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Calm,
        Self::Volatile,
        Self::Trend,
        Self::FlashCrash,
        Self::ThinBook,
        Self::HaltedSymbol,
        Self::GapThroughStop,
    ];

    /// When a flash crash, a halt or a gap first comes, counted from the start of the exchange or of a period.
    pub const BEGINS_AFTER: Duration = Duration::from_secs(60);
    /// How long a flash crash falls.
    pub const CRASH_FALLS_FOR: Duration = Duration::from_secs(10);
    /// How long it then recovers.
    pub const CRASH_RECOVERS_FOR: Duration = Duration::from_secs(60);
    /// How far it falls, in millionths.
    pub const CRASH_PPM: i64 = 80_000;
    /// A flash crash comes this often.
    pub const CRASH_PERIOD: Duration = Duration::from_secs(600);
    /// How long a halted pair does not trade.
    pub const HALT_LASTS: Duration = Duration::from_secs(30);
    /// A halt comes this often.
    pub const HALT_PERIOD: Duration = Duration::from_secs(300);
    /// How far a gap is, in millionths.
    pub const GAP_PPM: i64 = 40_000;
    /// A gap down comes this often; the gap up is in the middle between two.
    pub const GAP_PERIOD: Duration = Duration::from_secs(120);

    /// The name it is chosen by.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Volatile => "volatile",
            Self::Trend => "trend",
            Self::FlashCrash => "flash_crash",
            Self::ThinBook => "thin_book",
            Self::HaltedSymbol => "halted_symbol",
            Self::GapThroughStop => "gap_through_stop",
        }
    }

    /// What it does, in a few words.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Calm => "a quiet day",
            Self::Volatile => "eight times the usual moves",
            Self::Trend => "a steady rise",
            Self::FlashCrash => "after a minute, then every 10: 8 % down in 10 s, back within a minute",
            Self::ThinBook => "little in the book, far apart",
            Self::HaltedSymbol => "after a minute, then every 5: the first pair halts for 30 s",
            Self::GapThroughStop => "every minute a jump of 4 %, down and up in turn, with no trade between",
        }
    }

    /// Every name with its description, for a help text.
    #[must_use]
    pub fn overview() -> String {
        let line = |scenario: Self| format!("{}: {}", scenario.name(), scenario.description());
        Self::ALL.map(line).join("; ")
    }

    /// How far apart quoted levels are, of the usual.
    pub(super) const fn spacing_factor(self) -> i64 {
        match self {
            Self::ThinBook => 8,
            _ => 1,
        }
    }

    /// The largest random move at one step, of the usual.
    pub(super) const fn step_factor(self) -> i64 {
        match self {
            Self::Volatile => 8,
            _ => 1,
        }
    }

    /// What holds for a pair so long after the start.
    pub(super) fn conditions(self, is_first_pair: bool, elapsed: Duration) -> Conditions {
        match self {
            Self::Calm | Self::Volatile | Self::Trend => USUAL,
            Self::ThinBook => Conditions {
                size_percent: 5,
                ..USUAL
            },
            Self::FlashCrash => crash(since_begin(elapsed, Self::CRASH_PERIOD)),
            Self::HaltedSymbol => {
                let since = since_begin(elapsed, Self::HALT_PERIOD);
                Conditions {
                    is_halted: is_first_pair && since.is_some_and(|since| since < Self::HALT_LASTS),
                    ..USUAL
                }
            }
            Self::GapThroughStop => {
                let since = since_begin(elapsed, Self::GAP_PERIOD);
                let is_down = since.is_some_and(|since| since < Self::GAP_PERIOD / 2);
                Conditions {
                    shift_ppm: if is_down { -Self::GAP_PPM } else { 0 },
                    ..USUAL
                }
            }
        }
    }
}

/// Time since what comes every period began last; none before the first time.
fn since_begin(elapsed: Duration, period: Duration) -> Option<Duration> {
    let since = elapsed.checked_sub(Scenario::BEGINS_AFTER)?.as_millis() % period.as_millis();
    u64::try_from(since).ok().map(Duration::from_millis)
}

fn crash(since: Option<Duration>) -> Conditions {
    let millis = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    let (falls, recovers) = (Scenario::CRASH_FALLS_FOR, Scenario::CRASH_RECOVERS_FOR);
    match since {
        Some(since) if since < falls => Conditions {
            shift_ppm: -Scenario::CRASH_PPM * millis(since) / millis(falls),
            size_percent: 25,
            takers: Takers::Sellers,
            is_halted: false,
        },
        Some(since) if since < falls + recovers => {
            let left = (falls + recovers).saturating_sub(since);
            Conditions {
                shift_ppm: -Scenario::CRASH_PPM * millis(left) / millis(recovers),
                size_percent: 50,
                ..USUAL
            }
        }
        _ => USUAL,
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is no scenario. Its text names those that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such scenario; there are {}", Scenario::ALL.map(Scenario::name).join(", "))]
pub struct UnknownScenario;

impl FromStr for Scenario {
    type Err = UnknownScenario;

    fn from_str(text: &str) -> Result<Self, UnknownScenario> {
        Self::ALL
            .into_iter()
            .find(|scenario| scenario.name() == text)
            .ok_or(UnknownScenario)
    }
}
