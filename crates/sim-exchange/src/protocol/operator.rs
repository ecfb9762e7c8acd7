//! The operator's surface, apart from the venue's paths: `/keel/...`. Never counted in weights, never faulted.
//!
//! | request | effect |
//! |---|---|
//! | `GET /keel/faults` | the rules with what they did |
//! | `POST /keel/faults` | switches rules on; the body is a fault file, or the same as JSON |
//! | `DELETE /keel/faults/{id}` | switches one off, and what it set goes back |
//! | `GET /keel/connections` | what the server ended, by reason; the server itself answers it |
//! | `POST /keel/symbol/{symbol}/status` | body `{"status":"HALT"}`: the pair's status from now on |
//! | `POST /keel/symbol/{symbol}/execution_rules` | a list as in `executionRules`: the pair's rules from now on |
//! | `POST /keel/symbol/{symbol}/reference_price/calculation` | as in `referencePrice/calculation`, or `null` |
//! | `POST /keel/symbol/{symbol}/reference_price` | body `{"referencePrice":"100"}` or `null`: where it comes from outside |
//! | `POST /keel/exchange_filters` | a list as in `exchangeInfo`: the filters over all pairs from now on |
//! | `POST /keel/account/{api key}/asset_filters` | a list as in `myFilters`: the account's filters of assets from now on |
//! | `POST /keel/account/{api key}/deposit`, `withdraw` | body `{"asset":"USDT","amount":"100"}`: money from outside, or to there; told by `balanceUpdate` |

use keel_domain::{Asset, InstrumentStatus, Money, Timestamp};
use serde_json::{Value, json};

use super::Protocol;
use super::rest::{HttpRequest, HttpResponse, Method};
use crate::faults::FaultFile;

/// The most that one deposit or withdrawal moves; sums of balances stay far from where a decimal ends.
const TRANSFER_MAX: i64 = 1_000_000_000_000;

impl Protocol {
    pub(super) fn operate(&mut self, now: Timestamp, request: &HttpRequest) -> HttpResponse {
        let path: Vec<&str> = request.path.split('/').skip(2).collect();
        match (request.method, path.as_slice()) {
            (Method::Get, ["faults"]) => answer(200, &self.faults_shown(now)),
            (Method::Post, ["faults"]) => self.post_faults(now, &request.raw_body),
            (Method::Delete, ["faults", id]) => {
                if self.faults.plan.remove(id) {
                    self.tick_faults(now);
                    answer(200, &self.faults_shown(now))
                } else {
                    refusal(
                        404,
                        &format!("there is no rule `{id}`"),
                        "GET /keel/faults lists them",
                    )
                }
            }
            (Method::Post, ["symbol", symbol, "status"]) => self.post_status(symbol, &request.raw_body),
            (Method::Post, ["symbol", symbol, "execution_rules"]) => {
                self.post_execution_rules(symbol, &request.raw_body)
            }
            (Method::Post, ["symbol", symbol, "reference_price", "calculation"]) => {
                self.post_calculation(symbol, &request.raw_body)
            }
            (Method::Post, ["symbol", symbol, "reference_price"]) => {
                self.post_reference_price(now, symbol, &request.raw_body)
            }
            (Method::Post, ["exchange_filters"]) => self.post_exchange_filters(&request.raw_body),
            (Method::Post, ["account", key, "asset_filters"]) => {
                self.post_asset_filters(key, &request.raw_body)
            }
            (Method::Post, ["account", key, "deposit"]) => {
                self.post_transfer(now, key, &request.raw_body, false)
            }
            (Method::Post, ["account", key, "withdraw"]) => {
                self.post_transfer(now, key, &request.raw_body, true)
            }
            _ => refusal(
                404,
                &format!("{} is nothing an operator can do", request.path),
                "use GET /keel/connections, GET or POST /keel/faults, DELETE /keel/faults/{id}, POST /keel/exchange_filters, POST /keel/symbol/{symbol}/status, execution_rules, reference_price or reference_price/calculation, POST /keel/account/{api key}/deposit, withdraw or asset_filters",
            ),
        }
    }

    fn faults_shown(&self, now: Timestamp) -> Value {
        json!({
            "clock_skew_ms": self.faults.plan.clock_skew(now) / 1_000_000,
            "held": self.faults.held.len(),
            "not_held": self.faults.not_held,
            "rules": self.faults.plan.report(now),
        })
    }

    fn post_faults(&mut self, now: Timestamp, body: &str) -> HttpResponse {
        let file = match FaultFile::parse("request body", body) {
            Ok(file) => file,
            Err(error) => {
                let problem = format!("{}: {}: {}", error.place, error.key, error.problem);
                return refusal(400, &problem, &error.remedy);
            }
        };
        if file.seed.is_some() {
            let problem = "the seed is given at the start and stays";
            return refusal(400, problem, "leave `seed` out");
        }
        match self.add_faults(now, file.rules) {
            Ok(()) => answer(200, &self.faults_shown(now)),
            Err(problem) => refusal(400, &problem, "GET /keel/faults lists the rules"),
        }
    }

    fn post_transfer(&mut self, now: Timestamp, key: &str, body: &str, is_withdrawal: bool) -> HttpResponse {
        let Some(account) = self.keys.get(key).map(|key| key.account) else {
            let remedy = "name an account by its API key, as given with --account";
            return refusal(404, &format!("there is no account `{key}`"), remedy);
        };
        let wanted: Value = serde_json::from_str(body).unwrap_or_default();
        let word = |key: &str| wanted.get(key).and_then(Value::as_str);
        let asset: Option<Asset> = word("asset").and_then(|text| text.parse().ok());
        let amount: Option<Money> = word("amount").and_then(|text| text.parse().ok());
        let (Some(asset), Some(amount)) = (
            asset,
            amount.filter(|amount| *amount > Money::ZERO && *amount <= Money::from(TRANSFER_MAX)),
        ) else {
            let remedy = "send {\"asset\":\"USDT\",\"amount\":\"100\"}, the amount above zero, at most 1000000000000, and as a text";
            return refusal(400, "asset or amount cannot be read", remedy);
        };
        let delta = if is_withdrawal { -amount } else { amount };
        if self.exchange.transfer(now, account, asset, delta).is_err() {
            let problem = format!("the account has not {amount} {asset} free");
            return refusal(400, &problem, "withdraw less, or cancel orders first");
        }
        self.publish();
        answer(
            200,
            &json!({ "asset": asset.to_string(), "delta": delta.to_string() }),
        )
    }

    fn post_status(&mut self, symbol: &str, body: &str) -> HttpResponse {
        let wanted: Value = serde_json::from_str(body).unwrap_or_default();
        let status = match wanted.get("status").and_then(Value::as_str) {
            Some("TRADING") => InstrumentStatus::Trading,
            Some("HALT") => InstrumentStatus::Halt,
            Some("BREAK") => InstrumentStatus::Break,
            Some("CANCEL_ONLY") => InstrumentStatus::CancelOnly,
            _ => {
                let remedy = "send {\"status\":\"TRADING\"}, HALT, BREAK or CANCEL_ONLY";
                return refusal(400, "there is no such status", remedy);
            }
        };
        let known = symbol
            .parse()
            .ok()
            .and_then(|symbol| self.exchange.instrument(symbol).cloned());
        let Some(mut instrument) = known else {
            let problem = format!("the exchange has no {symbol}");
            return refusal(404, &problem, "GET /api/v3/exchangeInfo lists the pairs");
        };
        instrument.status = status;
        self.exchange.replace_instrument(instrument);
        answer(200, &json!({ "symbol": symbol, "status": wanted.get("status") }))
    }
}

pub(super) fn answer(status: u16, body: &Value) -> HttpResponse {
    HttpResponse {
        status,
        headers: Vec::new(),
        body: body.to_string(),
    }
}

pub(super) fn refusal(status: u16, problem: &str, remedy: &str) -> HttpResponse {
    answer(status, &json!({ "error": problem, "remedy": remedy }))
}
