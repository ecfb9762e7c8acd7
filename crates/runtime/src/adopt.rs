//! Making the records anew from the venue's, after a state directory was lost.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use keel_binance::{History, OpenOrders, RequestError};
use keel_config::Config;
use keel_domain::{ExecutionReport, OrderId, Symbol};
use keel_engine::{AdoptedPair, RecordLog, VenuePast, adopt};
use keel_execution::InstanceTag;

use crate::{Clock, Progress, assemble, open_journal};

/// What became of an adoption.
#[derive(Debug)]
pub enum Adopted {
    /// The records are there; each pair with what was found.
    Done(Vec<AdoptedPair>),
    /// The state directory has records: nothing was asked of the venue.
    NotEmpty,
}

/// Writes an empty state directory's records from what the venue knows. Orders of this instance that are open are canceled first,
/// since nobody looks after them.
///
/// # Errors
/// What keeps it from that, with the remedy. The state directory is empty still.
pub async fn adopt_from_venue(
    config: &Config,
    credentials: keel_config::Credentials,
    reason: &str,
    progress: Progress,
) -> Result<Adopted> {
    let clock = Clock::start();
    let mut opened = open_journal(config)?;
    if opened.state.is_some() || !opened.records.is_empty() {
        return Ok(Adopted::NotEmpty);
    }
    let credentials = assemble::credentials(credentials);
    let tag: InstanceTag = config.instance_tag.parse()?;
    let (url, window) = (&config.venue.rest_url, config.venue.recv_window);
    let mut history = History::new(url, &credentials, window)?;
    let mut open_orders = OpenOrders::new(url, &credentials, window)?;
    let now = || clock.now();
    let symbols = &config.trading.symbols;
    let mut orders = Vec::new();
    for symbol in symbols {
        let open = own_open(&history.orders(now, *symbol).await.map_err(told)?, tag);
        for order in &open {
            let canceled = open_orders.cancel(now, *symbol, *order).await.map_err(told)?;
            progress.line(&format!("{symbol}: order {order} was open: {canceled} canceled"));
        }
        orders.extend(history.orders(now, *symbol).await.map_err(told)?);
    }
    let mut trades = Vec::new();
    for symbol in symbols {
        trades.extend(history.trades(now, *symbol).await.map_err(told)?);
    }
    let (account, balances) = history.account(now).await.map_err(told)?;
    let past = VenuePast {
        account,
        instruments: history.instruments(symbols).await.map_err(told)?,
        orders,
        trades,
        totals: balances
            .iter()
            .map(|balance| (balance.asset, balance.free + balance.locked))
            .collect::<BTreeMap<_, _>>(),
    };
    if let Some(symbol) = missing(symbols, &past) {
        bail!("the venue does not describe {symbol}\n  remedy: correct trading.symbols");
    }
    let adoption = adopt(clock.now(), assemble::identity(config), tag, reason, &past)
        .context("remedy: look at the orders at the venue, and run the command again")?;
    opened
        .log
        .commit(&adoption.records, true)
        .context("the journal cannot be written")?;
    Ok(Adopted::Done(adoption.pairs))
}

fn own_open(orders: &[ExecutionReport], tag: InstanceTag) -> Vec<OrderId> {
    let own = orders.iter().filter(|order| tag.owns(&order.cl_ord_id));
    own.filter(|order| !order.ord_status.is_terminal())
        .map(|order| order.order_id)
        .collect()
}

fn missing(symbols: &[Symbol], past: &VenuePast) -> Option<Symbol> {
    let is_described = |symbol: &Symbol| past.instruments.iter().any(|known| known.symbol == *symbol);
    symbols.iter().copied().find(|symbol| !is_described(symbol))
}

fn told(error: RequestError) -> anyhow::Error {
    anyhow::anyhow!(
        "the venue: {error}\n  remedy: run the command again once it answers; nothing was written"
    )
}
