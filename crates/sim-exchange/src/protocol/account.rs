//! Accounts on request.

use keel_binance_wire::convert::symbol_info;
use keel_binance_wire::error::ApiError;
use keel_binance_wire::filters::{MyFilters, asset_filters, exchange_filters};
use keel_binance_wire::number::EightPlaces;
use keel_binance_wire::order_answers::MyTrade;
use keel_binance_wire::params::Params;
use keel_binance_wire::rest::{Account, CommissionRates, WireBalance};
use keel_binance_wire::sor::Allocation;
use keel_domain::{Money, OrderId, Side, Symbol, Timestamp, TradeId, notional};
use serde_json::{Value, json};

use super::Protocol;
use super::endpoint::Answer;
use super::market::{bad_combination, bad_symbol, limit, symbol, symbol_if_told, to_value, whole};
use super::trading::time_window;
use crate::core::{
    AccountId, AccountTrade, AllocationQuery, Discount, OrderRef, OrderState, Rates, TradeQuery,
};

/// A rate in hundredths of a percent.
fn basis_points(rate: Money) -> i64 {
    i64::try_from((rate * Money::from(10_000)).trunc()).unwrap_or(0)
}

pub(super) fn status(protocol: &mut Protocol, _: Timestamp, account: AccountId, params: &Params) -> Answer {
    let rates = protocol.exchange.account_rates(account).standard;
    let omit_zero = params.get("omitZeroBalances") == Some("true");
    let balances = protocol.exchange.balances(account).into_iter();
    let balances = balances
        .filter(|b| !omit_zero || !(b.free + b.locked).is_zero())
        .map(|b| WireBalance {
            asset: b.asset.to_string(),
            free: b.free,
            locked: b.locked,
        });
    to_value(Account {
        maker_commission: basis_points(rates.maker),
        taker_commission: basis_points(rates.taker),
        buyer_commission: basis_points(rates.buyer),
        seller_commission: basis_points(rates.seller),
        commission_rates: CommissionRates {
            maker: rates.maker,
            taker: rates.taker,
            buyer: rates.buyer,
            seller: rates.seller,
        },
        can_trade: true,
        can_withdraw: false,
        can_deposit: false,
        brokered: false,
        require_self_trade_prevention: false,
        prevent_sor: false,
        update_time: protocol.exchange.updated_at(account).as_millis(),
        account_type: "SPOT".to_owned(),
        balances: balances.collect(),
        permissions: vec!["SPOT".to_owned()],
        uid: account.uid(),
    })
}

/// The discount of an account as the venue tells it, of BNB where there is none.
pub(super) fn discount(discount: Option<Discount>) -> Value {
    json!({
        "enabledForAccount": discount.is_some(),
        "enabledForSymbol": discount.is_some(),
        "discountAsset": discount.map_or_else(|| "BNB".to_owned(), |discount| discount.asset.to_string()),
        "discount": discount.map_or(Money::new(75, 2), |discount| discount.factor).write(),
    })
}

pub(super) fn commission(
    protocol: &mut Protocol,
    _: Timestamp,
    account: AccountId,
    params: &Params,
) -> Answer {
    let symbol = symbol(protocol, params)?;
    let rates = protocol.exchange.account_rates(account);
    let told = |rates: &Rates| {
        json!({
            "maker": rates.maker.write(),
            "taker": rates.taker.write(),
            "buyer": rates.buyer.write(),
            "seller": rates.seller.write(),
        })
    };
    Ok(json!({
        "symbol": symbol.as_str(),
        "standardCommission": told(&rates.standard),
        "specialCommission": told(&rates.special),
        "taxCommission": told(&rates.tax),
        "discount": discount(rates.discount),
    }))
}

/// What the account pays on trades of one pair or of each: the usual commission.
pub(super) fn trade_fee(
    protocol: &mut Protocol,
    _: Timestamp,
    account: AccountId,
    params: &Params,
) -> Answer {
    let wanted = symbol_if_told(protocol, params)?;
    let rates = protocol.exchange.account_rates(account).standard;
    let instruments = protocol.exchange.instruments().map(|i| i.symbol);
    let fee = |symbol: Symbol| {
        json!({
            "symbol": symbol.as_str(),
            "makerCommission": rates.maker.normalize().to_string(),
            "takerCommission": rates.taker.normalize().to_string(),
        })
    };
    let told = instruments.filter(|symbol| wanted.is_none_or(|wanted| wanted == *symbol));
    Ok(Value::Array(told.map(fee).collect()))
}

pub(super) fn order_limits(
    protocol: &mut Protocol,
    now: Timestamp,
    account: AccountId,
    _: &Params,
) -> Answer {
    let used = protocol.usage.order_counts(now, account);
    let limits = protocol
        .usage
        .limits
        .rate_limits()
        .into_iter()
        .filter(|limit| limit.rate_limit_type == "ORDERS");
    to_value(
        limits
            .zip(used)
            .map(|(mut limit, count)| {
                limit.count = Some(count);
                limit
            })
            .collect::<Vec<_>>(),
    )
}

/// The filters that bind the account's orders on a pair; of those of assets the two that the pair is about.
pub(super) fn my_filters(
    protocol: &mut Protocol,
    _: Timestamp,
    account: AccountId,
    params: &Params,
) -> Answer {
    let symbol = symbol(protocol, params)?;
    let exchange = &protocol.exchange;
    let instrument = exchange.instrument(symbol).ok_or_else(bad_symbol)?;
    let mut assets = exchange.max_assets(account).to_vec();
    assets.retain(|most| [instrument.base, instrument.quote].contains(&most.asset));
    to_value(MyFilters {
        exchange_filters: exchange_filters(exchange.limits()),
        symbol_filters: symbol_info(instrument).filters,
        asset_filters: asset_filters(&assets),
    })
}

/// A list is narrowed by times or by ids: the documents name no combination of both.
fn window_or_ids(params: &Params, from: &str) -> Result<(Option<Timestamp>, Option<Timestamp>), ApiError> {
    let (start, end) = time_window(params)?;
    let has_time = start.is_some() || end.is_some();
    let has_ids = params.get("orderId").is_some() || params.get(from).is_some();
    if has_time && has_ids {
        return Err(bad_combination());
    }
    Ok((start, end))
}

/// Fills by smart order routing. Only the documented combinations of parameters are taken.
pub(super) fn my_allocations(
    protocol: &mut Protocol,
    _: Timestamp,
    account: AccountId,
    params: &Params,
) -> Answer {
    let symbol = symbol(protocol, params)?;
    let (start, end) = window_or_ids(params, "fromAllocationId")?;
    let query = AllocationQuery {
        order_id: whole(params, "orderId")?.map(OrderId),
        from_id: whole(params, "fromAllocationId")?,
        start,
        end,
        limit: limit(params, 500, 1_000)?,
    };
    let exchange = &protocol.exchange;
    let allocations = exchange.allocations(account, symbol, query).into_iter();
    let told = |(trade, allocation_id): (AccountTrade, u64)| Allocation {
        symbol: trade.symbol.to_string(),
        allocation_id,
        allocation_type: "SOR".to_owned(),
        order_id: trade.order_id.0,
        order_list_id: -1,
        price: trade.price,
        qty: trade.qty,
        quote_qty: notional(trade.qty, trade.price),
        commission: trade.commission,
        commission_asset: trade.commission_asset.to_string(),
        time: trade.time.as_millis(),
        is_buyer: trade.side == Side::Buy,
        is_maker: trade.is_maker,
        is_allocator: false,
    };
    let allocations = allocations.filter_map(|trade| trade.allocation_id.map(|id| (trade, id)));
    to_value(allocations.map(told).collect::<Vec<_>>())
}

pub(super) fn my_trades(
    protocol: &mut Protocol,
    _: Timestamp,
    account: AccountId,
    params: &Params,
) -> Answer {
    let symbol = symbol(protocol, params)?;
    let (start, end) = window_or_ids(params, "fromId")?;
    let query = TradeQuery {
        order_id: whole(params, "orderId")?.map(OrderId),
        from_id: whole(params, "fromId")?.map(TradeId),
        start,
        end,
        limit: limit(params, 500, 1_000)?,
    };
    let exchange = &protocol.exchange;
    let list_id = |order_id| {
        let order = exchange.order(account, symbol, OrderRef::OrderId(order_id));
        order.map_or(-1, OrderState::list_id)
    };
    let trades = exchange.my_trades(account, symbol, query).into_iter();
    to_value(
        trades
            .map(|trade| MyTrade {
                symbol: trade.symbol.to_string(),
                id: trade.trade_id.0,
                order_id: trade.order_id.0,
                order_list_id: list_id(trade.order_id),
                price: trade.price,
                qty: trade.qty,
                quote_qty: notional(trade.qty, trade.price),
                commission: trade.commission,
                commission_asset: trade.commission_asset.to_string(),
                time: trade.time.as_millis(),
                is_buyer: trade.side == Side::Buy,
                is_maker: trade.is_maker,
                is_best_match: true,
            })
            .collect::<Vec<_>>(),
    )
}
