//! A fault file: TOML, or the same tables as JSON.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::actions;
use super::keys::{FaultFileError, Keys, Source};
use super::rule::Rule;

/// A fault file as meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultFile {
    /// All chance of the faults, where the file says it.
    pub seed: Option<u64>,
    /// The rules, in order: of two that fire at once, the first is carried out.
    pub rules: Vec<Rule>,
}

impl FaultFile {
    /// Reads a file's text. A text that begins with `{` is JSON with the same keys.
    ///
    /// # Errors
    /// What is wrong, where, and what would be right.
    pub fn parse(name: &str, text: &str) -> Result<Self, FaultFileError> {
        if text.trim_start().starts_with('{') {
            return Self::parse(name, &toml_of(name, text)?);
        }
        let source = Source { name, text };
        let document = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            source.error(
                at,
                "",
                error.message(),
                "correct the TOML there; docs/FAULTS.md has models",
            )
        })?;
        let mut keys = Keys::new(source, document.get_ref(), document.span());
        let seed = keys.parsed("seed", "use a whole number from 0 on")?;
        let mut rules: Vec<Rule> = Vec::new();
        for table in rule_tables(source, keys.value("rule"))? {
            let rule = read(table, &rules)?;
            rules.push(rule);
        }
        keys.finish()?;
        Ok(Self { seed, rules })
    }
}

fn toml_of(name: &str, json: &str) -> Result<String, FaultFileError> {
    let source = Source { name, text: json };
    let remedy = "send one JSON object with the file's keys: {\"rule\": [{\"action\": ...}]}";
    let tables: serde_json::Value =
        serde_json::from_str(json).map_err(|error| source.error(0, "", error.to_string(), remedy))?;
    toml::to_string(&tables).map_err(|error| source.error(0, "", error.to_string(), remedy))
}

fn rule_tables<'a>(
    source: Source<'a>,
    value: Option<&'a Spanned<DeValue<'a>>>,
) -> Result<Vec<Keys<'a>>, FaultFileError> {
    let Some(value) = value else {
        return Ok(Vec::new());
    };
    let tables = value.get_ref().as_array().map(|list| {
        list.iter()
            .map(|item| {
                item.get_ref()
                    .as_table()
                    .map(|table| Keys::new(source, table, item.span()))
            })
            .collect::<Option<Vec<_>>>()
    });
    tables.flatten().ok_or_else(|| {
        source.error(
            value.span().start,
            "rule",
            "is no list of tables",
            "write [[rule]] above each rule",
        )
    })
}

fn read(mut keys: Keys<'_>, earlier: &[Rule]) -> Result<Rule, FaultFileError> {
    let id = keys.text("id")?;
    let (action, fault, when) = actions::read(&mut keys)?;
    let ordinal = earlier.iter().filter(|rule| rule.action == action).count() + 1;
    let id = id.unwrap_or_else(|| format!("{action}-{ordinal}"));
    let is_name = !id.is_empty()
        && id.len() <= 64
        && id.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if !is_name {
        return Err(keys.error(
            "id",
            format!("`{id}` is no name"),
            "use 1 to 64 letters, digits, `-`, `_` and `.`",
        ));
    }
    if earlier.iter().any(|rule| rule.id == id) {
        let problem = format!("`{id}` is there already");
        return Err(keys.error("id", problem, "give every rule a name of its own"));
    }
    keys.finish()?;
    Ok(Rule {
        id,
        action,
        fault,
        when,
    })
}
