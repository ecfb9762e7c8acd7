//! The venue's limits: request weight per address, unfilled orders per account, bans (rest-api.md, "LIMITS";
//! faqs/order_count_decrement.md).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use keel_binance_wire::error::{ApiError, code};
use keel_binance_wire::rest::RateLimit;
use keel_domain::Timestamp;

use super::endpoint::Refusal;
use crate::core::AccountId;

/// Every bound that the venue sets to its clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Request weight of an address in a minute.
    pub request_weight_1m: u32,
    /// Requests of an address in five minutes.
    pub raw_requests_5m: u32,
    /// Unfilled orders of an account in ten seconds.
    pub orders_10s: u32,
    /// Unfilled orders of an account in a UTC day.
    pub orders_1d: u32,
    /// Attempts of an address to open a WebSocket in five minutes.
    pub connections_5m: u32,
    /// Frames that a streams connection may send in a second: pings, pongs and requests.
    pub stream_messages_1s: u32,
    /// Streams of one connection.
    pub streams: usize,
    /// Refusals for weight that an address may earn in a minute before it is banned.
    pub refusals_before_ban_1m: u32,
    /// The first ban; each further one is twice as long.
    pub ban_first: Duration,
    /// The longest ban. An address that behaves for as long after a ban starts anew.
    pub ban_max: Duration,
    /// How long a connection may live.
    pub connection_life: Duration,
    /// How long before its end a connection is told.
    pub shutdown_notice: Duration,
}

impl Default for Limits {
    /// The venue's own. It does not tell how many refusals earn a ban; here it is the eleventh.
    fn default() -> Self {
        Self {
            request_weight_1m: 6_000,
            raw_requests_5m: 300_000,
            orders_10s: 100,
            orders_1d: 200_000,
            connections_5m: 300,
            stream_messages_1s: 5,
            streams: 1_024,
            refusals_before_ban_1m: 10,
            ban_first: Duration::from_secs(120),
            ban_max: Duration::from_secs(3 * 86_400),
            connection_life: Duration::from_secs(86_400),
            shutdown_notice: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// No limits of rates; what protects the exchange's own memory stays.
    #[must_use]
    pub fn off() -> Self {
        Self {
            request_weight_1m: u32::MAX,
            raw_requests_5m: u32::MAX,
            orders_10s: u32::MAX,
            orders_1d: u32::MAX,
            connections_5m: u32::MAX,
            stream_messages_1s: u32::MAX,
            refusals_before_ban_1m: u32::MAX,
            connection_life: Duration::from_secs(10 * 365 * 86_400),
            ..Self::default()
        }
    }

    /// As `exchangeInfo` tells them.
    pub(super) fn rate_limits(&self) -> Vec<RateLimit> {
        let limit = |kind: &str, interval: &str, interval_num, limit| RateLimit {
            rate_limit_type: kind.to_owned(),
            interval: interval.to_owned(),
            interval_num,
            limit,
            count: None,
        };
        vec![
            limit("REQUEST_WEIGHT", "MINUTE", 1, self.request_weight_1m),
            limit("ORDERS", "SECOND", 10, self.orders_10s),
            limit("ORDERS", "DAY", 1, self.orders_1d),
            limit("RAW_REQUESTS", "MINUTE", 5, self.raw_requests_5m),
        ]
    }
}

/// A count that starts anew with every calendar-aligned window.
#[derive(Debug, Clone, Copy, Default)]
struct Window {
    index: i64,
    count: u32,
}

impl Window {
    fn at(&mut self, now: Timestamp, seconds: i64) -> &mut u32 {
        let index = now.as_millis().div_euclid(seconds * 1_000);
        // Never back: news of a moment ago belongs to the window that runs now.
        if index > self.index {
            *self = Self { index, count: 0 };
        }
        &mut self.count
    }

    fn end(now: Timestamp, seconds: i64) -> Timestamp {
        let millis = seconds * 1_000;
        Timestamp::from_millis((now.as_millis().div_euclid(millis) + 1) * millis)
    }
}

const MINUTE: i64 = 60;
const FIVE_MINUTES: i64 = 300;
const TEN_SECONDS: i64 = 10;
const DAY: i64 = 86_400;

#[derive(Debug, Default)]
struct Address {
    weight: Window,
    requests: Window,
    connections: Window,
    refusals: Window,
    bans: u32,
    banned_until: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Orders {
    ten_seconds: Window,
    day: Window,
}

/// What has been used of the limits.
#[derive(Debug)]
pub(super) struct Usage {
    pub(super) limits: Limits,
    addresses: BTreeMap<IpAddr, Address>,
    orders: BTreeMap<AccountId, Orders>,
}

impl Usage {
    /// Addresses that are remembered; beyond it those go that are not banned.
    const ADDRESSES_MAX: usize = 10_000;

    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            addresses: BTreeMap::new(),
            orders: BTreeMap::new(),
        }
    }

    fn address(&mut self, now: Timestamp, ip: IpAddr) -> &mut Address {
        if self.addresses.len() >= Self::ADDRESSES_MAX && !self.addresses.contains_key(&ip) {
            self.addresses
                .retain(|_, address| address.banned_until.is_some_and(|until| until > now));
            if self.addresses.len() >= Self::ADDRESSES_MAX {
                self.addresses.pop_first();
            }
        }
        self.addresses.entry(ip).or_default()
    }

    /// The weight that an address has used in this minute.
    pub(super) fn weight(&mut self, now: Timestamp, ip: IpAddr) -> u32 {
        *self.address(now, ip).weight.at(now, MINUTE)
    }

    /// Refuses an address that is banned.
    pub(super) fn check_ban(&mut self, now: Timestamp, ip: IpAddr) -> Result<(), Refusal> {
        match self.address(now, ip).banned_until {
            Some(until) if until > now => Err(banned(until)),
            _ => Ok(()),
        }
    }

    /// Charges a request of an address, or refuses it.
    pub(super) fn admit(&mut self, now: Timestamp, ip: IpAddr, weight: u32) -> Result<(), Refusal> {
        self.check_ban(now, ip)?;
        let (requests_max, weight_max) = (self.limits.raw_requests_5m, self.limits.request_weight_1m);
        let address = self.address(now, ip);
        let requests = address.requests.at(now, FIVE_MINUTES);
        *requests = requests.saturating_add(1);
        let has_requests = *requests <= requests_max;
        let used = address.weight.at(now, MINUTE);
        *used = used.saturating_add(weight);
        let has_weight = *used <= weight_max;
        if !has_requests {
            let error = ApiError::new(code::TOO_MANY_REQUESTS, "Too many requests queued.");
            return Err(self.refuse(now, ip, error, Window::end(now, FIVE_MINUTES)));
        }
        if !has_weight {
            let msg = format!(
                "Too much request weight used; current limit is {weight_max} request weight per 1 MINUTE. \
                 Please use WebSocket Streams for live updates to avoid polling the API."
            );
            let error = ApiError::new(code::TOO_MANY_REQUESTS, msg);
            return Err(self.refuse(now, ip, error, Window::end(now, MINUTE)));
        }
        Ok(())
    }

    /// 429; or 418, when the address did not heed enough of them.
    fn refuse(&mut self, now: Timestamp, ip: IpAddr, error: ApiError, retry_at: Timestamp) -> Refusal {
        let (max, first, longest) = (
            self.limits.refusals_before_ban_1m,
            self.limits.ban_first,
            self.limits.ban_max,
        );
        let address = self.address(now, ip);
        let refusals = address.refusals.at(now, MINUTE);
        *refusals = refusals.saturating_add(1);
        if *refusals <= max {
            return Refusal::limited(429, error, retry_at);
        }
        if address
            .banned_until
            .is_some_and(|until| now > until.plus(longest))
        {
            address.bans = 0;
        }
        let length = first.saturating_mul(1 << address.bans.min(20)).min(longest);
        address.bans = address.bans.saturating_add(1);
        address.refusals = Window::default();
        let until = now.plus(length);
        address.banned_until = Some(until);
        banned(until)
    }

    /// Gives weight back: an order or a cancel that succeeded costs none.
    pub(super) fn refund(&mut self, now: Timestamp, ip: IpAddr, weight: u32) {
        let used = self.address(now, ip).weight.at(now, MINUTE);
        *used = used.saturating_sub(weight);
    }

    /// Charges an attempt to open a WebSocket.
    pub(super) fn admit_connection(&mut self, now: Timestamp, ip: IpAddr) -> Result<(), Refusal> {
        self.check_ban(now, ip)?;
        let max = self.limits.connections_5m;
        let attempts = self.address(now, ip).connections.at(now, FIVE_MINUTES);
        *attempts = attempts.saturating_add(1);
        if *attempts > max {
            let error = ApiError::new(code::TOO_MANY_REQUESTS, "Too many requests queued.");
            return Err(Refusal::limited(429, error, Window::end(now, FIVE_MINUTES)));
        }
        Ok(())
    }

    /// Refuses so many more orders of an account, when they are too many.
    pub(super) fn check_orders(
        &mut self,
        now: Timestamp,
        account: AccountId,
        more: u32,
    ) -> Result<(), Refusal> {
        let (max_10s, max_1d) = (self.limits.orders_10s, self.limits.orders_1d);
        let [ten_seconds, day] = self.order_counts(now, account);
        let too_many = |max: u32, per: &str, seconds: i64| {
            let msg = format!("Too many new orders; current limit is {max} orders per {per}.");
            Refusal::limited(
                429,
                ApiError::new(code::TOO_MANY_ORDERS, msg),
                Window::end(now, seconds),
            )
        };
        if day.saturating_add(more) > max_1d {
            return Err(too_many(max_1d, "1 DAY", DAY));
        }
        if ten_seconds.saturating_add(more) > max_10s {
            return Err(too_many(max_10s, "10 SECOND", TEN_SECONDS));
        }
        Ok(())
    }

    /// Counts orders that were accepted.
    pub(super) fn count_orders(&mut self, now: Timestamp, account: AccountId, more: u32) {
        let orders = self.orders.entry(account).or_default();
        for count in [orders.ten_seconds.at(now, TEN_SECONDS), orders.day.at(now, DAY)] {
            *count = count.saturating_add(more);
        }
    }

    /// Takes an order off the counts: it traded for the first time.
    pub(super) fn first_fill(&mut self, now: Timestamp, account: AccountId) {
        let orders = self.orders.entry(account).or_default();
        for count in [orders.ten_seconds.at(now, TEN_SECONDS), orders.day.at(now, DAY)] {
            *count = count.saturating_sub(1);
        }
    }

    /// Unfilled orders of an account: in these ten seconds, in this day.
    pub(super) fn order_counts(&mut self, now: Timestamp, account: AccountId) -> [u32; 2] {
        let orders = self.orders.entry(account).or_default();
        [*orders.ten_seconds.at(now, TEN_SECONDS), *orders.day.at(now, DAY)]
    }
}

fn banned(until: Timestamp) -> Refusal {
    let msg = format!(
        "Way too much request weight used; IP banned until {}. Please use WebSocket Streams for live updates to avoid bans.",
        until.as_millis()
    );
    Refusal::limited(418, ApiError::new(code::TOO_MANY_REQUESTS, msg), until)
}
