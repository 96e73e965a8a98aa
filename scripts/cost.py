"""cost.py [--recordings N] [--playbacks N] … [--arch arm64|x86_64]: prints the cost of a month as a table.

Multiplies the counts of docs/cost/usage.csv and the durations of docs/cost/functions.csv by docs/cost/prices.csv. Edit the
prices for your Region, discounts and free tiers. The table has the storage of one month. Storage costs the same again for
every further month that the recordings are kept.

A second table has the cost of each part, so that you see the cost with and without it. The parts that are off by default
are not in the first table.
"""

import argparse
import csv
import pathlib
from collections import defaultdict
from decimal import Decimal

TABLES = pathlib.Path(__file__).resolve().parent.parent / "docs/cost"


# Parts that a parameter of the template turns on.
OPTIONAL = {"catalog": "NightlyCatalog"}


def table(name):
    with open(TABLES / f"{name}.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def usage(times, arch):
    """Returns for each part the amount of each item of the price list in a month, from the number of recordings and so on."""
    used = defaultdict(lambda: defaultdict(Decimal))
    for line in table("usage"):
        used[line["part"]][line["item"]] += Decimal(line["count"]) * times[line["each"]]
    for line in table("functions"):
        invocations = Decimal(line["invocations"]) * times[line["each"]]
        used[line["part"]]["lambda-request"] += invocations
        used[line["part"]][f"lambda-gb-second-{arch}"] += (
            invocations * Decimal(line["milliseconds"]) / 1000 * Decimal(line["megabytes"]) / 1024
        )
    return used


def cost(price, amount):
    return amount * Decimal(price["usd"]) / Decimal(price["per"])


def show_items(used, prices):
    """Prints the amount and the cost of each item."""
    print("| what | amount | USD per | USD |\n| --- | ---: | ---: | ---: |")
    total = Decimal(0)
    for price in prices.values():
        amount = sum((items[price["item"]] for part, items in used.items() if part not in OPTIONAL), Decimal(0))
        if amount == 0:
            continue
        total += cost(price, amount)
        per = f"{price['usd']} / {int(price['per']):,}" if price["per"] != "1" else price["usd"]
        print(f"| {price['what']} | {amount:,.0f} | {per} | {cost(price, amount):,.2f} |")
    print(f"| **sum** | | | **{total:,.2f}** |")


def show_parts(used, prices):
    """Prints the cost of each part."""
    print("\n| part | USD | in the sum |\n| --- | ---: | --- |")
    for part, items in used.items():
        total = sum((cost(prices[item], amount) for item, amount in items.items()), Decimal(0))
        shown = "less than 0.01" if 0 < total < Decimal("0.01") else f"{total:,.2f}"
        print(f"| {part} | {shown} | {f'with `{OPTIONAL[part]}`' if part in OPTIONAL else 'yes'} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recordings", type=int, default=100_000, help="of five minutes, 4.8 MB each")
    parser.add_argument("--playbacks", type=int, default=20_000, help="each from beginning to end")
    parser.add_argument("--deletions", type=int, default=0, help="deleted originals at Twilio")
    parser.add_argument("--searches", type=int, default=1_000, help="`find` for a call with one recording")
    parser.add_argument("--links", type=int, default=100, help="links for people without Flex")
    parser.add_argument("--erasures", type=int, default=100, help="recordings erased by a list, with its dry run")
    parser.add_argument("--questions", type=int, default=100, help="`who` or `listened` over the lines of a month")
    parser.add_argument("--arch", choices=["arm64", "x86_64"], default="arm64")
    options = parser.parse_args()
    times = {
        "recording": options.recordings,
        # The reconciliation compares three days, so that it sees a recording of the evening on four nights.
        "night": 4 * options.recordings,
        "playback": options.playbacks,
        "deletion": options.deletions,
        "search": options.searches,
        "link": options.links,
        "erasure": options.erasures,
        "recording and question": options.recordings * options.questions,
        "playback and question": options.playbacks * options.questions,
        "month": 1,
    }
    used = usage(times, options.arch)
    prices = {price["item"]: price for price in table("prices")}
    if missing := {item for items in used.values() for item in items} - prices.keys():
        raise SystemExit(f"no price for {', '.join(sorted(missing))}")
    show_items(used, prices)
    show_parts(used, prices)


if __name__ == "__main__":
    main()
