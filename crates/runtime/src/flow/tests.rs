//! Orders that wait, while trading is halted.

use keel_config::{Config, PAPER_TOML, Sources, load_credentials};
use keel_domain::{Instrument, Money, PriceFilter};
use keel_engine::{Fact, Operator};
use keel_execution::Balance;
use keel_journal::{Limits, MemDisk};
use keel_market_data::{BookSnapshot, Level, MarketUpdate};
use keel_risk::TradingState;

use super::*;
use crate::{Progress, RunContext};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn config() -> Config {
    Config::load(&Sources::text("built-in paper.toml", PAPER_TOML)).unwrap()
}

/// The model configuration on an empty disk.
fn desk(disk: &MemDisk) -> Desk<MemDisk> {
    keel_binance::install_crypto_provider();
    let config = config();
    let credentials = load_credentials(&config, |_| Some("test".to_owned())).unwrap();
    let context = RunContext {
        seed: None,
        scenario: None,
        accept_venue: None,
        accept_change: None,
        progress: Progress::silent(),
    };
    Desk::start(&config, credentials, disk.clone(), NOW, &context).unwrap()
}

/// What the venue tells before the quoter quotes; the last event makes it do so.
fn events() -> Vec<Event> {
    let symbol = "BTCUSDT".parse().unwrap();
    let (base, quote) = ("BTC".parse().unwrap(), "USDT".parse().unwrap());
    let instrument = Instrument {
        price_filter: PriceFilter {
            tick_size: "0.01".parse().unwrap(),
            ..PriceFilter::OFF
        },
        ..Instrument::unfiltered(symbol, base, quote)
    };
    let level = |price: &str| Level {
        price: price.parse().unwrap(),
        qty: "1".parse().unwrap(),
    };
    let book = BookSnapshot {
        symbol,
        last_update_id: 1,
        bids: vec![level("50000")],
        asks: vec![level("50001")],
    };
    let funds = Balance {
        asset: quote,
        free: Money::from(100_000),
        locked: Money::ZERO,
    };
    let reports = [
        VenueReport::Instrument(instrument),
        VenueReport::SessionUp {
            account: "1".to_owned(),
        },
        VenueReport::OpenOrders {
            symbol,
            orders: vec![],
            asked_at: NOW,
        },
        VenueReport::Trades {
            symbol,
            from: None,
            trades: vec![],
            asked_at: NOW,
        },
        VenueReport::Balances {
            balances: vec![funds],
            is_complete: true,
            update_time: NOW,
        },
    ];
    let mut events: Vec<Event> = reports.into_iter().map(Event::Venue).collect();
    events.push(Event::Market(MarketUpdate::BookSnapshot(book)));
    events
}

/// A desk whose quoter's order waits for its record; its disk.
fn waiting() -> (Desk<MemDisk>, MemDisk) {
    let disk = MemDisk::default();
    let mut desk = desk(&disk);
    let mut events = events();
    let last = events.pop().unwrap();
    for event in events {
        desk.feed(NOW, event);
    }
    let step = desk.trader.on_event(NOW, last);
    desk.held = Some(Held { step, events: vec![] });
    (desk, disk)
}

/// Why the orders on record were not sent.
fn not_sent(disk: &MemDisk) -> Vec<NotSent> {
    let disk = disk.after_kill();
    let identity = crate::identity(&config());
    let opened = JournalLog::open::<DurableState>(disk, Limits::default(), &identity);
    let records = opened.unwrap().records;
    let causes = records.into_iter().filter_map(|record| match record.fact {
        Fact::SubmitNotSent { cause, .. } => Some(cause),
        _ => None,
    });
    causes.collect()
}

/// The control: this session has no connection, and says so of what reaches it.
#[test]
fn an_order_that_waited_goes_out() {
    let (mut desk, disk) = waiting();
    desk.go_on(NOW);
    desk.keep_records(NOW);
    assert_eq!(not_sent(&disk), [NotSent::NotConnected]);
}

#[test]
fn f9_f11_an_order_that_waits_while_a_halt_comes_does_not_go_out() {
    let reason = "stop".to_owned();
    for halt in [Operator::Halt(HaltCause::Operator { reason }), Operator::Shutdown] {
        let (mut desk, disk) = waiting();
        desk.operate(NOW, halt);
        desk.go_on_at_once(NOW);
        desk.keep_records(NOW);
        assert_eq!(not_sent(&disk), [NotSent::Restricted(TradingState::Halted)]);
        assert_eq!(desk.trader.state().orders().live().count(), 0);
    }
}
