"""Draws what a listener waits for, from the request for a link to the sound, on each side.

usage: timeline.py benchmarks.json click-to-sound.svg
"""

import json
import sys

import matplotlib

matplotlib.use("svg")
# The same figures must give the same file, and text must stay text.
matplotlib.rcParams.update({"svg.hashsalt": "timeline", "svg.fonttype": "none", "font.size": 9})
import matplotlib.pyplot as plt

# Colors that everyone can distinguish (Okabe and Ito).
WAITING, RECEIVING, BEHIND = "#E69F00", "#0072B2", "#009E73"
# The steps of the element that a listener notices.
MARKS = ("loadstart", "loadedmetadata", "canplay", "playing")


def lanes(bars):
    """Returns lists of bars with one text, those of the page first. Bars that overlap get lanes of their own."""
    placed = []
    for bar in sorted(bars, key=lambda bar: ("first_byte" not in bar, bar["begin"])):
        free = (lane for lane in placed if lane[0]["what"] == bar["what"] and lane[-1]["until"] <= bar["begin"])
        lane = next(free, None)
        if lane is None:
            placed.append([bar])
        else:
            lane.append(bar)
    return placed


def labels(marks, width):
    """Returns the steps that a listener notices, as texts by their places. Steps that nearly coincide share a text."""
    # An element reports a step again after each seek. The first one counts.
    first = {mark["what"]: mark["at"] for mark in reversed(marks) if mark["what"] in MARKS}
    shared = []
    for what, at in sorted(first.items(), key=lambda step: step[1]):
        if shared and at - shared[-1][0] < 0.2 * width:
            shared[-1] = (shared[-1][0], f"{shared[-1][1]}, {what}")
        else:
            shared.append((at, what))
    return first.values(), shared


def draw(axes, panel, longest):
    rows = lanes(panel["bars"])
    for place, lane in enumerate(rows):
        for bar in lane:
            begin, until = bar["begin"], min(bar["until"], longest)
            answered = min(bar.get("first_byte", until), longest)
            axes.barh(place, answered - begin, left=begin, color=WAITING if "first_byte" in bar else BEHIND, height=0.6)
            axes.barh(place, until - answered, left=answered, color=RECEIVING, height=0.6)
    lines, texts = labels(panel["marks"], longest)
    for at in lines:
        axes.axvline(at, color="black", linewidth=0.7, linestyle=":")
    axes.axvline(panel["sound"], color="black", linewidth=1.6)
    for at, text in texts:
        axes.text(min(at, 0.78 * longest), -0.7, text, ha="left", va="bottom", fontsize=8)
    axes.set_yticks(range(len(rows)), [lane[0]["what"] for lane in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_title(f"{panel['side'].replace('*', '')}: {panel['sound']:.0f} ms", loc="left", fontweight="bold", fontsize=9, pad=16)
    axes.spines[["top", "right"]].set_visible(False)


def main(source, target):
    with open(source, encoding="utf-8") as file:
        rows = json.load(file)["rows"]
    panels = next(row["details"]["panels"] for row in rows if row.get("details"))
    longest = max(panel["sound"] for panel in panels) * 1.08
    for bar in (bar for panel in panels for bar in panel["bars"]):
        # A request that the page has left ends nowhere in the picture.
        bar["until"] = longest if bar["end"] is None else bar["end"]
    heights = [len(lanes(panel["bars"])) + 2 for panel in panels]
    figure, all_axes = plt.subplots(
        len(panels), sharex=True, figsize=(10, 0.24 * sum(heights) + 1), layout="constrained", height_ratios=heights
    )
    for axes, panel in zip(all_axes, panels):
        draw(axes, panel, longest)
    all_axes[-1].set_xlim(0, longest)
    all_axes[-1].set_xlabel("milliseconds since the request for a link")
    colors = {"until the first byte": WAITING, "until the last byte": RECEIVING, "answers behind the server": BEHIND}
    handles = [plt.Rectangle((0, 0), 1, 1, color=color) for color in colors.values()]
    figure.legend(handles, colors, loc="outside upper right", ncols=3, frameon=False, fontsize=8)
    figure.savefig(target, metadata={"Date": None})


main(*sys.argv[1:])
