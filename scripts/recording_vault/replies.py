"""One HTTP request of `prove`: what arrived, and when. No error's text is kept, because it may contain a signature."""

import http.client
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field

TIMEOUT_S = 60

# The first bytes of a body: enough for the JSON of an answer and for the header of an audio file.
KEPT_BYTES = 65_536

# Headers that say how a body arrives. Their values contain nothing secret.
SHOWN_HEADERS = (
    "accept-ranges",
    "content-length",
    "content-range",
    "content-type",
    "etag",
    "transfer-encoding",
    "x-amzn-remapped-content-length",
)


@dataclass
class Reply:
    """One answer. `error` is the kind of failure if there was no complete answer."""

    status: int = 0
    headers: dict = field(default_factory=dict)
    length: int = 0
    first_byte_ms: int = 0
    total_ms: int = 0
    body: bytes = b""
    redirected_to: str = ""
    error: str = ""

    def document(self):
        """Returns the answer as fields of the JSON document."""
        shown = {
            "status": self.status,
            "bytes": self.length,
            "firstByteMs": self.first_byte_ms,
            "totalMs": self.total_ms,
            "headers": self.headers,
        }
        return shown | ({"error": self.error} if self.error else {})

    @property
    def span(self):
        """The first byte, the last byte and the length in `Content-Range`, or None."""
        return span(self.headers.get("content-range"))


def ask(url, method="GET", headers=None, limit=None, body=None):
    """Sends a request and reads the body, or the first `limit` bytes of it."""
    request = urllib.request.Request(url, headers=headers or {}, method=method, data=body)
    began = time.monotonic()
    found = Reply()
    try:
        with answer(request) as reply:
            found.status = reply.status
            found.headers = {name: reply.headers[name] for name in SHOWN_HEADERS if reply.headers.get(name)}
            host = urllib.parse.urlsplit(reply.url).netloc
            found.redirected_to = host if host != urllib.parse.urlsplit(url).netloc else ""
            content = reply.read(1)
            found.first_byte_ms = milliseconds_since(began)
            content += reply.read() if limit is None else reply.read(max(0, limit - 1))
            found.length, found.body = len(content), content[:KEPT_BYTES]
    except (OSError, http.client.HTTPException) as error:
        found.error = type(error).__name__
    found.total_ms = milliseconds_since(began)
    return found


def answer(request):
    """Opens the answer to a request, whatever its status is."""
    try:
        return _OPENER.open(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as refusal:
        return refusal


def span(content_range):
    """Reads a `Content-Range` with a length. Returns the first byte, the last byte and the length, or None."""
    unit, _, rest = (content_range or "").partition(" ")
    part, _, length = rest.partition("/")
    first, _, last = part.partition("-")
    if unit != "bytes" or not (first.isdigit() and last.isdigit() and length.isdigit()):
        return None
    return int(first), int(last), int(length)


def milliseconds_since(began):
    """Returns the milliseconds since a time of the monotonic clock."""
    return round((time.monotonic() - began) * 1000)


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but takes the credential neither to another host nor away from TLS."""

    def redirect_request(self, request, *arguments):
        redirected = super().redirect_request(request, *arguments)
        if redirected is not None and (redirected.type, redirected.host) != (request.type, request.host):
            redirected.headers.pop("Authorization", None)
        return redirected


_OPENER = urllib.request.build_opener(_SameHost)
