//! `trader journal`: the durable record, looked at; the trader may be running.

mod select;
pub(crate) mod slice;
mod verify;
mod write;

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use keel_config::Config;
use keel_journal::{FsDisk, Harm, Inspection};
use keel_runtime::ExitCode;
use serde_json::{Value, json};

use crate::ConfigArgs;

/// What can be looked at.
#[derive(Subcommand)]
pub(crate) enum JournalCommand {
    /// Check the whole chain of records, and each snapshot. Exit code 1, with file and place, where something is harmed.
    #[command(after_help = "Example: trader journal verify --config config/paper.toml")]
    Verify(Place),
    /// Print records, oldest first: sequence, time, kind, order, and all of it as JSON.
    #[command(after_help = "Example: trader journal show --config config/paper.toml --kind intent --last 20")]
    Show(write::ShowArgs),
    /// Write records to a new file.
    #[command(
        after_help = "Example: trader journal export --config config/paper.toml --format csv --out records.csv"
    )]
    Export(write::ExportArgs),
}

/// Which journal.
#[derive(Args, Clone)]
pub(crate) struct Place {
    /// The configuration whose [state] dir is meant.
    #[arg(long, value_name = "FILE", required_unless_present = "dir")]
    config: Option<PathBuf>,
    /// Change one setting.
    #[arg(long = "set", value_name = "PATH=VALUE", requires = "config")]
    overrides: Vec<String>,
    /// A state directory, or a copy of one, instead of a configuration.
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    dir: Option<PathBuf>,
}

impl Place {
    /// The configuration, where one is named.
    pub(crate) fn config(&self) -> Result<Option<Config>> {
        let Some(config) = &self.config else {
            return Ok(None);
        };
        let args = ConfigArgs {
            config: config.clone(),
            overrides: self.overrides.clone(),
        };
        Ok(Some(args.load()?))
    }

    /// The directory, which holds a journal.
    pub(crate) fn disk(&self) -> Result<FsDisk> {
        let (dir, origin) = match (self.config()?, &self.config) {
            (Some(config), Some(file)) => (config.state_dir, format!(" ([state] dir of {})", file.display())),
            _ => (self.dir.clone().unwrap_or_default(), String::new()),
        };
        if !dir.is_dir() {
            bail!(
                "{}{origin} is not a directory: nothing has run with it here, or the path is wrong (it counts from \
                 the working directory)",
                dir.display()
            );
        }
        Ok(FsDisk::read_only(dir))
    }
}

/// Looks.
///
/// # Errors
/// A journal that is not there or cannot be read.
pub(crate) fn look(command: &JournalCommand, json: bool) -> Result<ExitCode> {
    match command {
        JournalCommand::Verify(place) => verify::verify(&place.disk()?, json),
        JournalCommand::Show(args) => write::show(args, json),
        JournalCommand::Export(args) => write::export(args, json),
    }
}

pub(crate) fn refuse_empty(disk: &FsDisk, inspection: &Inspection) -> Result<()> {
    if inspection.is_empty() {
        bail!(
            "{} holds no journal: nothing has run with it, or it is another directory than was meant",
            disk.dir().display()
        );
    }
    Ok(())
}

fn harm_json(harm: &Harm) -> Value {
    json!({
        "file": harm.file.to_string(),
        "offset": harm.offset,
        "sequence": harm.sequence,
        "what": harm.what,
    })
}

/// Says on standard error what is harmed.
pub(crate) fn tell_harm(disk: &FsDisk, harm: &Harm) {
    eprintln!("trader: {}: {harm}", disk.dir().display());
}
