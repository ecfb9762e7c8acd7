//! Frames that are too large, half a frame, and connections cut anywhere.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use keel_binance_wire::params::Params;
use keel_tests::{CuttingProxy, Exchange, Process, eventually};

fn websocket(exchange: &Exchange, path: &str) -> TcpStream {
    let address = exchange.rest_url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let upgrade = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(upgrade.as_bytes()).unwrap();
    let mut answer = [0_u8; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
    stream
}

/// The beginning of a masked text frame that says how long it is.
fn frame_head(length: u64) -> Vec<u8> {
    let mut head = vec![0x81, 0xFF];
    head.extend(length.to_be_bytes());
    head.extend([0, 0, 0, 0]);
    head
}

fn is_closed_by_peer(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut sink = Vec::new();
    match stream.read_to_end(&mut sink) {
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

#[test]
fn an_oversized_or_half_frame_ends_its_connection_and_nothing_else() {
    let exchange = Exchange::start(31);
    for path in ["/ws-api/v3", "/stream"] {
        let mut oversized = websocket(&exchange, path);
        oversized.write_all(&frame_head(1 << 40)).unwrap();
        assert!(is_closed_by_peer(&mut oversized), "{path}");

        let mut half = websocket(&exchange, path);
        half.write_all(&frame_head(1_000)).unwrap();
        half.write_all(b"{\"id\":1").unwrap();
        drop(half);
    }
    let account = exchange.ask("/api/v3/account", Params::new());
    assert_eq!(account["canTrade"], true, "the exchange goes on: {account}");
}

#[test]
fn malformed_frames_are_answered_with_the_venues_error() {
    let exchange = Exchange::start(32);
    for (path, frame, expected) in [
        ("/ws-api/v3", "{", "-1135"),
        ("/ws-api/v3", r#"{"id":1,"method":"order.fly"}"#, "Unknown method"),
        ("/stream", "no json", "Invalid JSON"),
        ("/stream", r#"{"method":"FLY","id":1}"#, "unknown variant `FLY`"),
    ] {
        let mut stream = websocket(&exchange, path);
        let mut bytes = frame_head(frame.len() as u64);
        bytes.extend(frame.as_bytes());
        stream.write_all(&bytes).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut said = Vec::new();
        let mut buffer = [0_u8; 512];
        while !String::from_utf8_lossy(&said).contains(expected) {
            let length = stream.read(&mut buffer).unwrap();
            assert!(length > 0, "{frame}: {}", String::from_utf8_lossy(&said));
            said.extend(&buffer[..length]);
        }
    }
}

/// Every connection breaks in the middle of something, again and again; then the wire heals.
#[test]
fn f1_f19_connections_cut_mid_frame_lose_no_order_and_no_fill() {
    let exchange = Exchange::start(33);
    let proxy = CuttingProxy::start(exchange.rest_url.strip_prefix("http://").unwrap(), 33);
    let dir = tempfile::tempdir().unwrap();
    let mut command = exchange.trader_through(&proxy.address.to_string(), dir.path());
    let mut trader = Process::start(&mut command);
    trader.wait_for("FILL", Duration::from_secs(60));
    eventually("connections are cut", Duration::from_secs(60), || {
        proxy.cuts() >= 6
    });
    proxy.heal();
    trader.wait_for("FILL", Duration::from_secs(60));
    trader.signal("INT");
    let (code, said) = trader.finish(Duration::from_secs(40));
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("closed: the venue shows no order of ours"),
        "{said}"
    );
    assert_eq!(said.matches(": exact").count(), 2, "the money adds up: {said}");
    let open = exchange.ask("/api/v3/openOrders", Params::new().with("symbol", "BTCUSDT"));
    assert_eq!(open.as_array().map(Vec::len), Some(0), "{open}");
}
