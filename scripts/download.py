"""download.py <media URL> <file>: fetches a recording of any length, range by range.

A GET of the whole is refused above 190 MB (`range_required`), because Lambda ends a streamed reply at 200 MB. A range is
answered with all that is left, up to 190 MB of verified bytes, and the next request begins where the reply ended. Every
request names the version that the first one found (If-Match), so that a file is never made of two. Needs Python 3.9 or
later and nothing else.
"""

import http.client
import os
import pathlib
import re
import sys
import time
import urllib.error
import urllib.request

# In a row and without a byte: what doesn't pass in half a minute isn't throttling or a broken connection.
TRIES = 6
PAUSE_S = 5
TIMEOUT_S = 60

# Bytes that are held in memory.
PIECE = 1 << 20


class Refused(Exception):
    """An answer that asking again wouldn't change."""


def fetch(url, file, etag):
    """Appends bytes from the file's end on, as many as come. Returns the recording's length and entity tag."""
    start = file.tell()
    headers = {"Range": f"bytes={start}-"}
    if etag:
        headers["If-Match"] = etag
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT_S) as reply:
        place = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", reply.headers.get("Content-Range", ""))
        if reply.status != 206 or not place or int(place[1]) != start:
            raise Refused("the server doesn't answer with the range that was asked for")
        first, last, length = map(int, place.groups())
        left = last - first + 1
        try:
            while piece := reply.read(PIECE):
                left -= len(piece)
                if left < 0:
                    raise Refused("the server sends more than it says")
                file.write(piece)
        except (http.client.IncompleteRead, OSError):
            # What is in the file has verified; the rest is asked for again.
            pass
        return length, reply.headers.get("ETag")


def download(url, file):
    length, etag, tries = None, None, TRIES
    while length is None or file.tell() < length:
        position = file.tell()
        try:
            length, etag = fetch(url, file, etag)
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise Refused(f"{error.code} {error.read().decode(errors='replace')}") from None
        except OSError:
            pass
        came = file.tell() > position
        tries = TRIES if came else tries - 1
        if tries == 0:
            raise Refused(f"no answer {TRIES} times in a row, {position} bytes are there")
        if not came:
            time.sleep(PAUSE_S)
    return length


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    url, name = sys.argv[1:]
    part = f"{name}.part"
    try:
        with open(part, "wb") as file:
            length = download(url, file)
        os.replace(part, name)
    except Refused as refusal:
        sys.exit(f"download: {refusal}")
    except ValueError:
        sys.exit("download: that is no media URL")
    finally:
        pathlib.Path(part).unlink(missing_ok=True)
    print(f"{length} bytes in {name}")


if __name__ == "__main__":
    main()
