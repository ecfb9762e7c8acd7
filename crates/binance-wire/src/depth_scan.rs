//! A reader of depth frames written by hand, for the one shape in which the venue sends them.
//!
//! It reads `{"stream":"<pair>@depth[@100ms]","data":{"e":"depthUpdate","E":..,"s":"..","U":..,"u":..,"b":[..],"a":[..]}}`
//! without a space, with the keys in this order, and numbers that are plain. Of any other frame it says nothing, and
//! the general reader decides; where it says something, the general reader says the same.

use std::borrow::Cow;

use keel_domain::{Price, Qty, SCALE};

use crate::rest::WireLevel;
use crate::stream::DepthEvent;

/// Levels for which room is made at once: those of a busy frame.
const LEVELS_ROOM: usize = 32;
/// Digits of a whole number, or before the point, that are read here; more are left to the general reader.
const WHOLE_DIGITS_MAX: usize = 18;
const PRICE_DIGITS_MAX: usize = 10;

/// Reads a depth frame, or `None` where it is not of the one shape.
#[must_use]
pub fn scan(frame: &[u8]) -> Option<DepthEvent<'_>> {
    let mut rest = Cursor(frame);
    rest.skip(br#"{"stream":""#)?;
    let stream = rest.word()?;
    let (_, kind) = stream.split_once('@')?;
    if !matches!(kind, "depth" | "depth@100ms") {
        return None;
    }
    rest.skip(br#","data":{"e":"depthUpdate","E":"#)?;
    let event_time = i64::try_from(rest.whole()?).ok()?;
    rest.skip(br#","s":""#)?;
    let symbol = rest.word()?;
    rest.skip(br#","U":"#)?;
    let first_update_id = rest.whole()?;
    rest.skip(br#","u":"#)?;
    let last_update_id = rest.whole()?;
    rest.skip(br#","b":"#)?;
    let bids = rest.levels()?;
    rest.skip(br#","a":"#)?;
    let asks = rest.levels()?;
    rest.skip(b"}}")?;
    rest.0.is_empty().then_some(DepthEvent {
        event: Cow::Borrowed("depthUpdate"),
        event_time,
        symbol: Cow::Borrowed(symbol),
        first_update_id,
        last_update_id,
        bids,
        asks,
    })
}

/// What is left to read.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn skip(&mut self, text: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }

    /// The rest of a string of letters, digits and marks that mean themselves, and its closing quote.
    fn word(&mut self) -> Option<&'a str> {
        let end = self.0.iter().position(|byte| *byte == b'"')?;
        let (word, rest) = self.0.split_at_checked(end)?;
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'@' | b'_' | b'-' | b'.');
        if !word.iter().all(is_plain) {
            return None;
        }
        self.0 = rest.strip_prefix(b"\"")?;
        std::str::from_utf8(word).ok()
    }

    /// Digits, without the leading zero that JSON forbids.
    fn whole(&mut self) -> Option<u64> {
        let before = self.0;
        let (value, digits) = self.digits(WHOLE_DIGITS_MAX)?;
        let has_leading_zero = digits > 1 && before.first() == Some(&b'0');
        (!has_leading_zero).then_some(value)
    }

    /// At least one digit and at most `max`: their value, and how many.
    fn digits(&mut self, max: usize) -> Option<(u64, usize)> {
        let mut value: u64 = 0;
        let mut count = 0;
        let mut rest = self.0;
        while let Some((byte, after)) = rest.split_first() {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            if count == max {
                return None;
            }
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
            count += 1;
            rest = after;
        }
        self.0 = rest;
        (count > 0).then_some((value, count))
    }

    /// A decimal in units of 1e-8. Ten digits before the point stay in range.
    fn units(&mut self) -> Option<i64> {
        let (whole, _) = self.digits(PRICE_DIGITS_MAX)?;
        let units = i64::try_from(whole).ok()?.checked_mul(SCALE)?;
        let Some(fraction) = self.0.strip_prefix(b".") else {
            return Some(units);
        };
        self.0 = fraction;
        units.checked_add(self.fraction()?)
    }

    /// Up to eight places. The venue writes all eight, which are read in one step.
    fn fraction(&mut self) -> Option<i64> {
        if let Some((chunk, rest)) = self.0.split_first_chunk::<8>()
            && let Some(value) = eight_digits(*chunk)
        {
            self.0 = rest;
            return Some(value);
        }
        let (value, count) = self.digits(8)?;
        let missing = u32::try_from(8_usize.checked_sub(count)?).ok()?;
        i64::try_from(value)
            .ok()?
            .checked_mul(10_i64.checked_pow(missing)?)
    }

    fn levels(&mut self) -> Option<Vec<WireLevel>> {
        if let Some(rest) = self.0.strip_prefix(b"[]") {
            self.0 = rest;
            return Some(Vec::new());
        }
        let mut levels = Vec::with_capacity(LEVELS_ROOM);
        self.skip(br#"[[""#)?;
        loop {
            let price = Price::from_units(self.units()?).ok()?;
            self.skip(br#"",""#)?;
            let qty = Qty::from_units(self.units()?).ok()?;
            levels.push(WireLevel(price, qty));
            if self.skip(br#""],[""#).is_none() {
                self.skip(br#""]]"#)?;
                return Some(levels);
            }
        }
    }
}

/// The value of eight ASCII digits, found for all of them at once, or `None` where one is no digit.
fn eight_digits(chunk: [u8; 8]) -> Option<i64> {
    const HIGH_HALVES: u64 = 0xF0F0_F0F0_F0F0_F0F0;
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    let text = u64::from_le_bytes(chunk);
    // A digit's high half is 3, and stays 3 when 6 is added.
    let is_digits =
        text & HIGH_HALVES == ZEROS && text.wrapping_add(0x0606_0606_0606_0606) & HIGH_HALVES == ZEROS;
    if !is_digits {
        return None;
    }
    // Pairs, then fours, then all eight; the first digit is the lowest byte.
    let digits = text - ZEROS;
    let pairs = (digits.wrapping_mul(10)).wrapping_add(digits >> 8) & 0x00FF_00FF_00FF_00FF;
    let fours = (pairs.wrapping_mul(100)).wrapping_add(pairs >> 16) & 0x0000_FFFF_0000_FFFF;
    let eight = (fours.wrapping_mul(10_000)).wrapping_add(fours >> 32) & 0xFFFF_FFFF;
    i64::try_from(eight).ok()
}
