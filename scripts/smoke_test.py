#!/usr/bin/env python3
"""`smoke_test.py` is `vault.py smoke-test`: it tests a deployed stack.

Send a completed recording of the account through the whole service: a callback with Twilio's signature, a link for a Flex
token, ranges and refusals. Each step is printed with its time. The recording is copied into the bucket if it is missing.
No task is changed.

Secrets are read from the environment or asked for without echo: TWILIO_AUTH_TOKEN, and FLEX_TOKEN of a signed-in
supervisor (in the browser's console of Flex: Twilio.Flex.Manager.getInstance().user.token). If only SharedKeys sign
callbacks, set TWILIO_SHARED_KEY_SID and TWILIO_SHARED_KEY_SECRET (for HMAC-SHA256) instead of TWILIO_AUTH_TOKEN.
"""

import base64
import hashlib
import hmac
import http.client
import json
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

from recording_vault.http_basic import WITHOUT_REDIRECTS, of_flex

# A copy of hours of audio takes minutes.
COPY_BOUND_S = 300
TIMEOUT_S = 60


def ask(url, method="GET", headers=None, body=None):
    """Returns status, headers and body of an answer, including errors. An answer that cannot be read is an OSError."""
    request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)
    try:
        try:
            reply = WITHOUT_REDIRECTS.open(request, timeout=TIMEOUT_S)
        except urllib.error.HTTPError as refusal:
            reply = refusal
        with reply:
            return reply.status, reply.headers, reply.read()
    except http.client.HTTPException as error:
        raise ConnectionError(type(error).__name__) from None


def media_url(body):
    """Returns the link of an answer of url_provider, or None if it has none."""
    try:
        link = json.loads(body)["media_url"]
    except (ValueError, TypeError, KeyError):
        return None
    return link if isinstance(link, str) and link.startswith(("https://", "http://")) else None


class Signer:
    """Signs callbacks under the Auth Token, or with HMAC-SHA256 under a SharedKey."""

    def __init__(self, secret, shared_key=None):
        self.secret, self.shared_key = secret, shared_key

    def headers(self, url, form):
        """Returns the headers of Twilio's "Webhooks security" and "Sign webhooks with shared keys"."""
        text = url + "".join(name + form[name] for name in sorted(form))
        algorithm = hashlib.sha256 if self.shared_key else hashlib.sha1
        mac = hmac.new(self.secret.encode(), text.encode(), algorithm).digest()
        headers = {"X-Twilio-Signature": base64.b64encode(mac).decode()}
        if self.shared_key:
            headers["X-Twilio-Webhooks-Signature-Settings"] = f"key={self.shared_key},algorithm=HMAC_SHA256"
        return headers


class Trial:
    """The checks, in order."""

    def __init__(self, arguments, signer, flex_token):
        self.callback_url = arguments.callback_url.partition("#")[0]
        self.signed_url = arguments.signed_url or self.callback_url
        self.provider = f"{arguments.playback_url.rstrip('/')}/media-url?recordingSid={arguments.recording}"
        # No task has this call, so that the link job has nothing to do.
        self.form = {
            "AccountSid": arguments.account,
            "CallSid": "CA" + "0" * 32,
            "RecordingSid": arguments.recording,
            "RecordingStatus": "completed",
        }
        self.signer, self.flex_token = signer, flex_token
        self.link = None
        self.accepted = False
        self.length = None
        self.results = []
        self.failed = 0

    def run(self):
        """Runs all checks. Without a link, it skips the checks that need one."""
        self.callbacks()
        self.playback()
        return self.failed

    def callbacks(self):
        """Runs the checks of the webhook."""
        self.check("a forged callback is refused", self.forged_callback)
        self.check("a signed callback is accepted", self.signed_callback)

    def playback(self):
        """Runs the checks of playback."""
        self.check("a link is refused without a token", self.no_token)
        self.check("a link is given for a Flex token", self.media_link)
        if self.link:
            self.check("the first bytes play", self.first_bytes)
            self.check("ranges fit together", self.ranges)
            self.check("the last bytes play", self.last_bytes)
            self.check("past the end is 416", self.past_the_end)
            self.check("HEAD answers without audio", self.head)
            self.check("a changed link is refused", self.changed_link)

    def check(self, what, attempt):
        """Runs a check, and prints its result and duration. An assertion's text is the reason of a failure."""
        began = time.monotonic()
        try:
            attempt()
            verdict = "ok"
        except (AssertionError, OSError) as error:
            self.failed += 1
            # The text of an OSError may contain the URL, and so the link's signature.
            kind = type(getattr(error, "reason", error)).__name__
            verdict = f"FAILED: {error if isinstance(error, AssertionError) else kind}"
        milliseconds = (time.monotonic() - began) * 1000
        self.results.append({"check": what, "result": verdict, "milliseconds": round(milliseconds)})
        print(f"{milliseconds:8.0f} ms  {what}: {verdict}", flush=True)

    def post(self, signer):
        headers = signer.headers(self.signed_url, self.form) | {"Content-Type": "application/x-www-form-urlencoded"}
        return ask(self.callback_url, "POST", headers, urllib.parse.urlencode(self.form).encode())[0]

    def forged_callback(self):
        status = self.post(Signer("not the secret", self.signer.shared_key))
        assert status == 403, f"{status}, not 403"

    def signed_callback(self):
        status = self.post(self.signer)
        assert status == 204, f"{status}, not 204"
        self.accepted = True

    def no_token(self):
        status = ask(self.provider)[0]
        assert status in (401, 403), f"{status}, neither 401 nor 403"

    def media_link(self):
        # Without a callback, only a recording that was copied before can be there.
        until = time.monotonic() + (COPY_BOUND_S if self.accepted else 0)
        while True:
            status, _, body = ask(self.provider, headers=of_flex(self.flex_token))
            # 404 until the recording is copied.
            if status != 404 or time.monotonic() > until:
                break
            time.sleep(1)
        assert status == 200, f"{status}, not 200"
        self.link = media_url(body)
        assert self.link, "200 without a link. Is this the address of playback?"

    def range(self, wanted):
        """Returns a range's bytes and the recording's length. Checks that the answer conforms to RFC 9110."""
        status, headers, body = ask(self.link, headers={"Range": f"bytes={wanted}"})
        assert status == 206, f"{status}, not 206"
        place = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", headers.get("Content-Range", ""))
        assert place, "206 without a Content-Range"
        first, last, length = map(int, place.groups())
        assert len(body) == last - first + 1, f"{len(body)} bytes received, {last - first + 1} announced"
        return body, length

    def first_bytes(self):
        body, self.length = self.range("0-99")
        assert len(body) == 100, f"{len(body)} bytes, not 100"

    def ranges(self):
        whole, _ = self.range("0-199")
        parts = self.range("0-99")[0] + self.range("100-199")[0]
        assert parts == whole, "two adjacent ranges differ from the one over both"

    def last_bytes(self):
        body, _ = self.range("-100")
        again, _ = self.range(f"{self.length - 100}-")
        assert body == again and len(body) == 100, "the suffix differs from the recording's end"

    def past_the_end(self):
        status, headers, _ = ask(self.link, headers={"Range": f"bytes={self.length}-"})
        assert status == 416, f"{status}, not 416"
        assert headers.get("Content-Range") == f"bytes */{self.length}", "416 without the recording's length"

    def head(self):
        status, headers, body = ask(self.link, "HEAD")
        assert status == 200 and not body, f"{status} with {len(body)} bytes"
        assert headers.get("Accept-Ranges") == "bytes", "no Accept-Ranges"

    def changed_link(self):
        link, _, signature = self.link.rpartition("signature=")
        changed = ("A" if signature[0] != "A" else "B") + signature[1:]
        status = ask(f"{link}signature={changed}")[0]
        assert status == 403, f"{status}, not 403"


if __name__ == "__main__":
    from vault import main

    sys.exit(main(["smoke-test", *sys.argv[1:]]))
