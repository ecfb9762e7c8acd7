//! Client order ids that are used once, ever.

use std::fmt;
use std::str::FromStr;

use arrayvec::ArrayString;
use keel_domain::{ClOrdId, IdError};
use serde::{Deserialize, Serialize};

/// An instance tag that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an instance tag has 1 to 4 characters of a-z and 0-9")]
pub struct TagError;

/// Names one running instance; every order it sends carries the tag, so that an order found at the venue
/// tells whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct InstanceTag(ArrayString<4>);

impl InstanceTag {
    /// The mark of the strategy in an id that an instance with this tag made.
    #[must_use]
    pub fn strategy_in<'a>(&self, cl_ord_id: &'a ClOrdId) -> Option<&'a str> {
        let rest = cl_ord_id
            .as_str()
            .strip_prefix(self.0.as_str())?
            .strip_prefix('-')?;
        rest.split_once('-').map(|(strategy, _)| strategy)
    }

    /// The tag of the other instance that made the id, if it is one that an instance makes: tag, strategy, boot and sequence.
    #[must_use]
    pub fn other_in(&self, cl_ord_id: &ClOrdId) -> Option<Self> {
        let mut parts = cl_ord_id.as_str().split('-');
        let (tag, strategy) = (parts.next()?, parts.next()?);
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let is_made = StrategyMark::of(strategy).0.as_str() == strategy
            && parts.next().is_some_and(is_number)
            && parts.next().is_some_and(is_number)
            && parts.next().is_none();
        tag.parse().ok().filter(|tag| is_made && tag != self)
    }

    /// Which boot of this instance made the id: the third of its parts.
    #[must_use]
    pub fn boot_in(&self, cl_ord_id: &ClOrdId) -> Option<u64> {
        let mut parts = cl_ord_id.as_str().split('-');
        let is_ours = parts.next() == Some(self.0.as_str());
        parts.nth(1).filter(|_| is_ours)?.parse().ok()
    }

    /// Whether the id was made by an instance with this tag.
    #[must_use]
    pub fn owns(&self, cl_ord_id: &ClOrdId) -> bool {
        cl_ord_id
            .as_str()
            .strip_prefix(self.0.as_str())
            .is_some_and(|rest| rest.starts_with('-'))
    }
}

impl FromStr for InstanceTag {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        let allowed = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if text.is_empty() || !allowed {
            return Err(TagError);
        }
        ArrayString::from(text).map(Self).map_err(|_| TagError)
    }
}

impl fmt::Display for InstanceTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0.as_str())
    }
}

/// Names a strategy in the ids of its orders: the first eight letters and digits of its name, in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StrategyMark(ArrayString<8>);

impl StrategyMark {
    /// The mark of a name; `x` where the name has no letter or digit.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let mut mark = ArrayString::new();
        let usable = name.chars().filter(char::is_ascii_alphanumeric);
        for letter in usable.take(mark.capacity()) {
            mark.push(letter.to_ascii_lowercase());
        }
        if mark.is_empty() {
            mark.push('x');
        }
        Self(mark)
    }
}

impl fmt::Display for StrategyMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0.as_str())
    }
}

/// Makes ids of tag, strategy, boot counter and sequence ("k1-trend-12-345"): unique over restarts and clock steps, since
/// the boot counter is durable before the first id is made and no clock is asked. The longest that a tag of 4 and a strategy
/// of 8 leave room for are 4 294 967 295 boots with 10^11 ids each, in the venue's 36 characters.
#[derive(Debug, Clone)]
pub struct ClOrdIdSource {
    tag: InstanceTag,
    strategy: StrategyMark,
    boot: u64,
    sequence: u64,
}

impl ClOrdIdSource {
    /// A source for one boot of one instance and its strategy.
    #[must_use]
    pub fn new(tag: InstanceTag, strategy: StrategyMark, boot: u64) -> Self {
        Self {
            tag,
            strategy,
            boot,
            sequence: 0,
        }
    }

    /// The next id.
    ///
    /// # Errors
    /// `TooLong`, after 10^11 ids of one boot.
    pub fn next_id(&mut self) -> Result<ClOrdId, IdError> {
        self.sequence = self.sequence.saturating_add(1);
        ClOrdId::new(&format!(
            "{}-{}-{}-{}",
            self.tag, self.strategy, self.boot, self.sequence
        ))
    }
}
