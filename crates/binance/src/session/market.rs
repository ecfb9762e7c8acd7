//! Market data: frames to updates in sequence.

use std::time::Duration;

use keel_binance_wire::market::KlineEvent;
use keel_binance_wire::rest::{Depth, WireLevel};
use keel_binance_wire::stream::{self, BookTickerEvent, ControlReply, DepthEvent, StreamEvent, TradeEvent};
use keel_domain::{Side, Symbol, Timestamp, TradeId};
use keel_market_data::{
    BookDelta, BookSnapshot, BookSync, BookTicker, Kline, Level, LostReason, MarketFeed, MarketUpdate,
    PublicTrade, SyncStep,
};

use super::{Link, Market, Session, Transmit};

/// The same sixteen bytes a level: the list is not copied.
fn levels(levels: Vec<WireLevel>) -> Vec<Level> {
    let level = |WireLevel(price, qty)| Level { price, qty };
    levels.into_iter().map(level).collect()
}

impl Market {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            book: BookSync::default(),
            heard_at: now,
            is_late: false,
            last_trade: None,
            last_ticker: None,
            snapshot_due: None,
            snapshot_not_before: now,
        }
    }
}

impl Session {
    /// The shortest time between two snapshots of one pair.
    const SNAPSHOT_AGAIN: Duration = Duration::from_millis(500);

    pub(super) fn on_market_frame(&mut self, now: Timestamp, link: Link, frame: &[u8]) {
        if !self.is_open(link) {
            return;
        }
        match stream::decode_checked(frame) {
            Ok((event, unknown)) => {
                if let Some(field) = unknown {
                    self.on_unknown_field(&event, field);
                }
                self.on_market_event(now, link, event);
            }
            Err(_) => {
                self.stats.undecodable += 1;
                // It may have been a change of any book.
                for symbol in self.settings.symbols.clone() {
                    self.lose_book(symbol, LostReason::Undecodable);
                }
            }
        }
    }

    fn on_market_event(&mut self, now: Timestamp, link: Link, event: StreamEvent<'_>) {
        match event {
            StreamEvent::Depth(event) => self.on_depth(now, event),
            StreamEvent::Trade(event) => self.on_trade(&event),
            StreamEvent::BookTicker(event) => self.on_book_ticker(&event),
            StreamEvent::Kline(event) => self.on_kline(&event),
            StreamEvent::ServerShutdown => self.roll(now, link),
            StreamEvent::Reply(reply) => self.on_control_reply(now, link, &reply),
            StreamEvent::Other => {}
        }
    }

    /// Hands an update on; a book that cannot wait any longer starts again.
    fn tell(&mut self, update: MarketUpdate) {
        if let Some(market) = self
            .updates
            .push(update)
            .and_then(|lost| self.markets.get_mut(&lost))
        {
            market.book.reset();
            market.snapshot_due = None;
        }
    }

    /// The event is used all the same: what it means is for a person to find out.
    fn on_unknown_field(&mut self, event: &StreamEvent<'_>, field: String) {
        self.stats.unknown_fields += 1;
        let name = match event {
            StreamEvent::Depth(event) => &event.symbol,
            StreamEvent::Trade(event) => &event.symbol,
            StreamEvent::BookTicker(event) => &event.symbol,
            StreamEvent::Kline(event) => &event.symbol,
            StreamEvent::ServerShutdown | StreamEvent::Reply(_) | StreamEvent::Other => return,
        };
        if let Some(symbol) = self.known(name) {
            self.tell(MarketUpdate::UnknownField { symbol, field });
        }
    }

    fn on_book_ticker(&mut self, event: &BookTickerEvent<'_>) {
        let Some(symbol) = self.known(&event.symbol) else {
            return;
        };
        let Some(market) = self.markets.get_mut(&symbol) else {
            return;
        };
        if market.last_ticker >= Some(event.update_id) {
            return;
        }
        market.last_ticker = Some(event.update_id);
        let level = |price, qty| Level { price, qty };
        self.tell(MarketUpdate::BookTicker(BookTicker {
            symbol,
            update_id: event.update_id,
            bid: level(event.bid_price, event.bid_qty),
            ask: level(event.ask_price, event.ask_qty),
        }));
    }

    fn on_kline(&mut self, event: &KlineEvent<'_>) {
        let Some(symbol) = self.known(&event.symbol) else {
            return;
        };
        let bar = &event.kline;
        self.tell(MarketUpdate::Kline(Kline {
            symbol,
            open_time: Timestamp::from_millis(bar.open_time),
            close_time: Timestamp::from_millis(bar.close_time),
            open: bar.open,
            high: bar.high,
            low: bar.low,
            close: bar.close,
            volume: bar.volume,
            count: bar.count,
            is_closed: bar.is_closed,
        }));
    }

    fn on_control_reply(&mut self, now: Timestamp, link: Link, reply: &ControlReply) {
        if let Some(error) = reply.error() {
            self.out.push_back(Transmit::Close(link));
            self.on_lost(now, link, &error.to_string(), LostReason::Disconnected);
        } else if let Some(state) = self.links.get_mut(&link) {
            state.unconfirmed = state.unconfirmed.saturating_sub(1);
            state.is_subscribed = state.unconfirmed == 0;
        }
    }

    fn on_trade(&mut self, event: &TradeEvent<'_>) {
        let Some(symbol) = self.known(&event.symbol) else {
            return;
        };
        let Some(market) = self.markets.get_mut(&symbol) else {
            return;
        };
        let trade_id = TradeId(event.trade_id);
        if market.last_trade >= Some(trade_id) {
            return;
        }
        market.last_trade = Some(trade_id);
        self.tell(MarketUpdate::Trade(PublicTrade {
            symbol,
            trade_id,
            price: event.price,
            qty: event.qty,
            aggressor: if event.is_buyer_maker {
                Side::Sell
            } else {
                Side::Buy
            },
            trade_time: Timestamp::from_millis(event.trade_time),
        }));
    }

    fn on_depth(&mut self, now: Timestamp, event: DepthEvent<'_>) {
        let Some(symbol) = self.known(&event.symbol) else {
            return;
        };
        let event_time = Timestamp::from_millis(event.event_time);
        let lag = self.clock.lag(now, event_time);
        let is_late = lag.is_some_and(|lag| lag > self.settings.lag_max);
        let Some(market) = self.markets.get_mut(&symbol) else {
            return;
        };
        market.heard_at = now;
        if is_late {
            // Old news that a stalled path delivers at last: no price until it has caught up.
            if !std::mem::replace(&mut market.is_late, true) {
                self.stats.stalls += 1;
                self.lose_book(symbol, LostReason::Stalled);
            }
            return;
        }
        market.is_late = false;
        let step = market.book.on_delta(BookDelta {
            symbol,
            first_update_id: event.first_update_id,
            last_update_id: event.last_update_id,
            event_time,
            bids: levels(event.bids),
            asks: levels(event.asks),
        });
        self.proven(self.market);
        self.on_sync_step(now, symbol, step);
    }

    pub(super) fn on_snapshot(&mut self, now: Timestamp, symbol: Symbol, depth: Depth) {
        let Some(market) = self.markets.get_mut(&symbol) else {
            return;
        };
        let step = market.book.on_snapshot(BookSnapshot {
            symbol,
            last_update_id: depth.last_update_id,
            bids: levels(depth.bids),
            asks: levels(depth.asks),
        });
        self.on_sync_step(now, symbol, step);
    }

    fn on_sync_step(&mut self, now: Timestamp, symbol: Symbol, step: SyncStep) {
        match step {
            SyncStep::Wait => {}
            SyncStep::FetchSnapshot => self.fetch_snapshot(now, symbol),
            SyncStep::Deliver(updates) => updates.into_iter().for_each(|update| self.tell(update)),
            SyncStep::Gap => {
                self.stats.gaps += 1;
                let reason = LostReason::Gap;
                self.tell(MarketUpdate::BookLost { symbol, reason });
                self.fetch_snapshot(now, symbol);
            }
        }
    }

    /// Fetches a snapshot now, or as soon as the last one is long enough ago.
    pub(super) fn fetch_snapshot(&mut self, now: Timestamp, symbol: Symbol) {
        if let Some(market) = self.markets.get_mut(&symbol) {
            market.snapshot_due = Some(market.snapshot_not_before.max(now));
        }
    }

    pub(super) fn fetch_due_snapshots(&mut self, now: Timestamp) {
        let mut due = Vec::new();
        for (symbol, market) in &mut self.markets {
            if market.snapshot_due.is_some_and(|at| now >= at) {
                market.snapshot_due = None;
                market.snapshot_not_before = now.plus(Self::SNAPSHOT_AGAIN);
                due.push(*symbol);
            }
        }
        for symbol in due {
            self.stats.snapshots += 1;
            self.request_snapshot(now, symbol);
        }
    }

    /// Forgets the book; the next event of the stream asks for a snapshot.
    pub(super) fn lose_book(&mut self, symbol: Symbol, reason: LostReason) {
        if let Some(market) = self.markets.get_mut(&symbol) {
            market.book.reset();
            market.snapshot_due = None;
            self.tell(MarketUpdate::BookLost { symbol, reason });
        }
    }

    fn known(&self, name: &str) -> Option<Symbol> {
        Symbol::new(name)
            .ok()
            .filter(|symbol| self.markets.contains_key(symbol))
    }
}

impl MarketFeed for Session {
    fn next_update(&mut self) -> Option<MarketUpdate> {
        self.updates.pop()
    }

    fn resync(&mut self, _now: Timestamp, symbol: Symbol, reason: LostReason) {
        self.stats.gaps += 1;
        self.lose_book(symbol, reason);
    }
}
