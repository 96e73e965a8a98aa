"""Draws the rows that have goals. Each bar shows how far the figure is above or below its goal.

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

# Colors that everyone can distinguish (Okabe and Ito).
MET, MISSED = "#0072B2", "#D55E00"
BEST = 40


def past_goal(row, figure):
    """Returns 1 for the goal, and 2 for a figure that is twice as good."""
    (kind, goal), value = next(iter(row["goal"].items())), row[figure]
    if kind == "at_least":
        return value / goal
    return goal / value if value > 0 else BEST


def label(row):
    """Returns the figure with its goal."""
    kind, goal = next(iter(row["goal"].items()))
    sign = {"at_least": "≥", "at_most": "≤"}[kind]
    return f"{row['median']:.3g} {row['unit']}".strip() + f" ({sign} {goal:g})"


def main(source, target):
    with open(source, encoding="utf-8") as file:
        results = json.load(file)
    rows = [row for row in results["rows"] if row["goal"]][::-1]
    middle = [past_goal(row, "median") for row in rows]
    colors = [MET if value >= 1 else MISSED for value in middle]
    figure, axes = plt.subplots(figsize=(10, 0.27 * len(rows) + 1.2), layout="constrained")
    # Bars start at the goal.
    axes.barh(range(len(rows)), [value - 1 for value in middle], left=1, color=colors, height=0.7)
    for place, (row, value) in enumerate(zip(rows, middle)):
        ends = sorted(past_goal(row, end) for end in ("min", "max"))
        axes.plot(ends, [place, place], color="black", linewidth=0.8, alpha=0.6)
        # A row that meets its goal exactly has no bar.
        axes.plot(value, place, "o", color=colors[place], markersize=4)
        axes.text(BEST * 1.15, place, label(row), va="center", color=colors[place])
    axes.set_yticks(range(len(rows)), [f"{row['group']}: {row['measure']}".replace("*", "") for row in rows])
    axes.set_xscale("log", base=2)
    axes.set_xlim(0.2, BEST)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} ×"))
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xlabel("against the goal: right of the line it is met; whiskers from the least to the greatest")
    figure.suptitle(f"Benchmarks of {results['date']}, {results['machine']}", x=0.01, ha="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(target, metadata={"Date": None})


main(*sys.argv[1:])
