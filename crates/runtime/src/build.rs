//! Which build runs.

use std::fs::File;
use std::io::{Read, Result as IoResult};
use std::path::Path;
use std::sync::LazyLock;

use anyhow::{Result, anyhow};
use ring::digest::{Context, SHA256};

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// How many bytes of the digest are shown, two digits each.
const SHOWN: usize = 6;

/// Read once, at the first question: another executable may stand at the same path later.
static BUILD: LazyLock<std::result::Result<String, String>> =
    LazyLock::new(|| running().map_err(|error| error.to_string()));

/// The build that runs, such as `0.1.0+8c5f02d1ab34`: the version, and the first twelve digits of the SHA-256 of the executable. Two
/// binaries of one version are two builds: what was tested is not what would run.
///
/// # Errors
/// The executable cannot be read; with the remedy.
pub fn build() -> Result<&'static str> {
    known(&BUILD)
}

fn known(read: &std::result::Result<String, String>) -> Result<&str> {
    read.as_deref().map_err(|error| {
        anyhow!(
            "this program's own file cannot be read, so that nobody can tell which build it is: {error}\n  \
             remedy: let this user read it, and mount /proc"
        )
    })
}

/// The same for what has to go on all the same: the version alone where the executable cannot be read.
#[must_use]
pub fn build_if_known() -> &'static str {
    BUILD.as_deref().unwrap_or(VERSION)
}

fn running() -> IoResult<String> {
    // The link leads to the file that runs, also where its path holds another one by now.
    of_file(Path::new("/proc/self/exe")).or_else(|_| of_file(&std::env::current_exe()?))
}

fn of_file(path: &Path) -> IoResult<String> {
    let mut file = File::open(path)?;
    let mut digest = Context::new(&SHA256);
    let mut buffer = vec![0; 1 << 20];
    loop {
        let length = file.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        digest.update(buffer.get(..length).unwrap_or_default());
    }
    let digits = digest.finish();
    let digits = digits.as_ref().iter().take(SHOWN);
    let digits: String = digits.map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{VERSION}+{digits}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f8_a_build_is_its_version_and_what_its_file_holds() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("binary");
        // The digest of FIPS 180-2's first example.
        std::fs::write(&path, "abc").unwrap();
        assert_eq!(of_file(&path).unwrap(), "0.1.0+ba7816bf8f01");
        let mut long = vec![7; 3 << 20];
        std::fs::write(&path, &long).unwrap();
        let before = of_file(&path).unwrap();
        *long.last_mut().unwrap() = 8;
        std::fs::write(&path, &long).unwrap();
        assert_ne!(of_file(&path).unwrap(), before, "its last byte counts");
        assert!(of_file(&dir.path().join("none")).is_err());
    }

    #[test]
    fn a_program_that_cannot_read_its_file_is_told_the_remedy() {
        let denied = Err("Permission denied".to_owned());
        let told = known(&denied).unwrap_err().to_string();
        assert!(told.contains("Permission denied") && told.contains("remedy: let this user read it"));
    }

    #[test]
    fn this_programs_build_is_that_of_its_file() {
        let exe = std::env::current_exe().unwrap();
        assert_eq!(build().unwrap(), of_file(&exe).unwrap());
        assert_eq!(build_if_known(), build().unwrap());
    }
}
