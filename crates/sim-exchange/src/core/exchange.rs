//! The exchange: takes orders, matches them, keeps the accounts.

use std::collections::{BTreeMap, VecDeque};

use keel_domain::{
    Asset, ClOrdId, Instrument, InstrumentStatus, LotSize, Money, NotionalRange, OrderId, Price, PriceFilter,
    Qty, Side, Symbol, Timestamp, TradeId,
};

use super::account::Account;
use super::book::Book;
use super::generator::Generator;
use super::{
    AccountId, AccountTrade, AssetBalance, DepthSnapshot, ExchangeEvent, LevelQty, OrderError, OrderRef,
    OrderState, PublicTrade, Scenario,
};

/// A pair and where its price starts.
#[derive(Debug, Clone)]
pub struct Market {
    /// The pair and its rules.
    pub instrument: Instrument,
    /// Where the generated market starts.
    pub start_price: Price,
}

/// An account that a client uses.
#[derive(Debug, Clone)]
pub struct AccountConfig {
    /// For people.
    pub name: String,
    /// What it starts with.
    pub funds: Vec<(Asset, Money)>,
}

/// What the exchange is made of.
#[derive(Debug, Clone)]
pub struct ExchangeConfig {
    /// All randomness comes from it.
    pub seed: u64,
    /// How the market moves.
    pub scenario: Scenario,
    /// The pairs.
    pub markets: Vec<Market>,
    /// The accounts, in the order of their ids.
    pub accounts: Vec<AccountConfig>,
    /// Fraction of what a resting order receives.
    pub maker_rate: Money,
    /// Fraction of what a taking order receives.
    pub taker_rate: Money,
}

/// An exchange that cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Nothing to trade.
    #[error("the exchange has no market")]
    NoMarket,
    /// A pair that cannot start.
    #[error("{0}: the start price must be a positive multiple of the tick, with a tick above zero")]
    BadStart(Symbol),
}

impl ExchangeConfig {
    /// BTCUSDT and ETHUSDT with filters like the venue's, no accounts, a calm market, 0.1 % commission.
    #[must_use]
    pub fn with_default_markets(seed: u64) -> Self {
        Self {
            seed,
            scenario: Scenario::Calm,
            markets: default_markets(),
            accounts: Vec::new(),
            maker_rate: Money::new(1, 3),
            taker_rate: Money::new(1, 3),
        }
    }
}

fn default_markets() -> Vec<Market> {
    let market = |base: &str, step_units: i64, start: &str| -> Option<Market> {
        let qty = |units| Qty::from_units(units).ok();
        let instrument = Instrument {
            symbol: Symbol::new(&format!("{base}USDT")).ok()?,
            base: Asset::new(base).ok()?,
            quote: Asset::new("USDT").ok()?,
            status: InstrumentStatus::Trading,
            price_filter: PriceFilter {
                min: "0.01".parse().ok()?,
                max: "1000000".parse().ok()?,
                tick_size: "0.01".parse().ok()?,
            },
            lot_size: LotSize {
                min: qty(step_units)?,
                max: "9000".parse().ok()?,
                step: qty(step_units)?,
            },
            market_lot_size: LotSize {
                min: Qty::ZERO,
                max: "120".parse().ok()?,
                step: Qty::ZERO,
            },
            notional: NotionalRange {
                min: Money::from(5),
                max: Some(Money::from(9_000_000)),
                apply_min_to_market: true,
                apply_max_to_market: false,
            },
        };
        Some(Market {
            instrument,
            start_price: start.parse().ok()?,
        })
    };
    [market("BTC", 1_000, "65000"), market("ETH", 10_000, "3500")]
        .into_iter()
        .flatten()
        .collect()
}

/// What a pair did since the exchange started (the venue: in the last 24 hours).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarketStats {
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub last: Price,
    /// Last quantity.
    pub last_qty: Qty,
    /// Base traded.
    pub volume: Money,
    /// Quote traded.
    pub quote_volume: Money,
    /// First trade; none before one.
    pub first_trade: Option<TradeId>,
    /// Trades.
    pub count: u64,
}

pub(super) struct MarketState {
    pub(super) instrument: Instrument,
    pub(super) book: Book,
    pub(super) update_id: u64,
    pub(super) next_trade_id: u64,
    pub(super) recent: VecDeque<PublicTrade>,
    pub(super) stats: MarketStats,
}

/// Which trades of an account are wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct TradeQuery {
    /// Of this order only.
    pub order_id: Option<OrderId>,
    /// From this trade on, oldest first; without it and without `start`, the latest.
    pub from_id: Option<TradeId>,
    /// From this time on.
    pub start: Option<Timestamp>,
    /// Until this time.
    pub end: Option<Timestamp>,
    /// At most so many.
    pub limit: usize,
}

/// The exchange.
pub struct Exchange {
    pub(super) markets: BTreeMap<Symbol, MarketState>,
    pub(super) accounts: Vec<Account>,
    pub(super) orders: BTreeMap<OrderId, OrderState>,
    pub(super) commissions: BTreeMap<Asset, Money>,
    pub(super) maker_rate: Money,
    pub(super) taker_rate: Money,
    pub(super) next_order_id: u64,
    pub(super) next_execution_id: u64,
    pub(super) events: VecDeque<ExchangeEvent>,
    generator: Option<Generator>,
}

impl Exchange {
    /// How many public trades of a pair can be asked for.
    pub const RECENT_TRADES_MAX: usize = 1_000;

    /// An exchange whose market has just begun.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn new(config: ExchangeConfig, now: Timestamp) -> Result<Self, ConfigError> {
        if config.markets.is_empty() {
            return Err(ConfigError::NoMarket);
        }
        for market in &config.markets {
            let tick = market.instrument.price_filter.tick_size;
            let starts_well = market.start_price.is_multiple_of(tick) && !market.start_price.is_zero();
            if tick.is_zero() || !starts_well {
                return Err(ConfigError::BadStart(market.instrument.symbol));
            }
        }
        let accounts = config
            .accounts
            .iter()
            .map(|account| Account::new(true, &account.funds, now))
            .collect();
        let mut exchange = Self {
            markets: config
                .markets
                .iter()
                .map(|m| (m.instrument.symbol, MarketState::new(m)))
                .collect(),
            accounts,
            orders: BTreeMap::new(),
            commissions: BTreeMap::new(),
            maker_rate: config.maker_rate,
            taker_rate: config.taker_rate,
            next_order_id: 1,
            next_execution_id: 1,
            events: VecDeque::new(),
            generator: None,
        };
        let maker = exchange.add_background_account(&config.markets, now);
        let taker = exchange.add_background_account(&config.markets, now);
        let mut generator = Generator::new(&config, maker, taker, now);
        generator.advance(&mut exchange, now);
        exchange.generator = Some(generator);
        Ok(exchange)
    }

    fn add_background_account(&mut self, markets: &[Market], now: Timestamp) -> AccountId {
        let mut funds: Vec<(Asset, Money)> = Vec::new();
        for market in markets {
            for (asset, amount) in [
                (market.instrument.base, 10_000_000_i64),
                (market.instrument.quote, 1_000_000_000_000_i64),
            ] {
                if !funds.iter().any(|(known, _)| *known == asset) {
                    funds.push((asset, Money::from(amount)));
                }
            }
        }
        self.accounts.push(Account::new(false, &funds, now));
        AccountId(self.accounts.len() - 1)
    }

    /// The id of the n-th configured account.
    #[must_use]
    pub fn account(&self, index: usize) -> Option<AccountId> {
        self.accounts
            .get(index)
            .filter(|account| account.has_client)
            .map(|_| AccountId(index))
    }

    /// Lets the market move up to now.
    pub fn advance(&mut self, now: Timestamp) {
        if let Some(mut generator) = self.generator.take() {
            generator.advance(self, now);
            self.generator = Some(generator);
        }
    }

    /// When the market wants to move next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.generator.as_ref().and_then(Generator::next_deadline)
    }

    /// The oldest event not taken yet.
    pub fn poll_event(&mut self) -> Option<ExchangeEvent> {
        self.events.pop_front()
    }

    /// The pairs.
    pub fn instruments(&self) -> impl Iterator<Item = &Instrument> {
        self.markets.values().map(|market| &market.instrument)
    }

    /// One pair.
    #[must_use]
    pub fn instrument(&self, symbol: Symbol) -> Option<&Instrument> {
        self.markets.get(&symbol).map(|market| &market.instrument)
    }

    /// Rates as fractions: resting, taking.
    #[must_use]
    pub fn commission_rates(&self) -> (Money, Money) {
        (self.maker_rate, self.taker_rate)
    }

    /// The best levels of a pair.
    #[must_use]
    pub fn depth(&self, symbol: Symbol, limit: usize) -> Option<DepthSnapshot> {
        let market = self.markets.get(&symbol)?;
        let levels = |side| -> Vec<LevelQty> { market.book.levels(side).take(limit).collect() };
        Some(DepthSnapshot {
            last_update_id: market.update_id,
            bids: levels(Side::Buy),
            asks: levels(Side::Sell),
        })
    }

    /// The best level of a side of a pair.
    #[must_use]
    pub fn best(&self, symbol: Symbol, side: Side) -> Option<LevelQty> {
        self.markets
            .get(&symbol)
            .and_then(|market| market.book.best(side))
    }

    /// The last update of a pair's book.
    #[must_use]
    pub fn update_id(&self, symbol: Symbol) -> u64 {
        self.markets.get(&symbol).map_or(0, |market| market.update_id)
    }

    /// The latest public trades of a pair, oldest first.
    #[must_use]
    pub fn recent_trades(&self, symbol: Symbol, limit: usize) -> Vec<PublicTrade> {
        let Some(market) = self.markets.get(&symbol) else {
            return Vec::new();
        };
        let skip = market.recent.len().saturating_sub(limit);
        market.recent.iter().skip(skip).copied().collect()
    }

    /// What a pair did.
    #[must_use]
    pub fn stats(&self, symbol: Symbol) -> Option<MarketStats> {
        self.markets.get(&symbol).map(|market| market.stats)
    }

    /// What an account has.
    #[must_use]
    pub fn balances(&self, account: AccountId) -> Vec<AssetBalance> {
        self.accounts
            .get(account.0)
            .map(Account::balances)
            .unwrap_or_default()
    }

    /// When an account's balances last changed.
    #[must_use]
    pub fn updated_at(&self, account: AccountId) -> Timestamp {
        self.accounts
            .get(account.0)
            .map_or(Timestamp::EPOCH, |account| account.updated_at)
    }

    /// One order of an account, open or ended.
    ///
    /// # Errors
    /// `UnknownOrder`, `IdMismatch`.
    pub fn order(&self, account: AccountId, symbol: Symbol, by: OrderRef) -> Result<&OrderState, OrderError> {
        let owner = self.accounts.get(account.0).ok_or(OrderError::UnknownOrder)?;
        let by_id = |order_id: OrderId| {
            let open = self
                .orders
                .get(&order_id)
                .filter(|order| order.account == account);
            open.or_else(|| owner.ended.get(&order_id))
                .filter(|order| order.symbol == symbol)
        };
        let by_client_id = |id: ClOrdId| {
            let open = owner
                .open_by_client_id
                .get(&(symbol, id))
                .and_then(|order_id| self.orders.get(order_id));
            // The latest: a client may use the id of an ended order again.
            open.or_else(|| {
                owner
                    .ended
                    .values()
                    .rev()
                    .find(|o| o.cl_ord_id == id && o.symbol == symbol)
            })
        };
        let found = match by {
            OrderRef::OrderId(order_id) => by_id(order_id),
            OrderRef::ClOrdId(id) => by_client_id(id),
            OrderRef::Both(order_id, id) => match by_id(order_id) {
                Some(order) if order.cl_ord_id != id => return Err(OrderError::IdMismatch),
                other => other,
            },
        };
        found.ok_or(OrderError::UnknownOrder)
    }

    /// Open orders of an account, oldest first.
    pub fn open_orders(
        &self,
        account: AccountId,
        symbol: Option<Symbol>,
    ) -> impl Iterator<Item = &OrderState> {
        let ids = self
            .accounts
            .get(account.0)
            .into_iter()
            .flat_map(|owner| owner.open.iter());
        ids.filter_map(|id| self.orders.get(id))
            .filter(move |order| symbol.is_none_or(|s| s == order.symbol))
    }

    /// All orders of an account on a pair from an id on, oldest first; without an id, the latest.
    #[must_use]
    pub fn all_orders(
        &self,
        account: AccountId,
        symbol: Symbol,
        from: Option<OrderId>,
        limit: usize,
    ) -> Vec<OrderState> {
        let Some(owner) = self.accounts.get(account.0) else {
            return Vec::new();
        };
        let mut all: Vec<&OrderState> = owner
            .ended
            .values()
            .chain(owner.open.iter().filter_map(|id| self.orders.get(id)))
            .collect();
        all.retain(|order| order.symbol == symbol && from.is_none_or(|from| order.order_id >= from));
        all.sort_by_key(|order| order.order_id);
        let skip = if from.is_some() {
            0
        } else {
            all.len().saturating_sub(limit)
        };
        all.into_iter().skip(skip).take(limit).cloned().collect()
    }

    /// Trades of an account on a pair, oldest first.
    #[must_use]
    pub fn my_trades(&self, account: AccountId, symbol: Symbol, query: TradeQuery) -> Vec<AccountTrade> {
        let Some(owner) = self.accounts.get(account.0) else {
            return Vec::new();
        };
        let is_wanted = |trade: &&AccountTrade| {
            trade.symbol == symbol
                && query.order_id.is_none_or(|id| trade.order_id == id)
                && query.from_id.is_none_or(|id| trade.trade_id >= id)
                && query.start.is_none_or(|start| trade.time >= start)
                && query.end.is_none_or(|end| trade.time <= end)
        };
        let wanted: Vec<AccountTrade> = owner.trades.iter().filter(is_wanted).copied().collect();
        let from_the_start = query.from_id.is_some() || query.start.is_some();
        let skip = if from_the_start {
            0
        } else {
            wanted.len().saturating_sub(query.limit)
        };
        wanted.into_iter().skip(skip).take(query.limit).collect()
    }

    /// Everything that all accounts and the exchange's own till have of each asset. Never changes.
    #[must_use]
    pub fn totals(&self) -> BTreeMap<Asset, Money> {
        let mut totals = self.commissions.clone();
        for (asset, holding) in self.accounts.iter().flat_map(|account| account.holdings.iter()) {
            *totals.entry(*asset).or_default() += holding.free + holding.locked;
        }
        totals
    }
}

impl MarketState {
    fn new(market: &Market) -> Self {
        let price = market.start_price;
        let stats = MarketStats {
            open: price,
            high: price,
            low: price,
            last: price,
            last_qty: Qty::ZERO,
            volume: Money::ZERO,
            quote_volume: Money::ZERO,
            first_trade: None,
            count: 0,
        };
        Self {
            instrument: market.instrument.clone(),
            book: Book::default(),
            update_id: 1,
            next_trade_id: 1,
            recent: VecDeque::new(),
            stats,
        }
    }
}
