//! `paper-sim exchange`: only the exchange.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use keel_binance_wire::signing::VerifyingKey;
use keel_domain::{Asset, Money, Symbol};
use keel_runtime::{ExitCode, StopSignals};
use keel_sim_exchange::faults::FaultFile;
use keel_sim_exchange::protocol::{KeyPermissions, Limits};
use keel_sim_exchange::server::{self, Clock};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::market::MarketArgs;
use crate::setup::{NamedKey, Ready, Setup};

/// The exchange's settings.
#[derive(clap::Args, Clone)]
pub(crate) struct ExchangeArgs {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:9100")]
    listen: SocketAddr,
    /// Let other machines reach it too. Its keys are no secrets; the operator's paths stay closed to them.
    #[arg(long)]
    allow_remote: bool,
    /// An account: its API key, and its HMAC secret or the path of an Ed25519 or RSA public key in PEM form.
    /// Given several times: several accounts; those with the same NAME are keys of one account.
    #[arg(
        long,
        value_name = "[NAME=]KEY:SECRET",
        default_value = "paper-key:paper-secret"
    )]
    account: Vec<String>,
    /// What a key may do, where it is not reading and spot trading from one address.
    #[arg(long, value_name = "KEY=NAME,...", help = permissions_help())]
    permissions: Vec<String>,
    /// What every account starts with.
    #[arg(long, value_name = "ASSET=AMOUNT,...", default_value = "USDT=100000")]
    fund: String,
    /// Every account starts with so much BNB besides, and pays commissions in it at three quarters while it lasts; then in
    /// what it receives.
    #[arg(long, value_name = "AMOUNT")]
    bnb_fees: Option<Money>,
    /// The pairs, of BTCUSDT, ETHUSDT and BTCUSDC [default: BTCUSDT,ETHUSDT; of a recording all]. With BTCUSDT and BTCUSDC,
    /// smart order routing joins the two.
    #[arg(long, value_delimiter = ',')]
    symbols: Vec<String>,
    /// All randomness of the market.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    market: MarketArgs,
    /// What goes wrong: a fault file (docs/FAULTS.md; models in config/faults). POST /keel/faults adds rules later.
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// Which limits of requests, orders, messages and connections hold.
    #[arg(long, value_enum, default_value_t)]
    limits: LimitSet,
}

/// The limits to choose from.
#[derive(clap::ValueEnum, Clone, Copy, Default)]
enum LimitSet {
    /// The venue's own.
    #[default]
    Venue,
    /// None; what bounds the exchange's memory stays. For load tests and test suites.
    Off,
}

impl From<LimitSet> for Limits {
    fn from(set: LimitSet) -> Self {
        match set {
            LimitSet::Venue => Self::default(),
            LimitSet::Off => Self::off(),
        }
    }
}

fn permissions_help() -> String {
    let names = KeyPermissions::NAMES.join(", ");
    format!("What a key may do: {names} [default: reading and spot_trading, with ip_restrict]")
}

/// A running exchange.
pub(crate) struct Running {
    /// Its address.
    pub(crate) address: SocketAddr,
    /// Ends it.
    pub(crate) shutdown: CancellationToken,
    /// Its end.
    pub(crate) task: tokio::task::JoinHandle<std::io::Result<()>>,
}

/// Starts an exchange on a task of the present runtime.
///
/// # Errors
/// A pair that there is not, a recording that cannot be played, or an address that cannot be had.
pub(crate) async fn start(listen: SocketAddr, setup: Setup) -> Result<Running> {
    let clock = Clock::start();
    let Ready { protocol, .. } = setup.ready(clock.now())?;
    let listener = TcpListener::bind(listen).await.with_context(|| {
        format!("the exchange cannot listen on {listen}: choose another with --listen 127.0.0.1:PORT")
    })?;
    let address = listener.local_addr()?;
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(server::serve(listener, protocol, clock, shutdown.clone()));
    Ok(Running {
        address,
        shutdown,
        task,
    })
}

/// A key of an account. What it says of a mistake repeats no secret.
fn account_key(text: &str) -> Result<NamedKey> {
    let form = "--account is written KEY:SECRET or KEY:PATH_OF_PUBLIC_KEY.pem, after NAME= to join keys of one account";
    let (owner, secret) = text.split_once(':').context(form)?;
    let (account, api_key) = owner.split_once('=').unwrap_or((owner, owner));
    if account.is_empty() || api_key.is_empty() || secret.is_empty() {
        bail!("{form}");
    }
    let verifying_key = match std::fs::read_to_string(secret) {
        Ok(pem) => VerifyingKey::public_pem(&pem).with_context(|| format!("--account {owner}: {secret}"))?,
        Err(error) if Path::new(secret).extension().is_some_and(|end| end == "pem") => {
            bail!("--account {owner}: {secret} cannot be read ({error}): name a public key in PEM form")
        }
        // No such file: it is the secret itself.
        Err(_) => VerifyingKey::hmac(secret),
    };
    Ok(NamedKey {
        account: account.to_owned(),
        api_key: api_key.to_owned(),
        verifying_key,
    })
}

fn account_keys(texts: &[String]) -> Result<Vec<NamedKey>> {
    let keys: Vec<NamedKey> = texts
        .iter()
        .map(|text| account_key(text))
        .collect::<Result<_>>()?;
    let mut seen = BTreeSet::new();
    for key in &keys {
        if !seen.insert(key.api_key.as_str()) {
            let api_key = &key.api_key;
            bail!(
                "--account gives the key {api_key} twice: give each key once, with a NAME= where keys share an account"
            );
        }
    }
    Ok(keys)
}

fn permissions(texts: &[String], keys: &[NamedKey]) -> Result<BTreeMap<String, KeyPermissions>> {
    let mut all = BTreeMap::new();
    for text in texts {
        let (api_key, names) = text
            .split_once('=')
            .context("--permissions is written KEY=reading,spot_trading,ip_restrict")?;
        if !keys.iter().any(|known| known.api_key == api_key) {
            bail!("--permissions names {api_key}, which no --account has: name one of their keys");
        }
        let names = names.split(',').filter(|name| !name.is_empty());
        let permissions = KeyPermissions::of_names(names).with_context(|| format!("--permissions {text}"))?;
        if all.insert(api_key.to_owned(), permissions).is_some() {
            bail!("--permissions names {api_key} twice: give all that it may do at once");
        }
    }
    Ok(all)
}

fn funds(text: &str) -> Result<Vec<(Asset, Money)>> {
    let fund = |part: &str| {
        let (asset, amount) = part
            .split_once('=')
            .context("--fund is written USDT=100000,BTC=2")?;
        let amount: Money = amount
            .parse()
            .with_context(|| format!("--fund {part}: `{amount}` is no amount; write it like USDT=100000"))?;
        if amount < Money::ZERO {
            bail!("--fund {part}: an account cannot start with less than nothing");
        }
        Ok((
            asset.parse().with_context(|| {
                format!("--fund {part}: `{asset}` is no asset; write it like USDT=100000")
            })?,
            amount,
        ))
    };
    text.split(',').map(fund).collect()
}

fn fault_file(path: &Path) -> Result<FaultFile> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("{name} cannot be read: config/faults has models"))?;
    Ok(FaultFile::parse(&name, &text)?)
}

/// Refuses an address that other machines reach, unless that is wanted.
fn check_listen(listen: SocketAddr, allow_remote: bool) -> Result<()> {
    if !allow_remote && !listen.ip().is_loopback() {
        bail!(
            "{listen} can be reached by other machines: listen on 127.0.0.1, or say --allow-remote if that is meant"
        );
    }
    Ok(())
}

/// Runs the exchange until Ctrl-C or SIGTERM.
///
/// # Errors
/// Wrong arguments, or an address that cannot be had.
pub(crate) async fn run(args: ExchangeArgs) -> Result<ExitCode> {
    // Each injected fault is a line.
    crate::init_logging("warn,keel_sim_exchange=info");
    check_listen(args.listen, args.allow_remote)?;
    let stop = StopSignals::listen()?;
    let symbols = args
        .symbols
        .iter()
        .map(|name| name.parse().with_context(|| format!("`{name}` is no symbol")));
    let keys = account_keys(&args.account)?;
    let permissions = permissions(&args.permissions, &keys)?;
    let symbols: Vec<Symbol> = symbols.collect::<Result<_>>()?;
    let setup = Setup {
        keys,
        permissions,
        funds: funds(&args.fund)?,
        bnb_fees: args.bnb_fees,
        seed: args.seed,
        market: args.market.source(symbols)?,
        faults: args.faults.as_deref().map(fault_file).transpose()?,
        limits: args.limits.into(),
    };
    let running = start(args.listen, setup).await?;
    let address = running.address;
    let ready = serde_json::json!({
        "rest_url": format!("http://{address}"),
        "stream_url": format!("ws://{address}"),
        "ws_api_url": format!("ws://{address}/ws-api/v3"),
        "pid": std::process::id(),
    });
    println!("{ready}");
    stop.nth(1).await;
    running.shutdown.cancel();
    tokio::select! {
        ended = running.task => ended??,
        // A client that does not hang up cannot keep it from ending.
        () = tokio::time::sleep(std::time::Duration::from_secs(2)) => {}
    }
    Ok(ExitCode::Done)
}
