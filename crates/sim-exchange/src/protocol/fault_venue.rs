//! Faults carried out on the venue as a whole: what a pair is, whether anything answers.

use keel_domain::{InstrumentStatus, Symbol, Timestamp};

use super::{ConnId, Outgoing, Protocol};
use crate::faults::{SymbolState, VenueAction, VenueStep};

impl Protocol {
    /// Enters or leaves a state.
    pub(super) fn take_venue_step(&mut self, now: Timestamp, step: VenueStep) {
        match step.action {
            VenueAction::Maintenance if step.begins => {
                let open: Vec<ConnId> = self.connections.keys().copied().collect();
                for id in open {
                    self.send_now(id, Outgoing::Close(1001, "Service maintenance"));
                }
            }
            VenueAction::Maintenance | VenueAction::ClockSkew(_) => {}
            VenueAction::Symbol(symbol, _) | VenueAction::Filters(symbol, _) => {
                self.change_instrument(now, symbol, step);
            }
        }
    }

    fn change_instrument(&mut self, now: Timestamp, symbol: Symbol, step: VenueStep) {
        let Some(mut instrument) = self.exchange.instrument(symbol).cloned() else {
            return;
        };
        if step.begins {
            self.faults.replaced.insert(step.rule, instrument.clone());
            match step.action {
                VenueAction::Symbol(_, SymbolState::Status(status)) => instrument.status = status,
                VenueAction::Symbol(_, SymbolState::Delisted) => {
                    self.exchange.cancel_clients_orders(now, symbol);
                    instrument.status = InstrumentStatus::Break;
                }
                VenueAction::Filters(_, change) => {
                    let (price, lot) = (&mut instrument.price_filter, &mut instrument.lot_size);
                    price.tick_size = change.tick_size.unwrap_or(price.tick_size);
                    lot.step = change.step_size.unwrap_or(lot.step);
                    instrument.notional.min = change.min_notional.unwrap_or(instrument.notional.min);
                }
                VenueAction::Maintenance | VenueAction::ClockSkew(_) => {}
            }
        } else if let Some(before) = self.faults.replaced.remove(&step.rule) {
            // Only what this rule had changed goes back.
            match step.action {
                VenueAction::Symbol(..) => instrument.status = before.status,
                _ => {
                    instrument.price_filter.tick_size = before.price_filter.tick_size;
                    instrument.lot_size.step = before.lot_size.step;
                    instrument.notional.min = before.notional.min;
                }
            }
        }
        self.exchange.replace_instrument(instrument);
        self.publish();
    }
}
