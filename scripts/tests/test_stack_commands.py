"""The command line, and the commands for a deployed stack."""

import contextlib
import io
import json
import os
import pathlib
import ssl
import tempfile
import unittest
import urllib.error
from unittest import mock

import boto3
from support import RECORDING, server

from botocore.exceptions import ClientError, NoCredentialsError
from recording_vault import aws, cli, playback, problems, setup_command

TOKEN = "a-flex-token-that-nobody-may-see"
LINK = "/recordings/x?signature=not-for-the-log"
BODY = bytes(range(256)) * 40


def run(*arguments, stack=None, environment=None):
    """Runs the front end. Returns the exit code, standard output and standard error."""
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.ExitStack() as context:
        context.enter_context(contextlib.redirect_stdout(output))
        context.enter_context(contextlib.redirect_stderr(errors))
        context.enter_context(mock.patch.dict(os.environ, environment or {}))
        if stack:
            context.enter_context(mock.patch.object(aws, "require_stack", lambda *_: stack))
        try:
            code = cli.main(list(arguments))
        except SystemExit as ended:
            code = ended.code
    return code, output.getvalue(), errors.getvalue()


def service(method, path, headers, body):
    """Media links for one token, and ranges."""
    if path.startswith("/media-url"):
        if not headers["Authorization"].endswith("dG9rZW46YS1mbGV4LXRva2VuLXRoYXQtbm9ib2R5LW1heS1zZWU="):
            return 403, {}, b""
        return 200, {}, {"media_url": f"http://{headers['Host']}{LINK}"}
    first = int(headers["Range"].removeprefix("bytes=").rstrip("-"))
    part = BODY[first : first + 4000]
    return 206, {"Content-Range": f"bytes {first}-{first + len(part) - 1}/{len(BODY)}", "ETag": '"1"'}, part


class CommandLine(unittest.TestCase):
    def test_every_help_has_the_exit_codes_and_names_the_stack(self):
        code, root, _ = run("--help")
        self.assertEqual(code, 0)
        self.assertIn("exit codes:", root)
        for command in ("setup", "operate", "smoke-test", "prove", "download", "find"):
            code, text, _ = run(command, "--help")
            self.assertEqual(code, 0)
            for part in ("--stack", "--region", "--profile", "--json", "exit codes:"):
                self.assertIn(part, text, command)

    def test_an_error_of_aws_is_explained(self):
        refused = ClientError({"Error": {"Code": "AccessDenied", "Message": "not allowed"}}, "DescribeStacks")
        for error, words in ((refused, "lacks this right"), (NoCredentialsError(), "aws sso login")):
            with mock.patch.object(aws, "require_stack", side_effect=error):
                code, output, errors = run("operate", "--region", "us-east-1", "--json", "verify", "--all")
            self.assertEqual(code, 1)
            self.assertIn(words, errors)
            self.assertEqual(json.loads(output)["exitCode"], 1)

    def test_a_region_is_required_and_aws_region_gives_it(self):
        empty = {"AWS_REGION": "", "AWS_DEFAULT_REGION": "", "AWS_CONFIG_FILE": "/dev/null"}
        code, _, errors = run("download", RECORDING, "file", environment=empty)
        self.assertEqual(code, 2)
        self.assertIn("Add --region", errors)
        with mock.patch.dict(os.environ, empty | {"AWS_REGION": "eu-west-1"}):
            self.assertEqual(aws.Account().region, "eu-west-1")


    def test_a_wrong_command_line_has_a_document_too(self):
        code, output, errors = run("download", "--json")
        self.assertEqual((code, json.loads(output)["exitCode"]), (2, 2))
        self.assertIn("the following arguments are required", errors)

    def test_a_file_that_cannot_be_used_is_named(self):
        def fails(*_):
            raise PermissionError(13, "Permission denied", "backup.json")

        with mock.patch.object(setup_command, "_run", fails):
            code, output, errors = run("setup", "--json")
        self.assertEqual((code, json.loads(output)["exitCode"]), (1, 1))
        self.assertIn("the file backup.json could not be used: Permission denied", errors)

    def test_a_certificate_that_python_does_not_trust_is_explained(self):
        error = urllib.error.URLError(ssl.SSLCertVerificationError("https://x.example/?signature=secret"))
        self.assertIn("Install Certificates.command", problems.unreachable(error))
        self.assertNotIn("signature", problems.unreachable(error))
        refused = urllib.error.URLError(ConnectionRefusedError(111, "x"))
        self.assertTrue(problems.unreachable(refused).startswith("ConnectionRefusedError. Check the network"))


class Download(unittest.TestCase):
    def test_a_recording_is_downloaded_by_its_sid(self):
        with server(service) as base, tempfile.TemporaryDirectory() as folder:
            file = str(pathlib.Path(folder, "call.wav"))
            arguments = ("download", "--playback-url", base, "--json", RECORDING, file)
            code, output, errors = run(*arguments, environment={"FLEX_TOKEN": TOKEN})
            self.assertEqual((code, json.loads(output)["bytes"]), (0, len(BODY)))
            self.assertEqual(pathlib.Path(file).read_bytes(), BODY)
            self.assertEqual(os.listdir(folder), ["call.wav"])
            for secret in (TOKEN, "signature"):
                self.assertNotIn(secret, output + errors)

    def test_a_refused_token_is_explained(self):
        with server(service) as base:
            code, _, errors = run(
                "download", "--playback-url", base, RECORDING, "file", environment={"FLEX_TOKEN": "another"}
            )
        self.assertEqual(code, 1)
        self.assertIn("AllowedRoles", errors)

    def test_neither_sid_nor_url_is_wrong_input(self):
        self.assertEqual(run("download", "RE1", "file")[0], 2)


class SmokeTest(unittest.TestCase):
    def test_failed_checks_are_in_the_document(self):
        def refuses(*_):
            return 500, {}, b""

        with server(refuses) as base:
            code, output, errors = run(
                *("smoke-test", "--json", "--recording", RECORDING, "--account", "AC1"),
                *("--callback-url", base, "--playback-url", base),
                environment={"FLEX_TOKEN": TOKEN, "TWILIO_AUTH_TOKEN": "secret"},
            )
        checks = json.loads(output)["checks"]
        self.assertEqual((code, len(checks)), (1, 4))
        self.assertTrue(all(check["result"].startswith("FAILED: 500") for check in checks))
        self.assertIn("4 failed", errors)

    def test_a_wrong_sid_is_wrong_input(self):
        self.assertEqual(run("smoke-test", "--recording", "RE1")[0], 2)


class Operate(unittest.TestCase):
    STACK = aws.Stack(
        {
            "StackName": "vault",
            "StackStatus": "CREATE_COMPLETE",
            "Outputs": [
                {"OutputKey": "OperatorFunctionName", "OutputValue": "operator"},
                {"OutputKey": "Bucket", "OutputValue": "bucket"},
            ],
        }
    )

    def run_with(self, state, *arguments):
        body = io.BytesIO(json.dumps(state).encode())
        client = mock.Mock()
        client.get_object.return_value = {"Body": body}
        with mock.patch("boto3.client", return_value=client):
            return run("operate", "--region", "us-east-1", "--json", *arguments, stack=self.STACK)

    def state(self, **counts):
        return {
            "operation": "verify-all",
            "run": 1,
            "status": "done",
            "updatedAtMs": 0,
            "work": {"verify": {"counts": counts}},
        }

    def test_the_state_is_the_document(self):
        code, output, errors = self.run_with(self.state(good=3), "status", "verify-all")
        self.assertEqual((code, json.loads(output)["operation"]["work"]["verify"]["counts"]), (0, {"good": 3}))
        self.assertIn("verify-all done: good 3", errors)

    def test_a_bad_recording_is_a_failure(self):
        self.assertEqual(self.run_with(self.state(bad=1), "status", "verify-all")[0], 1)

    def test_an_erasure_without_confirmation_is_refused(self):
        with mock.patch("builtins.input", return_value="no"):
            code, output, _ = self.run_with({}, "erase", RECORDING)
        self.assertEqual((code, json.loads(output)["error"]), (3, "not erased"))

    def test_a_contradiction_is_a_usage_error(self):
        self.assertEqual(self.run_with({}, "verify", "--all", RECORDING)[0], 2)
        self.assertEqual(self.run_with({}, "index")[0], 2)

    def test_a_stack_without_outputs_is_explained(self):
        with self.assertRaisesRegex(Exception, "is its deployment complete"):
            aws.Stack({"StackName": "x", "StackStatus": "CREATE_IN_PROGRESS"}).output("Bucket")


class Profile(unittest.TestCase):
    def test_a_named_profile_precedes_the_environment_everywhere(self):
        config = tempfile.NamedTemporaryFile("w", suffix=".ini")
        self.enterContext(config).write("[default]\naws_access_key_id = named\naws_secret_access_key = x\n")
        config.flush()
        files = {"AWS_SHARED_CREDENTIALS_FILE": config.name, "AWS_CONFIG_FILE": config.name}
        keys = {"AWS_ACCESS_KEY_ID": "environment", "AWS_SECRET_ACCESS_KEY": "x"}
        self.addCleanup(setattr, boto3, "DEFAULT_SESSION", None)
        for profile, key in (("default", "named"), (None, "environment")):
            with mock.patch.dict(os.environ, files | keys):
                account = aws.Account("us-east-1", profile)
                account.use_for_scripts()
                for session in (account.session, boto3._get_default_session()):
                    self.assertEqual(session.get_credentials().access_key, key)


class Links(unittest.TestCase):
    def test_playback_that_is_away_is_named_without_the_token(self):
        with self.assertRaisesRegex(Exception, "could not be reached") as raised:
            playback.media_link("http://127.0.0.1:1", RECORDING, TOKEN)
        self.assertNotIn(TOKEN, str(raised.exception))


if __name__ == "__main__":
    unittest.main()
