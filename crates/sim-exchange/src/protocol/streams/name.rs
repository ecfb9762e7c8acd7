//! Names of streams, read and written.

use std::fmt;

use keel_domain::Symbol;

use crate::protocol::tape::Interval;

/// How often changes of a book are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::protocol) enum Speed {
    /// Each 100 ms.
    Fast,
    /// Each second.
    Slow,
}

/// How far a rolling window reaches back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::protocol) enum Reach {
    Hour,
    FourHours,
    Day,
}

impl Reach {
    const ALL: [Self; 3] = [Self::Hour, Self::FourHours, Self::Day];

    pub(in crate::protocol) const fn name(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::FourHours => "4h",
            Self::Day => "1d",
        }
    }

    pub(in crate::protocol) const fn millis(self) -> i64 {
        match self {
            Self::Hour => 3_600_000,
            Self::FourHours => 4 * 3_600_000,
            Self::Day => 86_400_000,
        }
    }
}

/// What a stream tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::protocol) enum Kind {
    Trade,
    AggTrade,
    BookTicker,
    Depth(Speed),
    PartialDepth(usize, Speed),
    /// The interval, and whether days begin at UTC+8.
    Kline(Interval, bool),
    MiniTicker,
    Ticker,
    Rolling(Reach),
    AvgPrice,
    ReferencePrice,
}

/// A stream that tells something: of one pair, or of all that changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::protocol) struct Stream {
    pub(in crate::protocol) symbol: Option<Symbol>,
    pub(in crate::protocol) kind: Kind,
}

impl Stream {
    pub(in crate::protocol) const fn of(symbol: Symbol, kind: Kind) -> Self {
        Self {
            symbol: Some(symbol),
            kind,
        }
    }

    /// Reads a name; none for a stream that never tells anything here.
    pub(in crate::protocol) fn parse(name: &str) -> Option<Self> {
        if let Some(all) = name.strip_prefix('!').and_then(|rest| rest.strip_suffix("@arr")) {
            let kind = match all.strip_prefix("ticker_") {
                Some(reach) => Kind::Rolling(reach_of(reach)?),
                None if all == "miniTicker" => Kind::MiniTicker,
                None => return None,
            };
            return Some(Self { symbol: None, kind });
        }
        let (symbol, kind) = name.split_once('@')?;
        // Only lower case names a pair.
        if symbol.chars().any(char::is_uppercase) {
            return None;
        }
        let symbol = Symbol::new(&symbol.to_uppercase()).ok()?;
        Some(Self::of(symbol, kind_of(kind)?))
    }
}

fn reach_of(name: &str) -> Option<Reach> {
    Reach::ALL.into_iter().find(|reach| reach.name() == name)
}

fn kind_of(name: &str) -> Option<Kind> {
    if let Some(rest) = name.strip_prefix("kline_") {
        return match rest.split_once('@') {
            None => Some(Kind::Kline(Interval::parse(rest)?, false)),
            Some((interval, "+08:00")) => Some(Kind::Kline(Interval::parse(interval)?, true)),
            Some(_) => None,
        };
    }
    if let Some(reach) = name.strip_prefix("ticker_") {
        return reach_of(reach).map(Kind::Rolling);
    }
    if let Some(rest) = name.strip_prefix("depth") {
        let (levels, speed) = match rest.split_once('@') {
            None => (rest, Speed::Slow),
            Some((levels, "100ms")) => (levels, Speed::Fast),
            Some(_) => return None,
        };
        return match levels {
            "" => Some(Kind::Depth(speed)),
            "5" => Some(Kind::PartialDepth(5, speed)),
            "10" => Some(Kind::PartialDepth(10, speed)),
            "20" => Some(Kind::PartialDepth(20, speed)),
            _ => None,
        };
    }
    Some(match name {
        "trade" => Kind::Trade,
        "aggTrade" => Kind::AggTrade,
        "bookTicker" => Kind::BookTicker,
        "miniTicker" => Kind::MiniTicker,
        "ticker" => Kind::Ticker,
        "avgPrice" => Kind::AvgPrice,
        "referencePrice" => Kind::ReferencePrice,
        _ => return None,
    })
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix = |speed: &Speed| match speed {
            Speed::Fast => "@100ms",
            Speed::Slow => "",
        };
        match self {
            Self::Trade => f.write_str("trade"),
            Self::AggTrade => f.write_str("aggTrade"),
            Self::BookTicker => f.write_str("bookTicker"),
            Self::Depth(speed) => write!(f, "depth{}", suffix(speed)),
            Self::PartialDepth(levels, speed) => write!(f, "depth{levels}{}", suffix(speed)),
            Self::Kline(interval, is_shifted) => {
                let zone = if *is_shifted { "@+08:00" } else { "" };
                write!(f, "kline_{}{zone}", interval.name())
            }
            Self::MiniTicker => f.write_str("miniTicker"),
            Self::Ticker => f.write_str("ticker"),
            Self::Rolling(reach) => write!(f, "ticker_{}", reach.name()),
            Self::AvgPrice => f.write_str("avgPrice"),
            Self::ReferencePrice => f.write_str("referencePrice"),
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.symbol {
            Some(symbol) => write!(f, "{}@{}", symbol.as_str().to_lowercase(), self.kind),
            None => write!(f, "!{}@arr", self.kind),
        }
    }
}
