"""The measurements, against a server that answers as playback and Twilio's media do."""

import json
import os
import pathlib
import re
import tempfile
import unittest
from unittest import mock

from support import ACCOUNT, RECORDING, RecordingConsole, server

from recording_vault import cli, prove_command
from recording_vault.problems import Problem

BODY = bytes(range(256)) * 100
TOKEN = "a-flex-token-that-nobody-may-see"
ETAG = '"version-1"'


class Playback:
    """One recording. `faults` maps a text in the path or a header's name to an answer."""

    def __init__(self):
        self.faults = {}
        self.seen = []

    def answer(self, method, path, headers, body):
        self.seen.append((method, path, dict(headers)))
        for text, fault in self.faults.items():
            if text in path or text in headers:
                return fault
        if "/media-url" in path:
            link = f"http://{headers['Host']}/recordings/x?expires=1&signature=not-for-the-page"
            return 200, {}, {"media_url": link}
        if headers.get("If-None-Match") == ETAG:
            return 304, {"ETag": ETAG}, b""
        return self.part(headers.get("Range"))

    def part(self, wanted):
        common = {"Accept-Ranges": "bytes", "ETag": ETAG, "Content-Type": "audio/x-wav"}
        if not wanted:
            return 200, common, BODY
        first, last = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted).groups()
        first, last = int(first), min(int(last or len(BODY) - 1), len(BODY) - 1)
        if first >= len(BODY):
            return 416, {"Content-Range": f"bytes */{len(BODY)}"}, b"{}"
        return 206, common | {"Content-Range": f"bytes {first}-{last}/{len(BODY)}"}, BODY[first : last + 1]


class Prove(unittest.TestCase):
    def setUp(self):
        self.playback = Playback()
        self.base = self.enterContext(server(self.playback.answer))
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        secrets = {
            "FLEX_TOKEN": TOKEN,
            "TWILIO_API_KEY_SID": "SK1",
            "TWILIO_API_KEY_SECRET": "the-secret-of-the-key",
        }
        self.enterContext(mock.patch.dict(os.environ, secrets))

    def prove(self, *arguments):
        """Returns the exit code, the document, and the page."""
        command = ["prove", "--recording", RECORDING, "--playback-url", self.base, "--slow-seconds", "1", *arguments]
        console = RecordingConsole()
        chosen = cli.parser().parse_args([*command, "--output", str(self.folder / "proof")])
        code = chosen.run(chosen, console)
        document = json.loads((self.folder / "proof.json").read_text())
        page = (self.folder / "proof.md").read_text()
        for secret in (TOKEN, "not-for-the-page", "the-secret-of-the-key"):
            self.assertNotIn(secret, json.dumps(document) + page + console.printed)
        return code, document, page

    def test_every_question_has_an_answer_and_a_field(self):
        code, document, page = self.prove("--twilio-media", "--account", ACCOUNT, "--twilio-api-base", self.base)
        self.assertEqual(code, 0, page)
        self.assertEqual(len(document["answers"]), 13)
        for answer in document["answers"]:
            field = document
            for name in answer["field"].split("."):
                field = field[name]
            self.assertIn(f"`{answer['field']}`", page)
        self.assertEqual(document["media"]["length"], len(BODY))
        self.assertEqual(document["media"]["notModified"]["bytes"], 0)
        self.assertEqual(document["twilioMedia"]["range"]["headers"]["content-range"], f"bytes 100-199/{len(BODY)}")
        self.assertGreater(document["slowReader"]["bytes"], 0)
        sent = [headers for _, path, headers in self.playback.seen if "Sec-Fetch-Dest" in headers]
        self.assertEqual(sent[0]["Sec-Fetch-Dest"], "audio")

    def test_a_plus_that_ends_the_function_is_not_as_expected(self):
        self.playback.faults = {"a+b": (502, {}, b"{}")}
        code, document, page = self.prove()
        self.assertEqual(code, 1)
        self.assertEqual([a["field"] for a in document["answers"] if not a["asExpected"]], ["media.plusInQuery"])
        self.assertIn("**no**", page)

    def test_a_range_that_is_ignored_is_not_as_expected(self):
        whole = (200, {}, BODY)
        self.playback.faults = {"Range": whole}
        code, document, _ = self.prove()
        self.assertEqual(code, 1)
        self.assertIn("media.range", [a["field"] for a in document["answers"] if not a["asExpected"]])

    def test_playback_that_gives_no_link_ends_it(self):
        self.playback.faults = {"/media-url": (403, {}, b"{}")}
        with self.assertRaisesRegex(Problem, "answered 403 instead of a link"):
            self.prove()
        with self.assertRaisesRegex(Problem, "could not be reached"):
            self.prove("--playback-url", "http://127.0.0.1:1")

    def test_the_credential_does_not_follow_a_redirect_to_another_host(self):
        with server(self.playback.answer) as elsewhere:
            target = elsewhere.replace("127.0.0.1", "localhost")
            self.playback.faults = {".wav": (302, {"Location": f"{target}/media"}, b"")}
            self.prove("--twilio-media", "--account", ACCOUNT, "--twilio-api-base", self.base)
        followed = [headers for _, path, headers in self.playback.seen if path == "/media"]
        self.assertTrue(followed)
        self.assertFalse([headers for headers in followed if "Authorization" in headers])


class Page(unittest.TestCase):
    def test_a_slow_reader_that_the_server_ended_is_not_as_expected(self):
        reply = {"status": 206, "bytes": 100, "headers": {}, "firstByteMs": 1}
        names = "range rangeOfABrowser middle whole head notModified unsatisfiable plusInQuery percent2BInQuery"
        media = {name: reply for name in names.split()} | {"firstByte": {"firstMs": 1, "medianMs": 1}}
        slow = {"seconds": 9.0, "bytes": 1, "endedBy": "the server (ConnectionResetError)", "window": ["a", "b"]}
        document = {"link": {"firstMs": 1, "medianMs": 1}, "media": media, "slowReader": slow}
        found = {field: good for field, _, _, good in prove_command.answers(document)}
        self.assertFalse(found["slowReader"])
        self.assertFalse(found["media.head"])
        self.assertTrue(found["media.middle"])


if __name__ == "__main__":
    unittest.main()
