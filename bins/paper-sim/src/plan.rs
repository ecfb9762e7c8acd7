//! The trading system of a paper run, as the arguments want it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Result, bail};
use keel_binance_wire::signing::VerifyingKey;
use keel_config::{Config, Credentials, KeyKind, Mode, PAPER_TOML, Sources};
use keel_domain::{Asset, Money, Timestamp};
use keel_sim_exchange::protocol::Limits;
use secrecy::SecretString;

use crate::market::MarketSource;
use crate::setup::{NamedKey, Setup};

/// The trading system's settings.
#[derive(clap::Args, Clone, Default)]
pub(crate) struct TraderArgs {
    /// The strategy: quoter or trend.
    #[arg(long)]
    strategy: Option<String>,
    /// A configuration instead of the one carried inside; its venue is replaced by the simulated exchange.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Change one setting.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    overrides: Vec<String>,
    /// Where report and journal go [default: reports/<start>].
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
}

/// What the arguments mean, checked before anything starts.
pub(crate) struct Plan {
    sources: Sources,
    overrides: Vec<String>,
    /// The configuration, but for the venue's addresses.
    pub(crate) config: Config,
    /// Where everything goes.
    pub(crate) dir: PathBuf,
}

impl Plan {
    /// Reads the configuration.
    ///
    /// # Errors
    /// One that cannot be meant, or is not of mode paper.
    pub(crate) fn new(args: &TraderArgs, now: Timestamp) -> Result<Self> {
        let dir = args
            .report
            .clone()
            .unwrap_or_else(|| PathBuf::from("reports").join(now.as_millis().to_string()));
        let sources = match &args.config {
            Some(path) => Sources::file(path)?,
            None => Sources::text("built-in paper.toml", PAPER_TOML),
        };
        let journal = dir.join("journal");
        if journal.exists() {
            bail!(
                "{} holds an earlier run, whose exchange is gone with its orders\n  remedy: name another directory with --report",
                dir.display()
            );
        }
        let mut overrides = args.overrides.clone();
        for own in ["state.dir=", "credentials.kind="] {
            if overrides.iter().any(|text| text.trim_start().starts_with(own)) {
                let key = own.trim_end_matches('=');
                bail!(
                    "--set {key}: paper-sim sets this itself\n  remedy: leave it out; --report says where everything goes"
                );
            }
        }
        // Another Keel may be using the usual port; a free one is shown at the start.
        let names_port = overrides
            .iter()
            .any(|text| text.starts_with("monitoring.listen="));
        if !names_port && args.config.is_none() {
            overrides.push("monitoring.listen=127.0.0.1:0".to_owned());
        }
        overrides.extend(args.strategy.as_ref().map(|name| format!("strategy.name={name}")));
        overrides.push(format!("state.dir={}", journal.display()));
        overrides.push("credentials.kind=hmac".to_owned());
        let config = Config::load(&sources.clone().with_overrides(overrides.clone()))?;
        if config.mode != Mode::Paper {
            bail!(
                "paper-sim runs configurations of mode paper only, and this one is of mode {}",
                config.mode
            );
        }
        Ok(Self {
            sources,
            overrides,
            config,
            dir,
        })
    }

    /// The configuration with the exchange's addresses in it.
    ///
    /// # Errors
    /// Addresses that paper mode does not permit.
    pub(crate) fn at_venue(&self, addresses: [String; 3]) -> Result<Config> {
        let mut overrides = self.overrides.clone();
        overrides.extend(addresses);
        Ok(Config::load(&self.sources.clone().with_overrides(overrides))?)
    }
}

/// The key of a paper run's one account.
pub(crate) struct PaperKey {
    /// What the client sends.
    pub(crate) api_key: &'static str,
    /// Signs.
    pub(crate) api_secret: String,
}

impl PaperKey {
    /// The same key for the same seed, so that the same run is the same to the byte.
    pub(crate) fn of_seed(seed: u64) -> Self {
        Self {
            api_key: "paper-key",
            api_secret: format!("paper-secret-{seed}"),
        }
    }

    /// For the trading system.
    pub(crate) fn credentials(&self) -> Credentials {
        Credentials {
            api_key: SecretString::from(self.api_key),
            api_secret: SecretString::from(self.api_secret.clone()),
            kind: KeyKind::Hmac,
        }
    }

    /// An exchange that knows the key, with 100,000 USDT on its account.
    pub(crate) fn setup(&self, seed: u64, market: MarketSource) -> Setup {
        let usdt = Asset::new("USDT").ok();
        Setup {
            keys: vec![NamedKey {
                account: self.api_key.to_owned(),
                api_key: self.api_key.to_owned(),
                verifying_key: VerifyingKey::hmac(&self.api_secret),
            }],
            permissions: BTreeMap::new(),
            funds: usdt
                .map(|asset| (asset, Money::from(100_000)))
                .into_iter()
                .collect(),
            bnb_fees: None,
            seed,
            market,
            faults: None,
            limits: Limits::default(),
        }
    }
}
