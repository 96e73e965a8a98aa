"""Queries of CloudWatch Logs Insights: started, awaited, and split by time if they are too large."""

import decimal
import time

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from . import audit_queries
from .problems import Problem

# The service ends a query after 60 minutes (StartQuery, CloudWatch Logs API Reference).
QUERY_BOUND_S = 65 * 60

# How long to wait until the account may start another query. It has a limit of concurrent ones.
START_BOUND_S = 10 * 60

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 5

BUSY = ("LimitExceededException", "ServiceUnavailableException", "ThrottlingException", "TooManyRequestsException")

# The service fails a query now and then without a reason that it could name.
TRIES = 2


class NoLogs(Problem):
    """The log groups have nothing of this time: it is before their creation, or the lines have been removed."""


class TooLarge(Exception):
    """The answer has more rows than a query may return, or the query did not end in time."""


class Insights:
    """Some log groups, and how much the queries over them have read so far."""

    def __init__(self, account, groups):
        self.client = account.client("logs", config=Config(retries={"mode": "standard", "max_attempts": 10}))
        self.groups = groups
        self.bytes_scanned = 0

    def rows(self, query, begin_ms, end_ms):
        """Returns the rows of a query over a half-open time range in milliseconds. Values are the service's strings.

        A range whose answer is too large is halved. A group of `stats` may then have a row for each part.
        """
        found, parts = [], [(begin_ms, end_ms)]
        while parts:
            begin, end = parts.pop()
            try:
                found += self._answer(query, begin, end)
            except TooLarge as error:
                middle = (begin + end) // 2
                if middle == begin:
                    raise Problem(f"{error}, also for one millisecond. The answer would not be complete") from None
                parts += [(middle, end), (begin, middle)]
            except NoLogs:
                if (begin, end) == (begin_ms, end_ms):
                    raise
        return found

    def _answer(self, query, begin, end):
        for _ in range(TRIES):
            status, rows = self._finished(self._start(query, begin, end))
            if status == "Complete":
                return rows
            if status == "Timeout":
                raise TooLarge("a query of CloudWatch Logs Insights did not end within its time")
        raise Problem(f"CloudWatch Logs Insights ended a query with {status}. Run the command again")

    def _start(self, query, begin, end):
        wanted = {
            "logGroupNames": self.groups,
            # Whole seconds that contain the range. The query has the exact one.
            "startTime": begin // 1000,
            "endTime": -(-end // 1000),
            "queryString": audit_queries.bounded(query, begin, end),
        }
        until, pause = time.monotonic() + START_BOUND_S, FIRST_PAUSE_S
        while True:
            try:
                return self.client.start_query(**wanted)["queryId"]
            except ClientError as error:
                code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
                if code == "MalformedQueryException" and ("creation time" in message or "retention" in message):
                    raise NoLogs("CloudWatch has no logs of this period: it is before the log groups or their retention")
                if code == "ResourceNotFoundException":
                    raise Problem(f"a log group of the stack no longer exists: {', '.join(self.groups)}") from None
                if code not in BUSY or time.monotonic() > until:
                    raise
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    def _finished(self, query_id):
        """Waits for the end of a query. Returns its status and rows. A query that is not awaited to its end is stopped."""
        until, pause, ended = time.monotonic() + QUERY_BOUND_S, FIRST_PAUSE_S, False
        try:
            while time.monotonic() < until:
                answer = self._look(query_id)
                # `Unknown` is a status too. Rows before the end are a part of the answer.
                if answer and answer["status"] in ("Complete", "Failed", "Cancelled", "Timeout"):
                    ended = True
                    self.bytes_scanned += int(answer.get("statistics", {}).get("bytesScanned", 0))
                    return answer["status"], _rows(answer)
                time.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)
            return "Timeout", []
        finally:
            if not ended:
                self._stop(query_id)

    def _look(self, query_id):
        try:
            return self.client.get_query_results(queryId=query_id)
        except ClientError as error:
            if error.response["Error"]["Code"] not in BUSY:
                raise
            return None

    def _stop(self, query_id):
        """A query that nobody awaits goes on and costs money."""
        try:
            self.client.stop_query(queryId=query_id)
        except (ClientError, BotoCoreError):
            # It has ended, or the right is missing. What ended the command is more important.
            pass


def _rows(answer):
    rows = [{cell["field"]: cell.get("value") for cell in row if cell["field"] != "@ptr"} for row in answer["results"]]
    if answer["status"] == "Complete" and (len(rows) >= audit_queries.MOST_ROWS or answer.get("nextToken")):
        raise TooLarge(f"the answer has more than {audit_queries.MOST_ROWS} rows")
    return rows


def number(text):
    """Returns a number of a row as an integer, or None. The service writes 12, 12.0 and 1.2E1."""
    if text in (None, ""):
        return None
    try:
        return int(decimal.Decimal(str(text)))
    except (decimal.InvalidOperation, ValueError, OverflowError):
        raise Problem(f"CloudWatch Logs Insights gave a value that is not a number: {text[:20]!r}") from None
