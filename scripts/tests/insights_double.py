"""CloudWatch Logs Insights as its API describes it, over lines that a test has. boto3 reaches it through a socket.

It runs `query_language`, and answers as strangely as the service: a query is scheduled and running first, rows before the
end are only some of them, every value is a string, numbers are written in several ways, values that are missing have no
field, and every row of log lines has a `@ptr`.
"""

import itertools
import json
import threading

import support  # noqa: F401  It sets the import path.
from recording_vault import query_language

PLAYBACK, JOBS = "vault-PlaybackLogs-1", ["vault-CopierLogs-1", "vault-LinkerLogs-1", "vault-OperatorLogs-1"]

BEFORE_CREATION = (
    "Query's end date and time is either before the log groups creation time or exceeds the log groups log retention settings"
)


class InsightsDouble:
    """The log groups of a stack, whose lines are dictionaries of fields with `@timestamp`."""

    def __init__(self, lines, created_ms=0):
        self.lines, self.created_ms = lines, created_ms
        # The most rows of an answer.
        self.most = 10_000
        # Answers to the next calls, in place of the usual ones: error codes, by the operation.
        self.errors = {"StartQuery": [], "GetQueryResults": [], "StopQuery": []}
        # How the next queries end.
        self.endings = []
        # A range of more milliseconds does not end in time.
        self.longest_ms = None
        self.paging = False
        self.started, self.stopped = [], []
        self._queries, self._ids, self._lock = {}, itertools.count(), threading.Lock()

    def answer(self, method, path, headers, body):
        """Answers a request, as `support.server` needs it."""
        operation, request = headers["X-Amz-Target"].partition(".")[2], json.loads(body)
        with self._lock:
            if self.errors[operation]:
                return _error(self.errors[operation].pop(0))
            status, answer = getattr(self, f"_{operation}")(**request)
        kind = {"Content-Type": "application/x-amz-json-1.1"}
        return status, kind, answer

    def _StartQuery(self, logGroupNames, startTime, endTime, queryString):
        # Both ends belong to the range, to the millisecond.
        begin, end = startTime * 1000, endTime * 1000
        self.started.append((logGroupNames, startTime, endTime, queryString))
        if end < self.created_ms:
            status, _, body = _error("MalformedQueryException", BEFORE_CREATION)
            return status, body
        lines = [line for line in self.lines if begin <= line["@timestamp"] <= end]
        rows = query_language.run(queryString, lines)[: self.most]
        is_long = self.longest_ms is not None and _range_of(queryString) > self.longest_ms
        ending = "Timeout" if is_long else self.endings.pop(0) if self.endings else "Complete"
        name = f"query-{next(self._ids)}"
        self._queries[name] = [rows, ["Scheduled", "Unknown", "Running", ending]]
        return 200, {"queryId": name}

    def _GetQueryResults(self, queryId):
        rows, statuses = self._queries[queryId]
        status = statuses[0] if len(statuses) == 1 else statuses.pop(0)
        answer = {"status": status, "results": [], "statistics": {"recordsScanned": 5.0}}
        if status in ("Running", "Timeout"):
            rows = rows[: len(rows) // 2]
        if status in ("Running", "Complete", "Timeout"):
            answer["results"] = [_cells(number, row) for number, row in enumerate(rows)]
            answer["statistics"]["bytesScanned"] = 1_000_000.0
        if self.paging and status == "Complete":
            answer["nextToken"] = "more"
        return 200, answer

    def _StopQuery(self, queryId):
        self.stopped.append(queryId)
        return 200, {"success": True}


def _range_of(query):
    words = query.split()
    begin, end = (int(words[words.index(sign) + 1]) for sign in (">=", "<"))
    return end - begin


def _cells(number, row):
    cells = [{"field": name, "value": _text(number, value)} for name, value in row.items()]
    return [*cells, {"field": "@ptr", "value": f"CmEKJgoi{number}"}]


def _text(number, value):
    if isinstance(value, str):
        return value
    return [f"{value}", f"{value:.1f}", f"{value:.16E}"][number % 3]


def _error(code, message="a message"):
    status = 503 if code == "ServiceUnavailableException" else 400
    return status, {"Content-Type": "application/x-amz-json-1.1"}, {"__type": code, "message": message}
