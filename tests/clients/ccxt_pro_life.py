"""Streams and orders over the WS API, by unmodified ccxt.pro. Usage: ccxt_pro_life.py REST_URL KEY SECRET WS_API_URL."""
import asyncio

import ccxt
import ccxt.pro
from life import arguments, check, done, priced

PAIR = "BTC/USDT"
rest, key, secret, ws_api, streams = arguments()


def client():
    exchange = ccxt.pro.binance({
        "apiKey": key,
        "secret": secret,
        "enableRateLimit": False,
        "options": {"fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False, "fetchMargins": False},
    })
    # Every address, so that nothing can leave this machine.
    exchange.urls["api"] = {name: rest + "/api/v3" for name in exchange.urls["api"]}
    exchange.urls["api"]["ws"] = {"spot": streams + "/ws", "ws-api": {"spot": ws_api}}
    return exchange


async def within(awaitable):
    return await asyncio.wait_for(awaitable, 15)


async def market_data(exchange):
    book = await within(exchange.watch_order_book(PAIR))
    for _ in range(20):
        book = await within(exchange.watch_order_book(PAIR))
        check(book["bids"][0][0] < book["asks"][0][0], f"crossed: {book['bids'][0]} {book['asks'][0]}")
    # The book kept from the stream against the book as asked for: the same sizes where both have the same update.
    for _ in range(20):
        snapshot = await exchange.fetch_order_book(PAIR, 1000)
        while exchange.orderbooks[PAIR]["nonce"] < snapshot["nonce"]:
            await within(exchange.watch_order_book(PAIR))
        kept = exchange.orderbooks[PAIR]
        if kept["nonce"] == snapshot["nonce"]:
            check([list(level) for level in kept["bids"][:100]] == snapshot["bids"][:100], "the kept bids differ")
            check([list(level) for level in kept["asks"][:100]] == snapshot["asks"][:100], "the kept asks differ")
            break
    else:
        check(False, "never at the same update as a snapshot")
    trades = await within(exchange.watch_trades(PAIR))
    check(trades and trades[0]["price"] > 0 and trades[0]["side"] in ("buy", "sell"), f"trades {trades}")
    ticker = await within(exchange.watch_ticker(PAIR))
    check(ticker["symbol"] == PAIR and ticker["last"] > 0, f"ticker {ticker}")
    best = await within(exchange.watch_bids_asks([PAIR]))
    check(best[PAIR]["bid"] < best[PAIR]["ask"], f"best {best}")
    candles = await within(exchange.watch_ohlcv(PAIR, "1m"))
    check(candles[-1][3] <= candles[-1][4] <= candles[-1][2], f"candles {candles}")
    return snapshot["bids"][0][0], snapshot["asks"][0][0]


async def orders(exchange, bid, ask):
    await within(exchange.fetch_balance_ws())
    reports, balances = [], []

    async def collect(watch, into):
        while True:
            into.append(await watch())

    tasks = [asyncio.create_task(collect(exchange.watch_orders, reports)),
             asyncio.create_task(collect(exchange.watch_balance, balances)),
             asyncio.create_task(collect(exchange.watch_my_trades, trades := []))]
    while not exchange.clients.get(ws_api) or not exchange.options.get("watchBalance"):
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)
    low = float(priced(bid, 0.97))
    resting = await within(exchange.create_order_ws(PAIR, "limit", "buy", 0.001, low))
    check(resting["status"] == "open", f"limit order: {resting}")
    known = await within(exchange.fetch_order_ws(resting["id"], PAIR))
    check(known["status"] == "open" and known["price"] == low, f"order status: {known}")
    check([o["id"] for o in await within(exchange.fetch_open_orders_ws(PAIR))] == [resting["id"]], "open orders")
    edited = await within(exchange.edit_order_ws(resting["id"], PAIR, "limit", "buy", 0.002, low))
    check(edited["amount"] == 0.002 and edited["status"] == "open", f"edit: {edited}")
    canceled = await within(exchange.cancel_order_ws(edited["id"], PAIR))
    check(canceled["status"] == "canceled", f"cancel: {canceled}")
    stop = await within(exchange.create_order_ws(PAIR, "market", "buy", 0.001, None,
                                                 {"triggerPrice": float(priced(ask, 1.05))}))
    check([o["id"] for o in await within(exchange.cancel_all_orders_ws(PAIR))] == [stop["id"]], "cancel all")
    bought = await within(exchange.create_order_ws(PAIR, "market", "buy", 0.01))
    check(bought["status"] == "closed" and bought["filled"] == 0.01, f"market order: {bought}")
    try:
        await within(exchange.create_order_ws(PAIR, "limit", "sell", 5, float(priced(ask, 1.2))))
        check(False, "InsufficientFunds was not raised")
    except ccxt.InsufficientFunds:
        pass
    mine = await within(exchange.fetch_my_trades_ws(PAIR))
    check(sum(round(t["amount"] * 1e5) for t in mine if t["order"] == bought["id"]) == 1000, "my trades")

    def latest():
        return {order["id"]: order["status"] for batch in reports for order in batch}

    expected = {resting["id"]: "canceled", edited["id"]: "canceled", stop["id"]: "canceled", bought["id"]: "closed"}
    for _ in range(100):
        if latest() == expected:
            break
        await asyncio.sleep(0.05)
    check(latest() == expected, f"watched {latest()} instead of {expected}")
    watched = {t["id"]: t["amount"] for batch in trades for t in batch}
    check(watched == {t["id"]: t["amount"] for t in mine if t["id"] in watched} and watched, f"trades {watched}")
    told, asked = exchange.balance["spot"], await exchange.fetch_balance()
    for asset in ("BTC", "USDT"):
        check(told[asset]["total"] == asked[asset]["total"], f"{asset} watched {told[asset]}, asked {asked[asset]}")
    check(balances, "no balance was watched")
    for task in tasks:
        task.cancel()


async def life():
    exchange = client()
    bid, ask = await market_data(exchange)
    await orders(exchange, bid, ask)
    await exchange.un_watch_trades(PAIR)
    await exchange.close()


asyncio.run(life())
done()
