"""The command `prove`, against a double of playback, a double of Twilio, and the log groups of an emulated account."""

import json
import os
import pathlib
import tempfile
import time
import unittest
from unittest import mock

from aws_emulator import account, emulator
from playback_double import ETAG, LENGTH, PlaybackDouble
from support import ACCOUNT, API_KEY, AUTH_TOKEN, RECORDING, RecordingConsole, server
from twilio_double import TwilioDouble

from recording_vault import cli, flex_configuration, function_log, questions
from recording_vault.problems import Problem

TOKEN = "a-flex-token-that-nobody-may-see"
GROUP, JOBS = "playback-logs", "linker-logs"
WEBHOOK = "https://api.example.com/recording-status-callback?taskSid={taskSid}#rc=3&rp=all"

# Twilio tells the length of its media.
UNTOLD = ("Transfer-Encoding", "X-Amzn-Remapped-Content-Length")
SECRETS = {
    "FLEX_TOKEN": TOKEN,
    "TWILIO_API_KEY_SID": API_KEY[0],
    "TWILIO_API_KEY_SECRET": API_KEY[1],
    "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
}


class Proving(unittest.TestCase):
    def setUp(self):
        self.playback = PlaybackDouble()
        self.base = self.enterContext(server(self.playback.answer))
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.enterContext(mock.patch.dict(os.environ, SECRETS))

    def prove(self, *arguments):
        """Returns the exit code, the document, and the page."""
        command = ["prove", "--recording", RECORDING, "--playback-url", self.base, "--slow-seconds", "0", *arguments]
        console = RecordingConsole()
        chosen = cli.parser().parse_args([*command, "--output", str(self.folder / "proof")])
        code = chosen.run(chosen, console)
        document = json.loads((self.folder / "proof.json").read_text())
        page = (self.folder / "proof.md").read_text()
        for secret in (*SECRETS.values(), "not-for-the-page"):
            self.assertNotIn(secret, json.dumps(document) + page + console.printed)
        self.answers = {answer["field"]: answer for answer in document["answers"]}
        return code, document, page

    def unexpected(self):
        return [field for field, answer in self.answers.items() if answer["asExpected"] is False]

    def unmeasured(self):
        return [field for field, answer in self.answers.items() if answer["asExpected"] is None]


class Outside(Proving):
    def test_every_question_has_a_row_and_says_what_it_needs(self):
        code, document, page = self.prove()
        self.assertEqual((code, self.unexpected()), (0, []), page)
        self.assertEqual(list(self.answers), [question.field for question in questions.QUESTIONS])
        for field in self.answers:
            self.assertIn(f"`{field}`", page)
        for field, option in [
            ("abort", "--until-timeout"),
            ("tokens", "--tokens"),
            ("flexConfiguration", "--flex-configuration"),
            ("twilioMedia.whole", "--twilio-media"),
            ("bodies.emptyRecording", "--empty-recording"),
            ("link.cold", "--log-group"),
        ]:
            self.assertEqual(self.answers[field]["asExpected"], None)
            self.assertIn(option, self.answers[field]["answer"])
        self.assertEqual(document["media"]["length"], LENGTH)
        self.assertEqual(document["bodies"]["notModified"]["bytes"], 0)

    def test_a_plus_that_ends_the_function_is_not_as_expected(self):
        self.playback.faults = {"test=a+b": (502, {}, b"{}")}
        code, _, page = self.prove()
        self.assertEqual((code, self.unexpected()), (1, ["arrival.plus"]))
        self.assertIn("**no**", page)

    def test_a_range_that_is_ignored_is_not_as_expected(self):
        self.playback.faults = {"Range": (200, {}, self.playback.body)}
        code, _, _ = self.prove()
        self.assertEqual(code, 1)
        self.assertIn("arrival.range", self.unexpected())

    def test_headers_that_are_removed_on_the_way_are_noticed(self):
        for header, fields in [
            ("Sec-Fetch-Dest", ["arrival.secFetchDest", "arrival.secChUa", "arrival.userAgent"]),
            ("Sec-CH-UA", ["arrival.secChUa"]),
            ("User-Agent", ["arrival.userAgent"]),
        ]:
            playback = PlaybackDouble()

            def without(method, path, headers, body, header=header, playback=playback):
                del headers[header]
                return playback.answer(method, path, headers, body)

            with server(without) as self.base:
                self.prove()
            self.assertEqual(self.unexpected(), fields, header)

    def test_a_short_recording_does_not_show_the_headers(self):
        self.playback.length = 300_000
        self.prove()
        for field in ("arrival.secFetchDest", "arrival.secChUa", "arrival.userAgent"):
            self.assertIn(field, self.unmeasured())
        self.assertEqual(self.unexpected(), [])

    def test_a_reply_with_a_body_where_none_may_be_is_not_as_expected(self):
        self.playback.faults = {"If-None-Match": (200, {"ETag": ETAG}, b"body")}
        self.prove()
        self.assertEqual(self.unexpected(), ["bodies.notModified"])

    def test_an_empty_recording_is_requested_too(self):
        empty = "RE" + "e" * 32
        self.playback.faults = {}
        answer = self.playback.answer

        def with_an_empty_one(method, path, headers, body):
            if f"recordingSid={empty}" in path:
                link = f"http://{headers['Host']}/recordings/{empty}?id=empty&signature=not-for-the-page"
                return 200, {}, {"media_url": link}
            return (200, {}, b"") if f"/recordings/{empty}" in path else answer(method, path, headers, body)

        with server(with_an_empty_one) as self.base:
            _, document, _ = self.prove("--empty-recording", empty)
        self.assertEqual(document["bodies"]["emptyRecording"]["bytes"], 0)
        self.assertEqual(self.answers["bodies.emptyRecording"]["asExpected"], True)

    def test_playback_that_gives_no_link_ends_it(self):
        self.playback.faults = {"/media-url": (403, {}, b"{}")}
        with self.assertRaisesRegex(Problem, "answered 403 instead of a link"):
            self.prove()
        with self.assertRaisesRegex(Problem, "could not be reached"):
            self.prove("--playback-url", "http://127.0.0.1:1")


class Logged(Proving):
    """With the log groups of an emulated account."""

    @classmethod
    def setUpClass(cls):
        cls.endpoint = cls.enterClassContext(emulator())
        cls.logs = account(cls.endpoint).client("logs")
        for group in (GROUP, JOBS):
            cls.logs.create_log_group(logGroupName=group)
            cls.logs.create_log_stream(logGroupName=group, logStreamName="instance-1")

    def setUp(self):
        super().setUp()
        self.logs.delete_log_stream(logGroupName=GROUP, logStreamName="instance-1")
        self.logs.create_log_stream(logGroupName=GROUP, logStreamName="instance-1")
        self.playback.log = lambda stream, lines: self.write(GROUP, lines)
        self.enterContext(mock.patch.object(function_log, "PAUSE_S", 0.05))

    def write(self, group, lines):
        now = round(time.time() * 1000)
        events = [{"timestamp": now, "message": line} for line in lines]
        self.logs.put_log_events(logGroupName=group, logStreamName="instance-1", logEvents=events)

    def prove(self, *arguments):
        place = ["--endpoint-url", self.endpoint, "--region", "us-east-1", "--log-group", GROUP]
        return super().prove(*place, *arguments)

    def test_the_log_shows_cold_starts_and_what_arrived(self):
        _, document, _ = self.prove()
        self.assertEqual(len(document["link"]["cold"]["coldMs"]), 1)
        self.assertEqual(len(document["link"]["cold"]["warmMs"]), 8)
        self.assertEqual(len(document["media"]["cold"]["warmMs"]), 13)
        self.assertEqual(self.unmeasured()[:1], ["media.cold"])
        self.assertIn("quiet hour", self.answers["media.cold"]["answer"])
        self.assertEqual(document["arrival"]["secFetchDest"]["logged"], "audio")
        self.assertIn("the function received `audio`", self.answers["arrival.secFetchDest"]["answer"])
        self.assertIn("arrives as a space", self.answers["arrival.plus"]["answer"])
        self.playback.plus_arrives_as = "+"
        self.prove()
        self.assertIn("arrives as +", self.answers["arrival.plus"]["answer"])

    def test_the_function_is_held_as_long_as_the_reader_reads(self):
        self.playback.held_seconds = 2.0
        _, document, _ = self.prove("--slow-seconds", "1")
        self.assertEqual(document["slowReader"]["function"]["heldSeconds"], 2.0)
        self.assertEqual(self.answers["slowReader"]["asExpected"], True)

    def test_a_short_reply_in_buffers_does_not_count_as_missing_backpressure(self):
        self.prove("--slow-seconds", "1")
        self.assertIn("Buffers on the way", self.answers["slowReader"]["answer"])
        self.assertEqual(self.answers["slowReader"]["asExpected"], None)

    def test_a_log_group_without_these_requests_leaves_the_rows_open(self):
        self.playback.log = lambda stream, lines: None
        with mock.patch.object(function_log, "BOUND_S", 0):
            self.prove()
        for field in ("link.cold", "media.cold", "slowReader"):
            self.assertIn(field, self.unmeasured())

    def test_a_log_group_that_may_not_be_read_keeps_the_other_answers(self):
        code, _, _ = self.prove("--log-group", "another-group", "--jobs-log-groups", "another-group")
        self.assertEqual((code, self.unexpected()), (0, []))
        self.assertIn("callbacks", self.unmeasured())

    def test_the_linkers_log_shows_whether_the_braces_were_filled(self):
        for source, good in [("search", False), ("callback", True)]:
            line = {"target": "audit", "event": "link", "recordingSid": RECORDING, "taskFrom": source}
            self.write(JOBS, [json.dumps(line)])
            _, document, _ = self.prove("--jobs-log-groups", JOBS)
            self.assertEqual(document["callbacks"], {"taskFrom": source})
            self.assertEqual(self.answers["callbacks"]["asExpected"], good)


class WithTwilio(Proving):
    """With a double of Twilio."""

    def setUp(self):
        super().setUp()
        self.twilio = TwilioDouble({flex_configuration.ENABLED: True, flex_configuration.WEBHOOK: WEBHOOK})
        self.twilio_base = self.enterContext(server(self.twilio_answer))
        self.tokens = {}

    def twilio_answer(self, method, path, headers, body):
        for end, answer in self.tokens.items():
            if path.endswith(end):
                return answer
        if "/Recordings/" in path:
            status, fields, content = self.playback.answer(method, path + "?id=x&signature=x", headers, body)
            return status, {name: value for name, value in fields.items() if name not in UNTOLD}, content
        return self.twilio.answer(method, path, headers, body)

    def prove(self, *arguments):
        bases = [f"--twilio-{api}-base={self.twilio_base}" for api in ("api", "flex-api", "iam")]
        return super().prove("--account", ACCOUNT, *bases, *arguments)


class Twilio(WithTwilio):
    """With Twilio's own answers."""

    def test_twilios_media_is_measured(self):
        _, document, _ = self.prove("--twilio-media")
        media = document["twilioMedia"]
        self.assertEqual(media["range"]["headers"]["content-range"], f"bytes 100-199/{LENGTH}")
        self.assertEqual((media["etag"]["present"], media["etag"]["ifNoneMatch"]), (True, 304))
        self.assertEqual(media["channels"]["wav"], 2)
        self.assertEqual(self.unexpected(), [])

    def test_the_credential_does_not_follow_a_redirect_to_another_host(self):
        with server(self.playback.answer) as elsewhere:
            target = elsewhere.replace("127.0.0.1", "localhost")
            self.tokens = {".wav": (302, {"Location": f"{target}/media?id=x&signature=x"}, b"")}
            _, document, _ = self.prove("--twilio-media")
        followed = [headers for _, path, headers in self.playback.seen if path.startswith("/media?")]
        self.assertTrue(followed)
        self.assertFalse([headers for headers in followed if "Authorization" in headers])
        self.assertEqual(document["twilioMedia"]["redirects"]["to"], target.removeprefix("http://"))

    def test_the_token_endpoints_that_answer_are_named(self):
        info = {"account_sid": ACCOUNT, "roles": ["supervisor"], "identity": "somebody-nobody-may-see"}
        self.tokens = {"/Tokens/Info": (200, {}, info), "/Tokens/validate": (200, {}, {"valid": False, "code": 1})}
        _, document, page = self.prove("--tokens")
        self.assertEqual(document["tokens"]["answering"], ["flex"])
        self.assertEqual(document["tokens"]["flex"]["fields"], ["account_sid", "identity", "roles"])
        self.assertEqual(list(document["tokens"]), ["flex", "player", "api-key", "account", "answering"])
        self.assertNotIn("somebody", json.dumps(document) + page)
        self.tokens = {"/Tokens/Info": (404, {}, {}), "/Tokens/validate": (401, {}, {})}
        self.prove("--tokens")
        self.assertEqual(self.unexpected(), ["tokens"])

    def test_the_webhook_of_flex_is_compared_byte_for_byte(self):
        for stored, words, good in [
            (WEBHOOK, "byte for byte; the braces are kept", True),
            (WEBHOOK.replace("{", "%7B").replace("}", "%7D"), "but percent-encoded", False),
            (WEBHOOK.partition("?")[0], "another query or fragment", False),
            ("https://user:secret@elsewhere.example.com/", "another address", False),
            (None, "not set", False),
        ]:
            self.twilio.configuration[flex_configuration.WEBHOOK] = stored
            _, _, page = self.prove("--flex-configuration", "--webhook-url", WEBHOOK)
            self.assertIn(words, self.answers["flexConfiguration"]["answer"])
            self.assertEqual(self.answers["flexConfiguration"]["asExpected"], good)
            self.assertNotIn("elsewhere", page)
        self.assertEqual(self.twilio.written, [])

    def test_a_refused_flex_configuration_keeps_the_other_answers(self):
        self.twilio.faults[("GET", "/v1/Configuration")] = (404, {}, {"code": 20404, "message": "not found"})
        code, _, _ = self.prove("--flex-configuration", "--webhook-url", WEBHOOK)
        self.assertEqual((code, self.unexpected()), (1, ["flexConfiguration"]))
        self.assertIn("404", self.answers["flexConfiguration"]["answer"])


if __name__ == "__main__":
    unittest.main()
