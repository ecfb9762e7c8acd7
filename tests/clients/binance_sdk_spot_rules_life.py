"""Routed and pegged orders, account filters, reference prices and execution rules, by the unmodified official
binance-sdk-spot, whose typed models know every documented key. Needs an exchange with BTCUSDT, ETHUSDT and BTCUSDC.
Usage: binance_sdk_spot_rules_life.py REST_URL KEY SECRET WS_API_URL."""
import asyncio
import json
import urllib.request
from decimal import Decimal

from binance_common.errors import BadRequestError
from life import arguments, check, done, eventually, raises
from sdk_client import reader, spot_client

MARKET = "BTCUSDT"
rest_url, key, secret, *sockets = arguments()
spot = spot_client(rest_url, key, secret, *sockets)
rest = spot.rest_api
# Conditional keys that the venue's documents have and the SDK's models lack.
data, no_extras = reader({"pegPriceType", "pegOffsetType", "pegOffsetValue", "peggedPrice", "expiryReason", "rateLimits"})


def operate(path, body):
    """What an operator of the exchange sets, for the client to see."""
    request = urllib.request.Request(f"{rest_url}/keel/{path}", data=json.dumps(body).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)


def routed():
    info = data(rest.exchange_info())
    check([(sor.base_asset, sor.symbols) for sor in info.sors] == [("BTC", ["BTCUSDT", "BTCUSDC"])], f"{info.sors}")
    order = dict(symbol=MARKET, side="BUY", type="MARKET", quantity=0.5)
    rates = data(rest.sor_order_test(**order, compute_commission_rates=True))
    check(rates.standard_commission_for_order.taker == "0.00100000", f"rates {rates}")
    placed = data(rest.sor_order(**order))
    check(placed.status == "FILLED" and placed.used_sor and placed.working_floor == "SOR", f"{placed}")
    allocations = data(rest.my_allocations(symbol=MARKET, order_id=placed.order_id))
    told = [(fill.alloc_id, fill.price, fill.qty) for fill in placed.fills]
    check([(a.allocation_id, a.price, a.qty) for a in allocations] == told, f"{allocations} {told}")
    check(data(rest.my_trades(symbol=MARKET, order_id=placed.order_id)) == [], "an allocation is no trade")


def pegged():
    bid, ask = (side[0][0] for side in (lambda book: (book.bids, book.asks))(data(rest.depth(symbol=MARKET, limit=5))))
    peg = dict(peg_price_type="PRIMARY_PEG", peg_offset_type="PRICE_LEVEL", peg_offset_value=1)
    far = {"BUY": float(bid) // 2, "SELL": float(ask) // 1 * 2}
    order = dict(symbol=MARKET, type="LIMIT", time_in_force="GTC", quantity=0.001)
    placed = data(rest.new_order(**order, **peg, side="BUY", price=far["BUY"])).to_dict()
    check(placed["pegPriceType"] == "PRIMARY_PEG" and Decimal(placed["peggedPrice"]) < Decimal(ask), f"{placed}")
    replaced = data(rest.order_cancel_replace(**order, **peg, side="SELL", price=far["SELL"],
                                              cancel_replace_mode="STOP_ON_FAILURE", cancel_order_id=placed["orderId"]))
    check(replaced.to_dict()["newOrderResponse"]["pegOffsetValue"] == 1, f"{replaced}")
    listed = data(rest.order_list_oto(
        symbol=MARKET, working_type="LIMIT", working_side="BUY", working_quantity=0.001, working_time_in_force="GTC",
        working_price=far["BUY"], working_peg_price_type="PRIMARY_PEG", pending_type="LIMIT", pending_side="SELL",
        pending_quantity=0.001, pending_time_in_force="GTC", pending_price=far["SELL"],
        pending_peg_price_type="PRIMARY_PEG", pending_peg_offset_type="PRICE_LEVEL", pending_peg_offset_value=1))
    working, pending = (report.to_dict() for report in listed.order_reports)
    check(working["peggedPrice"] and pending["pegOffsetValue"] == 1 and "peggedPrice" not in pending, f"{listed}")
    data(rest.delete_open_orders(symbol=MARKET))


def filters():
    none = data(rest.my_filters(symbol=MARKET))
    check(none.exchange_filters == [] and none.asset_filters == [], f"{none}")
    operate("exchange_filters", [
        {"filterType": "EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders": 1000},
        {"filterType": "EXCHANGE_MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 0},
        {"filterType": "EXCHANGE_MAX_NUM_ICEBERG_ORDERS", "maxNumIcebergOrders": 5},
        {"filterType": "EXCHANGE_MAX_NUM_ORDER_LISTS", "maxNumOrderLists": 20}])
    operate(f"account/{key}/asset_filters", [{"filterType": "MAX_ASSET", "asset": "BTC", "limit": "0.6"}])
    told = data(rest.my_filters(symbol=MARKET))
    check(len(told.exchange_filters) == 4 and len(told.asset_filters) == 1, f"{told}")
    check(len(data(rest.exchange_info(symbol=MARKET)).exchange_filters) == 4, "exchange info tells them")
    raises(BadRequestError, lambda: rest.new_order(symbol=MARKET, side="BUY", type="MARKET", quantity=0.61),
           lambda e: "Filter failure: MAX_ASSET" in str(e))
    raises(BadRequestError, lambda: rest.new_order(symbol=MARKET, side="SELL", type="STOP_LOSS", quantity=0.001, stop_price=1000.0),
           lambda e: "Filter failure: EXCHANGE_MAX_NUM_ALGO_ORDERS" in str(e))
    operate("exchange_filters", [])
    operate(f"account/{key}/asset_filters", [])


def prices():
    raises(BadRequestError, lambda: rest.reference_price(symbol=MARKET), lambda e: "-2043" in str(e))
    operate(f"symbol/{MARKET}/reference_price/calculation",
            {"calculationType": "ARITHMETIC_MEAN", "bucketCount": 10, "bucketWidthMs": 1000})
    operate("symbol/ETHUSDT/reference_price/calculation", {"calculationType": "EXTERNAL", "externalCalculationId": 1})
    operate("symbol/ETHUSDT/reference_price", {"referencePrice": "3000"})
    # One that binds nobody who buys, and everybody who sells.
    operate(f"symbol/{MARKET}/execution_rules",
            [{"ruleType": "PRICE_RANGE", "bidLimitMultUp": "2", "bidLimitMultDown": "0.5", "askLimitMultUp": "0.5"}])
    mean = data(rest.reference_price_calculation(symbol=MARKET))
    check((mean.calculation_type, mean.bucket_count) == ("ARITHMETIC_MEAN", 10), f"{mean}")
    check(data(rest.reference_price_calculation(symbol="ETHUSDT")).external_calculation_id == 1, "from outside")
    check(Decimal(data(rest.reference_price(symbol="ETHUSDT")).reference_price) == 3000, "the price from outside")

    def has_traded():
        try:
            return data(rest.reference_price(symbol=MARKET)).reference_price
        except BadRequestError:
            return False

    eventually(has_traded, "no trade made a reference price")
    rules = data(rest.execution_rules(symbol=MARKET)).symbol_rules
    check(rules[0].rules[0].bid_limit_mult_up == "2.00000000", f"{rules}")
    sold = data(rest.new_order(symbol=MARKET, side="SELL", type="MARKET", quantity=0.001)).to_dict()
    check((sold["status"], sold["expiryReason"]) == ("EXPIRED", "EXECUTION_RULE_PRICE_RANGE_EXCEEDED"), f"{sold}")
    check(data(rest.new_order(symbol=MARKET, side="BUY", type="MARKET", quantity=0.001)).status == "FILLED", "a buy is free")


async def stream():
    connection = await spot.websocket_streams.create_connection()
    heard = asyncio.get_running_loop().create_future()
    subscribed = await connection.reference_price(symbol=MARKET)
    subscribed.on("message", lambda event: heard.done() or heard.set_result(event))
    event = await asyncio.wait_for(heard, 10)
    no_extras(event, "referencePrice")
    check(event.s == MARKET and Decimal(event.r) > 0, f"{event}")
    await connection.close_connection(close_session=True)


async def ws_api():
    connection = await spot.websocket_api.create_connection()
    result = lambda response: data(response).result
    [placed] = result(await connection.sor_order_place(symbol=MARKET, side="BUY", type="MARKET", quantity=0.01))
    check(placed.used_sor, f"{placed}")
    check(len(result(await connection.my_allocations(symbol=MARKET))) > 1, "allocations")
    check(result(await connection.execution_rules(symbol=MARKET)).symbol_rules, "rules")
    check(result(await connection.reference_price(symbol=MARKET)).reference_price, "reference price")
    check(result(await connection.reference_price_calculation(symbol=MARKET)).bucket_count == 10, "calculation")
    await connection.close_connection(close_session=True)


routed()
pegged()
filters()
prices()
asyncio.run(stream())
asyncio.run(ws_api())
done()
