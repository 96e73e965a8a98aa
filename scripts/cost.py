"""cost.py [--recordings N] [--playbacks N] [--deletions N] [--arch arm64|x86_64]: what a month costs, as a table.

Multiplies the counts of docs/cost/usage.csv and the durations of docs/cost/functions.csv by docs/cost/prices.csv, which is
yours to edit: region, discounts, free tiers. A month's recordings are kept for that month; storage goes on for as long
as they are kept.
"""

import argparse
import csv
import pathlib
from collections import defaultdict
from decimal import Decimal

TABLES = pathlib.Path(__file__).resolve().parent.parent / "docs/cost"


def table(name):
    with open(TABLES / f"{name}.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def usage(times, arch):
    """How much of each item of the price list a month takes, given how often each thing happens in it."""
    used = defaultdict(Decimal)
    for line in table("usage"):
        used[line["item"]] += Decimal(line["count"]) * times[line["each"]]
    for line in table("functions"):
        invocations = Decimal(line["invocations"]) * times[line["each"]]
        used["lambda-request"] += invocations
        used[f"lambda-gb-second-{arch}"] += (
            invocations * Decimal(line["milliseconds"]) / 1000 * Decimal(line["megabytes"]) / 1024
        )
    return used


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recordings", type=int, default=100_000, help="of five minutes, 4.8 MB each")
    parser.add_argument("--playbacks", type=int, default=20_000, help="each from beginning to end")
    parser.add_argument("--deletions", type=int, default=0, help="originals at Twilio, where they are deleted")
    parser.add_argument("--arch", choices=["arm64", "x86_64"], default="arm64")
    options = parser.parse_args()
    times = {
        "recording": options.recordings,
        # The reconciliation looks at three days, and so on four nights at a recording of the evening.
        "night": 4 * options.recordings,
        "playback": options.playbacks,
        "deletion": options.deletions,
        "month": 1,
    }
    used = usage(times, options.arch)

    print("| what | amount | USD per | USD |\n| --- | ---: | ---: | ---: |")
    total = Decimal(0)
    for price in table("prices"):
        amount = used.pop(price["item"], Decimal(0))
        if amount == 0:
            continue
        cost = amount * Decimal(price["usd"]) / Decimal(price["per"])
        total += cost
        per = f"{price['usd']} / {int(price['per']):,}" if price["per"] != "1" else price["usd"]
        print(f"| {price['what']} | {amount:,.0f} | {per} | {cost:,.2f} |")
    if any(used.values()):
        raise SystemExit(f"without a price: {', '.join(used)}")
    print(f"| **sum** | | | **{total:,.2f}** |")


if __name__ == "__main__":
    main()
