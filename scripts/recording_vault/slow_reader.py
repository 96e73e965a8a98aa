"""A reader that is slower than the function, on a socket with a small buffer."""

import http.client
import socket
import ssl
import time
import urllib.parse

from .replies import TIMEOUT_S, span

# A telephone recording has 16 or 32 kB a second, so that this reader is slower than a player.
BYTES_PER_S = 8_000
PIECE = 4_000

# The kernel doubles it. The default grows to several megabytes, which would look like a fast reader.
RECEIVE_BUFFER = 4_096

FAST_PIECE = 1_000_000


def read(link, seconds, requested=None, to_the_end=False):
    """Reads the first `requested` bytes of a recording, or all of it: slowly for some seconds, and then fast to the end
    if this is wanted.

    Returns fields of the document. The end of a reply is behind megabytes of buffers on the way.
    """
    read_bytes, promised, ended_by, error = 0, None, "this command", None
    began = time.monotonic()
    connection = None
    try:
        connection = _connect(urllib.parse.urlsplit(link))
        reply = _request(connection, urllib.parse.urlsplit(link), requested)
        found = span(reply.headers.get("content-range"))
        promised = found[1] - found[0] + 1 if found else None
        while (is_slow := time.monotonic() - began < seconds) or to_the_end:
            wanted = PIECE if is_slow else FAST_PIECE
            piece = reply.read(wanted)
            read_bytes += len(piece)
            if len(piece) < wanted:
                # A reply with a Content-Length may end early without an error.
                if reply.length:
                    raise http.client.IncompleteRead(b"")
                ended_by = "the end of the reply"
                break
            if is_slow:
                time.sleep(PIECE / BYTES_PER_S)
    except http.client.IncompleteRead as broken:
        read_bytes += len(broken.partial)
        ended_by, error = "a broken connection", type(broken).__name__
    except (OSError, http.client.HTTPException) as broken:
        ended_by, error = "a broken connection", type(broken).__name__
    finally:
        if connection:
            connection.close()
    return {
        "seconds": round(time.monotonic() - began, 1),
        "bytes": read_bytes,
        "promised": promised,
        "endedBy": ended_by,
        **({"error": error} if error else {}),
    }


def _connect(parts):
    """Connects directly, because a proxy would read ahead."""
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT_S)
    connection.sock = _socket(parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection.sock = context.wrap_socket(connection.sock, server_hostname=parts.hostname)
    return connection


def _socket(host, port):
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    reader = socket.socket(family, kind, protocol)
    try:
        # It only counts before the connection is made.
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        reader.settimeout(TIMEOUT_S)
        reader.connect(address)
    except OSError:
        reader.close()
        raise
    return reader


def _request(connection, parts, requested):
    last = "" if requested is None else requested - 1
    headers = {"Host": parts.netloc, "Range": f"bytes=0-{last}"}
    connection.request("GET", f"{parts.path}?{parts.query}", headers=headers)
    return connection.getresponse()
