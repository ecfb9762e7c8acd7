// The life of an account, by the unmodified official npm package `@binance/spot`: REST, streams and WS API.
// Usage: node npm_binance_spot_life.mjs REST_URL KEY SECRET WS_API_URL
import { Spot } from '@binance/spot';

import { args, check, done, eventually, fails, priced } from './life.mjs';

const symbol = 'BTCUSDT';
const keys = { apiKey: args.key, apiSecret: args.secret };
const client = new Spot({
  configurationRestAPI: { ...keys, basePath: args.rest },
  configurationWebsocketAPI: { ...keys, wsURL: args.wsApi },
  configurationWebsocketStreams: { wsURL: args.streams },
});
const rest = client.restAPI;
const data = async (response) => (await response).data();
// Over the WS API the data is there already.
const result = async (response) => (await response).data;

async function marketData() {
  check((await data(rest.exchangeInfo({ symbol }))).symbols[0].symbol === symbol, 'exchange info');
  const book = await data(rest.depth({ symbol, limit: 20 }));
  check(book.bids.length === 20, 'order book');
  check((await data(rest.getTrades({ symbol }))).length > 0, 'trades');
  check((await data(rest.klines({ symbol, interval: '1m' }))).length > 0, 'klines');
  check((await data(rest.tickerPrice())).length === 2, 'price tickers');
  check((await data(rest.ticker24hr({ symbols: [symbol, 'ETHUSDT'] }))).length === 2, '24 h tickers');
  return [book.bids[0][0], book.asks[0][0]];
}

async function orders(bid, ask) {
  const limit = { symbol, side: 'BUY', type: 'LIMIT', timeInForce: 'GTC', quantity: 0.002 };
  const bought = await data(rest.newOrder({ symbol, side: 'BUY', type: 'MARKET', quantity: 0.01 }));
  check(bought.status === 'FILLED' && bought.fills.length > 0, `market order ${bought.status}`);
  const resting = await data(rest.newOrder({ ...limit, price: Number(priced(bid, 0.95)) }));
  check((await data(rest.getOrder({ symbol, orderId: resting.orderId }))).status === 'NEW', 'status');
  const amended = await data(rest.orderAmendKeepPriority({ symbol, orderId: resting.orderId, newQty: 0.001 }));
  check(Number(amended.amendedOrder.qty) === 0.001, 'amend');
  const replaced = await data(rest.orderCancelReplace({
    ...limit, price: Number(priced(bid, 0.94)), cancelReplaceMode: 'STOP_ON_FAILURE', cancelOrderId: resting.orderId }));
  const canceled = await data(rest.deleteOrder({ symbol, orderId: replaced.newOrderResponse.orderId }));
  check(canceled.status === 'CANCELED', 'cancel');
  const pair = await data(rest.orderListOco({
    symbol, side: 'SELL', quantity: 0.001, aboveType: 'LIMIT_MAKER', abovePrice: Number(priced(ask, 1.05)),
    belowType: 'STOP_LOSS', belowStopPrice: Number(priced(bid, 0.95)) }));
  check(pair.orders.length === 2, 'OCO');
  await rest.deleteOrderList({ symbol, orderListId: pair.orderListId });
  check((await data(rest.allOrders({ symbol }))).length === 5, 'all orders');
  check((await data(rest.myTrades({ symbol }))).every((t) => t.orderId === bought.orderId), 'my trades');
  const held = (await data(rest.getAccount({ omitZeroBalances: true }))).balances;
  check(held.find((b) => b.asset === 'BTC').free === '0.00999000', `balances ${JSON.stringify(held)}`);
  await fails(() => rest.getOrder({ symbol, orderId: 999999999 }), (e) => e.name === 'BadRequestError' && /Order does not exist/.test(e.message));
  await fails(() => rest.depth({ symbol: 'NOPE' }), (e) => /Invalid symbol/.test(e.message));
}

async function streamEvents() {
  const connection = await client.websocketStreams.connect();
  const heard = new Set();
  for (const stream of [connection.trade({ symbol }), connection.diffBookDepth({ symbol, updateSpeed: '100ms' }),
    connection.miniTicker({ symbol }), connection.kline({ symbol, interval: '1s' })]) {
    stream.on('message', (event) => heard.add(event.e));
  }
  await eventually(() => ['trade', 'depthUpdate', '24hrMiniTicker', 'kline'].every((e) => heard.has(e)), 'stream events');
  await connection.disconnect();
}

async function apiRequests(bid) {
  const connection = await client.websocketAPI.connect();
  const { stream } = await connection.userDataStreamSubscribeSignature();
  const heard = [];
  stream.on('message', (event) => heard.push(event));
  const placed = (await result(connection.orderPlace({
    symbol, side: 'BUY', type: 'LIMIT', timeInForce: 'GTC', quantity: 0.001, price: Number(priced(bid, 0.95)) })));
  check((await result(connection.orderStatus({ symbol, orderId: placed.orderId }))).status === 'NEW', 'status');
  check((await result(connection.orderCancel({ symbol, orderId: placed.orderId }))).status === 'CANCELED', 'cancel');
  check((await result(connection.accountStatus())).balances.length > 0, 'account');
  await eventually(() => ['NEW', 'CANCELED'].every((x) => heard.some((e) => e.x === x && e.i === placed.orderId)), 'reports');
  check(heard.some((event) => event.e === 'outboundAccountPosition'), 'balances');
  await connection.disconnect();
}

const [bid, ask] = await marketData();
await orders(bid, ask);
await streamEvents();
await apiRequests(bid);
done();
