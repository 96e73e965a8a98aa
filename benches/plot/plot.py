"""Draws the rows that have goals: our figure as a bar, and the limit as a line at the same place for all rows.

usage: plot.py benchmarks.json benchmarks.svg
"""

import json
import sys

import matplotlib

matplotlib.use("svg")
# The same figures must give the same file, and text must stay text.
matplotlib.rcParams.update({"svg.hashsalt": "benchmarks", "svg.fonttype": "none", "font.size": 9})
import matplotlib.pyplot as plt
from matplotlib.ticker import FuncFormatter

# Colors that everyone can distinguish (Okabe and Ito). A missed goal is hatched, too.
MET, MISSED, YARDSTICK = "#0072B2", "#D55E00", "#000000"
# A figure of several times its limit is cut here.
END = 2.5
PANELS = {"at_most": "Less is better: a bar should end before the limit", "at_least": "More is better: a bar should reach the limit"}


def goal_of(row):
    return next(iter(row["goal"].items()))


def is_met(row):
    kind, goal = goal_of(row)
    return row["median"] <= goal if kind == "at_most" else row["median"] >= goal


def with_unit(value, unit):
    return f"{value:.3g} {unit}".strip()


def label(row):
    """Returns our figure and the limit, and both sides of a ratio."""
    kind, goal = goal_of(row)
    sign = {"at_least": "≥", "at_most": "≤"}[kind]
    text = f"{with_unit(row['median'], row['unit'])} (limit {sign} {goal:g})"
    if sides := row.get("sides"):
        ours, other = (with_unit(sides[side], sides["unit"]) for side in ("ours", "yardstick"))
        text += f": ours {ours}, {sides['name']} {other}"
    return text


def draw(axes, rows):
    """Draws each row as a multiple of its limit."""
    for place, row in enumerate(rows):
        limit = goal_of(row)[1]
        low, middle, high = (min(row[end] / limit, END) for end in ("min", "median", "max"))
        color = MET if is_met(row) else MISSED
        axes.barh(place, middle, color=color, height=0.62, hatch=None if is_met(row) else "///", edgecolor="white", linewidth=0)
        axes.plot([low, high], [place, place], color="black", linewidth=0.9)
        # A ratio of 1 is the yardstick itself.
        if row["unit"] == "×" and 1 / limit <= END:
            axes.plot(1 / limit, place, "D", markersize=5, markerfacecolor="white", markeredgecolor=YARDSTICK)
        axes.text(END * 1.02, place, label(row), va="center", color=color)
    axes.axvline(1, color="black", linewidth=1.4)
    axes.set_yticks(range(len(rows)), [f"{row['group']}: {row['measure']}".replace("*", "") for row in rows])
    axes.set_xlim(0, END)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: "limit" if value == 1 else f"{value:g} ×"))
    axes.spines[["top", "right"]].set_visible(False)


def main(source, target):
    with open(source, encoding="utf-8") as file:
        results = json.load(file)
    with_goal = [row for row in results["rows"] if row["goal"]][::-1]
    panels = {kind: [row for row in with_goal if goal_of(row)[0] == kind] for kind in PANELS}
    panels = {kind: rows for kind, rows in panels.items() if rows}
    heights = [len(rows) + 1.5 for rows in panels.values()]
    figure, all_axes = plt.subplots(
        len(panels), figsize=(14, 0.27 * sum(heights) + 1.2), layout="constrained", height_ratios=heights, squeeze=False
    )
    for axes, (kind, rows) in zip(all_axes[:, 0], panels.items()):
        draw(axes, rows)
        axes.set_title(PANELS[kind], loc="left", fontsize=10)
    figure.supxlabel(
        "figure as a multiple of its limit; thin line: from the least to the greatest; diamond: the yardstick itself; hatched: missed",
        fontsize=9,
    )
    figure.suptitle(f"Benchmarks of {results['date']}, {results['machine']}", x=0.01, ha="left", fontsize=10)
    figure.savefig(target, metadata={"Date": None})


main(*sys.argv[1:])
