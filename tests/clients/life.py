"""What the Python scripts share: how they are called, and how they fail."""
import inspect
import os
import sys
import time
from decimal import Decimal

NAME = os.path.basename(sys.argv[0]).removesuffix("_life.py")


def arguments():
    """REST_URL KEY SECRET WS_API_URL, and the streams' base, which has the WS API's address."""
    rest, key, secret, ws_api = sys.argv[1:5]
    return rest, key, secret, ws_api, ws_api.removesuffix("/ws-api/v3")


def check(condition, what):
    if not condition:
        line = inspect.currentframe().f_back.f_lineno
        print(f"{NAME}:{line}: {what}", file=sys.stderr, flush=True)
        # At once: a client's own threads must not keep a failed script alive.
        os._exit(1)


def raises(expected, call, what=lambda error: True):
    """Sees that the call raises the exception, and that it is as it should be."""
    try:
        call()
    except expected as error:
        check(what(error), f"{type(error).__name__}: {error}")
        return
    check(False, f"{expected} was not raised")


def eventually(is_so, what, within=10):
    deadline = time.monotonic() + within
    while not is_so():
        check(time.monotonic() < deadline, f"not within {within} s: {what}")
        time.sleep(0.02)


def done():
    print(f"{NAME}: ok", flush=True)
    os._exit(0)


def priced(price, factor):
    """A price so far from another one, on the pairs' tick."""
    return f"{Decimal(str(price)) * Decimal(str(factor)):.2f}"
