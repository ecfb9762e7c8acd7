//! Where the exchange's market comes from.

use std::path::PathBuf;

use anyhow::{Result, bail};
use keel_domain::Symbol;
use keel_sim_exchange::core::{QueueRule, Scenario};

/// The market's settings.
#[derive(clap::Args, Clone, Default)]
pub(crate) struct MarketArgs {
    /// How the market moves.
    #[arg(long, value_name = "NAME", help = scenario_help(), conflicts_with = "data")]
    pub(crate) scenario: Option<String>,
    /// A recording of `trader record` in place of a generated market (docs/RECORDING.md).
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// What of a recorded level, beyond its trades, counts as gone from before our orders.
    #[arg(long, value_enum, default_value_t, requires = "data")]
    pub(crate) queue_rule: QueueRuleName,
}

/// The rules to choose from.
#[derive(clap::ValueEnum, Clone, Copy, Default)]
pub(crate) enum QueueRuleName {
    /// Nothing, as long as anybody stood behind them.
    #[default]
    Conservative,
    /// A part in proportion to what stood before them.
    Probabilistic,
}

impl From<QueueRuleName> for QueueRule {
    fn from(name: QueueRuleName) -> Self {
        match name {
            QueueRuleName::Conservative => Self::Conservative,
            QueueRuleName::Probabilistic => Self::Probabilistic,
        }
    }
}

/// What the option says of itself.
fn scenario_help() -> String {
    format!("How the market moves. {} [default: calm]", Scenario::overview())
}

/// A market.
#[derive(Debug, Clone)]
pub(crate) enum MarketSource {
    /// Made up.
    Generated {
        /// Its moves.
        scenario: Scenario,
        /// The pairs; all there are, when empty.
        symbols: Vec<Symbol>,
    },
    /// As it was.
    Recorded {
        /// Where the recording is.
        dir: PathBuf,
        /// How our orders wait in it.
        rule: QueueRule,
        /// The pairs; all that were recorded, when empty.
        symbols: Vec<Symbol>,
    },
}

impl MarketArgs {
    /// What the settings mean.
    ///
    /// # Errors
    /// No such scenario, or no such directory.
    pub(crate) fn source(&self, symbols: Vec<Symbol>) -> Result<MarketSource> {
        let Some(dir) = self.data.clone() else {
            let scenario = self.scenario.as_deref().unwrap_or("calm").parse()?;
            return Ok(MarketSource::Generated { scenario, symbols });
        };
        if !dir.is_dir() {
            bail!("--data {}: there is no such directory", dir.display());
        }
        let rule = self.queue_rule.into();
        Ok(MarketSource::Recorded { dir, rule, symbols })
    }
}

impl MarketSource {
    /// What a report says of it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Generated { scenario, .. } => scenario.to_string(),
            Self::Recorded { dir, rule, .. } => {
                let rule = match rule {
                    QueueRule::Conservative => "conservative",
                    QueueRule::Probabilistic => "probabilistic",
                };
                format!("recording {}, {rule} queue", dir.display())
            }
        }
    }
}
