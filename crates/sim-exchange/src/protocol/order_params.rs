//! Orders as requests spell them: alone, or as a leg of a list, whose parameters carry the leg's name before them.

use keel_binance_wire::enums::{WireOrderType, WireRespType, WireSide, WireTimeInForce};
use keel_binance_wire::error::{ApiError, code};
use keel_binance_wire::params::Params;
use keel_domain::{ClOrdId, NumberError, OrdType, OrderId, Price, Qty, Side, Symbol, Trigger};

use crate::core::{
    CancelRestriction, NewOrder, OrderOptions, OrderRef, Peg, PegPriceType, Quantity, StpMode,
};

const NUMBER_PATTERN: &str = r"^([0-9]{1,20})(\.[0-9]{1,20})?$";
const CLIENT_ID_PATTERN: &str = r"^[\.A-Z\:/a-z0-9_-]{1,36}$";
const STRATEGY_TYPE_MIN: i64 = 1_000_000;

/// A mandatory word of one of the venue's enumerations.
pub(super) fn word<T: std::str::FromStr>(
    params: &Params,
    name: &str,
    code: i32,
    msg: &str,
) -> Result<T, ApiError> {
    let text = params
        .get(name)
        .filter(|text| !text.is_empty())
        .ok_or_else(|| ApiError::mandatory(name))?;
    text.parse().map_err(|_| ApiError::new(code, msg))
}

/// An optional number.
pub(super) fn number<T: std::str::FromStr<Err = NumberError>>(
    params: &Params,
    name: &str,
) -> Result<Option<T>, ApiError> {
    let Some(text) = params.get(name) else {
        return Ok(None);
    };
    match text.parse() {
        Ok(number) => Ok(Some(number)),
        Err(NumberError::TooPrecise) => Err(ApiError::too_much_precision(name)),
        Err(NumberError::OutOfRange) => Err(ApiError::new(
            -1108,
            format!("Parameter '{name}' was overflowing."),
        )),
        Err(NumberError::Malformed | NumberError::Negative) => {
            Err(ApiError::illegal_chars(name, NUMBER_PATTERN))
        }
    }
}

/// An optional whole number.
pub(super) fn whole<T: std::str::FromStr>(params: &Params, name: &str) -> Result<Option<T>, ApiError> {
    let parsed = params.get(name).map(str::parse);
    parsed
        .transpose()
        .map_err(|_| ApiError::illegal_chars(name, "^[0-9]{1,20}$"))
}

/// An optional client order id.
pub(super) fn client_id(params: &Params, name: &str) -> Result<Option<ClOrdId>, ApiError> {
    let Some(text) = params.get(name).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    ClOrdId::new(text)
        .map(Some)
        .map_err(|_| ApiError::illegal_chars(name, CLIENT_ID_PATTERN))
}

/// The order that a request names by either of two parameters.
pub(super) fn order_ref(params: &Params, id_name: &str, client_name: &str) -> Result<OrderRef, ApiError> {
    let order_id = whole(params, id_name)?;
    let cl_ord_id = client_id(params, client_name)?;
    match (order_id.map(OrderId), cl_ord_id) {
        (Some(order_id), Some(id)) => Ok(OrderRef::Both(order_id, id)),
        (Some(order_id), None) => Ok(OrderRef::OrderId(order_id)),
        (None, Some(id)) => Ok(OrderRef::ClOrdId(id)),
        (None, None) => Err(either(client_name, id_name)),
    }
}

/// Neither of two parameters was sent.
pub(super) fn either(first: &str, second: &str) -> ApiError {
    ApiError::new(
        code::MANDATORY_PARAM_EMPTY_OR_MALFORMED,
        format!("Param '{first}' or '{second}' must be sent, but both were empty/null!"),
    )
}

/// In which states a cancel is wanted.
pub(super) fn restriction(params: &Params) -> Result<Option<CancelRestriction>, ApiError> {
    match params.get("cancelRestrictions") {
        None => Ok(None),
        Some("ONLY_NEW") => Ok(Some(CancelRestriction::OnlyNew)),
        Some("ONLY_PARTIALLY_FILLED") => Ok(Some(CancelRestriction::OnlyPartiallyFilled)),
        Some(_) => Err(ApiError::new(
            -1145,
            "cancelRestrictions has to be either ONLY_NEW or ONLY_PARTIALLY_FILLED.",
        )),
    }
}

/// What happens instead of a self-trade.
pub(super) fn stp_mode(params: &Params) -> Result<StpMode, ApiError> {
    match params.get("selfTradePreventionMode") {
        None | Some("NONE") => Ok(StpMode::None),
        Some("EXPIRE_TAKER") => Ok(StpMode::ExpireTaker),
        Some("EXPIRE_MAKER") => Ok(StpMode::ExpireMaker),
        Some("EXPIRE_BOTH") => Ok(StpMode::ExpireBoth),
        Some("DECREMENT") => Ok(StpMode::Decrement),
        Some("TRANSFER") => Ok(StpMode::Transfer),
        Some(_) => Err(ApiError::new(
            -1130,
            "Data sent for parameter 'selfTradePreventionMode' is not valid.",
        )),
    }
}

/// How much an answer tells; by default all for market and limit orders, and least for others.
pub(super) fn resp_type(params: &Params, ord_type: OrdType) -> Result<WireRespType, ApiError> {
    match params.get("newOrderRespType") {
        Some(text) => text
            .parse()
            .map_err(|_| ApiError::new(-1122, "Invalid newOrderRespType.")),
        None if matches!(ord_type, OrdType::Market | OrdType::Limit { .. }) => Ok(WireRespType::Full),
        None => Ok(WireRespType::Ack),
    }
}

/// A leg of a list, or an order alone where it has no name.
#[derive(Clone, Copy)]
pub(super) struct Leg<'a> {
    params: &'a Params,
    prefix: &'a str,
}

impl<'a> Leg<'a> {
    pub(super) const fn alone(params: &'a Params) -> Self {
        Self { params, prefix: "" }
    }

    pub(super) const fn of_list(params: &'a Params, prefix: &'a str) -> Self {
        Self { params, prefix }
    }

    /// The parameter's name on this leg.
    fn name(self, field: &str) -> String {
        if self.prefix.is_empty() {
            return field.to_owned();
        }
        let mut letters = field.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        let rest: String = first.into_iter().chain(letters).collect();
        format!("{}{rest}", self.prefix)
    }

    pub(super) fn side(self) -> Result<Side, ApiError> {
        let side: WireSide = word(
            self.params,
            &self.name("side"),
            code::INVALID_SIDE,
            "Invalid side.",
        )?;
        Ok(side.into())
    }

    pub(super) fn quantity(self) -> Result<Qty, ApiError> {
        let name = self.name("quantity");
        number(self.params, &name)?.ok_or_else(|| ApiError::mandatory(&name))
    }

    pub(super) fn order_type(self) -> Result<WireOrderType, ApiError> {
        let name = self.name("type");
        word(self.params, &name, code::INVALID_ORDER_TYPE, "Invalid orderType.")
    }

    /// Refuses parameters that the order's type does not take.
    fn forbid(self, fields: &[&str]) -> Result<(), ApiError> {
        let mut names = fields.iter().map(|field| self.name(field));
        match names.find(|name| self.params.get(name).is_some()) {
            Some(name) => Err(ApiError::not_required(&name)),
            None => Ok(()),
        }
    }

    /// The price; zero for a pegged order without one.
    fn price(self) -> Result<Price, ApiError> {
        let name = self.name("price");
        let is_pegged = self.params.get(&self.name("pegPriceType")).is_some();
        let price: Option<Price> = number(self.params, &name)?;
        price
            .or(is_pegged.then_some(Price::ZERO))
            .ok_or_else(|| ApiError::mandatory(&name))
    }

    fn time_in_force(self) -> Result<keel_domain::TimeInForce, ApiError> {
        let word: WireTimeInForce = word(
            self.params,
            &self.name("timeInForce"),
            code::INVALID_TIF,
            "Invalid timeInForce.",
        )?;
        Ok(word.into())
    }

    fn trigger(self) -> Result<Trigger, ApiError> {
        let (stop_name, delta_name) = (self.name("stopPrice"), self.name("trailingDelta"));
        match (number(self.params, &stop_name)?, whole(self.params, &delta_name)?) {
            (stop_px, Some(delta_bips)) => Ok(Trigger::Trailing { delta_bips, stop_px }),
            (Some(stop_px), None) => Ok(Trigger::Stop { stop_px }),
            (None, None) => Err(either(&stop_name, &delta_name)),
        }
    }

    fn ord_type(self) -> Result<OrdType, ApiError> {
        let order_type = self.order_type()?;
        self.forbid(match order_type {
            WireOrderType::Limit => &["quoteOrderQty", "stopPrice", "trailingDelta"][..],
            WireOrderType::LimitMaker => &["quoteOrderQty", "stopPrice", "trailingDelta", "timeInForce"],
            WireOrderType::Market => &["price", "stopPrice", "trailingDelta", "timeInForce", "icebergQty"],
            WireOrderType::StopLoss | WireOrderType::TakeProfit => {
                &["price", "timeInForce", "quoteOrderQty", "icebergQty"]
            }
            WireOrderType::StopLossLimit | WireOrderType::TakeProfitLimit => &["quoteOrderQty"],
        })?;
        Ok(match order_type {
            WireOrderType::Market => OrdType::Market,
            WireOrderType::Limit => {
                let time_in_force = self.time_in_force()?;
                let price = self.price()?;
                OrdType::Limit { price, time_in_force }
            }
            WireOrderType::LimitMaker => OrdType::LimitMaker { price: self.price()? },
            WireOrderType::StopLoss => OrdType::StopLoss {
                trigger: self.trigger()?,
            },
            WireOrderType::TakeProfit => OrdType::TakeProfit {
                trigger: self.trigger()?,
            },
            WireOrderType::StopLossLimit => OrdType::StopLossLimit {
                time_in_force: self.time_in_force()?,
                price: self.price()?,
                trigger: self.trigger()?,
            },
            WireOrderType::TakeProfitLimit => OrdType::TakeProfitLimit {
                time_in_force: self.time_in_force()?,
                price: self.price()?,
                trigger: self.trigger()?,
            },
        })
    }

    fn peg(self) -> Result<Option<Peg>, ApiError> {
        let names = ["pegPriceType", "pegOffsetType", "pegOffsetValue"].map(|field| self.name(field));
        let [type_name, offset_type_name, offset_name] = &names;
        let price_type = match self.params.get(type_name) {
            Some("PRIMARY_PEG") => Some(PegPriceType::Primary),
            Some("MARKET_PEG") => Some(PegPriceType::Market),
            Some(_) => return Err(ApiError::new(-1210, "Invalid pegPriceType.")),
            None => None,
        };
        let has_offset_type = match self.params.get(offset_type_name) {
            Some("PRICE_LEVEL") => true,
            Some(_) => return Err(ApiError::new(-1211, "Invalid pegOffsetType.")),
            None => false,
        };
        let offset: Option<u8> = whole(self.params, offset_name)?;
        if offset.is_some_and(|offset| offset > Peg::OFFSET_MAX) {
            let msg = format!("Data sent for parameter '{offset_name}' is not valid.");
            return Err(ApiError::new(-1130, msg));
        }
        match (has_offset_type, offset) {
            (true, None) => return Err(ApiError::mandatory(offset_name)),
            (false, Some(_)) => return Err(ApiError::mandatory(offset_type_name)),
            _ => {}
        }
        let Some(price_type) = price_type else {
            return if has_offset_type {
                Err(ApiError::mandatory(type_name))
            } else {
                Ok(None)
            };
        };
        Ok(Some(Peg {
            price_type,
            offset,
            price: number(self.params, &self.name("price"))?.unwrap_or_default(),
        }))
    }

    fn options(self) -> Result<OrderOptions, ApiError> {
        let strategy_type = whole(self.params, &self.name("strategyType"))?;
        if strategy_type.is_some_and(|number: i64| number < STRATEGY_TYPE_MIN) {
            return Err(ApiError::new(-1134, "strategyType was less than 1000000."));
        }
        Ok(OrderOptions {
            iceberg_qty: number(self.params, &self.name("icebergQty"))?.unwrap_or_default(),
            stp_mode: stp_mode(self.params)?,
            strategy_id: whole(self.params, &self.name("strategyId"))?,
            strategy_type,
            peg: self.peg()?,
            uses_sor: false,
        })
    }

    /// The order, of a side and a quantity that may come from elsewhere.
    pub(super) fn order(self, symbol: Symbol, side: Side, quantity: Quantity) -> Result<NewOrder, ApiError> {
        let id_name = if self.prefix.is_empty() {
            "newClientOrderId".to_owned()
        } else {
            self.name("clientOrderId")
        };
        Ok(NewOrder {
            symbol,
            side,
            ord_type: self.ord_type()?,
            quantity,
            cl_ord_id: client_id(self.params, &id_name)?,
            options: self.options()?,
        })
    }
}

/// An order that is routed over several books: a limit or market order by quantity.
pub(super) fn routed(params: &Params, symbol: Symbol) -> Result<(NewOrder, WireRespType), ApiError> {
    const FOREIGN: [&str; 6] = [
        "quoteOrderQty",
        "stopPrice",
        "trailingDelta",
        "pegPriceType",
        "pegOffsetType",
        "pegOffsetValue",
    ];
    let order_type = Leg::alone(params).order_type()?;
    if !matches!(order_type, WireOrderType::Limit | WireOrderType::Market) {
        return Err(ApiError::new(code::INVALID_ORDER_TYPE, "Invalid orderType."));
    }
    Leg::alone(params).forbid(&FOREIGN)?;
    let (mut order, resp_type) = single(params, symbol)?;
    order.options.uses_sor = true;
    Ok((order, resp_type))
}

/// An order alone, with how much its answer is to tell.
pub(super) fn single(params: &Params, symbol: Symbol) -> Result<(NewOrder, WireRespType), ApiError> {
    let leg = Leg::alone(params);
    let side = leg.side()?;
    let is_market = leg.order_type()? == WireOrderType::Market;
    let base: Option<Qty> = number(params, "quantity")?;
    let quote: Option<Price> = number(params, "quoteOrderQty")?;
    let by_value = quote
        .filter(|_| is_market)
        .map(|value| Quantity::Quote(value.to_decimal()));
    if base.is_some() && by_value.is_some() {
        return Err(ApiError::not_required("quoteOrderQty"));
    }
    let quantity = base.map(Quantity::Base).or(by_value);
    // What the type forbids is told before a quantity that is not there.
    let order = leg.order(symbol, side, quantity.unwrap_or(Quantity::Base(Qty::ZERO)))?;
    if quantity.is_none() {
        return Err(ApiError::mandatory("quantity"));
    }
    Ok((order, resp_type(params, order.ord_type)?))
}
