"""What no step expects: closed streams, answers that no server of Twilio or AWS gives, and full disks."""

import contextlib
import errno
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

from aws_emulator import CREDENTIALS
from botocore import exceptions
from support import ACCOUNT, RECORDING, SCRIPTS, RecordingConsole, server
from twilio_double import master_client

import download
import smoke_test
from recording_vault import answers, aws, checks, cli, playback, stack_commands
from recording_vault.problems import Problem, WrongInput

VAULT = [sys.executable, str(SCRIPTS / "vault.py")]
NOWHERE = "http://127.0.0.1:1"


class Streams(unittest.TestCase):
    def test_a_closed_standard_stream_is_no_terminal(self):
        for number, shown in ((0, True), (1, True), (2, False)):
            command = [*VAULT, "download", RECORDING, "file", "--playback-url", NOWHERE]
            shell = f'exec "$@" {number}{"<" if number == 0 else ">"}&-'
            environment = {name: value for name, value in os.environ.items() if name != "FLEX_TOKEN"}
            ended = subprocess.run(["sh", "-c", shell, "sh", *command], capture_output=True, text=True, env=environment)
            self.assertEqual(ended.returncode, 2, ended.stderr)
            self.assertEqual("Flex token is missing" in ended.stderr, shown, ended.stderr)
            self.assertNotIn("Traceback", ended.stderr)


    def test_a_reader_who_has_gone_or_a_full_disk_ends_every_format_without_a_traceback(self):
        with tempfile.TemporaryDirectory() as folder:
            # More than a pipe holds.
            line = {"timestamp": "2026-05-01T00:00:00Z", "target": "audit", "recordingSid": RECORDING}
            lines = (json.dumps(line | {"linkId": f"{number:032}"}) for number in range(2_000))
            pathlib.Path(folder, "a.log").write_text("\n".join(lines), encoding="utf-8")
            for form in ("table", "csv", "json"):
                command = [*VAULT, "who", RECORDING, "--log-files", folder, "--format", form]
                for redirection, code in (("| true", 130), (">/dev/full", 1), ("2>&1 | true", 130), (">/dev/full 2>&1", 1)):
                    with self.subTest(form=form, redirection=redirection):
                        shell = f'"$@" {redirection}; exit ${{PIPESTATUS[0]}}'
                        ended = subprocess.run(["bash", "-c", shell, "bash", *command], capture_output=True, text=True)
                        self.assertEqual(ended.returncode, code, ended.stderr)
                        if "2>&1" in redirection:
                            self.assertEqual(ended.stderr, "")
                        else:
                            last = ended.stderr.splitlines()[-1]
                            self.assertRegex(last, "^vault.py: (interrupted|.*No space left on device)$")
                            self.assertNotIn("Traceback", ended.stderr)


    def test_the_operators_script_ends_in_the_same_way(self):
        work = {"counts": {"receipts": 1}, "unfinishedErasures": [RECORDING] * 2_000}
        state = {"operation": "x", "run": 1, "status": "done", "updatedAtMs": 0, "work": {"index": work}}
        erased = {"erased": {"versions": 1, "original": "deleted", "held": []}}
        base = self.enterContext(server(lambda method, *_: (200, {}, state if method == "GET" else erased)))
        place = ["--endpoint-url", base, "--region", "us-east-1", "--function", "f", "--bucket", "b"]
        for form, redirection, code, shown in (
            ("", "| true", 130, "interrupted"),
            ("", ">/dev/full", 1, ".*No space left on device"),
            ("", "2>&1 | true", 130, None),
            ("", ">&- 2>&-", 1, None),
            ("erase", "| true", 130, "interrupted"),
            ("erase", ">/dev/full", 1, ".*No space left on device"),
            ("--json", "2>/dev/null | true", 130, None),
            ("--json", ">/dev/full 2>/dev/null", 1, None),
            ("--json", "2>&1 >document | true", 130, '"interrupted"'),
            ("--json", "2>/dev/full >document", 1, '".*No space left on device"'),
            ("--json", "2>&- >document", 1, None),
        ):
            with self.subTest(form=form, redirection=redirection), tempfile.TemporaryDirectory() as folder:
                command = ["erase", "--yes", RECORDING] if form == "erase" else [*form.split(), "status", "x"]
                script = [sys.executable, str(SCRIPTS / "operate.py"), *place, *command]
                shell = f'"$@" {redirection}; exit ${{PIPESTATUS[0]}}'
                # Python keeps short output until its end, unless this variable tells it not to.
                settings = {"env": os.environ | CREDENTIALS | {"PYTHONUNBUFFERED": ""}, "cwd": folder}
                settings |= {"capture_output": True, "text": True}
                ended = subprocess.run(["bash", "-c", shell, "bash", *script], **settings)
                self.assertEqual(ended.returncode, code, ended.stderr)
                if ">document" in redirection:
                    # The stream that works has the whole document, and nothing else.
                    document = json.loads(pathlib.Path(folder, "document").read_text(encoding="utf-8"))
                    self.assertEqual((document["exitCode"], document["operation"]), (code, state))
                    self.assertRegex(json.dumps(document.get("error")), shown or "null")
                elif shown:
                    self.assertRegex(ended.stderr, f"^{shown}\n$")
                else:
                    self.assertEqual(ended.stderr, "")


    def test_a_help_or_a_usage_message_that_nobody_reads_has_no_traceback(self):
        for command, code in (("vault.py --help", 0), ("operate.py --help", 0), ("vault.py find --json --call", 2)):
            script = [sys.executable, *f"{SCRIPTS}/{command}".split()]
            with open("/dev/full", "wb") as full:
                settings = {"env": os.environ | {"PYTHONUNBUFFERED": ""}, "stdout": full, "text": True}
                ended = subprocess.run(script, stderr=subprocess.PIPE, **settings)
            self.assertEqual(ended.returncode, code)
            self.assertNotRegex(ended.stderr, "Traceback|Exception|Errno")


class Failures(unittest.TestCase):
    def run_with(self, error):
        output, errors = io.StringIO(), io.StringIO()
        fails = mock.Mock(side_effect=error)
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            with mock.patch.object(stack_commands, "_download", fails):
                code = cli.main(["download", "--json", RECORDING, "file"])
        return code, json.loads(output.getvalue()), errors.getvalue()

    def test_a_failure_of_any_kind_is_one_line_and_one_document(self):
        for error, words in (
            (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
            (KeyError("the-secret"), r"KeyError in .*\.py, line \d+"),
            (ValueError("https://host/?token=the-secret"), "ValueError in"),
            (OSError("the-secret"), "OSError in"),
        ):
            code, document, errors = self.run_with(error)
            self.assertEqual((code, document["exitCode"]), (1, 1))
            self.assertRegex(document["error"], words)
            self.assertNotIn("the-secret", document["error"] + errors)
            self.assertEqual(len(errors.splitlines()), 1, errors)


class OfAws(unittest.TestCase):
    """boto3's errors, as administrators see them."""

    def test_a_session_that_has_expired_is_not_a_lost_connection(self):
        for error, words in (
            (exceptions.UnauthorizedSSOTokenError(), "credentials or settings of this computer.*aws sso login"),
            (exceptions.PartialCredentialsError(provider="env", cred_var="x"), "credentials or settings.*Partial"),
            (exceptions.EndpointConnectionError(endpoint_url="https://x"), "could not be reached"),
            (exceptions.ReadTimeoutError(endpoint_url="https://x"), "could not be reached"),
            (exceptions.ProxyConnectionError(proxy_url="http://p"), "could not be reached"),
            (self.refusal("ExpiredToken"), "Sign in to AWS again"),
            (self.refusal("UnrecognizedClientException"), "has enabled this Region"),
        ):
            self.assertRegex(aws.explained(error), words)

    def refusal(self, code):
        return exceptions.ClientError({"Error": {"Code": code, "Message": "m"}}, "GetCallerIdentity")


class AnswersFile(unittest.TestCase):
    def read(self, name, content):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, name)
            path.write_bytes(content)
            return answers._read(str(path))

    def test_a_byte_order_mark_is_no_part_of_the_file(self):
        text = f'account = "{ACCOUNT}"\r\n'
        self.assertEqual(self.read("a.toml", text.encode("utf-8-sig")), {"account": ACCOUNT})
        self.assertEqual(self.read("a.json", b'\xef\xbb\xbf{"account": null}'), {"account": None})

    def test_what_is_no_table_of_texts_is_explained(self):
        for name, content, words in (
            ("a.toml", "account = 1".encode("utf-16"), "Save it as UTF-8"),
            ("a.json", b"[1]", "names and values"),
            ("a.json", b'{"parameters": {"FlexOrigins": null}}', "a text or a number for FlexOrigins"),
            ("a.toml", b'alarm_email = ["a@example.com"]', "a text or a number for alarm_email"),
        ):
            with self.assertRaisesRegex(WrongInput, words):
                self.read(name, content)


class Rubbish(unittest.TestCase):
    """A proxy answers 200 with something else, or breaks off."""

    def asked(self, body):
        base = self.enterContext(server(lambda *_: (200, {}, body)))
        client = master_client(base)
        calls = (
            *(lambda: client.recordings(1), client.workspaces, lambda: client.tasks("WS"), client.plugins),
            *(lambda: client.plugin_versions("FP"), client.active_release, lambda: client.configured_plugins("FJ")),
            lambda: client.create_plugin_configuration("name", []),
        )
        for call in calls:
            with self.assertRaisesRegex(Problem, "A proxy may have answered"):
                call()

    def test_an_answer_of_another_form_is_explained(self):
        for body in (b"<html>Sign in</html>", b"{}", b"[]", b'{"recordings": null, "plugins": [1], "workspaces": [{}]}'):
            self.asked(body)
        with self.assertRaisesRegex(Problem, "A proxy may have answered"):
            checks.workspace(master_client(self.enterContext(server(lambda *_: (200, {}, b"{}")))), "")

    def test_an_answer_that_breaks_off_is_no_answer(self):
        for status in (200, 500):
            base = self.enterContext(server(lambda *_, status=status: (status, {"Content-Length": "9"}, b"{}")))
            with self.assertRaisesRegex(Problem, "could not be reached to list recordings"):
                master_client(base).recordings(1)
            with self.assertRaises(OSError):
                smoke_test.ask(base)

    def test_playback_without_a_link_is_explained(self):
        for body in (b"<html>", b"[]", b"{}", b'{"media_url": "ftp://x"}'):
            base = self.enterContext(server(lambda *_, body=body: (200, {}, body)))
            with self.assertRaisesRegex(Problem, "answered without a link"):
                playback.media_link(base, RECORDING, "token")


class Addresses(unittest.TestCase):
    def test_a_token_goes_only_through_tls_or_to_this_computer(self):
        for good in ("https://play.example", "http://127.0.0.1:4000/", "http://localhost:1"):
            self.assertEqual(playback.checked_address(good, "--playback-url"), good)
        for bad in ("http://play.example", "play.example", "https://", "ftp://127.0.0.1", ""):
            with self.assertRaisesRegex(WrongInput, "--playback-url must be a URL that begins with https"):
                playback.checked_address(bad, "--playback-url")

    def test_wrong_addresses_are_wrong_input_before_a_token_is_asked_for(self):
        for command in (["download", RECORDING, "file"], ["listen", RECORDING]):
            with contextlib.redirect_stderr(io.StringIO()) as errors:
                self.assertEqual(cli.main([*command, "--playback-url", "http://play.example"]), 2)
            self.assertIn("begins with https://", errors.getvalue())
        command = ["smoke-test", "--recording", RECORDING, "--account", ACCOUNT]
        for callback, of_playback in (("call.example", NOWHERE), (NOWHERE, "play.example")):
            with contextlib.redirect_stderr(io.StringIO()) as errors:
                code = cli.main([*command, "--callback-url", callback, "--playback-url", of_playback])
            self.assertEqual(code, 2)
            self.assertIn("begins with https://", errors.getvalue())

    def test_the_token_does_not_follow_a_redirect(self):
        asked = []

        def elsewhere(_method, _path, headers, _body):
            asked.append(headers.get("Authorization"))
            return 200, {}, b'{"media_url": "https://other.example/"}'

        other = self.enterContext(server(elsewhere))
        base = self.enterContext(server(lambda *_: (302, {"Location": f"{other}/media-url"}, b"")))
        with self.assertRaisesRegex(Problem, "playback answered 302"):
            playback.media_link(base, RECORDING, "token")
        self.assertEqual(asked, [])


class FullDisk(unittest.TestCase):
    def test_a_full_disk_is_not_a_lost_connection(self):
        answer = 206, {"Content-Range": "bytes 0-3/4"}, b"RIFF"
        base = self.enterContext(server(lambda *_: answer))
        with mock.patch.object(download, "PAUSE_S", 0):
            with open("/dev/full", "wb", buffering=0) as full:
                with self.assertRaisesRegex(download.Refused, "could not be written: No space left"):
                    download.download(base, full)


if __name__ == "__main__":
    unittest.main()
