"""The operator function and the states of its operations in the bucket, in place of `operate.Vault`."""

import support  # noqa: F401  It sets the import path.
from recording_vault import erasing


class VaultDouble:
    """Plans erasures of lists and carries them out. Each look at an operation finds the next of its states."""

    def __init__(self, *ends, locked=0, unknown=0):
        # How each operation ends that is started: "done", "replaced" by another run, or with an exception.
        self.ends, self.locked, self.unknown = list(ends), locked, unknown
        # An exception in place of the next start.
        self.refusal = None
        self.events, self.states, self.last = [], {}, None

    def ask(self, event):
        """Returns the plan."""
        planned = [{"recordingSid": one, "vault": "stored"} for one in event["erase"]["recordings"]]
        counts = {"stored": len(planned), "locked": self.locked, "unknown": self.unknown}
        self.last = {"erasurePlan": {"counts": counts, "recordings": planned}}
        return self.last

    def start(self, event):
        """Starts an erasure."""
        if self.refusal:
            raise self.refusal
        self.events.append(event)
        listed = event["erase"]["recordings"]
        name = erasing.operation(listed, event["erase"]["keepOriginal"])
        run = len(self.events)
        end = self.ends.pop(0) if self.ends else "done"
        second = {
            "done": erasure(name, run, "done", listed),
            "replaced": erasure(name, run + 1, "done", listed, "erasedBefore"),
        }.get(end, end)
        self.states[name] = [erasure(name, run, "running", [])] * 2 + [second]

    def state(self, operation):
        """Returns the operation's state, or None if it was never started."""
        states = self.states.get(operation)
        found = states and (states.pop(0) if len(states) > 1 else states[0])
        if isinstance(found, BaseException):
            raise found
        self.last = found
        return found


def erasure(name, run, status, listed, result="erased"):
    """Returns the state of an erasure that has erased these recordings."""
    names = ("erased", "absent", "erasedBefore", "locked", "failed", "originalsUnderWay")
    work = {
        "counts": dict.fromkeys(names, 0) | {result: len(listed)},
        "recordings": [{"recordingSid": one, "result": result, "original": "deleted"} for one in listed],
    }
    return {
        "operation": name,
        "run": run,
        "step": 1,
        "status": status,
        "updatedAtMs": 0,
        "work": {"eraseList": work},
    }
