//! The snapshot in Prometheus' text format.

use std::fmt::{Display, Write};

use keel_domain::AlertClass;

use crate::{HealthReport, Snapshot};

struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string cannot fail.
        let _written = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<String> = labels
            .iter()
            .map(|(key, text)| format!("{key}=\"{}\"", escape(text)))
            .collect();
        let labels = if labels.is_empty() {
            String::new()
        } else {
            format!("{{{}}}", labels.join(","))
        };
        let _written = writeln!(self.0, "{name}{labels} {value}");
    }

    fn gauge(&mut self, name: &str, help: &str, value: Option<impl Display>) {
        let Some(value) = value else { return };
        self.family(name, "gauge", help);
        self.sample(name, &[], value);
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

/// Every metric, from one snapshot. A value that is not known is left out, so that it cannot be taken for zero.
#[must_use]
pub fn render(snapshot: &Snapshot, health: &HealthReport) -> String {
    let mut page = Page(String::new());
    page.family("keel_build_info", "gauge", "What runs; always 1.");
    let build = [
        ("build", snapshot.build.as_str()),
        ("config_hash", &snapshot.config_hash),
        ("mode", &snapshot.mode),
        ("venue", &snapshot.venue),
    ];
    page.sample("keel_build_info", &build, 1);
    page.family("keel_trading_state", "gauge", "1 for the present trading state.");
    page.sample("keel_trading_state", &[("state", &snapshot.state)], 1);
    page.gauge(
        "keel_session_up",
        "Whether the session with the venue is up.",
        Some(u8::from(snapshot.session_up)),
    );
    page.gauge(
        "keel_uptime_seconds",
        "Time since the start.",
        Some(snapshot.uptime_s),
    );
    page.gauge(
        "keel_equity",
        "What the account is worth, in the quote currency.",
        snapshot.equity,
    );
    page.gauge(
        "keel_pnl",
        "Profit and loss of own trades, net of fees.",
        snapshot.pnl,
    );
    identity(&mut page, snapshot);
    for (name, count) in &snapshot.counters {
        let name = format!("keel_{name}_total");
        page.family(&name, "counter", "Count since the start.");
        page.sample(&name, &[], count);
    }
    alerts(&mut page, snapshot);
    symbols(&mut page, snapshot);
    page.family("keel_risk_use", "gauge", "How much of a limit is used.");
    for risk in &snapshot.risk_use {
        page.sample("keel_risk_use", &[("limit", &risk.name)], risk.value);
    }
    page.family("keel_risk_limit", "gauge", "The limit.");
    for risk in &snapshot.risk_use {
        page.sample("keel_risk_limit", &[("limit", &risk.name)], risk.limit);
    }
    page.family(
        "keel_task_age_milliseconds",
        "gauge",
        "Silence of a supervised task.",
    );
    for task in &health.tasks {
        page.sample("keel_task_age_milliseconds", &[("task", task.task)], task.age_ms);
    }
    page.0
}

fn identity(page: &mut Page, snapshot: &Snapshot) {
    let Some(identity) = &snapshot.identity else {
        return;
    };
    page.gauge(
        "keel_identity_ok",
        "1 where the last check of the money identity found nothing unaccounted for.",
        Some(u8::from(identity.is_ok)),
    );
    page.gauge(
        "keel_identity_age_seconds",
        "Time since the last check of the money identity.",
        Some(snapshot.at.since(identity.at).as_secs()),
    );
    page.gauge(
        "keel_identity_in_currency",
        "1 where the last check was made in the quote currency too, 0 where an asset that moved had no fresh price.",
        Some(u8::from(identity.difference.is_some())),
    );
    page.gauge(
        "keel_identity_difference",
        "What is unaccounted for, in the quote currency.",
        identity.difference,
    );
    page.family(
        "keel_identity_asset_difference",
        "gauge",
        "What is unaccounted for, by asset.",
    );
    for (asset, difference) in &identity.assets {
        page.sample("keel_identity_asset_difference", &[("asset", asset)], difference);
    }
}

/// Every class is there from the start, so that the first alert of one is seen as a rise.
fn alerts(page: &mut Page, snapshot: &Snapshot) {
    let name = "keel_alerts_total";
    page.family(
        name,
        "counter",
        "Alerts since the start, by class and who has to act.",
    );
    for class in AlertClass::ALL {
        let labels = [("class", class.name()), ("owner", class.owner().name())];
        page.sample(name, &labels, snapshot.alerts.get(class).unwrap_or(&0));
    }
}

fn symbols(page: &mut Page, snapshot: &Snapshot) {
    page.family(
        "keel_symbol_trading_state",
        "gauge",
        "1 for the state in force on the pair.",
    );
    for symbol in &snapshot.symbols {
        let labels = [("symbol", symbol.symbol.as_str()), ("state", &symbol.state)];
        page.sample("keel_symbol_trading_state", &labels, 1);
    }
    page.family("keel_position", "gauge", "Base held.");
    for symbol in &snapshot.symbols {
        page.sample("keel_position", &[("symbol", &symbol.symbol)], symbol.position);
    }
    page.family(
        "keel_strategy_position",
        "gauge",
        "Base held by one strategy; all of a pair's together are its keel_position.",
    );
    for symbol in &snapshot.symbols {
        for holding in &symbol.holdings {
            let labels = [
                ("symbol", symbol.symbol.as_str()),
                ("strategy", &holding.strategy),
            ];
            page.sample("keel_strategy_position", &labels, holding.position);
        }
    }
    page.family("keel_dust", "gauge", "Base held that is too small to sell.");
    for symbol in &snapshot.symbols {
        page.sample("keel_dust", &[("symbol", &symbol.symbol)], symbol.dust);
    }
    page.family(
        "keel_unprotected_seconds",
        "gauge",
        "How long something that can be sold has been held without a stop at the venue; 0 while all is covered.",
    );
    for symbol in &snapshot.symbols {
        let ms = symbol.unprotected_ms.unwrap_or(0);
        let seconds = format!("{}.{:03}", ms / 1_000, ms % 1_000);
        page.sample("keel_unprotected_seconds", &[("symbol", &symbol.symbol)], seconds);
    }
    page.family("keel_open_orders", "gauge", "Orders that may be live.");
    for symbol in &snapshot.symbols {
        page.sample(
            "keel_open_orders",
            &[("symbol", &symbol.symbol)],
            symbol.orders.len(),
        );
    }
    page.family(
        "keel_book_age_milliseconds",
        "gauge",
        "Time since the book last changed.",
    );
    for (symbol, age) in snapshot
        .symbols
        .iter()
        .filter_map(|s| s.book_age_ms.map(|age| (s, age)))
    {
        page.sample("keel_book_age_milliseconds", &[("symbol", &symbol.symbol)], age);
    }
    data(page, snapshot);
}

fn data(page: &mut Page, snapshot: &Snapshot) {
    page.family(
        "keel_market_usable",
        "gauge",
        "1 where entries may be sent as far as the pair's market is concerned.",
    );
    for symbol in &snapshot.symbols {
        let labels = [("symbol", symbol.symbol.as_str())];
        page.sample("keel_market_usable", &labels, u8::from(symbol.is_usable));
    }
    page.family(
        "keel_data_age_seconds",
        "gauge",
        "Time since a stream of the pair was heard last.",
    );
    for symbol in &snapshot.symbols {
        for age in &symbol.data_ages {
            let labels = [("symbol", symbol.symbol.as_str()), ("stream", &age.stream)];
            let seconds = format!("{}.{:03}", age.age_ms / 1_000, age.age_ms % 1_000);
            page.sample("keel_data_age_seconds", &labels, seconds);
        }
    }
}
