"""The life of an account, by unmodified ccxt over REST. Usage: ccxt_life.py REST_URL KEY SECRET WS_API_URL."""
from decimal import Decimal

import ccxt
from life import arguments, check, done, priced, raises

PAIR, MARKET = "BTC/USDT", "BTCUSDT"
rest, key, secret, _, _ = arguments()
exchange = ccxt.binance({
    "apiKey": key,
    "secret": secret,
    "enableRateLimit": False,
    "options": {"fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False, "fetchMargins": False},
})
# Every address, so that nothing can leave this machine.
exchange.urls["api"] = {name: rest + "/api/v3" for name in exchange.urls["api"]}


def total(asset):
    return Decimal(str(exchange.fetch_balance().get(asset, {}).get("total", 0) or 0))


def used(asset):
    return exchange.fetch_balance()[asset]["used"]


def market_data():
    markets = exchange.load_markets()
    check(PAIR in markets, f"no {PAIR} among {list(markets)[:5]}")
    check(markets[PAIR]["precision"]["price"] == 0.01, "wrong tick size")
    check(markets[PAIR]["active"] and markets[PAIR]["spot"], f"{markets[PAIR]}")
    book = exchange.fetch_order_book(PAIR, 20)
    check(len(book["bids"]) == 20 and len(book["asks"]) == 20, "the book has not 20 levels a side")
    check(book["bids"][0][0] < book["asks"][0][0], "the book is crossed")
    ticker = exchange.fetch_ticker(PAIR)
    check(ticker["bid"] < ticker["ask"] and ticker["last"] > 0, f"ticker {ticker}")
    check(set(exchange.fetch_tickers([PAIR, "ETH/USDT"])) == {PAIR, "ETH/USDT"}, "tickers")
    check(set(exchange.fetch_bids_asks()) == {PAIR, "ETH/USDT"}, "bids and asks")
    check(exchange.fetch_last_prices([PAIR])[PAIR]["price"] > 0, "last price")
    trades = exchange.fetch_trades(PAIR, limit=20)
    check(trades and all(t["side"] in ("buy", "sell") and t["amount"] > 0 for t in trades), f"trades {trades}")
    check([t["timestamp"] for t in trades] == sorted(t["timestamp"] for t in trades), "trades not in order")
    candles = exchange.fetch_ohlcv(PAIR, "1m", limit=5)
    check(candles and all(low <= open_ <= high for _, open_, high, low, _, _ in candles), f"candles {candles}")
    check(abs(exchange.fetch_time() - exchange.milliseconds()) < 2_000, "the clocks differ")
    commission = exchange.private_get_account_commission({"symbol": MARKET})
    check(commission["standardCommission"]["taker"] == "0.00100000", f"commission {commission}")
    return book["bids"][0][0], book["asks"][0][0]


def simple_orders(bid):
    before = total("BTC")
    bought = exchange.create_order(PAIR, "market", "buy", 0.01)
    check(bought["status"] == "closed" and bought["filled"] == 0.01, f"market order: {bought}")
    check(bought["fee"]["currency"] == "BTC" and bought["fee"]["cost"] == 0.00001, f"fee: {bought['fee']}")
    gained = total("BTC") - before
    check(gained == Decimal("0.00999"), f"0.01 less 0.1 % commission should have come, and {gained} did")
    by_cost = exchange.create_market_buy_order_with_cost(PAIR, 500)
    check(by_cost["status"] == "closed" and 490 < by_cost["cost"] <= 500, f"order by cost: {by_cost['cost']}")
    low = float(priced(bid, 0.98))
    resting = exchange.create_order(PAIR, "limit", "buy", 0.001, low)
    check(resting["status"] == "open", f"limit order: {resting['status']}")
    check([order["id"] for order in exchange.fetch_open_orders(PAIR)] == [resting["id"]], "open orders")
    check(used("USDT") > 0, "nothing is locked")
    canceled = exchange.cancel_order(resting["id"], PAIR)
    check(canceled["status"] == "canceled", f"cancel: {canceled['status']}")
    check(exchange.fetch_order(resting["id"], PAIR)["status"] == "canceled", "the order is not canceled")
    check(used("USDT") == 0, "something is still locked")
    trades = exchange.fetch_my_trades(PAIR)
    check(sum(Decimal(str(t["amount"])) for t in trades if t["order"] == bought["id"]) == Decimal("0.01"), "my trades")
    of_order = exchange.fetch_order_trades(bought["id"], PAIR)
    check({t["id"] for t in of_order} == {t["id"] for t in trades if t["order"] == bought["id"]}, "trades of an order")
    return bought, resting


def all_types(bid, ask):
    far = float(priced(ask, 1.05))
    immediate = exchange.create_order(PAIR, "limit", "buy", 0.001, float(priced(bid, 0.9)), {"timeInForce": "IOC"})
    check(immediate["status"] == "expired" and immediate["filled"] == 0, f"IOC: {immediate['status']}")
    killed = exchange.create_order(PAIR, "limit", "buy", 0.001, float(priced(bid, 0.9)), {"timeInForce": "FOK"})
    check(killed["status"] == "expired", f"FOK: {killed['status']}")
    filled = exchange.create_order(PAIR, "limit", "buy", 0.001, float(priced(ask, 1.01)), {"timeInForce": "FOK"})
    check(filled["status"] == "closed" and filled["average"] < float(priced(ask, 1.01)), f"FOK: {filled}")
    maker = exchange.create_order(PAIR, "limit", "sell", 0.001, far, {"postOnly": True})
    check(maker["postOnly"] and maker["type"] == "limit" and maker["status"] == "open", f"post only: {maker}")
    iceberg = exchange.create_order(PAIR, "limit", "sell", 0.002, far, {"icebergQty": "0.001"})
    check(iceberg["info"]["icebergQty"] == "0.00100000", f"iceberg: {iceberg['info']}")
    low, lower = float(priced(bid, 0.95)), float(priced(bid, 0.94))
    conditional = [
        exchange.create_order(PAIR, "market", "sell", 0.001, None, {"stopLossPrice": low}),
        exchange.create_order(PAIR, "limit", "sell", 0.001, lower, {"stopLossPrice": low}),
        exchange.create_order(PAIR, "market", "sell", 0.001, None, {"takeProfitPrice": far}),
        exchange.create_order(PAIR, "limit", "sell", 0.001, far, {"takeProfitPrice": far}),
        exchange.create_order(PAIR, "limit", "buy", 0.001, far, {"triggerPrice": far}),
    ]
    trailing = lambda: exchange.create_order(PAIR, "STOP_LOSS_LIMIT", "sell", 0.001, lower, {"trailingDelta": 500})
    raises(ccxt.ExchangeError, trailing, lambda error: "MAX_NUM_ALGO_ORDERS" in str(error))
    exchange.cancel_order(conditional.pop()["id"], PAIR)
    conditional.append(trailing())
    kinds = [exchange.fetch_order(order["id"], PAIR)["info"]["type"] for order in conditional]
    check(kinds == ["STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT", "STOP_LOSS_LIMIT"], f"conditional types: {kinds}")
    waiting = {order["id"]: order for order in exchange.fetch_open_orders(PAIR)}
    check(set(waiting) == {order["id"] for order in [maker, iceberg, *conditional]}, "open orders of all types")
    check(waiting[conditional[0]["id"]]["triggerPrice"] == low, f"trigger: {waiting[conditional[0]['id']]}")
    check(exchange.create_order(PAIR, "limit", "buy", 0.001, low, {"test": True}) is not None, "test order")
    gone = exchange.cancel_all_orders(PAIR)
    check({order["id"] for order in gone} == set(waiting), f"cancel all: {len(gone)} of {len(waiting)}")
    check(exchange.fetch_open_orders(PAIR) == [] and used("BTC") == 0 and used("USDT") == 0, "something stayed")
    statuses = {order["status"] for order in exchange.fetch_orders(PAIR)}
    check(statuses == {"closed", "canceled", "expired"}, f"all orders: {statuses}")
    check(exchange.fetch_closed_orders(PAIR) and exchange.fetch_canceled_orders(PAIR), "closed and canceled orders")


def replaced(bid):
    resting = exchange.create_order(PAIR, "limit", "buy", 0.002, float(priced(bid, 0.95)))
    price = float(priced(bid, 0.94))
    edited = exchange.edit_order(resting["id"], PAIR, "limit", "buy", 0.003, price)
    check(edited["status"] == "open" and edited["amount"] == 0.003 and edited["price"] == price, f"edit: {edited}")
    check(exchange.fetch_order(resting["id"], PAIR)["status"] == "canceled", "the edited order lives")
    raises(ccxt.ExchangeError, lambda: exchange.edit_order(resting["id"], PAIR, "limit", "buy", 0.003, price))
    exchange.cancel_order(edited["id"], PAIR)


def order_lists(bid, ask):
    def far(factor):
        return priced(ask if factor > 1 else bid, factor)

    pair = exchange.private_post_orderlist_oco({
        "symbol": MARKET, "side": "SELL", "quantity": "0.001", "aboveType": "LIMIT_MAKER", "abovePrice": far(1.05),
        "belowType": "STOP_LOSS_LIMIT", "belowPrice": far(0.94), "belowStopPrice": far(0.95),
        "belowTimeInForce": "GTC"})
    check(pair["contingencyType"] == "OCO" and len(pair["orderReports"]) == 2, f"OCO: {pair}")
    number = pair["orderListId"]
    check(exchange.private_get_orderlist({"orderListId": number})["listOrderStatus"] == "EXECUTING", "OCO status")
    check([known["orderListId"] for known in exchange.private_get_openorderlist()] == [number], "open lists")
    # The cancel of a leg ends both.
    exchange.cancel_order(str(pair["orders"][0]["orderId"]), PAIR)
    check(exchange.private_get_orderlist({"orderListId": number})["listOrderStatus"] == "ALL_DONE", "OCO end")
    check(exchange.fetch_open_orders(PAIR) == [], "a leg lives")
    old = exchange.private_post_order_oco({
        "symbol": MARKET, "side": "SELL", "quantity": "0.001", "price": far(1.05), "stopPrice": far(0.95),
        "stopLimitPrice": far(0.94), "stopLimitTimeInForce": "GTC"})
    canceled = exchange.private_delete_orderlist({"symbol": MARKET, "orderListId": old["orderListId"]})
    check(canceled["listOrderStatus"] == "ALL_DONE", f"cancel of a list: {canceled}")
    pending = {"symbol": MARKET, "workingType": "LIMIT", "workingSide": "BUY", "workingPrice": far(0.95),
               "workingQuantity": "0.001", "workingTimeInForce": "GTC", "pendingSide": "SELL"}
    triggered = exchange.private_post_orderlist_oto(pending | {
        "pendingType": "LIMIT", "pendingPrice": far(1.05), "pendingQuantity": "0.001", "pendingTimeInForce": "GTC"})
    check([report["status"] for report in triggered["orderReports"]].count("PENDING_NEW") == 1, f"OTO: {triggered}")
    bracket = exchange.private_post_orderlist_otoco(pending | {
        "pendingQuantity": "0.001", "pendingAboveType": "LIMIT_MAKER", "pendingAbovePrice": far(1.05),
        "pendingBelowType": "STOP_LOSS", "pendingBelowStopPrice": far(0.9)})
    check(len(bracket["orders"]) == 3, f"OTOCO: {bracket}")
    for known in (triggered, bracket):
        exchange.private_delete_orderlist({"symbol": MARKET, "orderListId": known["orderListId"]})
    check(len(exchange.private_get_allorderlist()) == 4, "all lists")
    check(used("BTC") == 0 and used("USDT") == 0, "a list left something locked")


def refusals(bid, ask, resting):
    raises(ccxt.OrderNotFound, lambda: exchange.cancel_order(resting["id"], PAIR))
    raises(ccxt.OrderNotFound, lambda: exchange.fetch_order("999999999", PAIR))
    raises(ccxt.InsufficientFunds, lambda: exchange.create_order(PAIR, "limit", "sell", 5, float(priced(bid, 1.5))))
    raises(ccxt.OrderImmediatelyFillable, lambda: exchange.create_order(
        PAIR, "limit", "buy", 0.001, float(priced(ask, 1.01)), {"postOnly": True}))
    raises(ccxt.OrderImmediatelyFillable, lambda: exchange.create_order(
        PAIR, "market", "sell", 0.001, None, {"stopLossPrice": float(priced(bid, 1.01))}))
    raises(ccxt.ExchangeError, lambda: exchange.create_order(PAIR, "market", "buy", 0.00001),
           lambda error: "-1013" in str(error) and "NOTIONAL" in str(error))
    raises(ccxt.InvalidOrder, lambda: exchange.private_post_order({
        "symbol": MARKET, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.001",
        "price": "70000.001"}))
    raises(ccxt.BadSymbol, lambda: exchange.public_get_depth({"symbol": "NOPE"}))
    exchange.secret = "wrong"
    raises(ccxt.AuthenticationError, exchange.fetch_balance)
    exchange.apiKey, exchange.options["hasAlreadyAuthenticatedSuccessfully"] = "nobody", False
    raises(ccxt.AuthenticationError, exchange.fetch_balance)


bid, ask = market_data()
_, resting = simple_orders(bid)
all_types(bid, ask)
replaced(bid)
order_lists(bid, ask)
refusals(bid, ask, resting)
done()
