//! Requests on a streams connection: SUBSCRIBE and its like.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::{Stream, StreamConnection};
use crate::protocol::{ConnId, ConnectionKind, Outgoing, Protocol};

#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Method {
    Subscribe,
    Unsubscribe,
    ListSubscriptions,
    SetProperty,
    GetProperty,
}

#[derive(Deserialize)]
struct Request {
    method: Method,
    #[serde(default)]
    params: Option<Vec<Value>>,
    #[serde(default)]
    id: Value,
}

/// The venue's number for a refusal, and its text.
type Refusal = (i32, String);

/// The longest name of a stream that is taken.
const NAME_BYTES_MAX: usize = 100;

fn is_request_id(id: &Value) -> bool {
    let is_text = |text: &str| text.len() <= 36;
    id.is_null() || id.is_i64() || id.as_str().is_some_and(is_text)
}

fn invalid(what: &str) -> Refusal {
    (2, format!("Invalid request: {what}"))
}

fn refusal(id: &Value, (code, msg): Refusal) -> String {
    json!({ "error": { "code": code, "msg": msg }, "id": id }).to_string()
}

/// Reads a request, or says why it cannot be read.
fn read(text: &str) -> Result<Request, (Value, Refusal)> {
    serde_json::from_str::<IgnoredAny>(text)
        .map_err(|error| (Value::Null, (3, format!("Invalid JSON: {error}"))))?;
    let request: Request = serde_json::from_str(text).map_err(|error| {
        let id = serde_json::from_str::<Value>(text)
            .ok()
            .and_then(|request| request.get("id").cloned())
            .filter(is_request_id);
        (id.unwrap_or_default(), invalid(&error.to_string()))
    })?;
    if is_request_id(&request.id) {
        Ok(request)
    } else {
        Err((Value::Null, invalid("request ID must be an unsigned integer")))
    }
}

/// The names in a request's parameters.
fn names(params: &[Value]) -> Result<Vec<&str>, Refusal> {
    let name = |value: &'_ Value| value.as_str().map(str::len);
    if params
        .iter()
        .any(|value| name(value).is_none_or(|bytes| bytes == 0 || bytes > NAME_BYTES_MAX))
    {
        return Err(invalid("invalid stream"));
    }
    Ok(params.iter().filter_map(Value::as_str).collect())
}

/// Whether a name has the form of a stream's. Streams that never tell anything are taken, as the venue does.
fn has_form(name: &str) -> bool {
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control();
    name.chars().all(is_plain) && name.contains('@')
}

impl StreamConnection {
    fn property(&mut self, params: &[Value], takes_value: bool) -> Result<Value, Refusal> {
        let (name, rest) = params
            .split_first()
            .ok_or_else(|| invalid("property name must be a string"))?;
        let name = name
            .as_str()
            .ok_or_else(|| invalid("property name must be a string"))?;
        if rest.len() > usize::from(takes_value) {
            return Err(invalid("too many parameters"));
        }
        if name != "combined" {
            return Err((0, "Unknown property".to_owned()));
        }
        match (takes_value, rest) {
            (false, _) => Ok(self.is_combined.into()),
            (true, [Value::Bool(is_combined)]) => {
                self.is_combined = *is_combined;
                Ok(Value::Null)
            }
            (true, _) => Err((1, "Invalid value type: expected Boolean".to_owned())),
        }
    }
}

impl Protocol {
    /// Answers a request of a streams connection.
    pub(in crate::protocol) fn stream_request(&mut self, id: ConnId, text: &str) {
        let reply = match read(text) {
            Err((request_id, refused)) => refusal(&request_id, refused),
            Ok(request) => match self.carry_out(id, &request) {
                Ok(result) => json!({ "result": result, "id": request.id }).to_string(),
                Err(refused) => refusal(&request.id, refused),
            },
        };
        self.out.push_back((id, Outgoing::Text(Arc::from(reply))));
    }

    fn carry_out(&mut self, id: ConnId, request: &Request) -> Result<Value, Refusal> {
        let streams_max = self.usage.limits.streams;
        let params = request.params.as_deref().unwrap_or_default();
        let Some(ConnectionKind::Streams(streams)) = self
            .connections
            .get_mut(&id)
            .map(|connection| &mut connection.kind)
        else {
            return Ok(Value::Null);
        };
        match request.method {
            Method::Subscribe => {
                let names = names(params)?;
                if !names.iter().all(|name| has_form(name)) {
                    return Err(invalid("invalid stream"));
                }
                let new = names
                    .iter()
                    .filter(|name| !streams.names.contains(**name))
                    .collect::<std::collections::BTreeSet<_>>();
                if streams.names.len() + new.len() > streams_max {
                    return Err(invalid(&format!(
                        "too many streams; a connection may have {streams_max}"
                    )));
                }
                for name in names {
                    streams.names.insert(name.to_owned());
                    if let Some(stream) = Stream::parse(name) {
                        self.hub.add(stream, id);
                    }
                }
                Ok(Value::Null)
            }
            Method::Unsubscribe => {
                for name in names(params)? {
                    if streams.names.remove(name)
                        && let Some(stream) = Stream::parse(name)
                    {
                        self.hub.remove(stream, id);
                    }
                }
                Ok(Value::Null)
            }
            Method::ListSubscriptions if params.is_empty() => Ok(streams.names.iter().cloned().collect()),
            Method::ListSubscriptions => Err(invalid("too many parameters")),
            Method::SetProperty => streams.property(params, true),
            Method::GetProperty => streams.property(params, false),
        }
    }

    /// Subscribes to what the URL names. The venue does not tell of names that it does not know.
    pub(in crate::protocol) fn subscribe_by_url(&mut self, id: ConnId, names: &str) {
        let Some(ConnectionKind::Streams(streams)) = self
            .connections
            .get_mut(&id)
            .map(|connection| &mut connection.kind)
        else {
            return;
        };
        for name in names.split('/') {
            if !has_form(name) || name.len() > NAME_BYTES_MAX {
                continue;
            }
            streams.names.insert(name.to_owned());
            if let Some(stream) = Stream::parse(name) {
                self.hub.add(stream, id);
            }
        }
    }
}
