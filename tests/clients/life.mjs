// What the Node scripts share: how they are called, and how they fail.
import path from 'node:path';

const [rest, key, secret, wsApi] = process.argv.slice(2);
const name = path.basename(process.argv[1]).replace('_life.mjs', '');

/** REST_URL KEY SECRET WS_API_URL, and the streams' base, which has the WS API's address. */
export const args = { rest, key, secret, wsApi, streams: wsApi.replace('/ws-api/v3', '') };

export function check(condition, what) {
  if (condition) return;
  console.error(`${name}: ${what}`);
  process.exit(1);
}

/** Sees that the call fails, and that it does as it should. */
export async function fails(call, isAsItShouldBe) {
  try {
    await call();
  } catch (error) {
    check(isAsItShouldBe(error), `another error: ${error.code} ${error.name} ${error.message}`);
    return;
  }
  check(false, `no error of ${call}`);
}

export async function eventually(isSo, what, seconds = 10) {
  const deadline = Date.now() + seconds * 1000;
  while (!isSo()) {
    check(Date.now() < deadline, `not within ${seconds} s: ${what}`);
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
}

export function done() {
  console.log(`${name}: ok`);
  process.exit(0);
}

/** A price so far from another one, on the pairs' tick. */
export const priced = (price, factor) => (Number(price) * factor).toFixed(2);

process.on('unhandledRejection', (error) => {
  console.error(`${name}: ${error?.stack ?? JSON.stringify(error)}`);
  process.exit(1);
});
