//! Which hosts may be reached in which mode.

use crate::Mode;

/// The venue's production hosts; reached in live mode only.
const PRODUCTION: &[&str] = &[
    "api.binance.com",
    "api1.binance.com",
    "api2.binance.com",
    "api3.binance.com",
    "api4.binance.com",
    "api-gcp.binance.com",
    "stream.binance.com",
    "ws-api.binance.com",
];

/// The venue's testnet hosts.
const TESTNET: &[&str] = &[
    "testnet.binance.vision",
    "stream.testnet.binance.vision",
    "ws-api.testnet.binance.vision",
];

const LOOPBACK: &[&str] = &["127.0.0.1", "localhost", "[::1]"];

/// The host of a URL, without its port, and whether the URL is encrypted.
fn host(url: &str) -> Option<(&str, bool)> {
    let (scheme, rest) = url.split_once("://")?;
    let is_encrypted = match scheme {
        "https" | "wss" => true,
        "http" | "ws" => false,
        _ => return None,
    };
    let authority = rest
        .split(['/', '?', '#'])
        .next()
        .filter(|authority| !authority.contains('@'))?;
    let host = match authority.strip_prefix('[') {
        Some(v6) => authority.get(..v6.find(']')? + 2)?,
        None => authority.split(':').next()?,
    };
    (!host.is_empty()).then_some((host, is_encrypted))
}

/// The host by which a venue is named.
pub(crate) fn name(url: &str) -> String {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    authority.split('/').next().unwrap_or_default().to_owned()
}

/// Checks that the mode may reach the URL.
pub(crate) fn check(mode: Mode, url: &str) -> Result<(), String> {
    let (host, is_encrypted) = host(url).ok_or("is not a URL of the form scheme://host[:port]")?;
    let is_loopback = LOOPBACK.contains(&host);
    let is_allowed = match mode {
        Mode::Paper | Mode::Testnet => is_loopback || TESTNET.contains(&host),
        Mode::Live => PRODUCTION.contains(&host),
    };
    if !is_allowed {
        return Err(format!("{host} must not be reached in {mode} mode"));
    }
    if !is_encrypted && !is_loopback {
        return Err(format!("{host} must be reached encrypted"));
    }
    Ok(())
}

/// What the mode may reach, in words.
pub(crate) fn allowed(mode: Mode) -> String {
    match mode {
        Mode::Paper | Mode::Testnet => format!("use a loopback address or one of {}", TESTNET.join(", ")),
        Mode::Live => format!("use one of {}", PRODUCTION.join(", ")),
    }
}
