//! A table of a fault file, key by key, with errors that say where and what would be right.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::time::Duration;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::rule::Lapse;

/// A fault file that cannot be used. Nothing was switched on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultFileError {
    /// Where: file, line and column.
    pub place: String,
    /// Which key; empty for a text that cannot be read at all.
    pub key: String,
    /// What is wrong with it.
    pub problem: String,
    /// What would be right.
    pub remedy: String,
}

impl fmt::Display for FaultFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}\n  remedy: {}", self.problem, self.remedy)
    }
}

impl std::error::Error for FaultFileError {}

/// The text, for saying where something stands.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
}

impl Source<'_> {
    pub(super) fn error(
        &self,
        at: usize,
        key: &str,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> FaultFileError {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        FaultFileError {
            place: format!("{}:{line}:{column}", self.name),
            key: key.to_owned(),
            problem: problem.into(),
            remedy: remedy.into(),
        }
    }
}

/// One table. A key that nobody asked for is an error in the end.
pub(super) struct Keys<'a> {
    source: Source<'a>,
    table: &'a DeTable<'a>,
    at: usize,
    asked: Vec<&'static str>,
}

type Read<T> = Result<T, FaultFileError>;

impl<'a> Keys<'a> {
    pub(super) fn new(source: Source<'a>, table: &'a DeTable<'a>, span: Range<usize>) -> Self {
        Self {
            source,
            table,
            at: span.start,
            asked: Vec::new(),
        }
    }

    pub(super) fn value(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.push(key);
        self.table
            .iter()
            .find(|(known, _)| known.get_ref() == key)
            .map(|(_, value)| value)
    }

    pub(super) fn error(
        &self,
        key: &str,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> FaultFileError {
        let at = self
            .table
            .iter()
            .find(|(known, _)| known.get_ref() == key)
            .map_or(self.at, |(_, value)| value.span().start);
        self.source.error(at, key, problem, remedy)
    }

    pub(super) fn text(&mut self, key: &'static str) -> Read<Option<String>> {
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        match value.get_ref() {
            DeValue::String(text) => Ok(Some(text.to_string())),
            _ => Err(self.error(key, "is no text", format!("write {key} = \"...\""))),
        }
    }

    /// One text or a list of them.
    pub(super) fn texts(&mut self, key: &'static str) -> Read<Option<Vec<String>>> {
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        let text = |value: &DeValue<'_>| value.as_str().map(str::to_owned);
        let texts: Option<Vec<String>> = match value.get_ref() {
            DeValue::Array(list) => list.iter().map(|item| text(item.get_ref())).collect(),
            one => text(one).map(|text| vec![text]),
        };
        match texts {
            Some(texts) if !texts.is_empty() => Ok(Some(texts)),
            _ => Err(self.error(
                key,
                "is neither a text nor a list of texts",
                format!("write {key} = \"...\" or [\"...\", \"...\"]"),
            )),
        }
    }

    /// One of the words; without the key, nothing.
    pub(super) fn word<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Read<Option<T>> {
        let Some(text) = self.text(key)? else {
            return Ok(None);
        };
        let found = words.iter().find(|(word, _)| *word == text);
        found.map(|(_, meaning)| Some(*meaning)).ok_or_else(|| {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.error(
                key,
                format!("`{text}` is not known"),
                format!("use one of {}", known.join(", ")),
            )
        })
    }

    /// A number exactly as written.
    pub(super) fn number(&mut self, key: &'static str) -> Read<Option<Decimal>> {
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        decimal(value.get_ref())
            .map(Some)
            .ok_or_else(|| self.error(key, "is no number", format!("write {key} = 1 or 0.5")))
    }

    /// A whole number from 1 on.
    pub(super) fn count(&mut self, key: &'static str) -> Read<Option<u64>> {
        let Some(number) = self.number(key)? else {
            return Ok(None);
        };
        let count = number.to_u64().filter(|count| number.is_integer() && *count > 0);
        count
            .map(Some)
            .ok_or_else(|| self.error(key, format!("`{number}` is no count"), "use 1, 2, 3 and so on"))
    }

    pub(super) fn seconds(&mut self, key: &'static str) -> Read<Option<Duration>> {
        let Some(number) = self.number(key)? else {
            return Ok(None);
        };
        nanos(number, 1_000_000_000).map(Some).ok_or_else(|| {
            self.error(
                key,
                format!("`{number}` is no span of seconds"),
                "use 0 or more seconds, at most 100000000",
            )
        })
    }

    /// Milliseconds: one number, or the ends of a range.
    pub(super) fn lapse(&mut self, key: &'static str) -> Read<Lapse> {
        let remedy = format!("write {key} = 500, or {key} = [100, 900] for a range, at most 100000000000");
        let Some(value) = self.value(key) else {
            return Err(self.error(key, "is missing", remedy));
        };
        let milliseconds = |value: &DeValue<'_>| decimal(value).and_then(|number| nanos(number, 1_000_000));
        let ends = match value.get_ref() {
            DeValue::Array(list) => match list.iter().as_slice() {
                [min, max] => milliseconds(min.get_ref()).zip(milliseconds(max.get_ref())),
                _ => None,
            },
            one => milliseconds(one).map(|lapse| (lapse, lapse)),
        };
        match ends {
            Some((min, max)) if min <= max => Ok(Lapse { min, max }),
            _ => Err(self.error(key, "is no span of milliseconds", remedy)),
        }
    }

    /// Something that is written as text or number and read as its type reads it.
    pub(super) fn parsed<T: FromStr>(&mut self, key: &'static str, remedy: &str) -> Read<Option<T>> {
        let Some(value) = self.value(key) else {
            return Ok(None);
        };
        let text = match value.get_ref() {
            DeValue::String(text) => Some(text.to_string()),
            other => decimal(other).map(|number| number.to_string()),
        };
        text.and_then(|text| text.parse().ok())
            .map(Some)
            .ok_or_else(|| self.error(key, "cannot be read", remedy))
    }

    pub(super) fn required<T>(&self, key: &str, value: Option<T>, remedy: &str) -> Read<T> {
        value.ok_or_else(|| self.error(key, "is missing", remedy))
    }

    /// The end: every key was asked for.
    pub(super) fn finish(self) -> Read<()> {
        let stranger = self
            .table
            .iter()
            .find(|(key, _)| !self.asked.iter().any(|asked| key.get_ref() == asked));
        match stranger {
            None => Ok(()),
            Some((key, _)) => Err(self.source.error(
                key.span().start,
                key.get_ref(),
                "is not known here",
                format!("this table takes {}", self.asked.join(", ")),
            )),
        }
    }
}

fn decimal(value: &DeValue<'_>) -> Option<Decimal> {
    match value {
        DeValue::Integer(number) if number.radix() == 10 => number.as_str().parse().ok(),
        DeValue::Float(number) => {
            let text = number.as_str();
            text.parse().or_else(|_| Decimal::from_scientific(text)).ok()
        }
        _ => None,
    }
}

fn nanos(number: Decimal, unit: u64) -> Option<Duration> {
    let longest = Decimal::from(100_000_000_u64) * Decimal::from(1_000_000_000_u64);
    let nanos = number.checked_mul(Decimal::from(unit))?;
    let is_span = !nanos.is_sign_negative() && nanos <= longest;
    nanos.to_u64().filter(|_| is_span).map(Duration::from_nanos)
}
