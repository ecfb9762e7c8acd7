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

/// Makes ids of tag, boot counter and sequence: unique over restarts and clock steps, since the boot counter
/// is durable before the first id is made.
#[derive(Debug, Clone)]
pub struct ClOrdIdSource {
    tag: InstanceTag,
    boot: u64,
    sequence: u64,
}

impl ClOrdIdSource {
    /// A source for one boot of one instance.
    #[must_use]
    pub fn new(tag: InstanceTag, boot: u64) -> Self {
        Self {
            tag,
            boot,
            sequence: 0,
        }
    }

    /// The next id.
    ///
    /// # Errors
    /// `TooLong`, after more ids than one boot can make in the age of the universe.
    pub fn next_id(&mut self) -> Result<ClOrdId, IdError> {
        self.sequence = self.sequence.saturating_add(1);
        ClOrdId::new(&format!("{}-{}-{}", self.tag, self.boot, self.sequence))
    }
}
