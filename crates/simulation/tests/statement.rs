//! A run's statement: that its days sum up to what the run made, whatever lies between them.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

mod common;

use std::collections::BTreeSet;

use keel_domain::{Money, Timestamp};

use crate::common::run::{MINUTE, Run, asset};

/// Two minutes before a UTC midnight.
const BEFORE_MIDNIGHT: Timestamp = Timestamp::from_millis(1_700_006_280_000);

/// Over a midnight with a position, and over a restart, with fees in BNB.
#[test]
fn f47_the_days_of_a_statement_sum_up_to_the_runs_profit_with_fees_in_bnb_and_over_a_restart() {
    let mut run = Run::start_at(BEFORE_MIDNIGHT, "5", true);
    run.pass(MINUTE);
    run.transfer("deposit", "USDT", "500");
    run.pass(MINUTE);
    run.simulation.kill_and_restart().unwrap();
    run.pass(MINUTE * 2);
    assert_eq!(run.fee_assets(), BTreeSet::from([asset("BNB")]));
    let (outcome, _) = run.simulation.close();
    let report = outcome.report;
    let statement = report.statement.clone().unwrap();

    let days: BTreeSet<&str> = statement.days.iter().map(|line| line.day.as_str()).collect();
    assert_eq!(days, BTreeSet::from(["2023-11-14", "2023-11-15"]));
    let carried = &statement.days[0].unrealised_after;
    assert!(!carried.is_zero(), "nothing was held at midnight");
    assert_eq!(*carried, statement.days[1].unrealised_before);
    let [pnl] = report.pnl.as_slice() else {
        panic!("{:?}", report.pnl)
    };
    let sum: Money = statement.days.iter().map(|line| line.net).sum();
    assert_eq!(Some(sum), pnl.net());

    assert_eq!(pnl.fees_unvalued, 0);
    let fees: Money = statement.trades.iter().map(|line| line.fee.unwrap()).sum();
    assert_eq!(fees, pnl.fees);
    for line in &statement.trades {
        // 0.075 % of the value, at a price of BNB that moves little.
        let share = line.fee.unwrap() / line.value;
        assert!(share > Money::new(7, 4) && share < Money::new(8, 4), "{line:?}");
        assert!(
            line.slippage.is_some(),
            "the orders of before the restart are there too"
        );
    }
    let ordered: u64 = statement.days.iter().map(|line| line.orders).sum();
    assert!(
        ordered > report.orders.submitted,
        "as are those that never traded"
    );

    let statistics = statement.statistics.unwrap();
    assert_eq!(statistics.days, 2);
    // What was made of the account: 100,000 USDT, a coin, five BNB; the deposit made nothing.
    let shown = statistics.total_return.unwrap();
    let expected = (sum / Money::from(165_000)).to_string().parse::<f64>().unwrap();
    assert!((shown / expected - 1.0).abs() < 0.1, "{shown} {expected}");
    let page = report.to_html();
    let percent = format!("{:.4} %", shown * 100.0).replace('-', "\u{2212}");
    assert!(page.contains(&format!("<td>{percent}</td>")), "{percent}");
    assert!(report.to_json().unwrap().contains("\"total_return\":"));
}
