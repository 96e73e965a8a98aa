"""Answers what Twilio's own library makes of requests: JSON lines in, JSON lines out."""

import json
import sys
from urllib.parse import parse_qsl

from twilio.request_validator import RequestValidator


class MultiDict(dict):
    """The interface through which the validator reads repeated names."""

    def __init__(self, pairs):
        super().__init__(pairs)
        self._pairs = pairs

    def getall(self, name):
        return [value for key, value in self._pairs if key == name]


def answer(request):
    validator = RequestValidator(request["secret"])
    url, body, algorithm = request["url"], request["body"], request["algorithm"]
    if "form" in body:
        params = MultiDict(parse_qsl(body["form"], keep_blank_values=True))
    else:
        params = body.get("raw")
    try:
        accepted = validator.validate(url, params, request["header"], algorithm)
    except TypeError:
        # The validator takes a text for parameters where the query has no bodySHA256: no answer is a refusal.
        accepted = False
    signed_params = params if "form" in body else {}
    return {"accepted": accepted, "signature": validator.compute_signature(url, signed_params, algorithm)}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))))
