//! Layers, traps and bad input.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use std::os::unix::fs::PermissionsExt;

use keel_config::{
    Config, ConfigError, CredentialsError, Mode, PAPER_TOML, Sources, StrategyChoice, load_credentials,
};
use keel_domain::Qty;
use secrecy::ExposeSecret;

fn paper() -> Sources {
    Sources::text("paper.toml", PAPER_TOML)
}

fn replaced(from: &str, to: &str) -> Result<Config, ConfigError> {
    assert!(PAPER_TOML.contains(from), "{from}");
    load(&PAPER_TOML.replace(from, to))
}

fn load(text: &str) -> Result<Config, ConfigError> {
    Config::load(&Sources::text("paper.toml", text))
}

fn line_of(text: &str) -> usize {
    PAPER_TOML
        .lines()
        .position(|line| line.starts_with(text))
        .unwrap()
        + 1
}

fn with_env(name: &str, value: &str) -> Result<Config, ConfigError> {
    Config::load(&paper().with_environment([(name.to_owned(), value.to_owned())]))
}

fn with_set(text: &str) -> Result<Config, ConfigError> {
    Config::load(&paper().with_overrides([text.to_owned()]))
}

#[test]
fn the_models_load() {
    for name in ["paper", "testnet"] {
        let path = format!("../../config/{name}.toml");
        let config = Config::load(&Sources::file(path.as_ref()).unwrap()).unwrap();
        assert_eq!(config.mode.to_string(), name);
    }
}

#[test]
fn later_layers_win_and_every_value_knows_its_origin() {
    let sources = paper()
        .with_overrides(["risk.orders_per_10s_max=7".to_owned()])
        .with_environment([("KEEL__LOG__LEVEL".to_owned(), "debug".to_owned())]);
    let config = Config::load(&sources).unwrap();
    assert_eq!(
        (config.risk.orders_per_10s_max, config.log_level.as_str()),
        (7, "debug")
    );
    let origin = |path: &str| {
        config
            .effective()
            .iter()
            .find(|s| s.path == path)
            .unwrap()
            .origin
            .to_string()
    };
    assert_eq!(origin("risk.orders_per_10s_max"), "--set");
    assert_eq!(origin("log.level"), "KEEL__LOG__LEVEL");
    assert_eq!(origin("mode"), format!("paper.toml:{}:1", line_of("mode")));
}

#[test]
fn the_environment_finds_a_key_whatever_its_case() {
    let config = with_env("KEEL__RISK__PER_SYMBOL__BTCUSDT__POSITION_MAX", "0.05").unwrap();
    let expected: Qty = "0.05".parse().unwrap();
    assert_eq!(
        config.risk.per_symbol.values().next().unwrap().position_max,
        expected
    );
}

#[test]
fn an_override_of_nothing_is_refused_with_the_nearest_name() {
    for error in [
        with_set("risk.order_per_10s_max=7"),
        with_env("KEEL__RISK__ORDER_PER_10S_MAX", "7"),
    ] {
        let error = error.unwrap_err();
        assert!(error.remedy.contains("`risk.orders_per_10s_max`"), "{error}");
    }
    assert!(with_env("KEEL__RISK__PER_SYMBOL__ETHUSDT__POSITION_MAX", "1").is_err());
    assert!(
        with_set("trading.symbols=ETHUSDT").is_err(),
        "lists are not overridden"
    );
    assert!(with_set("log.level").unwrap_err().remedy.contains("path=value"));
}

#[test]
fn a_misspelt_key_is_named_with_its_place_and_the_nearest_name() {
    let error = replaced("collar_away_bps", "colar_away_bps").unwrap_err();
    assert_eq!(
        error.place,
        format!("paper.toml:{}:1", line_of("collar_away_bps"))
    );
    assert_eq!(error.key, "risk.colar_away_bps");
    assert_eq!(error.remedy, "did you mean `collar_away_bps`?");
}

#[test]
fn a_missing_limit_is_an_error_and_has_no_default() {
    let error = replaced("orders_per_10s_max = 50", "# none").unwrap_err();
    assert_eq!(error.problem, "`orders_per_10s_max` is missing");
    assert!(error.place.starts_with("paper.toml:"), "{error}");
}

#[test]
fn a_limit_above_its_stage_is_refused_with_its_place() {
    let error = replaced("stage = \"normal\"", "stage = \"tiny\"").unwrap_err();
    assert_eq!(error.key, "risk.per_symbol.BTCUSDT.order_notional_max");
    assert_eq!(error.problem, "2000 is more than stage tiny permits: 50");
    let text = PAPER_TOML
        .replace("stage = \"normal\"", "stage = \"tiny\"")
        .replace("order_notional_max = \"2000\"", "order_notional_max = \"50\"");
    let low = |gross: &str| text.replace("gross_exposure_max = \"4000\"", gross);
    let error = load(&low("gross_exposure_max = \"200.01\"")).unwrap_err();
    assert_eq!(error.key, "risk.gross_exposure_max");
    assert!(error.place.starts_with("paper.toml:"), "{error}");
    assert!(load(&low("gross_exposure_max = \"200\"")).is_ok());
    let error = replaced("stage = \"normal\"", "stage = \"huge\"").unwrap_err();
    assert!(error.remedy.contains("shadow, tiny or normal"), "{error}");
}

#[test]
fn a_budget_of_orders_that_cannot_be_shared_out_is_refused() {
    let with = |most: u32| replaced("orders_per_10s_max = 50", &format!("orders_per_10s_max = {most}"));
    let error = with(2).unwrap_err();
    assert_eq!(error.key, "risk.orders_per_10s_max");
    assert_eq!(
        error.problem,
        "2 cannot be shared between entries, exits and stops"
    );
    assert_eq!(with(3).unwrap().risk.orders_per_10s_max, 3);
}

#[test]
fn a_limit_of_zero_or_less_is_refused_with_its_place() {
    let cases = [
        ("order_qty_max = \"0.02\"", "order_qty_max = \"0\""),
        ("order_notional_max = \"2000\"", "order_notional_max = \"-1\""),
        ("position_max = \"0.06\"", "position_max = 0"),
        ("orders_per_10s_max = 50", "orders_per_10s_max = 0"),
        ("collar_through_bps = 200", "collar_through_bps = 0"),
        ("book_age_ms_max = 2000", "book_age_ms_max = 0"),
        ("orders_per_60s_max = 1200", "orders_per_60s_max = 0"),
        (
            "notional_per_60s_max = \"1000000\"",
            "notional_per_60s_max = \"-1\"",
        ),
        ("gross_exposure_max = \"4000\"", "gross_exposure_max = \"0\""),
        ("rejections_per_60s_max = 3", "rejections_per_60s_max = 0"),
        ("entry_fills_per_60s_max = 600", "entry_fills_per_60s_max = 0"),
        ("snapshot_records = 10000", "snapshot_records = 0"),
        ("day_max = \"5000\"", "day_max = \"0\""),
        ("drawdown_max = \"10000\"", "drawdown_max = \"-1\""),
        ("losing_exits_max = 10000", "losing_exits_max = 0"),
        ("silence_ms_max = 10000", "silence_ms_max = 999"),
    ];
    for (from, to) in cases {
        let error = replaced(from, to).unwrap_err();
        let key = from.split(' ').next().unwrap();
        assert!(error.key.ends_with(key), "{error}");
        let line = PAPER_TOML
            .lines()
            .position(|line| line.starts_with(from))
            .unwrap()
            + 1;
        assert_eq!(error.place, format!("paper.toml:{line}:1"), "{error}");
        assert!(!error.remedy.is_empty());
    }
    assert!(replaced("collar_away_bps = 1000", "collar_away_bps = -1").is_err());
}

#[test]
fn a_loss_budget_names_a_currency_a_zone_and_an_hour_that_there_are() {
    let cases = [
        (
            "currency = \"USDT\"",
            "currency = \"EUR\"",
            "BTCUSDT is not quoted in EUR",
        ),
        ("currency = \"USDT\"", "currency = \"a b\"", "`a b` is no asset"),
        ("zone = \"UTC\"", "zone = \"Mars/Olympus\"", "no time zone"),
        (
            "day_starts = \"00:00\"",
            "day_starts = \"24:01\"",
            "no time of day",
        ),
        (
            "day_starts = \"00:00\"",
            "day_starts = \"noon\"",
            "no time of day",
        ),
    ];
    for (from, to, problem) in cases {
        let error = replaced(from, to).unwrap_err();
        assert!(error.problem.contains(problem), "{error}");
        assert!(error.key.starts_with("risk.loss."), "{error}");
    }
    let config = replaced("zone = \"UTC\"", "zone = \"America/New_York\"").unwrap();
    assert_eq!(config.risk.loss.zone, "America/New_York");
}

#[test]
fn a_float_is_refused_since_it_may_have_lost_digits() {
    let error = replaced("order_qty_max = \"0.02\"", "order_qty_max = 0.02").unwrap_err();
    assert!(error.problem.contains("as a string"), "{error}");
}

#[test]
fn a_number_keeps_all_its_digits_and_a_text_stays_a_text() {
    let config = replaced(
        "order_notional_max = \"2000\"",
        "order_notional_max = \"2000.12345678\"",
    )
    .unwrap();
    let limit = config.risk.per_symbol.values().next().unwrap().order_notional_max;
    assert_eq!(limit.to_string(), "2000.12345678");
    assert_eq!(with_set("instance.tag=0123").unwrap().instance_tag, "0123");
}

#[test]
fn broken_toml_shows_the_line_and_the_mark() {
    let error = replaced("mode = \"paper\"", "mode = paper").unwrap_err();
    let line = line_of("mode");
    assert!(error.place.starts_with(&format!("paper.toml:{line}:")), "{error}");
    assert!(
        error.problem.contains("mode = paper") && error.problem.contains('^'),
        "{error}"
    );
}

#[test]
fn f16_a_mode_reaches_only_its_own_hosts() {
    let production = "https://api.binance.com";
    let error = replaced("http://127.0.0.1:9100\"", &format!("{production}\"")).unwrap_err();
    assert!(
        error
            .problem
            .contains("api.binance.com must not be reached in paper mode"),
        "{error}"
    );
    let lookalikes = [
        "http://127.0.0.1.evil.com",
        "https://x@127.0.0.1.evil.com",
        "http://127.0.0.1@evil.com",
        "ftp://127.0.0.1",
    ];
    for url in lookalikes {
        assert!(
            replaced("http://127.0.0.1:9100\"", &format!("{url}\"")).is_err(),
            "{url}"
        );
    }
    let live = PAPER_TOML.replace("mode = \"paper\"", "mode = \"live\"");
    let error = Config::load(&Sources::text("live.toml", &live)).unwrap_err();
    assert!(error.problem.contains("in live mode"), "{error}");
    let plain = replaced("http://127.0.0.1:9100\"", "http://testnet.binance.vision\"").unwrap_err();
    assert!(plain.problem.contains("encrypted"), "{plain}");
}

#[test]
fn a_pair_without_limits_or_limits_without_a_pair_are_refused() {
    let error = replaced("symbols = [\"BTCUSDT\"]", "symbols = [\"BTCUSDT\", \"ETHUSDT\"]").unwrap_err();
    assert!(error.remedy.contains("[risk.per_symbol.ETHUSDT]"), "{error}");
    let error = replaced("[risk.per_symbol.BTCUSDT]", "[risk.per_symbol.BTCUSDC]").unwrap_err();
    assert_eq!(error.key, "trading.symbols");
    assert!(replaced("symbols = [\"BTCUSDT\"]", "symbols = [\"btcusdt\"]").is_err());
    assert!(replaced("symbols = [\"BTCUSDT\"]", "symbols = []").is_err());
}

#[test]
fn f71_a_secret_in_the_file_is_refused_and_not_repeated() {
    let error = replaced("kind = \"hmac\"", "kind = \"hmac\"\napi_secret = \"canary-7f3a\"").unwrap_err();
    assert_eq!(error.problem, "`api_secret` is not a setting");
    assert!(!error.to_string().contains("canary-7f3a"), "{error}");
}

#[test]
fn monitoring_listens_on_loopback_only() {
    let error = with_set("monitoring.listen=0.0.0.0:9464").unwrap_err();
    assert!(error.problem.contains("other machines"), "{error}");
}

#[test]
fn the_hash_names_the_values_and_not_their_origins() {
    let plain = Config::load(&paper()).unwrap().hash();
    assert_eq!(with_set("log.level=info").unwrap().hash(), plain);
    assert_eq!(with_env("KEEL__LOG__LEVEL", "info").unwrap().hash(), plain);
    assert_ne!(with_set("risk.orders_per_10s_max=31").unwrap().hash(), plain);
}

#[test]
fn the_strategy_is_chosen_by_name() {
    let config = with_set("strategy.name=trend").unwrap();
    let [strategy] = &config.strategies[..] else {
        panic!("{:?}", config.strategies)
    };
    assert!(matches!(strategy.choice, StrategyChoice::Trend(_)));
    assert_eq!(strategy.id.as_str(), "trend");
    assert_eq!(strategy.symbols, config.trading.symbols);
    assert!(
        with_set("strategy.name=quote")
            .unwrap_err()
            .remedy
            .contains("quoter")
    );
}

/// The paper model with these strategies instead of its own, and a second pair.
fn with_strategies(text: &str) -> Result<Config, ConfigError> {
    let start = PAPER_TOML.find("[strategy]").unwrap();
    let end = PAPER_TOML.find("[risk] #").unwrap();
    let (before, after) = (&PAPER_TOML[..start], &PAPER_TOML[end..]);
    let limits = "[risk.per_symbol.ETHUSDT]\norder_qty_max = \"1\"\norder_notional_max = \"2000\"\nposition_max = \"1\"\n";
    let two_pairs = before.replace("symbols = [\"BTCUSDT\"]", "symbols = [\"BTCUSDT\", \"ETHUSDT\"]");
    load(&format!("{two_pairs}{text}\n{after}\n{limits}"))
}

fn quoter(name: &str, more: &str) -> String {
    format!(
        "[strategies.{name}]\nname = \"quoter\"\n{more}\n[strategies.{name}.quoter]\norder_qty = \"0.01\"\n\
         position_target = \"0.02\"\nposition_max = \"0.05\"\nquote_offset_ticks = 0\nrequote_ticks = 100\n\
         skew_ticks_max = 50\n"
    )
}

#[test]
fn several_strategies_have_names_pairs_and_settings_of_their_own() {
    let text = quoter("near", "symbols = [\"ETHUSDT\"]")
        + &quoter("far", "").replace("requote_ticks = 100", "requote_ticks = 7");
    let config = with_strategies(&text).unwrap();
    let told: Vec<_> = config
        .strategies
        .iter()
        .map(|s| (s.id.to_string(), s.symbols.len()))
        .collect();
    assert_eq!(told, [("far".to_owned(), 2), ("near".to_owned(), 1)]);
    let requotes = config.strategies.iter().map(|s| match s.choice {
        StrategyChoice::Quoter(quoter) => quoter.requote_ticks,
        StrategyChoice::Trend(_) => 0,
    });
    assert_eq!(requotes.collect::<Vec<_>>(), [7, 100]);
}

#[test]
fn strategies_that_cannot_be_meant_are_refused_with_place_and_remedy() {
    let one = "[strategy]\nname = \"quoter\"\n".to_owned();
    let many: String = ["a", "b", "c", "d", "e"]
        .iter()
        .map(|name| quoter(name, ""))
        .collect();
    for (text, key, remedy) in [
        (String::new(), "strategy", "add [strategy]"),
        (one + &quoter("near", ""), "strategies", "keep [strategy]"),
        (quoter("toolongname", ""), "strategies.toolongname", "1 to 8"),
        (quoter("Upper", ""), "strategies.Upper", "a-z and 0-9"),
        (
            quoter("near", "symbols = [\"BNBUSDT\"]"),
            "strategies.near.symbols",
            "risk.per_symbol",
        ),
        (
            quoter("near", "symbols = []"),
            "strategies.near.symbols",
            "leave the key out",
        ),
        (
            quoter("near", "symbols = [\"ETHUSDT\", \"ETHUSDT\"]"),
            "strategies.near.symbols",
            "once",
        ),
        (
            quoter("near", "").replace("name = \"quoter\"", "name = \"trend\""),
            "strategies.near.name",
            "add [strategies.near.trend]",
        ),
        (
            quoter("near", "").replace("requote_ticks = 100", "requote_ticks = 0"),
            "strategies.near.quoter.requote_ticks",
            "",
        ),
        (many, "strategies", "at most 4"),
    ] {
        let error = with_strategies(&text).unwrap_err();
        assert_eq!(error.key, key, "{error}");
        assert!(error.remedy.contains(remedy), "{error}");
        assert!(error.place.starts_with("paper.toml"), "{error}");
    }
    let four: String = ["a", "b", "c", "d"].iter().map(|name| quoter(name, "")).collect();
    assert_eq!(with_strategies(&four).unwrap().strategies.len(), 4);
}

#[test]
fn credentials_come_from_the_environment_in_paper_mode_and_never_in_live() {
    let mut config = Config::load(&paper()).unwrap();
    let environment = |name: &str| name.starts_with("KEEL_API").then(|| format!("{name}-value"));
    let credentials = load_credentials(&config, environment).unwrap();
    assert_eq!(credentials.api_secret.expose_secret(), "KEEL_API_SECRET-value");
    assert!(!format!("{credentials:?}").contains("-value"));
    config.mode = Mode::Live;
    let refused = load_credentials(&config, environment).unwrap_err();
    assert!(matches!(refused, CredentialsError::Missing { .. }));
    assert!(!refused.to_string().contains("KEEL_API"), "{refused}");
}

#[test]
fn a_secret_file_that_others_can_read_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = Config::load(&paper()).unwrap();
    let write = |name: &str, mode: u32| {
        let path = dir.path().join(name);
        std::fs::write(&path, format!("{name}-text\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    };
    config.credentials.api_key_file = Some(write("key", 0o600));
    config.credentials.api_secret_file = Some(write("secret", 0o600));
    assert_eq!(
        load_credentials(&config, |_| None)
            .unwrap()
            .api_secret
            .expose_secret(),
        "secret-text"
    );
    write("secret", 0o640);
    let refused = load_credentials(&config, |_| None).unwrap_err();
    assert!(refused.to_string().contains("chmod 600"), "{refused}");
    assert!(!refused.to_string().contains("secret-text"));
}

#[test]
fn what_of_the_market_is_listened_to_is_checked() {
    assert_eq!(
        with_set("market_data.kline_interval=none")
            .unwrap()
            .market_data
            .kline_interval,
        None
    );
    let config = with_set("market_data.kline_interval=1m").unwrap();
    assert_eq!(config.market_data.kline_interval.as_deref(), Some("1m"));
    assert!(
        with_set("market_data.book_ticker=true")
            .unwrap()
            .market_data
            .book_ticker
    );
    assert!(with_set("market_data.book_ticker=1").is_err());
    let error = with_set("market_data.kline_interval=7m").unwrap_err();
    assert_eq!(error.key, "market_data.kline_interval");
    let error = with_set("market_data.price_jump_bps_max=0").unwrap_err();
    assert_eq!(error.key, "market_data.price_jump_bps_max");
}
