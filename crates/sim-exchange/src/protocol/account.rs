//! Accounts on request.

use keel_binance_wire::convert::symbol_info;
use keel_binance_wire::number::EightPlaces;
use keel_binance_wire::params::Params;
use keel_binance_wire::rest::{Account, CommissionRates, MyTrade, WireBalance};
use keel_domain::{Money, OrderId, Side, Timestamp, TradeId, notional};
use serde_json::json;

use super::Protocol;
use super::endpoint::Answer;
use super::market::{limit, millis, symbol, to_value, whole};
use crate::core::{AccountId, TradeQuery};

/// A rate in hundredths of a percent.
fn basis_points(rate: Money) -> i64 {
    i64::try_from((rate * Money::from(10_000)).trunc()).unwrap_or(0)
}

pub(super) fn status(protocol: &mut Protocol, _: Timestamp, account: AccountId, params: &Params) -> Answer {
    let (maker, taker) = protocol.exchange.commission_rates();
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
        maker_commission: basis_points(maker),
        taker_commission: basis_points(taker),
        buyer_commission: 0,
        seller_commission: 0,
        commission_rates: CommissionRates {
            maker,
            taker,
            buyer: Money::ZERO,
            seller: Money::ZERO,
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

pub(super) fn commission(protocol: &mut Protocol, _: Timestamp, _: AccountId, params: &Params) -> Answer {
    let symbol = symbol(protocol, params)?;
    let (maker, taker) = protocol.exchange.commission_rates();
    let zero = Money::ZERO.write();
    let none = json!({ "maker": zero, "taker": zero, "buyer": zero, "seller": zero });
    Ok(json!({
        "symbol": symbol.as_str(),
        "standardCommission": { "maker": maker.write(), "taker": taker.write(), "buyer": zero, "seller": zero },
        "specialCommission": none, "taxCommission": none,
        "discount": {
            "enabledForAccount": false, "enabledForSymbol": false, "discountAsset": "BNB", "discount": "0.75000000",
        },
    }))
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

/// The filters that bind the account's orders on a pair. No account here has a limit of an asset.
pub(super) fn my_filters(protocol: &mut Protocol, _: Timestamp, _: AccountId, params: &Params) -> Answer {
    let symbol = symbol(protocol, params)?;
    let filters = protocol
        .exchange
        .instrument(symbol)
        .map(|instrument| symbol_info(instrument).filters);
    Ok(json!({ "exchangeFilters": [], "symbolFilters": filters.unwrap_or_default(), "assetFilters": [] }))
}

pub(super) fn my_trades(
    protocol: &mut Protocol,
    _: Timestamp,
    account: AccountId,
    params: &Params,
) -> Answer {
    let symbol = symbol(protocol, params)?;
    let time = |name: &str| millis(params, name).map(|time| time.map(Timestamp::from_millis));
    let query = TradeQuery {
        order_id: whole(params, "orderId")?.map(OrderId),
        from_id: whole(params, "fromId")?.map(TradeId),
        start: time("startTime")?,
        end: time("endTime")?,
        limit: limit(params, 500, 1_000)?,
    };
    let trades = protocol.exchange.my_trades(account, symbol, query).into_iter();
    to_value(
        trades
            .map(|trade| MyTrade {
                symbol: trade.symbol.to_string(),
                id: trade.trade_id.0,
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
                is_best_match: true,
            })
            .collect::<Vec<_>>(),
    )
}

/// What a key may do: here always trading and reading, from one address, and nothing else.
pub(super) fn api_restrictions(_: &mut Protocol, now: Timestamp, _: AccountId, _: &Params) -> Answer {
    Ok(json!({
        "ipRestrict": true,
        "createTime": now.as_millis(),
        "enableReading": true,
        "enableWithdrawals": false,
        "enableInternalTransfer": false,
        "enableMargin": false,
        "enableFutures": false,
        "permitsUniversalTransfer": false,
        "enableVanillaOptions": false,
        "enableFixApiTrade": false,
        "enableFixReadOnly": false,
        "enableSpotAndMarginTrading": true,
        "enablePortfolioMarginTrading": false,
    }))
}
