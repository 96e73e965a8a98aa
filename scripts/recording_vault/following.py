"""Operations: their start, their progress and their end, as the operator function writes them to the bucket."""

import sys
import time
from datetime import datetime, timezone

# A function that has started writes its state within seconds.
BEGIN_SECONDS = 60
POLL_SECONDS = 2


class Replaced(SystemExit):
    """Another run has taken the place of the one that was followed, so that its result cannot be read any more."""

    def __init__(self, operation):
        super().__init__(
            f"{operation} was started again by somebody else before its result could be read. The audit lines with this"
            " `operation` have it"
        )


def start(vault, operation, event):
    """Starts or continues an operation, and waits until the function works on it. Returns the run."""
    [request] = event.values()
    before = vault.state(operation)
    vault.start(event)
    deadline = time.monotonic() + BEGIN_SECONDS
    while not _is_taken(state := vault.state(operation), before, request.get("restart")):
        if time.monotonic() > deadline:
            sys.exit(f"{operation} has not started within {BEGIN_SECONDS} s. See the operator function's log")
        time.sleep(POLL_SECONDS)
    return state["run"]


def _is_taken(state, before, restart):
    """Whether an invocation has taken the operation. Every one changes the step, and only a new run changes the run."""
    if state is None or before is None:
        return state is not None
    return state["run"] != before["run"] or (not restart and state["step"] != before["step"])


def watch(vault, operation, follow, run=None):
    """Prints an operation's state, with `follow` until it ends. Returns the last state.

    Without `run`, it is the run that is found first. Another one is never reported in its place.
    """
    shown = None
    while True:
        state = vault.state(operation)
        if state is None:
            sys.exit(f"operation {operation} not found")
        run = state["run"] if run is None else run
        if state["run"] != run:
            raise Replaced(operation)
        line = summary(state)
        if line != shown:
            print(line, flush=True)
            shown = line
        if state["status"] != "running" or not follow:
            return state
        time.sleep(POLL_SECONDS)


def work_of(state):
    """Returns the work of an operation: its counts, and what else it keeps."""
    [work] = state["work"].values()
    return work


def summary(state):
    """Returns an operation's state as a line."""
    counts = ", ".join(f"{name} {count:,}" for name, count in work_of(state)["counts"].items())
    updated = datetime.fromtimestamp(state["updatedAtMs"] / 1000, timezone.utc)
    trouble = f"; {state['error']}" if state.get("error") else ""
    return f"{updated:%H:%M:%S} {state['operation']} {state['status']}: {counts}{trouble}"
