//! Market data: frames to updates in sequence.

use std::time::Duration;

use keel_binance_wire::rest::{Depth, WireLevel};
use keel_binance_wire::stream::{self, DepthEvent, StreamEvent, TradeEvent};
use keel_domain::{Side, Symbol, Timestamp, TradeId};
use keel_market_data::{
    BookDelta, BookSnapshot, Level, LostReason, MarketFeed, MarketUpdate, PublicTrade, SyncStep,
};

use super::{Link, Session};

fn levels(levels: &[WireLevel]) -> Vec<Level> {
    levels
        .iter()
        .map(|WireLevel(price, qty)| Level {
            price: *price,
            qty: *qty,
        })
        .collect()
}

impl Session {
    /// How long to wait before a snapshot is fetched again after one that did not fit or did not come.
    const SNAPSHOT_AGAIN: Duration = Duration::from_millis(500);

    pub(super) fn on_market_frame(&mut self, now: Timestamp, frame: &[u8]) {
        self.heard(now, Link::Market);
        match stream::decode(frame) {
            Ok(StreamEvent::Depth(event)) => self.on_depth(now, &event),
            Ok(StreamEvent::Trade(event)) => self.on_trade(&event),
            Ok(StreamEvent::ServerShutdown) => {
                self.out.push_back(super::Transmit::Close(Link::Market));
                self.on_lost(
                    now,
                    Link::Market,
                    "the venue is about to end the connection",
                    LostReason::Disconnected,
                );
            }
            Ok(StreamEvent::Reply(reply)) => {
                if let Some(error) = reply.error {
                    self.out.push_back(super::Transmit::Close(Link::Market));
                    self.on_lost(now, Link::Market, &error.to_string(), LostReason::Disconnected);
                }
            }
            Ok(StreamEvent::BookTicker(_) | StreamEvent::Other) => {}
            Err(_) => {
                self.stats.undecodable += 1;
                // It may have been a change of any book.
                for symbol in self.settings.symbols.clone() {
                    self.lose_book(now, symbol, LostReason::Undecodable);
                }
            }
        }
    }

    fn on_trade(&mut self, event: &TradeEvent<'_>) {
        let Some(symbol) = self.known(&event.symbol) else {
            return;
        };
        self.updates.push_back(MarketUpdate::Trade(PublicTrade {
            symbol,
            trade_id: TradeId(event.trade_id),
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

    fn on_depth(&mut self, now: Timestamp, event: &DepthEvent<'_>) {
        let Some(symbol) = self.known(&event.symbol) else {
            return;
        };
        let delta = BookDelta {
            symbol,
            first_update_id: event.first_update_id,
            last_update_id: event.last_update_id,
            event_time: Timestamp::from_millis(event.event_time),
            bids: levels(&event.bids),
            asks: levels(&event.asks),
        };
        self.proven(Link::Market);
        let Some(book) = self.books.get_mut(&symbol) else {
            return;
        };
        let step = book.on_delta(delta);
        self.on_sync_step(now, symbol, step);
    }

    pub(super) fn on_snapshot(&mut self, now: Timestamp, symbol: Symbol, depth: &Depth) {
        let Some(book) = self.books.get_mut(&symbol) else {
            return;
        };
        let step = book.on_snapshot(BookSnapshot {
            symbol,
            last_update_id: depth.last_update_id,
            bids: levels(&depth.bids),
            asks: levels(&depth.asks),
        });
        match step {
            // It was too old; another a moment later.
            SyncStep::FetchSnapshot => self.fetch_snapshot_later(now, symbol),
            step => self.on_sync_step(now, symbol, step),
        }
    }

    fn on_sync_step(&mut self, now: Timestamp, symbol: Symbol, step: SyncStep) {
        match step {
            SyncStep::Wait => {}
            SyncStep::FetchSnapshot => {
                self.snapshot_due.insert(symbol, now);
            }
            SyncStep::Deliver(updates) => self.updates.extend(updates),
            SyncStep::Gap => {
                self.stats.gaps += 1;
                self.updates.push_back(MarketUpdate::BookLost {
                    symbol,
                    reason: LostReason::Gap,
                });
                self.snapshot_due.insert(symbol, now);
            }
        }
    }

    pub(super) fn fetch_snapshot_later(&mut self, now: Timestamp, symbol: Symbol) {
        self.snapshot_due.insert(symbol, now.plus(Self::SNAPSHOT_AGAIN));
    }

    pub(super) fn fetch_due_snapshots(&mut self, now: Timestamp) {
        let due: Vec<Symbol> = self
            .snapshot_due
            .iter()
            .filter(|(_, at)| now >= **at)
            .map(|(symbol, _)| *symbol)
            .collect();
        for symbol in due {
            self.snapshot_due.remove(&symbol);
            self.stats.snapshots += 1;
            self.request_snapshot(now, symbol);
        }
    }

    fn lose_book(&mut self, now: Timestamp, symbol: Symbol, reason: LostReason) {
        if let Some(book) = self.books.get_mut(&symbol) {
            book.reset();
            self.updates.push_back(MarketUpdate::BookLost { symbol, reason });
            self.fetch_snapshot_later(now, symbol);
        }
    }

    fn known(&self, name: &str) -> Option<Symbol> {
        Symbol::new(name)
            .ok()
            .filter(|symbol| self.books.contains_key(symbol))
    }
}

impl MarketFeed for Session {
    fn next_update(&mut self) -> Option<MarketUpdate> {
        self.updates.pop_front()
    }

    fn resync(&mut self, now: Timestamp, symbol: Symbol, reason: LostReason) {
        self.stats.gaps += 1;
        self.lose_book(now, symbol, reason);
    }
}
