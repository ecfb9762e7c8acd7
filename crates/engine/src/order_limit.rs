//! The venue's own limit of orders, of which we take half at most: the other half is for whoever else uses the account, and for what
//! the venue counts otherwise than we do.

use keel_domain::AlertClass;

use crate::{Step, Trader};

impl Trader {
    /// The venue tells how many orders it takes in ten seconds.
    pub(crate) fn on_order_limit(&mut self, per_10s_max: u32, step: &mut Step) {
        let before = self.gate.orders_per_10s_max();
        self.gate.cap_orders_per_10s(per_10s_max / 2);
        let now = self.gate.orders_per_10s_max();
        let configured = self.gate.limits().orders_per_10s_max;
        if now != before && now < configured {
            step.push_alert(AlertClass::OrderLimit.alert(format!(
                "risk.orders_per_10s_max is {configured}, more than half of the {per_10s_max} orders that the venue takes in 10 s: \
                 {now} it is"
            )));
        }
    }
}
