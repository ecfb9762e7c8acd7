//! Days that begin when they should, whatever is done to clocks, and losses against their limits.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use keel_domain::{Money, OrderId, Timestamp};
use keel_risk::{
    DayRule, DayRuleError, LimitError, LossBook, LossBreach, LossInputs, LossLimits, ProfitReading,
    TradingDay,
};
use proptest::prelude::*;

const HOUR_S: i64 = 3_600;

fn at(text: &str) -> Timestamp {
    let moment: jiff::Timestamp = text.parse().unwrap();
    Timestamp::from_millis(moment.as_millisecond())
}

fn rule(zone: &str, starts_at: &str) -> DayRule {
    DayRule::new(zone, starts_at).unwrap()
}

fn day(number: i32, began_at: &str) -> Option<TradingDay> {
    Some(TradingDay {
        number,
        began_at: at(began_at),
    })
}

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn limits() -> LossLimits {
    LossLimits {
        currency: "USDT".parse().unwrap(),
        day_max: money("10"),
        drawdown_max: money("20"),
        losing_exits_max: 3,
        day: rule("UTC", "00:00"),
    }
}

fn begun(profit: &str) -> LossBook {
    let mut book = LossBook::default();
    let today = limits().day.day_of(at("2026-11-25T12:00:00Z")).unwrap();
    book.begin_day(today, money(profit));
    book.note_peak(Timestamp::EPOCH, money(profit));
    book
}

#[test]
fn a_day_begins_at_its_hour_and_not_a_nanosecond_before() {
    let rule = rule("UTC", "17:00");
    let begins = at("2026-11-25T17:00:00Z");
    let before = Timestamp::from_nanos(begins.as_nanos() - 1);
    assert_eq!(rule.day_of(before), day(20_781, "2026-11-24T17:00:00Z"));
    assert_eq!(rule.day_of(begins), day(20_782, "2026-11-25T17:00:00Z"));
}

#[test]
fn f14_days_of_a_zone_follow_its_clocks_over_both_changes() {
    let berlin = rule("Europe/Berlin", "00:00");
    // 2026-03-29 has 23 hours there, 2026-10-25 has 25.
    for (moment, number, began_at) in [
        ("2026-03-28T22:59:59Z", 20_540, "2026-03-27T23:00:00Z"),
        ("2026-03-28T23:00:00Z", 20_541, "2026-03-28T23:00:00Z"),
        ("2026-03-29T21:59:59Z", 20_541, "2026-03-28T23:00:00Z"),
        ("2026-03-29T22:00:00Z", 20_542, "2026-03-29T22:00:00Z"),
        ("2026-10-24T22:00:00Z", 20_751, "2026-10-24T22:00:00Z"),
        ("2026-10-25T22:59:59Z", 20_751, "2026-10-24T22:00:00Z"),
        ("2026-10-25T23:00:00Z", 20_752, "2026-10-25T23:00:00Z"),
    ] {
        assert_eq!(berlin.day_of(at(moment)), day(number, began_at), "{moment}");
    }
    // An hour that is left out, and one that comes twice.
    let half_past_two = rule("Europe/Berlin", "02:30");
    assert_eq!(
        half_past_two.day_of(at("2026-03-29T01:30:00Z")),
        day(20_541, "2026-03-29T01:30:00Z")
    );
    assert_eq!(
        half_past_two.day_of(at("2026-10-25T00:30:00Z")),
        day(20_751, "2026-10-25T00:30:00Z")
    );
}

#[test]
fn a_zone_or_an_hour_that_there_is_not_is_refused() {
    assert_eq!(
        DayRule::new("Mars/Olympus", "00:00"),
        Err(DayRuleError::Zone("Mars/Olympus".to_owned()))
    );
    for text in ["24:00", "noon", "7", "-1:00"] {
        assert_eq!(
            DayRule::new("UTC", text),
            Err(DayRuleError::Time(text.to_owned()))
        );
    }
}

#[test]
fn f14_a_restart_in_the_middle_of_a_day_begins_no_other() {
    let rule = rule("UTC", "00:00");
    let mut book = LossBook::default();
    let first = book.next_day(&rule, at("2026-11-25T12:00:00Z")).unwrap();
    book.begin_day(first, Money::ZERO);
    assert_eq!(book.next_day(&rule, at("2026-11-25T23:59:59Z")), None);
    assert_eq!(
        book.next_day(&rule, at("2026-11-26T00:00:00Z")),
        day(20_783, "2026-11-26T00:00:00Z")
    );
}

#[test]
fn f14_another_rule_gives_no_budget_before_23_hours_are_over() {
    let mut book = LossBook::default();
    let first = rule("UTC", "00:00").day_of(at("2026-11-25T12:00:00Z")).unwrap();
    book.begin_day(first, Money::ZERO);
    // Kiritimati is 14 hours ahead: its 26th begins at 10:00 of the 25th.
    let ahead = rule("Pacific/Kiritimati", "00:00");
    assert_eq!(book.next_day(&ahead, at("2026-11-25T13:00:00Z")), None);
    assert!(book.next_day(&ahead, at("2026-11-26T10:00:00Z")).is_some());
}

#[test]
fn each_limit_is_reached_at_its_value() {
    let book = begun("100");
    let limits = limits();
    assert_eq!(book.breach(&limits, money("90.01")), None);
    let lost = |lost: &str| LossBreach::Day {
        lost: money(lost),
        limit: money("10"),
    };
    assert_eq!(book.breach(&limits, money("90")), Some(lost("10")));
    let mut higher = book.clone();
    higher.note_peak(Timestamp::EPOCH, money("115"));
    assert_eq!(higher.breach(&limits, money("95.01")), None);
    let below = LossBreach::Drawdown {
        lost: money("20"),
        limit: money("20"),
    };
    assert_eq!(higher.breach(&limits, money("95")), Some(below));
    assert_eq!(
        LossBook::default().breach(&limits, money("-1000")),
        None,
        "no day has begun"
    );
}

#[test]
fn exits_count_as_orders_and_a_gain_begins_anew() {
    let mut book = begun("0");
    let losing = |book: &LossBook| book.standing(Money::ZERO).unwrap().losing_exits;
    book.note_exit(OrderId(1), money("-3"));
    book.note_exit(OrderId(1), money("4"));
    book.note_exit(OrderId(2), money("-1"));
    book.note_exit(OrderId(2), money("-1"));
    assert_eq!(losing(&book), 1);
    book.note_exit(OrderId(3), money("-1"));
    assert_eq!((losing(&book), book.breach(&limits(), Money::ZERO)), (2, None));
    book.note_exit(OrderId(4), money("-1"));
    let breach = LossBreach::LosingExits { exits: 3, limit: 3 };
    assert_eq!(book.breach(&limits(), Money::ZERO), Some(breach));
    let mut resumed = book.clone();
    resumed.resume();
    assert_eq!(
        (losing(&resumed), resumed.breach(&limits(), Money::ZERO)),
        (0, None)
    );
    book.note_exit(OrderId(5), money("0.01"));
    assert_eq!(losing(&book), 3, "the one before has ended with a loss");
    book.note_exit(OrderId(6), money("-1"));
    assert_eq!(losing(&book), 1);
}

#[test]
fn a_limit_of_zero_or_less_cannot_be_meant() {
    let refused = |change: fn(&mut LossLimits)| {
        let mut limits = limits();
        change(&mut limits);
        match limits.validate() {
            Err(LimitError::NotPositive { name, .. }) => name,
            other => format!("{other:?}"),
        }
    };
    assert_eq!(refused(|limits| limits.day_max = Money::ZERO), "loss.day_max");
    assert_eq!(
        refused(|limits| limits.drawdown_max = -Money::ONE),
        "loss.drawdown_max"
    );
    assert_eq!(
        refused(|limits| limits.losing_exits_max = 0),
        "loss.losing_exits_max"
    );
    assert_eq!(limits().validate(), Ok(()));
}

proptest! {
    /// Clocks step by two hours either way at any time; days go forward and are at least 23 hours apart.
    #[test]
    fn f14_no_clock_gives_two_budgets_within_23_hours(
        zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"]),
        hour in 0..24,
        steps in prop::collection::vec((1..20 * HOUR_S, prop::sample::select(vec![0, 2 * HOUR_S, -2 * HOUR_S])), 1..60),
    ) {
        let rule = rule(zone, &format!("{hour:02}:00"));
        let (mut book, mut passed_s, mut begun) = (LossBook::default(), 0, Vec::<TradingDay>::new());
        for (passes, clock_off) in steps {
            passed_s += passes;
            let now = Timestamp::from_millis((1_774_000_000 + passed_s + clock_off) * 1_000);
            if let Some(day) = book.next_day(&rule, now) {
                book.begin_day(day, Money::ZERO);
                begun.push(day);
            }
        }
        for pair in begun.windows(2) {
            if let [before, after] = pair {
                prop_assert!(after.number > before.number);
                prop_assert!(after.began_at.since(before.began_at).as_secs() >= 23 * 3_600);
            }
        }
        prop_assert!(!begun.is_empty());
    }
}

#[test]
fn a_peak_is_what_no_profit_has_reached() {
    let mut book = LossBook::default();
    assert!(book.is_peak(money("-5")), "the first is one");
    book.note_peak(Timestamp::EPOCH, money("3"));
    assert!(!book.is_peak(money("2.99")));
    assert!(!book.is_peak(money("3")));
    assert!(book.is_peak(money("3.01")));
}

#[test]
fn an_exit_that_makes_nothing_has_not_lost() {
    let mut book = begun("0");
    book.note_exit(OrderId(1), money("-1"));
    book.note_exit(OrderId(2), money("0"));
    let losing = |book: &LossBook| book.standing(Money::ZERO).unwrap().losing_exits;
    assert_eq!(losing(&book), 1, "the second is no loss so far");
    book.note_exit(OrderId(3), money("-1"));
    assert_eq!(losing(&book), 1, "nor has it been one: the row began anew");
}

#[test]
fn f14_the_same_day_in_a_zone_further_west_is_no_other_day() {
    let mut book = LossBook::default();
    let east = rule("Pacific/Kiritimati", "00:00");
    let known = east.day_of(at("2026-06-10T12:00:00Z")).unwrap();
    book.begin_day(known, Money::ZERO);
    // The same date, and begun 26 hours later.
    let west = rule("Etc/GMT+12", "00:00");
    let now = at("2026-06-11T13:00:00Z");
    let today = west.day_of(now).unwrap();
    assert_eq!(today.number, known.number);
    assert_eq!(book.next_day(&west, now), None);
}

#[test]
fn f14_a_day_that_begins_23_hours_after_the_last_has_a_budget_and_one_a_second_earlier_has_none() {
    let utc = rule("UTC", "00:00");
    let now = at("2026-11-26T12:00:00Z");
    let after = |began_at: &str| {
        let mut book = LossBook::default();
        let before = TradingDay {
            number: 20_782,
            began_at: at(began_at),
        };
        book.begin_day(before, Money::ZERO);
        book.next_day(&utc, now)
    };
    assert_eq!(after("2026-11-25T01:00:01Z"), None, "22:59:59 before");
    assert_eq!(
        after("2026-11-25T01:00:00Z"),
        day(20_783, "2026-11-26T00:00:00Z"),
        "23:00:00 before"
    );
}

#[test]
fn f14_the_short_and_the_long_day_of_berlin_have_one_budget_each() {
    let berlin = rule("Europe/Berlin", "00:00");
    let mut book = LossBook::default();
    let mut begun = Vec::new();
    for dates in [["2026-03-28", "2026-03-31"], ["2026-10-24", "2026-10-27"]] {
        let [from, to] = dates.map(|date| at(&format!("{date}T00:00:00Z")).as_millis() / 1_000);
        for now in (from..to)
            .step_by(60)
            .map(|second| Timestamp::from_millis(second * 1_000))
        {
            if let Some(today) = book.next_day(&berlin, now) {
                assert_eq!(today.began_at, berlin.day_of(now).unwrap().began_at);
                book.begin_day(today, Money::ZERO);
                begun.push((today.number, now));
            }
        }
    }
    let expected = [
        (20_540, "2026-03-28T00:00:00Z"),
        (20_541, "2026-03-28T23:00:00Z"),
        (20_542, "2026-03-29T22:00:00Z"),
        (20_543, "2026-03-30T22:00:00Z"),
        (20_750, "2026-10-24T00:00:00Z"),
        (20_751, "2026-10-24T22:00:00Z"),
        (20_752, "2026-10-25T23:00:00Z"),
        (20_753, "2026-10-26T23:00:00Z"),
    ];
    assert_eq!(begun, expected.map(|(number, moment)| (number, at(moment))));
}

#[test]
fn f15_two_readings_are_compared_with_the_days_start_and_the_peak() {
    let reading = |profit: &str| ProfitReading {
        at: at("2026-11-25T12:00:00Z"),
        profit: money(profit),
    };
    let mut book = begun("3");
    book.note_peak(at("2026-11-25T13:00:00Z"), money("4"));
    let expected = LossInputs {
        readings: [reading("-9"), reading("-10")],
        day_start: ProfitReading {
            at: at("2026-11-25T00:00:00Z"),
            profit: money("3"),
        },
        peak: Some(ProfitReading {
            at: at("2026-11-25T13:00:00Z"),
            profit: money("4"),
        }),
    };
    assert_eq!(book.inputs(expected.readings), Some(expected));
    book.resume();
    let resumed = LossInputs {
        peak: None,
        ..expected
    };
    assert_eq!(book.inputs(expected.readings), Some(resumed));
    assert_eq!(LossBook::default().inputs(expected.readings), None);
}
