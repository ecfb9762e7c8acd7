//! A soak of the real server: many WebSocket connections on loopback, with two clients that never read.
//!
//! `cargo run --release -p keel-sim-exchange --example soak -- --connections 1000 --seconds 600`
//!
//! The server runs in a process of its own, so that what it costs can be told from what the clients cost. Every
//! connection listens to two streams and sends five control messages a second, each of which is to be answered. One
//! client asks on and on without reading an answer, another subscribes to everything and does not even answer pings:
//! both are to be disconnected, and nobody else. Prints a line a minute; exit code 1 when a bound is broken.
//!
//! The limits are the venue's but for two: all connections come from one address, and a pace of just five messages a
//! second leaves no room for the pong between.
#![allow(clippy::unwrap_used, reason = "a soak that cannot start has nothing to say")]

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use keel_sim_exchange::core::{Exchange, ExchangeConfig};
use keel_sim_exchange::protocol::{Limits, Protocol};
use keel_sim_exchange::server::{self, Clock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

/// Stream messages a second that each connection is to get, at least, and control messages that it sends.
const RATE: u64 = 5;
/// Two cores.
const CPU_PERCENT_MAX: u64 = 200;
const RSS_KIB_MAX: u64 = 512 * 1024;
/// Growth in a minute once the first two are over; the tapes still fill, up to their bounds.
const SLOPE_KIB_MAX: i64 = 2 * 1024;
/// A client that does not take what it asks for is gone within this time.
const FLOODER_GONE_WITHIN: Duration = Duration::from_secs(60);
/// One that answers no ping: 20 s until the ping, 60 s for the pong, 5 s for the close frame, and some room.
const SILENT_GONE_WITHIN: Duration = Duration::from_secs(100);

const STREAMS: &str = "/stream?streams=btcusdt@aggTrade/btcusdt@depth@100ms";
const EVERYTHING: &str = "/stream?streams=btcusdt@trade/btcusdt@depth@100ms/btcusdt@bookTicker/btcusdt@kline_1s/ethusdt@trade/ethusdt@depth@100ms/ethusdt@bookTicker";
const CONTROL: &str = r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#;

/// What all clients saw.
#[derive(Default)]
struct Seen {
    open: AtomicUsize,
    lost: AtomicU64,
    stream_messages: AtomicU64,
    sent: AtomicU64,
    answers: AtomicU64,
    /// The longest wait for an answer since the last line, in µs.
    slowest: AtomicU64,
}

/// What the server's process has used: CPU in hundredths of a second, memory in KiB.
struct Usage {
    cpu: u64,
    rss: u64,
}

impl Usage {
    fn of(pid: u32) -> Self {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        // After the name in parentheses; user and system time are fields 14 and 15 of all.
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        let cpu = fields
            .split(' ')
            .skip(11)
            .take(2)
            .filter_map(|ticks| ticks.parse::<u64>().ok());
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let rss = rss.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok());
        Self {
            cpu: cpu.sum(),
            rss: rss.unwrap_or(0),
        }
    }
}

async fn serve() {
    let clock = Clock::start();
    let exchange = Exchange::new(ExchangeConfig::with_default_markets(1), clock.now()).unwrap();
    let limits = Limits {
        connections_5m: u32::MAX,
        request_weight_1m: u32::MAX,
        stream_messages_1s: 10,
        ..Limits::default()
    };
    let protocol = Protocol::with_limits(exchange, Vec::new(), limits, clock.now());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    std::io::stdout().flush().unwrap();
    server::serve(listener, protocol, clock, CancellationToken::new())
        .await
        .unwrap();
}

fn start_server() -> (Child, SocketAddr) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg("--serve")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    (child, line.trim().parse().unwrap())
}

/// Listens and asks until the end.
async fn client(address: SocketAddr, index: usize, seen: Arc<Seen>) {
    let url = format!("ws://{address}{STREAMS}");
    let Ok((mut socket, _)) = tokio_tungstenite::connect_async(url).await else {
        seen.lost.fetch_add(1, Ordering::Relaxed);
        return;
    };
    seen.open.fetch_add(1, Ordering::Relaxed);
    let period = Duration::from_millis(1_000 / RATE);
    // Not all at one moment.
    sleep(period * u32::try_from(index % 100).unwrap() / 100).await;
    let mut tick = interval(period);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut asked_at = Instant::now();
    loop {
        tokio::select! {
            _ = tick.tick() => {
                asked_at = Instant::now();
                if socket.send(Message::text(CONTROL)).await.is_err() {
                    break;
                }
                seen.sent.fetch_add(1, Ordering::Relaxed);
            }
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) if text.starts_with("{\"stream\"") => {
                    seen.stream_messages.fetch_add(1, Ordering::Relaxed);
                }
                Some(Ok(Message::Text(_))) => {
                    seen.answers.fetch_add(1, Ordering::Relaxed);
                    let waited = u64::try_from(asked_at.elapsed().as_micros()).unwrap();
                    seen.slowest.fetch_max(waited, Ordering::Relaxed);
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_))) => {}
                end @ (Some(Ok(Message::Close(_)) | Err(_)) | None) => {
                    if clients_lost(&seen) == 0 {
                        println!("the first connection lost: {end:?}");
                    }
                    break;
                }
            },
        }
    }
    seen.lost.fetch_add(1, Ordering::Relaxed);
}

/// A connection that is upgraded and then never read from, with as little room for what comes as the system gives.
async fn never_read(address: SocketAddr, path: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let handshake = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(handshake.as_bytes()).await.unwrap();
    stream.read_u8().await.unwrap();
    stream
}

/// Writes a frame again and again. How long it was until the server was gone.
async fn until_gone(mut stream: TcpStream, frame: &[u8], pause: Duration) -> Duration {
    let began = Instant::now();
    while stream.write_all(frame).await.is_ok() {
        sleep(pause).await;
    }
    began.elapsed()
}

/// A client's frame; the mask of zeros leaves the text as it is.
fn frame(opcode: u8, text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    assert!(length < 126);
    let mut frame = vec![0x80 | opcode, 0x80 | length, 0, 0, 0, 0];
    frame.extend_from_slice(text.as_bytes());
    frame
}

/// The value after a name among the arguments.
fn argument(name: &str, default: u64) -> u64 {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1).map_or(default, |value| value.parse().unwrap())
}

/// Names of bounds, and whether each held.
struct Verdict(bool);

impl Verdict {
    fn check(&mut self, holds: bool, what: &str) {
        println!("{} {what}", if holds { "ok    " } else { "BROKEN" });
        self.0 &= holds;
    }

    /// What the clients got, against so many messages a second wanted.
    fn load(&mut self, seen: &Seen, took: u64, wanted: u64) {
        let per_second = |count: &AtomicU64| count.load(Ordering::Relaxed) / took;
        let messages = per_second(&seen.stream_messages);
        self.check(
            messages >= wanted,
            &format!("{messages} stream messages a second, {wanted} wanted"),
        );
        let (sent, answers) = (per_second(&seen.sent), per_second(&seen.answers));
        let holds = sent * 10 >= wanted * 9 && answers + wanted / 2 >= sent;
        self.check(
            holds,
            &format!("{sent} control messages a second, {answers} of them answered"),
        );
        let lost = clients_lost(seen);
        self.check(lost == 0, &format!("{lost} connections lost"));
    }

    fn memory(&mut self, memory: &[u64]) {
        let most = memory.iter().copied().max().unwrap_or(0);
        self.check(
            most <= RSS_KIB_MAX,
            &format!("{most} KiB of memory, at most {RSS_KIB_MAX}"),
        );
        // In the first two minutes the slow ones fill their queues, and go.
        if let [_, first, .., last] = memory {
            let minutes = i64::try_from(memory.len()).unwrap() - 2;
            let slope = (i64::try_from(*last).unwrap() - i64::try_from(*first).unwrap()) / minutes;
            self.check(
                slope <= SLOPE_KIB_MAX,
                &format!("{slope} KiB more a minute, at most {SLOPE_KIB_MAX}"),
            );
        }
    }
}

/// Prints a line a minute. Memory at each, in KiB.
async fn watch(pid: u32, seen: &Seen, seconds: u64) -> Vec<u64> {
    let (began, mut memory) = (Instant::now(), Vec::new());
    let (mut cpu, mut messages, mut answers) = (Usage::of(pid).cpu, 0, 0);
    while began.elapsed().as_secs() < seconds {
        let span = 60.min(seconds - began.elapsed().as_secs());
        sleep(Duration::from_secs(span)).await;
        let usage = Usage::of(pid);
        let (all_messages, all_answers) = (
            seen.stream_messages.load(Ordering::Relaxed),
            seen.answers.load(Ordering::Relaxed),
        );
        println!(
            "{:>4} s: {:>6} stream messages/s, {:>5} answers/s, slowest {:>4} ms, CPU {:>3} %, RSS {:>6} KiB, {} open, {} lost",
            began.elapsed().as_secs(),
            (all_messages - messages) / span,
            (all_answers - answers) / span,
            seen.slowest.swap(0, Ordering::Relaxed) / 1_000,
            (usage.cpu - cpu) / span,
            usage.rss,
            seen.open.load(Ordering::Relaxed),
            seen.lost.load(Ordering::Relaxed),
        );
        (cpu, messages, answers) = (usage.cpu, all_messages, all_answers);
        memory.push(usage.rss);
    }
    memory
}

async fn soak(connections: usize, seconds: u64) -> bool {
    let (mut server, address) = start_server();
    let pid = server.id();
    let seen = Arc::new(Seen::default());
    let mut clients = JoinSet::new();
    for index in 0..connections {
        clients.spawn(client(address, index, Arc::clone(&seen)));
    }
    while seen.open.load(Ordering::Relaxed) + clients_lost(&seen) < connections {
        sleep(Duration::from_millis(50)).await;
    }
    println!("{connections} connections, server's process {pid}, for {seconds} s");
    let ask = frame(1, r#"{"id":1,"method":"exchangeInfo"}"#);
    let flooder = never_read(address, "/ws-api/v3").await;
    let flooder = tokio::spawn(async move { until_gone(flooder, &ask, Duration::ZERO).await });
    let silent = never_read(address, EVERYTHING).await;
    let silent =
        tokio::spawn(async move { until_gone(silent, &frame(10, ""), Duration::from_secs(1)).await });
    let (before, began) = (Usage::of(pid), Instant::now());
    let memory = watch(pid, &seen, seconds).await;
    let (took, usage) = (began.elapsed().as_secs().max(1), Usage::of(pid));
    let mut verdict = Verdict(true);
    verdict.load(&seen, took, RATE * u64::try_from(connections).unwrap());
    let percent = (usage.cpu - before.cpu) / took;
    verdict.check(
        percent <= CPU_PERCENT_MAX,
        &format!("{percent} % of a core, at most {CPU_PERCENT_MAX}"),
    );
    verdict.memory(&memory);
    for (name, task, within) in [
        ("asks without reading", flooder, FLOODER_GONE_WITHIN),
        ("is silent", silent, SILENT_GONE_WITHIN),
    ] {
        if task.is_finished() {
            let after = task.await.unwrap();
            verdict.check(
                after <= within,
                &format!("the client that {name} was gone after {after:?}"),
            );
        } else {
            verdict.check(
                Duration::from_secs(seconds) < within,
                &format!("the client that {name} is still there"),
            );
        }
    }
    println!("ended by the exchange: {}", ended(address).await);
    clients.abort_all();
    server.kill().unwrap();
    server.wait().unwrap();
    verdict.0
}

/// What the exchange ended, and why, in its own words.
async fn ended(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let ask = format!("GET /keel/connections HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(ask.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.lines().last().unwrap_or_default().to_owned()
}

fn clients_lost(seen: &Seen) -> usize {
    usize::try_from(seen.lost.load(Ordering::Relaxed)).unwrap()
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    if std::env::args().any(|argument| argument == "--serve") {
        runtime.block_on(serve());
        return ExitCode::SUCCESS;
    }
    let connections = usize::try_from(argument("--connections", 1_000)).unwrap();
    let holds = runtime.block_on(soak(connections, argument("--seconds", 600)));
    if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
