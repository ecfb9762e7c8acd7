// The life of an account, by the unmodified npm package `binance`: REST, streams and WS API.
// Usage: node npm_binance_life.mjs REST_URL KEY SECRET WS_API_URL
import { DefaultLogger, MainClient, WebsocketAPIClient, WebsocketClient } from 'binance';

import { args, check, done, eventually, fails, priced } from './life.mjs';

const symbol = 'BTCUSDT';
const { rest, key, secret, streams } = args;
const client = new MainClient({ api_key: key, api_secret: secret, baseUrl: rest, disableTimeSync: true });
const quiet = { ...DefaultLogger, trace() {}, info() {}, error() {} };

async function marketData() {
  check((await client.getExchangeInfo({ symbol })).symbols[0].symbol === symbol, 'exchange info');
  check((await client.getExchangeInfo({ symbols: [symbol, 'ETHUSDT'] })).symbols.length === 2, 'exchange info of two');
  const book = await client.getOrderBook({ symbol, limit: 20 });
  check(book.bids.length === 20 && book.asks.length === 20, 'order book');
  check((await client.getRecentTrades({ symbol })).length > 0, 'trades');
  check((await client.getAggregateTrades({ symbol })).length > 0, 'aggregate trades');
  check((await client.getKlines({ symbol, interval: '1m' })).length > 0, 'klines');
  check((await client.getSymbolPriceTicker()).length === 2, 'price tickers');
  check((await client.getSymbolOrderBookTicker({ symbol })).bidPrice > 0, 'book ticker');
  return [book.bids[0][0], book.asks[0][0]];
}

async function orders(bid, ask) {
  const limit = { symbol, side: 'BUY', type: 'LIMIT', timeInForce: 'GTC', quantity: '0.002' };
  const bought = await client.submitNewOrder({
    symbol, side: 'BUY', type: 'MARKET', quantity: '0.01', newOrderRespType: 'FULL' });
  check(bought.status === 'FILLED' && bought.fills.length > 0, `market order ${JSON.stringify(bought)}`);
  const resting = await client.submitNewOrder({ ...limit, price: priced(bid, 0.95) });
  check((await client.getOrder({ symbol, orderId: resting.orderId })).status === 'NEW', 'status');
  check((await client.getOpenOrders({ symbol })).length === 1, 'open orders');
  const replaced = await client.replaceOrder({
    ...limit, price: priced(bid, 0.94), cancelReplaceMode: 'STOP_ON_FAILURE', cancelOrderId: resting.orderId });
  check(replaced.newOrderResult === 'SUCCESS', `replace ${JSON.stringify(replaced)}`);
  const canceled = await client.cancelOrder({ symbol, orderId: replaced.newOrderResponse.orderId });
  check(canceled.status === 'CANCELED', `cancel ${JSON.stringify(canceled)}`);
  const pair = await client.submitNewOrderList({
    symbol, side: 'SELL', quantity: '0.001', aboveType: 'LIMIT_MAKER', abovePrice: priced(ask, 1.05),
    belowType: 'STOP_LOSS', belowStopPrice: priced(bid, 0.95) });
  check(pair.orders.length === 2 && (await client.getAllOpenOCO()).length === 1, 'OCO');
  await client.cancelOCO({ symbol, orderListId: pair.orderListId });
  check((await client.getAllOrders({ symbol })).length === 5, 'all orders');
  check((await client.getAccountTradeList({ symbol })).every((t) => t.orderId === bought.orderId), 'my trades');
  const held = (await client.getAccountInformation({ omitZeroBalances: true })).balances;
  check(Number(held.find((b) => b.asset === 'BTC').free) === 0.00999, `balances ${JSON.stringify(held)}`);
  await fails(() => client.getOrder({ symbol, orderId: 999999999 }), (e) => e.code === -2013);
  await fails(() => client.getOrderBook({ symbol: 'NOPE' }), (e) => e.code === -1121);
  await fails(() => client.submitNewOrder({ symbol, side: 'SELL', type: 'MARKET', quantity: '5' }), (e) => e.code === -2010);
}

async function streamEvents() {
  const heard = new Set();
  const ws = new WebsocketClient({ wsUrl: streams }, quiet);
  ws.on('message', (message) => heard.add((message.data ?? message).e));
  ws.on('exception', () => {});
  ws.subscribe(['btcusdt@trade', 'btcusdt@depth@100ms', 'btcusdt@miniTicker'], 'main');
  await eventually(() => ['trade', 'depthUpdate', '24hrMiniTicker'].every((e) => heard.has(e)), 'stream events');
  ws.closeAll(true);
}

async function apiRequests(bid) {
  const ws = new WebsocketAPIClient({ api_key: key, api_secret: secret, wsUrl: streams, attachEventListeners: false }, quiet);
  const heard = [];
  ws.getWSClient().on('message', (message) => heard.push(message.event ?? message));
  ws.getWSClient().on('exception', () => {});
  await ws.subscribeUserDataStream('mainWSAPI');
  // The client leaves the time of a signed request to its caller.
  const signed = (params) => ({ ...params, timestamp: Date.now() });
  const placed = (await ws.submitNewSpotOrder(signed({
    symbol, side: 'BUY', type: 'LIMIT', timeInForce: 'GTC', quantity: '0.001', price: priced(bid, 0.95) }))).result;
  check((await ws.getSpotOrderStatus(signed({ symbol, orderId: placed.orderId }))).result.status === 'NEW', 'status');
  check((await ws.cancelSpotOrder(signed({ symbol, orderId: placed.orderId }))).result.status === 'CANCELED', 'cancel');
  check((await ws.getSpotAccountInformation(signed({}))).result.balances.length > 0, 'account');
  await eventually(() => ['NEW', 'CANCELED'].every((x) => heard.some((e) => e.x === x && e.i === placed.orderId)), 'reports');
  check(heard.some((event) => event.e === 'outboundAccountPosition'), 'balances');
  ws.disconnectAll();
}

const [bid, ask] = await marketData();
await orders(bid, ask);
await streamEvents();
await apiRequests(bid);
done();
