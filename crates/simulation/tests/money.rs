//! Whose money it is and that it adds up, at every minute of a run in which everything moves it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use keel_binance_wire::params::Params;
use keel_binance_wire::signing::{SigningKey, VerifyingKey};
use keel_config::{Config, PAPER_TOML, Sources};
use keel_domain::{Asset, Instrument, Money, OrderId, Qty, SignedQty, Symbol, Timestamp, Trade};
use keel_engine::{DurableState, MoneyCheck, Operator, Record};
use keel_journal::read_all;
use keel_positions::{Account, Applied, AssetIdentity, Ledger, Owner, position_differences};
use keel_risk::TradingState;
use keel_runtime::{Ending, Progress, RunContext};
use keel_sim_exchange::core::{
    AccountConfig, AccountId, AccountTrade, CommissionRates, Discount, Exchange, ExchangeConfig, Market,
    TradeQuery,
};
use keel_sim_exchange::protocol::{AccountKey, HttpRequest, KeyPermissions, Method, Protocol, Reply};
use keel_simulation::{Simulation, SimulationSettings};

const BEGINS_AT: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const KEY: &str = "money-key";
const SECRET: &str = "money-secret";
const MINUTE: Duration = Duration::from_secs(60);
/// The pair that gives BNB a price; nothing trades it.
const BNB_LIMITS: &str =
    "[risk.per_symbol.BNBUSDT]\norder_qty_max = \"1\"\norder_notional_max = \"1000\"\nposition_max = \"1\"\n";

fn asset(name: &str) -> Asset {
    name.parse().unwrap()
}

fn btcusdt() -> Symbol {
    "BTCUSDT".parse().unwrap()
}

/// One BTC of a person's, and BNB for the fees of some minutes.
fn exchange(bnb: Money) -> Exchange {
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
    Exchange::new(config, BEGINS_AT).unwrap()
}

fn configuration(has_bnb_pair: bool) -> Config {
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

struct Run {
    simulation: Simulation,
    account: AccountId,
}

impl Run {
    fn start(bnb: &str, has_bnb_pair: bool) -> Self {
        let exchange = exchange(bnb.parse().unwrap());
        let account = exchange.account(0).unwrap();
        let key = AccountKey {
            api_key: KEY.to_owned(),
            verifying_key: VerifyingKey::hmac(SECRET),
            account,
            permissions: KeyPermissions::default(),
            created_at: BEGINS_AT,
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
        let protocol = Protocol::new(exchange, vec![key], BEGINS_AT);
        let simulation = Simulation::start(settings, protocol, BEGINS_AT).unwrap();
        Self { simulation, account }
    }

    fn pass(&mut self, time: Duration) {
        let end = self.simulation.now().plus(time);
        self.simulation.run(end);
    }

    /// A minute, at whose end the money adds up, asset by asset and in one currency.
    fn minute(&mut self) -> MoneyCheck {
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

    fn ask(&mut self, path: &str, raw_query: String, raw_body: String) {
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

    fn transfer(&mut self, way: &str, name: &str, amount: &str) {
        let body = format!("{{\"asset\":\"{name}\",\"amount\":\"{amount}\"}}");
        self.ask(&format!("/keel/account/{KEY}/{way}"), String::new(), body);
    }

    /// A person buys with the account's key.
    fn person_buys(&mut self, qty: &str) {
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

    fn state(&self) -> TradingState {
        self.simulation.desk().trader().trading_state_of(btcusdt())
    }

    fn balances(&mut self) -> BTreeMap<Asset, Money> {
        let exchange = self.simulation.protocol().exchange();
        let held = exchange.balances(self.account).into_iter();
        held.map(|balance| (balance.asset, balance.free + balance.locked))
            .collect()
    }

    /// The trades that the venue lists, of everyone on the account.
    fn venue_trades(&mut self) -> Vec<Trade> {
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
    fn partly_filled(&mut self) -> usize {
        let mut trades: BTreeMap<OrderId, Qty> = BTreeMap::new();
        let mut partly = BTreeSet::new();
        for trade in self.venue_trades() {
            if trades.insert(trade.order_id, trade.last_qty).is_some() {
                partly.insert(trade.order_id);
            }
        }
        partly.len()
    }

    fn fee_assets(&self) -> BTreeSet<Asset> {
        let books = self.simulation.desk().trader().state().ledgers().books();
        books
            .flat_map(|(.., book)| book.commissions().keys().copied())
            .collect()
    }
}

fn trade(listed: AccountTrade) -> Trade {
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

/// What the records alone say of the account.
fn by_journal(run: &Run, at_start: BTreeMap<Asset, Money>) -> Account {
    let recovered = read_all(run.simulation.disk()).unwrap();
    let mut state = DurableState::default();
    for payload in &recovered.records {
        let record: Record = serde_json::from_slice(payload).unwrap();
        state.apply(&record).unwrap();
    }
    let mut account = Account::new(at_start);
    let ours = state.ledgers().books();
    let ours = ours.flat_map(|(id, _, book)| book.trades().map(move |trade| (Owner::Strategy(id), trade)));
    let theirs = state.foreign().books();
    let theirs = theirs.flat_map(|(_, book)| book.trades().map(|trade| (Owner::Foreign, trade)));
    for (owner, trade) in ours.chain(theirs) {
        account.apply(owner, trade, asset("BTC"), asset("USDT")).unwrap();
    }
    for transfer in state.transfers() {
        assert_eq!(account.transfer(*transfer), Applied::New);
    }
    account
}

fn line(check: &MoneyCheck, name: &str) -> AssetIdentity {
    let mut lines = check.assets.iter();
    *lines.find(|line| line.asset == asset(name)).unwrap()
}

/// Rows F41, F45, F46, F47 and F49, and two restarts of the process, in eleven minutes.
#[test]
fn f47_the_money_adds_up_at_every_minute_whatever_moves_it() {
    let mut run = Run::start("0.6", true);
    let at_start = run.balances();
    run.minute();
    run.transfer("deposit", "USDT", "500");
    run.transfer("deposit", "BTC", "0.5");
    let check = run.minute();
    assert_eq!(line(&check, "BTC").transferred, Money::new(5, 1));
    run.transfer("withdraw", "USDT", "20.5");
    let check = run.minute();
    assert_eq!(line(&check, "USDT").transferred, Money::new(4795, 1));
    assert_eq!(
        run.fee_assets(),
        BTreeSet::from([asset("BNB")]),
        "BNB is not used up"
    );
    run.simulation.kill_and_restart().unwrap();
    for _ in 0..3 {
        run.minute();
    }
    let fees = run.fee_assets();
    assert!(fees.len() > 1, "BNB ran out: {fees:?}");
    run.person_buys("0.02");
    let check = run.minute();
    assert!(line(&check, "BTC").foreign > Money::ZERO, "{check:?}");
    assert_eq!(run.state(), TradingState::ReduceOnly);
    let reason = "it was me".to_owned();
    run.simulation.operate(Operator::Resume { reason });
    for _ in 0..2 {
        run.minute();
    }
    run.simulation.kill_and_restart().unwrap();
    for _ in 0..2 {
        run.minute();
    }
    assert_eq!(run.state(), TradingState::Active);
    assert!(run.partly_filled() > 0, "no order was partly filled");

    let account = by_journal(&run, at_start);
    let mut venue = Ledger::new();
    for trade in run.venue_trades() {
        venue.apply(&trade, asset("BTC"), asset("USDT")).unwrap();
    }
    let differences = position_differences(&account, &venue, &run.balances()).unwrap();
    assert_eq!(differences, [], "journal, the venue's trades and its balances");
    let position = run.simulation.desk().trader().position(btcusdt());
    assert!(
        position >= SignedQty::ZERO,
        "nothing but ours was sold: {position}"
    );
    let (outcome, _) = run.simulation.close();
    assert_eq!(outcome.ending, Ending::Closed);
    assert!(outcome.report.identity_ok, "{:?}", outcome.report.identity);
}

#[test]
fn f47_without_the_pair_that_prices_bnb_it_is_said_that_one_currency_was_not_checked() {
    let mut run = Run::start("5", false);
    run.pass(MINUTE);
    assert_eq!(run.fee_assets(), BTreeSet::from([asset("BNB")]));
    let (outcome, _) = run.simulation.close();
    let report = outcome.report;
    assert!(report.identity_ok, "{:?}", report.identity);
    let line = report.identity_money.unwrap();
    assert_eq!(line.difference, None);
    assert_eq!(line.unpriced.as_deref(), Some("no prices lead from BNB to USDT"));
    let told = report
        .alerts
        .iter()
        .filter(|alert| alert.contains("and not in USDT"));
    assert_eq!(told.count(), 1, "{:?}", report.alerts);
}
