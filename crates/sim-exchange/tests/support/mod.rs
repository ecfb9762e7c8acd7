//! An exchange without background participants, and short ways to use it.
#![allow(dead_code, clippy::unwrap_used, reason = "helpers of several test binaries")]

use keel_domain::{
    Asset, ClOrdId, Money, OrdStatus, OrdType, OrderId, Price, Qty, Side, Symbol, TimeInForce, Timestamp,
    Trigger,
};
use keel_sim_exchange::core::{
    AccountConfig, AccountId, Exchange, ExchangeConfig, ExchangeEvent, NewOrder, OrderError, OrderOptions,
    OrderRef, OrderReport, OrderState, Quantity, StpMode,
};

pub(crate) const T0: Timestamp = Timestamp::from_millis(1_700_000_000_000);

pub(crate) fn price(text: &str) -> Price {
    text.parse().unwrap()
}

pub(crate) fn qty(text: &str) -> Qty {
    text.parse().unwrap()
}

pub(crate) fn money(text: &str) -> Money {
    text.parse().unwrap()
}

pub(crate) fn asset(text: &str) -> Asset {
    text.parse().unwrap()
}

pub(crate) fn id(text: &str) -> ClOrdId {
    text.parse().unwrap()
}

pub(crate) fn btcusdt() -> Symbol {
    "BTCUSDT".parse().unwrap()
}

/// BTCUSDT from 100 with no commission and accounts of 1,000 BTC and 1,000,000 USDT each.
pub(crate) fn config(accounts: usize) -> ExchangeConfig {
    let mut config = ExchangeConfig::with_default_markets(1);
    config.has_background = false;
    config.maker_rate = Money::ZERO;
    config.taker_rate = Money::ZERO;
    config.markets.truncate(1);
    for market in &mut config.markets {
        market.start_price = price("100");
        market.instrument.lot_size.min = qty("0.001");
        market.instrument.lot_size.step = qty("0.001");
        market.instrument.notional.min = Money::ZERO;
    }
    for _ in 0..accounts {
        config.accounts.push(AccountConfig {
            funds: vec![(asset("BTC"), money("1000")), (asset("USDT"), money("1000000"))],
            ..AccountConfig::default()
        });
    }
    config
}

pub(crate) struct Venue {
    pub(crate) exchange: Exchange,
    pub(crate) now: Timestamp,
}

impl Venue {
    pub(crate) fn new(accounts: usize) -> Self {
        Self::with(config(accounts))
    }

    pub(crate) fn with(config: ExchangeConfig) -> Self {
        let exchange = Exchange::new(config, T0).unwrap();
        Self { exchange, now: T0 }
    }

    pub(crate) fn account(&self, index: usize) -> AccountId {
        self.exchange.account(index).unwrap()
    }

    pub(crate) fn place(&mut self, account: usize, order: NewOrder) -> Result<OrderId, OrderError> {
        self.now = self.now.plus(std::time::Duration::from_millis(1));
        let account = self.account(account);
        self.exchange.place(self.now, account, order)
    }

    pub(crate) fn order(&self, account: usize, order_id: OrderId) -> OrderState {
        let by = OrderRef::OrderId(order_id);
        self.exchange
            .order(self.account(account), btcusdt(), by)
            .unwrap()
            .clone()
    }

    pub(crate) fn status(&self, account: usize, order_id: OrderId) -> OrdStatus {
        self.order(account, order_id).ord_status
    }

    /// A trade at a price between two accounts that do nothing else.
    pub(crate) fn trade_at(&mut self, maker: usize, taker: usize, at: &str) {
        let resting = self.place(maker, limit(Side::Sell, at, "0.001")).unwrap();
        self.place(taker, ioc(Side::Buy, at, "0.001")).unwrap();
        assert_eq!(
            self.status(maker, resting),
            OrdStatus::Filled,
            "something better was in the book"
        );
    }

    pub(crate) fn free(&self, account: usize, name: &str) -> Money {
        self.balance(account, name).0
    }

    pub(crate) fn locked(&self, account: usize, name: &str) -> Money {
        self.balance(account, name).1
    }

    fn balance(&self, account: usize, name: &str) -> (Money, Money) {
        let balances = self.exchange.balances(self.account(account)).into_iter();
        let found = balances.filter(|balance| balance.asset == asset(name));
        found.map(|b| (b.free, b.locked)).next().unwrap_or_default()
    }

    pub(crate) fn levels(&self, side: Side) -> Vec<(String, String)> {
        let depth = self.exchange.depth(btcusdt(), 100).unwrap();
        let levels = if side == Side::Buy { depth.bids } else { depth.asks };
        levels
            .iter()
            .map(|l| (l.price.to_string(), l.qty.to_string()))
            .collect()
    }

    pub(crate) fn events(&mut self) -> Vec<ExchangeEvent> {
        std::iter::from_fn(|| self.exchange.poll_event()).collect()
    }

    pub(crate) fn reports(&mut self, order_id: OrderId) -> Vec<OrderReport> {
        let of_order = |event| match event {
            ExchangeEvent::Order(report) if report.order.order_id == order_id => Some(*report),
            _ => None,
        };
        self.events().into_iter().filter_map(of_order).collect()
    }

    /// Nothing is negative, nothing is locked without an order, and the sum of every asset is what it was plus transfers.
    pub(crate) fn check(&self, accounts: usize, totals: &std::collections::BTreeMap<Asset, Money>) {
        for account in 0..accounts {
            for balance in self.exchange.balances(self.account(account)) {
                assert!(balance.free >= Money::ZERO, "{account} {balance:?}");
                assert!(balance.locked >= Money::ZERO, "{account} {balance:?}");
                if self
                    .exchange
                    .open_orders(self.account(account), None)
                    .next()
                    .is_none()
                {
                    assert_eq!(balance.locked, Money::ZERO, "{account} {balance:?}");
                }
            }
        }
        let mut now = self.exchange.totals();
        for (asset, delta) in self.exchange.external_transfers() {
            *now.entry(*asset).or_default() -= *delta;
        }
        now.retain(|_, total| !total.is_zero());
        let mut before = totals.clone();
        before.retain(|_, total| !total.is_zero());
        assert_eq!(now, before);
    }
}

pub(crate) fn order(side: Side, ord_type: OrdType, quantity: &str) -> NewOrder {
    NewOrder {
        symbol: btcusdt(),
        side,
        ord_type,
        quantity: Quantity::Base(qty(quantity)),
        cl_ord_id: None,
        options: OrderOptions::default(),
    }
}

fn limit_with(side: Side, at: &str, quantity: &str, time_in_force: TimeInForce) -> NewOrder {
    let price = price(at);
    order(side, OrdType::Limit { price, time_in_force }, quantity)
}

pub(crate) fn limit(side: Side, at: &str, quantity: &str) -> NewOrder {
    limit_with(side, at, quantity, TimeInForce::Gtc)
}

pub(crate) fn ioc(side: Side, at: &str, quantity: &str) -> NewOrder {
    limit_with(side, at, quantity, TimeInForce::Ioc)
}

pub(crate) fn fok(side: Side, at: &str, quantity: &str) -> NewOrder {
    limit_with(side, at, quantity, TimeInForce::Fok)
}

pub(crate) fn post_only(side: Side, at: &str, quantity: &str) -> NewOrder {
    order(side, OrdType::LimitMaker { price: price(at) }, quantity)
}

pub(crate) fn market(side: Side, quantity: &str) -> NewOrder {
    order(side, OrdType::Market, quantity)
}

pub(crate) fn market_by_value(side: Side, value: &str) -> NewOrder {
    NewOrder {
        quantity: Quantity::Quote(money(value)),
        ..market(side, "1")
    }
}

pub(crate) fn stop_at(text: &str) -> Trigger {
    Trigger::Stop { stop_px: price(text) }
}

pub(crate) fn with_stp(mut order: NewOrder, mode: StpMode) -> NewOrder {
    order.options.stp_mode = mode;
    order
}

pub(crate) fn iceberg(mut order: NewOrder, shown: &str) -> NewOrder {
    order.options.iceberg_qty = qty(shown);
    order
}
