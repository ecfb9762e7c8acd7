//! Identifiers: small, copyable, checked once where they are made.

use std::fmt;
use std::str::FromStr;

use arrayvec::ArrayString;
use serde::{Deserialize, Serialize};

/// Why an identifier was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// No characters.
    #[error("empty")]
    Empty,
    /// More bytes than the venue accepts.
    #[error("longer than {0} bytes")]
    TooLong(usize),
    /// A character the venue does not accept.
    #[error("holds a character that is not allowed")]
    BadCharacter,
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $max:literal, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(ArrayString<$max>);

        impl $name {
            /// The most bytes one may have.
            pub const MAX_LEN: usize = $max;

            /// Checks and copies the text.
            ///
            /// # Errors
            /// `Empty`, `TooLong` or `BadCharacter`.
            pub fn new(text: &str) -> Result<Self, IdError> {
                if text.is_empty() {
                    return Err(IdError::Empty);
                }
                let allowed: fn(char) -> bool = $allowed;
                if !text.chars().all(allowed) {
                    return Err(IdError::BadCharacter);
                }
                ArrayString::from(text).map(Self).map_err(|_| IdError::TooLong($max))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

text_id! {
    /// A traded pair, as the venue writes it ("BTCUSDT"). FIX `Symbol` (55).
    Symbol, 24, |c| c.is_alphanumeric() && !c.is_lowercase() || matches!(c, '-' | '_' | '.')
}

text_id! {
    /// A currency or coin ("BTC").
    Asset, 16, |c| c.is_alphanumeric()
}

text_id! {
    /// The id that we give an order, used once ever. FIX `ClOrdID` (11); the venue's `newClientOrderId`.
    ClOrdId, 36, |c| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '/' | '_' | '-')
}

text_id! {
    /// A strategy on the account, as its configuration names it ("trend"): the key of its own positions and money, and a part of
    /// the ids of its orders, which is why it is short.
    StrategyId, 8, |c| c.is_ascii_lowercase() || c.is_ascii_digit()
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number_id! {
    /// The id that the venue gives an order. FIX `OrderID` (37).
    OrderId
}

number_id! {
    /// The id that the venue gives a trade; unique for a symbol only. FIX `TradeID` (1003).
    TradeId
}
