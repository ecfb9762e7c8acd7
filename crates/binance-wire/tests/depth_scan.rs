//! The depth reader written by hand agrees with the general one on every frame of which it says anything.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

use keel_binance_wire::depth_scan::scan;
use keel_binance_wire::stream::{self, StreamEvent};
use proptest::prelude::*;

/// What the scanner says, the general reader says too.
fn assert_agreement(frame: &[u8]) {
    if let Some(scanned) = scan(frame) {
        let read = stream::decode_json(frame).expect("the scanner read it, so JSON can be read");
        assert_eq!(
            read,
            StreamEvent::Depth(scanned),
            "{}",
            String::from_utf8_lossy(frame)
        );
    }
}

fn frame(
    stream: &str,
    ids: &[String; 3],
    symbol: &str,
    bids: &[(String, String)],
    asks: &[(String, String)],
) -> String {
    let side = |levels: &[(String, String)]| {
        let levels: Vec<String> = levels.iter().map(|(p, q)| format!(r#"["{p}","{q}"]"#)).collect();
        levels.join(",")
    };
    let [time, first, last] = ids;
    format!(
        r#"{{"stream":"{stream}","data":{{"e":"depthUpdate","E":{time},"s":"{symbol}","U":{first},"u":{last},"b":[{}],"a":[{}]}}}}"#,
        side(bids),
        side(asks)
    )
}

/// Numbers as the venue writes them.
fn plain() -> impl Strategy<Value = String> {
    prop_oneof![
        (0u64..=9_999_999_999, 0u64..100_000_000)
            .prop_map(|(whole, fraction)| format!("{whole}.{fraction:08}")),
        (0u64..100_000, 0u64..100).prop_map(|(whole, fraction)| format!("{whole}.{fraction:02}")),
        (0u64..1_000_000).prop_map(|whole| whole.to_string()),
    ]
}

/// Numbers as nobody should write them, and what is no number.
fn strange() -> impl Strategy<Value = String> {
    let odd = [
        "",
        ".",
        "1.",
        ".5",
        "00",
        "007",
        "007.5",
        "-1",
        "+1",
        "1e5",
        "1.123456789",
        "1.1234567800",
        "0.00000000",
        "92233720368",
        "92233720368.54775807",
        "99999999999999999999",
        "1.12a45678",
        "1.1234567:",
        "1,5",
        "1.5 ",
        "１",
    ];
    prop_oneof![
        plain(),
        proptest::sample::select(odd.to_vec()).prop_map(str::to_owned),
        "[0-9.eE+:/ -]{0,12}"
    ]
}

fn ids() -> impl Strategy<Value = [String; 3]> {
    let odd = [
        "0",
        "00",
        "01",
        "-1",
        "",
        "1.0",
        "999999999999999999",
        "1000000000000000000",
        "18446744073709551615",
        "18446744073709551616",
        "9223372036854775808",
        "null",
        "\"1\"",
    ];
    let id = prop_oneof![4 => any::<u32>().prop_map(|id| id.to_string()), 1 => proptest::sample::select(odd.to_vec()).prop_map(str::to_owned)];
    [id.clone(), id.clone(), id]
}

fn names() -> impl Strategy<Value = (String, String)> {
    let streams = [
        "btcusdt@depth@100ms",
        "btcusdt@depth",
        "btcusdt@depth5",
        "btcusdt@trade",
        "@depth",
        "a@b@depth",
        "depth",
        "b\\u0074c@depth",
        "b\"@depth",
        "é@depth",
        "１@depth@100ms",
        "",
    ];
    let symbols = ["BTCUSDT", "", "btc usdt", "B\\u0054C", "１２３", "A\\", "A_B-C.D"];
    (
        proptest::sample::select(streams.to_vec()),
        proptest::sample::select(symbols.to_vec()),
    )
        .prop_map(|(stream, symbol)| (stream.to_owned(), symbol.to_owned()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_usual_frame_is_scanned_and_read_the_same(
        time in 0i64..2_000_000_000_000, first in any::<u32>(), last in any::<u32>(),
        bids in proptest::collection::vec((plain(), plain()), 0..25),
        asks in proptest::collection::vec((plain(), plain()), 0..25),
    ) {
        let ids = [time.to_string(), first.to_string(), last.to_string()];
        let frame = frame("btcusdt@depth@100ms", &ids, "BTCUSDT", &bids, &asks);
        prop_assert!(scan(frame.as_bytes()).is_some(), "{frame}");
        assert_agreement(frame.as_bytes());
    }

    #[test]
    fn a_frame_of_strange_parts_is_read_the_same_or_left_alone(
        names in names(), ids in ids(),
        bids in proptest::collection::vec((strange(), strange()), 0..4),
        asks in proptest::collection::vec((strange(), strange()), 0..4),
    ) {
        assert_agreement(frame(&names.0, &ids, &names.1, &bids, &asks).as_bytes());
    }

    #[test]
    fn a_mutated_frame_is_read_the_same_or_left_alone(
        bids in proptest::collection::vec((plain(), plain()), 0..4),
        asks in proptest::collection::vec((plain(), plain()), 0..4),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), 0u8..4, proptest::sample::select(b"0123456789.\"[]{},: \\\x00\xff-eaA@".to_vec())), 1..4),
    ) {
        let ids = ["1700000000000".to_owned(), "10".to_owned(), "12".to_owned()];
        let mut bytes = frame("btcusdt@depth@100ms", &ids, "BTCUSDT", &bids, &asks).into_bytes();
        for (place, change, byte) in changes {
            if bytes.is_empty() {
                break;
            }
            let place = place.index(bytes.len());
            match change {
                0 => { bytes.remove(place); }
                1 => bytes.insert(place, byte),
                2 => bytes.truncate(place.max(1)),
                _ => if let Some(old) = bytes.get_mut(place) { *old = byte; },
            }
        }
        assert_agreement(&bytes);
    }

    #[test]
    fn any_bytes_are_read_the_same_or_left_alone(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        assert_agreement(&bytes);
    }
}

#[test]
fn another_order_of_keys_or_a_space_is_left_to_the_general_reader() {
    let usual = r#"{"stream":"bnbbtc@depth","data":{"e":"depthUpdate","E":1,"s":"BNBBTC","U":157,"u":160,"b":[["0.0024","10"]],"a":[]}}"#;
    let spaced = usual.replace(',', ", ");
    let turned = usual.replace(r#""U":157,"u":160"#, r#""u":160,"U":157"#);
    let with_news = usual.replace(r#""a":[]"#, r#""a":[],"new":1"#);
    assert!(scan(usual.as_bytes()).is_some());
    for frame in [&spaced, &turned, &with_news] {
        assert_eq!(scan(frame.as_bytes()), None);
        assert_eq!(
            stream::decode(frame.as_bytes()).expect("it can be read"),
            stream::decode(usual.as_bytes()).expect("it can be read")
        );
    }
}
