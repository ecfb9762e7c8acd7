//! From a configuration to the parts of a system.

use std::time::Duration;

use anyhow::{Context, Result};
use keel_binance::{Credentials, Endpoints, KeyKind, SessionSettings};
use keel_config::{Config, StrategyChoice, StrategyConfig};
use keel_engine::{DurableState, Identity, ProtectionSettings, RunningStrategy, Trader, TraderSettings};
use keel_journal::{Disk, FsDisk, Limits};
use keel_risk::{DayRule, LastInch, LastInchLimits, LossLimits, RiskGate, RiskLimits, SymbolLimits};
use keel_strategy::{Quoter, QuoterSettings, Strategy, Trend, TrendSettings};

use crate::build_if_known;
use crate::journal_log::{JournalLog, Opened};

/// What the venue's engine itself may take, and a margin, on top of the receive window: after that, what it does not know
/// never arrived.
const ABSENCE_MARGIN: Duration = Duration::from_secs(15);

/// Who runs, on what. Trading starts only where the build is known.
#[must_use]
pub fn identity(config: &Config) -> Identity {
    Identity {
        mode: config.mode.to_string(),
        venue: config.venue.name(),
        build: build_if_known().to_owned(),
        config_hash: config.hash(),
    }
}

fn limits(config: &Config) -> RiskLimits {
    let of_symbol = |(symbol, limits): (&keel_domain::Symbol, &keel_config::SymbolRisk)| {
        let limits = SymbolLimits {
            order_qty_max: limits.order_qty_max,
            order_notional_max: limits.order_notional_max,
            position_max: limits.position_max,
        };
        (*symbol, limits)
    };
    RiskLimits {
        stage: config.risk.stage,
        per_symbol: config.risk.per_symbol.iter().map(of_symbol).collect(),
        gross_exposure_max: config.risk.gross_exposure_max,
        orders_per_10s_max: config.risk.orders_per_10s_max,
        collar_through_bps: config.risk.collar_through_bps,
        collar_away_bps: config.risk.collar_away_bps,
        book_age_max: config.risk.book_age_max,
        rejections_per_60s_max: config.risk.rejections_per_60s_max,
        entry_fills_per_60s_max: config.risk.entry_fills_per_60s_max,
    }
}

pub(crate) fn last_inch(config: &Config) -> Result<LastInch> {
    let limits = LastInchLimits {
        orders_per_60s_max: config.risk.last_inch.orders_per_60s_max,
        notional_per_60s_max: config.risk.last_inch.notional_per_60s_max,
    };
    Ok(LastInch::new(limits)?)
}

fn loss_limits(budget: &keel_config::LossBudget) -> Result<LossLimits> {
    let limits = LossLimits {
        currency: budget.currency,
        day_max: budget.day_max,
        drawdown_max: budget.drawdown_max,
        losing_exits_max: budget.losing_exits_max,
        day: DayRule::new(&budget.zone, &budget.day_starts)?,
    };
    limits.validate()?;
    Ok(limits)
}

/// The strategies' names, as a title shows them.
pub(crate) fn strategy_names(trader: &Trader) -> String {
    let names: Vec<String> = trader
        .strategies()
        .map(|running| running.id().to_string())
        .collect();
    names.join(" + ")
}

fn running(config: &StrategyConfig) -> Result<RunningStrategy> {
    let made = match config.choice {
        StrategyChoice::Quoter(s) => Quoter::new(QuoterSettings {
            order_qty: s.order_qty,
            position_target: s.position_target,
            position_max: s.position_max,
            quote_offset_ticks: s.quote_offset_ticks,
            requote_ticks: s.requote_ticks,
            skew_ticks_max: s.skew_ticks_max,
        })
        .map(|quoter| -> Box<dyn Strategy> { Box::new(quoter) }),
        StrategyChoice::Trend(s) => Trend::new(TrendSettings {
            bar_ms: s.bar_ms,
            fast_bars: s.fast_bars,
            slow_bars: s.slow_bars,
            order_qty: s.order_qty,
            stop_loss_pct: s.stop_loss_pct,
            take_profit_pct: s.take_profit_pct,
            max_trades_per_day: s.max_trades_per_day,
        })
        .map(|trend| -> Box<dyn Strategy> { Box::new(trend) }),
    };
    let strategy = made.with_context(|| format!("[{}]", config.table))?;
    Ok(RunningStrategy::new(config.id, config.symbols.clone(), strategy))
}

/// Whether a system can be put together from the configuration: what `trader run` would refuse, without starting.
///
/// # Errors
/// The first limit or setting that cannot be meant.
pub fn validate(config: &Config) -> Result<()> {
    trader(config).map(|_| ())
}

/// A trader without history.
///
/// # Errors
/// A limit or strategy setting that cannot be meant.
fn trader(config: &Config) -> Result<Trader> {
    let settings = TraderSettings {
        symbols: config.trading.symbols.clone(),
        tag: config.instance_tag.parse()?,
        reconcile_every: Duration::from_secs(30),
        absence_after: config.venue.recv_window + ABSENCE_MARGIN,
        protection: config.protection.map(|p| ProtectionSettings {
            stop_distance_bps: p.stop_distance_bps,
            unprotected_max: p.unprotected_max,
        }),
        price_jump_bps_max: config.market_data.price_jump_bps_max,
        loss: loss_limits(&config.risk.loss)?,
    };
    let strategies: Result<Vec<RunningStrategy>> = config.strategies.iter().map(running).collect();
    Ok(Trader::new(settings, RiskGate::new(limits(config))?, strategies?))
}

pub(crate) fn endpoints(config: &Config) -> Endpoints {
    Endpoints {
        rest_url: config.venue.rest_url.clone(),
        stream_url: config.venue.stream_url.clone(),
        ws_api_url: config.venue.ws_api_url.clone(),
    }
}

pub(crate) fn session_settings(config: &Config) -> SessionSettings {
    let settings = SessionSettings::new(config.trading.symbols.clone());
    SessionSettings {
        recv_window: config.venue.recv_window,
        // What an order may be priced by may be so old; so may the order itself.
        entry_age_max: config.risk.book_age_max,
        book_ticker: config.market_data.book_ticker,
        kline_interval: config.market_data.kline_interval.clone(),
        ..settings
    }
}

pub(crate) fn credentials(credentials: keel_config::Credentials) -> Credentials {
    let kind = match credentials.kind {
        keel_config::KeyKind::Hmac => KeyKind::Hmac,
        keel_config::KeyKind::Ed25519 => KeyKind::Ed25519,
    };
    Credentials {
        api_key: credentials.api_key,
        secret: credentials.api_secret,
        kind,
    }
}

/// A trader with the history that the state directory holds, its journal, and in words what was found there.
pub(crate) fn recover<D: Disk>(config: &Config, disk: D) -> Result<(Trader, JournalLog<D>, String)> {
    let mut trader = trader(config)?;
    let opened = open(config, disk)?;
    let origin = match opened.state {
        Some(state) => {
            trader.restore(state);
            "a snapshot and "
        }
        None => "",
    };
    for record in &opened.records {
        trader.recover(record);
    }
    let found = format!("{origin}{} records", opened.records.len());
    Ok((trader, opened.log, found))
}

/// Takes the state directory for this process and reads what is recorded there.
///
/// # Errors
/// A directory that is in use, a harmed journal, or a record of another version.
pub fn open_journal(config: &Config) -> Result<Opened<DurableState, FsDisk>> {
    let context = || format!("state directory {}", config.state_dir.display());
    let disk = FsDisk::lock(&config.state_dir).with_context(context)?;
    open(config, disk)
}

fn open<D: Disk>(config: &Config, disk: D) -> Result<Opened<DurableState, D>> {
    let context = || format!("state directory {}", config.state_dir.display());
    let mut opened: Opened<DurableState, _> =
        JournalLog::open(disk, Limits::default(), &identity(config)).with_context(context)?;
    if let Some(records) = config.snapshot_records {
        opened.log.snapshot_every(records);
    }
    if opened.torn_bytes > 0 {
        tracing::warn!(
            bytes = opened.torn_bytes,
            "the journal had a torn end, as a crash leaves it; it was cut off"
        );
    }
    for snapshot in &opened.passed_over {
        tracing::warn!(
            file = %snapshot.file,
            why = snapshot.why,
            "a snapshot cannot be used; the records that it stands for were read instead"
        );
    }
    Ok(opened)
}
