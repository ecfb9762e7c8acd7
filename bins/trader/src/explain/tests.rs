//! Which order is meant, and what its records make of it.

use keel_domain::{
    Asset, ClOrdId, ExecType, ExecutionReport, Money, OrdStatus, OrdType, OrderId, OrderIntent, Price,
    Purpose, Qty, Side, SignedQty, StopLeg, Symbol, Timestamp, Trade, TradeId, Trigger,
};
use keel_engine::{Fact, Record, Seen};
use keel_execution::UnknownCause;
use keel_risk::{HaltCause, Rule, TradingState};

use super::checks::checks;
use super::find::{Missing, Search, Target};
use super::life::Life;

const ID: &str = "k1-quoter-1-1";
const STOP: &str = "k1-quoter-1-stop2";

fn symbol(name: &str) -> Symbol {
    name.parse().unwrap()
}

fn id(text: &str) -> ClOrdId {
    text.parse().unwrap()
}

fn px(text: &str) -> Price {
    text.parse().unwrap()
}

fn qty(text: &str) -> Qty {
    text.parse().unwrap()
}

fn intent(cl_ord_id: &str, stop: Option<&str>) -> Fact {
    let trigger = Trigger::Stop { stop_px: px("90") };
    Fact::Intent {
        cl_ord_id: id(cl_ord_id),
        intent: OrderIntent {
            symbol: symbol("BTCUSDT"),
            side: Side::Sell,
            ord_type: OrdType::LimitMaker { price: px("101") },
            order_qty: qty("2"),
            purpose: Purpose::ReduceOnly,
        },
        seen: Seen {
            bid_ask: Some((px("99"), px("100"))),
            position: SignedQty::from_units(300_000_000),
            buy_leaves: Qty::ZERO,
            sell_leaves: Qty::ZERO,
        },
        stop: stop.map(|stop| StopLeg {
            cl_ord_id: id(stop),
            ord_type: OrdType::StopLossLimit {
                trigger,
                price: px("89.1"),
                time_in_force: keel_domain::TimeInForce::Gtc,
            },
        }),
    }
}

fn trade(trade_id: u64, last_qty: &str) -> Trade {
    Trade {
        symbol: symbol("BTCUSDT"),
        trade_id: TradeId(trade_id),
        order_id: OrderId(7),
        side: Side::Sell,
        last_px: px("101"),
        last_qty: qty(last_qty),
        commission: Money::new(1, 1),
        commission_asset: Some(Asset::new("USDT").unwrap()),
        is_maker: true,
        transact_time: Timestamp::from_millis(1),
    }
}

fn report(of: &str, ord_status: OrdStatus, cum_qty: &str, trade: Option<Trade>) -> ExecutionReport {
    ExecutionReport {
        symbol: symbol("BTCUSDT"),
        cl_ord_id: id(of),
        order_id: OrderId(7),
        side: Side::Sell,
        exec_type: trade.map_or(ExecType::New, |_| ExecType::Trade),
        ord_status,
        order_qty: qty("2"),
        price: px("101"),
        cum_qty: qty(cum_qty),
        cum_quote: Money::ZERO,
        trade,
        transact_time: Timestamp::from_millis(1),
    }
}

fn found(text: &str, pair: Option<&str>, facts: &[Fact]) -> Result<Target, Missing> {
    let mut search = Search::new(text, pair.map(symbol));
    for (sequence, record) in records(facts) {
        search.see(sequence, &record);
    }
    search.end()
}

fn records(facts: &[Fact]) -> impl Iterator<Item = (u64, Record)> {
    let at = Timestamp::from_millis(1);
    let record = move |fact: &Fact| Record {
        at,
        fact: fact.clone(),
    };
    (1..).zip(facts.iter().map(record))
}

fn life_of(target: Target, facts: &[Fact]) -> Life {
    let mut life = Life::new(target, true);
    for (sequence, record) in records(facts) {
        life.see(sequence, &record);
    }
    life
}

#[test]
fn an_order_is_found_by_either_id_and_a_stop_by_the_exit_that_carries_it() {
    let facts = [
        intent(ID, Some(STOP)),
        Fact::Execution(report(ID, OrdStatus::New, "0", None)),
    ];
    let by_name = found(ID, None, &facts).unwrap();
    assert_eq!(
        (by_name.cl_ord_id, by_name.order_id),
        (Some(id(ID)), Some(OrderId(7)))
    );
    assert_eq!(found("7", None, &facts).unwrap(), by_name);
    let stop = life_of(found(STOP, None, &facts).unwrap(), &facts);
    let decision = stop.decision.unwrap();
    assert_eq!(decision.partner, Some((id(ID), true)));
    let judged: Vec<Rule> = checks(&decision, None).iter().map(|check| check.rule).collect();
    assert!(
        !judged.contains(&Rule::Position),
        "the exit's own check sees to it"
    );
    let collar = &checks(&decision, None)[1];
    assert_eq!(collar.value.as_deref(), Some("89.1, 100 bps through the bid"));
}

#[test]
fn an_id_that_names_no_one_order_says_why() {
    let of_other_pair = ExecutionReport {
        symbol: symbol("ETHUSDT"),
        ..report("k1-quoter-1-9", OrdStatus::New, "0", None)
    };
    let foreign = Trade {
        order_id: OrderId(8),
        ..trade(5, "1")
    };
    let facts = [
        Fact::Execution(report(ID, OrdStatus::New, "0", None)),
        Fact::Execution(of_other_pair),
        Fact::ForeignTrade(foreign),
    ];
    let both = vec![symbol("BTCUSDT"), symbol("ETHUSDT")];
    assert_eq!(found("7", None, &facts), Err(Missing::Several(both)));
    let of_pair = found("7", Some("ETHUSDT"), &facts).unwrap();
    assert_eq!(of_pair.cl_ord_id, Some(id("k1-quoter-1-9")));
    assert_eq!(found("8", None, &facts), Err(Missing::Foreign(3)));
    let near = vec![ID.to_owned(), "k1-quoter-1-9".to_owned()];
    assert_eq!(found("k1-quoter-1-3", None, &facts), Err(Missing::Unknown(near)));
    assert_eq!(found("nothing", None, &facts), Err(Missing::Unknown(Vec::new())));
}

#[test]
fn a_trade_that_is_told_twice_counts_once_and_what_restricted_meanwhile_is_told() {
    let halt = Fact::Restricted {
        state: TradingState::Halted,
        cause: HaltCause::Operator {
            reason: "looks wrong".to_owned(),
        },
    };
    let facts = [
        halt.clone(),
        intent(ID, None),
        Fact::SubmitUnknown {
            cl_ord_id: id(ID),
            cause: UnknownCause::TimedOut,
        },
        halt,
        Fact::Execution(report(ID, OrdStatus::PartiallyFilled, "1", Some(trade(5, "1")))),
        Fact::Trade {
            strategy: "quoter".parse().unwrap(),
            trade: trade(5, "1"),
        },
        Fact::Execution(report(ID, OrdStatus::Filled, "2", Some(trade(6, "1")))),
    ];
    let open = life_of(found(ID, None, &facts).unwrap(), &facts[..3]);
    assert_eq!(open.ending, None, "its outcome is unknown");
    let life = life_of(found(ID, None, &facts).unwrap(), &facts);
    let kinds: Vec<&str> = life.events.iter().map(|event| event.kind).collect();
    let expected = [
        "Intent",
        "SubmitUnknown",
        "Restricted",
        "Execution",
        "Trade",
        "Execution",
    ];
    assert_eq!(kinds, expected, "what came before it is not of its life");
    assert_eq!(life.ending.as_deref(), Some("Filled, 2 traded"));
    let (traded, value, fees) = life.traded();
    assert_eq!((traded, value), (Money::from(2), Money::from(202)));
    assert_eq!(fees.values().copied().sum::<Money>(), Money::new(2, 1));
    let (state, cause) = life.decision.unwrap().state.unwrap();
    assert_eq!(state, TradingState::Halted);
    assert!(cause.unwrap().to_string().contains("looks wrong"));
}
