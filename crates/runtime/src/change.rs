//! Another build or configuration than the one that wrote the records.

use anyhow::{Result, bail};
use keel_config::Mode;
use keel_engine::Identity;

/// What differs from the last start on the same records.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Change(Option<String>);

impl Change {
    pub(crate) fn between(recorded: Option<&Identity>, now: &Identity) -> Self {
        let differs =
            |recorded: &&Identity| recorded.build != now.build || recorded.config_hash != now.config_hash;
        Self(recorded.filter(differs).map(|recorded| {
            format!(
                "build {} with configuration {}, and this is build {} with configuration {}",
                recorded.build, recorded.config_hash, now.build, now.config_hash
            )
        }))
    }

    /// What is to be told of it; on paper it needs no word of an operator.
    ///
    /// # Errors
    /// The remedy, where money is at stake and nobody said that this is meant; nothing was started.
    pub(crate) fn accepted(self, mode: Mode, reason: Option<&str>) -> Result<Option<String>> {
        match (self.0, reason) {
            (None, _) => Ok(None),
            (Some(what), Some(reason)) => Ok(Some(format!(
                "CHANGED the records were written by {what}: {reason}"
            ))),
            (Some(what), None) if mode == Mode::Paper => {
                Ok(Some(format!("CHANGED the records were written by {what}")))
            }
            (Some(what), None) => bail!(
                "the records were written by {what}: what was tested is not what would run\n  \
                 remedy: look at what changed; where it is meant, start with --accept-change REASON"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(build: &str, config_hash: &str) -> Identity {
        Identity {
            mode: "testnet".to_owned(),
            venue: "testnet.binance.vision".to_owned(),
            build: build.to_owned(),
            config_hash: config_hash.to_owned(),
        }
    }

    fn told(recorded: Option<&Identity>, mode: Mode, reason: Option<&str>) -> Result<Option<String>> {
        Change::between(recorded, &identity("0.2", "b")).accepted(mode, reason)
    }

    #[test]
    fn a_first_start_and_one_that_changed_nothing_need_no_word() {
        assert_eq!(told(None, Mode::Live, None).unwrap(), None);
        assert_eq!(told(Some(&identity("0.2", "b")), Mode::Live, None).unwrap(), None);
    }

    #[test]
    fn another_build_or_configuration_is_refused_until_an_operator_says_why_but_on_paper() {
        for recorded in [identity("0.1", "b"), identity("0.2", "a")] {
            for mode in [Mode::Testnet, Mode::Live] {
                let refused = told(Some(&recorded), mode, None).unwrap_err().to_string();
                assert!(refused.contains("--accept-change"), "{refused}");
                let accepted = told(Some(&recorded), mode, Some("smaller orders")).unwrap();
                assert!(accepted.is_some_and(|line| line.contains("smaller orders")));
            }
            assert!(told(Some(&recorded), Mode::Paper, None).unwrap().is_some());
        }
    }
}
