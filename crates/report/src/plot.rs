//! Plots as inline SVG. Floating-point numbers are pixels here, never money.

use keel_domain::{Money, Timestamp};
use maud::{Markup, html};
use rust_decimal::prelude::ToPrimitive;

use crate::Sample;
use crate::format::{clock, number};

/// The most points drawn in one line.
const POINTS_MAX: usize = 2_000;
const WIDTH: f64 = 920.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 26.0;

/// A trade in a plot.
pub(crate) struct Mark {
    pub(crate) at: Timestamp,
    pub(crate) value: Money,
    pub(crate) is_buy: bool,
    pub(crate) label: String,
}

/// Fewer samples that keep every extreme: of each stretch the lowest and the highest, in the order of time.
pub(crate) fn thin(samples: &[Sample]) -> Vec<Sample> {
    if samples.len() <= POINTS_MAX {
        return samples.to_vec();
    }
    let stretch = samples.len().div_ceil(POINTS_MAX / 2);
    let extremes = samples.chunks(stretch).flat_map(|chunk| {
        let low = chunk.iter().enumerate().min_by_key(|(_, sample)| sample.value);
        let high = chunk.iter().enumerate().max_by_key(|(_, sample)| sample.value);
        let mut pair: Vec<(usize, Sample)> =
            [low, high].into_iter().flatten().map(|(i, s)| (i, *s)).collect();
        pair.sort_by_key(|(place, _)| *place);
        pair.dedup_by_key(|(place, _)| *place);
        pair.into_iter().map(|(_, sample)| sample)
    });
    extremes.collect()
}

struct Frame {
    start: f64,
    span: f64,
    low: f64,
    high: f64,
}

impl Frame {
    fn around(samples: &[Sample], marks: &[Mark]) -> Option<Self> {
        let (first, last) = (samples.first()?, samples.last()?);
        let values = samples
            .iter()
            .map(|sample| sample.value)
            .chain(marks.iter().map(|mark| mark.value));
        let low = values.clone().min()?.to_f64()?;
        let high = values.max()?.to_f64()?;
        // A line that never moves stands in the middle.
        let margin = if high > low {
            (high - low) * 0.06
        } else {
            high.abs().max(1.0) * 0.01
        };
        let start = seconds(first.at);
        let span = (seconds(last.at) - start).max(0.001);
        Some(Self {
            start,
            span,
            low: low - margin,
            high: high + margin,
        })
    }

    fn x(&self, at: Timestamp) -> f64 {
        LEFT + (seconds(at) - self.start) / self.span * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        TOP + (self.high - value) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)
    }

    /// Round values inside the frame, about four of them.
    fn ticks(&self) -> Vec<f64> {
        let rough = (self.high - self.low) / 4.0;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0]
            .into_iter()
            .map(|m| m * power)
            .find(|step| *step >= rough);
        let step = step.unwrap_or(rough);
        let first = (self.low / step).ceil() * step;
        (0..8)
            .map(|n| first + f64::from(n) * step)
            .take_while(|value| *value <= self.high)
            .collect()
    }
}

fn seconds(at: Timestamp) -> f64 {
    at.as_micros().to_f64().unwrap_or_default() / 1e6
}

/// A line over time with the trades on it. `is_step` draws what holds its value until it changes.
pub(crate) fn line(samples: &[Sample], marks: &[Mark], is_step: bool) -> Markup {
    let Some(frame) = Frame::around(samples, marks) else {
        return html! { p.none { "No data." } };
    };
    let mut path = String::new();
    let mut before: Option<f64> = None;
    for sample in thin(samples) {
        let (x, y) = (
            frame.x(sample.at),
            frame.y(sample.value.to_f64().unwrap_or_default()),
        );
        match before {
            None => path.push_str(&format!("M{x:.1} {y:.1}")),
            Some(_) if is_step => path.push_str(&format!("H{x:.1}V{y:.1}")),
            Some(_) => path.push_str(&format!("L{x:.1} {y:.1}")),
        }
        before = Some(y);
    }
    let times = [0.0, 0.25, 0.5, 0.75, 1.0].map(|part| {
        let micros = ((frame.start + frame.span * part) * 1e6)
            .to_i64()
            .unwrap_or_default();
        let at = Timestamp::from_nanos(micros.saturating_mul(1_000));
        (LEFT + part * (WIDTH - LEFT - RIGHT), at)
    });
    html! {
        svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" {
            @for value in frame.ticks() {
                @let y = format!("{:.1}", frame.y(value));
                line.grid x1=(LEFT) x2=(WIDTH - RIGHT) y1=(y) y2=(y) {}
                text.tick x=(LEFT - 8.0) y=(y) dy="0.32em" text-anchor="end" {
                    (number(Money::try_from(value).unwrap_or_default(), 6))
                }
            }
            @for (place, (x, at)) in times.iter().enumerate() {
                @let anchor = match place { 0 => "start", 4 => "end", _ => "middle" };
                text.tick x=(format!("{x:.1}")) y=(HEIGHT - 8.0) text-anchor=(anchor) { (clock(*at)) }
            }
            path.line d=(path) {}
            @for mark in marks {
                (triangle(&frame, mark))
            }
        }
    }
}

/// A buy points up from below its price, a sale down from above.
fn triangle(frame: &Frame, mark: &Mark) -> Markup {
    let (x, y) = (frame.x(mark.at), frame.y(mark.value.to_f64().unwrap_or_default()));
    let (class, tip) = if mark.is_buy { ("buy", 8.0) } else { ("sell", -8.0) };
    let points = format!(
        "{x:.1},{y:.1} {:.1},{:.1} {:.1},{:.1}",
        x - 4.5,
        y + tip,
        x + 4.5,
        y + tip
    );
    html! { polygon class=(class) points=(points) { title { (mark.label) } } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(count: usize) -> Vec<Sample> {
        let sample = |n: usize| Sample {
            at: Timestamp::from_millis(n as i64),
            value: Money::from((n * 7919) % 1009),
        };
        (0..count).map(sample).collect()
    }

    #[test]
    fn a_line_at_the_bound_is_drawn_whole_and_a_longer_one_keeps_its_extremes() {
        assert_eq!(thin(&samples(POINTS_MAX)).len(), POINTS_MAX);
        let long = samples(POINTS_MAX * 10 + 1);
        let thinned = thin(&long);
        assert!(thinned.len() <= POINTS_MAX, "{}", thinned.len());
        let extremes = |s: &[Sample]| (s.iter().map(|s| s.value).min(), s.iter().map(|s| s.value).max());
        assert_eq!(extremes(&thinned), extremes(&long));
        assert!(thinned.is_sorted_by_key(|sample| sample.at));
    }
}
