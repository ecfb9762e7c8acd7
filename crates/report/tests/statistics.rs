//! Statistics against hand-computed cases and against a second implementation that takes other ways to each figure.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "helpers outside #[test] functions"
)]

use keel_domain::Money;
use keel_report::{DayEnd, Statistics};
use proptest::prelude::*;

/// Days' ends in whole units, with what was transferred during the day.
fn days(ends: &[(i64, i64)]) -> Vec<DayEnd> {
    let day = |(equity, transferred): &(i64, i64)| DayEnd {
        equity: Money::from(*equity),
        transferred: Money::from(*transferred),
    };
    ends.iter().map(day).collect()
}

fn closed(pnls: &[i64]) -> Vec<Money> {
    pnls.iter().copied().map(Money::from).collect()
}

fn is_near(ours: Option<f64>, expected: f64) -> bool {
    ours.is_some_and(|ours| (ours - expected).abs() <= 1e-9 * expected.abs().max(1.0))
}

#[test]
fn figures_of_a_small_case_computed_by_hand() {
    // Returns 0.1, -0.2, 0.25: product 1.1 x 0.8 x 1.25 = 1.1; the fall from 1.1 to 0.88 is a fifth.
    let statistics = Statistics::new(
        &days(&[(100, 0), (110, 0), (88, 0), (110, 0)]),
        &closed(&[30, -10, 0, 15, -5]),
    );
    assert_eq!((statistics.days, statistics.closing_trades), (3, 5));
    assert!(is_near(statistics.total_return, 0.1));
    assert!(is_near(statistics.max_drawdown, 0.2));
    // Mean 0.05; deviations 0.05, -0.25, 0.2, squares 0.105 by 2: the root of 0.0525. A year: times the root of 365.
    assert!(is_near(
        statistics.sharpe,
        0.05 / 0.0525_f64.sqrt() * 365_f64.sqrt()
    ));
    // Downside: the root of 0.04 by 3.
    assert!(is_near(
        statistics.sortino,
        0.05 / (0.04_f64 / 3.0).sqrt() * 365_f64.sqrt()
    ));
    assert!(is_near(statistics.win_rate, 0.4));
    assert!(is_near(statistics.profit_factor, 3.0));
}

#[test]
fn f49_a_deposit_is_no_gain_and_a_withdrawal_no_loss() {
    let moved = Statistics::new(&days(&[(100, 0), (1_110, 1_000), (555, -555)]), &[]);
    // 10 of 100, then nothing of 1110.
    assert!(is_near(moved.total_return, 0.1));
    assert!(is_near(moved.max_drawdown, 0.0));
}

#[test]
fn what_has_no_meaning_is_absent_and_never_zero_or_infinite() {
    let none = Statistics::new(&[], &[]);
    assert_eq!(none.total_return, None);
    assert_eq!((none.max_drawdown, none.sharpe, none.sortino), (None, None, None));
    assert_eq!((none.win_rate, none.profit_factor), (None, None));

    let one_day = Statistics::new(&days(&[(100, 0), (110, 0)]), &closed(&[5]));
    assert!(is_near(one_day.total_return, 0.1));
    assert_eq!(one_day.sharpe, None, "one return has no deviation");
    assert_eq!(one_day.sortino, None, "nothing fell");
    assert!(is_near(one_day.win_rate, 1.0));
    assert_eq!(one_day.profit_factor, None, "nothing was lost");

    let same_every_day = Statistics::new(&days(&[(1_000, 0), (1_100, 0), (1_210, 0), (1_331, 0)]), &[]);
    assert_eq!(same_every_day.sharpe, None, "equal returns have no deviation");

    let ruined = Statistics::new(&days(&[(100, 0), (0, 0), (50, 50)]), &[]);
    assert_eq!(
        (ruined.total_return, ruined.days),
        (None, 0),
        "nothing returns on nothing"
    );
}

#[test]
fn a_total_loss_is_a_drawdown_of_all() {
    let lost = Statistics::new(&days(&[(100, 0), (0, 0)]), &closed(&[-100]));
    assert!(is_near(lost.total_return, -1.0));
    assert!(is_near(lost.max_drawdown, 1.0));
    assert!(is_near(lost.win_rate, 0.0));
    assert!(is_near(lost.profit_factor, 0.0));
    assert!(lost.profit_factor.unwrap().is_sign_positive(), "no page shows -0");
}

/// Each figure another way: growth factors, all pairs of days, moments, counting by sorting.
struct Naive {
    total_return: f64,
    max_drawdown: f64,
    sharpe: f64,
    sortino: f64,
}

fn naive(ends: &[(i64, i64)]) -> Naive {
    let factors: Vec<f64> = (1..ends.len())
        .map(|n| (ends[n].0 - ends[n].1) as f64 / ends[n - 1].0 as f64)
        .collect();
    let grown = |from: usize, to: usize| factors[from..to].iter().product::<f64>();
    let mut worst = 1.0_f64;
    for from in 0..=factors.len() {
        for to in from..=factors.len() {
            worst = worst.min(grown(from, to));
        }
    }
    let n = factors.len() as f64;
    let first = factors.iter().map(|f| f - 1.0).sum::<f64>() / n;
    let second = factors.iter().map(|f| (f - 1.0) * (f - 1.0)).sum::<f64>() / n;
    let down = factors
        .iter()
        .filter(|f| **f < 1.0)
        .map(|f| (1.0 - f) * (1.0 - f))
        .sum::<f64>()
        / n;
    Naive {
        total_return: grown(0, factors.len()) - 1.0,
        max_drawdown: 1.0 - worst,
        sharpe: (365.0 / ((second - first * first) * n / (n - 1.0))).sqrt() * first,
        sortino: (365.0 / down).sqrt() * first,
    }
}

proptest! {
    #[test]
    fn figures_are_those_of_another_implementation(
        ends in prop::collection::vec((5_000_i64..20_000, -2_000_i64..2_000), 4..60),
    ) {
        let statistics = Statistics::new(&days(&ends), &[]);
        let naive = naive(&ends);
        let agree = |ours: Option<f64>, naive: f64| ours.map_or(!naive.is_finite(), |ours| {
            (ours - naive).abs() < 1e-6 * naive.abs().max(1.0)
        });
        prop_assert!(agree(statistics.total_return, naive.total_return), "return");
        prop_assert!(agree(statistics.max_drawdown, naive.max_drawdown), "drawdown");
        prop_assert!(agree(statistics.sharpe, naive.sharpe), "sharpe {:?} {}", statistics.sharpe, naive.sharpe);
        prop_assert!(agree(statistics.sortino, naive.sortino), "sortino {:?} {}", statistics.sortino, naive.sortino);
    }

    #[test]
    fn win_rate_and_profit_factor_are_those_of_counting(mut pnls in prop::collection::vec(-50_i64..50, 1..60)) {
        let statistics = Statistics::new(&[], &closed(&pnls));
        pnls.sort_unstable();
        let losers = pnls.partition_point(|pnl| *pnl < 0);
        let winners = pnls.len() - pnls.partition_point(|pnl| *pnl <= 0);
        let lost: i64 = pnls[..losers].iter().sum();
        let won: i64 = pnls[pnls.len() - winners..].iter().sum();
        prop_assert!(is_near(statistics.win_rate, winners as f64 / pnls.len() as f64));
        if losers == 0 {
            prop_assert_eq!(statistics.profit_factor, None);
        } else {
            prop_assert!(is_near(statistics.profit_factor, won as f64 / -lost as f64));
        }
    }
}
