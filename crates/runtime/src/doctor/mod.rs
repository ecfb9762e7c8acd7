//! What keeps a start from trading, looked for before it: asks the venue and the machine, sends no order, changes nothing.

mod judge;
mod machine;
mod venue;

use keel_config::{Config, Credentials, CredentialsError};
use keel_domain::Symbol;

/// How one thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// As it should be.
    Ok,
    /// Trading is possible; somebody should know.
    Warn,
    /// A start is refused, or could not trade as configured.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub what: String,
    /// How it is.
    pub health: Health,
    /// What was found, with figures.
    pub text: String,
    /// What to do; none where all is well.
    pub remedy: Option<String>,
}

impl Finding {
    fn ok(what: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            health: Health::Ok,
            text: text.into(),
            remedy: None,
        }
    }

    fn warn(what: impl Into<String>, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            health: Health::Warn,
            remedy: Some(remedy.into()),
            ..Self::ok(what, text)
        }
    }

    fn fail(what: impl Into<String>, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            health: Health::Fail,
            ..Self::warn(what, text, remedy)
        }
    }
}

fn of_pair(what: &str, symbol: Symbol) -> String {
    format!("{what} {symbol}")
}

/// Looks at everything, and tells each finding as soon as it is there. A question that is not answered is a finding, too.
///
/// The one trace that it leaves: where no trader runs, it holds the state directory's lock for a moment, so that a start in
/// that very moment is refused.
pub async fn examine(
    config: &Config,
    credentials: Result<Credentials, CredentialsError>,
    mut tell: impl FnMut(Finding),
) {
    let looked = machine::look(config, &mut tell);
    venue::ask(config, credentials, &looked, &mut tell).await;
}
