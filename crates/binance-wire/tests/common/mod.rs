//! Reading samples and comparing what is written again.
#![allow(
    dead_code,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers outside #[test] functions, not all of them used in every test"
)]

use keel_domain::Money;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A sample of the venue's documents.
#[macro_export]
macro_rules! sample {
    ($name:literal) => {
        include_str!(concat!("samples/", $name, ".json"))
    };
}

pub(crate) fn value(text: &str) -> Value {
    serde_json::from_str(text).expect("a sample is JSON")
}

/// Reads the sample, and finds every field of what is written again in the sample, with the same meaning.
pub(crate) fn read_back<T: DeserializeOwned + Serialize>(text: &str) -> T {
    let read: T = serde_json::from_str(text).expect("the sample can be read");
    let written = serde_json::to_value(&read).expect("it can be written");
    assert_within(&written, &value(text), "");
    read
}

/// Numbers in strings are compared as numbers: the samples write as many places as they like.
pub(crate) fn assert_within(ours: &Value, theirs: &Value, at: &str) {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            for (key, value) in ours {
                let place = format!("{at}.{key}");
                let other = theirs
                    .get(key)
                    .unwrap_or_else(|| panic!("{place} is not in the sample"));
                assert_within(value, other, &place);
            }
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            assert_eq!(ours.len(), theirs.len(), "{at}");
            for (n, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
                assert_within(ours, theirs, &format!("{at}[{n}]"));
            }
        }
        (Value::String(ours), Value::String(theirs)) if ours != theirs => {
            let (a, b): (Result<Money, _>, Result<Money, _>) = (ours.parse(), theirs.parse());
            assert!(a.is_ok() && a == b, "{at}: {ours} is not {theirs}");
        }
        _ => assert_eq!(ours, theirs, "{at}"),
    }
}

pub(crate) fn money(text: &str) -> Money {
    text.parse().expect("a number")
}
