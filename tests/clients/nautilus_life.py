"""Orders and their events through NautilusTrader's unmodified Binance adapter, with an Ed25519 key.
Usage: nautilus_life.py REST_URL KEY PRIVATE_KEY_PEM_FILE WS_API_URL."""
import asyncio
from decimal import Decimal

from life import arguments, check, done
from nautilus_trader.adapters.binance.common.enums import BinanceEnvironment
from nautilus_trader.adapters.binance.config import BinanceDataClientConfig, BinanceExecClientConfig
from nautilus_trader.adapters.binance.factories import BinanceLiveDataClientFactory, BinanceLiveExecClientFactory
from nautilus_trader.config import InstrumentProviderConfig, LoggingConfig, TradingNodeConfig
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.identifiers import InstrumentId, TraderId
from nautilus_trader.trading.strategy import Strategy

rest, key, pem_file, ws_api, streams = arguments()
MARKET = InstrumentId.from_str("BTCUSDT.BINANCE")


class Life(Strategy):
    """Buys at the market and cancels a resting order, at the first quote."""

    def __init__(self):
        super().__init__()
        self.quotes, self.trades, self.told = 0, 0, []

    def on_start(self):
        self.subscribe_quote_ticks(MARKET)
        self.subscribe_trade_ticks(MARKET)

    def on_quote_tick(self, tick):
        self.quotes += 1
        if self.quotes > 1:
            return
        instrument = self.cache.instrument(MARKET)
        self.bought = self.order_factory.market(MARKET, OrderSide.BUY, instrument.make_qty(Decimal("0.01")))
        self.resting = self.order_factory.limit(
            MARKET, OrderSide.BUY, instrument.make_qty(Decimal("0.001")),
            instrument.make_price(Decimal(str(tick.bid_price)) * Decimal("0.95")))
        self.submit_order(self.bought)
        self.submit_order(self.resting)

    def on_trade_tick(self, _tick):
        self.trades += 1

    def on_order_accepted(self, event):
        if event.client_order_id == self.resting.client_order_id:
            self.cancel_order(self.resting)

    def on_order_event(self, event):
        self.told.append(type(event).__name__)


common = dict(
    api_key=key,
    api_secret=open(pem_file).read(),
    base_url_http=rest,
    # In production it asks /sapi for the fees first.
    environment=BinanceEnvironment.TESTNET,
    instrument_provider=InstrumentProviderConfig(load_ids=frozenset([MARKET])),
)
node = TradingNode(config=TradingNodeConfig(
    trader_id=TraderId("LIFE-001"),
    logging=LoggingConfig(log_level="WARNING", log_colors=False),
    data_clients={"BINANCE": BinanceDataClientConfig(base_url_ws=streams, **common)},
    exec_clients={"BINANCE": BinanceExecClientConfig(base_url_ws=ws_api, base_url_ws_stream=streams, **common)},
))
life = Life()
node.trader.add_strategy(life)
node.add_data_client_factory("BINANCE", BinanceLiveDataClientFactory)
node.add_exec_client_factory("BINANCE", BinanceLiveExecClientFactory)
node.build()


async def run():
    running = asyncio.ensure_future(node.run_async())
    for _ in range(400):
        await asyncio.sleep(0.1)
        if {"OrderFilled", "OrderCanceled"} <= set(life.told) and life.bought.is_closed and life.trades:
            break
    check({"OrderFilled", "OrderCanceled"} <= set(life.told), f"told {life.told}, {life.quotes} quotes")
    check(not {"OrderRejected", "OrderDenied", "OrderCancelRejected"} & set(life.told), f"told {life.told}")
    check(life.bought.filled_qty == life.bought.quantity, f"filled {life.bought.filled_qty}")
    check(life.quotes > 1 and life.trades > 0, f"{life.quotes} quotes, {life.trades} trades")
    running.cancel()


node.get_event_loop().run_until_complete(run())
done()
