//! Kline intervals: where each begins, in any time zone.

/// A kline's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::protocol) enum Interval {
    S1,
    M1,
    M3,
    M5,
    M15,
    M30,
    H1,
    H2,
    H4,
    H6,
    H8,
    H12,
    D1,
    D3,
    W1,
    Month,
}

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// The epoch was a Thursday; weeks begin on Mondays.
const EPOCH_TO_MONDAY: i64 = 4 * DAY;

impl Interval {
    const ALL: [(Self, &'static str, i64); 16] = [
        (Self::S1, "1s", SECOND),
        (Self::M1, "1m", MINUTE),
        (Self::M3, "3m", 3 * MINUTE),
        (Self::M5, "5m", 5 * MINUTE),
        (Self::M15, "15m", 15 * MINUTE),
        (Self::M30, "30m", 30 * MINUTE),
        (Self::H1, "1h", HOUR),
        (Self::H2, "2h", 2 * HOUR),
        (Self::H4, "4h", 4 * HOUR),
        (Self::H6, "6h", 6 * HOUR),
        (Self::H8, "8h", 8 * HOUR),
        (Self::H12, "12h", 12 * HOUR),
        (Self::D1, "1d", DAY),
        (Self::D3, "3d", 3 * DAY),
        (Self::W1, "1w", 7 * DAY),
        // Months differ; `start_of` knows how.
        (Self::Month, "1M", 31 * DAY),
    ];

    /// As requests name it; the case tells minutes from months.
    pub(in crate::protocol) fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|(_, known, _)| *known == name)
            .map(|(interval, ..)| interval)
    }

    pub(in crate::protocol) fn name(self) -> &'static str {
        self.row().0
    }

    fn row(self) -> (&'static str, i64) {
        Self::ALL
            .into_iter()
            .find(|(interval, ..)| *interval == self)
            .map_or(("1m", MINUTE), |(_, name, millis)| (name, millis))
    }

    /// The start of the interval that holds a moment; both in ms since the epoch. `offset` is the time zone's, in ms
    /// east of UTC.
    pub(in crate::protocol) fn start_of(self, millis: i64, offset: i64) -> i64 {
        let local = millis + offset;
        let start = match self {
            Self::W1 => (local - EPOCH_TO_MONDAY).div_euclid(7 * DAY) * 7 * DAY + EPOCH_TO_MONDAY,
            Self::Month => {
                let (year, month) = month_of(local.div_euclid(DAY));
                first_day_of(year, month) * DAY
            }
            _ => {
                let width = self.row().1;
                local.div_euclid(width) * width
            }
        };
        start - offset
    }

    /// The start of the interval after the one that starts then.
    pub(in crate::protocol) fn after(self, start: i64, offset: i64) -> i64 {
        if self == Self::Month {
            // Every month has ended 31 days after its start, and none is shorter than 28.
            return self.start_of(start + 31 * DAY, offset);
        }
        start + self.row().1
    }
}

/// Year and month (1 to 12) of a day counted from the epoch: years begin in March here, so that the leap day is last.
fn month_of(day: i64) -> (i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    (era * 400 + year_of_era + i64::from(month <= 2), month)
}

/// The day, counted from the epoch, on which a month begins.
fn first_day_of(year: i64, month: i64) -> i64 {
    let from_march_year = if month <= 2 { year - 1 } else { year };
    let era = from_march_year.div_euclid(400);
    let year_of_era = from_march_year.rem_euclid(400);
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * from_march + 2) / 5;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::{DAY, Interval};

    /// 2024-02-29T12:34:56.789Z, a Thursday.
    const LEAP_DAY: i64 = 1_709_210_096_789;

    #[test]
    fn intervals_begin_where_the_calendar_says() {
        let starts = [
            ("1s", 1_709_210_096_000),
            ("1m", 1_709_210_040_000),
            ("15m", 1_709_209_800_000),
            ("4h", 1_709_208_000_000),
            ("1d", 1_709_164_800_000),
            // Monday, 2024-02-26.
            ("1w", 1_708_905_600_000),
            // 2024-02-01.
            ("1M", 1_706_745_600_000),
        ];
        for (name, start) in starts {
            let interval = Interval::parse(name).unwrap();
            assert_eq!(interval.start_of(LEAP_DAY, 0), start, "{name}");
            assert_eq!(interval.start_of(start, 0), start, "{name} begins at its start");
            let after = interval.after(start, 0);
            assert_eq!(
                interval.start_of(after - 1, 0),
                start,
                "{name} lasts until the next"
            );
            assert_eq!(interval.start_of(after, 0), after, "{name}");
        }
        // February 2024 had 29 days.
        let month = Interval::Month.after(1_706_745_600_000, 0);
        assert_eq!(month, 1_706_745_600_000 + 29 * DAY);
        // At UTC+8 the day began at 16:00 UTC of the day before.
        let eight_hours = 8 * 3_600_000;
        assert_eq!(
            Interval::D1.start_of(LEAP_DAY, eight_hours),
            1_709_164_800_000 - eight_hours
        );
        assert_eq!(Interval::parse("1M").map(Interval::name), Some("1M"));
        assert_eq!(Interval::parse("2m"), None);
    }

    #[test]
    fn every_month_of_four_centuries_follows_the_one_before() {
        let mut start = Interval::Month.start_of(0, 0);
        assert_eq!(start, 0);
        for _ in 0..4_800 {
            let after = Interval::Month.after(start, 0);
            let days = (after - start) / DAY;
            assert!((28..=31).contains(&days), "{days}");
            start = after;
        }
        // 1970 plus 400 years: a full cycle of the calendar.
        assert_eq!(start, 146_097 * DAY);
    }
}
