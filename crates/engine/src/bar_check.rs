//! Bars made of trades beside the venue's own.

use std::time::Duration;

use keel_domain::Timestamp;
use keel_market_data::{Kline, PublicTrade};
use keel_strategy::{Bar, Bars};

/// Compares each of the venue's bars, once it is over, with the one made of its trades.
#[derive(Debug, Default)]
pub(crate) struct BarCheck {
    bars: Option<(Duration, Bars)>,
    ended: Option<Bar>,
    /// The first bar began before its trades were heard.
    first: Option<Timestamp>,
}

impl BarCheck {
    /// Klines longer than a day do not begin at multiples of their length.
    const LENGTH_MAX: Duration = Duration::from_secs(24 * 60 * 60);

    /// Trades went unheard: the bars that hold them are not compared.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn on_trade(&mut self, trade: &PublicTrade) {
        let Some((_, bars)) = &mut self.bars else { return };
        if let Some(ended) = bars.push(trade) {
            self.ended = Some(ended);
        }
        if let (None, Some(bar)) = (self.first, bars.current()) {
            self.first = Some(bar.open_time);
        }
    }

    /// Whether the venue's bar is as its trades say; none where it cannot be compared.
    pub(crate) fn on_kline(&mut self, kline: &Kline) -> Option<bool> {
        let length = kline.close_time.since(kline.open_time) + Duration::from_millis(1);
        if length > Self::LENGTH_MAX {
            return None;
        }
        let Some((_, bars)) = self.bars.as_ref().filter(|(known, _)| *known == length) else {
            self.forget();
            self.bars = Some((length, Bars::new(length)));
            return None;
        };
        if !kline.is_closed || self.first.is_none_or(|first| kline.open_time <= first) {
            return None;
        }
        let is_same = |bar: &&Bar| bar.open_time == kline.open_time;
        let made = bars
            .current()
            .filter(is_same)
            .or(self.ended.as_ref().filter(is_same));
        match made {
            Some(bar) => {
                let of_trades = (bar.open, bar.high, bar.low, bar.close, bar.volume, bar.count);
                let of_venue = (
                    kline.open,
                    kline.high,
                    kline.low,
                    kline.close,
                    kline.volume,
                    kline.count,
                );
                Some(of_trades == of_venue)
            }
            // A bar without a trade has none to compare; one that is older than what is kept cannot be.
            None => self
                .ended
                .is_none_or(|ended| ended.open_time < kline.open_time)
                .then_some(kline.count == 0),
        }
    }
}
