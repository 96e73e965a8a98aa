"""The command `link`: what it sends, prints and refuses."""

import contextlib
import io
import json
import pathlib
import re
import unittest
from unittest import mock

from support import RECORDING

from recording_vault import aws, cli, link_command

URL = f"https://listen.example.com/recordings/{RECORDING}?expires=1&signature=not-for-standard-error"
ARN = "arn:aws:sts::123456789012:assumed-role/Operators/sam"
MADE = {
    "url": URL,
    "linkId": "an-id",
    "expiresAt": "2026-11-30T10:00:00Z",
    "recordingSid": RECORDING,
    "length": 190_000_000,
    "mediaType": "wav",
}


class Lambda:
    """The operator function, with one answer."""

    def __init__(self, answer, failed=False):
        self.answer, self.failed, self.events = answer, failed, []

    def invoke(self, FunctionName, Payload):
        self.events.append((FunctionName, json.loads(Payload)))
        reply = {"Payload": io.BytesIO(json.dumps(self.answer).encode())}
        return reply | ({"FunctionError": "Unhandled"} if self.failed else {})


def run(function, *arguments):
    """Runs the command. Returns the exit code, standard output and standard error."""
    output, errors = io.StringIO(), io.StringIO()
    stack = mock.Mock(output=lambda name: f"the-{name}")
    with contextlib.ExitStack() as context:
        context.enter_context(contextlib.redirect_stdout(output))
        context.enter_context(contextlib.redirect_stderr(errors))
        context.enter_context(mock.patch.object(aws, "require_stack", lambda *_: stack))
        context.enter_context(mock.patch.object(aws.Account, "client", lambda *_, **__: function))
        context.enter_context(mock.patch.object(aws.Account, "identity", lambda _: ("123456789012", ARN)))
        try:
            code = cli.main(["link", "--region", "us-east-1", *arguments])
        except SystemExit as ended:
            code = ended.code
    return code, output.getvalue(), errors.getvalue()


def link(function, *more, minutes="60"):
    return run(function, RECORDING, "--minutes", minutes, "--for", "Jane Auditor", *more)


class Link(unittest.TestCase):
    def test_the_link_is_printed_with_its_end(self):
        function = Lambda({"link": MADE})
        code, output, errors = link(function)
        self.assertEqual(code, 0)
        self.assertEqual(output.splitlines()[0], URL)
        for words in ("until 2026-11-30T10:00:00Z", "only to Jane Auditor", f"download URL {RECORDING}.wav", "an-id"):
            self.assertIn(words, output)
        self.assertNotIn("range_required", output)
        self.assertEqual(errors, "")
        request = {"recordingSid": RECORDING, "minutes": 60, "for": "Jane Auditor", "requestedBy": ARN, "download": False}
        self.assertEqual(function.events, [("the-OperatorFunctionName", {"link": request})])

    def test_the_link_is_in_the_json_document_alone(self):
        code, output, errors = link(Lambda({"link": MADE}), "--json")
        self.assertEqual(code, 0)
        self.assertEqual(json.loads(output), {"link": MADE, "opensInBrowser": True, "exitCode": 0})
        self.assertNotIn("signature", errors)

    def test_a_link_to_a_file_is_requested_as_one(self):
        function = Lambda({"link": MADE})
        _, output, _ = link(function, "--download", "--function", "operator")
        self.assertIn(f"saves it as {RECORDING}.wav", output)
        [(name, event)] = function.events
        self.assertEqual((name, event["link"]["download"]), ("operator", True))

    def test_a_recording_that_no_browser_opens_has_a_warning(self):
        _, output, _ = link(Lambda({"link": MADE | {"length": 190_000_001}}))
        self.assertIn("range_required", output)
        self.assertIn(f"vault.py download URL {RECORDING}.wav", output)

    def test_refusals_have_exit_codes(self):
        for refused, code in (
            ("not_stored", 1),
            ("erased", 1),
            ("expired", 1),
            ("minutes_not_valid", 2),
            ("name_not_valid", 2),
            ("requested_by_not_valid", 2),
            ("links_off", 3),
        ):
            answer = {"link": {"recordingSid": RECORDING, "refused": refused, "problem": "the reason"}}
            ended, output, errors = link(Lambda(answer))
            self.assertEqual((ended, output), (code, ""), refused)
            self.assertIn("the reason", errors)
        self.assertIn("--parameter OperatorLinks=true", errors)

    def test_a_failure_of_the_function_is_one_line(self):
        code, output, errors = link(Lambda({"errorMessage": "no link was made: the link keys"}, failed=True))
        self.assertEqual((code, output), (1, ""))
        self.assertIn("no link was made: the link keys", errors)

    def test_what_is_wrong_here_is_not_sent(self):
        function = Lambda({"link": MADE})
        for minutes in ("0", "-1", "10081"):
            self.assertEqual(link(function, minutes=minutes)[0], 2)
        self.assertEqual(run(function, "RE1", "--minutes", "60", "--for", "Jane")[0], 2)
        self.assertEqual(run(function, RECORDING, "--minutes", "60")[0], 2)
        self.assertEqual(function.events, [])

    def test_the_bounds_are_those_of_the_functions(self):
        sources = pathlib.Path(__file__).resolve().parents[2] / "functions"
        checks = (sources / "recording-callback/src/operator/link/checks.rs").read_text()
        self.assertIn("MOST_MINUTES: u32 = 7 * 24 * 60;", checks)
        self.assertEqual(link_command.MOST_MINUTES, 7 * 24 * 60)
        decide = (sources / "recording-playback/src/decide.rs").read_text()
        [limit] = re.findall(r"REPLY_LIMIT: u64 = ([\d_]+);", decide)
        self.assertEqual(link_command.LONGEST_REPLY_BYTES, int(limit))


if __name__ == "__main__":
    unittest.main()
