//! Market data streams: subscriptions, and events to frames (web-socket-streams.md).

mod control;
mod flush;
mod name;
mod publish;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::time_unit::TimeUnit;
use super::{ConnId, ConnectionKind, Outgoing, Protocol};

pub(super) use flush::Flushes;
pub(super) use name::{Kind, Speed, Stream};

/// A connection to the streams: what it subscribed to, and whether frames name their stream.
pub(super) struct StreamConnection {
    pub(super) is_combined: bool,
    /// At most [`Limits::streams`](super::Limits::streams).
    names: BTreeSet<String>,
}

impl StreamConnection {
    pub(super) fn new(is_combined: bool) -> Self {
        Self {
            is_combined,
            names: BTreeSet::new(),
        }
    }
}

/// Who listens to what: an event looks up its stream once, however many connections there are.
#[derive(Default)]
pub(super) struct Hub {
    listeners: BTreeMap<Stream, BTreeSet<ConnId>>,
}

impl Hub {
    fn add(&mut self, stream: Stream, id: ConnId) {
        self.listeners.entry(stream).or_default().insert(id);
    }

    fn remove(&mut self, stream: Stream, id: ConnId) {
        if let Some(ids) = self.listeners.get_mut(&stream) {
            ids.remove(&id);
            if ids.is_empty() {
                self.listeners.remove(&stream);
            }
        }
    }

    /// The connection is gone.
    pub(super) fn forget(&mut self, id: ConnId, connection: &StreamConnection) {
        for stream in connection.names.iter().filter_map(|name| Stream::parse(name)) {
            self.remove(stream, id);
        }
    }

    fn has(&self, stream: &Stream) -> bool {
        self.listeners.contains_key(stream)
    }

    /// Streams that somebody listens to.
    fn streams(&self) -> impl Iterator<Item = Stream> {
        self.listeners.keys().copied()
    }
}

/// One event's frames: bare and named, in both units of time, each written when the first connection wants it.
#[derive(Default)]
struct Frames([Option<Arc<str>>; 4]);

impl Frames {
    fn get(
        &mut self,
        stream: Stream,
        is_combined: bool,
        unit: TimeUnit,
        data: impl Fn(TimeUnit) -> String,
    ) -> Arc<str> {
        let write = || {
            let data = data(unit);
            if is_combined {
                format!(r#"{{"stream":"{stream}","data":{data}}}"#).into()
            } else {
                data.into()
            }
        };
        let place = usize::from(is_combined) + 2 * usize::from(unit == TimeUnit::Micro);
        match self.0.get_mut(place) {
            Some(frame) => Arc::clone(frame.get_or_insert_with(write)),
            None => write(),
        }
    }
}

impl Protocol {
    /// Sends an event to whoever listens to the stream; `data` writes it in a unit of time.
    fn send_to_stream(&mut self, stream: Stream, data: impl Fn(TimeUnit) -> String) {
        let Some(ids) = self.hub.listeners.get(&stream) else {
            return;
        };
        let mut frames = Frames::default();
        for id in ids {
            let Some(connection) = self.connections.get(id) else {
                continue;
            };
            if let ConnectionKind::Streams(streams) = &connection.kind {
                let frame = frames.get(stream, streams.is_combined, connection.unit, &data);
                self.out.push_back((*id, Outgoing::Text(frame)));
            }
        }
    }
}
