"""What the functions wrote into their log groups about the requests of `prove`."""

import datetime
import json
import time
from dataclasses import dataclass

# CloudWatch shows a line some seconds after the function has written it.
BOUND_S = 90
PAUSE_S = 3

# The clocks of this computer and of AWS may differ by this much.
SKEW_MS = 300_000

# Lines that a process writes after the end of its reply, before it ends itself.
LAST_WORDS_S = 5


@dataclass
class Line:
    """A line of JSON, the log stream of its instance, and its time in seconds since the Unix epoch."""

    stream: str
    time: float
    fields: dict


class LogGroup:
    """The log group of a function. Each instance of a function has its own stream in it."""

    def __init__(self, client, name):
        self.client, self.name = client, name
        self._first_requests = {}

    def lines(self, since, text=None, stream=None):
        """Returns the lines since a time (seconds since the Unix epoch) that contain a text."""
        wanted = {"logGroupName": self.name, "startTime": int(since * 1000) - SKEW_MS}
        if text:
            wanted["filterPattern"] = f'"{text}"'
        if stream:
            wanted["logStreamNames"] = [stream]
        pages = self.client.get_paginator("filter_log_events").paginate(**wanted)
        found = [_line(event, event["logStreamName"]) for page in pages for event in page["events"]]
        return [line for line in found if line]

    def wait_for(self, since, text, count, wanted=lambda fields: True):
        """Returns the wanted lines as soon as there are `count` of them, or those that are there after the bound."""
        until = time.monotonic() + BOUND_S
        while True:
            found = [line for line in self.lines(since, text) if wanted(line.fields)]
            if len(found) >= count or time.monotonic() > until:
                return found
            time.sleep(PAUSE_S)

    def first_request(self, stream):
        """Returns the id of the first request that an instance answered."""
        if stream not in self._first_requests:
            answered = self.client.get_log_events(
                logGroupName=self.name, logStreamName=stream, startFromHead=True, limit=100
            )
            lines = [_line(event, stream) for event in answered["events"]]
            ids = [line.fields["requestId"] for line in lines if line and line.fields.get("requestId")]
            self._first_requests[stream] = ids[0] if ids else None
        return self._first_requests[stream]


def temperatures(log, since, recording, samples):
    """Splits samples by the log: those that were the first request of their instance, and the others."""

    def is_sample(fields):
        return fields.get("event") in ("media_url", "playback_begin") and fields.get("linkId") in ids

    samples = [sample for sample in samples if sample.milliseconds is not None]
    ids = {sample.link_id for sample in samples}
    found = log.wait_for(since, recording, len(samples), is_sample)
    lines = {(line.fields["linkId"], line.fields.get("firstByte")): line for line in found}
    cold, warm = [], []
    for sample in samples:
        line = lines.get((sample.link_id, sample.first_byte))
        if line:
            is_first = log.first_request(line.stream) == line.fields.get("requestId")
            (cold if is_first else warm).append(sample.milliseconds)
    return {"coldMs": sorted(cold), "warmMs": sorted(warm), "knownBy": "the first request in a log stream"}


def fetch_destination(log, since, recording, link_id, first_byte):
    """Returns the `Sec-Fetch-Dest` that the function received with a request."""
    [*_, line] = log.wait_for(
        since,
        recording,
        1,
        lambda fields: fields.get("event") == "playback_begin"
        and (fields.get("linkId"), fields.get("firstByte")) == (link_id, first_byte),
    ) or [None]
    return line.fields.get("secFetchDest", "absent") if line else None


def plus(log, since, request_id):
    """Returns how a `+` of a query arrived: as `+`, as a space, or None if there is no line."""
    [*_, line] = log.wait_for(since, request_id, 1, lambda fields: "pluses" in fields) or [None]
    if line is None:
        return None
    counts = line.fields["pluses"], line.fields["spaces"]
    return {(1, 0): "+", (0, 1): "a space"}.get(counts, "something else")


def held(log, since, recording, link_id):
    """Returns how long the function was held by the reply to a link, and the lines of its begin and end."""
    ours = log.wait_for(
        since,
        recording,
        2,
        lambda fields: fields.get("event") in ("playback_begin", "playback_end") and fields.get("linkId") == link_id,
    )
    lines = {line.fields["event"]: line for line in ours}
    begin, end = lines.get("playback_begin"), lines.get("playback_end")
    if begin is None:
        return None, None, None
    fields = {"heldSeconds": None, "bytesSent": None, "outcome": "no end within the time of the command"}
    if end:
        fields = {
            "heldSeconds": round(end.time - begin.time, 1),
            "bytesSent": end.fields.get("bytesSent"),
            "outcome": end.fields.get("outcome"),
        }
    return fields, begin, end


def last_metrics(log, begin, end):
    """Returns the names of the metrics that an instance wrote between two lines and just after them (EMF)."""
    lines = log.lines(begin.time, stream=begin.stream)
    ours = [line for line in lines if begin.time - 1 <= line.time <= end.time + LAST_WORDS_S and "_aws" in line.fields]
    return sorted({metric["Name"] for line in ours for metric in _metrics(line.fields)})


def task_from(log, since, recording):
    """Returns whether a callback named the task of a recording: `callback`, `search`, or None without a line."""
    found = [line.fields.get("taskFrom") for line in log.lines(since, recording) if line.fields.get("event") == "link"]
    # A backfill and a smoke test send a callback again, without the task.
    return "callback" if "callback" in found else next(filter(None, found), None)


def _metrics(fields):
    return [metric for directive in fields["_aws"]["CloudWatchMetrics"] for metric in directive["Metrics"]]


def _line(event, stream):
    try:
        fields = json.loads(event["message"])
    except ValueError:
        return None
    if not isinstance(fields, dict):
        return None
    # The function's own time is exact to the microsecond. CloudWatch's is that of the line's arrival.
    written = fields.get("timestamp")
    seconds = _seconds(written) if isinstance(written, str) else None
    return Line(stream, event["timestamp"] / 1000 if seconds is None else seconds, fields)


def _seconds(written):
    try:
        return datetime.datetime.fromisoformat(written.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return None
