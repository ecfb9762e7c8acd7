"""The life of an account, by unmodified python-binance. Usage: python_binance_life.py REST_URL KEY SECRET WS_API_URL.
Ends with 1 on any mismatch."""
import asyncio
import sys
from decimal import Decimal

from binance import AsyncClient, BinanceSocketManager, Client
from binance.exceptions import BinanceAPIException

rest, key, secret, ws_api = sys.argv[1:5]
Client.API_URL = AsyncClient.API_URL = rest + "/api"
Client.WS_API_URL = AsyncClient.WS_API_URL = ws_api
BinanceSocketManager.STREAM_URL = ws_api.replace("/ws-api/v3", "/")


def check(condition, what):
    if not condition:
        print(f"python-binance: {what}", file=sys.stderr)
        sys.exit(1)


client = Client(key, secret)
info = client.get_symbol_info("BTCUSDT")
check(info and info["status"] == "TRADING", f"symbol info {info}")
book = client.get_order_book(symbol="BTCUSDT", limit=20)
check(len(book["bids"]) == 20, "order book")
balance = lambda asset: Decimal((client.get_asset_balance(asset) or {"free": "0"})["free"])
before = balance("BTC")
bought = client.order_market_buy(symbol="BTCUSDT", quantity="0.01")
check(bought["status"] == "FILLED" and bought["fills"], f"market order {bought}")
check(balance("BTC") - before == Decimal("0.00999"), "balance after the market order")
low = f"{Decimal(book['bids'][0][0]) * Decimal('0.98'):.2f}"
resting = client.order_limit_buy(symbol="BTCUSDT", quantity="0.001", price=low, newClientOrderId="life-1")
check(resting["status"] == "NEW" and resting["clientOrderId"] == "life-1", f"limit order {resting}")
check(client.get_order(symbol="BTCUSDT", origClientOrderId="life-1")["status"] == "NEW", "query")
canceled = client.cancel_order(symbol="BTCUSDT", origClientOrderId="life-1")
check(canceled["status"] == "CANCELED" and canceled["origClientOrderId"] == "life-1", f"cancel {canceled}")
check(client.get_open_orders(symbol="BTCUSDT") == [], "open orders")
check(sum(Decimal(t["qty"]) for t in client.get_my_trades(symbol="BTCUSDT", orderId=bought["orderId"])) == Decimal("0.01"), "my trades")
for code, call in [
    (-2013, lambda: client.get_order(symbol="BTCUSDT", origClientOrderId="nobody")),
    (-2011, lambda: client.cancel_order(symbol="BTCUSDT", origClientOrderId="nobody")),
    (-1121, lambda: client.get_order_book(symbol="NOPE")),
]:
    try:
        call()
        check(False, f"{code} was not raised")
    except BinanceAPIException as error:
        check(error.code == code, f"{error.code} instead of {code}")


async def streams():
    client = await AsyncClient.create(key, secret)
    manager = BinanceSocketManager(client)
    async with manager.trade_socket("BTCUSDT") as trades:
        event = await asyncio.wait_for(trades.recv(), 10)
        check(event.get("e") == "trade", f"trade stream {event}")
    async with manager.user_socket() as user:
        await asyncio.sleep(0.5)
        await client.order_market_buy(symbol="BTCUSDT", quantity="0.01")
        seen = set()
        while not {"executionReport", "outboundAccountPosition"} <= seen:
            event = await asyncio.wait_for(user.recv(), 10)
            seen.add(event.get("e"))
    await client.close_connection()


asyncio.run(streams())
print("python-binance: ok")
