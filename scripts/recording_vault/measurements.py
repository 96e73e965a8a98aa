"""The measurements of `prove` over HTTP. Each function returns fields of the JSON document."""

import base64
import json
import statistics
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass

from .problems import Problem

TIMEOUT_S = 60
REPEATS = 5

# A telephone recording has 16 or 32 kB a second, so that this reader is slower than a player.
SLOW_BYTES_PER_S = 8_000
SLOW_PIECE = 4_000

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
    """One answer, and when it arrived."""

    status: int
    headers: dict
    length: int
    first_byte_ms: int
    total_ms: int

    def document(self):
        """Returns the answer as fields of the document."""
        return {"status": self.status, "bytes": self.length, "firstByteMs": self.first_byte_ms, "headers": self.headers}


def ask(url, method="GET", headers=None, limit=None):
    """Sends a request and reads the body, or the first `limit` bytes of it."""
    request = urllib.request.Request(url, headers=headers or {}, method=method)
    began = time.monotonic()
    try:
        with _answer(request) as reply:
            first = reply.read(1)
            first_byte = time.monotonic()
            rest = reply.read() if limit is None else reply.read(max(0, limit - 1))
            shown = {name: reply.headers[name] for name in SHOWN_HEADERS if reply.headers.get(name)}
            status = reply.status
    except OSError as error:
        # The text of the error may contain the URL, and so a signature.
        host = urllib.parse.urlsplit(url).netloc
        raise Problem(f"{host} did not answer a {method} request ({type(error).__name__})") from None
    return Reply(status, shown, len(first) + len(rest), _ms(began, first_byte), _ms(began, time.monotonic()))


def links(provider, flex_token):
    """Asks for links. Returns the link and the latencies; the first one may include a cold start."""
    basic = base64.b64encode(f"token:{flex_token}".encode()).decode()
    request = urllib.request.Request(provider, headers={"Authorization": f"Basic {basic}"})
    latencies, link = [], None
    for _ in range(REPEATS):
        began = time.monotonic()
        try:
            with _answer(request) as reply:
                body, status = reply.read(), reply.status
        except OSError as error:
            raise Problem(f"playback could not be reached ({type(error).__name__})") from None
        if status != 200:
            raise Problem(
                f"playback answered {status} instead of a link. `vault.py smoke-test` shows which check fails"
            )
        link = json.loads(body)["media_url"]
        latencies.append(_ms(began, time.monotonic()))
    return link, {"firstMs": latencies[0], "medianMs": round(statistics.median(latencies[1:]))}


def media(link):
    """Measures ranges, validators and empty bodies of a media link."""
    first = ask(link, headers={"Range": "bytes=0-99"})
    warm = [ask(link, headers={"Range": "bytes=0-99"}).first_byte_ms for _ in range(REPEATS)]
    length = int(first.headers.get("content-range", "/0").rpartition("/")[2] or 0)
    etag = first.headers.get("etag", '"none"')
    player = {
        "Range": "bytes=0-99",
        "Sec-Fetch-Dest": "audio",
        "Sec-Fetch-Mode": "no-cors",
        "Sec-CH-UA": '"Test";v="1"',
    }
    separator = "&" if "?" in link else "?"
    return {
        "length": length,
        "firstByte": {"firstMs": first.first_byte_ms, "medianMs": round(statistics.median(warm))},
        "range": first.document(),
        "rangeOfABrowser": ask(link, headers=player).document(),
        "middle": ask(link, headers={"Range": f"bytes={length // 2}-{length // 2 + 99}"}).document(),
        "whole": ask(link, limit=100).document(),
        "head": ask(link, "HEAD").document(),
        "notModified": ask(link, headers={"If-None-Match": etag}).document(),
        "unsatisfiable": ask(link, headers={"Range": f"bytes={length}-"}).document(),
        "plusInQuery": ask(f"{link}{separator}test=a+b", headers={"Range": "bytes=0-99"}).document(),
        "percent2BInQuery": ask(f"{link}{separator}test=a%2Bb", headers={"Range": "bytes=0-99"}).document(),
    }


def slow_reader(link, seconds):
    """Reads slowly for some seconds, and then closes the connection."""
    read, began = 0, time.monotonic()
    window = [_now()]
    ended_by = "this command"
    try:
        with _answer(urllib.request.Request(link, headers={"Range": "bytes=0-"})) as reply:
            while time.monotonic() - began < seconds:
                piece = reply.read(SLOW_PIECE)
                read += len(piece)
                if not piece:
                    ended_by = "the end of the recording"
                    break
                time.sleep(SLOW_PIECE / SLOW_BYTES_PER_S)
    except OSError as error:
        ended_by = f"the server ({type(error).__name__})"
    window.append(_now())
    return {"seconds": round(time.monotonic() - began, 1), "bytes": read, "endedBy": ended_by, "window": window}


def twilio_media(bases, account, api_key, recording):
    """Measures Twilio's own media: length, validator and ranges."""
    basic = base64.b64encode(f"{api_key['sid']}:{api_key['secret']}".encode()).decode()
    url = f"{bases.api}/2010-04-01/Accounts/{account}/Recordings/{recording}.wav"
    authorized = {"Authorization": f"Basic {basic}"}
    return {
        "whole": ask(url, headers=authorized, limit=100).document(),
        "range": ask(url, headers=authorized | {"Range": "bytes=100-199"}).document(),
    }


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follows redirects without the credential of the first host."""

    def redirect_request(self, request, *arguments):
        redirected = super().redirect_request(request, *arguments)
        if redirected is not None and redirected.host != request.host:
            redirected.headers.pop("Authorization", None)
        return redirected


_OPENER = urllib.request.build_opener(_SameHost)


def _answer(request):
    try:
        return _OPENER.open(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as refusal:
        return refusal


def _ms(began, ended):
    return round((ended - began) * 1000)


def _now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
