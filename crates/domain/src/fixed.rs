//! Fixed-point numbers: exact, ordered, checked.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Units in one: a `Price` or `Qty` of 1 holds this many units of 1e-8.
pub const SCALE: i64 = 100_000_000;

const DECIMALS: usize = 8;

/// An amount of money (notional, PnL, fees, balances) in some asset; exact, signed.
pub type Money = Decimal;

/// Why a number was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Not digits with at most one point: scientific notation, signs where none may be, spaces, nothing.
    #[error("not a plain decimal number (digits with at most one point)")]
    Malformed,
    /// More than eight digits after the point that are not zero.
    #[error("more than 8 decimal places")]
    TooPrecise,
    /// Outside what a 64-bit number of 1e-8 units holds (about 92 thousand million).
    #[error("out of range")]
    OutOfRange,
    /// Below zero where only zero or more makes sense.
    #[error("negative")]
    Negative,
}

/// Reads an unsigned plain decimal into units of 1e-8.
fn parse_units(text: &str) -> Result<i64, NumberError> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return Err(NumberError::Malformed),
        None => (text, ""),
    };
    if whole.is_empty() {
        return Err(NumberError::Malformed);
    }
    let mut units: i64 = 0;
    for byte in whole.bytes() {
        units = push_digit(units, byte)?;
    }
    let mut places = 0;
    for byte in fraction.bytes() {
        if places < DECIMALS {
            units = push_digit(units, byte)?;
            places += 1;
        } else if byte.is_ascii_digit() {
            if byte != b'0' {
                return Err(NumberError::TooPrecise);
            }
        } else {
            return Err(NumberError::Malformed);
        }
    }
    while places < DECIMALS {
        units = units.checked_mul(10).ok_or(NumberError::OutOfRange)?;
        places += 1;
    }
    Ok(units)
}

fn push_digit(units: i64, byte: u8) -> Result<i64, NumberError> {
    if !byte.is_ascii_digit() {
        return Err(NumberError::Malformed);
    }
    units
        .checked_mul(10)
        .and_then(|tens| tens.checked_add(i64::from(byte - b'0')))
        .ok_or(NumberError::OutOfRange)
}

/// Prints units of 1e-8 in the shortest plain form; never scientific.
fn write_units(f: &mut fmt::Formatter<'_>, units: i64) -> fmt::Result {
    let magnitude = units.unsigned_abs();
    let scale = SCALE.unsigned_abs();
    let (whole, fraction) = (magnitude / scale, magnitude % scale);
    let sign = if units < 0 { "-" } else { "" };
    if fraction == 0 {
        return f.pad(&format!("{sign}{whole}"));
    }
    let digits = format!("{fraction:08}");
    f.pad(&format!("{sign}{whole}.{}", digits.trim_end_matches('0')))
}

fn units_of_decimal(value: Decimal) -> Result<i64, NumberError> {
    let scaled = value
        .checked_mul(Decimal::from(SCALE))
        .ok_or(NumberError::OutOfRange)?;
    if !scaled.fract().is_zero() {
        return Err(NumberError::TooPrecise);
    }
    i64::try_from(scaled).map_err(|_| NumberError::OutOfRange)
}

macro_rules! fixed_point {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(i64);

        impl $name {
            /// Nothing.
            pub const ZERO: Self = Self(0);
            /// The smallest step above zero, 0.00000001.
            pub const UNIT: Self = Self(1);

            /// The number of 1e-8 units.
            #[must_use]
            pub const fn units(self) -> i64 {
                self.0
            }

            /// Whether this is zero.
            #[must_use]
            pub const fn is_zero(self) -> bool {
                self.0 == 0
            }

            /// The sum, or `None` out of range.
            #[must_use]
            pub fn checked_add(self, other: Self) -> Option<Self> {
                self.0.checked_add(other.0).map(Self)
            }

            /// The same number as an exact decimal, in its shortest form.
            #[must_use]
            pub fn to_decimal(self) -> Decimal {
                Decimal::new(self.0, 8).normalize()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_units(f, self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

macro_rules! non_negative {
    ($name:ident) => {
        impl $name {
            /// From a number of 1e-8 units.
            ///
            /// # Errors
            /// `Negative` below zero.
            pub fn from_units(units: i64) -> Result<Self, NumberError> {
                if units < 0 {
                    Err(NumberError::Negative)
                } else {
                    Ok(Self(units))
                }
            }

            /// The sum, or the largest value out of range.
            #[must_use]
            pub fn saturating_add(self, other: Self) -> Self {
                Self(self.0.saturating_add(other.0))
            }

            /// The difference, or `None` below zero.
            #[must_use]
            pub fn checked_sub(self, other: Self) -> Option<Self> {
                self.0
                    .checked_sub(other.0)
                    .filter(|units| *units >= 0)
                    .map(Self)
            }

            /// The difference, or zero where it would be below zero.
            #[must_use]
            pub fn saturating_sub(self, other: Self) -> Self {
                self.checked_sub(other).unwrap_or(Self::ZERO)
            }

            /// The product with a whole number, or `None` out of range.
            #[must_use]
            pub fn checked_mul(self, factor: u32) -> Option<Self> {
                self.0.checked_mul(i64::from(factor)).map(Self)
            }

            /// Rounded down to a multiple of `step`; unchanged for a step of zero.
            #[must_use]
            pub fn floor_to(self, step: Self) -> Self {
                if step.0 == 0 {
                    self
                } else {
                    Self(self.0 - self.0 % step.0)
                }
            }

            /// Rounded up to a multiple of `step`, or `None` out of range; unchanged for a step of zero.
            #[must_use]
            pub fn ceil_to(self, step: Self) -> Option<Self> {
                let floor = self.floor_to(step);
                if floor == self {
                    Some(self)
                } else {
                    floor.checked_add(step)
                }
            }

            /// Whether this is a whole multiple of `step`; always, for a step of zero.
            #[must_use]
            pub fn is_multiple_of(self, step: Self) -> bool {
                self.floor_to(step) == self
            }

            /// From an exact decimal.
            ///
            /// # Errors
            /// `Negative`, `TooPrecise` (more than 8 places) or `OutOfRange`; never rounds.
            pub fn from_decimal(value: Decimal) -> Result<Self, NumberError> {
                Self::from_units(units_of_decimal(value)?)
            }
        }

        impl FromStr for $name {
            type Err = NumberError;

            fn from_str(text: &str) -> Result<Self, NumberError> {
                if text.starts_with('-') {
                    return Err(NumberError::Negative);
                }
                parse_units(text).map(Self)
            }
        }
    };
}

fixed_point! {
    /// A price in quote currency per unit of base: zero or more, in units of 1e-8. FIX `Price` (44).
    Price
}
non_negative!(Price);

fixed_point! {
    /// A quantity of base asset: zero or more, in units of 1e-8. FIX `OrderQty` (38).
    Qty
}
non_negative!(Qty);

fixed_point! {
    /// A quantity with a sign, as a net position has: positive is long. In units of 1e-8.
    SignedQty
}

impl SignedQty {
    /// From a number of 1e-8 units; any value is valid.
    #[must_use]
    pub const fn from_units(units: i64) -> Self {
        Self(units)
    }

    /// The difference, or `None` out of range.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The sum; at the end of the range where it is beyond it.
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The size without its sign, or `None` for the one value that has none.
    #[must_use]
    pub fn abs(self) -> Option<Qty> {
        self.0.checked_abs().map(Qty)
    }

    /// The part above zero: what is long.
    #[must_use]
    pub fn long(self) -> Qty {
        Qty(self.0.max(0))
    }

    /// From an exact decimal.
    ///
    /// # Errors
    /// `TooPrecise` (more than 8 places) or `OutOfRange`; never rounds.
    pub fn from_decimal(value: Decimal) -> Result<Self, NumberError> {
        units_of_decimal(value).map(Self)
    }
}

impl From<Qty> for SignedQty {
    fn from(qty: Qty) -> Self {
        Self(qty.0)
    }
}

impl FromStr for SignedQty {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        match text.strip_prefix('-') {
            Some(rest) => parse_units(rest).map(|units| Self(-units)),
            None => parse_units(text).map(Self),
        }
    }
}

/// The value of a quantity at a price, in quote currency; exact (16 places always fit a `Decimal`).
#[must_use]
pub fn notional(qty: Qty, price: Price) -> Money {
    let product = i128::from(qty.units()) * i128::from(price.units());
    // 2^126 exceeds Decimal's 96-bit mantissa; such a value has no meaning as money, and saturates.
    Decimal::try_from_i128_with_scale(product, 16).map_or(Decimal::MAX, |value| value.normalize())
}
