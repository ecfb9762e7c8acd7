//! An exchange as the arguments want it.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use keel_binance_wire::signing::VerifyingKey;
use keel_domain::{Asset, Instrument, Money, Timestamp};
use keel_sim_exchange::core::{
    AccountConfig, CommissionRates, Discount, Exchange, ExchangeConfig, Market, QueueRule, Recording,
};
use keel_sim_exchange::faults::FaultFile;
use keel_sim_exchange::protocol::{AccountKey, KeyPermissions, Limits, Protocol};
use keel_simulation::{PlayedBack, RecordedData};

use crate::market::MarketSource;

/// A key, and whose it is.
pub(crate) struct NamedKey {
    /// The account. Keys with the same are of one account.
    pub(crate) account: String,
    /// What the client sends.
    pub(crate) api_key: String,
    /// What its signatures are checked with.
    pub(crate) verifying_key: VerifyingKey,
}

/// What an exchange needs.
pub(crate) struct Setup {
    /// The keys; the accounts are those that they name.
    pub(crate) keys: Vec<NamedKey>,
    /// What keys may do, where it is not the usual.
    pub(crate) permissions: BTreeMap<String, KeyPermissions>,
    /// What each starts with.
    pub(crate) funds: Vec<(Asset, Money)>,
    /// The BNB besides, that commissions are paid in while it lasts; none: they are paid in what is received.
    pub(crate) bnb_fees: Option<Money>,
    /// Seed of the market and of faults.
    pub(crate) seed: u64,
    /// Its moves.
    pub(crate) market: MarketSource,
    /// What goes wrong.
    pub(crate) faults: Option<FaultFile>,
    /// How much a client may ask.
    pub(crate) limits: Limits,
}

/// An exchange that can be served.
pub(crate) struct Ready {
    /// The exchange.
    pub(crate) protocol: Protocol,
    /// The recording that it plays.
    pub(crate) recording: Option<PlayedBack>,
}

impl Setup {
    /// Makes the exchange.
    ///
    /// # Errors
    /// A pair that there is not, or a recording that cannot be played.
    pub(crate) fn ready(self, now: Timestamp) -> Result<Ready> {
        let (mut config, played) = config(self.seed, &self.market)?;
        let mut funds = self.funds;
        let mut commission = None;
        if let Some(amount) = self.bnb_fees {
            let (fund, rates) = pay_in_bnb(&mut config, amount)?;
            funds.push(fund);
            commission = Some(rates);
        }
        let mut names: Vec<&str> = Vec::new();
        for key in &self.keys {
            if !names.contains(&key.account.as_str()) {
                names.push(&key.account);
            }
        }
        let funded = |name: &&str| AccountConfig {
            name: (*name).to_owned(),
            funds: funds.clone(),
            commission,
            ..AccountConfig::default()
        };
        config.accounts = names.iter().map(funded).collect();
        let mut exchange = Exchange::new(config, now)?;
        let recording = played.map(|(rule, events, played_back)| {
            exchange.play(now, rule, events);
            played_back
        });
        let keys = self.keys.iter().filter_map(|key| {
            let index = names.iter().position(|name| *name == key.account)?;
            Some(AccountKey {
                api_key: key.api_key.clone(),
                verifying_key: key.verifying_key.clone(),
                account: exchange.account(index)?,
                permissions: self.permissions.get(&key.api_key).copied().unwrap_or_default(),
                created_at: now,
            })
        });
        let keys = keys.collect();
        let mut protocol = Protocol::with_limits(exchange, keys, self.limits, now);
        if let Some(file) = self.faults {
            let seed = file.seed.unwrap_or(self.seed);
            let started = protocol.set_faults(now, seed, file.rules);
            started.map_err(|problem| anyhow::anyhow!("the fault file: {problem}"))?;
        }
        Ok(Ready { protocol, recording })
    }
}

type Played = (QueueRule, Recording, PlayedBack);

fn config(seed: u64, market: &MarketSource) -> Result<(ExchangeConfig, Option<Played>)> {
    let mut config = ExchangeConfig::with_default_markets(seed);
    match market {
        MarketSource::Generated { scenario, symbols } => {
            config.scenario = *scenario;
            let wants = |name: &str| symbols.iter().any(|symbol| symbol.as_str() == name);
            if wants("BTCUSDC") {
                config = config.with_sor();
                if !wants("BTCUSDT") {
                    config.sors.clear();
                }
            }
            let known = |symbol| {
                let mut markets = config.markets.iter();
                markets.any(|market| market.instrument.symbol == symbol)
            };
            if let Some(symbol) = symbols.iter().find(|symbol| !known(**symbol)) {
                bail!("the simulated exchange has no {symbol}; it has BTCUSDT, ETHUSDT and BTCUSDC");
            }
            let is_wanted =
                |market: &Market| symbols.is_empty() || symbols.contains(&market.instrument.symbol);
            config.markets.retain(is_wanted);
            Ok((config, None))
        }
        MarketSource::Recorded { dir, rule, symbols } => {
            let data = RecordedData::open(dir, symbols)?;
            config.has_background = false;
            config.markets = data.markets().to_vec();
            let (events, played_back) = data.play()?;
            Ok((config, Some((*rule, events, played_back))))
        }
    }
}

/// Adds the pair that prices BNB, and gives what each account has of it and pays.
fn pay_in_bnb(config: &mut ExchangeConfig, amount: Money) -> Result<((Asset, Money), CommissionRates)> {
    if amount < Money::ZERO {
        bail!("--bnb-fees {amount}: an account cannot start with less than nothing");
    }
    let asset: Asset = "BNB".parse()?;
    let first = config
        .markets
        .first()
        .cloned()
        .context("the exchange has no market")?;
    config.markets.push(Market {
        instrument: Instrument {
            symbol: "BNBUSDT".parse()?,
            base: asset,
            ..first.instrument
        },
        start_price: "600".parse()?,
    });
    let mut rates = CommissionRates::of_standard(config.maker_rate, config.taker_rate);
    rates.discount = Some(Discount {
        asset,
        factor: Money::new(75, 2),
    });
    Ok(((asset, amount), rates))
}
