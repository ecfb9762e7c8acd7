//! Signatures: HMAC-SHA-256 (hex), Ed25519 and RSA PKCS#1 v1.5 with SHA-256 (both base64).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::pkcs8::{DecodePrivateKey, DecodePublicKey};
use ed25519_dalek::{Signature, Signer, Verifier};
use hmac::{Hmac, KeyInit, Mac};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use sha2::Sha256;

/// A key that cannot be read. Says nothing of its contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a key in PEM form: an Ed25519 one (PKCS#8 where it signs), or a public RSA one to verify with")]
pub struct KeyError;

/// DER of the algorithm identifier of an RSA key: rsaEncryption with no parameters (RFC 8017, appendix A.1).
const RSA_ENCRYPTION: [u8; 15] = [
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
];

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
    /// A public RSA key of 2048 to 8192 bits. Another length verifies nothing.
    Rsa(UnparsedPublicKey<Vec<u8>>),
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hmac(_) => "VerifyingKey::Hmac([REDACTED])",
            Self::Ed25519(_) => "VerifyingKey::Ed25519",
            Self::Rsa(_) => "VerifyingKey::Rsa",
        })
    }
}

impl VerifyingKey {
    /// From a shared secret.
    #[must_use]
    pub fn hmac(secret: &str) -> Self {
        Self::Hmac(Box::new(hmac_of(secret)))
    }

    /// From a public key in PEM form: Ed25519 or RSA.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn public_pem(pem: &str) -> Result<Self, KeyError> {
        if let Ok(key) = ed25519_dalek::VerifyingKey::from_public_key_pem(pem) {
            return Ok(Self::Ed25519(Box::new(key)));
        }
        let key = rsa_key(pem).ok_or(KeyError)?;
        Ok(Self::Rsa(UnparsedPublicKey::new(
            &RSA_PKCS1_2048_8192_SHA256,
            key,
        )))
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
            Self::Rsa(key) => {
                let Ok(bytes) = STANDARD.decode(signature) else {
                    return false;
                };
                key.verify(payload.as_bytes(), &bytes).is_ok()
            }
        }
    }

    /// Whether this is a key that may log a session on (Ed25519 only).
    #[must_use]
    pub fn may_log_on(&self) -> bool {
        matches!(self, Self::Ed25519(_))
    }
}

/// What follows a DER tag and a length of two bytes, which every RSA key of 2048 bits or more has; only where the length
/// is that of the rest.
fn contents(der: &[u8], tag: u8) -> Option<&[u8]> {
    let (header, rest) = der.split_first_chunk::<4>()?;
    let [found, 0x82, high, low] = *header else {
        return None;
    };
    (found == tag && usize::from(u16::from_be_bytes([high, low])) == rest.len()).then_some(rest)
}

/// The `RSAPublicKey` within a `SubjectPublicKeyInfo` in PEM form (RFC 5280, RFC 7468).
fn rsa_key(pem: &str) -> Option<Vec<u8>> {
    let body = pem
        .trim()
        .strip_prefix("-----BEGIN PUBLIC KEY-----")?
        .strip_suffix("-----END PUBLIC KEY-----")?;
    let body: String = body.split_whitespace().collect();
    let der = STANDARD.decode(body).ok()?;
    let bits = contents(&der, 0x30)?.strip_prefix(&RSA_ENCRYPTION)?;
    // The first byte of a bit string counts the bits that its last byte lacks.
    let key = contents(bits, 0x03)?.strip_prefix(&[0])?;
    Some(key.to_vec())
}

#[expect(
    clippy::expect_used,
    reason = "HMAC takes keys of any length; the error type is a formality of its trait"
)]
fn hmac_of(secret: &str) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length")
}
