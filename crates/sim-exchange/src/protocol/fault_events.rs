//! Faults carried out on events, frame by frame.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::connection::ConnectionKind;
use super::fault_frames::{end, half};
use super::faults::Held;
use super::{ConnId, Outgoing, Protocol};
use crate::faults::{Corruption, EventFacts, EventFate};

/// How long a frame waits for the next one of its kind to overtake it.
const SWAP_WITHIN: Duration = Duration::from_secs(10);

/// What a frame is about.
struct Sniffed {
    kind: String,
    is_user: bool,
    account: Option<String>,
    symbol: Option<String>,
    cl_ord_id: Option<String>,
}

impl Protocol {
    /// The next frame that is to leave, after the faults.
    pub(super) fn next_frame(&mut self) -> Option<(ConnId, Outgoing)> {
        self.settle();
        self.faults.ready.pop_front().or_else(|| self.out.pop_front())
    }

    /// Decides on every frame that is about to leave, in the order in which they came about.
    pub(super) fn settle(&mut self) {
        if self.faults.plan.is_empty() && self.faults.deaf.is_empty() {
            return;
        }
        while let Some((id, outgoing)) = self.out.pop_front() {
            let is_touched = self.faults.plan.touches_events() || self.faults.deaf.contains(&id);
            match outgoing {
                Outgoing::Text(text) if is_touched => self.send_with_faults(id, text),
                other => self.faults.ready.push_back((id, other)),
            }
        }
    }

    fn send_with_faults(&mut self, id: ConnId, text: Arc<str>) {
        let Some(event) = self.sniff(id, &text) else {
            self.send_now(id, Outgoing::Text(text));
            return;
        };
        if event.is_user && self.faults.deaf.contains(&id) {
            return;
        }
        let now = self.faults.now;
        let facts = EventFacts {
            connection: id.0,
            kind: &event.kind,
            is_user: event.is_user,
            account: event.account.as_deref(),
            symbol: event.symbol.as_deref(),
            cl_ord_id: event.cl_ord_id.as_deref(),
        };
        let fate = self.faults.plan.on_event(now, &facts);
        let name = format!("{} {}", event.kind, event.symbol.as_deref().unwrap_or_default());
        let overtaken = self.overtaken(id, &name);
        let frame = Outgoing::Text(text);
        match fate {
            EventFate::Drop => {}
            EventFate::Duplicate => {
                self.send_now(id, frame.clone());
                self.send_now(id, frame);
            }
            EventFate::Delay(delay) => {
                if let Some(held) = self.faults.hold(now.plus(delay), Held::Frame(id, frame)) {
                    self.release(now, held);
                }
            }
            EventFate::Reorder if overtaken.is_none() => {
                let held = Held::Swapped(id, name, frame);
                if let Some(held) = self.faults.hold(now.plus(SWAP_WITHIN), held) {
                    self.release(now, held);
                }
            }
            EventFate::Corrupt(how) => {
                if let Outgoing::Text(text) = frame {
                    self.send_now(id, Outgoing::Text(spoilt(&text, how).into()));
                }
            }
            EventFate::Disconnect(how) => self.send_now(id, end(how)),
            EventFate::Pass | EventFate::Reorder => self.send_now(id, frame),
        }
        // What waited to be overtaken has been, whatever became of this frame.
        if let Some(held) = overtaken {
            self.release(now, held);
        }
    }

    fn overtaken(&mut self, id: ConnId, name: &str) -> Option<Held> {
        let is_it = |held: &Held| matches!(held, Held::Swapped(to, kind, _) if *to == id && kind == name);
        let key = self
            .faults
            .held
            .iter()
            .find(|(_, held)| is_it(held))
            .map(|(key, _)| *key)?;
        self.faults.held.remove(&key)
    }

    fn sniff(&self, id: ConnId, text: &str) -> Option<Sniffed> {
        let frame: Value = serde_json::from_str(text).ok()?;
        let word = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        if let Some(event) = frame.get("event") {
            let subscription = frame.get("subscriptionId").and_then(Value::as_u64);
            let orig = word(event, "C").filter(|id| !id.is_empty());
            return Some(Sniffed {
                kind: word(event, "e")?,
                is_user: true,
                account: subscription.and_then(|subscription| self.api_key_of(id, subscription)),
                symbol: word(event, "s"),
                cl_ord_id: orig.or_else(|| word(event, "c")),
            });
        }
        if frame.get("result").is_some() || frame.get("error").is_some() || frame.get("code").is_some() {
            return None;
        }
        let data = frame.get("data").unwrap_or(&frame);
        let one = data.get(0).unwrap_or(data);
        let by_name = word(&frame, "stream").and_then(|stream| {
            let (symbol, kind) = stream.split_once('@')?;
            Some((symbol.to_ascii_uppercase(), kind.split('@').next()?.to_owned()))
        });
        let kind = match word(one, "e").as_deref() {
            Some("depthUpdate") => "depth".to_owned(),
            Some("24hrTicker") => "ticker".to_owned(),
            Some("24hrMiniTicker") => "miniTicker".to_owned(),
            Some(other) => other.to_owned(),
            None if one.get("lastUpdateId").is_some() => "partialDepth".to_owned(),
            None if one.get("u").is_some() => "bookTicker".to_owned(),
            None => by_name.as_ref()?.1.clone(),
        };
        Some(Sniffed {
            kind,
            is_user: false,
            account: None,
            symbol: word(one, "s").or_else(|| by_name.map(|(symbol, _)| symbol)),
            cl_ord_id: None,
        })
    }

    fn api_key_of(&self, id: ConnId, subscription: u64) -> Option<String> {
        let ConnectionKind::WsApi(connection) = &self.connections.get(&id)?.kind else {
            return None;
        };
        let account = connection.subscriptions.get(&subscription)?.account;
        self.keys
            .values()
            .find(|key| key.account == account)
            .map(|key| key.api_key.clone())
    }
}

/// Spoils a frame. An event without the prices in question stays as it is.
fn spoilt(text: &str, how: Corruption) -> String {
    if how == Corruption::BrokenJson {
        return half(text).to_owned();
    }
    let Ok(mut frame) = serde_json::from_str::<Value>(text) else {
        return text.to_owned();
    };
    let data = match frame.get("data") {
        Some(_) => frame.get_mut("data"),
        None => Some(&mut frame),
    };
    if let Some(data) = data.and_then(Value::as_object_mut) {
        if how == Corruption::Crossed {
            for (bid, ask) in [("b", "a"), ("bids", "asks")] {
                if let (Some(bids), Some(asks)) = (data.remove(bid), data.remove(ask)) {
                    data.insert(bid.to_owned(), asks);
                    data.insert(ask.to_owned(), bids);
                }
            }
        } else {
            for key in ["p", "c", "b", "a", "bids", "asks"] {
                data.get_mut(key).into_iter().for_each(zero_prices);
            }
        }
    }
    frame.to_string()
}

fn zero_prices(value: &mut Value) {
    match value {
        Value::String(price) => "0.00000000".clone_into(price),
        Value::Array(levels) => levels
            .iter_mut()
            .filter_map(|level| level.get_mut(0))
            .for_each(zero_prices),
        _ => {}
    }
}
