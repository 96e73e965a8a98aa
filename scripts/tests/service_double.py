"""The deployed functions, as the smoke test sees them. It replaces `smoke_test.ask`."""

import base64
import hashlib
import hmac
import json
import re
import urllib.parse

from support import AUTH_TOKEN

BODY = bytes(range(256)) * 8
FLEX_TOKEN = "the-flex-token-of-the-tests"


class ServiceDouble:
    """Verifies signatures as the webhook does, and plays one recording."""

    def __init__(self, auth_token=AUTH_TOKEN):
        self.auth_token = auth_token
        self.callbacks = []
        # Answers before the secrets are known.
        self.not_ready = 0
        # Called with the SIDs of a task and a recording, as the linker is.
        self.link = lambda task, recording: None

    def ask(self, url, method="GET", headers=None, body=None):
        """Answers as `smoke_test.ask` does."""
        headers = headers or {}
        if method == "POST":
            return self._callback(url, headers, urllib.parse.parse_qsl(body.decode(), keep_blank_values=True)), {}, b""
        if "/media-url" in url:
            given = base64.b64encode(f"token:{FLEX_TOKEN}".encode()).decode()
            if headers.get("Authorization") != f"Basic {given}":
                return 401, {}, b""
            return 200, {}, json.dumps({"media_url": "https://play.example/recordings/x?signature=Zz"}).encode()
        if not url.endswith("signature=Zz"):
            return 403, {}, b""
        return self._media(method, headers)

    def _callback(self, url, headers, form):
        if self.not_ready:
            self.not_ready -= 1
            return 503
        text = url + "".join(name + value for name, value in sorted(form))
        mac = base64.b64encode(hmac.new(self.auth_token.encode(), text.encode(), hashlib.sha1).digest()).decode()
        if headers["X-Twilio-Signature"] != mac:
            return 403
        self.callbacks.append(dict(form))
        named = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)
        for task in named.get("taskSid", []):
            self.link(task, dict(form)["RecordingSid"])
        return 204

    def _media(self, method, headers):
        if method == "HEAD":
            return 200, {"Accept-Ranges": "bytes"}, b""
        first, last = re.fullmatch(r"bytes=(\d*)-(\d*)", headers["Range"]).groups()
        if not first:
            first, last = len(BODY) - int(last), ""
        first, last = int(first), int(last or len(BODY) - 1)
        if first >= len(BODY):
            return 416, {"Content-Range": f"bytes */{len(BODY)}"}, b""
        return 206, {"Content-Range": f"bytes {first}-{last}/{len(BODY)}"}, BODY[first : last + 1]
