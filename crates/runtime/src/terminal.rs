//! What both binaries share towards the person who runs them.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use keel_domain::Money;
use keel_report::RunReport;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::{Outcome, Progress};

/// How a command ended, as its exit code tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitCode {
    /// Done.
    Done = 0,
    /// It ran and found a fault.
    Fault = 1,
    /// Wrong usage or configuration; nothing was started.
    Usage = 2,
    /// Refused by a safety rule.
    Refused = 3,
    /// Outcome unknown: look before you act.
    Unknown = 4,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

/// Whether SIGHUP, the first of all signals, is among those that the process ignores (`SigIgn` of `/proc/self/status`, proc_pid_status(5)).
fn ignores_hangup(status: &str) -> bool {
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let signals = ignored.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok());
    signals.is_some_and(|signals| signals & 1 == 1)
}

/// Counts requests to stop: Ctrl-C, SIGTERM, and SIGHUP of a terminal that closes, unless the process was started to ignore it (`nohup`).
#[derive(Debug, Clone)]
pub struct StopSignals(watch::Receiver<u32>);

impl StopSignals {
    /// Listens from now on.
    ///
    /// # Errors
    /// The system's.
    pub fn listen() -> Result<Self> {
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mut hangup = if ignores_hangup(&status) {
            None
        } else {
            Some(signal(SignalKind::hangup())?)
        };
        let (count, receiver) = watch::channel(0);
        tokio::spawn(async move {
            loop {
                let came = tokio::select! {
                    came = interrupt.recv() => came,
                    came = terminate.recv() => came,
                    Some(came) = async { Some(hangup.as_mut()?.recv().await) } => came,
                };
                if came.is_none() {
                    return;
                }
                count.send_modify(|count| *count += 1);
            }
        });
        Ok(Self(receiver))
    }

    /// Ready once so many requests have come.
    pub fn nth(&self, n: u32) -> impl Future<Output = ()> + use<> {
        let mut receiver = self.0.clone();
        async move {
            // The sender lives as long as the process listens.
            if receiver.wait_for(|count| *count >= n).await.is_err() {
                std::future::pending().await
            }
        }
    }
}

/// A span of time as people write it: 30s, 5m, 2h; a bare number is seconds.
///
/// # Errors
/// What is wrong, and how it is written.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let seconds = match unit {
        "s" | "" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return Err(format!("`{unit}` is no unit: write 30s, 5m or 2h")),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| "write a whole number with a unit: 30s, 5m or 2h".to_owned())?;
    number
        .checked_mul(seconds)
        .map(Duration::from_secs)
        .ok_or_else(|| "too long".to_owned())
}

/// Writes a run's report as a page and as JSON, and beside them its statement as `trades.csv` and `days.csv`; gives where
/// page and JSON are.
///
/// # Errors
/// A directory that cannot be written.
pub fn write_report(dir: &Path, outcome: &Outcome) -> Result<(PathBuf, PathBuf)> {
    std::fs::create_dir_all(dir).with_context(|| format!("report directory {}", dir.display()))?;
    let (page, json) = (dir.join("report.html"), dir.join("report.json"));
    std::fs::write(&page, outcome.report.to_html()).with_context(|| page.display().to_string())?;
    std::fs::write(&json, outcome.report.to_json()?).with_context(|| json.display().to_string())?;
    if let Some(statement) = &outcome.report.statement {
        for (name, table) in [
            ("trades.csv", statement.trades_csv()),
            ("days.csv", statement.days_csv()),
        ] {
            let path = dir.join(name);
            std::fs::write(&path, table).with_context(|| path.display().to_string())?;
        }
    }
    Ok((page, json))
}

/// Tells a run's summary, and gives the exit code that it deserves.
#[must_use]
pub fn summarize(progress: Progress, outcome: &Outcome) -> ExitCode {
    let report = &outcome.report;
    let seconds = report.ended_at.since(report.started_at).as_secs();
    progress.line(&format!("ended after {seconds} s; {}", outcome.ending));
    let code = match &outcome.ending {
        crate::Ending::NotStarted(_) => return ExitCode::Usage,
        crate::Ending::Refused(_) => return ExitCode::Refused,
        crate::Ending::Unverified(_) => ExitCode::Unknown,
        crate::Ending::Closed if !report.identity_ok || outcome.halted_by.is_some() => ExitCode::Fault,
        crate::Ending::Closed => ExitCode::Done,
    };
    let refused: u64 = report.breaches.values().sum();
    progress.line(&format!(
        "orders {}, fills {}, canceled {}, refused by the venue {}, refused by risk {refused}, unknown {}",
        report.orders.submitted,
        report.fills.len(),
        report.orders.canceled,
        report.orders.rejected,
        report.orders.unknown,
    ));
    for line in &report.pnl {
        // A loss that is rounded to nothing would keep its sign.
        let shown = |money: Money| match money.round_dp(4) {
            zero if zero.is_zero() => Money::ZERO,
            money => money,
        };
        let known = |money: Option<Money>| {
            money.map_or_else(
                || "NOT KNOWN without a fresh price".to_owned(),
                |money| shown(money).to_string(),
            )
        };
        progress.line(&format!(
            "profit and loss {} {}: realised {}, unrealised {}, fees {}",
            known(line.net()),
            line.currency,
            shown(line.realised),
            known(line.unrealised),
            shown(line.fees),
        ));
    }
    identity(progress, report);
    code
}

/// Whether the money adds up, asset by asset.
fn identity(progress: Progress, report: &RunReport) {
    if report.identity.is_empty() {
        progress.line("money identity NOT CHECKED: the venue did not tell the balances at the end");
    }
    if let Some(why) = report
        .identity_money
        .as_ref()
        .and_then(|line| line.unpriced.as_deref())
    {
        progress.line(&format!(
            "money identity NOT CHECKED in one currency: {why}; by asset:"
        ));
    }
    for line in &report.identity {
        let verdict = if line.difference.is_zero() {
            "exact".to_owned()
        } else {
            format!("OFF BY {}", line.difference)
        };
        let change = (line.at_end - line.at_start).normalize();
        let (traded, commission) = (line.traded.normalize(), line.commission.normalize());
        let apart = if line.transferred.is_zero() && line.foreign.is_zero() {
            String::new()
        } else {
            let (transferred, foreign) = (line.transferred.normalize(), line.foreign.normalize());
            format!(" + transfers {transferred} + trades of others {foreign}")
        };
        progress.line(&format!(
            "{}: balance change {change} = trades {traded} - commissions {commission}{apart}: {verdict}",
            line.asset
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f11_a_hangup_is_ignored_where_the_first_signal_is_and_where_nothing_is_said_it_is_not() {
        let status =
            |ignored: &str| format!("Name:\ttrader\nSigBlk:\t0000000000000001\nSigIgn:\t{ignored}\n");
        assert!(ignores_hangup(&status("0000000000001001")));
        assert!(!ignores_hangup(&status("0000000000001002")));
        assert!(!ignores_hangup(&status("none")));
        assert!(!ignores_hangup(""));
    }
}
