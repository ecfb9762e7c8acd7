//! Events as frames.

use keel_binance_wire::market::{
    AggTradeEvent, AvgPriceEvent, KlineEvent, KlineFigures, MiniTickerEvent, RollingTickerEvent, TickerEvent,
};
use keel_binance_wire::price_rules::ReferencePriceEvent;
use keel_binance_wire::stream::{BookTickerEvent, TradeEvent};
use keel_domain::{Money, Price, Qty, Side, Symbol, Timestamp};

use super::{Kind, Stream};
use crate::core::{LevelQty, PublicTrade, ReferencePrice};
use crate::protocol::Protocol;
use crate::protocol::market::Window;
use crate::protocol::tape::{AggTrade, Interval, Kline};
use crate::protocol::time_unit::TimeUnit;

/// JSON of an event; serialising these plain structs cannot fail.
pub(super) fn to_json(event: impl serde::Serialize) -> String {
    serde_json::to_string(&event).unwrap_or_default()
}

/// A kline's frame.
pub(super) fn kline(
    now: Timestamp,
    symbol: Symbol,
    interval: Interval,
    kline: &Kline,
    is_closed: bool,
    unit: TimeUnit,
) -> String {
    let bar = &kline.bar;
    to_json(KlineEvent {
        event: "kline".into(),
        event_time: unit.of(now),
        symbol: symbol.as_str().into(),
        kline: KlineFigures {
            open_time: unit.of_millis(kline.open_time),
            close_time: unit.last_of(kline.close_time),
            symbol: symbol.as_str().into(),
            interval: interval.name().into(),
            first_trade_id: bar.first_id,
            last_trade_id: bar.last_id,
            open: bar.open,
            close: bar.close,
            high: bar.high,
            low: bar.low,
            volume: bar.volume(),
            count: bar.count,
            is_closed,
            quote_volume: bar.quote_volume(),
            taker_volume: bar.taker_volume(),
            taker_quote_volume: bar.taker_quote_volume(),
            ignored: "0".into(),
        },
    })
}

/// Figures of a pair at one moment, to be written in either unit.
pub(super) enum Figure {
    Mini(Timestamp, Window),
    Full(Timestamp, Box<Full>),
    Rolling(Timestamp, &'static str, Window),
    Average(Timestamp, Symbol, Money, Timestamp),
    Reference(Symbol, ReferencePrice),
}

/// A 24-hour ticker's figures.
pub(super) struct Full {
    window: Window,
    previous_close: Price,
    last_qty: Qty,
    bid: LevelQty,
    ask: LevelQty,
}

impl Figure {
    pub(super) fn write(&self, unit: TimeUnit) -> String {
        match self {
            Self::Mini(now, window) => to_json(MiniTickerEvent {
                event: "24hrMiniTicker".into(),
                event_time: unit.of(*now),
                symbol: window.symbol.as_str().into(),
                close: window.bar.close,
                open: window.bar.open,
                high: window.bar.high,
                low: window.bar.low,
                volume: window.bar.volume(),
                quote_volume: window.bar.quote_volume(),
            }),
            Self::Full(now, full) => to_json(ticker(*now, full, unit)),
            Self::Rolling(now, name, window) => to_json(rolling(*now, name, window, unit)),
            Self::Average(now, symbol, price, last_trade) => to_json(AvgPriceEvent {
                event: "avgPrice".into(),
                event_time: unit.of(*now),
                symbol: symbol.as_str().into(),
                interval: "5m".into(),
                price: *price,
                last_trade_time: unit.of(*last_trade),
            }),
            Self::Reference(symbol, reference) => to_json(ReferencePriceEvent {
                event: "referencePrice".into(),
                symbol: symbol.as_str().into(),
                price: reference.price,
                time: unit.of(reference.time),
            }),
        }
    }
}

fn ticker(now: Timestamp, full: &Full, unit: TimeUnit) -> TickerEvent<'_> {
    let Window { symbol, bar, .. } = &full.window;
    TickerEvent {
        event: "24hrTicker".into(),
        event_time: unit.of(now),
        symbol: symbol.as_str().into(),
        price_change: full.window.change(),
        price_change_percent: full.window.change_percent().into(),
        average: bar.average(),
        previous_close: full.previous_close,
        close: bar.close,
        last_qty: full.last_qty,
        bid_price: full.bid.price,
        bid_qty: full.bid.qty,
        ask_price: full.ask.price,
        ask_qty: full.ask.qty,
        open: bar.open,
        high: bar.high,
        low: bar.low,
        volume: bar.volume(),
        quote_volume: bar.quote_volume(),
        open_time: unit.of_millis(full.window.open_time),
        close_time: unit.of_millis(full.window.close_time),
        first_trade_id: bar.first_id,
        last_trade_id: bar.last_id,
        count: bar.count,
    }
}

fn rolling<'a>(now: Timestamp, name: &str, window: &'a Window, unit: TimeUnit) -> RollingTickerEvent<'a> {
    let bar = &window.bar;
    RollingTickerEvent {
        event: format!("{name}Ticker").into(),
        event_time: unit.of(now),
        symbol: window.symbol.as_str().into(),
        price_change: window.change(),
        price_change_percent: window.change_percent().into(),
        open: bar.open,
        high: bar.high,
        low: bar.low,
        close: bar.close,
        average: bar.average(),
        volume: bar.volume(),
        quote_volume: bar.quote_volume(),
        open_time: unit.of_millis(window.open_time),
        close_time: unit.of_millis(window.close_time),
        first_trade_id: bar.first_id,
        last_trade_id: bar.last_id,
        count: bar.count,
    }
}

impl Protocol {
    /// What a stream of figures tells of a pair now.
    pub(super) fn figure(&self, now: Timestamp, symbol: Symbol, kind: Kind) -> Option<Figure> {
        Some(match kind {
            Kind::MiniTicker => Figure::Mini(now, Window::last_day(self, symbol, now)?),
            Kind::Rolling(reach) => {
                let window = Window::rolling(self, symbol, now, reach.millis())?;
                Figure::Rolling(now, reach.name(), window)
            }
            Kind::AvgPrice => {
                let tape = self.tapes.get(symbol)?;
                let average = tape.last_five_minutes(now)?.average();
                Figure::Average(now, symbol, average, tape.last_trade()?.time)
            }
            Kind::ReferencePrice => Figure::Reference(symbol, self.exchange.reference_price(now, symbol)?),
            Kind::Ticker => {
                let window = Window::last_day(self, symbol, now)?;
                let [bid, ask] = crate::protocol::market::best(self, symbol);
                Figure::Full(
                    now,
                    Box::new(Full {
                        previous_close: window.previous_close(self),
                        last_qty: self.exchange.stats(symbol)?.last_qty,
                        window,
                        bid,
                        ask,
                    }),
                )
            }
            _ => return None,
        })
    }

    pub(in crate::protocol) fn publish_trade(&mut self, trade: &PublicTrade) {
        self.flushes.note_trade(trade.symbol);
        if let Some(ended) = self.tapes.note(trade) {
            self.publish_agg_trade(trade.symbol, &ended);
        }
        self.send_to_stream(Stream::of(trade.symbol, Kind::Trade), |unit| {
            to_json(TradeEvent {
                event: "trade".into(),
                event_time: unit.of(trade.time),
                symbol: trade.symbol.as_str().into(),
                trade_id: trade.trade_id.0,
                price: trade.price,
                qty: trade.qty,
                trade_time: unit.of(trade.time),
                is_buyer_maker: trade.is_buyer_maker,
                ignored: true,
            })
        });
    }

    fn publish_agg_trade(&mut self, symbol: Symbol, trade: &AggTrade) {
        self.send_to_stream(Stream::of(symbol, Kind::AggTrade), |unit| {
            to_json(AggTradeEvent {
                event: "aggTrade".into(),
                event_time: unit.of(trade.time),
                symbol: symbol.as_str().into(),
                agg_trade_id: trade.id,
                price: trade.price,
                qty: trade.qty,
                first_trade_id: trade.first_id,
                last_trade_id: trade.last_id,
                trade_time: unit.of(trade.time),
                is_buyer_maker: trade.is_buyer_maker,
                ignored: true,
            })
        });
    }

    /// Tells aggregates that no further trade can join.
    pub(in crate::protocol) fn publish_agg_trades(&mut self) {
        for (symbol, trade) in self.tapes.end_aggregates() {
            self.publish_agg_trade(symbol, &trade);
        }
    }

    /// Tells the best prices of pairs where they changed.
    pub(in crate::protocol) fn publish_best(&mut self) {
        while let Some(symbol) = self.flushes.touched.pop_first() {
            let best = (
                self.exchange.best(symbol, Side::Buy),
                self.exchange.best(symbol, Side::Sell),
            );
            if self.flushes.best.get(&symbol) == Some(&best) {
                continue;
            }
            self.flushes.best.insert(symbol, best);
            let (Some(bid), Some(ask)) = best else { continue };
            let update_id = self.exchange.update_id(symbol);
            self.send_to_stream(Stream::of(symbol, Kind::BookTicker), |_| {
                to_json(BookTickerEvent {
                    update_id,
                    symbol: symbol.as_str().into(),
                    bid_price: bid.price,
                    bid_qty: bid.qty,
                    ask_price: ask.price,
                    ask_qty: ask.qty,
                })
            });
        }
    }
}
