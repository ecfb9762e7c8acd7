//! The exchange: takes orders, matches them, keeps the accounts.

use std::collections::{BTreeMap, VecDeque};

use keel_domain::{
    Asset, ExchangeLimits, Instrument, MaxAsset, Money, OrderId, Price, Qty, Side, Symbol, Timestamp,
};

use super::account::Account;
use super::generator::Generator;
use super::lifecycle::Due;
use super::market::MarketState;
use super::playback::{Playback, Recording};
use super::{
    AccountConfig, AccountId, AssetBalance, CommissionRates, ConfigError, DepthSnapshot, ExchangeConfig,
    ExchangeEvent, LevelQty, Market, MarketStats, OrderState, PublicTrade, QueueRule, Sor,
};

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
    pub(super) next_list_id: u64,
    pub(super) sors: Vec<Sor>,
    pub(super) limits: ExchangeLimits,
    /// What the exchange took and gave by exchanging interchangeable quotes one to one. The sum over them stays zero.
    pub(super) exchanged: BTreeMap<Asset, Money>,
    /// What a trade has made due; carried out once the order that traded is done.
    pub(super) due: VecDeque<Due>,
    /// What came from outside, less what went there.
    pub(super) transfers: BTreeMap<Asset, Money>,
    pub(super) events: VecDeque<ExchangeEvent>,
    generator: Option<Generator>,
    playback: Option<Playback>,
}

impl Exchange {
    /// How many public trades of a pair can be asked for.
    pub const RECENT_TRADES_MAX: usize = MarketState::RECENT_TRADES_MAX;

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
        config.check_sors()?;
        let house_rates = CommissionRates::of_standard(config.maker_rate, config.taker_rate);
        let accounts = config
            .accounts
            .iter()
            .map(|account| {
                let rates = account.commission.unwrap_or(house_rates);
                Account::new(true, account, rates, now)
            })
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
            next_list_id: 0,
            sors: config.sors.clone(),
            limits: config.limits,
            exchanged: BTreeMap::new(),
            due: VecDeque::new(),
            transfers: BTreeMap::new(),
            events: VecDeque::new(),
            generator: None,
            playback: None,
        };
        for (place, rules) in config.price_rules.iter().enumerate() {
            let mut earlier = config.price_rules.iter().take(place);
            let is_twice = earlier.any(|other| other.symbol == rules.symbol);
            if is_twice || !exchange.set_price_rules(*rules) {
                return Err(ConfigError::BadPriceRules(rules.symbol));
            }
        }
        if !config.has_background {
            return Ok(exchange);
        }
        let maker = exchange.add_background_account(&config.markets, now);
        let taker = exchange.add_background_account(&config.markets, now);
        let mut generator = Generator::new(&config, maker, taker, now);
        generator.advance(&mut exchange, now);
        exchange.generator = Some(generator);
        Ok(exchange)
    }

    /// Lets a recorded market happen from now on, its first event at once. It is to be the only background: give it an
    /// exchange made with `has_background` false. Its orders are as they were, and pass no filter.
    pub fn play(&mut self, now: Timestamp, rule: QueueRule, recording: Recording) {
        let markets: Vec<Market> = self
            .markets
            .values()
            .map(|market| Market {
                instrument: market.instrument.clone(),
                start_price: market.stats.last,
            })
            .collect();
        let maker = self.add_background_account(&markets, now);
        let taker = self.add_background_account(&markets, now);
        for account in [maker, taker] {
            if let Some(account) = self.accounts.get_mut(account.0) {
                account.is_recorded = true;
            }
        }
        self.playback = Some(Playback::new((maker, taker), rule, recording, now));
        self.advance(now);
    }

    /// Whether a recorded market is played, and has come to its end.
    #[must_use]
    pub fn is_played_out(&self) -> bool {
        let next = self.playback.as_ref().map(Playback::next_deadline);
        next.is_some_and(|next| next.is_none())
    }

    /// What a recorded market has traded of a pair so far, by the recording.
    #[must_use]
    pub fn recorded_volume(&self, symbol: Symbol) -> Qty {
        self.playback
            .as_ref()
            .map_or(Qty::ZERO, |playback| playback.traded(symbol))
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
        let config = AccountConfig {
            funds,
            ..AccountConfig::default()
        };
        let rates = CommissionRates::of_standard(self.maker_rate, self.taker_rate);
        self.accounts.push(Account::new(false, &config, rates, now));
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
        if let Some(mut playback) = self.playback.take() {
            playback.advance(self, now);
            self.playback = Some(playback);
        }
    }

    /// When the market wants to move next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let generated = self.generator.as_ref().and_then(Generator::next_deadline);
        let recorded = self.playback.as_ref().and_then(Playback::next_deadline);
        generated.into_iter().chain(recorded).min()
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

    /// What an account may have open over all pairs.
    #[must_use]
    pub fn limits(&self) -> &ExchangeLimits {
        &self.limits
    }

    /// The most of each asset that one order of an account may be about, where that is bounded.
    #[must_use]
    pub fn max_assets(&self, account: AccountId) -> &[MaxAsset] {
        self.accounts
            .get(account.0)
            .map_or(&[], |owner| owner.max_assets.as_slice())
    }

    /// Where orders are routed over several books.
    #[must_use]
    pub fn sors(&self) -> &[Sor] {
        &self.sors
    }

    /// What an account pays on trades.
    #[must_use]
    pub fn account_rates(&self, account: AccountId) -> CommissionRates {
        self.accounts
            .get(account.0)
            .map(|owner| owner.rates)
            .unwrap_or_default()
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

    /// The average price of a pair over the last minutes.
    #[must_use]
    pub fn average_price(&self, now: Timestamp, symbol: Symbol, minutes: u32) -> Option<Price> {
        self.markets
            .get(&symbol)
            .map(|market| market.average_price(now, minutes))
    }

    /// Everything that all accounts and the exchange's own till have of each asset. Changes by transfers only.
    #[must_use]
    pub fn totals(&self) -> BTreeMap<Asset, Money> {
        let mut totals = self.commissions.clone();
        for (asset, amount) in &self.exchanged {
            *totals.entry(*asset).or_default() += *amount;
        }
        for (asset, holding) in self.accounts.iter().flat_map(|account| account.holdings.iter()) {
            *totals.entry(*asset).or_default() += holding.free + holding.locked;
        }
        totals
    }
}
