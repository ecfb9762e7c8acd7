//! Signatures: HMAC-SHA-256 (hex) and Ed25519 (base64).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::pkcs8::{DecodePrivateKey, DecodePublicKey};
use ed25519_dalek::{Signature, Signer, Verifier};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A key that cannot be read. Says nothing of its contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an Ed25519 key in PKCS#8 PEM form")]
pub struct KeyError;

/// A secret that signs.
pub enum SigningKey {
    /// A shared secret.
    Hmac(Box<Hmac<Sha256>>),
    /// A private key.
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hmac(_) => "SigningKey::Hmac([REDACTED])",
            Self::Ed25519(_) => "SigningKey::Ed25519([REDACTED])",
        })
    }
}

impl SigningKey {
    /// From a shared secret; any length.
    #[must_use]
    pub fn hmac(secret: &str) -> Self {
        Self::Hmac(Box::new(hmac_of(secret)))
    }

    /// From a private key in PKCS#8 PEM form.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn ed25519_pem(pem: &str) -> Result<Self, KeyError> {
        let key = ed25519_dalek::SigningKey::from_pkcs8_pem(pem).map_err(|_| KeyError)?;
        Ok(Self::Ed25519(Box::new(key)))
    }

    /// The signature in the venue's form.
    #[must_use]
    pub fn sign(&self, payload: &str) -> String {
        match self {
            Self::Hmac(mac) => {
                let mut mac = mac.clone();
                mac.update(payload.as_bytes());
                hex::encode(mac.finalize().into_bytes())
            }
            Self::Ed25519(key) => STANDARD.encode(key.sign(payload.as_bytes()).to_bytes()),
        }
    }
}

/// What the venue keeps to verify.
#[derive(Clone)]
pub enum VerifyingKey {
    /// A shared secret.
    Hmac(Box<Hmac<Sha256>>),
    /// A public key.
    Ed25519(Box<ed25519_dalek::VerifyingKey>),
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hmac(_) => "VerifyingKey::Hmac([REDACTED])",
            Self::Ed25519(_) => "VerifyingKey::Ed25519",
        })
    }
}

impl VerifyingKey {
    /// From a shared secret.
    #[must_use]
    pub fn hmac(secret: &str) -> Self {
        Self::Hmac(Box::new(hmac_of(secret)))
    }

    /// From a public key in PEM form.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn ed25519_pem(pem: &str) -> Result<Self, KeyError> {
        let key = ed25519_dalek::VerifyingKey::from_public_key_pem(pem).map_err(|_| KeyError)?;
        Ok(Self::Ed25519(Box::new(key)))
    }

    /// Whether the signature is this key's. Hex in any case; base64 as it is. Takes the same time for any wrong one.
    #[must_use]
    pub fn verify(&self, payload: &str, signature: &str) -> bool {
        match self {
            Self::Hmac(mac) => {
                let Ok(bytes) = hex::decode(signature) else {
                    return false;
                };
                let mut mac = mac.clone();
                mac.update(payload.as_bytes());
                mac.verify_slice(&bytes).is_ok()
            }
            Self::Ed25519(key) => {
                let Ok(bytes) = STANDARD.decode(signature) else {
                    return false;
                };
                let Ok(signature) = Signature::from_slice(&bytes) else {
                    return false;
                };
                key.verify(payload.as_bytes(), &signature).is_ok()
            }
        }
    }

    /// Whether this is a key that may log a session on (Ed25519 only).
    #[must_use]
    pub fn may_log_on(&self) -> bool {
        matches!(self, Self::Ed25519(_))
    }
}

#[expect(
    clippy::expect_used,
    reason = "HMAC takes keys of any length; the error type is a formality of its trait"
)]
fn hmac_of(secret: &str) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length")
}
