//! A recording as a market of the simulated exchange.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::thread::{self, JoinHandle};

use keel_binance_wire::convert;
use keel_binance_wire::rest::ExchangeInfo;
use keel_domain::{Instrument, Price, Symbol, Timestamp};
use keel_recording::{ReadSummary, Record, RecordingError, read};
use keel_sim_exchange::core::{ExchangeConfig, Market, RecordedChange, Recording};

use crate::frames::{FrameTally, Frames};

/// Recorded events that may wait for the exchange.
const AHEAD_MAX: usize = 1_024;
/// Records among which the pairs are looked for.
const LOOK_AT: u64 = 5_000;

/// Why a recording cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum RecordedError {
    /// It cannot be read.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// No depth stream is among the first frames.
    #[error("{dir} holds no depth stream of any pair: record it with `trader record`")]
    NoPair {
        /// The recording.
        dir: PathBuf,
    },
    /// No snapshot of a pair fits its updates.
    #[error(
        "{dir} holds no whole book of {symbol}: record that pair, or choose another with trading.symbols"
    )]
    NoBook {
        /// The recording.
        dir: PathBuf,
        /// The pair.
        symbol: Symbol,
    },
    /// The rules of a pair were not recorded, and are not known here.
    #[error(
        "{dir} holds no exchangeInfo of {symbol}: record it with `trader record`, which keeps the pair's rules"
    )]
    NoRules {
        /// The recording.
        dir: PathBuf,
        /// The pair.
        symbol: Symbol,
    },
    /// The reader's thread is gone.
    #[error("the recording's reader ended without a result")]
    ReaderGone,
}

/// A recording that can be played.
#[derive(Debug)]
pub struct RecordedData {
    dir: PathBuf,
    markets: Vec<Market>,
    starts_at: Timestamp,
}

/// What is known of a pair before its first event.
#[derive(Default)]
struct Found {
    rules: Option<Instrument>,
    start_price: Option<Price>,
}

impl RecordedData {
    /// Looks for the rules of the pairs, or of all that were recorded where none is named, and for their first books.
    ///
    /// # Errors
    /// [`RecordedError`]
    pub fn open(dir: &Path, symbols: &[Symbol]) -> Result<Self, RecordedError> {
        let recorded = if symbols.is_empty() {
            recorded_pairs(dir)?
        } else {
            Vec::new()
        };
        let symbols = if symbols.is_empty() { &recorded } else { symbols };
        let mut found: BTreeMap<Symbol, Found> = known_rules(symbols);
        let mut frames = Frames::new(symbols);
        let mut starts_at = None;
        read(dir, |record| {
            note_rules(&record, &mut found);
            for event in frames.take(&record) {
                let best = match &event.change {
                    RecordedChange::Snapshot { bids, .. } => bids.iter().map(|level| level.price).max(),
                    _ => None,
                };
                starts_at = starts_at.or(Some(event.time));
                if let (Some(best), Some(pair)) = (best, found.get_mut(&event.symbol)) {
                    pair.start_price = pair.start_price.or(Some(best));
                }
            }
            if found.values().all(|pair| pair.start_price.is_some()) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        let mut markets = Vec::new();
        for (symbol, pair) in found {
            let dir = dir.to_path_buf();
            let instrument = pair.rules.ok_or(RecordedError::NoRules {
                dir: dir.clone(),
                symbol,
            })?;
            let start_price = pair
                .start_price
                .map(|price| price.floor_to(instrument.price_filter.tick_size))
                .ok_or(RecordedError::NoBook { dir, symbol })?;
            markets.push(Market {
                instrument,
                start_price,
            });
        }
        Ok(Self {
            dir: dir.to_path_buf(),
            markets,
            starts_at: starts_at.unwrap_or(Timestamp::EPOCH),
        })
    }

    /// The pairs, with their rules and first prices.
    #[must_use]
    pub fn markets(&self) -> &[Market] {
        &self.markets
    }

    /// When the first event arrived.
    #[must_use]
    pub const fn starts_at(&self) -> Timestamp {
        self.starts_at
    }

    /// Begins to read, ahead of whoever takes the events by a bounded number.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn play(self) -> Result<(Recording, PlayedBack), RecordedError> {
        let symbols: Vec<Symbol> = self.markets.iter().map(|m| m.instrument.symbol).collect();
        let dir = self.dir;
        let (events, recording) = sync_channel(AHEAD_MAX);
        let io = |source| {
            RecordedError::Recording(RecordingError::Io {
                path: PathBuf::from("a thread for the recording"),
                source,
            })
        };
        let reader = thread::Builder::new()
            .name("playback".to_owned())
            .spawn(move || {
                let mut frames = Frames::new(&symbols);
                let summary = read(&dir, |record| {
                    for event in frames.take(&record) {
                        if events.send(event).is_err() {
                            // The exchange has ended.
                            return ControlFlow::Break(());
                        }
                    }
                    ControlFlow::Continue(())
                })?;
                Ok((summary, frames.tally))
            })
            .map_err(io)?;
        Ok((Box::new(recording.into_iter()), PlayedBack { reader }))
    }
}

/// A recording that is being played.
pub struct PlayedBack {
    reader: JoinHandle<Result<(ReadSummary, FrameTally), RecordingError>>,
}

impl PlayedBack {
    /// What was read. The exchange that plays it must be gone, or have come to the recording's end.
    ///
    /// # Errors
    /// Why reading ended early.
    pub fn finish(self) -> Result<(ReadSummary, FrameTally), RecordedError> {
        let read = self.reader.join().map_err(|_| RecordedError::ReaderGone)?;
        Ok(read?)
    }
}

/// The pairs whose books are among the first frames.
fn recorded_pairs(dir: &Path) -> Result<Vec<Symbol>, RecordedError> {
    let mut pairs = BTreeSet::new();
    read(dir, |record| {
        let name = record
            .stream
            .split_once("@depth")
            .map(|(name, _)| name.to_uppercase());
        pairs.extend(name.and_then(|name| name.parse::<Symbol>().ok()));
        if record.seq < LOOK_AT {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    if pairs.is_empty() {
        return Err(RecordedError::NoPair {
            dir: dir.to_path_buf(),
        });
    }
    Ok(pairs.into_iter().collect())
}

/// The rules of the built-in pairs, for recordings without them.
fn known_rules(symbols: &[Symbol]) -> BTreeMap<Symbol, Found> {
    let built_in = ExchangeConfig::with_default_markets(0).markets;
    let known = |symbol: &Symbol| {
        let market = built_in.iter().find(|m| m.instrument.symbol == *symbol);
        let rules = market.map(|market| market.instrument.clone());
        let found = Found {
            rules,
            start_price: None,
        };
        (*symbol, found)
    };
    symbols.iter().map(known).collect()
}

fn note_rules(record: &Record, found: &mut BTreeMap<Symbol, Found>) {
    if !record.stream.starts_with("/api/v3/exchangeInfo") {
        return;
    }
    let Ok(info) = serde_json::from_str::<ExchangeInfo>(&record.frame) else {
        return;
    };
    for rules in info
        .symbols
        .iter()
        .filter_map(|info| convert::instrument(info).ok())
    {
        if let Some(pair) = found.get_mut(&rules.symbol) {
            pair.rules = Some(rules);
        }
    }
}
