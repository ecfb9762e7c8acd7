//! Orders and questions out.

use std::time::Duration;

use keel_binance_wire::ws_api::method;
use keel_domain::{ClOrdId, StopLeg, Symbol, Timestamp, TradeId};
use keel_execution::{NotSent, Venue, VenueReport};
use keel_risk::ApprovedOrder;

use super::requests::Question;
use super::{HttpMethod, Link, Session};
use crate::signed::{Envelope, KeyKind};

impl Session {
    /// How orders travel now: on the WS API while it is ready, else by REST.
    fn way(&self) -> (Envelope, Option<Link>) {
        let link = self.ws_api;
        let Some(state) = self
            .links
            .get(&link)
            .filter(|state| state.is_open() && self.is_up)
        else {
            return (Envelope::Rest, None);
        };
        match self.signed.kind() {
            KeyKind::Ed25519 if state.is_logged_on => (Envelope::WsLoggedOn, Some(link)),
            KeyKind::Ed25519 | KeyKind::Hmac => (Envelope::WsSigned, Some(link)),
        }
    }

    /// An exit and its stop as one order list, of which the venue takes both or none.
    fn submit_pair(&mut self, now: Timestamp, order: ApprovedOrder, stop: StopLeg) -> Result<(), NotSent> {
        let question = Question::SubmitPair(order.cl_ord_id());
        if !self.is_up {
            return Err(NotSent::NotConnected);
        }
        self.may_send(now, &question)?;
        let (envelope, link) = self.way();
        let params = self.signed.oco(self.venue_time(now), envelope, order, stop);
        match link {
            None => self.send_http(now, HttpMethod::Post, "/api/v3/orderList/oco", &params, question),
            Some(link) => self.send_ws(now, link, method::ORDER_LIST_PLACE_OCO, &params, question),
        }
        Ok(())
    }
}

impl Venue for Session {
    fn submit(&mut self, now: Timestamp, order: ApprovedOrder) -> Result<(), NotSent> {
        if let Some(stop) = order.stop() {
            return self.submit_pair(now, order, stop);
        }
        let question = Question::Submit(order.cl_ord_id(), order.intent().purpose);
        if !self.is_up {
            return Err(NotSent::NotConnected);
        }
        self.may_send(now, &question)?;
        let (envelope, link) = self.way();
        let params = self.signed.order(self.venue_time(now), envelope, order);
        match link {
            None => self.send_http(now, HttpMethod::Post, "/api/v3/order", &params, question),
            Some(link) => self.send_ws(now, link, method::ORDER_PLACE, &params, question),
        }
        Ok(())
    }

    fn cancel(&mut self, now: Timestamp, symbol: Symbol, cl_ord_id: ClOrdId) -> Result<(), NotSent> {
        let question = Question::Cancel(cl_ord_id);
        self.may_send(now, &question)?;
        let (envelope, link) = self.way();
        let at = self.venue_time(now);
        let params = self.signed.cancel(at, envelope, symbol, cl_ord_id);
        match link {
            None => self.send_http(now, HttpMethod::Delete, "/api/v3/order", &params, question),
            Some(link) => self.send_ws(now, link, method::ORDER_CANCEL, &params, question),
        }
        Ok(())
    }

    fn query_order(&mut self, now: Timestamp, symbol: Symbol, cl_ord_id: ClOrdId) {
        let params = self.signed.query_order(self.venue_time(now), symbol, cl_ord_id);
        self.ask(now, "/api/v3/order", &params, Question::Order(cl_ord_id));
    }

    fn query_open_orders(&mut self, now: Timestamp, symbol: Symbol) {
        let params = self.signed.open_orders(self.venue_time(now), symbol);
        self.ask(now, "/api/v3/openOrders", &params, Question::OpenOrders(symbol));
    }

    fn query_all_orders(&mut self, now: Timestamp, symbol: Symbol, around: Timestamp) {
        // A minute before, for clocks that are apart.
        let from = Timestamp::from_nanos(self.venue_time(around).as_nanos().saturating_sub(60_000_000_000));
        let to = self.venue_time(around).plus(Duration::from_secs(600));
        let params = self.signed.all_orders(self.venue_time(now), symbol, from, to);
        self.ask(
            now,
            "/api/v3/allOrders",
            &params,
            Question::AllOrders(symbol, around),
        );
    }

    fn query_trades(&mut self, now: Timestamp, symbol: Symbol, from: Option<TradeId>) {
        let params = self.signed.my_trades(self.venue_time(now), symbol, from);
        self.ask(now, "/api/v3/myTrades", &params, Question::Trades(symbol, from));
    }

    fn query_instruments(&mut self, now: Timestamp) {
        self.request_instruments(now);
    }

    fn query_balances(&mut self, now: Timestamp) {
        self.request_account(now);
    }

    fn next_report(&mut self) -> Option<VenueReport> {
        self.reports.pop_front()
    }
}
