//! Settings: as typed (the private `RawConfig`), then as meant ([`Config`]); secrets apart.
//!
//! Layers, each over the one before: the file, `--set path=value`, `KEEL__SECTION__KEY` for scalars. Limits have no
//! defaults. An error names file, line, column, key and remedy.
//!
//! ```
//! use keel_config::{Config, PAPER_TOML, Sources};
//!
//! let config = Config::load(&Sources::text("paper.toml", PAPER_TOML))?;
//! assert_eq!(config.trading.symbols.len(), 1);
//!
//! let misspelt = PAPER_TOML.replace("orders_per_10s_max", "order_per_10s_max");
//! let error = Config::load(&Sources::text("paper.toml", &misspelt)).unwrap_err();
//! assert!(error.to_string().contains("did you mean `orders_per_10s_max`?"), "{error}");
//! # Ok::<(), keel_config::ConfigError>(())
//! ```

mod credentials;
mod error;
mod hosts;
mod layers;
mod meaning;
mod raw;
mod reader;
mod risk_reader;
mod strategy_reader;

pub use credentials::{Credentials, CredentialsError, KeyKind, load_credentials};
pub use error::ConfigError;
pub use layers::{Origin, Setting, Sources};
pub use meaning::{
    Config, CredentialsConfig, LastInchSettings, LossBudget, MarketData, Mode, Protection, Quoter, Risk,
    StrategyChoice, StrategyConfig, SymbolRisk, Trading, Trend, Venue,
};

/// The model of a paper configuration, carried inside so that paper trading needs no file.
pub const PAPER_TOML: &str = include_str!("../../../config/paper.toml");
