"""Audit lines as playback and the operator function write them, as flat fields."""

DAY_MS = 24 * 3600 * 1000
# 2026-05-01, UTC.
MAY = 1_777_593_600_000
RATE = 32_000
RECORDING = "RE" + "0" * 31 + "1"
OTHER = "RE" + "0" * 31 + "2"


def requested(time, link, identity="ada", recording=RECORDING):
    """A link that was given to a user of Flex."""
    fields = {"event": "media_url", "outcome": "granted", "identity": identity, "workerSid": "WK1", "secFetchDest": "empty"}
    return _line(time, recording) | fields | {"linkId": link}


def refused(time, recording=RECORDING):
    """A request that got no link."""
    return _line(time, recording) | {"event": "media_url", "outcome": "role_not_allowed", "identity": "eve"}


def made(time, link, person="Jane Auditor", recording=RECORDING):
    """A link that an operator made."""
    fields = {"event": "link_made", "outcome": "made", "linkId": link, "listener": person, "download": False}
    return _line(time, recording) | fields | {"requestedBy": "arn:aws:iam::000000000000:role/operator"}


def played(time, link, first=0, sent=1_000_000, destination="audio", recording=RECORDING):
    """The two lines of a reply."""
    begin = _line(time, recording) | {"event": "playback_begin", "linkId": link, "firstByte": first}
    if destination:
        begin["secFetchDest"] = destination
    end = begin | {"event": "playback_end", "outcome": "complete", "bytesSent": sent, "@timestamp": time + 900}
    if first == 0:
        end["bytesPerSecond"] = RATE
    return [begin, end]


def _line(time, recording):
    return {"@timestamp": time, "target": "audit", "recordingSid": recording}
