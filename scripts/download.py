#!/usr/bin/env python3
"""`download.py` is `vault.py download`: it downloads a recording of any length by ranges.

A GET without a range is refused above 190 MB (`range_required`), because Lambda ends a streamed reply at 200 MB. A range gets
the rest of the recording, up to 190 MB of verified bytes, and the next request begins where the reply ended. Every request
names the version that the first one found (If-Match), so that a file never mixes two versions.
"""

import http.client
import re
import sys
import time
import urllib.error
import urllib.request

# Consecutive tries without a byte. Throttling and broken connections end within half a minute.
TRIES = 6
PAUSE_S = 5
TIMEOUT_S = 60

# Bytes that are held in memory.
PIECE = 1 << 20


class Refused(Exception):
    """An answer that a retry would not change."""


def fetch(url, file, etag):
    """Appends the bytes that arrive to the file. Returns the recording's length and entity tag."""
    start = file.tell()
    headers = {"Range": f"bytes={start}-"}
    if etag:
        headers["If-Match"] = etag
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT_S) as reply:
        place = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", reply.headers.get("Content-Range", ""))
        if reply.status != 206 or not place or int(place[1]) != start:
            raise Refused("the server did not answer with the requested range")
        first, last, length = map(int, place.groups())
        left = last - first + 1
        while piece := received(reply):
            left -= len(piece)
            if left < 0:
                raise Refused("the server sent more bytes than it announced")
            try:
                file.write(piece)
            except OSError as error:
                raise Refused(f"the file could not be written: {error.strerror}") from None
        return length, reply.headers.get("ETag")


def received(reply):
    """Returns the next bytes. There are none at the end, or after a broken connection: the rest is requested again."""
    try:
        return reply.read(PIECE)
    except (http.client.HTTPException, OSError):
        return b""


def download(url, file):
    """Downloads the recording into an open file. Returns its length."""
    length, etag, tries = None, None, TRIES
    while length is None or file.tell() < length:
        position = file.tell()
        try:
            length, etag = fetch(url, file, etag)
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise Refused(f"{error.code} {error.read().decode(errors='replace')}") from None
        except (http.client.InvalidURL, ValueError):
            raise Refused("this is not a media URL") from None
        except (http.client.HTTPException, OSError):
            pass
        progressed = file.tell() > position
        tries = TRIES if progressed else tries - 1
        if tries == 0:
            raise Refused(f"no answer {TRIES} times in a row, after {position} bytes")
        if not progressed:
            time.sleep(PAUSE_S)
    return length


if __name__ == "__main__":
    from vault import main

    sys.exit(main(["download", *sys.argv[1:]]))
