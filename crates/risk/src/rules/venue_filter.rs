//! What the venue's own filters would refuse is not sent.

use keel_domain::{FilterInputs, Instrument, OrderIntent, OrderTerms, Price};

use super::Veto;
use crate::Rule;

pub(crate) fn check(instrument: &Instrument, intent: &OrderIntent, market_price: Price) -> Result<(), Veto> {
    instrument
        .check(
            &OrderTerms::new(intent.side, intent.ord_type, intent.order_qty),
            &FilterInputs::at_price(market_price),
        )
        .map_err(|failure| {
            let price = intent
                .ord_type
                .price()
                .map_or_else(|| "market".to_owned(), |price| price.to_string());
            Veto::new(
                Rule::VenueFilter,
                failure,
                format!("{} at {price}", intent.order_qty),
            )
        })
}
