"""Reads a run's exported statement as docs/STATEMENTS.md says, in three ways, and compares what they come to.

Usage: statement_totals.py REPORT_DIR STATEMENTS_MD
"""

import csv
import json
import math
import os
import re
import sys
from collections import defaultdict
from decimal import Decimal, getcontext

getcontext().prec = 50
SUMS = ["realised", "fees", "pnl", "net", "turnover"]


def table(name):
    with open(name, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def totals_of(days, amount):
    totals = defaultdict(lambda: dict.fromkeys(SUMS, Decimal(0)))
    for day in days:
        line = totals[(day["strategy"], day["currency"])]
        for name in SUMS:
            line[name] += amount(day[name])
    return dict(totals)


def known(text):
    return Decimal(text) if text else Decimal(0)


def check_days_against_trades(trades, days):
    of_day = defaultdict(list)
    for trade in trades:
        of_day[(trade["time"][:10], trade["strategy"], trade["symbol"])].append(trade)
    for day in days:
        own = of_day.pop((day["day"], day["strategy"], day["symbol"]), [])
        assert int(day["trades"]) == len(own), day
        for column, of_trade in [("turnover", "value"), ("realised", "realised"), ("fees", "fee"), ("slippage", "slippage")]:
            assert Decimal(day[column]) == sum((known(t[of_trade]) for t in own), Decimal(0)), (column, day)
        moved = Decimal(day["unrealised_after"]) - Decimal(day["unrealised_before"])
        assert Decimal(day["net"]) == Decimal(day["pnl"]) + moved, day
    assert not of_day, "every trade is in a day"


def check_statistics(trades, statistics):
    """By another way than ours: counting and sorting exact amounts."""
    closed = sorted(known(t["realised"]) - known(t["fee"]) for t in trades if Decimal(t["realised"]) != 0)
    assert statistics["closing_trades"] == len(closed)
    won, lost = [c for c in closed if c > 0], [c for c in closed if c < 0]
    for name, dividend, divisor in [("win_rate", len(won), len(closed)), ("profit_factor", sum(won), -sum(lost))]:
        if not divisor:
            assert statistics[name] is None, name
        else:
            assert math.isclose(statistics[name], dividend / divisor, rel_tol=1e-9), name


def documented(path):
    with open(path, encoding="utf-8") as file:
        blocks = re.findall(r"```python\n(.*?)```", file.read(), re.DOTALL)
    assert len(blocks) == 1, "one example"
    names = {}
    exec(compile(blocks[0], path, "exec"), names)  # what a reader would paste
    return names


def main(directory, document):
    document = os.path.abspath(document)
    os.chdir(directory)
    trades, days = table("trades.csv"), table("days.csv")
    assert trades and days
    by_csv = totals_of(days, Decimal)
    check_days_against_trades(trades, days)

    with open("report.json", encoding="utf-8") as file:
        report = json.load(file)
    statement = report["statement"]
    assert totals_of(statement["days"], Decimal) == by_csv, "JSON and CSV"
    assert [t["trade_id"] for t in statement["trades"]] == [int(t["trade_id"]) for t in trades]
    for line in report["pnl"]:
        own = [total for (_, currency), total in by_csv.items() if currency == line["currency"]]
        assert line["unrealised"] is not None, line
        net = Decimal(line["realised"]) + Decimal(line["unrealised"]) - Decimal(line["fees"])
        assert sum(total["net"] for total in own) == net, "the days' sum is the run's profit"
    check_statistics(trades, statement["statistics"])

    names = documented(document)
    assert len(names["trades"]) == len(trades)
    assert str(names["trades"]["trade_id"].dtype) == "uint64"
    exact = names["exact"].groupby(["strategy", "currency"])[SUMS].sum()
    assert set(exact.index) == set(by_csv) == set(names["totals"].index)
    for key, line in by_csv.items():
        for name in SUMS:
            assert exact.loc[key, name] == line[name], (key, name)
            assert math.isclose(names["totals"].loc[key, name], line[name], rel_tol=1e-9, abs_tol=1e-9), (key, name)


main(*sys.argv[1:])
