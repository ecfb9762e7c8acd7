//! A plain tar archive (POSIX ustar), which every tool unpacks.

use std::io::{self, Write};

const BLOCK: usize = 512;

/// Writes files one after the other.
pub(super) struct Tar<W: Write> {
    out: W,
    /// Seconds since the epoch, for every file.
    modified: u64,
}

impl<W: Write> Tar<W> {
    pub(super) fn new(out: W, modified: u64) -> Self {
        Self { out, modified }
    }

    /// Adds a file that its owner alone may read.
    ///
    /// # Errors
    /// The writer's; `InvalidInput` for a name of more than 100 bytes.
    pub(super) fn add(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let header = header(name, content.len(), self.modified)?;
        self.out.write_all(&header)?;
        self.out.write_all(content)?;
        let rest = content.len() % BLOCK;
        if rest > 0 {
            self.out.write_all(&vec![0; BLOCK - rest])?;
        }
        Ok(())
    }

    /// Ends the archive; gives the writer back, flushed.
    ///
    /// # Errors
    /// The writer's.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&[0; 2 * BLOCK])?;
        self.out.flush()?;
        Ok(self.out)
    }
}

fn header(name: &str, size: usize, modified: u64) -> io::Result<Vec<u8>> {
    if name.len() > 100 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{name} is too long a name"),
        ));
    }
    // Name, mode, owner, group, size, time.
    let mut head = padded(name, 100);
    head.extend(
        format!(
            "{:07o}\0{:07o}\0{:07o}\0{size:011o}\0{modified:011o}\0",
            0o600, 0, 0
        )
        .bytes(),
    );
    // Kind (a file), what it links to, the format, its version; names, devices and prefix stay empty.
    let mut tail = vec![b'0'];
    tail.extend(padded("", 100));
    tail.extend(b"ustar\x0000");
    tail.extend(padded("", BLOCK - 148 - 8 - tail.len()));
    // The checksum counts its own place as spaces.
    let sum: u32 = head.iter().chain(&tail).map(|byte| u32::from(*byte)).sum::<u32>() + 8 * 32;
    head.extend(format!("{sum:06o}\0 ").bytes());
    head.extend(tail);
    Ok(head)
}

fn padded(text: &str, length: usize) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize(length, 0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_takes_whole_blocks_and_a_long_name_is_refused() {
        let mut tar = Tar::new(Vec::new(), 1_700_000_000);
        tar.add("a/one.txt", b"content").unwrap();
        assert!(tar.add(&"x".repeat(101), b"").is_err());
        let bytes = tar.finish().unwrap();
        assert_eq!(bytes.len(), 4 * BLOCK);
        assert_eq!(&bytes[..9], b"a/one.txt");
        assert_eq!(&bytes[257..263], b"ustar\0");
        assert_eq!(&bytes[BLOCK..BLOCK + 7], b"content");
    }
}
