//! What a person reads while the system runs.

use std::io::{IsTerminal, Write};

/// Lines for a person, on standard error, so that standard output stays for machines.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    is_shown: bool,
    is_terminal: bool,
}

impl Progress {
    /// To standard error, whatever that is.
    #[must_use]
    pub fn to_stderr() -> Self {
        Self {
            is_shown: true,
            is_terminal: std::io::stderr().is_terminal(),
        }
    }

    /// To nobody: for runs by the thousand.
    #[must_use]
    pub const fn silent() -> Self {
        Self {
            is_shown: false,
            is_terminal: false,
        }
    }

    /// A line that stays.
    pub fn line(&self, text: &str) {
        if !self.is_shown {
            return;
        }
        let clear = if self.is_terminal { "\r\x1b[2K" } else { "" };
        // Nobody reads any more when standard error is closed; the run goes on.
        let _written = writeln!(std::io::stderr(), "{clear}{text}");
    }

    /// On a terminal, a line that the next one replaces; elsewhere nothing.
    pub fn status(&self, text: &str) {
        if self.is_terminal {
            let mut stderr = std::io::stderr();
            let _written = write!(stderr, "\r\x1b[2K{text}").and_then(|()| stderr.flush());
        }
    }
}

/// The line that shows how a run stands.
pub(crate) fn status_line(snapshot: &keel_monitoring::Snapshot, fills: usize) -> String {
    let price =
        |price: Option<keel_domain::Price>| price.map_or_else(|| "–".to_owned(), |price| price.to_string());
    let pairs: Vec<String> = snapshot
        .symbols
        .iter()
        .map(|s| {
            let (bid, ask) = (price(s.bid), price(s.ask));
            let restricted = s
                .cause
                .as_ref()
                .map_or_else(String::new, |_| format!(" {}", s.state));
            format!(
                "{}{restricted} {bid}/{ask}, position {}, {} orders",
                s.symbol,
                s.position,
                s.orders.len()
            )
        })
        .collect();
    let pnl = snapshot
        .pnl
        .map_or_else(|| "–".to_owned(), |pnl| format!("{:.4}", pnl.round_dp(4)));
    format!(
        "{:>4} s  {}  {}  fills {fills}, pnl {pnl}",
        snapshot.uptime_s,
        snapshot.state,
        pairs.join("; ")
    )
}
