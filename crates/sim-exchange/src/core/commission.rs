//! What trades cost (faqs/commission_faq.md).

use keel_domain::{Asset, Money, Side};

use super::exchange::Exchange;

/// Fractions of what a trade gives; a trade pays one of the first two and one of the last two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rates {
    /// For the resting order.
    pub maker: Money,
    /// For the taking order.
    pub taker: Money,
    /// For buying.
    pub buyer: Money,
    /// For selling.
    pub seller: Money,
}

impl Rates {
    fn of(&self, side: Side, is_maker: bool) -> Money {
        let by_role = if is_maker { self.maker } else { self.taker };
        by_role
            + match side {
                Side::Buy => self.buyer,
                Side::Sell => self.seller,
            }
    }
}

/// The asset that pays commissions for less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Discount {
    /// BNB at the venue.
    pub asset: Asset,
    /// What the standard commission is multiplied with.
    pub factor: Money,
}

/// All that an account pays on trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CommissionRates {
    /// The usual commission, which alone can be discounted.
    pub standard: Rates,
    /// Extra.
    pub special: Rates,
    /// Tax.
    pub tax: Rates,
    /// Paying in another asset, where the account wants it.
    pub discount: Option<Discount>,
}

impl CommissionRates {
    /// The usual commission and nothing else.
    #[must_use]
    pub fn of_standard(maker: Money, taker: Money) -> Self {
        Self {
            standard: Rates {
                maker,
                taker,
                ..Rates::default()
            },
            ..Self::default()
        }
    }
}

/// A commission before it is taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Charge {
    pub(super) amount: Money,
    pub(super) asset: Asset,
}

impl Exchange {
    /// What a trade that gives `received` costs: in the discount's asset where the account wants it and has enough
    /// of it free; otherwise, undiscounted, in what it received.
    pub(super) fn charge(
        &self,
        rates: &CommissionRates,
        (side, is_maker): (Side, bool),
        (asset, received): (Asset, Money),
        free: impl Fn(Asset) -> Money,
    ) -> Charge {
        let part = |rates: &Rates| received * rates.of(side, is_maker);
        let (standard, extra) = (part(&rates.standard), part(&rates.special) + part(&rates.tax));
        let discounted = rates.discount.and_then(|discount| {
            let rate = self.exchange_rate(asset, discount.asset)?;
            let amount = ((standard * discount.factor + extra) * rate).trunc_with_scale(8);
            (free(discount.asset) >= amount).then_some(Charge {
                amount,
                asset: discount.asset,
            })
        });
        discounted.unwrap_or(Charge {
            amount: (standard + extra).trunc_with_scale(8),
            asset,
        })
    }

    /// How much of `to` one of `from` is worth at last prices: directly, or by a pair each with a third asset.
    fn exchange_rate(&self, from: Asset, to: Asset) -> Option<Money> {
        if from == to {
            return Some(Money::ONE);
        }
        let last = |base: Asset, quote: Asset| {
            let mut markets = self.markets.values();
            let market = markets.find(|m| m.instrument.base == base && m.instrument.quote == quote);
            market.map(|market| market.stats.last.to_decimal())
        };
        if let Some(price) = last(from, to) {
            return Some(price);
        }
        if let Some(price) = last(to, from) {
            return Money::ONE.checked_div(price);
        }
        let mut thirds = self.markets.values().filter(|m| m.instrument.base == to);
        thirds.find_map(|m| {
            let price = last(from, m.instrument.quote)?;
            price.checked_div(m.stats.last.to_decimal())
        })
    }
}
