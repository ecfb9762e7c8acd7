"""A depth cache kept by the unmodified unicorn-binance-local-depth-cache, against the book as asked for.
Usage: unicorn_depth_cache_life.py REST_URL KEY SECRET WS_API_URL."""
import logging

import requests
from life import arguments, check, done, eventually

rest, key, secret, ws_api, streams = arguments()
logging.disable(logging.CRITICAL)

# The REST part has no option for its address; its requests are led here, and nothing leaves this machine.
send = requests.Session.send


def send_here(self, request, **options):
    request.url = request.url.replace("https://api.binance.com", rest)
    check(request.url.startswith(rest), f"a request to {request.url}")
    return send(self, request, **options)


requests.Session.send = send_here

from unicorn_binance_local_depth_cache import BinanceLocalDepthCacheManager, DepthCacheOutOfSync  # noqa: E402
from unicorn_binance_websocket_api import connection_settings  # noqa: E402

settings = list(connection_settings.CONNECTION_SETTINGS["binance.com"])
settings[1:3] = [streams + "/", ws_api]
connection_settings.CONNECTION_SETTINGS["binance.com"] = tuple(settings)

MARKETS = ["BTCUSDT", "ETHUSDT"]
cache = BinanceLocalDepthCacheManager(exchange="binance.com", depth_cache_update_interval=100, warn_on_update=False)
cache.create_depthcache(markets=MARKETS)
for market in MARKETS:
    eventually(lambda: cache.is_depth_cache_synchronized(market), f"{market} in step", within=30)


def same_as_asked(market):
    """Whether the cache's top is the snapshot's. They are taken at different moments, so once in a while is enough."""
    asked = requests.get(f"{rest}/api/v3/depth", params={"symbol": market, "limit": 20}, timeout=5).json()
    try:
        kept = cache.get_bids(market=market, limit_count=20), cache.get_asks(market=market, limit_count=20)
    except DepthCacheOutOfSync as error:
        check(False, f"{market} fell out of step: {error}")
    return kept == tuple([[float(price), float(qty)] for price, qty in asked[side]] for side in ("bids", "asks"))


for market in MARKETS:
    for _ in range(3):
        eventually(lambda: same_as_asked(market), f"{market} as asked for", within=20)
    check(cache.get_restart_count(market=market) in (None, 0), f"{market} had to start anew")
cache.stop_manager()
done()
