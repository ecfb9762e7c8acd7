//! An account whose money everything moves: fees in BNB, deposits, a person's coins and trades.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use keel_binance_wire::params::Params;
use keel_binance_wire::signing::{SigningKey, VerifyingKey};
use keel_config::{Config, PAPER_TOML, Sources};
use keel_domain::{Asset, Instrument, Money, OrderId, Qty, Symbol, Timestamp, Trade};
use keel_engine::MoneyCheck;
use keel_risk::TradingState;
use keel_runtime::{Progress, RunContext};
use keel_sim_exchange::core::{
    AccountConfig, AccountId, AccountTrade, CommissionRates, Discount, Exchange, ExchangeConfig, Market,
    TradeQuery,
};
use keel_sim_exchange::protocol::{AccountKey, HttpRequest, KeyPermissions, Method, Protocol, Reply};
use keel_simulation::{Simulation, SimulationSettings};

pub const BEGINS_AT: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const KEY: &str = "money-key";
const SECRET: &str = "money-secret";
pub const MINUTE: Duration = Duration::from_secs(60);
/// The pair that gives BNB a price; nothing trades it.
const BNB_LIMITS: &str =
    "[risk.per_symbol.BNBUSDT]\norder_qty_max = \"1\"\norder_notional_max = \"1000\"\nposition_max = \"1\"\n";

pub fn asset(name: &str) -> Asset {
    name.parse().unwrap()
}

pub fn btcusdt() -> Symbol {
    "BTCUSDT".parse().unwrap()
}

/// One BTC of a person's, and BNB for the fees of some minutes.
pub fn exchange(bnb: Money, begins_at: Timestamp) -> Exchange {
    let mut config = ExchangeConfig::with_default_markets(7);
    let model = config.markets.first().unwrap();
    let market = Market {
        instrument: Instrument {
            symbol: "BNBUSDT".parse().unwrap(),
            base: asset("BNB"),
            ..model.instrument.clone()
        },
        start_price: "600".parse().unwrap(),
    };
    config.markets.push(market);
    let mut rates = CommissionRates::of_standard(config.maker_rate, config.taker_rate);
    rates.discount = Some(Discount {
        asset: asset("BNB"),
        factor: Money::new(75, 2),
    });
    config.accounts = vec![AccountConfig {
        name: KEY.to_owned(),
        funds: vec![
            (asset("USDT"), Money::from(100_000)),
            (asset("BTC"), Money::ONE),
            (asset("BNB"), bnb),
        ],
        commission: Some(rates),
        ..AccountConfig::default()
    }];
    Exchange::new(config, begins_at).unwrap()
}

pub fn configuration(has_bnb_pair: bool) -> Config {
    let mut text = PAPER_TOML.to_owned();
    if has_bnb_pair {
        let pairs = "symbols = [\"BTCUSDT\"] # each";
        assert!(text.contains(pairs), "the model has changed");
        text = text
            .replace(pairs, "symbols = [\"BTCUSDT\", \"BNBUSDT\"] # each")
            .replace(
                "# symbols = [\"BTCUSDT\"] # the pairs",
                "symbols = [\"BTCUSDT\"] # the pairs",
            )
            .replace("[protection]", &format!("{BNB_LIMITS}\n[protection]"));
    }
    Config::load(&Sources::text("built-in paper.toml", &text)).unwrap()
}

pub struct Run {
    pub simulation: Simulation,
    pub account: AccountId,
}

impl Run {
    pub fn start(bnb: &str, has_bnb_pair: bool) -> Self {
        Self::start_at(BEGINS_AT, bnb, has_bnb_pair)
    }

    pub fn start_at(begins_at: Timestamp, bnb: &str, has_bnb_pair: bool) -> Self {
        let exchange = exchange(bnb.parse().unwrap(), begins_at);
        let account = exchange.account(0).unwrap();
        let key = AccountKey {
            api_key: KEY.to_owned(),
            verifying_key: VerifyingKey::hmac(SECRET),
            account,
            permissions: KeyPermissions::default(),
            created_at: begins_at,
        };
        let settings = SimulationSettings {
            config: configuration(has_bnb_pair),
            api_key: KEY.to_owned(),
            api_secret: SECRET.to_owned(),
            latency: Duration::from_millis(5),
            context: RunContext {
                seed: Some(7),
                scenario: None,
                accept_venue: None,
                accept_change: None,
                progress: Progress::silent(),
            },
        };
        let protocol = Protocol::new(exchange, vec![key], begins_at);
        let simulation = Simulation::start(settings, protocol, begins_at).unwrap();
        Self { simulation, account }
    }

    pub fn pass(&mut self, time: Duration) {
        let end = self.simulation.now().plus(time);
        self.simulation.run(end);
    }

    /// A minute, at whose end the money adds up, asset by asset and in one currency.
    pub fn minute(&mut self) -> MoneyCheck {
        let begin = self.simulation.now();
        self.pass(MINUTE);
        let trader = self.simulation.desk().trader();
        let check = trader.money_check().unwrap().clone();
        assert!(check.at > begin, "checked within the minute");
        assert!(check.is_ok, "{check:?}");
        assert_eq!(trader.counters().identity_breaches, 0);
        let trades = trader
            .state()
            .ledgers()
            .books()
            .map(|(.., book)| book.trade_count());
        // The venue keeps eight digits of what a trade cost or brought; base and commissions are exact.
        let rounding = Money::new(i64::try_from(trades.sum::<usize>()).unwrap() + 1, 8);
        for line in &check.assets {
            let allowed = if line.asset == asset("USDT") {
                rounding
            } else {
                Money::ZERO
            };
            assert!(line.difference.abs() <= allowed, "{line:?}");
        }
        let money = check.money.unwrap();
        assert!(money.difference.abs() <= check.tolerance, "{check:?}");
        check
    }

    pub fn ask(&mut self, path: &str, raw_query: String, raw_body: String) {
        let request = HttpRequest {
            peer: std::net::Ipv4Addr::LOCALHOST.into(),
            method: Method::Post,
            path: path.to_owned(),
            raw_query,
            raw_body,
            api_key: Some(KEY.to_owned()),
            time_unit: None,
        };
        let now = self.simulation.now();
        let Reply::Now(served) = self.simulation.protocol().serve(now, &request) else {
            panic!("{path} is answered at once");
        };
        assert_eq!(served.response.status, 200, "{}", served.response.body);
    }

    pub fn transfer(&mut self, way: &str, name: &str, amount: &str) {
        let body = format!("{{\"asset\":\"{name}\",\"amount\":\"{amount}\"}}");
        self.ask(&format!("/keel/account/{KEY}/{way}"), String::new(), body);
    }

    /// A person buys with the account's key.
    pub fn person_buys(&mut self, qty: &str) {
        let query = Params::new()
            .with("symbol", "BTCUSDT")
            .with("side", "BUY")
            .with("type", "MARKET")
            .with("quantity", qty)
            .with("timestamp", self.simulation.now().as_millis())
            .to_query();
        let signature = SigningKey::hmac(SECRET).sign(&query);
        self.ask(
            "/api/v3/order",
            format!("{query}&signature={signature}"),
            String::new(),
        );
    }

    pub fn state(&self) -> TradingState {
        self.simulation.desk().trader().trading_state_of(btcusdt())
    }

    pub fn balances(&mut self) -> BTreeMap<Asset, Money> {
        let exchange = self.simulation.protocol().exchange();
        let held = exchange.balances(self.account).into_iter();
        held.map(|balance| (balance.asset, balance.free + balance.locked))
            .collect()
    }

    /// The trades that the venue lists, of everyone on the account.
    pub fn venue_trades(&mut self) -> Vec<Trade> {
        let query = TradeQuery {
            limit: usize::MAX,
            ..TradeQuery::default()
        };
        let account = self.account;
        let exchange = self.simulation.protocol().exchange();
        let trades = exchange.my_trades(account, btcusdt(), query).into_iter();
        trades.map(trade).collect()
    }

    /// How many orders traded more than once, so that they were partly filled for a while, or for good.
    pub fn partly_filled(&mut self) -> usize {
        let mut trades: BTreeMap<OrderId, Qty> = BTreeMap::new();
        let mut partly = BTreeSet::new();
        for trade in self.venue_trades() {
            if trades.insert(trade.order_id, trade.last_qty).is_some() {
                partly.insert(trade.order_id);
            }
        }
        partly.len()
    }

    pub fn fee_assets(&self) -> BTreeSet<Asset> {
        let books = self.simulation.desk().trader().state().ledgers().books();
        books
            .flat_map(|(.., book)| book.commissions().keys().copied())
            .collect()
    }
}

pub fn trade(listed: AccountTrade) -> Trade {
    Trade {
        symbol: listed.symbol,
        trade_id: listed.trade_id,
        order_id: listed.order_id,
        side: listed.side,
        last_px: listed.price,
        last_qty: listed.qty,
        commission: listed.commission,
        commission_asset: Some(listed.commission_asset),
        is_maker: listed.is_maker,
        transact_time: listed.time,
    }
}
