"""The scripts as an administrator starts them: each help in a process of its own, also without boto3."""

import contextlib
import json
import os
import pathlib
import pty
import subprocess
import sys
import tempfile
import threading
import unittest

from aws_emulator import CREDENTIALS
from support import ACCOUNT, RECORDING, SCRIPTS, server
from test_stack_commands import BODY, service

QUIET = {"PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "100"}

OPERATIONS = ("backfill", "reconcile", "sweep", "catalog", "verify", "erase", "status")
COMMANDS = [["setup"], ["operate"], ["smoke-test"], ["prove"], ["download"], ["listen"], ["who"], ["listened"]]
COMMANDS += [["operate", operation] for operation in OPERATIONS]

# The entries beside vault.py, and their commands.
ENTRIES = {"setup.py": "setup", "prove_live.py": "prove", "smoke_test.py": "smoke-test", "download.py": "download"}


def start(script, *arguments, **environment):
    """Runs a script. Returns the exit code, standard output and standard error."""
    process = subprocess.run(
        [sys.executable, SCRIPTS / script, *arguments],
        env=os.environ | QUIET | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return process.returncode, process.stdout, process.stderr


@contextlib.contextmanager
def without_boto3():
    """Gives a PYTHONPATH on which boto3 cannot be imported."""
    with tempfile.TemporaryDirectory() as folder:
        # This module hides the installed one.
        pathlib.Path(folder, "boto3.py").write_text("raise ImportError('hidden', name='boto3')\n", encoding="utf-8")
        yield folder


class Help(unittest.TestCase):
    def test_every_command_has_one_help_that_needs_no_boto3(self):
        with without_boto3() as path:
            for script, *command in [*(["vault.py", *command] for command in COMMANDS), ["operate.py"]]:
                code, text, errors = start(script, *command, "--help", PYTHONPATH=path)
                self.assertEqual((code, errors), (0, ""), command)
                for part in ("--stack", "--region", "--profile", "--json", "exit codes:"):
                    self.assertIn(part, text, command)

    def test_the_other_entries_have_the_same_help(self):
        for script, command in ENTRIES.items():
            self.assertEqual(start(script, "--help"), start("vault.py", command, "--help"))

    def test_a_command_that_needs_boto3_says_how_to_install_it(self):
        with without_boto3() as path:
            for script, *command in (["vault.py", "operate"], ["operate.py"]):
                code, _, errors = start(script, *command, "verify", "--all", PYTHONPATH=path)
                self.assertEqual(code, 2)
                self.assertIn("python3 -m pip install boto3", errors)


class Runs(unittest.TestCase):
    """Each script in a process of its own, with one JSON document on standard output."""

    def document(self, code, script, *arguments, **environment):
        actual, text, errors = start(script, *arguments, "--json", **CREDENTIALS, **environment)
        self.assertEqual(actual, code, errors)
        document = json.loads(text)
        self.assertEqual(document["exitCode"], code)
        self.assertNotIn("Traceback", errors)
        return document, errors

    def test_download(self):
        with server(service) as base, tempfile.TemporaryDirectory() as folder:
            file = str(pathlib.Path(folder, "call.wav"))
            document, _ = self.document(0, "download.py", f"{base}/recordings/x", file)
            self.assertEqual((document["bytes"], pathlib.Path(file).read_bytes()), (len(BODY), BODY))
        document, _ = self.document(2, "download.py", "ftp://x", "file")
        self.assertIn("neither a RecordingSid", document["error"])

    def test_progress_at_a_terminal_is_one_line(self):
        shown_once = threading.Event()

        def slow(*request):
            shown_once.wait(60)
            return service(*request)

        with server(slow) as base, tempfile.TemporaryDirectory() as folder:
            file = str(pathlib.Path(folder, "call.wav"))
            screen, terminal = pty.openpty()
            command = [sys.executable, SCRIPTS / "download.py", f"{base}/recordings/x", file]
            process = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env=os.environ | QUIET)
            os.close(terminal)
            written = b""
            with contextlib.suppress(OSError):
                # A terminal without a process gives an error.
                while piece := os.read(screen, 1 << 16):
                    written += piece
                    if b"\r  downloading to" in written:
                        shown_once.set()
            os.close(screen)
            self.assertEqual(process.wait(), 0, written)
        # The line is overwritten before the message, which is the only line that stays.
        self.assertEqual(written.count(b"\n"), 1, written)
        self.assertTrue(written.endswith(f"\r{len(BODY)} bytes in {file}\r\n".encode()), written)

    def test_smoke_test(self):
        urls = ("--callback-url", "http://127.0.0.1:1", "--playback-url", "http://127.0.0.1:1", "--account", ACCOUNT)
        options = (*urls, "--recording", RECORDING)
        secrets = {"FLEX_TOKEN": "a-token", "TWILIO_AUTH_TOKEN": "a-secret"}
        document, errors = self.document(1, "smoke_test.py", *options, **secrets)
        self.assertEqual(len(document["checks"]), 4)
        self.assertIn("4 failed", errors)
        document, _ = self.document(2, "smoke_test.py", *options, FLEX_TOKEN="a-token", TWILIO_AUTH_TOKEN="")
        self.assertIn("set TWILIO_AUTH_TOKEN", document["error"])

    def test_listen_and_prove(self):
        nowhere = ("--playback-url", "http://127.0.0.1:1")
        document, _ = self.document(1, "vault.py", "listen", RECORDING, *nowhere, FLEX_TOKEN="a-token")
        self.assertIn("could not be reached", document["error"])
        document, _ = self.document(2, "prove_live.py", "--recording", "RE1", *nowhere)
        self.assertIn("not a RecordingSid", document["error"])

    def test_setup(self):
        document, _ = self.document(2, "setup.py", "--release", "nowhere", "--account", "AC1", "--region", "")
        self.assertIn("error", document)

    def test_operate_names_a_stack_in_the_same_way(self):
        def missing(method, path, headers, body):
            """An AWS without the stack, and without the operation."""
            if "NoSuchStack" in body.decode() or "DescribeStacks" in body.decode():
                error = "<Error><Code>ValidationError</Code><Message>Stack does not exist</Message></Error>"
                return 400, {}, f"<ErrorResponse>{error}</ErrorResponse>".encode()
            return 404, {}, b"<Error><Code>NoSuchKey</Code></Error>"

        with server(missing) as base:
            place = ("--region", "eu-west-1", "--endpoint-url", base)
            for script, *command in (["operate.py", *place], ["vault.py", "operate", *place], ["vault.py", "operate"]):
                after = place if len(command) == 1 else ()
                document, _ = self.document(2 if command[:1] == ["operate"] else 1, script, *command, "reconcile", *after)
                self.assertIn("does not exist", document["error"])
            function = ("--function", "f", "--bucket", "b")
            document, _ = self.document(1, "operate.py", *place, *function, "status", "verify-all")
            self.assertIn("operation verify-all not found", document["error"])
        for wrong in (("--function", "f"), ("--stack", "s", "--function", "f", "--bucket", "b")):
            code, text, errors = start("operate.py", *wrong, "sweep")
            self.assertEqual((code, text), (2, ""))
            self.assertIn("give --stack, or --function and --bucket", errors)


if __name__ == "__main__":
    unittest.main()
