//! `trader incident`: what somebody else needs to see what happened, in one file, without a secret.

mod redact;
mod tar;

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use keel_config::Config;
use keel_control::{Request, call};
use keel_journal::{FsDisk, HaltMark};
use keel_runtime::{Clock, ExitCode, KILL_FILE, build_if_known};
use serde_json::{Value, json};

use crate::ConfigArgs;
use crate::journal::slice;
use redact::redact;
use tar::Tar;

/// Of each log file its end: the rest is older.
const LOG_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// What goes into it.
#[derive(clap::Args, Clone)]
pub(crate) struct IncidentArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// The bundle, a tar archive that is not there yet.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// How many records of the journal, the latest.
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    last: usize,
}

/// A bundle that is being put together.
struct Bundle {
    tar: Tar<BufWriter<File>>,
    files: Vec<Value>,
    /// What is not in it, and why.
    left_out: Vec<String>,
    redacted: usize,
}

impl Bundle {
    fn add(&mut self, name: &str, text: &str) -> Result<()> {
        let (text, redacted) = redact(text);
        self.redacted += redacted;
        self.tar
            .add(name, text.as_bytes())
            .context("the bundle is not whole")?;
        self.files
            .push(json!({ "name": name, "bytes": text.len(), "redacted": redacted }));
        Ok(())
    }
}

/// Puts a bundle together. Reads only; the trader may be running, or not. No credentials are loaded.
///
/// # Errors
/// A configuration that cannot be read, or a file that is there already or cannot be written.
pub(crate) fn run(args: &IncidentArgs, json: bool) -> Result<ExitCode> {
    let config = args.config.load()?;
    let out = args.out.display();
    let mut options = OpenOptions::new();
    let file = options.create_new(true).write(true).mode(0o600).open(&args.out);
    let file = file.with_context(|| format!("{out}: give --out a file that can be made"))?;
    let now = jiff::Timestamp::from_nanosecond(i128::from(Clock::start().now().as_nanos()))?;
    let seconds = u64::try_from(now.as_second()).unwrap_or(0);
    let mut bundle = Bundle {
        tar: Tar::new(BufWriter::new(file), seconds),
        files: Vec::new(),
        left_out: Vec::new(),
        redacted: 0,
    };
    add_status(&mut bundle, &config)?;
    bundle.add("configuration.txt", &configuration(&config))?;
    let is_whole = add_journal(&mut bundle, &config, args.last)?;
    add_logs(&mut bundle, &config.state_dir.join("log"))?;
    let about = json!({
        "made_at": format!("{now:.3}"),
        "build": build_if_known(),
        "system": format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        "kernel": fs::read_to_string("/proc/version").unwrap_or_default().trim(),
        "mode": config.mode.to_string(),
        "venue": config.venue.name(),
        "config_hash": config.hash(),
        "state_dir": config.state_dir,
        "kill_file": config.state_dir.join(KILL_FILE).exists(),
        "halt_mark": FsDisk::read_only(&config.state_dir).mark().unwrap_or_else(|error| Some(error.to_string())),
        "files": bundle.files,
        "left_out": bundle.left_out,
    });
    bundle.add("about.json", &format!("{about:#}\n"))?;
    let Bundle {
        tar,
        left_out,
        redacted,
        files,
    } = bundle;
    let written = tar.finish().context("the bundle is not whole")?;
    let written = written
        .into_inner()
        .map_err(std::io::IntoInnerError::into_error)?;
    written.sync_all().context("the bundle is not whole")?;
    for line in &left_out {
        eprintln!("left out: {line}");
    }
    eprintln!(
        "{out}: {} files, {redacted} values redacted; `tar -xf` unpacks it. It shows trades and positions: give it to whom you trust",
        files.len()
    );
    if json {
        let told = json!({ "out": args.out, "files": files, "left_out": left_out, "redacted": redacted, "journal_whole": is_whole });
        println!("{told}");
    }
    Ok(if is_whole { ExitCode::Done } else { ExitCode::Fault })
}

fn add_status(bundle: &mut Bundle, config: &Config) -> Result<()> {
    match call(&config.state_dir, &Request::Status) {
        Ok(answer) => bundle.add("status.json", &format!("{:#}\n", json!(answer))),
        Err(error) => {
            bundle.left_out.push(format!("status.json: {error}"));
            Ok(())
        }
    }
}

/// Every effective value with its origin. What stands where credentials are is withheld: somebody may have mistaken a path for
/// the secret itself.
fn configuration(config: &Config) -> String {
    let lines = config.effective().iter().map(|setting| {
        let is_of_secret = setting.path.starts_with("credentials.") && setting.path.ends_with("_file");
        let value = if is_of_secret {
            "[REDACTED]"
        } else {
            &setting.value
        };
        format!("{} = {value}  # {}\n", setting.path, setting.origin)
    });
    lines.collect()
}

/// Whether the journal is there, and unharmed.
fn add_journal(bundle: &mut Bundle, config: &Config, last: usize) -> Result<bool> {
    match slice::of(&FsDisk::read_only(&config.state_dir), last) {
        Ok((lines, summary)) => {
            bundle.add("journal.jsonl", &lines)?;
            bundle.add("journal.json", &format!("{summary:#}\n"))?;
            Ok(summary.get("harm").is_none_or(Value::is_null))
        }
        Err(error) => {
            bundle.left_out.push(format!("journal.jsonl: {error:#}"));
            Ok(false)
        }
    }
}

fn add_logs(bundle: &mut Bundle, dir: &Path) -> Result<()> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) => {
            bundle.left_out.push(format!("log: {}: {error}", dir.display()));
            return Ok(());
        }
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        match end_of(&path) {
            Ok((text, skipped)) => {
                bundle.add(&format!("log/{name}"), &text)?;
                if skipped > 0 {
                    bundle
                        .left_out
                        .push(format!("log/{name}: its first {skipped} bytes"));
                }
            }
            Err(why) => bundle.left_out.push(format!("log/{name}: {why}")),
        }
    }
    Ok(())
}

/// The end of a log, and how many bytes stand before it. Follows no link: it may lead anywhere.
fn end_of(path: &Path) -> Result<(String, u64)> {
    let is_log = path.extension().is_some_and(|extension| extension == "jsonl");
    if !is_log || !fs::symlink_metadata(path)?.is_file() {
        anyhow::bail!("it is no log file");
    }
    let mut file = File::open(path)?;
    let skipped = file.metadata()?.len().saturating_sub(LOG_BYTES_MAX);
    file.seek(SeekFrom::Start(skipped))?;
    let mut bytes = Vec::new();
    file.take(LOG_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok((String::from_utf8_lossy(&bytes).into_owned(), skipped))
}
