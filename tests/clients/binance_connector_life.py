"""The life of an account, by unmodified binance-connector: REST, streams and WS API.
Usage: binance_connector_life.py REST_URL KEY SECRET WS_API_URL."""
import json

from binance.error import ClientError
from binance.spot import Spot
from binance.websocket.spot.websocket_api import SpotWebsocketAPIClient
from binance.websocket.spot.websocket_stream import SpotWebsocketStreamClient
from life import arguments, check, done, eventually, priced, raises

MARKET = "BTCUSDT"
rest, key, secret, ws_api, streams = arguments()
spot = Spot(api_key=key, api_secret=secret, base_url=rest)


def market_data():
    check(spot.ping() == {} and spot.time()["serverTime"] > 0, "ping and time")
    check(spot.exchange_info(symbol=MARKET)["symbols"][0]["symbol"] == MARKET, "exchange info")
    check(len(spot.exchange_info(symbols=[MARKET, "ETHUSDT"])["symbols"]) == 2, "exchange info of two")
    book = spot.depth(MARKET, limit=20)
    check(spot.trades(MARKET) and spot.agg_trades(MARKET) and spot.klines(MARKET, "1m"), "trades and klines")
    check(spot.historical_trades(MARKET) and spot.ui_klines(MARKET, "1m") and spot.avg_price(MARKET), "more of them")
    check(len(spot.ticker_24hr(symbols=[MARKET, "ETHUSDT"])) == 2 and len(spot.ticker_price()) == 2, "tickers")
    check(spot.book_ticker(MARKET)["bidPrice"] and spot.rolling_window_ticker(MARKET)["lastPrice"], "more tickers")
    return book["bids"][0][0], book["asks"][0][0]


def orders(bid, ask):
    limit = dict(symbol=MARKET, side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.001")
    check(spot.new_order_test(**limit, price=priced(bid, 0.95)) == {}, "test order")
    bought = spot.new_order(symbol=MARKET, side="BUY", type="MARKET", quantity="0.01")
    check(bought["status"] == "FILLED" and bought["fills"], f"market order {bought}")
    resting = spot.new_order(**limit, price=priced(bid, 0.95))
    check(spot.get_order(MARKET, orderId=resting["orderId"])["status"] == "NEW", "status")
    check(len(spot.get_open_orders(MARKET)) == 1, "open orders")
    replaced = spot.cancel_and_replace(**limit, cancelReplaceMode="STOP_ON_FAILURE", price=priced(bid, 0.94),
                                       cancelOrderId=resting["orderId"])
    check(replaced["newOrderResult"] == "SUCCESS", f"cancel and replace {replaced}")
    canceled = spot.cancel_order(MARKET, orderId=replaced["newOrderResponse"]["orderId"])
    check(canceled["status"] == "CANCELED", f"cancel {canceled}")
    pair = spot.new_oco_order(MARKET, "SELL", "0.001", "LIMIT_MAKER", "STOP_LOSS", abovePrice=priced(ask, 1.05),
                              belowStopPrice=priced(bid, 0.95))
    check(len(pair["orders"]) == 2 and len(spot.get_oco_open_orders()) == 1, f"OCO {pair}")
    check(spot.cancel_oco_order(MARKET, orderListId=pair["orderListId"])["listOrderStatus"] == "ALL_DONE", "its end")
    spot.new_order(**limit, price=priced(bid, 0.95))
    check(len(spot.cancel_open_orders(MARKET)) == 1, "cancel all")
    check(len(spot.get_orders(MARKET)) == 6, "all orders")
    check({t["orderId"] for t in spot.my_trades(MARKET)} == {bought["orderId"]}, "my trades")
    held = {b["asset"]: b["free"] for b in spot.account(omitZeroBalances="true")["balances"]}
    check(held["BTC"] == "0.00999000", f"balances {held}")
    check(len(spot.get_order_rate_limit()) == 2 and spot.query_prevented_matches(MARKET, preventedMatchId=1) == [], "rest")
    for status, code, call in [
        (400, -2013, lambda: spot.get_order(MARKET, orderId=999_999_999)),
        (400, -1121, lambda: spot.depth("NOPE")),
        (400, -2010, lambda: spot.new_order(symbol=MARKET, side="SELL", type="MARKET", quantity="5")),
        (401, -2015, lambda: Spot(api_key="nobody", api_secret="x", base_url=rest).account()),
    ]:
        raises(ClientError, call, lambda e, s=status, c=code: (e.status_code, e.error_code) == (s, c))


def stream_events():
    heard = []
    client = SpotWebsocketStreamClient(stream_url=streams, on_message=lambda _, text: heard.append(json.loads(text)))
    client.trade(symbol=MARKET)
    client.diff_book_depth(symbol=MARKET, speed=100)
    client.book_ticker(symbol=MARKET)
    eventually(lambda: {"trade", "depthUpdate"} <= {event.get("e") for event in heard}, "trades and depth")
    eventually(lambda: any("e" not in event and "B" in event for event in heard), "best prices")
    updates = [event for event in heard if event.get("e") == "depthUpdate"]
    check(all(a["u"] + 1 == b["U"] for a, b in zip(updates, updates[1:])), "the depth's updates do not follow")
    client.stop()


def api_requests(bid):
    answers = {}

    def note(_, text):
        answer = json.loads(text)
        answers[answer["id"]] = answer

    client = SpotWebsocketAPIClient(stream_url=ws_api, api_key=key, api_secret=secret, on_message=note)
    client.ping_connectivity(id="ping")
    client.order_book(symbol=MARKET, id="book")
    client.new_order(id="place", symbol=MARKET, side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.001",
                     price=priced(bid, 0.95), newClientOrderId="connector-1", newOrderRespType="RESULT")
    client.get_order(id="status", symbol=MARKET, origClientOrderId="connector-1")
    client.cancel_order(id="cancel", symbol=MARKET, origClientOrderId="connector-1")
    client.account(id="account")
    asked = {"ping", "book", "place", "status", "cancel", "account"}
    eventually(lambda: asked <= set(answers), f"answers to all of {asked}")
    check({answers[name]["status"] for name in asked} == {200}, f"{answers}")
    check(answers["cancel"]["result"]["status"] == "CANCELED", f"cancel {answers['cancel']}")
    client.stop()


bid, ask = market_data()
orders(bid, ask)
stream_events()
api_requests(bid)
done()
