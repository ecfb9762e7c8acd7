//! Which records are wanted, and what is shown of them.

use std::collections::{BTreeSet, VecDeque};

use clap::Args;
use serde_json::{Value, json};

/// Filters; a record has to pass all of them.
#[derive(Args, Clone)]
pub(super) struct Filters {
    /// From this sequence on.
    #[arg(long, value_name = "SEQ", default_value_t = 1)]
    from: u64,
    /// The last so many of those that pass the other filters.
    #[arg(long, value_name = "N")]
    last: Option<usize>,
    /// Of one order, its trades among them.
    #[arg(long, value_name = "CL_ORD_ID")]
    order: Option<String>,
    /// Of one kind: intent, execution, refused, booted, restricted and so on.
    #[arg(long)]
    kind: Option<String>,
}

/// One record, as far as every version's records are alike.
pub(super) struct Line {
    pub(super) sequence: u64,
    value: Value,
}

impl Line {
    pub(super) fn new(sequence: u64, payload: &[u8]) -> Self {
        let value = serde_json::from_slice(payload)
            .unwrap_or_else(|_| json!({ "unreadable": String::from_utf8_lossy(payload) }));
        Self { sequence, value }
    }

    /// Nanoseconds since the epoch.
    fn at(&self) -> Option<i64> {
        self.value.get("at")?.as_i64()
    }

    /// When, in UTC.
    pub(super) fn time(&self) -> String {
        let at = self
            .at()
            .and_then(|nanos| jiff::Timestamp::from_nanosecond(i128::from(nanos)).ok());
        at.map_or_else(|| "?".to_owned(), |at| format!("{at:.6}"))
    }

    pub(super) fn kind(&self) -> &str {
        let fact = self.value.get("fact");
        let name = fact
            .and_then(Value::as_object)
            .and_then(|fact| fact.keys().next());
        name.map(String::as_str)
            .or_else(|| fact.and_then(Value::as_str))
            .unwrap_or("?")
    }

    pub(super) fn cl_ord_id(&self) -> Option<&str> {
        find(&self.value, "cl_ord_id").and_then(Value::as_str)
    }

    fn order_id(&self) -> Option<u64> {
        find(&self.value, "order_id").and_then(Value::as_u64)
    }

    /// The fact alone, as JSON.
    pub(super) fn fact(&self) -> &Value {
        self.value.get("fact").unwrap_or(&self.value)
    }

    pub(super) fn to_json(&self) -> Value {
        json!({ "sequence": self.sequence, "time": self.time(), "at": self.at(), "fact": self.fact() })
    }
}

fn find<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    match value {
        Value::Object(fields) => fields
            .get(key)
            .or_else(|| fields.values().find_map(|field| find(field, key))),
        Value::Array(items) => items.iter().find_map(|item| find(item, key)),
        _ => None,
    }
}

/// The same kind, however it is written: `SubmitUnknown`, `submit-unknown`.
fn plain(kind: &str) -> String {
    let letters = kind.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}

/// Picks records as they come.
pub(super) struct Selection<'a> {
    filters: &'a Filters,
    kind: Option<String>,
    /// The venue's ids of the order that is wanted: trades found by asking carry no other.
    order_ids: BTreeSet<u64>,
    kinds: BTreeSet<String>,
    held: VecDeque<Line>,
    pub(super) shown: u64,
}

impl<'a> Selection<'a> {
    pub(super) fn new(filters: &'a Filters) -> Self {
        Self {
            filters,
            kind: filters.kind.as_deref().map(plain),
            order_ids: BTreeSet::new(),
            kinds: BTreeSet::new(),
            held: VecDeque::new(),
            shown: 0,
        }
    }

    fn passes(&mut self, line: &Line) -> bool {
        if !self.kinds.contains(line.kind()) {
            self.kinds.insert(line.kind().to_owned());
        }
        // An order's id is learned from any of its records, whether that one is shown or not.
        let is_of_order = self.filters.order.as_deref().is_none_or(|wanted| {
            let is_named = line.cl_ord_id() == Some(wanted);
            if is_named {
                self.order_ids.extend(line.order_id());
            }
            let is_its_trade =
                line.cl_ord_id().is_none() && line.order_id().is_some_and(|id| self.order_ids.contains(&id));
            is_named || is_its_trade
        });
        is_of_order
            && line.sequence >= self.filters.from
            && self.kind.as_ref().is_none_or(|kind| *kind == plain(line.kind()))
    }

    /// Takes the next record; gives it back when it is to be shown now.
    pub(super) fn take(&mut self, sequence: u64, payload: &[u8]) -> Option<Line> {
        let line = Line::new(sequence, payload);
        if !self.passes(&line) {
            return None;
        }
        let Some(last) = self.filters.last else {
            self.shown += 1;
            return Some(line);
        };
        self.held.push_back(line);
        if self.held.len() > last {
            self.held.pop_front();
        }
        None
    }

    /// Those that had to wait for the end.
    pub(super) fn rest(&mut self) -> VecDeque<Line> {
        self.shown += self.held.len() as u64;
        std::mem::take(&mut self.held)
    }

    /// Why nothing was shown, as far as it is known.
    pub(super) fn hint(&self) -> Option<String> {
        let kinds: Vec<&str> = self.kinds.iter().map(String::as_str).collect();
        (self.shown == 0).then(|| format!("no record passes; kinds of record in it: {}", kinds.join(", ")))
    }
}
