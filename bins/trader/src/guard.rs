//! `trader guard`.

use anyhow::Result;
use keel_config::load_credentials;
use keel_runtime::{ExitCode, GuardEnding, GuardTeller, Progress, StopSignals, guard, log_to};

use crate::ConfigArgs;

/// Guards the configuration's pairs until it is told to stop. Permitted in every mode: it only cancels.
///
/// # Errors
/// What keeps it from guarding, with the remedy.
pub(crate) fn run(args: &ConfigArgs, json: bool) -> Result<ExitCode> {
    let config = args.load()?;
    log_to(&config.state_dir.join("log"), "guard", &config.log_level)?;
    let credentials = load_credentials(&config, |name| std::env::var(name).ok())?;
    let progress = Progress::to_stderr();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let ending = runtime.block_on(async {
        let stop = StopSignals::listen()?;
        guard(&config, credentials, stop.nth(1), GuardTeller { progress, json }).await
    })?;
    let (code, text) = match ending {
        GuardEnding::Quiet => (ExitCode::Done, "ended; no trader fell silent"),
        GuardEnding::Fired => (
            ExitCode::Fault,
            "ended; a trader fell silent meanwhile, and nothing is left to cancel",
        ),
        GuardEnding::Unverified => (
            ExitCode::Unknown,
            "ended while canceling: orders may be open, look before you act",
        ),
    };
    progress.line(text);
    Ok(code)
}
