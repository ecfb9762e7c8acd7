//! What people and machines are told by the guard.

use std::fmt::Display;
use std::io::Write;

use keel_config::Config;
use keel_domain::{AlertClass, Symbol, Timestamp};
use keel_guard::Event;
use serde_json::{Value, json};

use crate::{Progress, build_if_known};

/// Tells what the guard does: people on standard error and in the log, machines by one JSON object a line on standard output.
#[derive(Debug, Clone, Copy)]
pub struct GuardTeller {
    /// For people.
    pub progress: Progress,
    /// For machines, too.
    pub json: bool,
}

#[derive(Debug)]
struct Told {
    name: &'static str,
    text: String,
    details: Value,
}

impl Told {
    fn news(name: &'static str, text: &str) -> Self {
        Self {
            name,
            text: text.to_owned(),
            details: json!({}),
        }
    }

    fn with(name: &'static str, text: String, details: Value) -> Self {
        Self { name, text, details }
    }
}

impl GuardTeller {
    pub(crate) fn begin(self, config: &Config) {
        let pairs: Vec<String> = config.trading.symbols.iter().map(ToString::to_string).collect();
        self.progress.line(&format!(
            "keel guard: mode {}, venue {}, configuration {}, build {}; pairs {}, state directory {}, silence of {} ms",
            config.mode,
            config.venue.name(),
            config.hash(),
            build_if_known(),
            pairs.join(", "),
            config.state_dir.display(),
            config.guard_silence_max.as_millis(),
        ));
    }

    pub(crate) fn ready(self, now: Timestamp) {
        self.tell(
            now,
            None,
            Told::news("ready", "listening for the trader's heartbeat"),
        );
    }

    pub(crate) fn unreachable(self, now: Timestamp, symbol: Symbol, error: &impl Display) {
        self.event(
            now,
            &Event::Unreachable {
                symbol,
                problem: error.to_string(),
            },
        );
    }

    pub(crate) fn event(self, now: Timestamp, event: &Event) {
        self.tell(now, event.alert_class(), told(event));
    }

    /// What became of the mark that keeps the trader's next start halted.
    pub(crate) fn marked(self, now: Timestamp, left: std::io::Result<()>) {
        let (class, told) = match left {
            Ok(()) => (
                None,
                Told::news(
                    "marked",
                    "the trader is halted, or its next start will be, until `trader resume --reason WHY`",
                ),
            ),
            Err(error) => {
                let text = format!(
                    "the trader's next start is NOT halted: no mark of it can be left in the state directory ({error}); \
                     `trader halt --reason WHY` before it is started"
                );
                let details = json!({ "problem": error.to_string() });
                (Some(AlertClass::Guard), Told::with("unmarked", text, details))
            }
        };
        self.tell(now, class, told);
    }

    fn tell(self, now: Timestamp, class: Option<AlertClass>, told: Told) {
        let Told {
            name,
            text,
            mut details,
        } = told;
        if let Some(class) = class {
            let owner = class.owner().name();
            tracing::error!(event = name, class = class.name(), owner, %details, "{text}");
            self.progress
                .line(&format!("ALERT {}", class.alert(text.as_str())));
        } else {
            tracing::info!(event = name, "{text}");
            self.progress.line(&text);
        }
        if self.json {
            if let Some(object) = details.as_object_mut() {
                object.insert("event".to_owned(), json!(name));
                object.insert("at_ms".to_owned(), json!(now.as_millis()));
                object.insert("text".to_owned(), json!(text));
                if let Some(class) = class {
                    object.insert("class".to_owned(), json!(class));
                    object.insert("owner".to_owned(), json!(class.owner().name()));
                }
            }
            // That nobody reads any more must not keep the guard from its work.
            let _written = writeln!(std::io::stdout(), "{details}");
        }
    }
}

fn told(event: &Event) -> Told {
    match event {
        Event::Armed => Told::news("armed", "heartbeat: the trader is guarded"),
        Event::Expected => Told::news(
            "expected",
            "a trader did not say that it ended: its heartbeat is expected from now on",
        ),
        Event::Disarmed => Told::news(
            "disarmed",
            "the trader ended in order: nothing to do until the next heartbeat",
        ),
        Event::Returned => Told::news(
            "returned",
            "heartbeat again: canceling is over, the trader looks after its orders; it is guarded again",
        ),
        Event::Cleared { stops } => Told {
            details: json!({ "stops": stops }),
            ..Told::news("cleared", &cleared(*stops))
        },
        Event::Unreachable { symbol, problem } => {
            let text = format!(
                "the venue does not do what the guard would need ({symbol}: {problem}); it is asked again while a trader lives, and in need"
            );
            let details = json!({ "symbol": symbol.as_str(), "problem": problem });
            Told::with("unreachable", text, details)
        }
        Event::Reachable => Told::news("reachable", "the venue answers again"),
        Event::Silent { silence } => {
            let ms = millis(*silence);
            let text =
                format!("no heartbeat for {ms} ms: canceling every open order of the pairs, except stops");
            Told::with("silent", text, json!({ "silence_ms": ms }))
        }
        Event::Canceled { symbol, orders } => {
            let text = format!("{symbol}: {orders} canceled");
            let details = json!({ "symbol": symbol.as_str(), "orders": orders });
            Told::with("canceled", text, details)
        }
        Event::Failed {
            symbol,
            problem,
            wait,
        } => {
            let wait = millis(*wait);
            let text = format!("{symbol}: {problem}; tried again in {wait} ms");
            let details = json!({ "symbol": symbol.as_str(), "problem": problem, "wait_ms": wait });
            Told::with("failed", text, details)
        }
    }
}

fn cleared(stops: usize) -> String {
    let kept = match stops {
        0 => String::new(),
        1 => " except 1 that stays to protect what is held".to_owned(),
        _ => format!(" except {stops} that stay to protect what is held"),
    };
    format!(
        "no order is open{kept}, twice in a row; a restarted trader arms the guard again by its heartbeat"
    )
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
