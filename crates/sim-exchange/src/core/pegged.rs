//! Orders whose price comes from the book (faqs/pegged_orders.md). It is taken once: when an order enters the book, or when
//! it is triggered.

use keel_domain::{FilterInputs, OrdType, OrderId, OrderTerms, Price, Qty, Symbol, TimeInForce, Timestamp};

use super::exchange::Exchange;
use super::{ListLegs, NewOrder, OrderError, OrderState};

/// From which side of the book the price comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PegPriceType {
    /// The order's own side.
    Primary,
    /// The opposite side.
    Market,
}

/// How an order's price comes from the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peg {
    /// The side.
    pub price_type: PegPriceType,
    /// How many levels behind the best one, where the client said it.
    pub offset: Option<u8>,
    /// The price that the client named beside; it has to pass the filters and does nothing else. Zero without one.
    pub price: Price,
}

impl Peg {
    /// The farthest level.
    pub const OFFSET_MAX: u8 = 100;
}

/// The same kind of order at another price.
pub(super) fn at_price(mut ord_type: OrdType, new_price: Price) -> OrdType {
    match &mut ord_type {
        OrdType::Limit { price, .. }
        | OrdType::LimitMaker { price }
        | OrdType::StopLossLimit { price, .. }
        | OrdType::TakeProfitLimit { price, .. } => *price = new_price,
        OrdType::Market | OrdType::StopLoss { .. } | OrdType::TakeProfit { .. } => {}
    }
    ord_type
}

fn check_peg(peg: Peg, ord_type: OrdType) -> Result<(), OrderError> {
    let is_fit = match (ord_type, peg.price_type) {
        (OrdType::Market | OrdType::StopLoss { .. } | OrdType::TakeProfit { .. }, _) => {
            return Err(OrderError::PegOrderType);
        }
        (OrdType::LimitMaker { .. }, PegPriceType::Market) => false,
        (OrdType::Limit { time_in_force, .. }, PegPriceType::Primary) => time_in_force == TimeInForce::Gtc,
        _ => true,
    };
    if is_fit {
        Ok(())
    } else {
        Err(OrderError::PegPriceType)
    }
}

impl Exchange {
    fn peg_price(&self, symbol: Symbol, side: keel_domain::Side, peg: Peg) -> Option<Price> {
        let market = self.markets.get(&symbol)?;
        let side = match peg.price_type {
            PegPriceType::Primary => side,
            PegPriceType::Market => side.opposite(),
        };
        let mut levels = market.book.levels(side);
        levels
            .nth(usize::from(peg.offset.unwrap_or_default()))
            .map(|level| level.price)
    }

    /// The order at the price that the book gives now; itself without a peg.
    pub(super) fn pegged(&self, order: &NewOrder) -> Result<NewOrder, OrderError> {
        let Some(peg) = order.options.peg else {
            return Ok(*order);
        };
        check_peg(peg, order.ord_type)?;
        if !self.markets.contains_key(&order.symbol) {
            return Err(OrderError::UnknownSymbol);
        }
        let price = self
            .peg_price(order.symbol, order.side, peg)
            .ok_or(OrderError::PegLiquidity)?;
        Ok(NewOrder {
            ord_type: at_price(order.ord_type, price),
            ..*order
        })
    }

    pub(super) fn pegged_legs(&self, legs: &ListLegs) -> Result<ListLegs, OrderError> {
        Ok(match legs {
            ListLegs::Oco { above, below } => ListLegs::Oco {
                above: self.pegged(above)?,
                below: self.pegged(below)?,
            },
            ListLegs::Oto { working, pending } => ListLegs::Oto {
                working: self.pegged(working)?,
                pending: self.pegged(pending)?,
            },
            ListLegs::Otoco {
                working,
                above,
                below,
            } => ListLegs::Otoco {
                working: self.pegged(working)?,
                above: self.pegged(above)?,
                below: self.pegged(below)?,
            },
        })
    }

    /// Whether the filters pass an open order that begins only now, as the kind that it has become.
    pub(super) fn passes_again(&self, now: Timestamp, order: &OrderState, ord_type: OrdType) -> bool {
        let (Some(market), Some(inputs)) = (
            self.markets.get(&order.symbol),
            self.filter_inputs(now, order.account, order.symbol),
        ) else {
            return false;
        };
        // The order is counted already.
        let inputs = FilterInputs {
            open_orders: 0,
            open_algo_orders: 0,
            open_iceberg_orders: 0,
            position: Qty::ZERO,
            ..inputs
        };
        let mut terms = OrderTerms::new(order.side, ord_type, order.order_qty);
        terms.iceberg_qty = order.iceberg_qty;
        let instrument = &market.instrument;
        let passed = instrument.check(&terms, &inputs);
        passed
            .and_then(|()| self.check_assets(order.account, instrument, &terms, &inputs))
            .is_ok()
    }

    /// An order that waited takes its price from the book, and holds what it needs at it. Whether it may begin: the book
    /// has the price, the filters pass it, and the funds are there. One without a peg may.
    pub(super) fn peg_now(&mut self, now: Timestamp, order_id: OrderId) -> bool {
        let Some(order) = self.orders.get(&order_id) else {
            return false;
        };
        let Some(peg) = order.options.peg else {
            return true;
        };
        let (symbol, side, account) = (order.symbol, order.side, order.account);
        let Some(price) = self.peg_price(symbol, side, peg) else {
            return false;
        };
        let ord_type = at_price(order.ord_type, price);
        if !self.passes_again(now, order, ord_type) {
            return false;
        }
        let Some(asset) = self.locked_asset(symbol, side) else {
            return false;
        };
        let (Some(order), Some(owner)) = (self.orders.get_mut(&order_id), self.accounts.get_mut(account.0))
        else {
            return false;
        };
        order.ord_type = ord_type;
        order.pegged_price = Some(price);
        // One that waits for another order, or is of a pair, gets what it needs with the list.
        if order.ord_status == keel_domain::OrdStatus::PendingNew {
            return true;
        }
        let more = order.required_lock() - order.locked;
        if owner.free(asset) < more {
            return false;
        }
        owner.lock(asset, more);
        order.locked += more;
        true
    }
}
