//! What the system tests share: the real binaries as processes, and questions to the exchange that go round the trader.
//!
//! ```
//! // Ports are always chosen by the system, so that tests can run side by side.
//! assert_eq!(keel_tests::ANY_PORT, "127.0.0.1:0");
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper that fails is a test that fails"
)]

pub mod document;
mod drill;
mod proxy;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use keel_binance_wire::params::Params;
use keel_binance_wire::signing::SigningKey;

pub use drill::{CANCEL, Drill, FAR, PLACE, Trader};
pub use proxy::CuttingProxy;

/// An address on this machine whose port the system chooses.
pub const ANY_PORT: &str = "127.0.0.1:0";
/// The key of the exchange's account.
pub const API_KEY: &str = "test-key";
/// Its secret.
pub const API_SECRET: &str = "canary-secret-5d1c";
/// Key and secret of a second account, whose trades a test can force.
pub const OTHER_ACCOUNT: (&str, &str) = ("other-key", "other-secret");

/// The workspace.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Builds the binaries, if need be, and gives the path of one.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    static BUILT: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();
    let built = BUILT.get_or_init(build);
    built.get(name).expect("cargo names the executable").clone()
}

fn build() -> BTreeMap<String, PathBuf> {
    let output = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
        // As the test command builds, so that nothing is built twice.
        .args([
            "build",
            "--locked",
            "--message-format=json",
            "--workspace",
            "--all-features",
            "--bins",
        ])
        .current_dir(root())
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "building the binaries");
    let messages = String::from_utf8(output.stdout).unwrap();
    let executables = messages.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let name = message["target"]["name"].as_str()?.to_owned();
        Some((name, PathBuf::from(message["executable"].as_str()?)))
    });
    executables.collect()
}

/// A process that does not outlive its test, and what it says on standard error.
pub struct Process {
    child: Child,
    lines: Receiver<String>,
    heard: Vec<String>,
}

impl Process {
    /// Starts a command.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the binary starts");
        let stderr = child.stderr.take().unwrap();
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            lines,
            heard: Vec::new(),
        }
    }

    /// Waits until it has said something, and gives the line.
    pub fn wait_for(&mut self, what: &str, within: Duration) -> String {
        let deadline = Instant::now() + within;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.heard.push(line.clone());
                    if line.contains(what) {
                        return line;
                    }
                }
                Err(_) => panic!(
                    "did not say {what:?} within {within:?}:\n{}",
                    self.heard.join("\n")
                ),
            }
        }
    }

    /// All that it has said so far.
    pub fn said(&mut self) -> String {
        self.heard.extend(self.lines.try_iter());
        self.heard.join("\n")
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Waits for its end; gives its exit code and all that it said.
    #[must_use]
    pub fn finish(mut self, within: Duration) -> (Option<i32>, String) {
        let deadline = Instant::now() + within;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(
                Instant::now() < deadline,
                "did not end within {within:?}:\n{}",
                self.heard.join("\n")
            );
            std::thread::sleep(Duration::from_millis(20));
        };
        self.heard.extend(self.lines.iter());
        (status.code(), self.heard.join("\n"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// A simulated exchange as a process of its own.
pub struct Exchange {
    _process: Process,
    /// Base of REST.
    pub rest_url: String,
    /// Base of the streams.
    pub stream_url: String,
    /// The WS API.
    pub ws_api_url: String,
}

impl Exchange {
    /// Starts one with two accounts of 100,000 USDT each: the trader's, and one whose trades a test can force.
    #[must_use]
    pub fn start(seed: u64) -> Self {
        Self::start_with(seed, &[])
    }

    /// Starts one with further arguments.
    #[must_use]
    pub fn start_with(seed: u64, args: &[&str]) -> Self {
        let (other_key, other_secret) = OTHER_ACCOUNT;
        let mut command = Command::new(binary("paper-sim"));
        command.args(["exchange", "--listen", ANY_PORT, "--seed", &seed.to_string()]);
        command
            .args(["--account", &format!("{API_KEY}:{API_SECRET}")])
            .args(["--account", &format!("{other_key}:{other_secret}")])
            .args(args)
            .stdout(Stdio::piped());
        let mut process = Process::start(&mut command);
        let mut ready = String::new();
        BufReader::new(process.child.stdout.take().unwrap())
            .read_line(&mut ready)
            .unwrap();
        let ready: serde_json::Value =
            serde_json::from_str(&ready).expect("one JSON line says that it is ready");
        let url = |name: &str| ready[name].as_str().unwrap().to_owned();
        let (rest_url, stream_url, ws_api_url) = (url("rest_url"), url("stream_url"), url("ws_api_url"));
        Self {
            _process: process,
            rest_url,
            stream_url,
            ws_api_url,
        }
    }

    /// Asks a signed question, round the trader.
    #[must_use]
    pub fn ask(&self, path: &str, params: Params) -> serde_json::Value {
        self.signed("GET", path, params, (API_KEY, API_SECRET))
    }

    /// Places an order round the trader on its own account, as a person would.
    pub fn order(&self, params: Params) -> serde_json::Value {
        self.signed("POST", "/api/v3/order", params, (API_KEY, API_SECRET))
    }

    /// Trades BTCUSDT on the second account, at this price or a better one and at once; gives the venue's answer.
    pub fn trade(&self, side: &str, qty: &str, price: &str) -> serde_json::Value {
        let params = Params::new()
            .with("symbol", "BTCUSDT")
            .with("side", side)
            .with("type", "LIMIT")
            .with("timeInForce", "IOC")
            .with("price", price)
            .with("quantity", qty);
        self.signed("POST", "/api/v3/order", params, OTHER_ACCOUNT)
    }

    /// Asks or orders with a key and its secret.
    #[must_use]
    pub fn signed(
        &self,
        method: &str,
        path: &str,
        params: Params,
        account: (&str, &str),
    ) -> serde_json::Value {
        let url = self.signed_url(path, params, account.1);
        as_json(&send(method, &url, Some(account.0), String::new()))
    }

    /// The address of a signed question.
    #[must_use]
    pub fn signed_url(&self, path: &str, params: Params, secret: &str) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let query = params
            .with("recvWindow", 60_000)
            .with("timestamp", now)
            .to_query();
        let signature = SigningKey::hmac(secret).sign(&query);
        format!("{}{path}?{query}&signature={signature}", self.rest_url)
    }

    /// Moves money from outside into the trader's account, or out of it (`deposit`, `withdraw`).
    pub fn transfer(&self, which: &str, asset: &str, amount: &str) {
        let body = serde_json::json!({"asset": asset, "amount": amount});
        let answer = self.operate("POST", &format!("account/{API_KEY}/{which}"), &body);
        assert!(answer.get("problem").is_none(), "{answer}");
    }

    /// What the operator of the exchange says to it, or asks.
    pub fn operate(&self, method: &str, path: &str, body: &serde_json::Value) -> serde_json::Value {
        let url = format!("{}/keel/{path}", self.rest_url);
        as_json(&send(method, &url, None, body.to_string()))
    }

    /// The trader's command line against this exchange, with a state directory of its own.
    #[must_use]
    pub fn trader(&self, state_dir: &Path) -> Command {
        self.trader_through(self.rest_url.trim_start_matches("http://"), state_dir)
    }

    /// The same, by way of another address that leads to it.
    #[must_use]
    pub fn trader_through(&self, address: &str, state_dir: &Path) -> Command {
        Self::trader_command(Path::new("config/paper.toml"), address, state_dir)
    }

    /// The same with another configuration.
    #[must_use]
    pub fn trader_with(&self, config: &Path, state_dir: &Path) -> Command {
        Self::trader_command(config, self.rest_url.trim_start_matches("http://"), state_dir)
    }

    fn trader_command(config: &Path, address: &str, state_dir: &Path) -> Command {
        let mut command = Command::new(binary("trader"));
        command.current_dir(root()).args(["run", "--config"]).arg(config);
        let settings = [
            format!("venue.rest_url=http://{address}"),
            format!("venue.stream_url=ws://{address}"),
            format!("venue.ws_api_url=ws://{address}/ws-api/v3"),
            format!("state.dir={}", state_dir.display()),
            format!("monitoring.listen={ANY_PORT}"),
            // Most tests look at the strategy's orders alone; the last setting of a key wins.
            "protection.mode=none".to_owned(),
        ];
        for setting in settings {
            command.args(["--set", &setting]);
        }
        command
            .env("KEEL_API_KEY", API_KEY)
            .env("KEEL_API_SECRET", API_SECRET);
        command
    }
}

fn as_json(answer: &str) -> serde_json::Value {
    serde_json::from_str(answer).unwrap_or_else(|_| panic!("no JSON: {answer}"))
}

/// Reads a page, such as the trader's `/metrics`.
#[must_use]
pub fn read(url: &str) -> String {
    send("GET", url, None, String::new())
}

/// Where tests ask from: not the trader's address, whose weight they would use up.
const TESTERS_ADDRESS: [u8; 4] = [127, 0, 0, 2];

/// One HTTP request, and its answer.
fn send(method: &str, url: &str, api_key: Option<&str>, body: String) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let _already_there = rustls::crypto::ring::default_provider().install_default();
    runtime.block_on(async {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let client = reqwest::Client::builder().local_address(IpAddr::from(TESTERS_ADDRESS));
        let mut request = client.build().unwrap().request(method, url).body(body);
        if let Some(api_key) = api_key {
            request = request.header("X-MBX-APIKEY", api_key);
        }
        request.send().await.unwrap().text().await.unwrap()
    })
}

/// Waits until something is so.
pub fn eventually(what: &str, within: Duration, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + within;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}: not within {within:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
