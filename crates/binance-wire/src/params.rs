//! Parameters of a request: an ordered list, written and read as a query string.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Everything but the characters that a query value may hold as they are.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A parameter list that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParamsError {
    /// A percent-encoding that is no text.
    #[error("percent-encoding that is not UTF-8")]
    NotText,
    /// The same name twice.
    #[error("a parameter was sent twice")]
    Duplicate,
}

/// Parameters in the order in which they are sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.push(name, value);
        self
    }

    /// Adds one.
    pub fn push(&mut self, name: &str, value: impl ToString) {
        self.0.push((name.to_owned(), value.to_string()));
    }

    /// The value of a name, if it is there.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// All, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The query string, percent-encoded: what REST signs and sends.
    #[must_use]
    pub fn to_query(&self) -> String {
        let pairs: Vec<String> = self
            .iter()
            .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, RESERVED)))
            .collect();
        pairs.join("&")
    }

    /// What the WS API signs: sorted by name, not percent-encoded, without `signature`.
    #[must_use]
    pub fn to_ws_payload(&self) -> String {
        let mut pairs: Vec<(&str, &str)> = self.iter().filter(|(name, _)| *name != "signature").collect();
        pairs.sort_unstable();
        let pairs: Vec<String> = pairs
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("&")
    }

    /// Reads a query string or a form body. Empty pairs are passed over.
    ///
    /// # Errors
    /// [`ParamsError`].
    pub fn parse(text: &str) -> Result<Self, ParamsError> {
        let mut params = Self::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if params.get(&name).is_some() {
                return Err(ParamsError::Duplicate);
            }
            params.0.push((name, value));
        }
        Ok(params)
    }

    /// Adds those of `other` whose names are not here: the query wins over the body.
    pub fn merge(&mut self, other: Self) {
        for (name, value) in other.0 {
            if self.get(&name).is_none() {
                self.0.push((name, value));
            }
        }
    }
}

fn decode(text: &str) -> Result<String, ParamsError> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| ParamsError::NotText)
}

/// The bytes that a REST signature is made over: query and body as received, joined without a separator, each without
/// its own `signature` parameter. Also the signature itself, percent-decoded, if there is one.
#[must_use]
pub fn signed_payload(raw_query: &str, raw_body: &str) -> (String, Option<String>) {
    let mut signature = None;
    let mut strip = |text: &str| {
        let kept: Vec<&str> = text
            .split('&')
            .filter(|pair| match pair.strip_prefix("signature=") {
                Some(value) => {
                    signature = percent_decode_str(value)
                        .decode_utf8()
                        .ok()
                        .map(std::borrow::Cow::into_owned);
                    false
                }
                None => true,
            })
            .collect();
        kept.join("&")
    };
    let payload = format!("{}{}", strip(raw_query), strip(raw_body));
    (payload, signature)
}
