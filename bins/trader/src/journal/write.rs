//! `trader journal show` and `trader journal export`.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use keel_journal::{FsDisk, Inspection, inspect};
use keel_runtime::ExitCode;
use serde_json::json;

use super::select::{Filters, Line, Selection};
use super::{Place, harm_json, refuse_empty, tell_harm};

/// What is shown.
#[derive(Args, Clone)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    filters: Filters,
}

/// What is written, and where to.
#[derive(Args, Clone)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    filters: Filters,
    /// The file's form.
    #[arg(long, value_enum)]
    format: Format,
    /// A file that is not there yet.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// An array of objects, one record a line.
    Json,
    /// Sequence, time (UTC), kind, client order id, and the fact as JSON.
    Csv,
}

/// Writes the selected records by `write`, which is told whether the record is the first.
fn each(
    disk: &FsDisk,
    filters: &Filters,
    mut write: impl FnMut(bool, &Line) -> io::Result<()>,
) -> Result<(Inspection, u64)> {
    let mut selection = Selection::new(filters);
    let mut written = Ok(());
    let mut is_first = true;
    let mut put = |line: &Line| {
        let result = write(is_first, line);
        is_first = false;
        result
    };
    let inspection = inspect(disk, |sequence, payload| {
        if let Some(line) = selection.take(sequence, payload).filter(|_| written.is_ok()) {
            written = put(&line);
        }
    })?;
    refuse_empty(disk, &inspection)?;
    written?;
    for line in selection.rest() {
        put(&line)?;
    }
    if let Some(hint) = selection.hint() {
        eprintln!("{hint}");
    }
    Ok((inspection, selection.shown))
}

fn summary(inspection: &Inspection, shown: u64) -> serde_json::Value {
    json!({
        "shown": shown,
        "records": inspection.records(),
        "first_sequence": inspection.first_sequence,
        "last_sequence": inspection.last_sequence,
        "harm": inspection.harm.as_ref().map(harm_json),
    })
}

fn finish(disk: &FsDisk, inspection: &Inspection) -> ExitCode {
    let Some(harm) = &inspection.harm else {
        return ExitCode::Done;
    };
    tell_harm(disk, harm);
    eprintln!("trader: only the records before that place were read");
    ExitCode::Fault
}

/// Prints records. With `json`, each is an object, and the last line sums up.
///
/// # Errors
/// A journal that is not there or cannot be read. A reader that goes away is none.
pub(super) fn show(args: &ShowArgs, json: bool) -> Result<ExitCode> {
    let disk = args.place.disk()?;
    let mut out = BufWriter::new(io::stdout().lock());
    let shown = each(&disk, &args.filters, |_, line| {
        if json {
            writeln!(out, "{}", line.to_json())
        } else {
            writeln!(
                out,
                "{:>8}  {}  {:<14}  {:<20}  {}",
                line.sequence,
                line.time(),
                line.kind(),
                line.cl_ord_id().unwrap_or("-"),
                line.fact()
            )
        }
    });
    let done = shown.and_then(|(inspection, shown)| {
        if json {
            writeln!(out, "{}", summary(&inspection, shown))?;
        }
        out.flush()?;
        Ok(finish(&disk, &inspection))
    });
    match done {
        Err(error) if is_broken_pipe(&error) => {
            // What is still buffered has nowhere to go.
            let _unwanted = out.into_parts();
            Ok(ExitCode::Done)
        }
        done => done,
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<io::Error>();
    io.is_some_and(|io| io.kind() == io::ErrorKind::BrokenPipe)
}

fn csv_field(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn csv(line: &Line) -> String {
    [
        line.sequence.to_string(),
        line.time(),
        line.kind().to_owned(),
        line.cl_ord_id().unwrap_or_default().to_owned(),
        csv_field(&line.fact().to_string()),
    ]
    .join(",")
}

/// Writes records to a file.
///
/// # Errors
/// A journal that is not there or cannot be read, or a file that is there already or cannot be written.
pub(super) fn export(args: &ExportArgs, json: bool) -> Result<ExitCode> {
    let disk = args.place.disk()?;
    refuse_empty(&disk, &inspect(&disk, |_, _| {})?)?;
    let file = OpenOptions::new().create_new(true).write(true).open(&args.out);
    let file = file.with_context(|| format!("{}: give --out a file that can be made", args.out.display()))?;
    let mut out = BufWriter::new(file);
    if args.format == Format::Csv {
        writeln!(out, "sequence,time,kind,cl_ord_id,fact")?;
    }
    let (inspection, shown) = each(&disk, &args.filters, |is_first, line| match args.format {
        Format::Csv => writeln!(out, "{}", csv(line)),
        Format::Json => {
            let before = if is_first { "[\n" } else { ",\n" };
            write!(out, "{before}{}", line.to_json())
        }
    })?;
    if args.format == Format::Json {
        writeln!(out, "{}", if shown == 0 { "[]" } else { "\n]" })?;
    }
    out.flush()
        .with_context(|| format!("{} is not whole", args.out.display()))?;
    let code = finish(&disk, &inspection);
    println!("{shown} records written to {}", args.out.display());
    if json {
        println!("{}", summary(&inspection, shown));
    }
    Ok(code)
}
