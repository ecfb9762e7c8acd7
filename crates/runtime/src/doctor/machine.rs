//! The state directory: whether it can be written, whose it is, who holds it, and the space that is left.

use std::fs::File;
use std::fs::TryLockError;
use std::path::Path;

use keel_config::Config;
use keel_control::{CallError, Request, call};
use keel_engine::{DurableState, Fact, Identity};
use keel_journal::{FsDisk, HaltMark, Inspection, inspect};
use rustix::fs::{Access, access, statvfs};

use super::Finding;
use crate::change::Change;
use crate::{KILL_FILE, decode, identity, restrictions_in_words};

/// All that a journal may come to, with logs and reports.
const SPACE_WARN: u64 = 5 << 30;
/// A trader halts where it cannot write: some hours of records.
const SPACE_FAIL: u64 = 512 << 20;

/// What the rest of the examination depends on.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// Whose the records are, as far as they say.
    pub(super) account: Option<String>,
    /// Whether there are records.
    pub(super) has_records: bool,
    /// Whether a trader runs on them.
    pub(super) is_running: bool,
}

pub(super) fn look(config: &Config, tell: &mut dyn FnMut(Finding)) -> Looked {
    let dir = &config.state_dir;
    let existing = dir.ancestors().find(|path| path.exists()).unwrap_or(dir);
    let existing = if existing.as_os_str().is_empty() {
        Path::new(".")
    } else {
        existing
    };
    tell(state_dir(dir, existing));
    if let Some(found) = disk_space(existing) {
        tell(found);
    }
    let mut looked = Looked::default();
    if dir.is_dir() {
        let restricted = records(config, &mut looked, tell);
        let (is_running, found) = holder(dir);
        looked.is_running = is_running;
        tell(found);
        // A running trader has told its own state.
        halts(dir, restricted.filter(|_| !is_running), tell);
    }
    looked
}

fn state_dir(dir: &Path, existing: &Path) -> Finding {
    let shown = dir.display();
    let what = "state directory";
    if !existing.is_dir() {
        let text = format!("{} is no directory", existing.display());
        return Finding::fail(what, text, "choose another [state] dir");
    }
    if let Err(error) = access(existing, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK) {
        let text = format!("{} cannot be written: {error}", existing.display());
        return Finding::fail(
            what,
            text,
            "give it to the user that trades, or choose another [state] dir",
        );
    }
    if existing == dir {
        Finding::ok(what, format!("{shown} can be written"))
    } else {
        Finding::ok(what, format!("{shown} is not there yet and can be made"))
    }
}

fn disk_space(existing: &Path) -> Option<Finding> {
    let what = "disk space";
    let found = match statvfs(existing) {
        Ok(told) => space(told.f_bavail.saturating_mul(told.f_frsize)),
        Err(error) => {
            let text = format!("{} does not tell: {error}", existing.display());
            Finding::warn(what, text, "look with df")
        }
    };
    Some(found)
}

fn space(free: u64) -> Finding {
    let what = "disk space";
    let text = format!("{} MiB free", free >> 20);
    let remedy = "free some space: the journal may come to 4 GiB, and a trader that cannot write it halts";
    match free {
        ..SPACE_FAIL => Finding::fail(what, text, remedy),
        SPACE_FAIL..SPACE_WARN => Finding::warn(what, text, remedy),
        SPACE_WARN.. => Finding::ok(what, text),
    }
}

/// Gives what the records restrict, as far as they go back to their beginning.
fn records(config: &Config, looked: &mut Looked, tell: &mut dyn FnMut(Finding)) -> Option<String> {
    let mut state = DurableState::default();
    let mut recorded: Option<Identity> = None;
    let mut unreadable: Option<u64> = None;
    let disk = FsDisk::read_only(&config.state_dir);
    let inspected = inspect(&disk, |sequence, payload| match decode(payload) {
        Ok(record) => {
            // A contradiction was recorded, and led to a restriction that is in the records too.
            let _restriction_follows = state.apply(&record);
            match record.fact {
                Fact::Account { account } => looked.account = Some(account),
                Fact::Booted { identity, .. } => recorded = Some(identity),
                _ => {}
            }
        }
        Err(_) => unreadable = unreadable.or(Some(sequence)),
    });
    let inspection = match inspected {
        Ok(inspection) => inspection,
        Err(error) => {
            let remedy = "look at the disk and at who owns the files";
            tell(Finding::fail("records", error.to_string(), remedy));
            return None;
        }
    };
    looked.has_records = !inspection.is_empty();
    let recorded = recorded.or_else(|| label(&inspection));
    tell(judge_records(config, &inspection, unreadable, recorded.as_ref()));
    let of_all = state.restriction_of_all().into_iter();
    let of_all = of_all.map(|(state, cause)| (None, *state, cause));
    let of_pairs = state.restricted_symbols().iter();
    let of_pairs = of_pairs.map(|(symbol, (state, cause))| (Some(*symbol), *state, cause));
    restrictions_in_words(of_all.chain(of_pairs))
}

/// Who wrote the newest segment, where the record of it is gone.
fn label(inspection: &Inspection) -> Option<Identity> {
    serde_json::from_slice(&inspection.segments.last()?.label).ok()
}

fn judge_records(
    config: &Config,
    inspection: &Inspection,
    unreadable: Option<u64>,
    recorded: Option<&Identity>,
) -> Finding {
    let what = "records";
    if let Some(harm) = &inspection.harm {
        let remedy = "restore the state directory from a copy, or lose it and `trader adopt`; `trader journal verify` says more";
        return Finding::fail(what, harm.to_string(), remedy);
    }
    if let Some(sequence) = unreadable {
        let text = format!("record {sequence} is not one of this version's");
        return Finding::fail(
            what,
            text,
            "run the version that wrote it, or choose another [state] dir",
        );
    }
    let now = identity(config);
    if let Some(other) = recorded.filter(|other| other.mode != now.mode || other.venue != now.venue) {
        let text = format!(
            "they are of mode {} on {}, and the configuration is mode {} on {}",
            other.mode, other.venue, now.mode, now.venue
        );
        return Finding::fail(what, text, "choose another [state] dir, or that mode and venue");
    }
    if let Err(error) = Change::between(recorded, &now).accepted(config.mode, None) {
        let text = error.to_string();
        let text = text.lines().next().unwrap_or_default();
        return Finding::warn(
            what,
            text,
            "where that is meant, start with `trader run --accept-change REASON`",
        );
    }
    if inspection.is_empty() {
        return Finding::ok(what, "none: the first start makes them");
    }
    let text = format!(
        "{} to {}, whole",
        inspection.first_sequence, inspection.last_sequence
    );
    Finding::ok(what, text)
}

/// What restricts the next start.
fn halts(dir: &Path, restricted: Option<String>, tell: &mut dyn FnMut(Finding)) {
    let remedy = "look at why; then `trader resume --reason WHY`";
    if let Some(restricted) = restricted {
        tell(Finding::warn(
            "halt",
            format!("the next start is {restricted}"),
            remedy,
        ));
    }
    match FsDisk::read_only(dir).mark() {
        Ok(None) => {}
        Ok(Some(reason)) => tell(Finding::warn(
            "halt",
            format!("the next start is halted: {reason}"),
            remedy,
        )),
        Err(error) => tell(Finding::warn(
            "halt",
            format!("its mark cannot be read: {error}"),
            remedy,
        )),
    }
    if dir.join(KILL_FILE).exists() {
        let text = format!("the file {KILL_FILE} keeps trading halted");
        tell(Finding::warn(
            "halt",
            text,
            "remove the file, then `trader resume --reason WHY`",
        ));
    }
}

/// Whether a trader runs on the directory, and how it is.
fn holder(dir: &Path) -> (bool, Finding) {
    let what = "trader";
    match call(dir, &Request::Status) {
        Ok(answer) => {
            let because = answer
                .cause
                .map_or_else(String::new, |cause| format!(", because: {cause}"));
            let text = format!("runs here, state {}{because}", answer.state);
            let is_free = answer.state == keel_risk::TradingState::Active.to_string();
            let found = if is_free {
                Finding::ok(what, text)
            } else {
                Finding::warn(what, text, "look at why; then `trader resume --reason WHY`")
            };
            (true, found)
        }
        Err(CallError::NotRunning) => match is_locked(dir) {
            Ok(false) => (false, Finding::ok(what, "none runs here")),
            Ok(true) => {
                let text = "a process holds the directory, and answers no operator";
                let remedy = format!(
                    "its number is in {}: wait, or stop it",
                    dir.join("lock").display()
                );
                (true, Finding::fail(what, text, remedy))
            }
            Err(error) => {
                let text = format!("whether one runs here is not known: {error}");
                (
                    true,
                    Finding::fail(what, text, "look at who owns the files there"),
                )
            }
        },
        Err(error) => {
            let text = format!("runs here, and does not answer: {error}");
            let remedy = "look at its log; `touch KILL` in its state directory halts it all the same";
            (true, Finding::fail(what, text, remedy))
        }
    }
}

/// Shares the lock for a moment, which its holder does not.
fn is_locked(dir: &Path) -> std::io::Result<bool> {
    let lock = match File::open(dir.join("lock")) {
        Ok(lock) => lock,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    match lock.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Health;
    use super::*;

    #[test]
    fn space_warns_before_it_fails() {
        assert_eq!(space(6 << 30).health, Health::Ok);
        assert_eq!(space(4 << 30).health, Health::Warn);
        assert_eq!(space(100 << 20).health, Health::Fail);
        assert!(space(100 << 20).text.contains("100 MiB"));
    }

    #[test]
    fn a_path_through_a_file_can_be_no_state_directory() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert_eq!(state_dir(&file.join("state"), &file).health, Health::Fail);
        assert_eq!(state_dir(&dir.path().join("new"), dir.path()).health, Health::Ok);
        assert!(is_locked(dir.path()).is_ok_and(|is_locked| !is_locked));
        let _held = FsDisk::lock(dir.path()).unwrap();
        assert!(is_locked(dir.path()).unwrap());
        assert!(holder(dir.path()).0, "whoever holds it may have orders open");
    }
}
