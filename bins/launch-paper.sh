#!/usr/bin/env bash
# Starts the simulated exchange and the trader as two processes, waits until the trader is healthy, and stops both
# cleanly on Ctrl-C. Settings: KEEL_EXCHANGE_LISTEN, KEEL_CONFIG, KEEL_BIN (a directory of built binaries).
set -euo pipefail
cd "$(dirname "$0")/.."

listen="${KEEL_EXCHANGE_LISTEN:-127.0.0.1:9100}"
config="${KEEL_CONFIG:-config/paper.toml}"
if [ -n "${KEEL_BIN:-}" ]; then
    bin="$KEEL_BIN"
else
    cargo build --locked --release -p paper-sim -p trader
    bin=target/release
fi
export KEEL_API_KEY="${KEEL_API_KEY:-paper-key}" KEEL_API_SECRET="${KEEL_API_SECRET:-paper-secret}"

ready="$(mktemp)"
# Sessions of their own: a Ctrl-C in the terminal reaches only this script, so that the exchange outlives the trader.
setsid "$bin/paper-sim" exchange --listen "$listen" --account "$KEEL_API_KEY:$KEEL_API_SECRET" >"$ready" &
exchange=$!
trader=""
stop() {
    trap - INT TERM EXIT
    code=0
    if [ -n "$trader" ]; then
        kill -TERM "$trader" 2>/dev/null || true
        wait "$trader" || code=$?
    fi
    kill -TERM "$exchange" 2>/dev/null || true
    wait "$exchange" || true
    rm -f "$ready"
    exit "$code"
}
trap stop INT TERM EXIT

for _ in $(seq 100); do
    [ -s "$ready" ] && break
    kill -0 "$exchange" 2>/dev/null || { echo "launch-paper: the exchange did not start" >&2; exit 1; }
    sleep 0.1
done
url="$(sed -E 's/.*"rest_url":"([^"]+)".*/\1/' "$ready")"
ws="${url/http:/ws:}"
setsid "$bin/trader" run --config "$config" --set "venue.rest_url=$url" --set "venue.stream_url=$ws" \
    --set "venue.ws_api_url=$ws/ws-api/v3" "$@" &
trader=$!

monitor="$(sed -nE 's/^listen = "([^"]+)".*/\1/p' "$config")"
for argument in "$@"; do
    case "$argument" in monitoring.listen=*) monitor="${argument#monitoring.listen=}" ;; esac
done
healthy() {
    exec 3<>"/dev/tcp/${monitor%:*}/${monitor##*:}" || return 1
    printf 'GET /health HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$monitor" >&3
    head -n 1 <&3 | grep -q ' 200 '
}
for _ in $(seq 100); do
    if (healthy) 2>/dev/null; then
        echo "launch-paper: exchange $url (pid $exchange), trader healthy (pid $trader), dashboard http://$monitor/" >&2
        break
    fi
    kill -0 "$trader" 2>/dev/null || break
    sleep 0.1
done
code=0
wait "$trader" || code=$?
trader=""
exit "$code"
