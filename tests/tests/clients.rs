//! Unmodified third-party clients against the exchange. They need KEEL_CLIENTS_PYTHON, a Python with
//! tests/clients/requirements.txt installed (`.ci/run` sees to it); without it the tests say so and pass.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use std::process::Command;

use keel_tests::{API_KEY, API_SECRET, Exchange, root};

fn life_of(script: &str) {
    life_on(script, &[]);
}

fn life_on(script: &str, args: &[&str]) {
    let Ok(python) = std::env::var("KEEL_CLIENTS_PYTHON") else {
        eprintln!("left out: KEEL_CLIENTS_PYTHON names no Python with the clients");
        return;
    };
    let exchange = Exchange::start_with(31, args);
    let output = Command::new(python)
        .arg(root().join("tests/clients").join(script))
        .args([&exchange.rest_url, API_KEY, API_SECRET, &exchange.ws_api_url])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

#[test]
fn ccxt_lives_on_the_exchange() {
    life_of("ccxt_life.py");
}

#[test]
fn ccxt_pro_lives_on_the_exchange() {
    life_of("ccxt_pro_life.py");
}

#[test]
fn python_binance_lives_on_the_exchange() {
    life_of("python_binance_life.py");
}

#[test]
fn the_official_sdk_lives_on_the_exchange() {
    life_of("binance_sdk_spot_life.py");
}

#[test]
fn the_official_sdk_routes_and_pegs_orders_and_reads_every_rule() {
    life_on(
        "binance_sdk_spot_rules_life.py",
        &["--symbols", "BTCUSDT,ETHUSDT,BTCUSDC"],
    );
}

#[test]
fn unicorn_s_depth_cache_stays_in_step_with_the_exchange() {
    life_of("unicorn_depth_cache_life.py");
}
