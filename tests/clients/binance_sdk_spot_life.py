"""The life of an account, by the unmodified official binance-sdk-spot: REST, WS API and streams.
Usage: binance_sdk_spot_life.py REST_URL KEY SECRET WS_API_URL. The SDK's models are typed: a field of another type raises."""
import asyncio
from decimal import Decimal

from binance_common.errors import BadRequestError, UnauthorizedError
from life import arguments, check, done, priced, raises
from sdk_client import reader, spot_client

MARKET = "BTCUSDT"
rest_url, key, secret, *sockets = arguments()
spot = spot_client(rest_url, key, secret, *sockets)
rest = spot.rest_api
# Keys that the venue's own documents have and the SDK's models lack.
data, no_extras = reader({
    "DeleteOrderListResponseOrderReportsInner.selfTradePreventionMode",
    "SessionStatusResponse.rateLimits",
    "SessionSubscriptionsResponse.rateLimits",
})


def one(response):
    answer = data(response)
    return answer[0] if isinstance(answer, list) else answer


def balance(asset):
    held = {b.asset: b for b in data(rest.get_account(omit_zero_balances=True)).balances}
    return Decimal(held[asset].free if asset in held else "0")


def market_data():
    rest.ping()
    check(data(rest.time()).server_time > 0, "time")
    info = data(rest.exchange_info(symbol=MARKET))
    check(info.symbols[0].symbol == MARKET and info.symbols[0].filters, "exchange info")
    check(len(data(rest.exchange_info(symbols=[MARKET, "ETHUSDT"])).symbols) == 2, "exchange info of two")
    book = data(rest.depth(symbol=MARKET, limit=50))
    bid, ask = book.bids[0][0], book.asks[0][0]
    check(Decimal(bid) < Decimal(ask), "the book is crossed")
    for name, response in [
        ("trades", rest.get_trades(symbol=MARKET, limit=5)),
        ("aggregate trades", rest.agg_trades(symbol=MARKET, limit=5)),
        ("historical trades", rest.historical_trades(symbol=MARKET, limit=5)),
        ("klines", rest.klines(symbol=MARKET, interval="1m", limit=5)),
        ("UI klines", rest.ui_klines(symbol=MARKET, interval="1m", limit=5)),
        ("average price", rest.avg_price(symbol=MARKET)),
        ("24 h ticker", rest.ticker24hr(symbol=MARKET)),
        ("price ticker", rest.ticker_price(symbol=MARKET)),
        ("book ticker", rest.ticker_book_ticker(symbol=MARKET)),
        ("window ticker", rest.ticker(symbol=MARKET, window_size="1h")),
        ("trading day ticker", rest.ticker_trading_day(symbol=MARKET)),
        ("execution rules", rest.execution_rules(symbol=MARKET)),
    ]:
        check(data(response), name)
        check(any(limit.rateLimitType == "REQUEST_WEIGHT" for limit in response.rate_limits), f"{name}: no weight told")
    check(len(data(rest.ticker24hr(symbols=[MARKET, "ETHUSDT"]))) == 2, "24 h tickers")
    check(len(data(rest.ticker_price())) == 2 and len(data(rest.ticker_book_ticker())) == 2, "tickers of all")
    return bid, ask


def orders(bid, ask):
    before = balance("BTC")
    response = rest.new_order(symbol=MARKET, side="BUY", type="MARKET", quantity=0.01)
    bought = data(response)
    check(bought.status == "FILLED" and bought.fills, f"market order {bought}")
    check(any(limit.rateLimitType == "ORDERS" for limit in response.rate_limits), "no order count told")
    check(balance("BTC") - before == Decimal("0.00999"), "balance after the market order")
    limit = dict(symbol=MARKET, side="BUY", type="LIMIT", time_in_force="GTC", quantity=0.002)
    resting = data(rest.new_order(**limit, price=float(priced(bid, 0.95)), new_client_order_id="sdk-1"))
    check(resting.status == "NEW" and resting.client_order_id == "sdk-1", f"limit order {resting}")
    check(data(rest.get_order(symbol=MARKET, orig_client_order_id="sdk-1")).status == "NEW", "status")
    check([o.order_id for o in data(rest.get_open_orders(symbol=MARKET))] == [resting.order_id], "open orders")
    amended = data(rest.order_amend_keep_priority(symbol=MARKET, order_id=resting.order_id, new_qty=0.001))
    check(Decimal(amended.amended_order.qty) == Decimal("0.001"), f"amend {amended}")
    check(len(data(rest.order_amendments(symbol=MARKET, order_id=resting.order_id))) == 1, "amendments")
    replaced = data(rest.order_cancel_replace(
        **limit, cancel_replace_mode="STOP_ON_FAILURE", cancel_order_id=resting.order_id,
        price=float(priced(bid, 0.94))))
    check(replaced.cancel_result == "SUCCESS" and replaced.new_order_result == "SUCCESS", f"replace {replaced}")
    canceled = data(rest.delete_order(symbol=MARKET, order_id=replaced.new_order_response.order_id))
    check(canceled.status == "CANCELED", f"cancel {canceled}")
    rest.order_test(**limit, price=float(priced(bid, 0.95)))
    data(rest.order_test(**limit, price=float(priced(bid, 0.95)), compute_commission_rates=True))
    stop = data(rest.new_order(symbol=MARKET, side="SELL", type="STOP_LOSS_LIMIT", time_in_force="GTC", quantity=0.001,
                               price=float(priced(bid, 0.94)), stop_price=float(priced(bid, 0.95))))
    check(one(rest.get_open_orders()).type == "STOP_LOSS_LIMIT", f"stop {stop}")
    check(len(data(rest.delete_open_orders(symbol=MARKET))) == 1, "cancel all")
    return bought


def order_lists(bid, ask):
    far = lambda factor: float(priced(ask if factor > 1 else bid, factor))
    oco = data(rest.order_list_oco(
        symbol=MARKET, side="SELL", quantity=0.001, above_type="LIMIT_MAKER", above_price=far(1.05),
        below_type="STOP_LOSS", below_stop_price=far(0.95)))
    check(len(oco.orders) == 2, f"OCO {oco}")
    check(data(rest.get_order_list(order_list_id=oco.order_list_id)).list_order_status == "EXECUTING", "OCO status")
    check(one(rest.open_order_list()).order_list_id == oco.order_list_id, "open lists")
    data(rest.delete_order_list(symbol=MARKET, order_list_id=oco.order_list_id))
    working = dict(symbol=MARKET, working_type="LIMIT", working_side="BUY", working_price=far(0.95),
                   working_quantity=0.001, working_time_in_force="GTC", pending_side="SELL")
    exits = dict(pending_above_type="LIMIT_MAKER", pending_above_price=far(1.05),
                 pending_below_type="STOP_LOSS", pending_below_stop_price=far(0.9))
    lists = [
        rest.order_list_oto(**working, pending_type="LIMIT", pending_price=far(1.05), pending_quantity=0.001,
                            pending_time_in_force="GTC"),
        rest.order_list_otoco(**working, pending_quantity=0.001, **exits),
        rest.order_list_opo(**working, pending_type="LIMIT", pending_price=far(1.05), pending_time_in_force="GTC"),
        rest.order_list_opoco(**working, **exits),
    ]
    check([len(data(known).orders) for known in lists] == [2, 3, 2, 3], "OTO, OTOCO, OPO, OPOCO")
    for known in lists:
        data(rest.delete_order_list(symbol=MARKET, order_list_id=data(known).order_list_id))
    check(len(data(rest.all_order_list())) == 5, "all lists")


def account(bought):
    check(len(data(rest.all_orders(symbol=MARKET))) >= 15, "all orders")
    trades = data(rest.my_trades(symbol=MARKET, order_id=bought.order_id))
    check({t.id for t in trades} == {fill.trade_id for fill in bought.fills}, "my trades")
    check(data(rest.account_commission(symbol=MARKET)).standard_commission.taker == "0.00100000", "commission")
    check(len(data(rest.rate_limit_order())) == 2, "order limits")
    check(data(rest.my_filters(symbol=MARKET)) is not None, "my filters")
    check(data(rest.my_prevented_matches(symbol=MARKET, order_id=bought.order_id)) == [], "nothing was prevented")


def refusals(bid):
    raises(BadRequestError, lambda: rest.get_order(symbol=MARKET, order_id=999_999_999), lambda e: "-2013" in str(vars(e)))
    raises(BadRequestError, lambda: rest.reference_price(symbol=MARKET), lambda e: "-2043" in str(e))
    raises(BadRequestError, lambda: rest.depth(symbol="NOPE"), lambda e: "-1121" in str(vars(e)))
    raises(BadRequestError, lambda: rest.new_order(symbol="ETHUSDT", side="BUY", type="MARKET", quantity=0.001),
           lambda e: "NOTIONAL" in str(e))
    stranger = spot_client(rest_url, "nobody", "x", *sockets)
    raises(UnauthorizedError, lambda: stranger.rest_api.get_account())


async def streams():
    connection = await spot.websocket_streams.create_connection()
    for name, subscribe in [
        ("trade", connection.trade(symbol=MARKET)),
        ("aggTrade", connection.agg_trade(symbol=MARKET)),
        ("bookTicker", connection.book_ticker(symbol=MARKET)),
        ("depth", connection.diff_book_depth(symbol=MARKET, update_speed="100ms")),
        ("depth5", connection.partial_book_depth(symbol=MARKET, levels="5", update_speed="100ms")),
        ("kline", connection.kline(symbol=MARKET, interval="1s")),
        ("miniTicker", connection.mini_ticker(symbol=MARKET)),
        ("ticker", connection.ticker(symbol=MARKET)),
        ("avgPrice", connection.avg_price(symbol=MARKET)),
        ("ticker_1h", connection.rolling_window_ticker(symbol=MARKET, window_size="1h")),
        ("miniTicker@arr", connection.all_mini_ticker()),
    ]:
        heard = asyncio.get_running_loop().create_future()
        stream = await subscribe
        stream.on("message", lambda event, heard=heard: heard.done() or heard.set_result(event))
        event = await asyncio.wait_for(heard, 10)
        no_extras(event, name)
        await stream.unsubscribe()
    await connection.close_connection(close_session=True)


async def ws_api(bid):
    connection = await spot.websocket_api.create_connection()
    result = lambda response: data(response).result
    # The SDK reads this one answer by the model of its result.
    info = (await connection.exchange_info(symbol=MARKET)).data().additional_properties
    check(info["result"]["symbols"][0]["symbol"] == MARKET, f"exchange info {info}")
    for call in (connection.depth(symbol=MARKET), connection.klines(symbol=MARKET, interval="1m"),
                 connection.trades_recent(symbol=MARKET), connection.trades_aggregate(symbol=MARKET),
                 connection.avg_price(symbol=MARKET), connection.time(), connection.session_status(),
                 connection.account_status(), connection.account_commission(symbol=MARKET),
                 connection.account_rate_limits_orders(), connection.session_subscriptions()):
        check(data(await call) is not None, "an empty answer")
    handle = await connection.user_data_stream_subscribe_signature()
    events = []
    handle.stream.on("message", events.append)
    order = dict(symbol=MARKET, side="BUY", type="LIMIT", time_in_force="GTC", quantity=0.001,
                 price=float(priced(bid, 0.95)))
    placed = await connection.order_place(**order, new_order_resp_type="RESULT")
    number = result(placed).order_id
    check(result(await connection.order_status(symbol=MARKET, order_id=number)).status == "NEW", "status")
    check(len(result(await connection.open_orders_status(symbol=MARKET))) == 1, "open orders")
    replaced = result(await connection.order_cancel_replace(
        **order, cancel_replace_mode="STOP_ON_FAILURE", cancel_order_id=number))
    number = replaced.new_order_response.order_id
    check(result(await connection.order_cancel(symbol=MARKET, order_id=number)).status == "CANCELED", "cancel")
    bought = result(await connection.order_place(symbol=MARKET, side="BUY", type="MARKET", quantity=0.01))
    check(bought.status == "FILLED", f"{bought}")
    check(result(await connection.my_trades(symbol=MARKET, order_id=bought.order_id)), "my trades")
    check(result(await connection.all_orders(symbol=MARKET)), "all orders")

    def kinds():
        return {type(getattr(event, "actual_instance", event)).__name__ for event in events}

    for _ in range(100):
        if {"ExecutionReport", "OutboundAccountPosition"} <= kinds():
            break
        await asyncio.sleep(0.05)
    check({"ExecutionReport", "OutboundAccountPosition"} <= kinds(), f"user events {kinds()} {events[:1]}")
    for event in events:
        no_extras(event, "event")
    await connection.user_data_stream_unsubscribe()
    await connection.close_connection(close_session=True)


bid, ask = market_data()
bought = orders(bid, ask)
order_lists(bid, ask)
account(bought)
refusals(bid)
asyncio.run(streams())
asyncio.run(ws_api(bid))
done()
