//! What is known of one pair and need not survive a restart.

use std::time::Duration;

use keel_domain::{OrderIntent, Price, Symbol, Timestamp};
use keel_market_data::LocalBook;

use crate::protection::Protection;

/// What the machine knows of one pair and need not survive a restart.
#[derive(Debug)]
pub(crate) struct Market {
    pub(crate) book: LocalBook,
    pub(crate) pause: Pause,
    pub(crate) protection: Protection,
    /// The order that failed a filter of the venue last, while its filters are the same.
    pub(crate) barred: Option<OrderIntent>,
    /// The venue refused an order for lack of funds, and has not told balances since.
    pub(crate) awaits_balances: bool,
    /// The last public trade price, for displays.
    pub(crate) last_trade: Option<Price>,
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

    pub(crate) fn new(symbol: Symbol) -> Self {
        Self {
            book: LocalBook::new(symbol),
            pause: Pause::default(),
            protection: Protection::default(),
            barred: None,
            awaits_balances: false,
            last_trade: None,
        }
    }
}
