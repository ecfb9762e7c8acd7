//! The bytes of segments, records and snapshots, as docs/JOURNAL.md describes them. All numbers are little-endian; every
//! checksum is CRC-32 as in zlib.

const SEGMENT_MAGIC: &[u8; 8] = b"KEELSEG1";
const SNAPSHOT_MAGIC: &[u8; 8] = b"KEELSNP1";
/// A segment header without its label.
const SEGMENT_HEADER_BYTES: usize = 28;
const SNAPSHOT_HEADER_BYTES: usize = 32;
/// A record without its payload.
pub(crate) const RECORD_HEADER_BYTES: usize = 24;

fn take<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    take(bytes, at).map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    take(bytes, at).map(u64::from_le_bytes)
}

/// Where the log stands: the sequence that is due, and the checksum of the record before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chain {
    pub(crate) next_sequence: u64,
    pub(crate) checksum: u32,
}

impl Chain {
    pub(crate) const START: Self = Self {
        next_sequence: 1,
        checksum: 0,
    };

    pub(crate) fn last_sequence(self) -> u64 {
        self.next_sequence - 1
    }
}

/// The start of a segment: where the chain stood, and who wrote it, in the caller's bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader<'a> {
    pub(crate) chain: Chain,
    pub(crate) label: &'a [u8],
    pub(crate) bytes: usize,
}

/// `None` when the label is too long to have a length.
pub(crate) fn encode_segment_header(chain: Chain, label: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(SEGMENT_HEADER_BYTES + label.len());
    out.extend_from_slice(SEGMENT_MAGIC);
    out.extend_from_slice(&chain.next_sequence.to_le_bytes());
    out.extend_from_slice(&chain.checksum.to_le_bytes());
    out.extend_from_slice(&u32::try_from(label.len()).ok()?.to_le_bytes());
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&out);
    hasher.update(label);
    out.extend_from_slice(&hasher.finalize().to_le_bytes());
    out.extend_from_slice(label);
    Some(out)
}

/// `None` for bytes that do not start with a whole, unharmed segment header.
pub(crate) fn decode_segment_header(bytes: &[u8]) -> Option<SegmentHeader<'_>> {
    let chain = Chain {
        next_sequence: u64_at(bytes, 8)?,
        checksum: u32_at(bytes, 16)?,
    };
    let length = usize::try_from(u32_at(bytes, 20)?).ok()?;
    let end = SEGMENT_HEADER_BYTES.checked_add(length)?;
    let label = bytes.get(SEGMENT_HEADER_BYTES..end)?;
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(bytes.get(..24)?);
    hasher.update(label);
    let is_whole = bytes.starts_with(SEGMENT_MAGIC) && u32_at(bytes, 24)? == hasher.finalize();
    is_whole.then_some(SegmentHeader {
        chain,
        label,
        bytes: end,
    })
}

/// What stands at a place of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    /// A whole, unharmed record.
    Record(Record<'a>),
    /// Nothing more.
    End,
    /// Something that is not the record that is due.
    Bad,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) payload: &'a [u8],
    pub(crate) sequence: u64,
    /// Everything up to this sequence was durable when the record was written.
    pub(crate) durable_before: u64,
    previous: u32,
    pub(crate) checksum: u32,
    pub(crate) bytes: usize,
}

/// Writes the record that is due behind what `out` holds, and gives its checksum. `None` when it is too long to have a
/// length, or too many records before it are not durable.
pub(crate) fn encode_record(
    out: &mut Vec<u8>,
    chain: Chain,
    durable_before: u64,
    payload: &[u8],
) -> Option<u32> {
    let length = u32::try_from(payload.len()).ok()?;
    let unsynced = u32::try_from(chain.last_sequence().checked_sub(durable_before)?).ok()?;
    let start = out.len();
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&chain.next_sequence.to_le_bytes());
    out.extend_from_slice(&unsynced.to_le_bytes());
    out.extend_from_slice(&chain.checksum.to_le_bytes());
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(out.get(start..)?);
    hasher.update(payload);
    let checksum = hasher.finalize();
    out.extend_from_slice(&checksum.to_le_bytes());
    out.extend_from_slice(payload);
    Some(checksum)
}

/// Reads what stands at the start of `bytes`, where the chain's next record is due.
pub(crate) fn decode_record(bytes: &[u8], due: Chain) -> Frame<'_> {
    if bytes.is_empty() {
        return Frame::End;
    }
    match decode_any(bytes) {
        Some(record) if record.sequence == due.next_sequence && record.previous == due.checksum => {
            Frame::Record(record)
        }
        _ => Frame::Bad,
    }
}

fn decode_any(bytes: &[u8]) -> Option<Record<'_>> {
    let length = u32_at(bytes, 0)?;
    let sequence = u64_at(bytes, 4)?;
    let durable_before = sequence
        .checked_sub(1)?
        .checked_sub(u64::from(u32_at(bytes, 12)?))?;
    let end = RECORD_HEADER_BYTES.checked_add(usize::try_from(length).ok()?)?;
    let payload = bytes.get(RECORD_HEADER_BYTES..end)?;
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(bytes.get(..20)?);
    hasher.update(payload);
    let checksum = hasher.finalize();
    (u32_at(bytes, 20)? == checksum).then_some(Record {
        payload,
        sequence,
        durable_before,
        previous: u32_at(bytes, 16)?,
        checksum,
        bytes: end,
    })
}

/// The furthest sequence that whole records behind a bad one show to have been durable. A crash can tear what was not
/// synced, even so that a later record is whole and an earlier one is not; but a record that says that an earlier one
/// was durable shows, when that one is bad, that it was harmed afterwards.
pub(crate) fn durable_shown_behind(bytes: &[u8], due: u64) -> u64 {
    // So few bytes cannot hold records that lead further.
    let furthest = due.saturating_add(bytes.len() as u64);
    let is_plausible =
        |rest: &[u8]| u64_at(rest, 4).is_some_and(|sequence| (due..=furthest).contains(&sequence));
    let mut shown = 0;
    for at in 1..bytes.len().saturating_sub(RECORD_HEADER_BYTES - 1) {
        let rest = bytes.get(at..).unwrap_or_default();
        if is_plausible(rest)
            && let Some(record) = decode_any(rest)
        {
            shown = shown.max(record.durable_before);
        }
    }
    shown
}

/// A snapshot's contents.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SnapshotBody<'a> {
    /// Where the chain stood when it was taken.
    pub(crate) chain: Chain,
    pub(crate) state: &'a [u8],
}

pub(crate) fn encode_snapshot(chain: Chain, state: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(SNAPSHOT_HEADER_BYTES + state.len());
    out.extend_from_slice(SNAPSHOT_MAGIC);
    out.extend_from_slice(&chain.last_sequence().to_le_bytes());
    out.extend_from_slice(&chain.checksum.to_le_bytes());
    out.extend_from_slice(&(state.len() as u64).to_le_bytes());
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&out);
    hasher.update(state);
    out.extend_from_slice(&hasher.finalize().to_le_bytes());
    out.extend_from_slice(state);
    out
}

/// `None` for bytes that are not exactly one whole, unharmed snapshot.
pub(crate) fn decode_snapshot(bytes: &[u8]) -> Option<SnapshotBody<'_>> {
    let chain = Chain {
        next_sequence: u64_at(bytes, 8)?.checked_add(1)?,
        checksum: u32_at(bytes, 16)?,
    };
    let state = bytes.get(SNAPSHOT_HEADER_BYTES..)?;
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(bytes.get(..28)?);
    hasher.update(state);
    let is_whole = bytes.starts_with(SNAPSHOT_MAGIC)
        && u64_at(bytes, 20)? == state.len() as u64
        && u32_at(bytes, 28)? == hasher.finalize();
    is_whole.then_some(SnapshotBody { chain, state })
}
