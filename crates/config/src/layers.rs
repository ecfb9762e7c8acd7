//! From file, overrides and environment to one tree, each value with its origin.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use config::{File, FileFormat, Value, ValueKind};
use toml::de::{DeTable, DeValue};

use crate::ConfigError;
use crate::raw::RawConfig;

const ENV_PREFIX: &str = "KEEL__";

/// Where settings come from.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The file's name, for messages.
    pub file: String,
    /// The file's text.
    pub text: String,
    /// `path=value`, as typed after `--set`.
    pub overrides: Vec<String>,
    /// Environment variables; those that do not begin with `KEEL__` are passed over.
    pub environment: Vec<(String, String)>,
}

impl Sources {
    /// A text alone.
    #[must_use]
    pub fn text(file: &str, text: &str) -> Self {
        Self {
            file: file.to_owned(),
            text: text.to_owned(),
            overrides: Vec::new(),
            environment: Vec::new(),
        }
    }

    /// A file alone.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn file(path: &Path) -> Result<Self, ConfigError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError {
            place: name.clone(),
            key: String::new(),
            problem: format!("cannot be read: {error}"),
            remedy: "name an existing file; config/paper.toml is a model".to_owned(),
        })?;
        Ok(Self::text(&name, &text))
    }

    /// With overrides.
    #[must_use]
    pub fn with_overrides(mut self, overrides: impl IntoIterator<Item = String>) -> Self {
        self.overrides.extend(overrides);
        self
    }

    /// With an environment.
    #[must_use]
    pub fn with_environment(mut self, environment: impl IntoIterator<Item = (String, String)>) -> Self {
        self.environment.extend(environment);
        self
    }
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The file, at a line and column.
    File(String, usize, usize),
    /// `--set`.
    Override,
    /// An environment variable.
    Environment(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file, line, column) => write!(f, "{file}:{line}:{column}"),
            Self::Override => f.write_str("--set"),
            Self::Environment(name) => f.write_str(name),
        }
    }
}

/// One effective value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its path, with dots.
    pub path: String,
    /// Its value, as it would stand in the file.
    pub value: String,
    /// Where it came from.
    pub origin: Origin,
}

/// All layers as one.
pub(crate) struct Layered {
    pub(crate) raw: RawConfig,
    pub(crate) settings: Vec<Setting>,
    pub(crate) places: Places,
}

/// Where each key of the file stands, and what overrides it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places {
    file: String,
    origins: BTreeMap<String, Origin>,
}

impl Places {
    /// Where a key, or the nearest table around it, stands.
    pub(crate) fn of(&self, path: &str) -> String {
        let mut path = path;
        loop {
            if let Some(origin) = self.origins.get(path) {
                return origin.to_string();
            }
            match path.rsplit_once('.') {
                Some((parent, _)) => path = parent,
                None => return self.file.clone(),
            }
        }
    }
}

pub(crate) fn load(sources: &Sources) -> Result<Layered, ConfigError> {
    let mut places = Places {
        file: sources.file.clone(),
        origins: BTreeMap::new(),
    };
    let document = DeTable::parse(&sources.text).map_err(|error| syntax_error(sources, &error))?;
    let mut scalars = BTreeMap::new();
    walk(document.get_ref(), "", sources, &mut places, &mut scalars);
    let mut builder = config::Config::builder().add_source(File::from_str(&sources.text, FileFormat::Toml));
    for Override { path, value, origin } in overrides(sources, &scalars)? {
        builder = builder.set_override(&path, value).map_err(|error| ConfigError {
            place: origin.to_string(),
            key: path.clone(),
            problem: error.to_string(),
            remedy: String::new(),
        })?;
        places.origins.insert(path, origin);
    }
    let built = builder.build().map_err(|error| ConfigError {
        place: sources.file.clone(),
        key: String::new(),
        problem: error.to_string(),
        remedy: String::new(),
    })?;
    let tree = strict(built.cache);
    let mut settings = Vec::new();
    flatten(&tree, "", &places, &mut settings);
    let raw = serde_path_to_error::deserialize(tree).map_err(|error| shape_error(&error, &places))?;
    Ok(Layered {
        raw,
        settings,
        places,
    })
}

fn syntax_error(sources: &Sources, error: &toml::de::Error) -> ConfigError {
    let at = error.span().map_or(0, |span| span.start);
    let (line, column) = line_and_column(&sources.text, at);
    let shown = sources.text.lines().nth(line - 1).unwrap_or_default();
    ConfigError {
        place: format!("{}:{line}:{column}", sources.file),
        key: String::new(),
        problem: format!("{}\n  {shown}\n  {:>column$}", error.message(), "^"),
        remedy: "correct the TOML at the mark; config/paper.toml is a model".to_owned(),
    }
}

fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    (line, column)
}

/// Notes where every key stands, and which scalars are strings.
fn walk(
    table: &DeTable<'_>,
    prefix: &str,
    sources: &Sources,
    places: &mut Places,
    scalars: &mut BTreeMap<String, bool>,
) {
    for (key, value) in table {
        let path = if prefix.is_empty() {
            key.get_ref().to_string()
        } else {
            format!("{prefix}.{}", key.get_ref())
        };
        let (line, column) = line_and_column(&sources.text, key.span().start);
        places
            .origins
            .insert(path.clone(), Origin::File(sources.file.clone(), line, column));
        match value.get_ref() {
            DeValue::Table(inner) => walk(inner, &path, sources, places, scalars),
            DeValue::Array(_) => {}
            scalar => {
                scalars.insert(path, matches!(scalar, DeValue::String(_)));
            }
        }
    }
}

struct Override {
    path: String,
    value: Value,
    origin: Origin,
}

/// Reads `--set` and the environment. Only scalars that the file has, and the known optional ones, can be overridden:
/// tables and lists merge in ways nobody means, and a misspelt name would silently change nothing.
fn overrides(sources: &Sources, scalars: &BTreeMap<String, bool>) -> Result<Vec<Override>, ConfigError> {
    const OPTIONAL: [&str; 2] = ["credentials.api_key_file", "credentials.api_secret_file"];
    let known = |path: &str| {
        scalars
            .get(path)
            .copied()
            .or_else(|| OPTIONAL.contains(&path).then_some(true))
    };
    let names = || scalars.keys().map(String::as_str).chain(OPTIONAL);
    let mut found = Vec::new();
    let mut take = |path: &str, text: &str, origin: Origin| -> Result<(), ConfigError> {
        let is_string = known(path).ok_or_else(|| ConfigError {
            place: origin.to_string(),
            key: path.to_owned(),
            problem: "is no single value of the configuration".to_owned(),
            remedy: suggestion(path, names()),
        })?;
        let kind = match (text, text.parse()) {
            ("true" | "false", _) if !is_string => ValueKind::Boolean(text == "true"),
            (_, Ok(whole)) if !is_string => ValueKind::I64(whole),
            _ => ValueKind::String(text.to_owned()),
        };
        found.push(Override {
            path: path.to_owned(),
            value: Value::new(None, kind),
            origin,
        });
        Ok(())
    };
    for text in &sources.overrides {
        let (path, value) = text.split_once('=').ok_or_else(|| ConfigError {
            place: "--set".to_owned(),
            key: text.clone(),
            problem: "has no value".to_owned(),
            remedy: "write it as path=value, such as --set log.level=debug".to_owned(),
        })?;
        take(path.trim(), value.trim(), Origin::Override)?;
    }
    for (name, value) in &sources.environment {
        let Some(rest) = name.strip_prefix(ENV_PREFIX) else {
            continue;
        };
        // Environment names have one case: the key is found whatever its own.
        let wanted = rest.replace("__", ".").to_lowercase();
        let path = names()
            .find(|path| path.eq_ignore_ascii_case(&wanted))
            .unwrap_or(&wanted)
            .to_owned();
        take(&path, value, Origin::Environment(name.clone()))?;
    }
    Ok(found)
}

/// The nearest known name, if one is near.
pub(crate) fn suggestion<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> String {
    let nearest = known.map(|name| (distance(wrong, name), name)).min();
    match nearest {
        Some((steps, name)) if steps <= wrong.len() / 3 + 1 => format!("did you mean `{name}`?"),
        _ => "config/paper.toml lists every setting".to_owned(),
    }
}

/// Edits between two words.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (slot, to) in row.iter_mut().skip(1).zip(b.chars()) {
            let best = (diagonal + usize::from(from != to)).min(left + 1).min(*slot + 1);
            diagonal = *slot;
            *slot = best;
            left = best;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// The layered tree with its types as they are: what reads it does not turn a 3 into `true` or a text into a number.
fn strict(value: Value) -> toml::Value {
    match value.kind {
        ValueKind::Boolean(value) => toml::Value::Boolean(value),
        ValueKind::I64(value) => toml::Value::Integer(value),
        ValueKind::Float(value) => toml::Value::Float(value),
        ValueKind::String(value) => toml::Value::String(value),
        ValueKind::Table(table) => {
            toml::Value::Table(table.into_iter().map(|(k, v)| (k, strict(v))).collect())
        }
        ValueKind::Array(array) => toml::Value::Array(array.into_iter().map(strict).collect()),
        // TOML has neither; a text is refused wherever something else is expected.
        ValueKind::Nil | ValueKind::I128(_) | ValueKind::U64(_) | ValueKind::U128(_) => {
            toml::Value::String(value.kind.to_string())
        }
    }
}

fn flatten(tree: &toml::Value, prefix: &str, places: &Places, settings: &mut Vec<Setting>) {
    if let toml::Value::Table(table) = tree {
        for (key, value) in table {
            let path = if prefix.is_empty() {
                key.clone()
            } else {
                format!("{prefix}.{key}")
            };
            flatten(value, &path, places, settings);
        }
        return;
    }
    let file = || Origin::File(places.file.clone(), 0, 0);
    let origin = places.origins.get(prefix).cloned().unwrap_or_else(file);
    settings.push(Setting {
        path: prefix.to_owned(),
        value: tree.to_string(),
        origin,
    });
}

fn shape_error(error: &serde_path_to_error::Error<toml::de::Error>, places: &Places) -> ConfigError {
    let path = error.path().to_string();
    let key = if path == "." { String::new() } else { path };
    let message = error.inner().message().to_owned();
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let (problem, remedy) = match quoted.split_first() {
        Some((wrong, known)) if message.starts_with("unknown field") => (
            format!("`{wrong}` is not a setting"),
            suggestion(wrong, known.iter().copied()),
        ),
        Some((missing, _)) if message.starts_with("missing field") => (
            format!("`{missing}` is missing"),
            format!("add {missing} here; config/paper.toml shows it explained"),
        ),
        _ => (
            message.clone(),
            "see the same key in config/paper.toml".to_owned(),
        ),
    };
    let place_key = match quoted.first() {
        Some(wrong) if problem.ends_with("is not a setting") && !key.ends_with(wrong) && key.is_empty() => {
            (*wrong).to_owned()
        }
        Some(wrong) if problem.ends_with("is not a setting") && !key.ends_with(wrong) => {
            format!("{key}.{wrong}")
        }
        _ => key,
    };
    ConfigError {
        place: places.of(&place_key),
        key: place_key,
        problem,
        remedy,
    }
}
