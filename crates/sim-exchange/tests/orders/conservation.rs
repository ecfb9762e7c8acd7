//! Whatever accounts do, nothing is made or lost, nothing is negative, and the book shows what orders have left.

use std::collections::BTreeMap;

use keel_domain::{OrdType, OrderId, Price, Qty, Side, Symbol, TimeInForce, Trigger};
use keel_sim_exchange::core::{
    CommissionRates, Discount, ListLegs, Market, NewOrder, NewOrderList, OrderRef, Rates, StpMode,
};
use proptest::prelude::*;

use crate::support::*;

#[derive(Debug, Clone, Copy)]
enum Step {
    Place {
        kind: u8,
        side: Side,
        ticks: i64,
        stop: i64,
        lots: i64,
        mode: usize,
        /// On the other quote's pair; and routed over both.
        routing: (bool, bool),
    },
    List {
        kind: u8,
        side: Side,
        gap: i64,
        lots: i64,
        proceeds: bool,
    },
    Cancel(usize),
    Amend(usize, i64),
    Transfer(i64),
}

fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let place = (
        0_u8..12,
        side.clone(),
        9_900_i64..10_100,
        9_900_i64..10_100,
        1_i64..60,
        0_usize..6,
        any::<(bool, bool)>(),
    )
        .prop_map(|(kind, side, ticks, stop, lots, mode, routing)| Step::Place {
            kind,
            side,
            ticks,
            stop,
            lots,
            mode,
            routing,
        });
    let list =
        (0_u8..3, side, 1_i64..60, 1_i64..40, any::<bool>()).prop_map(|(kind, side, gap, lots, proceeds)| {
            Step::List {
                kind,
                side,
                gap,
                lots,
                proceeds,
            }
        });
    let step = prop_oneof![
        8 => place,
        2 => list,
        2 => (0_usize..40).prop_map(Step::Cancel),
        1 => ((0_usize..40), 1_i64..40).prop_map(|(which, lots)| Step::Amend(which, lots)),
        1 => (-40_i64..40).prop_map(Step::Transfer),
    ];
    prop::collection::vec((0_usize..3, step), 1..60)
}

fn at(ticks: i64) -> Price {
    Price::from_units(ticks * 1_000_000).unwrap()
}

fn lots(count: i64) -> Qty {
    Qty::from_units(count * 100_000).unwrap()
}

const MODES: [StpMode; 6] = [
    StpMode::None,
    StpMode::ExpireTaker,
    StpMode::ExpireMaker,
    StpMode::ExpireBoth,
    StpMode::Decrement,
    StpMode::Transfer,
];

fn kind_of(kind: u8, price: Price, stop_px: Price) -> OrdType {
    let tif = [TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok][usize::from(kind % 3)];
    let trigger = if kind.is_multiple_of(2) {
        Trigger::Stop { stop_px }
    } else {
        Trigger::Trailing {
            delta_bips: 20,
            stop_px: (kind > 8).then_some(stop_px),
        }
    };
    match kind {
        0 => OrdType::Market,
        1..=5 => OrdType::Limit {
            price,
            time_in_force: tif,
        },
        6 => OrdType::LimitMaker { price },
        7 => OrdType::StopLoss { trigger },
        8 | 9 => OrdType::StopLossLimit {
            trigger,
            price,
            time_in_force: tif,
        },
        10 => OrdType::TakeProfit { trigger },
        _ => OrdType::TakeProfitLimit {
            trigger,
            price,
            time_in_force: tif,
        },
    }
}

fn new(side: Side, ord_type: OrdType, quantity: i64, mode: usize) -> NewOrder {
    let mut order = order(side, ord_type, "1");
    order.quantity = keel_sim_exchange::core::Quantity::Base(lots(quantity));
    order.options.stp_mode = MODES[mode];
    if ord_type.can_rest() && quantity % 3 == 0 {
        order.options.iceberg_qty = lots(quantity / 3);
    }
    order
}

fn legs(kind: u8, side: Side, last: i64, gap: i64, quantity: i64) -> ListLegs {
    let sign = if side == Side::Sell { 1 } else { -1 };
    let near = new(
        side,
        OrdType::LimitMaker {
            price: at(last + sign * gap),
        },
        quantity,
        0,
    );
    let trigger = Trigger::Stop {
        stop_px: at(last - sign * gap),
    };
    let far = new(side, OrdType::StopLoss { trigger }, quantity, 0);
    let working = OrdType::Limit {
        price: at(last + sign),
        time_in_force: TimeInForce::Gtc,
    };
    let working = new(side.opposite(), working, quantity, 0);
    let (above, below) = if side == Side::Sell {
        (near, far)
    } else {
        (far, near)
    };
    match kind {
        0 => ListLegs::Oco { above, below },
        1 => ListLegs::Oto {
            working,
            pending: far,
        },
        _ => ListLegs::Otoco {
            working,
            above,
            below,
        },
    }
}

fn btcusdc() -> Symbol {
    "BTCUSDC".parse().unwrap()
}

fn open(venue: &Venue, account: usize, which: usize) -> Option<(Symbol, OrderId)> {
    let open = venue.exchange.open_orders(venue.account(account), None);
    let open: Vec<(Symbol, OrderId)> = open.map(|order| (order.symbol, order.order_id)).collect();
    open.get(which % open.len().max(1)).copied()
}

/// Refusals are part of the day; what matters is what they leave.
fn play(venue: &mut Venue, account: usize, step: Step) {
    let (now, owner) = (venue.now, venue.account(account));
    let last = venue.exchange.stats(btcusdt()).unwrap().last.units() / 1_000_000;
    match step {
        Step::Place {
            kind,
            side,
            ticks,
            stop,
            lots,
            mode,
            routing: (is_other, is_routed),
        } => {
            let mut order = new(side, kind_of(kind, at(ticks), at(stop)), lots, mode);
            order.symbol = if is_other { btcusdc() } else { btcusdt() };
            order.options.uses_sor = is_routed && kind <= 5;
            let _ = venue.place(account, order);
        }
        Step::List {
            kind,
            side,
            gap,
            lots,
            proceeds,
        } => {
            let list = NewOrderList {
                symbol: btcusdt(),
                cl_ord_id: None,
                legs: legs(kind, side, last, gap, lots),
                by_proceeds: proceeds && kind > 0 && side == Side::Sell,
            };
            let _ = venue.exchange.place_list(now, owner, list);
        }
        Step::Cancel(which) => {
            if let Some((symbol, id)) = open(venue, account, which) {
                venue
                    .exchange
                    .cancel(now, owner, symbol, OrderRef::OrderId(id), None)
                    .unwrap();
            }
        }
        Step::Amend(which, to) => {
            if let Some((symbol, id)) = open(venue, account, which) {
                let by = OrderRef::OrderId(id);
                let _ = venue.exchange.amend(now, owner, symbol, by, (lots(to), None));
            }
        }
        Step::Transfer(amount) => {
            let _ = venue.exchange.transfer(now, owner, asset("USDT"), amount.into());
        }
    }
}

fn check_book(venue: &Venue, symbol: Symbol) {
    let mut shown: BTreeMap<(Side, Price), Qty> = BTreeMap::new();
    let depth = venue.exchange.depth(symbol, usize::MAX).unwrap();
    for (side, levels) in [(Side::Buy, &depth.bids), (Side::Sell, &depth.asks)] {
        for level in levels {
            shown.insert((side, level.price), level.qty);
        }
    }
    let mut left: BTreeMap<(Side, Price), Qty> = BTreeMap::new();
    for account in 0..3 {
        for order in venue.exchange.open_orders(venue.account(account), Some(symbol)) {
            assert!(!order.leaves_qty().is_zero(), "{order:?}");
            if order.working_at.is_some() {
                let qty = left.entry((order.side, order.price())).or_default();
                *qty = qty.saturating_add(order.leaves_qty());
            }
        }
    }
    assert_eq!(shown.keys().collect::<Vec<_>>(), left.keys().collect::<Vec<_>>());
    for (level, qty) in &shown {
        assert!(*qty <= left[level], "{level:?}");
    }
    if let (Some(bid), Some(ask)) = (depth.bids.first(), depth.asks.first()) {
        assert!(bid.price < ask.price);
    }
}

fn busy_venue() -> Venue {
    let mut config = config(3);
    let mut bnb: Market = config.markets[0].clone();
    bnb.instrument.symbol = "BNBUSDT".parse().unwrap();
    bnb.instrument.base = asset("BNB");
    bnb.start_price = price("10");
    config.markets.push(bnb);
    let mut config = config.with_sor();
    config.maker_rate = money("0.001");
    config.taker_rate = money("0.002");
    for account in &mut config.accounts {
        // Little of everything, so that orders meet the end of it.
        account.funds = vec![
            (asset("BTC"), money("0.2")),
            (asset("USDT"), money("20")),
            (asset("USDC"), money("20")),
            (asset("BNB"), money("0.002")),
        ];
    }
    config.accounts[0].trade_group = Some(1);
    config.accounts[1].trade_group = Some(1);
    config.accounts[2].commission = Some(CommissionRates {
        standard: Rates {
            maker: money("0.001"),
            taker: money("0.001"),
            ..Rates::default()
        },
        discount: Some(Discount {
            asset: asset("BNB"),
            factor: money("0.75"),
        }),
        ..CommissionRates::default()
    });
    Venue::with(config)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_is_made_or_lost_by_any_orders_lists_amends_and_transfers(steps in steps()) {
        let mut venue = busy_venue();
        let totals = venue.exchange.totals();
        for (account, step) in steps {
            play(&mut venue, account, step);
            venue.check(3, &totals);
            check_book(&venue, btcusdt());
            check_book(&venue, btcusdc());
        }
        for account in 0..3 {
            while let Some((symbol, id)) = open(&venue, account, 0) {
                let (now, owner) = (venue.now, venue.account(account));
                venue.exchange.cancel(now, owner, symbol, OrderRef::OrderId(id), None).unwrap();
            }
        }
        venue.check(3, &totals);
        let depth = venue.exchange.depth(btcusdt(), 1).unwrap();
        prop_assert!(depth.bids.is_empty() && depth.asks.is_empty());
    }
}
