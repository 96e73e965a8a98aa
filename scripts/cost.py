"""cost.py [--recordings N] [--playbacks N] [--deletions N] [--arch arm64|x86_64]: prints the cost of a month as a table.

Multiplies the counts of docs/cost/usage.csv and the durations of docs/cost/functions.csv by docs/cost/prices.csv. Edit the
prices for your Region, discounts and free tiers. The table has the storage of one month. Storage costs the same again for
every further month that the recordings are kept.
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
    """Returns the amount of each item of the price list in a month, from the number of recordings, playbacks and so on."""
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
    parser.add_argument("--deletions", type=int, default=0, help="deleted originals at Twilio")
    parser.add_argument("--arch", choices=["arm64", "x86_64"], default="arm64")
    options = parser.parse_args()
    times = {
        "recording": options.recordings,
        # The reconciliation compares three days, so that it sees a recording of the evening on four nights.
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
        raise SystemExit(f"no price for {', '.join(used)}")
    print(f"| **sum** | | | **{total:,.2f}** |")


if __name__ == "__main__":
    main()
