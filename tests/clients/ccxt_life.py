"""The life of an account, by unmodified ccxt. Usage: ccxt_life.py REST_URL KEY SECRET. Ends with 1 on any mismatch."""
import sys
from decimal import Decimal

import ccxt

rest, key, secret = sys.argv[1:4]


def check(condition, what):
    if not condition:
        print(f"ccxt: {what}", file=sys.stderr)
        sys.exit(1)


exchange = ccxt.binance({
    "apiKey": key,
    "secret": secret,
    "enableRateLimit": False,
    "options": {"fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False, "fetchMargins": False},
})
exchange.urls["api"].update(public=rest + "/api/v3", private=rest + "/api/v3", v1=rest + "/api/v3", v3=rest + "/api/v3")

markets = exchange.load_markets()
check("BTC/USDT" in markets, f"no BTC/USDT among {list(markets)[:5]}")
check(markets["BTC/USDT"]["precision"]["price"] == 0.01, "wrong tick size")

book = exchange.fetch_order_book("BTC/USDT", 20)
check(len(book["bids"]) == 20 and len(book["asks"]) == 20, "the book has not 20 levels a side")
check(book["bids"][0][0] < book["asks"][0][0], "the book is crossed")

before = exchange.fetch_balance()
bought = exchange.create_order("BTC/USDT", "market", "buy", 0.01)
check(bought["status"] == "closed" and bought["filled"] == 0.01, f"market order: {bought['status']} {bought['filled']}")
after = exchange.fetch_balance()
gained = Decimal(str(after["BTC"]["total"])) - Decimal(str(before.get("BTC", {}).get("total", 0) or 0))
check(gained == Decimal("0.00999"), f"0.01 less 0.1 % commission should have come, and {gained} did")

low = exchange.price_to_precision("BTC/USDT", book["bids"][0][0] * 0.98)
resting = exchange.create_order("BTC/USDT", "limit", "buy", 0.001, float(low))
check(resting["status"] == "open", f"limit order: {resting['status']}")
check([order["id"] for order in exchange.fetch_open_orders("BTC/USDT")] == [resting["id"]], "open orders")
check(exchange.fetch_balance()["USDT"]["used"] > 0, "nothing is locked")
canceled = exchange.cancel_order(resting["id"], "BTC/USDT")
check(canceled["status"] == "canceled", f"cancel: {canceled['status']}")
check(exchange.fetch_order(resting["id"], "BTC/USDT")["status"] == "canceled", "the order is not canceled")
check(exchange.fetch_balance()["USDT"]["used"] == 0, "something is still locked")

trades = exchange.fetch_my_trades("BTC/USDT")
check(sum(Decimal(str(t["amount"])) for t in trades if t["order"] == bought["id"]) == Decimal("0.01"), "my trades")

for expected, call in [
    (ccxt.OrderNotFound, lambda: exchange.cancel_order(resting["id"], "BTC/USDT")),
    (ccxt.InsufficientFunds, lambda: exchange.create_order("BTC/USDT", "limit", "sell", 5, float(low) * 1.5)),
    (ccxt.OrderImmediatelyFillable, lambda: exchange.create_order(
        "BTC/USDT", "limit", "buy", 0.001, book["asks"][0][0] + 500, {"postOnly": True})),
    (ccxt.ExchangeError, lambda: exchange.create_order("BTC/USDT", "market", "buy", 0.00001)),
]:
    try:
        call()
        check(False, f"{expected.__name__} was not raised")
    except expected:
        pass
exchange.secret = "wrong"
try:
    exchange.fetch_balance()
    check(False, "a wrong secret was accepted")
except (ccxt.AuthenticationError, ccxt.ExchangeError):
    pass
print("ccxt: ok")
