//! One record's form: length (4 bytes), sequence (8), checksum of the record before (4), checksum of these three and the
//! payload (4), payload. All numbers little-endian.

pub(crate) const HEADER_BYTES: usize = 20;

/// What stands at a place of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    /// A whole, unharmed record.
    Record {
        payload: &'a [u8],
        checksum: u32,
        bytes: usize,
    },
    /// Nothing more.
    End,
    /// Something that is no record with this sequence after that checksum.
    Bad,
}

fn checksum(length: u32, sequence: u64, previous: u32, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length.to_le_bytes());
    hasher.update(&sequence.to_le_bytes());
    hasher.update(&previous.to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

/// Writes a record behind what `out` holds, and gives its checksum. `None` when it is too long to have a length.
pub(crate) fn encode(out: &mut Vec<u8>, sequence: u64, previous: u32, payload: &[u8]) -> Option<u32> {
    let length = u32::try_from(payload.len()).ok()?;
    let sum = checksum(length, sequence, previous, payload);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&sequence.to_le_bytes());
    out.extend_from_slice(&previous.to_le_bytes());
    out.extend_from_slice(&sum.to_le_bytes());
    out.extend_from_slice(payload);
    Some(sum)
}

fn take<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

/// Reads what stands at the start of `bytes`, where `sequence` is due after `previous`.
pub(crate) fn decode(bytes: &[u8], sequence: u64, previous: u32) -> Frame<'_> {
    if bytes.is_empty() {
        return Frame::End;
    }
    decode_whole(bytes, sequence, previous).unwrap_or(Frame::Bad)
}

fn decode_whole(bytes: &[u8], due: u64, previous_due: u32) -> Option<Frame<'_>> {
    let length = u32::from_le_bytes(take(bytes, 0)?);
    let sequence = u64::from_le_bytes(take(bytes, 4)?);
    let previous = u32::from_le_bytes(take(bytes, 12)?);
    let sum = u32::from_le_bytes(take(bytes, 16)?);
    let end = HEADER_BYTES.checked_add(usize::try_from(length).ok()?)?;
    let payload = bytes.get(HEADER_BYTES..end)?;
    let is_whole =
        sequence == due && previous == previous_due && sum == checksum(length, sequence, previous, payload);
    is_whole.then_some(Frame::Record {
        payload,
        checksum: sum,
        bytes: end,
    })
}

/// Whether any whole record with a sequence from `due` on stands anywhere in `bytes`, whatever came before it. A crash
/// can tear the end of a log, but cannot leave a whole record behind the tear that it did not sync.
pub(crate) fn holds_later_record(bytes: &[u8], due: u64) -> bool {
    (1..bytes.len().saturating_sub(HEADER_BYTES)).any(|at| {
        let Some(rest) = bytes.get(at..) else { return false };
        let header = || {
            let length = u32::from_le_bytes(take(rest, 0)?);
            let sequence = u64::from_le_bytes(take(rest, 4)?);
            let previous = u32::from_le_bytes(take(rest, 12)?);
            let is_plausible = sequence > due && sequence - due < 1 << 32 && (length as usize) < rest.len();
            is_plausible.then_some((sequence, previous))
        };
        header().is_some_and(|(sequence, previous)| {
            matches!(decode(rest, sequence, previous), Frame::Record { .. })
        })
    })
}
