//! What the market feed's updates do.

use std::time::Duration;

use keel_domain::{AlertClass, Instrument, InstrumentStatus, Price, Symbol, Timestamp};
use keel_market_data::{BookFault, LostReason, MarketUpdate, Reading};
use keel_risk::{HaltCause, TradingState};
use keel_strategy::Trigger;

use crate::market::Shut;
use crate::{Command, MarketCondition, Step, Trader};

impl Trader {
    /// How long a book may be crossed before it starts again: not so often that snapshots use up the venue's weight.
    const CROSSED_MAX: Duration = Duration::from_secs(2);
    /// How long a pair may be without a price before a person is told: a connection that opens anew is quicker.
    const UNPRICED_MAX: Duration = Duration::from_secs(2);

    pub(crate) fn on_market(&mut self, now: Timestamp, update: &MarketUpdate, step: &mut Step) {
        let symbol = update.symbol();
        let Some(market) = self.markets.get_mut(&symbol) else {
            return;
        };
        if let Some(stream) = update.stream() {
            market.heard.insert(stream, now);
        }
        if update.has_zero_price() {
            self.on_zero_price(symbol, update, step);
            return;
        }
        let trigger = match update {
            MarketUpdate::BookSnapshot(snapshot) => {
                market.book.reset(now, snapshot);
                (market.lost, market.has_zero_price) = (None, false);
                Trigger::Book
            }
            MarketUpdate::BookDelta(delta) => {
                if market.book.apply(now, delta).is_err() {
                    market.guard.on_book_lost();
                    let reason = LostReason::Gap;
                    step.push_command(Command::Resync { symbol, reason });
                }
                Trigger::Book
            }
            MarketUpdate::BookLost { reason, .. } => {
                market.book.clear();
                market.guard.on_book_lost();
                if *reason == LostReason::Disconnected {
                    market.bar_check.forget();
                }
                let is_repeated = market.lost.replace(*reason) == Some(*reason);
                if let Some((class, text)) = alert_of(*reason).filter(|_| !is_repeated) {
                    step.push_alert(class.alert(format!("{symbol}: {text}")));
                }
                Trigger::Book
            }
            MarketUpdate::Trade(trade) => {
                market.bar_check.on_trade(trade);
                Trigger::Trade(trade)
            }
            MarketUpdate::BookTicker(_) => Trigger::Book,
            MarketUpdate::Kline(kline) => {
                if let Some(is_same) = market.bar_check.on_kline(kline) {
                    self.counters.bars_compared += 1;
                    if !is_same {
                        self.counters.bars_differing += 1;
                        step.push_alert(AlertClass::MarketData.alert(format!(
                            "{symbol}: the venue's bar that began at {} is not what its trades say: some went unheard",
                            kline.open_time.as_millis()
                        )));
                    }
                }
                Trigger::Kline(kline)
            }
            MarketUpdate::UnknownField { field, .. } => {
                let what = format!("the market data has a field `{field}` that is not documented");
                let state = TradingState::EntriesBlocked;
                if self.gate.state_of(symbol) < state {
                    self.restrict_symbol(now, symbol, state, HaltCause::MarketData { what }, step);
                }
                return;
            }
        };
        if self.believe(now, symbol, update, step) {
            if let (MarketUpdate::Trade(trade), Some(market)) = (update, self.markets.get_mut(&symbol)) {
                market.last_trade = Some(trade.price);
            }
            self.run_strategies(now, symbol, trigger, step);
        }
    }

    /// Shows the guard what the update says of the price. Gives whether the update is to be acted on.
    fn believe(&mut self, now: Timestamp, symbol: Symbol, update: &MarketUpdate, step: &mut Step) -> bool {
        let age_max = self.gate.limits().book_age_max;
        let Some(market) = self.markets.get_mut(&symbol) else {
            return false;
        };
        let (reading, seen) = match update {
            MarketUpdate::BookSnapshot(_) | MarketUpdate::BookDelta(_) => {
                let Ok(top) = market.book.top(now, age_max) else {
                    return true;
                };
                (market.guard.on_book(top.bid.price, top.ask.price), top.bid.price)
            }
            MarketUpdate::Trade(trade) => (market.guard.on_price(trade.price), trade.price),
            MarketUpdate::BookTicker(ticker) => (market.guard.on_price(ticker.bid.price), ticker.bid.price),
            MarketUpdate::Kline(_) | MarketUpdate::BookLost { .. } | MarketUpdate::UnknownField { .. } => {
                return true;
            }
        };
        match reading {
            Reading::Near => true,
            Reading::Confirmed => {
                step.push_alert(AlertClass::PriceJump.alert(format!(
                    "{symbol}: the price is at {seen} after a jump, as a second reading says"
                )));
                true
            }
            Reading::Suspect | Reading::Invalid => {
                self.counters.price_jumps += 1;
                step.push_alert(AlertClass::PriceJump.alert(format!(
                    "{symbol}: the price jumped to {seen}; it is not used until a second reading says the same"
                )));
                // The book's own change is shown, without a price; a trade that is not believed is not.
                !matches!(update, MarketUpdate::Trade(_))
            }
        }
    }

    /// Tells once where no price has come for a while, and why that is has not been told already.
    pub(crate) fn watch_prices(&mut self, now: Timestamp, step: &mut Step) {
        for symbol in self.settings.symbols.clone() {
            let condition = self.market_condition(now, symbol);
            let Some(market) = self.markets.get_mut(&symbol) else {
                continue;
            };
            if !self.has_been_up || !matches!(condition, MarketCondition::NoPrice(_)) {
                (market.unpriced_since, market.is_unpriced_told) = (None, false);
                continue;
            }
            let since = *market.unpriced_since.get_or_insert(now);
            let is_known =
                market.is_unpriced_told || market.lost.is_some_and(|lost| alert_of(lost).is_some());
            if !is_known && now.since(since) >= Self::UNPRICED_MAX {
                market.is_unpriced_told = true;
                step.push_alert(AlertClass::MarketData.alert(format!(
                    "{symbol}: no usable price for {} s: {condition}; no order until there is one",
                    now.since(since).as_secs()
                )));
            }
        }
    }

    /// A book that stays crossed is wrong, though its sequence is not: it starts again.
    pub(crate) fn resync_crossed(&mut self, now: Timestamp, step: &mut Step) {
        let age_max = self.gate.limits().book_age_max;
        for (symbol, market) in &mut self.markets {
            if market.book.top(now, age_max) != Err(BookFault::Crossed) {
                market.crossed_since = None;
                continue;
            }
            let since = *market.crossed_since.get_or_insert(now);
            if now.since(since) >= Self::CROSSED_MAX {
                market.crossed_since = None;
                market.book.clear();
                market.guard.on_book_lost();
                let (symbol, reason) = (*symbol, LostReason::Gap);
                step.push_command(Command::Resync { symbol, reason });
            }
        }
    }

    /// Nothing is worth nothing: what was told is not used, and the book starts again.
    fn on_zero_price(&mut self, symbol: Symbol, update: &MarketUpdate, step: &mut Step) {
        self.counters.zero_prices += 1;
        let Some(market) = self.markets.get_mut(&symbol) else {
            return;
        };
        if !matches!(update, MarketUpdate::BookSnapshot(_) | MarketUpdate::BookDelta(_)) {
            step.push_alert(
                AlertClass::MarketData.alert(format!("{symbol}: a price of zero was told; it is not used")),
            );
            return;
        }
        market.book.clear();
        market.guard.on_book_lost();
        if !std::mem::replace(&mut market.has_zero_price, true) {
            step.push_alert(AlertClass::MarketData.alert(format!(
                "{symbol}: the book holds a price of zero; no order until a whole book without one"
            )));
        }
        let reason = LostReason::Undecodable;
        step.push_command(Command::Resync { symbol, reason });
    }

    /// The venue refuses every order on the pair, until it says that the pair trades.
    pub(crate) fn shut(&mut self, symbol: Symbol, shut: Shut, step: &mut Step) {
        if let Some(market) = self.markets.get_mut(&symbol)
            && market.shut.replace(shut) != Some(shut)
        {
            let condition = MarketCondition::Shut(shut);
            step.push_alert(AlertClass::PairStatus.alert(format!(
                "{symbol}: {condition}; no order until the venue says that the pair trades"
            )));
        }
    }

    /// The venue has described a pair: what it says of its status counts, also where nothing else is new.
    pub(crate) fn on_status(&mut self, instrument: &Instrument, step: &mut Step) {
        let Some(market) = self.markets.get_mut(&instrument.symbol) else {
            return;
        };
        let is_trading = instrument.status == InstrumentStatus::Trading;
        if is_trading && market.shut.take().is_some() {
            let symbol = instrument.symbol;
            step.push_alert(
                AlertClass::PairStatus.alert(format!("{symbol}: the venue says that the pair trades")),
            );
        }
    }

    /// Whether some pair is waited for to trade again.
    pub(crate) fn awaits_status(&self) -> bool {
        let is_shut = self.markets.values().any(|market| market.shut.is_some());
        let mut pairs = self.state.instruments.values();
        is_shut
            || pairs.any(|i| i.status != InstrumentStatus::Trading && self.markets.contains_key(&i.symbol))
    }

    /// Tells where one of our trades was far from the market: the price that the venue tells, or our picture of the market,
    /// is wrong.
    pub(crate) fn check_trade_price(&self, symbol: Symbol, last_px: Price, step: &mut Step) {
        let Some(market) = self.markets.get(&symbol) else {
            return;
        };
        if last_px == Price::ZERO || !market.guard.is_near(last_px) {
            step.push_alert(AlertClass::PriceJump.alert(format!(
                "{symbol}: a trade of ours at {last_px} is far from the market; look at it before trusting profit and loss"
            )));
        }
    }

    /// What the pair's market is like, named by what is wrong first.
    #[must_use]
    pub fn market_condition(&self, now: Timestamp, symbol: Symbol) -> MarketCondition {
        let Some(market) = self.markets.get(&symbol) else {
            return MarketCondition::Undescribed;
        };
        if let Some(shut) = market.shut {
            return MarketCondition::Shut(shut);
        }
        match self.state.instruments.get(&symbol).map(|i| i.status) {
            None => return MarketCondition::Undescribed,
            Some(InstrumentStatus::Trading) => {}
            Some(status) => return MarketCondition::NotTrading(status),
        }
        if market.has_zero_price {
            return MarketCondition::ZeroPrice;
        }
        match self.top(now, symbol) {
            Ok(_) => MarketCondition::Usable,
            Err(BookFault::NotSynchronised) if market.lost == Some(LostReason::Undecodable) => {
                MarketCondition::Undecodable
            }
            Err(fault) => MarketCondition::NoPrice(fault),
        }
    }
}

fn alert_of(reason: LostReason) -> Option<(AlertClass, &'static str)> {
    match reason {
        LostReason::Stalled => Some((
            AlertClass::MarketData,
            "no current prices come; no order until they do",
        )),
        LostReason::Undecodable => Some((
            AlertClass::MarketData,
            "a message of the market data could not be read; no order until a whole book came",
        )),
        LostReason::Overrun => Some((
            AlertClass::Overflow,
            "market data comes faster than it is handled; no order until a whole book came",
        )),
        LostReason::Disconnected | LostReason::Gap => None,
    }
}
