"""The verdicts of `prove`: none is `yes` for a fact that a refusal, a failure or a reply without the fact cannot show."""

import unittest
import urllib.request
from unittest import mock

from support import RECORDING, server
from test_prove import Proving, WithTwilio

from recording_vault import function_log, places, questions, replies
from recording_vault.problems import Problem, WrongInput

THROTTLED = (429, {"Content-Type": "text/html"}, b"<html>too many requests</html>")

# How other servers write the same answer: an error page, a compressed body, JSON of another form.
ODD_BODIES = (b"<html></html>", b"\x1f\x8b\x08\0\xff\xfe", b"[]", b"null", b'"text"', b"{}", b'{"media_url": 7}')


def verdict(field, value):
    """Returns the answer to a question and whether it is as expected."""
    [question] = [question for question in questions.QUESTIONS if question.field == field]
    return question.read(value)


class Refused(Proving):
    def test_throttled_ranges_show_nothing(self):
        self.playback.faults = {"/recordings/": THROTTLED}
        code, document, _ = self.prove()
        self.assertEqual(code, 1)
        shown = [field for field, answer in self.answers.items() if answer["asExpected"]]
        self.assertEqual(shown, ["link.latency"])
        self.assertEqual(document["media"]["firstByte"], {"firstMs": None, "medianMs": None, "failed": 13})
        for field in ("arrival.range", "arrival.plus", "arrival.secChUa", "media.contentLength"):
            self.assertIn(field, self.unmeasured())

    def test_throttled_links_are_counted_and_the_rest_is_measured(self):
        answer, refusals = self.playback.answer, [THROTTLED, THROTTLED]

        def quota(method, path, headers, body):
            if "/media-url" in path and refusals:
                return refusals.pop()
            return answer(method, path, headers, body)

        with server(quota) as self.base:
            _, document, _ = self.prove()
        self.assertEqual(document["link"]["latency"]["failed"], 2)
        self.assertEqual(self.unexpected(), ["link.latency"])

    def test_answers_of_other_servers_are_failures_in_words(self):
        for body in ODD_BODIES:
            self.playback.faults = {"/media-url": (200, {}, body)}
            with self.assertRaisesRegex(Problem, "answered without a link"):
                self.prove()
            # The request's id is in this answer.
            self.playback.faults = {"?test=a+b": (403, {}, body)}
            self.prove()

    def test_a_reply_with_a_content_length_is_not_as_expected(self):
        self.playback.streams = False
        self.prove()
        self.assertEqual(self.unexpected(), ["media.contentLength"])

    def test_the_flex_token_goes_only_through_tls_or_to_this_computer(self):
        with self.assertRaisesRegex(WrongInput, "https://"):
            self.prove("--playback-url", "http://playback.example.com")


class TwilioRefuses(WithTwilio):
    def test_a_refusal_shows_nothing_of_the_media(self):
        for status in (401, 404, 429):
            self.tokens = {end: (status, {}, b"<html></html>") for end in (".wav", ".mp3")}
            self.prove("--twilio-media")
            unmeasured = [field for field in self.unmeasured() if field.startswith("twilioMedia")]
            self.assertEqual(len(unmeasured), 5, status)

    def test_media_without_ranges_length_or_etag_is_not_as_expected(self):
        self.tokens = {".wav": (200, {"Transfer-Encoding": "chunked"}, self.playback.body)}
        self.prove("--twilio-media")
        for field in ("whole", "range", "etag"):
            self.assertIn(f"twilioMedia.{field}", self.unexpected())

    def test_an_etag_that_is_not_heeded_is_not_as_expected(self):
        answer = self.playback.answer

        def without_condition(method, path, headers, body):
            del headers["If-Range"]
            return answer(method, path, headers, body)

        with mock.patch.object(self.playback, "answer", without_condition):
            self.prove("--twilio-media")
        self.assertEqual(self.unexpected(), ["twilioMedia.etag"])

    def test_the_deployed_way_to_validate_tokens_must_answer(self):
        class Deployed(places.Places):
            def __init__(self, chosen):
                super().__init__(chosen)
                self.validates_tokens_as = deployed

        self.tokens = {"/Tokens/Info": (404, {}, {}), "/Tokens/validate": (200, {}, {"valid": True})}
        for status, deployed, good in [
            (404, "flex", True),
            (401, "flex", False),
            (401, "player", True),
            (401, "api-key", True),
        ]:
            self.tokens["/Tokens/Info"] = (status, {}, {})
            with mock.patch("recording_vault.prove_command.Places", Deployed):
                self.prove("--tokens")
            self.assertEqual(self.answers["tokens"]["asExpected"], good, (status, deployed))


class Verdicts(unittest.TestCase):
    def test_a_reply_that_arrived_in_full_shows_no_backpressure(self):
        ended = {"bytes": 3000, "promised": 3000, "seconds": 0.1, "endedBy": "the end of the reply"}
        for held in (0.1, None):
            function = {"heldSeconds": held, "bytesSent": 3000, "outcome": "complete"}
            self.assertIsNone(verdict("slowReader", ended | {"function": function})[1], held)

    def test_only_an_abort_of_the_function_counts(self):
        found = {"bytes": 5, "promised": 9, "seconds": 2.0, "endedBy": "a broken connection", "error": "IncompleteRead"}
        function = {"heldSeconds": 130.0, "bytesSent": 7, "outcome": "out_of_time"}
        for change, good in [
            ({"function": function}, True),
            # The client waited until its own timeout.
            ({"function": function, "error": "TimeoutError"}, False),
            # Something on the way may have broken it.
            ({}, None),
            ({"function": function | {"outcome": "abandoned"}}, None),
        ]:
            self.assertEqual(verdict("abort", found | change)[1], good, change)

    def test_a_credential_does_not_leave_tls(self):
        request = urllib.request.Request("https://api.example.com/a", headers={"Authorization": "Basic c2VjcmV0"})
        for target, kept in [("https://api.example.com/b", True), ("http://api.example.com/b", False)]:
            redirected = replies._SameHost().redirect_request(request, None, 302, "Found", {}, target)
            self.assertEqual(redirected.has_header("Authorization"), kept, target)

    def test_a_callback_with_the_task_counts_although_another_had_none(self):
        for sources, found in [(["callback", "search"], "callback"), (["search"], "search"), ([], None)]:
            log = mock.Mock()
            log.lines.return_value = [
                function_log.Line("one", 0.0, {"event": "link", "taskFrom": source}) for source in sources
            ]
            self.assertEqual(function_log.task_from(log, 0, RECORDING), found)


if __name__ == "__main__":
    unittest.main()
