//! Identifiers hold what the venue accepts, and nothing else.

use keel_domain::{Asset, ClOrdId, IdError, Symbol};
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_client_order_id_takes_exactly_the_venues_pattern(text in "\\PC{0,40}|[.A-Z:/a-z0-9_-]{0,40}") {
        let is_valid = (1..=36).contains(&text.len())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || ".:/_-".contains(c));
        let id = ClOrdId::new(&text);
        prop_assert_eq!(id.is_ok(), is_valid);
        if let Ok(id) = id {
            prop_assert_eq!(id.as_str(), text.as_str());
            prop_assert_eq!(serde_json::from_str::<ClOrdId>(&serde_json::to_string(&id).unwrap()).unwrap(), id);
        }
    }

    #[test]
    fn no_text_makes_a_name_panic(text in "\\PC{0,30}") {
        if let Ok(symbol) = Symbol::new(&text) {
            prop_assert_eq!(symbol.to_string(), text.clone());
        }
        if let Ok(asset) = Asset::new(&text) {
            prop_assert_eq!(asset.to_string(), text);
        }
    }
}

#[test]
fn each_bad_id_says_what_is_wrong_with_it() {
    assert_eq!(ClOrdId::new(""), Err(IdError::Empty));
    assert_eq!(ClOrdId::new("a b"), Err(IdError::BadCharacter));
    assert_eq!(ClOrdId::new(&"a".repeat(37)), Err(IdError::TooLong(36)));
    assert!(ClOrdId::new(&"a".repeat(36)).is_ok());
    assert_eq!(Symbol::new("btcusdt"), Err(IdError::BadCharacter));
}
