//! `trader check`: what the configuration means, and where each value came from.

use anyhow::Result;
use keel_runtime::ExitCode;

use crate::ConfigArgs;

/// Prints the effective configuration. No secret can be in it, since none can be in the file.
///
/// # Errors
/// The first thing that is wrong.
pub(crate) fn check(args: &ConfigArgs, json: bool) -> Result<ExitCode> {
    let config = args.load()?;
    keel_runtime::validate(&config)?;
    let width = config
        .effective()
        .iter()
        .map(|setting| setting.path.len())
        .max()
        .unwrap_or(0);
    for setting in config.effective() {
        println!(
            "{:width$}  {:<40}  {}",
            setting.path, setting.value, setting.origin
        );
    }
    println!(
        "mode {}, venue {}, configuration {}: valid",
        config.mode,
        config.venue.name(),
        config.hash()
    );
    if json {
        let settings: Vec<_> = config
            .effective()
            .iter()
            .map(|s| serde_json::json!({ "path": s.path, "value": s.value, "origin": s.origin.to_string() }))
            .collect();
        println!(
            "{}",
            serde_json::json!({ "config_hash": config.hash(), "settings": settings })
        );
    }
    Ok(ExitCode::Done)
}
