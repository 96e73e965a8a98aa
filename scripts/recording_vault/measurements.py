"""What `prove` measures of playback from outside: links, ranges, headers, and replies without a body."""

import concurrent.futures
import http.client
import json
import statistics
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass

import smoke_test

from .http_basic import of_flex
from .problems import Problem
from .replies import answer, ask, milliseconds_since

REPEATS = 5

# Requests at the same time. An instance has one request at a time, so that some of these may start an instance. After
# those for links, some of the second ones find no idle instance.
LINK_BURST = 4
MEDIA_BURST = 2 * LINK_BURST

# The default of MAX_RANGE_BYTES: the longest reply to an open range from a media element of Chromium or Firefox. Such a
# reply ends at the end of a frame.
SHORTENED_BYTES = 1_048_576
FRAME_BYTES = 65_536

# Headers that say how long a body is.
LENGTHS = ("content-length", "transfer-encoding", "x-amzn-remapped-content-length")

AUDIO = {"Sec-Fetch-Dest": "audio", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Site": "cross-site"}
CHROMIUM = {"Sec-CH-UA": '"Chromium";v="148", "Not/A)Brand";v="99"'}
FIREFOX = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}

# Open ranges with these headers show which of them arrive. Only the last two are shortened.
PROBES = {
    "plain": {},
    "secFetchDest": AUDIO,
    "secChUa": CHROMIUM,
    "userAgent": FIREFOX,
    "chromium": AUDIO | CHROMIUM,
    "firefox": AUDIO | FIREFOX,
}


@dataclass
class Sample:
    """A request whose line in the function's log is found by the link's id and the first byte."""

    link_id: str
    first_byte: int | None
    # None if there was no such answer.
    milliseconds: int | None


class Provider:
    """The route that gives links, with a Flex token."""

    def __init__(self, base, recording, flex_token):
        self.base = base.rstrip("/")
        self.recording = recording
        self._headers = of_flex(flex_token)

    def link(self, recording=None):
        """Requests a link. Returns it and its sample."""
        url = f"{self.base}/media-url?recordingSid={recording or self.recording}"
        request = urllib.request.Request(url, headers=self._headers)
        began = time.monotonic()
        try:
            with answer(request) as reply:
                body, status = reply.read(), reply.status
        except (OSError, http.client.HTTPException) as error:
            raise Problem(f"playback could not be reached ({type(error).__name__})") from None
        if status != 200:
            raise Problem(
                f"playback answered {status} instead of a link. `vault.py smoke-test` shows which check fails"
            )
        found = smoke_test.media_url(body)
        if found is None:
            raise Problem("playback answered without a link. Is the address the output PlaybackBaseUrl?")
        return found, Sample(link_id(found), None, milliseconds_since(began))


def link_id(link):
    """Returns the id of a link. Audit lines have it too, and it is not secret."""
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(link).query)).get("id", "")


def links(provider):
    """Requests links: some at the same time, and then one after the other. Returns the last link and the samples."""

    def one(_):
        try:
            return provider.link()[1]
        except Problem:
            # Lambda answers 429 to requests over the account's quota. The requests below tell what else is wrong.
            return Sample("", None, None)

    samples = at_once(LINK_BURST, one)
    for _ in range(REPEATS):
        link, sample = provider.link()
        samples.append(sample)
    return link, samples


def first_bytes(link):
    """Requests the beginning of a recording in the same way. Returns the samples."""

    def one(first):
        reply = ask(link, headers={"Range": f"bytes={first}-{first + 99}"})
        is_part = reply.status == 206 and not reply.error
        return Sample(link_id(link), first, reply.first_byte_ms if is_part else None)

    return at_once(MEDIA_BURST, one) + [one(MEDIA_BURST + number) for number in range(REPEATS)]


def at_once(times, action):
    """Runs an action several times at once, with the number of each. Returns the results."""
    with concurrent.futures.ThreadPoolExecutor(times) as pool:
        return list(pool.map(action, range(times)))


def latency(samples):
    """Returns the latencies as fields of the document. The first requests may include a cold start."""
    first, later = (
        [sample.milliseconds for sample in part if sample.milliseconds is not None]
        for part in (samples[:-REPEATS], samples[-REPEATS:])
    )
    return {
        "firstMs": max(first, default=None),
        "medianMs": round(statistics.median(later)) if later else None,
        "failed": len(samples) - len(first) - len(later),
    }


def media(link):
    """Measures how bodies of known and of unknown length arrive."""
    replies = {
        "range": ask(link, headers={"Range": "bytes=0-99"}),
        "whole": ask(link, limit=100),
        "head": ask(link, "HEAD"),
    }
    return {
        "length": (replies["range"].span or (0, 0, 0))[2],
        "contentLength": {
            kind: {"status": reply.status} | {name: reply.headers[name] for name in LENGTHS if name in reply.headers}
            for kind, reply in replies.items()
        },
    }


def bodies(link, length):
    """Measures the replies whose bodies are empty or small. A reply that hangs has an error or a long time."""
    etag = ask(link, headers={"Range": "bytes=0-0"}).headers.get("etag", '"none"')
    preflight = {"Origin": "https://flex.twilio.com", "Access-Control-Request-Method": "GET"}
    return {
        "head": ask(link, "HEAD").document(),
        "notModified": ask(link, headers={"If-None-Match": etag}).document(),
        "unsatisfiable": ask(link, headers={"Range": f"bytes={length}-"}).document(),
        "preflight": ask(link, "OPTIONS", headers=preflight).document(),
    }


def empty_recording(provider, recording):
    """Requests the whole of a recording without a byte."""
    return ask(provider.link(recording)[0]).document()


def arrival(link, length):
    """Sends headers and queries on which replies depend. Returns the first byte of each probe, and the fields."""
    # Every probe is an open range from a place of its own, so that its line in the log is found by its first byte.
    start = max(0, length - 3 * SHORTENED_BYTES)
    places = {name: start + number for number, name in enumerate(PROBES)}
    shortened = {name: _is_shortened(link, places[name], headers) for name, headers in PROBES.items()}
    is_long = length - start > SHORTENED_BYTES + FRAME_BYTES + len(PROBES)
    return places, {
        "range": _range(link, length),
        "shortened": shortened if is_long else None,
        "secFetchDest": {"unchanged": _effect(shortened, "secFetchDest", is_long)},
        "secChUa": {"unchanged": _effect(shortened, "secChUa", is_long)},
        "userAgent": {"unchanged": _effect(shortened, "userAgent", is_long)},
        "plus": _plus(link),
        "expiresOfAws": _expires_of_aws(link),
    }


def _is_shortened(link, first, headers):
    """Whether the reply to an open range ends before the recording. None without a `Content-Range`."""
    span = ask(link, headers={"Range": f"bytes={first}-"} | headers, limit=100).span
    return None if span is None else span[1] < span[2] - 1


def _effect(shortened, header, is_long):
    """Whether a header has its effect: only together with its partner is a reply shortened.

    None if the recording is so short that no reply is shortened, if something else shortens replies, or if a probe had
    no answer with a part of the recording.
    """
    if not is_long or shortened["plain"] or None in shortened.values():
        return None
    alone = shortened["secFetchDest"] or shortened["secChUa"] or shortened["userAgent"]
    with_partner = {
        "secFetchDest": shortened["chromium"] or shortened["firefox"],
        "secChUa": shortened["chromium"],
        "userAgent": shortened["firefox"],
    }
    return bool(with_partner[header]) and not alone


def _range(link, length):
    """A range that is neither at the beginning nor round, and its answer."""
    last = min(106, length - 1)
    reply = ask(link, headers={"Range": "bytes=7-106"})
    return {
        "sent": "bytes=7-106",
        "status": reply.status,
        "bytes": reply.length,
        "contentRange": reply.headers.get("content-range"),
        "unchanged": reply.span == (7, last, length) and reply.length == last - 6,
    }


def _plus(link):
    """The same range with and without a `+` in the query."""
    separator = "&" if "?" in link else "?"
    headers = {"Range": "bytes=0-99"}
    return {
        "without": ask(link, headers=headers).status,
        "withPlus": ask(f"{link}{separator}test=a+b", headers=headers).status,
        "withPercent2B": ask(f"{link}{separator}test=a%2Bb", headers=headers).status,
    }


def refused_plus(link):
    """Sends a `+` in a request that is refused. Returns the request's id, by which its line in the log is found."""
    bare = link.partition("?")[0]
    reply = ask(f"{bare}?test=a+b")
    try:
        return json.loads(reply.body)["requestId"]
    except (ValueError, TypeError, KeyError):
        return None


def _expires_of_aws(link):
    """A parameter of AWS's own signed URLs, which links have for the Player."""
    reply = ask(link, headers={"Range": "bytes=0-99"})
    return {"inLink": "X-Amz-Expires=" in link, "status": reply.status}
