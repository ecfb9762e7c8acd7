//! A recording is read back as it was written, whatever a crash left of it.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use keel_recording::{
    Arrival, INDEX_FILE, Offer, Record, Recorder, RecordingError, SegmentLimits, SegmentWriter, read,
    segment_name,
};
use proptest::prelude::*;
use tempfile::tempdir;

fn record(seq: u64, frame: &str) -> Record {
    Record {
        seq,
        wall_ns: 1_000 + seq,
        mono_ns: seq,
        connection: 1,
        stream: "btcusdt@trade".into(),
        frame: frame.into(),
    }
}

fn limits(block_bytes: usize, segment_bytes: u64) -> SegmentLimits {
    SegmentLimits {
        block_bytes,
        segment_bytes,
        ..SegmentLimits::default()
    }
}

fn write(dir: &Path, limits: SegmentLimits, records: &[Record]) -> Result<(), RecordingError> {
    let mut writer = SegmentWriter::create(dir, limits)?;
    records.iter().try_for_each(|r| writer.append(r))?;
    writer.finish().map(drop)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn what_is_written_is_read(frames in prop::collection::vec(any::<String>(), 0..40), block in 1_usize..600, segment in 1_u64..900) {
        let dir = tempdir().unwrap();
        let records: Vec<_> = (1..).zip(&frames).map(|(seq, f)| record(seq, f)).collect();
        write(dir.path(), limits(block, segment), &records).unwrap();
        let mut back = Vec::new();
        let summary = read(dir.path(), |r| {
            back.push(r);
            ControlFlow::Continue(())
        }).unwrap();
        prop_assert_eq!(back, records);
        prop_assert!(summary.torn.is_empty() && summary.disagreements.is_empty() && summary.missing == 0, "{:?}", summary);
    }
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_and_counted() {
    let dir = tempdir().unwrap();
    let mut writer = SegmentWriter::create(dir.path(), SegmentLimits::default()).unwrap();
    let path = dir.path().join(segment_name(1));
    writer.append(&record(1, "{\"a\":1}")).unwrap();
    writer.flush().unwrap();
    let sound = fs::metadata(&path).unwrap().len();
    writer.append(&record(2, "{\"b\":2}")).unwrap();
    writer.flush().unwrap();
    // Dropped without its end, as a killed writer leaves it.
    drop(writer);
    let whole = fs::read(&path).unwrap();
    for end in usize::try_from(sound).unwrap()..=whole.len() {
        fs::write(&path, &whole[..end]).unwrap();
        let summary = read(dir.path(), |_| ControlFlow::Continue(())).unwrap();
        let complete = end == whole.len();
        assert_eq!(summary.records, if complete { 2 } else { 1 }, "cut at {end}");
        let cut: u64 = summary.torn.iter().map(|t| t.bytes).sum();
        assert_eq!(cut, if complete { 0 } else { end as u64 - sound }, "cut at {end}");
        assert!(
            summary.disagreements.is_empty(),
            "an unfinished last segment needs no index line"
        );
    }
}

#[test]
fn a_damaged_block_before_a_sound_one_is_an_error() {
    let dir = tempdir().unwrap();
    write(
        dir.path(),
        limits(1, u64::MAX),
        &[record(1, "first"), record(2, "second")],
    )
    .unwrap();
    let path = dir.path().join(segment_name(1));
    let mut data = fs::read(&path).unwrap();
    data[20] ^= 0x40;
    fs::write(&path, data).unwrap();
    assert!(matches!(
        read(dir.path(), |_| ControlFlow::Continue(())),
        Err(RecordingError::Damaged { offset: 0, .. })
    ));
}

#[test]
fn an_index_that_disagrees_with_the_segments_is_told() {
    let dir = tempdir().unwrap();
    write(
        dir.path(),
        limits(1, 1),
        &[record(1, "a"), record(2, "b"), record(3, "c")],
    )
    .unwrap();
    let index = dir.path().join(INDEX_FILE);
    let sound = fs::read_to_string(&index).unwrap();
    assert_eq!(sound.lines().count(), 3);

    fs::write(&index, sound.replacen("\"records\":1", "\"records\":2", 1)).unwrap();
    let summary = read(dir.path(), |_| ControlFlow::Continue(())).unwrap();
    assert_eq!((summary.records, summary.disagreements.len()), (3, 1));

    fs::write(&index, format!("{sound}{{\"segm")).unwrap();
    assert_eq!(
        read(dir.path(), |_| ControlFlow::Continue(()))
            .unwrap()
            .unreadable_index_lines,
        1
    );

    fs::write(&index, &sound).unwrap();
    fs::remove_file(dir.path().join(segment_name(3))).unwrap();
    let summary = read(dir.path(), |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(summary.records, 2);
    assert!(summary.disagreements[0].found.is_none());
}

#[test]
fn a_recording_is_not_overwritten() {
    let dir = tempdir().unwrap();
    write(dir.path(), SegmentLimits::default(), &[record(1, "a")]).unwrap();
    assert!(matches!(
        SegmentWriter::create(dir.path(), SegmentLimits::default()),
        Err(RecordingError::Exists { .. })
    ));
}

#[test]
fn missing_and_repeated_sequence_numbers_are_counted() {
    let dir = tempdir().unwrap();
    write(
        dir.path(),
        SegmentLimits::default(),
        &[record(1, "a"), record(4, "b"), record(4, "c"), record(5, "d")],
    )
    .unwrap();
    let summary = read(dir.path(), |_| ControlFlow::Continue(())).unwrap();
    assert_eq!((summary.missing, summary.out_of_order), (2, 1));
}

#[test]
fn what_the_queue_drops_is_counted_and_leaves_a_hole() {
    let dir = tempdir().unwrap();
    // A queue without room takes a frame only while the writer waits for one; a burst outruns it.
    let mut recorder = Recorder::start(dir.path(), limits(1, u64::MAX), 0).unwrap();
    let mut queued = 0;
    for n in 0..2_000 {
        let offer = recorder.offer(
            Arrival {
                wall_ns: n,
                mono_ns: n,
            },
            1,
            "s",
            "f",
        );
        queued += u64::from(offer == Offer::Queued);
    }
    let summary = recorder.finish().unwrap();
    assert_eq!(
        (summary.written.records, summary.dropped),
        (queued, 2_000 - queued)
    );
    assert!(summary.dropped > 0);
    assert_eq!(
        read(dir.path(), |_| ControlFlow::Continue(())).unwrap().records,
        queued
    );
}

#[test]
fn a_record_above_the_bound_ends_the_recording_and_keeps_what_came_before() {
    let dir = tempdir().unwrap();
    let mut recorder = Recorder::start(dir.path(), SegmentLimits::default(), 2).unwrap();
    let at = Arrival {
        wall_ns: 1,
        mono_ns: 1,
    };
    assert_eq!(recorder.offer(at, 1, "s", "kept"), Offer::Queued);
    assert_eq!(
        recorder.offer(at, 1, "s", &"x".repeat(16 * 1024 * 1024)),
        Offer::Queued
    );
    assert!(matches!(
        recorder.finish(),
        Err(RecordingError::RecordTooLarge { .. })
    ));
    assert_eq!(
        read(dir.path(), |_| ControlFlow::Continue(())).unwrap().records,
        1
    );
}

#[test]
fn a_block_is_on_disk_once_its_records_span_the_bound() {
    let dir = tempdir().unwrap();
    let bounds = SegmentLimits {
        block_ns: 100,
        ..SegmentLimits::default()
    };
    let mut writer = SegmentWriter::create(dir.path(), bounds).unwrap();
    let synced = || read(dir.path(), |_| ControlFlow::Continue(())).unwrap().records;
    writer.append(&record(1, "a")).unwrap();
    writer.append(&record(100, "b")).unwrap();
    assert_eq!(synced(), 0, "99 ns are within the bound");
    writer.append(&record(101, "c")).unwrap();
    assert_eq!(synced(), 3);
}

#[test]
fn a_segment_ends_once_its_records_span_the_bound() {
    let dir = tempdir().unwrap();
    let bounds = SegmentLimits {
        block_bytes: 1,
        segment_ns: 100,
        ..SegmentLimits::default()
    };
    write(
        dir.path(),
        bounds,
        &[
            record(1, "a"),
            record(100, "b"),
            record(101, "c"),
            record(102, "d"),
        ],
    )
    .unwrap();
    let index = fs::read_to_string(dir.path().join(INDEX_FILE)).unwrap();
    let records: Vec<_> = index.lines().map(|l| l.contains("\"records\":3")).collect();
    assert_eq!(records, [true, false]);
}

#[test]
fn a_segment_without_an_index_line_is_told_when_another_follows() {
    let dir = tempdir().unwrap();
    write(dir.path(), limits(1, 1), &[record(1, "a"), record(2, "b")]).unwrap();
    let index = dir.path().join(INDEX_FILE);
    let second = fs::read_to_string(&index)
        .unwrap()
        .lines()
        .nth(1)
        .unwrap()
        .to_owned();
    fs::write(&index, second).unwrap();
    let summary = read(dir.path(), |_| ControlFlow::Continue(())).unwrap();
    assert_eq!((summary.records, summary.disagreements.len()), (2, 1));
    assert!(summary.disagreements[0].indexed.is_none());
}
