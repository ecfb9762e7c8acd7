//! What is known of one pair and need not survive a restart.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use keel_domain::{InstrumentStatus, OrderIntent, Price, StrategyId, Symbol, Timestamp};
use keel_market_data::{BookFault, BookTop, LocalBook, LostReason, PriceGuard, Stream};

use crate::bar_check::BarCheck;
use crate::brakes::Brakes;
use crate::dust::Remainder;
use crate::flatten::Flattening;
use crate::protection::Protection;

/// What the machine knows of one pair and need not survive a restart.
#[derive(Debug)]
pub(crate) struct Market {
    pub(crate) book: LocalBook,
    pub(crate) pause: Pause,
    pub(crate) brakes: Brakes,
    pub(crate) remainders: BTreeMap<StrategyId, Remainder>,
    pub(crate) flattening: Option<Flattening>,
    pub(crate) protections: BTreeMap<StrategyId, Protection>,
    /// The order that failed a filter of the venue last, while its filters are the same.
    pub(crate) barred: Option<OrderIntent>,
    /// The venue refused an order for lack of funds, and has not told balances since.
    pub(crate) awaits_balances: bool,
    /// The last public trade price, for displays.
    pub(crate) last_trade: Option<Price>,
    pub(crate) guard: PriceGuard,
    pub(crate) bar_check: BarCheck,
    /// Why the book was lost last, until the next snapshot.
    pub(crate) lost: Option<LostReason>,
    /// The feed said a price of zero, and no book since.
    pub(crate) has_zero_price: bool,
    /// Since when there has been no price, though the venue trades the pair.
    pub(crate) unpriced_since: Option<Timestamp>,
    pub(crate) is_unpriced_told: bool,
    /// Since when the book is crossed.
    pub(crate) crossed_since: Option<Timestamp>,
    /// How the venue refuses every order on the pair, until it says that the pair trades.
    pub(crate) shut: Option<Shut>,
    /// When each stream was heard last.
    pub(crate) heard: BTreeMap<Stream, Timestamp>,
}

/// How the venue refuses every order on a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shut {
    /// -1013 "Market is closed".
    MarketClosed,
    /// -1121: it does not know the pair any more, which was delisted or renamed.
    Unlisted,
}

/// What a pair's market is like, named by what is wrong first. Everything but `Usable` keeps entries from being sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarketCondition {
    /// A fresh price, and the venue trades.
    Usable,
    /// The venue has not described the pair yet.
    Undescribed,
    /// The venue does not trade the pair now. Lifted by its status.
    NotTrading(InstrumentStatus),
    /// The venue refuses every order. Lifted by the status TRADING.
    Shut(Shut),
    /// A price of zero was told. Lifted by the next snapshot.
    ZeroPrice,
    /// A message could not be read, or told something that is not documented. Lifted by the next snapshot, and by an
    /// operator where a field is unknown.
    Undecodable,
    /// The book gives no price. Lifted by the book.
    NoPrice(BookFault),
}

impl MarketCondition {
    /// Whether entries may be sent as far as the market is concerned.
    #[must_use]
    pub fn is_usable(self) -> bool {
        self == Self::Usable
    }
}

impl fmt::Display for MarketCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usable => f.write_str("usable"),
            Self::Undescribed => f.write_str("the venue has not described the pair yet"),
            Self::NotTrading(InstrumentStatus::CancelOnly) => f.write_str("the venue takes cancels only"),
            Self::NotTrading(InstrumentStatus::Break) => f.write_str("the venue has put the pair in a break"),
            Self::NotTrading(_) => f.write_str("the venue has halted the pair"),
            Self::Shut(Shut::MarketClosed) => f.write_str("the venue says that the market is closed"),
            Self::Shut(Shut::Unlisted) => {
                f.write_str("the venue does not know the pair any more: it was delisted or renamed")
            }
            Self::ZeroPrice => f.write_str("a price of zero was told"),
            Self::Undecodable => f.write_str("a message of the market data could not be read"),
            Self::NoPrice(fault) => fault.fmt(f),
        }
    }
}

/// Submissions wait after the venue refused some, longer each time.
#[derive(Debug, Default)]
pub(crate) struct Pause {
    until: Option<Timestamp>,
    refusals: u32,
}

impl Pause {
    const FIRST: Duration = Duration::from_millis(500);
    const DOUBLINGS_MAX: u32 = 7;

    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now >= until)
    }

    pub(crate) fn on_refusal(&mut self, now: Timestamp) {
        let doublings = self.refusals.min(Self::DOUBLINGS_MAX);
        self.until = Some(now.plus(Self::FIRST * 2_u32.pow(doublings)));
        self.refusals = self.refusals.saturating_add(1);
    }

    pub(crate) fn on_acceptance(&mut self) {
        *self = Self::default();
    }
}

impl Market {
    /// Whether the venue has given a reason not to send the order now.
    pub(crate) fn holds_back(&self, now: Timestamp, intent: &OrderIntent) -> bool {
        !self.pause.is_over(now) || self.awaits_balances || self.barred.as_ref() == Some(intent)
    }

    /// The best prices, where the book has some that can be believed.
    pub(crate) fn top(&self, now: Timestamp, age_max: Duration) -> Result<BookTop, BookFault> {
        let top = self.book.top(now, age_max)?;
        self.guard.check_book()?;
        Ok(top)
    }

    pub(crate) fn new(symbol: Symbol, price_jump_bps_max: u32) -> Self {
        Self {
            book: LocalBook::new(symbol),
            pause: Pause::default(),
            brakes: Brakes::default(),
            remainders: BTreeMap::new(),
            flattening: None,
            protections: BTreeMap::new(),
            barred: None,
            awaits_balances: false,
            last_trade: None,
            guard: PriceGuard::new(price_jump_bps_max),
            bar_check: BarCheck::default(),
            lost: None,
            has_zero_price: false,
            unpriced_since: None,
            is_unpriced_told: false,
            crossed_since: None,
            shut: None,
            heard: BTreeMap::new(),
        }
    }
}
