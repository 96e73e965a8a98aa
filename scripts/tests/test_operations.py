"""`operate.py` and `vault.py operate`: what they refuse, follow, and print when they are interrupted."""

import contextlib
import io
import json
import os
import pathlib
import tempfile
import unittest
from unittest import mock

import test_stack_commands as front
from botocore import exceptions
from support import RECORDING
from test_find import CALL, ROW, OperatorDouble, find
from vault_double import VaultDouble

import operate
from recording_vault import following

UPPER = "RE" + "0" * 31 + "A"
FUNCTION = ("operate.py", "--function", "f", "--bucket", "b")


def script(*arguments):
    """Runs operate.py. Returns the exit code, standard output and standard error."""
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.ExitStack() as context:
        context.enter_context(contextlib.redirect_stdout(output))
        context.enter_context(contextlib.redirect_stderr(errors))
        context.enter_context(mock.patch("sys.argv", [*FUNCTION, *arguments]))
        context.enter_context(mock.patch.dict(os.environ, {"AWS_DEFAULT_REGION": "us-east-1"}))
        try:
            code = operate.main()
        except SystemExit as ended:
            code = ended.code
    return code, output.getvalue(), errors.getvalue()


def vault(*arguments):
    """Runs `vault.py operate`. Returns the exit code, standard output and standard error."""
    return front.run("operate", "--region", "us-east-1", *arguments, stack=front.Operate.STACK)


def with_double(double, run, *arguments):
    """Runs `script` or `vault` with a double of the vault, and without pauses."""
    with mock.patch.object(operate, "Vault", return_value=double), mock.patch.object(following, "POLL_SECONDS", 0):
        return run(*arguments)


class WrongSids(unittest.TestCase):
    def test_they_end_with_2_before_a_question_or_a_call(self):
        for words, *command in (
            ("not a RecordingSid: RE and 32", "verify", "RE123"),
            ("in lower case", "verify", RECORDING, UPPER),
            ("not a RecordingSid: RE and 32", "erase", "RE123"),
            ("not a RecordingSid: RE and 32", "erase", "RE123", "--yes"),
            ("in lower case", "erase", UPPER, "--yes"),
            ("in lower case", "erase", UPPER, "--dry-run"),
            ("in lower case", "erase", "--call", "CA" + "A" * 32),
            ("not a ConferenceSid: CF and 32", "erase", "--conference", "CF1"),
        ):
            for run in (script, vault):
                with mock.patch("boto3.client") as client, mock.patch("builtins.input") as question:
                    code, output, errors = run(*command)
                self.assertEqual((code, output, client.mock_calls, question.mock_calls), (2, "", [], []), command)
                self.assertIn(words, errors.splitlines()[-1])

    def test_upper_case_digits_are_refused_by_every_command(self):
        for command in (
            ("find", "--recording", UPPER),
            ("find", "--task", "WT" + "F" * 32),
            ("who", UPPER),
            ("link", UPPER, "--minutes", "1", "--for", "Jane"),
            ("download", UPPER, "file"),
            ("listen", UPPER),
            ("prove", "--recording", UPPER),
            ("smoke-test", "--recording", UPPER),
        ):
            with mock.patch("boto3.client") as client:
                code, output, errors = front.run(*command, "--region", "us-east-1")
            self.assertEqual((code, output, client.mock_calls), (2, "", []), command)
            self.assertIn("Twilio writes SIDs in lower case", errors)

    def test_a_usage_error_of_an_operation_has_a_document(self):
        code, output, _ = vault("--json", "erase", "RE123")
        self.assertEqual((code, json.loads(output)["exitCode"]), (2, 2))


class Interruptions(unittest.TestCase):
    def test_the_document_has_what_was_erased_and_nothing_else_is_on_standard_output(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "list")
            file.write_text("".join(f"RE{number:032x}\n" for number in range(2_500)))
            refused = exceptions.ClientError({"Error": {"Code": "ExpiredToken", "Message": "m"}}, "GetObject")
            for run in (script, vault):
                for error, expected in ((KeyboardInterrupt(), 130), (SystemExit("x"), 1), (refused, 1)):
                    double = VaultDouble("done", error)
                    command = ("--json", "erase", "--yes", "--from-file", str(file))
                    code, output, errors = with_double(double, run, *command)
                    document = json.loads(output)
                    self.assertEqual((code, document["exitCode"]), (expected, expected))
                    self.assertEqual(document["operation"]["counts"]["erased"], 1_000)
                    self.assertEqual(document["operation"]["unfinished"]["recordingsNotBegun"], 500)
                    self.assertIn("500 recordings have not begun", errors)


class Runs(unittest.TestCase):
    """Whose run is shown."""

    def state(self, run, step=1, status="running"):
        counts = {"verified": run}
        work = {"verify": {"counts": counts}}
        return {"operation": "v", "run": run, "step": step, "status": status, "updatedAtMs": 0, "work": work}

    def followed(self, states, event=None, operation="v"):
        """Follows an operation that has these states, one at each look."""
        double = mock.Mock(last=None)
        double.state.side_effect = states
        with mock.patch.object(following, "POLL_SECONDS", 0), contextlib.redirect_stdout(io.StringIO()):
            if event:
                return operate.begin(double, operation, event, True)
            return operate.show(double, operation, True)

    def test_another_run_is_not_reported_in_place_of_the_one_that_was_followed(self):
        event = {"verify": {"all": True, "restart": False}}
        first, other = self.state(5), self.state(6, status="done")
        started = [None, first]
        for states, begun in (([first, other], None), ([*started, first, other], event), ([*started, other], event)):
            with self.assertRaisesRegex(following.Replaced, "v was started again by somebody else"):
                self.followed(states, begun)
        self.assertEqual(self.followed([first, self.state(5, status="done")]), 0)

    def test_it_is_one_line_and_the_exit_code_1(self):
        for run in (script, vault):
            double = mock.Mock(last=None)
            double.state.side_effect = [self.state(5), self.state(6)]
            code, output, errors = with_double(double, run, "status", "v", "--follow")
            self.assertEqual(code, 1)
            self.assertNotIn("verified 6", output)
            self.assertEqual(len(errors.splitlines()), 1)
            self.assertIn("audit lines with this `operation`", errors)

    def test_a_restart_follows_its_own_run_and_not_the_next_step_of_the_one_before(self):
        event = {"verify": {"all": True, "restart": True}}
        states = [self.state(5, 1), self.state(5, 2), self.state(6), self.state(6, 1, "done")]
        self.assertEqual(self.followed(states, event), 0)
        event["verify"]["restart"] = False
        self.assertEqual(self.followed([*states[:2], self.state(5, 2, "done")], event), 0)


class Rebuild(unittest.TestCase):
    def test_erasures_that_have_not_ended_are_named_and_are_a_failure(self):
        for count, named, expected in ((0, [], 0), (1, [RECORDING], 1), (1, [], 1)):
            work = {"counts": {"receipts": 2, "unfinishedErasures": count}, "unfinishedErasures": named}
            state = Runs().state(1, status="done") | {"work": {"index": work}}
            double = mock.Mock(last=None, **{"state.return_value": state})
            code, output, _ = with_double(double, script, "status", "index-rebuild")
            self.assertEqual(code, expected)
            self.assertEqual(f"erasure not finished: {RECORDING}. Erase it again" in output.splitlines(), bool(named))


class Clock:
    """`time` for the pauses between invocations."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def refused(code, status=400):
    answer = {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return exceptions.ClientError(answer, "Invoke")


class Questions(unittest.TestCase):
    """Invocations that change nothing are repeated for a while."""

    PASSING = (
        refused("TooManyRequestsException", 429),
        refused("ServiceException", 500),
        refused("EC2ThrottledException", 502),
        refused("Unknown", 503),
        exceptions.EndpointConnectionError(endpoint_url="https://x"),
        exceptions.ConnectionClosedError(endpoint_url="https://x"),
        exceptions.ConnectTimeoutError(endpoint_url="https://x"),
        exceptions.ResponseStreamingError(error="x"),
    )
    LASTING = (refused("AccessDeniedException", 403), exceptions.ReadTimeoutError(endpoint_url="https://x"))

    def setUp(self):
        self.clock = Clock()
        self.enterContext(mock.patch.object(operate, "time", self.clock))

    def test_a_search_goes_on_after_what_passes(self):
        double = OperatorDouble({"found": [ROW], "next": "a"}, *self.PASSING[:3], {"found": [ROW], "next": "b"})
        double.pages += [*self.PASSING[3:], {"found": [ROW]}]
        code, output, errors = find(double, "--call", CALL)
        self.assertEqual((code, output.count(RECORDING), errors), (0, 3, ""))
        after = [event["find"].get("after") for event in double.events]
        self.assertEqual(after, [None, *["a"] * 4, *["b"] * 6])

    def test_it_ends_after_about_a_minute_and_keeps_what_was_found(self):
        double = OperatorDouble({"found": [ROW], "next": "a"}, *[self.PASSING[0]] * 50)
        code, output, errors = find(double, "--call", CALL)
        self.assertEqual((code, output.count(RECORDING)), (1, 1))
        self.assertIn("TooManyRequestsException", errors)
        self.assertTrue(45 <= self.clock.now <= 60, self.clock.now)

    def test_what_does_not_pass_is_not_repeated(self):
        for error in self.LASTING:
            double = OperatorDouble(error, {"found": []})
            self.assertEqual((find(double, "--call", CALL)[0], len(double.events)), (1, 1))

    def test_a_plan_is_repeated_and_a_change_is_not(self):
        plan = {"erasurePlan": {"counts": {"stored": 0, "unknown": 0}, "recordings": []}}
        for command, answer, calls in (
            (("erase", "--call", CALL, "--dry-run"), plan, 2),
            (("erase", RECORDING, "--yes"), {}, 1),
            (("verify", RECORDING), {}, 1),
        ):
            double = OperatorDouble(self.PASSING[0], answer)
            with mock.patch("boto3.client", return_value=double):
                code, _, _ = script(*command)
            self.assertEqual((code, len(double.events)), (int(calls == 1), calls), command)


if __name__ == "__main__":
    unittest.main()
