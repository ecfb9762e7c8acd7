//! A venue of a few lines: orders that rest until a test fills or ends them, and answers to every question.

use std::collections::BTreeMap;

use keel_domain::{
    Asset, ClOrdId, ExecType, ExecutionReport, Money, OrdStatus, OrderId, OrderIntent, Price, Qty, Side,
    SignedQty, StopLeg, Symbol, Timestamp, Trade, TradeId, notional,
};
use keel_engine::Command;
use keel_execution::{Balance, Reject, VenueReport};

#[derive(Debug, Clone)]
pub struct VenueOrder {
    pub intent: OrderIntent,
    pub order_id: OrderId,
    pub status: OrdStatus,
    pub cum_qty: Qty,
    pub cum_quote: Money,
    pub placed_at: Timestamp,
    /// How many submissions came with this id.
    pub submissions: u32,
    /// The other order of its list: a trade or the end of one ends the other.
    pub pair: Option<ClOrdId>,
}

impl VenueOrder {
    pub fn leaves(&self) -> Qty {
        if self.status.is_terminal() {
            Qty::ZERO
        } else {
            self.intent.order_qty.saturating_sub(self.cum_qty)
        }
    }
}

/// What a command asks, in a form that can be kept on the way.
#[derive(Debug, Clone)]
pub enum Request {
    Submit(ClOrdId, OrderIntent),
    SubmitPair(ClOrdId, OrderIntent, StopLeg),
    Cancel(ClOrdId),
    Order(ClOrdId),
    OpenOrders(Symbol),
    AllOrders(Symbol, Timestamp),
    Trades(Symbol, Option<TradeId>),
    Balances,
    /// Instruments, resync and whatever else needs no answer of the model.
    Other,
}

impl From<Command> for Request {
    fn from(command: Command) -> Self {
        match command {
            Command::Submit(order) => match order.stop() {
                Some(stop) => Self::SubmitPair(order.cl_ord_id(), *order.intent(), stop),
                None => Self::Submit(order.cl_ord_id(), *order.intent()),
            },
            Command::Cancel { cl_ord_id, .. } => Self::Cancel(cl_ord_id),
            Command::QueryOrder { cl_ord_id, .. } => Self::Order(cl_ord_id),
            Command::QueryOpenOrders { symbol } => Self::OpenOrders(symbol),
            Command::QueryAllOrders { symbol, around } => Self::AllOrders(symbol, around),
            Command::QueryTrades { symbol, from } => Self::Trades(symbol, from),
            Command::QueryBalances => Self::Balances,
            Command::QueryInstruments
            | Command::Resync { .. }
            | Command::RenewUserStream
            | Command::Alert(_) => Self::Other,
        }
    }
}

#[derive(Debug, Clone)]
pub struct ModelVenue {
    pub orders: BTreeMap<ClOrdId, VenueOrder>,
    pub trades: Vec<Trade>,
    pub balances: BTreeMap<Asset, Money>,
    /// How much of them is locked.
    pub locked: BTreeMap<Asset, Money>,
    /// At which everything trades.
    pub last_px: Price,
    /// What the other orders of lists came to, and was not told yet.
    pub untold: Vec<VenueReport>,
    next_order_id: u64,
    next_trade_id: u64,
}

impl ModelVenue {
    pub fn new() -> Self {
        let money = |asset: &str, amount: i64| (asset.parse().unwrap(), Money::from(amount));
        Self {
            orders: BTreeMap::new(),
            trades: Vec::new(),
            balances: BTreeMap::from([money("USDT", 100_000), money("BTC", 50), money("ETH", 50)]),
            locked: BTreeMap::new(),
            last_px: "100".parse().unwrap(),
            untold: Vec::new(),
            next_order_id: 1,
            next_trade_id: 1,
        }
    }

    /// Does what the command says, and answers.
    pub fn carry_out(&mut self, now: Timestamp, command: Command) -> Vec<VenueReport> {
        self.answer(now, now, Request::from(command))
    }

    pub fn answer(&mut self, now: Timestamp, asked_at: Timestamp, request: Request) -> Vec<VenueReport> {
        match request {
            Request::Submit(id, intent) => vec![self.place(now, id, intent)],
            Request::SubmitPair(id, intent, stop) => {
                let leg = stop.intent(&intent);
                let reports = vec![self.place(now, id, intent), self.place(now, stop.cl_ord_id, leg)];
                for (one, other) in [(id, stop.cl_ord_id), (stop.cl_ord_id, id)] {
                    self.orders.get_mut(&one).unwrap().pair = Some(other);
                }
                reports
            }
            Request::Cancel(id) => vec![self.cancel(now, id)],
            Request::Order(cl_ord_id) => vec![match self.report(now, cl_ord_id, ExecType::OrderStatus) {
                Some(report) => VenueReport::Execution(report),
                None => VenueReport::OrderNotFound { cl_ord_id, asked_at },
            }],
            Request::OpenOrders(symbol) => vec![VenueReport::OpenOrders {
                symbol,
                orders: self.list(now, symbol, |order| !order.status.is_terminal()),
                asked_at,
            }],
            Request::AllOrders(symbol, around) => vec![VenueReport::AllOrders {
                symbol,
                around,
                orders: self.list(now, symbol, |order| order.placed_at >= around),
                asked_at,
            }],
            Request::Other => vec![],
            Request::Trades(symbol, from) => vec![VenueReport::Trades {
                symbol,
                from,
                trades: self
                    .trades
                    .iter()
                    .filter(|trade| trade.symbol == symbol && from.is_none_or(|from| trade.trade_id >= from))
                    .copied()
                    .collect(),
                asked_at,
            }],
            Request::Balances => vec![VenueReport::Balances {
                balances: self
                    .balances
                    .iter()
                    .map(|(asset, amount)| {
                        let locked = self.locked.get(asset).copied().unwrap_or_default();
                        Balance {
                            asset: *asset,
                            free: *amount - locked,
                            locked,
                        }
                    })
                    .collect(),
                is_complete: true,
                update_time: now,
            }],
        }
    }

    fn list(
        &self,
        now: Timestamp,
        symbol: Symbol,
        wanted: impl Fn(&VenueOrder) -> bool,
    ) -> Vec<ExecutionReport> {
        self.orders
            .iter()
            .filter(|(_, order)| order.intent.symbol == symbol && wanted(order))
            .filter_map(|(id, _)| self.report(now, *id, ExecType::OrderStatus))
            .collect()
    }

    pub fn report(&self, now: Timestamp, id: ClOrdId, exec_type: ExecType) -> Option<ExecutionReport> {
        let order = self.orders.get(&id)?;
        Some(ExecutionReport {
            symbol: order.intent.symbol,
            cl_ord_id: id,
            order_id: order.order_id,
            side: order.intent.side,
            exec_type,
            ord_status: order.status,
            order_qty: order.intent.order_qty,
            price: order.intent.ord_type.price().unwrap_or(Price::ZERO),
            cum_qty: order.cum_qty,
            cum_quote: order.cum_quote,
            trade: None,
            transact_time: now,
        })
    }

    pub fn place(&mut self, now: Timestamp, id: ClOrdId, intent: OrderIntent) -> VenueReport {
        if let Some(order) = self.orders.get_mut(&id) {
            order.submissions += 1;
            let reject = Reject {
                code: -2010,
                text: "Duplicate order sent.".into(),
            };
            return VenueReport::SubmitRejected {
                cl_ord_id: id,
                reject,
            };
        }
        let order_id = OrderId(self.next_order_id);
        self.next_order_id += 1;
        self.orders.insert(
            id,
            VenueOrder {
                intent,
                order_id,
                status: OrdStatus::New,
                cum_qty: Qty::ZERO,
                cum_quote: Money::ZERO,
                placed_at: now,
                submissions: 1,
                pair: None,
            },
        );
        VenueReport::Execution(self.report(now, id, ExecType::New).unwrap())
    }

    /// Trades a part of the order, at most what is left; the event, if anything traded.
    pub fn fill(&mut self, now: Timestamp, id: ClOrdId, qty: Qty) -> Option<VenueReport> {
        let order = self.orders.get_mut(&id)?;
        let qty = qty.min(order.leaves());
        if qty.is_zero() {
            return None;
        }
        let last_px = self.last_px;
        let value = notional(qty, last_px);
        order.cum_qty = order.cum_qty.saturating_add(qty);
        order.cum_quote += value;
        order.status = if order.leaves().is_zero() {
            OrdStatus::Filled
        } else {
            OrdStatus::PartiallyFilled
        };
        let trade = Trade {
            symbol: order.intent.symbol,
            trade_id: TradeId(self.next_trade_id),
            order_id: order.order_id,
            side: order.intent.side,
            last_px,
            last_qty: qty,
            commission: Money::ZERO,
            commission_asset: None,
            is_maker: true,
            transact_time: now,
        };
        self.next_trade_id += 1;
        self.trades.push(trade);
        self.end_pair(now, id, OrdStatus::Expired);
        self.settle(&trade);
        let report = self.report(now, id, ExecType::Trade)?;
        Some(VenueReport::Execution(ExecutionReport {
            trade: Some(trade),
            ..report
        }))
    }

    /// Ends the other order of the list.
    fn end_pair(&mut self, now: Timestamp, id: ClOrdId, status: OrdStatus) {
        let pair = self.orders.get_mut(&id).and_then(|order| order.pair.take());
        if let Some(other) = pair.and_then(|pair| self.orders.get_mut(&pair)) {
            other.pair = None;
        }
        if let Some(pair) = pair
            && let Some(report) = self.end(now, pair, status)
        {
            self.untold.push(report);
        }
    }

    fn settle(&mut self, trade: &Trade) {
        let base: Asset = trade.symbol.as_str().get(..3).unwrap().parse().unwrap();
        let (qty, value) = (
            trade.last_qty.to_decimal(),
            notional(trade.last_qty, trade.last_px),
        );
        let (base_change, quote_change) = match trade.side {
            Side::Buy => (qty, -value),
            Side::Sell => (-qty, value),
        };
        *self.balances.entry(base).or_default() += base_change;
        *self.balances.entry("USDT".parse().unwrap()).or_default() += quote_change;
    }

    /// Ends an order by something other than a fill; the event, if it was live.
    pub fn end(&mut self, now: Timestamp, id: ClOrdId, status: OrdStatus) -> Option<VenueReport> {
        let order = self.orders.get_mut(&id)?;
        if order.status.is_terminal() {
            return None;
        }
        order.status = status;
        self.end_pair(now, id, status);
        let exec_type = match status {
            OrdStatus::Canceled => ExecType::Canceled,
            OrdStatus::ExpiredInMatch => ExecType::TradePrevention,
            _ => ExecType::Expired,
        };
        self.report(now, id, exec_type).map(VenueReport::Execution)
    }

    pub fn cancel(&mut self, now: Timestamp, id: ClOrdId) -> VenueReport {
        self.end(now, id, OrdStatus::Canceled).unwrap_or_else(|| {
            let reject = Reject {
                code: -2011,
                text: "Unknown order sent.".into(),
            };
            VenueReport::CancelRejected {
                cl_ord_id: id,
                reject,
            }
        })
    }

    /// What our orders have made of the position.
    pub fn position(&self, symbol: Symbol) -> SignedQty {
        let ours: Vec<OrderId> = self
            .orders
            .iter()
            .filter(|(id, _)| id.as_str().starts_with("k1-"))
            .map(|(_, order)| order.order_id)
            .collect();
        self.trades
            .iter()
            .filter(|trade| trade.symbol == symbol && ours.contains(&trade.order_id))
            .fold(SignedQty::ZERO, |sum, trade| {
                sum.checked_add(trade.side.signed(trade.last_qty)).unwrap()
            })
    }

    /// What our orders can still trade on the side; of two that are a list, at most one does.
    pub fn open(&self, symbol: Symbol, side: Side) -> Qty {
        self.orders
            .iter()
            .filter(|(id, order)| order.pair.is_none_or(|pair| pair < **id))
            .filter(|(id, order)| {
                id.as_str().starts_with("k1-") && order.intent.symbol == symbol && order.intent.side == side
            })
            .fold(Qty::ZERO, |sum, (_, order)| sum.saturating_add(order.leaves()))
    }
}
