//! Client order ids that are used once, ever.

use std::fmt;
use std::str::FromStr;

use arrayvec::ArrayString;
use keel_domain::{ClOrdId, IdError, StrategyId};
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
    /// What an id tells that this instance made; none of any other.
    #[must_use]
    pub fn parts_of(&self, cl_ord_id: &ClOrdId) -> Option<IdParts> {
        IdParts::of(cl_ord_id).filter(|parts| parts.tag == *self)
    }

    /// The tag of the other instance that made the id, if it is one that an instance makes.
    #[must_use]
    pub fn other_in(&self, cl_ord_id: &ClOrdId) -> Option<Self> {
        IdParts::of(cl_ord_id)
            .map(|parts| parts.tag)
            .filter(|tag| tag != self)
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

/// Who asks for an order of a strategy's position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum IssuedBy {
    /// The strategy itself.
    Strategy,
    /// The stop that stands for its position.
    Protection,
    /// An operator, who sells what it holds.
    Operator,
}

impl IssuedBy {
    const ALL: [Self; 3] = [Self::Protection, Self::Operator, Self::Strategy];

    /// What stands before the sequence number in an id.
    const fn mark(self) -> &'static str {
        match self {
            Self::Strategy => "",
            Self::Protection => "stop",
            Self::Operator => "flat",
        }
    }
}

/// What a client order id tells that an instance made: tag, strategy, boot counter, issuer and sequence ("k1-trend-12-345",
/// "k1-trend-12-stop346").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdParts {
    /// Which instance.
    pub tag: InstanceTag,
    /// Whose position the order changes.
    pub strategy: StrategyId,
    /// Which boot of the instance.
    pub boot: u64,
    /// Who asked for it.
    pub issued_by: IssuedBy,
}

impl IdParts {
    /// Reads an id; none where no instance made it.
    #[must_use]
    pub fn of(cl_ord_id: &ClOrdId) -> Option<Self> {
        let number = |text: &str| {
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| text.parse::<u64>().ok()).flatten()
        };
        let mut parts = cl_ord_id.as_str().split('-');
        let (tag, strategy) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let boot = number(parts.next()?)?;
        let sequence = parts.next().filter(|_| parts.next().is_none())?;
        let is_by = |by: &IssuedBy| sequence.strip_prefix(by.mark()).and_then(number).is_some();
        let issued_by = IssuedBy::ALL.into_iter().find(is_by)?;
        Some(Self {
            tag,
            strategy,
            boot,
            issued_by,
        })
    }
}

/// Makes a strategy's ids: unique over restarts and clock steps, since the boot counter is durable before the first id is made
/// and no clock is asked. The longest that a tag of 4 and a strategy of 8 leave room for are 4 294 967 295 boots with 10^11 ids
/// each (10^7 of stops), in the venue's 36 characters.
#[derive(Debug, Clone)]
pub struct ClOrdIdSource {
    tag: InstanceTag,
    strategy: StrategyId,
    boot: u64,
    sequence: u64,
}

impl ClOrdIdSource {
    /// A source for one boot of one instance and its strategy.
    #[must_use]
    pub fn new(tag: InstanceTag, strategy: StrategyId, boot: u64) -> Self {
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
    /// `TooLong`, once an id has no room any more.
    pub fn next_id(&mut self, issued_by: IssuedBy) -> Result<ClOrdId, IdError> {
        self.sequence = self.sequence.saturating_add(1);
        ClOrdId::new(&format!(
            "{}-{}-{}-{}{}",
            self.tag,
            self.strategy,
            self.boot,
            issued_by.mark(),
            self.sequence
        ))
    }
}
