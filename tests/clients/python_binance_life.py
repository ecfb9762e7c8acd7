"""The life of an account, by unmodified python-binance, with its depth cache and user socket.
Usage: python_binance_life.py REST_URL KEY SECRET WS_API_URL."""
import asyncio
from decimal import Decimal

from binance import AsyncClient, BinanceSocketManager, Client, DepthCacheManager
from binance.exceptions import BinanceAPIException
from life import arguments, check, done, priced, raises

MARKET = "BTCUSDT"
rest, key, secret, ws_api, stream_base = arguments()
Client.API_URL = AsyncClient.API_URL = rest + "/api"
Client.WS_API_URL = AsyncClient.WS_API_URL = ws_api
BinanceSocketManager.STREAM_URL = stream_base + "/"
client = Client(key, secret)


def balance(asset):
    return Decimal((client.get_asset_balance(asset) or {"free": "0"})["free"])


def market_data():
    info = client.get_symbol_info(MARKET)
    check(info and info["status"] == "TRADING", f"symbol info {info}")
    book = client.get_order_book(symbol=MARKET, limit=20)
    check(len(book["bids"]) == 20, "order book")
    check(client.get_recent_trades(symbol=MARKET, limit=5) and client.get_aggregate_trades(symbol=MARKET), "trades")
    check(client.get_klines(symbol=MARKET, interval="1m"), "klines")
    check(client.get_ticker(symbol=MARKET)["symbol"] == MARKET and len(client.get_all_tickers()) == 2, "tickers")
    check(client.get_orderbook_ticker(symbol=MARKET)["bidPrice"] and client.get_avg_price(symbol=MARKET), "prices")
    return book["bids"][0][0], book["asks"][0][0]


def orders(bid, ask):
    before = balance("BTC")
    bought = client.order_market_buy(symbol=MARKET, quantity="0.01")
    check(bought["status"] == "FILLED" and bought["fills"], f"market order {bought}")
    check(balance("BTC") - before == Decimal("0.00999"), "balance after the market order")
    resting = client.order_limit_buy(
        symbol=MARKET, quantity="0.001", price=priced(bid, 0.98), newClientOrderId="life-1")
    check(resting["status"] == "NEW" and resting["clientOrderId"] == "life-1", f"limit order {resting}")
    check(client.get_order(symbol=MARKET, origClientOrderId="life-1")["status"] == "NEW", "query")
    canceled = client.cancel_order(symbol=MARKET, origClientOrderId="life-1")
    check(canceled["status"] == "CANCELED" and canceled["origClientOrderId"] == "life-1", f"cancel {canceled}")
    check(client.get_open_orders(symbol=MARKET) == [], "open orders")
    check(client.create_test_order(symbol=MARKET, side="BUY", type="MARKET", quantity="0.001") == {}, "test order")
    stop = client.create_order(symbol=MARKET, side="SELL", type="STOP_LOSS_LIMIT", timeInForce="GTC",
                               quantity="0.001", price=priced(bid, 0.94), stopPrice=priced(bid, 0.95))
    replaced = client.cancel_replace_order(
        symbol=MARKET, side="SELL", type="LIMIT_MAKER", quantity="0.001", price=priced(ask, 1.05),
        cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=stop["orderId"])
    check(replaced["newOrderResult"] == "SUCCESS", f"cancel and replace {replaced}")
    check(len(client.cancel_all_open_orders(symbol=MARKET)) == 1, "cancel all")
    pair = client.create_oco_order(
        symbol=MARKET, side="SELL", quantity="0.001", aboveType="LIMIT_MAKER", abovePrice=priced(ask, 1.05),
        belowType="STOP_LOSS", belowStopPrice=priced(bid, 0.95))
    check(len(pair["orders"]) == 2 and len(client.get_open_oco_orders()) == 1, f"OCO {pair}")
    check(client.v3_delete_order_list(symbol=MARKET, orderListId=pair["orderListId"])["listOrderStatus"] == "ALL_DONE",
          "cancel of the list")
    check(len(client.get_all_orders(symbol=MARKET)) == 6, "all orders")
    trades = client.get_my_trades(symbol=MARKET, orderId=bought["orderId"])
    check({t["id"] for t in trades} == {fill["tradeId"] for fill in bought["fills"]}, "my trades")
    check(sum(Decimal(t["qty"]) for t in trades) == Decimal("0.01"), "quantity of my trades")
    for code, call in [
        (-2013, lambda: client.get_order(symbol=MARKET, origClientOrderId="nobody")),
        (-2011, lambda: client.cancel_order(symbol=MARKET, origClientOrderId="nobody")),
        (-1121, lambda: client.get_order_book(symbol="NOPE")),
        (-2010, lambda: client.order_market_sell(symbol=MARKET, quantity="5")),
        (-1013, lambda: client.order_market_buy(symbol=MARKET, quantity="0.00001")),
    ]:
        raises(BinanceAPIException, call, lambda error, code=code: error.code == code)
    raises(BinanceAPIException, Client(key, "wrong").get_account, lambda error: error.code == -1022)


async def depth_cache(client, manager):
    async with DepthCacheManager(client, MARKET, bm=manager, ws_interval=100) as cache:
        for _ in range(20):
            book = await asyncio.wait_for(cache.recv(), 10)
            check(not isinstance(book, dict), f"depth cache {book}")
            check(book.get_bids()[0][0] < book.get_asks()[0][0], "the kept book is crossed")


async def user_events(client, manager, bid):
    async with manager.user_socket() as user:
        await asyncio.sleep(0.5)
        bought = await client.order_market_buy(symbol=MARKET, quantity="0.01")
        resting = await client.order_limit_buy(symbol=MARKET, quantity="0.001", price=priced(bid, 0.95))
        await client.cancel_order(symbol=MARKET, orderId=resting["orderId"])
        seen, trades, last = [], set(), {}
        while ("CANCELED", resting["orderId"]) not in seen or last.get("USDT", {}).get("l") != "0.00000000":
            event = await asyncio.wait_for(user.recv(), 10)
            if event.get("e") == "executionReport":
                seen.append((event["x"], event["i"]))
                trades |= {event["t"]} if event["x"] == "TRADE" else set()
            if event.get("e") == "outboundAccountPosition":
                last |= {held["a"]: held for held in event["B"]}
        check(trades == {fill["tradeId"] for fill in bought["fills"]}, f"trades {trades} of {bought['fills']}")
        for asset in ("BTC", "USDT"):
            held = await client.get_asset_balance(asset)
            check((held["free"], held["locked"]) == (last[asset]["f"], last[asset]["l"]), f"{asset} {held} {last}")


async def streams(bid):
    client = await AsyncClient.create(key, secret)
    manager = BinanceSocketManager(client)
    async with manager.trade_socket(MARKET) as trades:
        event = await asyncio.wait_for(trades.recv(), 10)
        check(event.get("e") == "trade", f"trade stream {event}")
    async with manager.multiplex_socket(["btcusdt@bookTicker", "ethusdt@depth5@100ms"]) as both:
        names = set()
        while len(names) < 2:
            names.add((await asyncio.wait_for(both.recv(), 10))["stream"])
    await depth_cache(client, manager)
    await user_events(client, manager, bid)
    placed = await client.ws_create_order(symbol=MARKET, side="BUY", type="MARKET", quantity="0.001")
    check(placed["status"] == "FILLED", f"order over the WS API {placed}")
    check((await client.ws_get_order_book(symbol=MARKET))["bids"], "book over the WS API")
    # close_connection() would take ten seconds of its own; the end of the process closes as well.


bid, ask = market_data()
orders(bid, ask)
asyncio.run(asyncio.wait_for(streams(bid), 60))
done()
