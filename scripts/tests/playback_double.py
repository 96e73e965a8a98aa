"""A double of the playback function: links, ranges, shortened replies, refusals, and its log lines."""

import itertools
import json
import re
import time

from support import RECORDING

LENGTH = 1_400_000
ETAG = '"version-1"'
WAV = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0"
TIMESTAMP = "%Y-%m-%dT%H:%M:%S"


class PlaybackDouble:
    """One recording. `faults` maps a text in the path or a header's name to an answer."""

    def __init__(self, length=LENGTH):
        self.length = length
        self.body = WAV + bytes(length - len(WAV))
        self.faults = {}
        self.streams = True
        self.seen = []
        # Requests arrive at the same time.
        self.links = itertools.count(1)
        # How long the function is held by a reply, and how it ends.
        self.held_seconds = 0.0
        self.plus_arrives_as = " "
        self.log = lambda stream, lines: None

    def answer(self, method, path, headers, body):
        """Answers one request."""
        self.seen.append((method, path, dict(headers)))
        for text, fault in self.faults.items():
            if text in path or text in headers:
                return fault
        if "/media-url" in path:
            return self._link(headers)
        if method == "OPTIONS":
            return 204, {}, b""
        if "signature=" not in path:
            return self._refuse(path)
        if headers.get("If-None-Match") == ETAG:
            return 304, {"ETag": ETAG}, b""
        return self._part(path, headers)

    def _link(self, headers):
        number = next(self.links)
        self._write(f"request-{number}", {"event": "media_url", "outcome": "granted", "linkId": f"id-{number}"})
        query = f"id=id-{number}&expires=1&signature=not-for-the-page&X-Amz-Expires=3600"
        return 200, {}, {"media_url": f"http://{headers['Host']}/recordings/{RECORDING}?{query}"}

    def _refuse(self, path):
        query = path.partition("?")[2].replace("+", self.plus_arrives_as)
        self._write("refused-1", {"pluses": query.count("+"), "spaces": query.count(" ")}, target="playback")
        return 403, {}, {"error": "link_not_valid", "requestId": "refused-1"}

    def _part(self, path, headers):
        common = {"Accept-Ranges": "bytes", "ETag": ETAG, "Content-Type": "audio/x-wav"}
        wanted = headers.get("Range")
        if not wanted:
            return 200, common | self._streamed(len(self.body)), self.body
        first, last = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted).groups()
        first = int(first)
        if first >= self.length:
            return 416, {"Content-Range": f"bytes */{self.length}"}, b"{}"
        last = min(int(last or self._end(first, headers)), self.length - 1)
        self._played(path, headers, first, last)
        span = f"bytes {first}-{last}/{self.length}"
        if headers.get("If-Range") not in (None, ETAG):
            return 200, common | self._streamed(len(self.body)), self.body
        return 206, common | {"Content-Range": span} | self._streamed(last - first + 1), self.body[first : last + 1]

    def _streamed(self, length):
        """The headers of a body whose length AWS does not say in `Content-Length`."""
        return {"Transfer-Encoding": "chunked", "X-Amzn-Remapped-Content-Length": length} if self.streams else {}

    def _end(self, first, headers):
        from_element = headers.get("Sec-Fetch-Dest") == "audio"
        browser = "Chromium" in headers.get("Sec-CH-UA", "") or "Firefox" in headers.get("User-Agent", "")
        return first + 1_048_575 if from_element and browser else self.length

    def _played(self, path, headers, first, last):
        link = re.search(r"[?&]id=([^&]+)", path)[1]
        request = f"play-{len(self.seen)}"
        begin = {"event": "playback_begin", "linkId": link, "firstByte": first, "lastByte": last}
        destination = headers.get("Sec-Fetch-Dest")
        self._write(request, begin | ({"secFetchDest": destination} if destination else {}))
        sent = {"event": "playback_end", "linkId": link, "outcome": "complete", "bytesSent": last - first + 1}
        self._write(request, sent, after=self.held_seconds)

    def _write(self, request, fields, target="audit", after=0.0):
        now = time.time() + after
        stamp = time.strftime(TIMESTAMP, time.gmtime(now)) + f".{int(now % 1 * 1e6):06}Z"
        line = {"timestamp": stamp, "target": target, "recordingSid": RECORDING, "requestId": request} | fields
        self.log("instance-1", [json.dumps(line)])
