//! What was asked for, as it came.

use keel_binance_wire::convert;
use keel_binance_wire::order_answers::{
    Canceled, MyTrade, OrderCanceled, OrderListPlaced, OrderPlaced, OrderStatusReport,
};
use keel_binance_wire::params::Params;
use keel_binance_wire::rest::{Account, Depth, ExchangeInfo, RateLimit, ServerTime};
use keel_binance_wire::ws_api::method;
use keel_domain::{Asset, ExecutionReport, Timestamp, Trade};
use keel_execution::{Balance, VenueReport};

use super::inbound::{Unreadable, read};
use super::requests::{Pending, Question};
use super::{Link, Session};

fn read_orders(body: &[u8]) -> Result<Vec<ExecutionReport>, Unreadable> {
    let orders: Vec<OrderStatusReport> = read(body)?;
    let orders: Result<_, _> = orders.iter().map(convert::order_status).collect();
    orders.map_err(|_| Unreadable)
}

fn read_trades(body: &[u8]) -> Result<Vec<Trade>, Unreadable> {
    let trades: Vec<MyTrade> = read(body)?;
    let trades: Result<_, _> = trades.iter().map(convert::my_trade).collect();
    trades.map_err(|_| Unreadable)
}

/// How many orders a limit allows in ten seconds, where it is one of orders in a short time.
fn orders_per_10s(limit: &RateLimit) -> Option<u32> {
    let unit = match limit.interval.as_str() {
        "SECOND" => 1,
        "MINUTE" => 60,
        _ => return None,
    };
    // All that may leave in ten seconds may leave in one of them.
    let seconds = u64::from(limit.interval_num.saturating_mul(unit)).max(10);
    let is_of_orders = limit.rate_limit_type == "ORDERS";
    is_of_orders.then(|| u32::try_from(u64::from(limit.limit) * 10 / seconds).unwrap_or(u32::MAX))
}

impl Session {
    pub(super) fn on_result(
        &mut self,
        now: Timestamp,
        pending: Pending,
        body: &[u8],
    ) -> Result<(), Unreadable> {
        let asked_at = pending.asked_at;
        match pending.question {
            Question::Time => {
                let time: ServerTime = read(body)?;
                let venue_time = Timestamp::from_millis(time.server_time);
                let changed = self.clock.on_sample(now, asked_at, venue_time);
                self.tell_clock(changed);
            }
            Question::Instruments | Question::Instrument(_) => self.on_exchange_info(&read(body)?)?,
            Question::Snapshot(symbol) => {
                let depth: Depth = read(body)?;
                self.on_snapshot(now, symbol, depth);
            }
            Question::LogOn => self.on_logged_on(now, pending.link),
            Question::SubscribeUser => {
                if let Some(link) = pending.link {
                    self.on_user_subscribed(now, link);
                }
            }
            Question::Submit(..) => {
                self.on_placed(&read(body)?)?;
            }
            Question::SubmitPair(..) => {
                let list: OrderListPlaced = read(body)?;
                for placed in &list.order_reports {
                    self.on_placed(placed)?;
                }
            }
            Question::Cancel(_) => match read(body)? {
                Canceled::Order(canceled) => self.on_canceled(&canceled)?,
                Canceled::List { order_reports } => {
                    for canceled in &order_reports {
                        self.on_canceled(canceled)?;
                    }
                }
            },
            Question::Order(_) => {
                let order: OrderStatusReport = read(body)?;
                let report = convert::order_status(&order).map_err(|_| Unreadable)?;
                self.reports.push_back(VenueReport::Execution(report));
            }
            Question::OpenOrders(symbol) => {
                let orders = read_orders(body)?;
                self.reports.push_back(VenueReport::OpenOrders {
                    symbol,
                    orders,
                    asked_at,
                });
            }
            Question::AllOrders(symbol, around) => {
                let orders = read_orders(body)?;
                self.reports.push_back(VenueReport::AllOrders {
                    symbol,
                    around,
                    orders,
                    asked_at,
                });
            }
            Question::Trades(symbol, from) => {
                let trades = read_trades(body)?;
                self.reports.push_back(VenueReport::Trades {
                    symbol,
                    from,
                    trades,
                    asked_at,
                });
            }
            Question::Account => self.on_account(&read(body)?)?,
        }
        Ok(())
    }

    fn on_placed(&mut self, placed: &OrderPlaced) -> Result<(), Unreadable> {
        let reports = convert::order_placed(placed).map_err(|_| Unreadable)?;
        self.reports
            .extend(reports.into_iter().map(VenueReport::Execution));
        Ok(())
    }

    fn on_canceled(&mut self, canceled: &OrderCanceled) -> Result<(), Unreadable> {
        let report = convert::order_canceled(canceled).map_err(|_| Unreadable)?;
        self.reports.push_back(VenueReport::Execution(report));
        Ok(())
    }

    fn on_logged_on(&mut self, now: Timestamp, link: Option<Link>) {
        let Some(link) = link else { return };
        if let Some(state) = self.links.get_mut(&link) {
            state.is_logged_on = true;
        }
        let question = Question::SubscribeUser;
        self.log_on_step(now, link, method::USER_SUBSCRIBE, &Params::new(), question);
    }

    fn on_exchange_info(&mut self, info: &ExchangeInfo) -> Result<(), Unreadable> {
        self.on_limits(info);
        for symbol in &info.symbols {
            let instrument = convert::instrument(symbol).map_err(|_| Unreadable)?;
            self.reports.push_back(VenueReport::Instrument(instrument));
        }
        Ok(())
    }

    /// The venue's own limits: of the request weight in a minute, and of orders in a short time. That of a day is left out: what it
    /// allows in ten seconds on average is no bound for them.
    fn on_limits(&mut self, info: &ExchangeInfo) {
        let is_weight = |limit: &&RateLimit| {
            limit.rate_limit_type == "REQUEST_WEIGHT" && limit.interval == "MINUTE" && limit.interval_num == 1
        };
        if let Some(limit) = info.rate_limits.iter().find(is_weight) {
            self.weight.set_limit(limit.limit);
        }
        if let Some(per_10s_max) = info.rate_limits.iter().filter_map(orders_per_10s).min() {
            self.reports.push_back(VenueReport::OrderLimit { per_10s_max });
        }
    }

    fn on_account(&mut self, account: &Account) -> Result<(), Unreadable> {
        let balance = |b: &keel_binance_wire::rest::WireBalance| {
            let asset = Asset::new(&b.asset).map_err(|_| Unreadable)?;
            Ok(Balance {
                asset,
                free: b.free,
                locked: b.locked,
            })
        };
        let balances = account
            .balances
            .iter()
            .map(balance)
            .collect::<Result<_, Unreadable>>()?;
        let update_time = Timestamp::from_millis(account.update_time);
        self.reports.push_back(VenueReport::Balances {
            balances,
            is_complete: true,
            update_time,
        });
        let link = self.ws_api;
        if !self.is_up && self.links.get(&link).is_some_and(|state| state.is_subscribed) {
            self.is_up = true;
            self.proven(link);
            self.reports.push_back(VenueReport::SessionUp {
                account: account.uid.to_string(),
            });
        }
        Ok(())
    }
}
