//! Numbers as the venue writes them: strings with eight places.

use std::fmt;
use std::marker::PhantomData;

use keel_domain::{Money, NumberError, Price, Qty, SCALE};
use serde::de::Visitor;
use serde::{Deserializer, Serializer};

/// A number that the venue writes as a string with eight places.
pub trait EightPlaces: Sized {
    /// The venue's form.
    fn write(&self) -> String;

    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with the text.
    fn read(text: &str) -> Result<Self, NumberError>;
}

fn write_units(units: i64) -> String {
    let scale = SCALE.unsigned_abs();
    let magnitude = units.unsigned_abs();
    format!("{}.{:08}", magnitude / scale, magnitude % scale)
}

impl EightPlaces for Price {
    fn write(&self) -> String {
        write_units(self.units())
    }

    fn read(text: &str) -> Result<Self, NumberError> {
        text.parse()
    }
}

impl EightPlaces for Qty {
    fn write(&self) -> String {
        write_units(self.units())
    }

    fn read(text: &str) -> Result<Self, NumberError> {
        text.parse()
    }
}

impl EightPlaces for Money {
    fn write(&self) -> String {
        // Asked for eight places, the decimal itself writes into a buffer that its largest numbers do not fit.
        let text = self.trunc_with_scale(8).to_string();
        let (whole, places) = text.split_once('.').unwrap_or((&text, ""));
        format!("{whole}.{places:0<8}")
    }

    fn read(text: &str) -> Result<Self, NumberError> {
        let is_plain = text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
        // The decimal's own reader also takes a plus and underscores, which the venue never writes.
        if is_plain {
            text.parse().map_err(|_| NumberError::Malformed)
        } else {
            Err(NumberError::Malformed)
        }
    }
}

/// Writes the venue's form.
///
/// # Errors
/// The serializer's.
pub fn serialize<T: EightPlaces, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&value.write())
}

/// Reads the venue's form.
///
/// # Errors
/// Text that is no such number.
pub fn deserialize<'de, T: EightPlaces, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_str(NumberVisitor(PhantomData))
}

/// Reads the text where it lies, without a copy.
struct NumberVisitor<T>(PhantomData<T>);

impl<T: EightPlaces> Visitor<'_> for NumberVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a plain decimal number in a string")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        T::read(text).map_err(|error| E::custom(format!("{text:?}: {error}")))
    }
}

/// The same for a field that may be absent.
pub mod option {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::EightPlaces;

    /// Writes the venue's form.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<T: EightPlaces, S: Serializer>(
        value: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.serialize_str(&value.write()),
            None => serializer.serialize_none(),
        }
    }

    /// Reads the venue's form.
    ///
    /// # Errors
    /// Text that is no such number.
    pub fn deserialize<'de, T: EightPlaces, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<T>, D::Error> {
        let text = Option::<std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.map(|text| {
            T::read(&text).map_err(|error| serde::de::Error::custom(format!("{text:?}: {error}")))
        })
        .transpose()
    }
}
