//! `trader doctor`: what would keep a start from trading.

use anyhow::Result;
use keel_config::{Config, load_credentials};
use keel_runtime::{ExitCode, Finding, Health, build, examine};
use serde_json::json;

use crate::ConfigArgs;

/// Looks, and prints a line for each finding.
///
/// # Errors
/// A configuration that cannot be meant.
pub(crate) fn run(args: &ConfigArgs, json: bool) -> Result<ExitCode> {
    let config = args.load()?;
    keel_runtime::validate(&config)?;
    let credentials = load_credentials(&config, |name| std::env::var(name).ok());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut findings = Vec::new();
    let mut tell = |finding: Finding| {
        if json {
            eprintln!("{}", line(&finding));
        } else {
            println!("{}", line(&finding));
        }
        findings.push(finding);
    };
    tell(configuration(&config));
    runtime.block_on(examine(&config, credentials, tell));
    let worst = findings.iter().map(|finding| finding.health).max();
    if json {
        let told: Vec<_> = findings.iter().map(as_json).collect();
        println!(
            "{}",
            json!({ "ok": worst != Some(Health::Fail), "findings": told })
        );
    }
    Ok(match worst {
        Some(Health::Fail) => ExitCode::Fault,
        _ => ExitCode::Done,
    })
}

fn configuration(config: &Config) -> Finding {
    let known = build();
    let remedy = "let this user read the program's own file, and mount /proc";
    Finding {
        what: "configuration".to_owned(),
        health: if known.is_ok() { Health::Ok } else { Health::Fail },
        remedy: known.is_err().then(|| remedy.to_owned()),
        text: format!(
            "mode {}, venue {}, configuration {}, build {}",
            config.mode,
            config.venue.name(),
            config.hash(),
            known.unwrap_or("unknown")
        ),
    }
}

const fn word(health: Health) -> &'static str {
    match health {
        Health::Ok => "ok",
        Health::Warn => "warn",
        Health::Fail => "FAIL",
    }
}

fn line(finding: &Finding) -> String {
    let remedy = finding
        .remedy
        .as_ref()
        .map_or_else(String::new, |remedy| format!("; remedy: {remedy}"));
    let Finding {
        what, health, text, ..
    } = finding;
    format!("{:<4}  {what:<20}  {text}{remedy}", word(*health))
}

fn as_json(finding: &Finding) -> serde_json::Value {
    json!({
        "what": finding.what,
        "health": word(finding.health),
        "text": finding.text,
        "remedy": finding.remedy,
    })
}
