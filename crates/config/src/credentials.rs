//! The API key and its secret: read apart from the settings, kept in types that do not print.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use crate::{Config, Mode};

/// The kinds of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// A shared secret.
    Hmac,
    /// An Ed25519 private key.
    Ed25519,
}

/// A key and its secret.
#[derive(Debug)]
pub struct Credentials {
    /// Names the key.
    pub api_key: SecretString,
    /// The secret, or the private key in PEM form.
    pub api_secret: SecretString,
    /// Which kind it is.
    pub kind: KeyKind,
}

/// Why there are no credentials. Says nothing of their contents.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// Nowhere to be found.
    #[error("no {what}: {remedy}")]
    Missing {
        /// The key or the secret.
        what: &'static str,
        /// Where it is looked for.
        remedy: String,
    },
    /// A file that others can read.
    #[error("{} can be read by others: run `chmod 600 {}`", .path.display(), .path.display())]
    ReadableByOthers {
        /// The file.
        path: PathBuf,
    },
    /// A file that cannot be read.
    #[error("{}: {source}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Finds the credentials: systemd's directory first, then the configured files, then, in paper and testnet mode only, the
/// environment.
///
/// # Errors
/// [`CredentialsError`].
pub fn load_credentials(
    config: &Config,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Credentials, CredentialsError> {
    let systemd = environment("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let find = |what: &'static str, name: &str, file: Option<&PathBuf>, variable: &str| {
        let passed = systemd
            .as_ref()
            .map(|dir| dir.join(name))
            .filter(|path| path.exists());
        if let Some(path) = passed.as_ref().or(file) {
            return read(path);
        }
        let may_use_environment = config.mode != Mode::Live;
        if let Some(value) = environment(variable).filter(|_| may_use_environment) {
            return Ok(SecretString::from(value));
        }
        let by_environment = if may_use_environment {
            format!(", or set {variable}")
        } else {
            String::new()
        };
        let remedy = format!(
            "set credentials.{name}_file to a file of mode 600, or pass {name} by systemd{by_environment}"
        );
        Err(CredentialsError::Missing { what, remedy })
    };
    let files = &config.credentials;
    Ok(Credentials {
        api_key: find("API key", "api_key", files.api_key_file.as_ref(), "KEEL_API_KEY")?,
        api_secret: find(
            "API secret",
            "api_secret",
            files.api_secret_file.as_ref(),
            "KEEL_API_SECRET",
        )?,
        kind: files.kind,
    })
}

fn read(path: &Path) -> Result<SecretString, CredentialsError> {
    let unreadable = |source| CredentialsError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let mode = fs::metadata(path).map_err(unreadable)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(CredentialsError::ReadableByOthers {
            path: path.to_owned(),
        });
    }
    let text = fs::read_to_string(path).map_err(unreadable)?;
    Ok(SecretString::from(text.trim().to_owned()))
}
