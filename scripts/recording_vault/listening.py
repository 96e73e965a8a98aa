"""Who opened which recording and who listened, from the rows of the queries in `audit_queries`."""

import dataclasses
import datetime
import re

from . import audit_queries

NOT_USED, FETCHED, OPENED, LISTENED = "not_used", "fetched", "opened", "listened"

# The words for people. The table in docs/OPERATIONS.md explains them.
WORDS = {
    NOT_USED: "link requested, not used",
    FETCHED: "fetched outside a player, or for a waveform",
    OPENED: "opened",
    LISTENED: "listened",
}

# An expiring link plays for a day (`MediaUrlTtl`) or a week (`vault.py link`) at most. Its request is not earlier.
LONGEST_LINK_MS = 8 * 24 * 3600 * 1000

LINK_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

NUMBERS = ("first", "last", "requests", "plays", "bytes", "played", "furthest", "rate")
NAMES = ("user", "worker", "person", "requester")


@dataclasses.dataclass
class Use:
    """One link to a recording and what was done with it. Times are in milliseconds since the Unix epoch."""

    recording: str
    link: str
    # The first and the last line in the period.
    first: int | None = None
    last: int | None = None
    # The user of Flex who requested the link, or the person for whom an operator made it, and the operator.
    user: str | None = None
    worker: str | None = None
    person: str | None = None
    requester: str | None = None
    # Replies with audio, and those to an <audio> or <video> element.
    requests: int | None = None
    plays: int | None = None
    # Bytes of all replies, and of those to an element.
    bytes: int | None = None
    played: int | None = None
    # The first byte of the last place that an element requested.
    furthest: int | None = None
    # Bytes of a second of sound. Only a reply from the first byte shows it.
    rate: int | None = None

    def verdict(self):
        """Returns what happened. A value that is missing counts as zero."""
        if self.furthest:
            return LISTENED
        if self.played or self.plays:
            return OPENED
        return FETCHED if self.bytes or self.requests else NOT_USED

    def listener(self):
        """Returns the name of the listener, as far as it is known."""
        return self.person or self.user

    def seconds(self):
        """Returns how much sound an element fetched, rounded up: the most that was heard once. None if it is unknown."""
        if not self.played:
            return 0
        return -(-self.played // self.rate) if self.rate else None

    def place(self):
        """Returns the second at which the last requested place begins. None if it is unknown."""
        if not self.furthest:
            return 0
        return self.furthest // self.rate if self.rate else None

    def add(self, other):
        """Adds what another part of the period has about the same link."""
        for name in ("requests", "plays", "bytes", "played"):
            self._join(name, other, lambda one, another: one + another)
        for name in ("last", "furthest", "rate", *NAMES):
            self._join(name, other, max)
        self._join("first", other, min)

    def _join(self, name, other, join):
        found = [value for value in (getattr(self, name), getattr(other, name)) if value is not None]
        setattr(self, name, join(*found) if len(found) == 2 else next(iter(found), None))


def found(rows, number):
    """Returns the uses in rows, the earliest first. `number` converts a value of a row."""
    uses = {}
    for row in rows:
        names = {name: row[name] for name in NAMES if row.get(name)}
        numbers = {name: number(row.get(name)) for name in NUMBERS}
        use = Use(row["recordingSid"], row["linkId"], **names, **numbers)
        known = uses.setdefault((use.recording, use.link), use)
        if known is not use:
            known.add(use)
    return sorted(uses.values(), key=lambda use: (use.first, use.recording, use.link))


def name_listeners(uses, begin_ms, rows_of):
    """Finds the listeners of links that were requested before the period. `rows_of` runs a query over a range."""
    nameless = {use.link: use for use in uses if not use.listener() and LINK_ID.fullmatch(use.link)}
    links = sorted(nameless)
    for at in range(0, len(links), audit_queries.LINKS_IN_A_QUERY):
        query = audit_queries.of_links(links[at : at + audit_queries.LINKS_IN_A_QUERY])
        for row in rows_of(query, max(0, begin_ms - LONGEST_LINK_MS), begin_ms):
            use = nameless[row["linkId"]]
            for name in NAMES:
                setattr(use, name, getattr(use, name) or row.get(name))


def document(use):
    """Returns a use as the commands print it in JSON and CSV."""
    return {
        "recordingSid": use.recording,
        "linkId": use.link,
        "first": shown_time(use.first),
        "last": shown_time(use.last),
        "listener": use.listener(),
        "listenerFrom": "operator" if use.person else "flex" if use.user else None,
        "workerSid": use.worker,
        "requestedBy": use.requester,
        "verdict": use.verdict(),
        "secondsAtMost": use.seconds(),
        "furthestSecond": use.place(),
        "requests": use.requests or 0,
        "bytes": use.bytes or 0,
        "bytesPlayed": use.played or 0,
        "bytesPerSecond": use.rate,
    }


def shown_time(milliseconds):
    """Returns a time in UTC, in whole seconds."""
    if milliseconds is None:
        return None
    moment = datetime.datetime.fromtimestamp(milliseconds // 1000, datetime.timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
