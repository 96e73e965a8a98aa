"""What `prove` measures of Twilio itself. Only the status and the names of fields are kept, never values."""

import json
import os
import urllib.parse

from .http_basic import basic, of_flex
from .replies import ask
from .twilio import checked_base

IAM = ("TWILIO_IAM_BASE", "TwilioIamBase", "https://iam.twilio.com")

# Flex replaces this in the webhook's URL.
PLACEHOLDER = "{taskSid}"

# The channel mode of one channel in the header of an MPEG audio frame (ISO/IEC 11172-3, 2.4.2.3).
MPEG_MONO = 3


def iam_base(given, deployed, api_base):
    """Returns the base URL of Twilio's identity service. A local stack has one address for all APIs."""
    variable, parameter, default = IAM
    found = given or os.environ.get(variable) or deployed.get(parameter)
    return checked_base(found or (api_base if api_base.startswith("http://") else default))


def media(api_base, account, api_key, recording):
    """Measures Twilio's own media of a recording: lengths, validators, ranges, redirects and channels."""
    url = f"{api_base}/2010-04-01/Accounts/{account}/Recordings/{recording}"
    authorized = basic(*api_key)

    def get(headers=None, form="wav", limit=None):
        return ask(f"{url}.{form}", headers=authorized | (headers or {}), limit=limit)

    whole = get(limit=100)
    etag = whole.headers.get("etag")
    part = {"Range": "bytes=100-199"}
    # A connection that is closed early costs nothing, so the MP3 is not read in full.
    mp3 = get(form="mp3", limit=4096)
    return {
        "whole": whole.document(),
        "range": get(part, limit=200).document(),
        "etag": {
            "present": etag is not None,
            "ifNoneMatch": get({"If-None-Match": etag}, limit=200).status if etag else None,
            "ifRange": get(part | {"If-Range": etag}, limit=200).status if etag else None,
            "ifRangeOfAnother": get(part | {"If-Range": '"another"'}, limit=200).status,
            "ifMatchOfAnother": get({"If-Match": '"another"'}, limit=200).status,
        },
        "redirects": {"to": whole.redirected_to or None, "status": whole.status},
        "channels": {"wav": wav_channels(whole.body), "mp3": mpeg_channels(mp3.body) if mp3.status == 200 else None},
    }


def wav_channels(header):
    """Returns the number of channels in the header of a WAV file, or None."""
    if header[:4] != b"RIFF" or header[12:16] != b"fmt ":
        return None
    return int.from_bytes(header[22:24], "little")


def mpeg_channels(beginning):
    """Returns the number of channels of the first frame of MPEG audio, or None."""
    start = 0
    if beginning[:3] == b"ID3" and len(beginning) >= 10:
        start = 10 + sum((beginning[6 + place] & 0x7F) << 7 * (3 - place) for place in range(4))
    header = beginning[start : start + 4]
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    return 1 if header[3] >> 6 == MPEG_MONO else 2


def tokens(places, secrets):
    """Asks each endpoint that `ValidateTokensAs` can name about the Flex token, with each credential that is known."""
    info = f"{places.bases.flex_api}/v1/Accounts/{places.account}/Tokens/Info"
    validate = f"{places.iam_base}/v1/Accounts/{places.account}/Tokens/validate"
    form = urllib.parse.urlencode({"Token": secrets.flex_token}).encode()
    question = json.dumps({"token": secrets.flex_token}).encode()
    as_json = {"Content-Type": "application/json", "Cache-Control": "no-cache"}
    own = of_flex(secrets.flex_token)
    found = {
        "flex": _verdict(info, own, form, "account_sid"),
        "player": _verdict(validate, own | as_json, question, "valid"),
    }
    if secrets.api_key:
        found["api-key"] = _verdict(validate, basic(*secrets.api_key) | as_json, question, "valid")
    if secrets.auth_token:
        credential = basic(places.account, secrets.auth_token)
        found["account"] = _verdict(validate, credential | as_json, question, "valid")
    answering = [name for name, one in found.items() if one["accepts"]]
    deployed = {"deployed": places.validates_tokens_as} if places.validates_tokens_as else {}
    return found | {"answering": answering} | deployed


def _verdict(url, headers, body, decisive):
    """The status and the names of the fields of an answer, and whether the service can use it."""
    reply = ask(url, "POST", headers, body=body)
    try:
        fields = json.loads(reply.body)
    except ValueError:
        fields = None
    fields = fields if isinstance(fields, dict) else {}
    # The older endpoint answers 200 for a token that is not valid.
    accepts = reply.status == 200 and bool(fields.get(decisive)) and fields.get("valid") is not False
    return {"status": reply.status, "fields": sorted(fields), "accepts": accepts}


def flex_configuration(client, expected_url):
    """Compares the webhook of Flex's configuration with the stack's own. The value itself is not kept."""
    found = client.flex_configuration()
    url = found.get("call_recording_webhook_url") or ""
    return {
        "callRecordingEnabled": bool(found.get("call_recording_enabled")),
        "webhookUrl": _comparison(url, expected_url),
        "sameAsOutput": url == expected_url,
        "placeholderKept": PLACEHOLDER in url,
    }


def _comparison(url, expected):
    if url == expected:
        return "the stack's, byte for byte"
    if not url:
        return "not set"
    if urllib.parse.unquote(url) == expected:
        return "the stack's, but percent-encoded"
    if url.partition("?")[0] == expected.partition("?")[0]:
        return "the stack's address with another query or fragment"
    return "another address"
