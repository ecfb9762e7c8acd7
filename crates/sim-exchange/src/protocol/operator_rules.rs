//! What an operator changes of the rules that bind trading, in the forms in which the venue tells them.

use keel_binance_wire::filters::{Filter, asset_filters, exchange_filters, exchange_limits, max_assets};
use keel_binance_wire::price_rules::{Calculation, ExecutionRule};
use keel_domain::{Price, Symbol, Timestamp};
use serde_json::{Value, json};

use super::Protocol;
use super::operator::{answer, refusal};
use super::rest::HttpResponse;
use crate::core::{PriceRange, PriceRules, ReferenceCalculation};

impl Protocol {
    /// What an account may have open over all pairs: takes the place of all such filters.
    pub(super) fn post_exchange_filters(&mut self, body: &str) -> HttpResponse {
        let remedy = "send a list as in exchangeInfo: [{\"filterType\":\"EXCHANGE_MAX_NUM_ORDERS\",\"maxNumOrders\":1000}]; [] for none";
        let Ok(filters) = serde_json::from_str::<Vec<Filter>>(body) else {
            return refusal(400, "the filters cannot be read", remedy);
        };
        let limits = exchange_limits(&filters);
        let told = exchange_filters(&limits);
        if told.len() != filters.len() {
            return refusal(400, "a filter comes twice, or is not one over all pairs", remedy);
        }
        self.exchange.set_limits(limits);
        answer(200, &json!(told))
    }

    /// The most of an asset that one order of an account may be about: takes the place of all such filters.
    pub(super) fn post_asset_filters(&mut self, key: &str, body: &str) -> HttpResponse {
        let Some(account) = self.keys.get(key).map(|key| key.account) else {
            let remedy = "name an account by its API key, as given with --account";
            return refusal(404, &format!("there is no account `{key}`"), remedy);
        };
        let remedy = "send a list as in myFilters: [{\"filterType\":\"MAX_ASSET\",\"asset\":\"USDC\",\"limit\":\"42\"}]; [] for none";
        let filters = serde_json::from_str::<Vec<Filter>>(body);
        let Some((filters, most)) = filters.ok().and_then(|filters| {
            let most = max_assets(&filters).ok()?;
            Some((filters, most))
        }) else {
            return refusal(400, "the filters cannot be read", remedy);
        };
        if most.len() != filters.len() {
            return refusal(400, "a filter is not one of an asset", remedy);
        }
        let told = asset_filters(&most);
        self.exchange.set_max_assets(account, most);
        answer(200, &json!(told))
    }

    /// The rules of a pair that are enforced when an order trades: takes the place of all.
    pub(super) fn post_execution_rules(&mut self, symbol: &str, body: &str) -> HttpResponse {
        let remedy = "send a list as in executionRules: [{\"ruleType\":\"PRICE_RANGE\",\"bidLimitMultUp\":\"1.1\"}]; [] for none";
        let rules =
            serde_json::from_str::<Vec<ExecutionRule>>(body).unwrap_or_else(|_| vec![ExecutionRule::Other]);
        let range = match rules.as_slice() {
            [] => None,
            [
                ExecutionRule::PriceRange {
                    bid_limit_mult_up,
                    bid_limit_mult_down,
                    ask_limit_mult_up,
                    ask_limit_mult_down,
                },
            ] => Some(PriceRange {
                bid_up: *bid_limit_mult_up,
                bid_down: *bid_limit_mult_down,
                ask_up: *ask_limit_mult_up,
                ask_down: *ask_limit_mult_down,
            }),
            _ => return refusal(400, "the rules cannot be read, or there are several", remedy),
        };
        let Some(known) = self.operated_pair(symbol) else {
            return no_pair(symbol);
        };
        let before = self.exchange.price_rules(known);
        if !self.exchange.set_price_rules(PriceRules { range, ..before }) {
            return refusal(
                400,
                "the range binds nothing, or by a multiple that is not above zero",
                remedy,
            );
        }
        answer(200, &json!({ "symbol": symbol, "rules": rules }))
    }

    /// How a pair's reference price comes about from now on; `null`: there is none.
    pub(super) fn post_calculation(&mut self, symbol: &str, body: &str) -> HttpResponse {
        let remedy = "send {\"calculationType\":\"ARITHMETIC_MEAN\",\"bucketCount\":10,\"bucketWidthMs\":1000}, {\"calculationType\":\"EXTERNAL\",\"externalCalculationId\":0} or null";
        let Ok(wanted) = serde_json::from_str::<Option<Calculation>>(body) else {
            return refusal(400, "the calculation cannot be read", remedy);
        };
        let Some(known) = self.operated_pair(symbol) else {
            return no_pair(symbol);
        };
        let reference = wanted.map(|calculation| match calculation {
            Calculation::ArithmeticMean {
                bucket_count,
                bucket_width_ms,
            } => ReferenceCalculation::ArithmeticMean {
                bucket_count,
                bucket_width_ms,
            },
            Calculation::External {
                external_calculation_id,
            } => ReferenceCalculation::External(external_calculation_id),
        });
        let before = self.exchange.price_rules(known);
        if !self.exchange.set_price_rules(PriceRules { reference, ..before }) {
            let remedy = "1 to 10000 buckets of 1 to 86400000 ms";
            return refusal(
                400,
                "the window has no buckets, or too many or too long ones",
                remedy,
            );
        }
        answer(200, &json!({ "symbol": symbol, "calculation": wanted }))
    }

    /// The reference price of a pair, where it comes from outside.
    pub(super) fn post_reference_price(&mut self, now: Timestamp, symbol: &str, body: &str) -> HttpResponse {
        let wanted: Value = serde_json::from_str(body).unwrap_or_default();
        let price = match wanted.get("referencePrice") {
            Some(Value::Null) => Some(None),
            Some(Value::String(text)) => text
                .parse::<Price>()
                .ok()
                .filter(|price| !price.is_zero())
                .map(Some),
            _ => None,
        };
        let Some(price) = price else {
            let remedy = "send {\"referencePrice\":\"100.00\"} or {\"referencePrice\":null}";
            return refusal(400, "the price cannot be read", remedy);
        };
        let Some(known) = self.operated_pair(symbol) else {
            return no_pair(symbol);
        };
        if !self.exchange.give_reference_price(now, known, price) {
            let remedy = "POST /keel/symbol/{symbol}/reference_price/calculation with {\"calculationType\":\"EXTERNAL\",\"externalCalculationId\":0} first";
            return refusal(
                400,
                "the pair's reference price does not come from outside",
                remedy,
            );
        }
        answer(
            200,
            &json!({ "symbol": symbol, "referencePrice": wanted.get("referencePrice") }),
        )
    }

    fn operated_pair(&self, name: &str) -> Option<Symbol> {
        let symbol = name.parse().ok()?;
        self.exchange.instrument(symbol).map(|_| symbol)
    }
}

fn no_pair(symbol: &str) -> HttpResponse {
    let problem = format!("the exchange has no {symbol}");
    refusal(404, &problem, "GET /api/v3/exchangeInfo lists the pairs")
}
