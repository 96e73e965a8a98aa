"""The whole setup: the emulated AWS account, the double of Twilio, and a double of the deployed functions."""

import contextlib
import fnmatch
import functools
import io
import json
import os
import pathlib
import re
import tempfile
import unittest
from unittest import mock

from aws_emulator import CREDENTIALS, REGION, account, emulator
from releases import release_folder
from service_double import FLEX_TOKEN, ServiceDouble
from support import ACCOUNT, API_KEY, AUTH_TOKEN, WORKSPACE
from twilio_double import TwilioDouble, problem

from recording_vault import aws, checks, cli, deploy, proof, proof_task
from recording_vault import flex_configuration as flex
from recording_vault.aws import find_stack
from recording_vault.stored_secrets import Store

SECRETS = {
    "api_key_sid": API_KEY[0],
    "api_key_secret": API_KEY[1],
    "auth_token": AUTH_TOKEN,
    "flex_auth_token": AUTH_TOKEN,
    "flex_token": FLEX_TOKEN,
}
# The beginnings of the names of AWS's calls that change nothing.
READS = ("Describe", "Get", "Head", "List", "Simulate")
FOREIGN = "https://somebody.example.com/callback"


class Emulated(unittest.TestCase):
    """An emulated account with a release."""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.release = cls.folder / "release"
        release_folder(cls.release)
        cls.endpoint = cls.enterClassContext(emulator())
        cls.account = account(cls.endpoint)
        # A new session reads the descriptions of all services again.
        cls.enterClassContext(mock.patch.object(aws, "_session", functools.cache(aws._session)))

    def setUp(self):
        self.twilio = TwilioDouble({"ui_attributes": {"a": 1}, flex.ENABLED: False, flex.WEBHOOK: None})
        self.base = self.enterContext(self.twilio.served())
        self.service = ServiceDouble()
        self.service.link = self.link
        self.enterContext(mock.patch("smoke_test.ask", self.service.ask))
        self.enterContext(mock.patch.object(deploy, "POLL_SECONDS", 0.05))
        for module in (proof, proof_task):
            self.enterContext(mock.patch.object(module, "PAUSE_S", 0.01))
        self.enterContext(mock.patch.object(proof, "REPLACED_BOUND_S", 0.05))
        # In the emulator, a new secret has an empty value. In AWS, it has none.
        self.enterContext(mock.patch.object(Store, "has_value", lambda store, arn: bool(self.value(arn))))
        self.backup = self.folder / "backup.json"

    def link(self, task, recording):
        """Links a task as the deployed linker does."""
        base = self.stack().output("PlaybackBaseUrl").rstrip("/")
        self.twilio.task_router.link(task, f"{base}/media-url?recordingSid={recording}")

    def setup_with(self, *arguments, secrets=None, answers=("--account", ACCOUNT)):
        """Runs `vault.py setup`. Returns the exit code, the document and all output."""
        output, errors = io.StringIO(), io.StringIO()
        given = json.dumps(SECRETS if secrets is None else secrets)
        command = [
            *("setup", "--json", "--secrets-from-stdin", "--region", REGION, "--endpoint-url", self.endpoint),
            *("--backup", str(self.backup), "--release", str(self.release)),
            *(
                "--twilio-api-base",
                self.base,
                "--twilio-taskrouter-base",
                self.base,
                "--twilio-flex-api-base",
                self.base,
            ),
            *answers,
            *arguments,
        ]
        with contextlib.ExitStack() as context:
            context.enter_context(contextlib.redirect_stdout(output))
            context.enter_context(contextlib.redirect_stderr(errors))
            context.enter_context(mock.patch("sys.stdin", io.StringIO(given)))
            context.enter_context(mock.patch.dict(os.environ, CREDENTIALS))
            if "--dry-run" in arguments:
                context.enter_context(self.only_reads())
            code = cli.main(command)
        printed = output.getvalue() + errors.getvalue()
        for secret in (*SECRETS.values(), "signature="):
            if secret != API_KEY[0]:
                self.assertNotIn(secret, printed)
                self.assertNotIn(secret, self.backup.read_text() if self.backup.exists() else "")
        return code, json.loads(output.getvalue()), printed

    @contextlib.contextmanager
    def only_reads(self):
        """Asserts that no request to AWS, Twilio or the deployed service can change something."""
        called, asked = [], []
        session = aws._session(REGION, None)

        def keep(model, **_):
            called.append(model.name)

        # Clients inherit the handlers that their session has when they are made.
        session.events.register("before-call", keep)
        self.twilio.requests.clear()
        try:
            with mock.patch("smoke_test.ask", lambda *given, **_: asked.append(given)):
                yield
        finally:
            session.events.unregister("before-call", keep)
        self.assertIn("DescribeStacks", called)
        self.assertEqual([name for name in called if not name.startswith(READS)], [])
        self.assertEqual([request for request in self.twilio.requests if request[0] not in ("GET", "HEAD")], [])
        self.assertEqual(asked, [])

    def stack(self):
        return find_stack(self.account, "recording-vault")

    def value(self, arn):
        return self.account.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]

    def secret(self, output):
        return json.loads(self.value(self.stack().output(output)))


class Whole(Emulated):
    def test_from_nothing_to_a_configured_flex_and_back(self):
        self.dry_run_of_a_new_stack()
        code, document, printed = self.setup_with("--policies")
        self.assertEqual(code, 0, printed)
        planned = document["policies"]
        self.first_run()
        with self.subTest("the policies name the deployed resources"):
            self.names_the_deployed_resources(planned["operator"], 8)
            groups = planned["auditor"]["Statement"][1]["Resource"]
            logs = [f"{name}Logs" for name in ("Playback", "Copier", "Linker", "Operator")]
            self.assertEqual([arn.split("-")[-2] for arn in groups], logs)
        with self.subTest("a second run changes nothing"):
            before = self.backup.read_text()
            code, document, printed = self.setup_with("--consent", flex.CONSENT, answers=())
            self.assertEqual((code, document["stackChanged"], document["flexChanged"]), (0, False, False), printed)
            self.assertEqual((self.backup.read_text(), len(self.twilio.written)), (before, 1))
        with self.subTest("a dry run of an update shows the differences"):
            self.dry_run_of_an_update()
        with self.subTest("a dry run of the undo changes nothing"):
            code, _, printed = self.setup_with("--undo", "--dry-run")
            self.assertEqual((code, len(self.twilio.written)), (0, 1), printed)
            self.assertEqual(self.backup.read_text(), before)
        with self.subTest("the undo"):
            code, _, printed = self.setup_with("--undo", "--consent", "Delete the stack recording-vault")
            self.assertEqual(code, 0, printed)
            self.assertEqual(self.twilio.configuration[flex.ENABLED], False)
            self.assertEqual(self.twilio.configuration[flex.WEBHOOK], None)
            self.assertIsNone(self.stack())
            self.assertEqual(self.account.client("s3").list_buckets()["Buckets"], [])
            self.assertFalse(self.backup.exists())

    def dry_run_of_a_new_stack(self):
        code, document, printed = self.setup_with("--dry-run")
        self.assertEqual(code, 0, printed)
        self.assertIsNone(self.stack())
        self.assertEqual((self.account.client("s3").list_buckets()["Buckets"], self.twilio.written), ([], []))
        self.assertFalse(self.backup.exists())
        self.assertIn("+ RecordingsKey (AWS::KMS::Key)", document["resources"])
        self.assertNotIn("+ SharedKeysSecret (AWS::SecretsManager::Secret)", document["resources"])
        self.assertNotIn("+ AlarmTopic (AWS::SNS::Topic)", document["resources"])
        self.assertEqual(document["secrets"], ["+ ApiKeySecretArn: a value", "+ AuthTokenSecretArn: a value"])
        self.assertEqual(document["artifacts"][0], "+ recording-vault-artifacts-000000000000-us-east-1")
        self.assertIn(f"- {flex.ENABLED}: false\n  + {flex.ENABLED}: true\n", printed)
        self.assertIn(f"+ {flex.WEBHOOK}: (the output CallRecordingWebhookUrl of the new stack)", printed)

    def first_run(self):
        self.service.not_ready = 2
        code, document, printed = self.setup_with("--consent", flex.CONSENT, "--alarm-email", "ops@example.com")
        self.assertEqual(code, 0, printed)
        self.assertEqual(self.secret("ApiKeySecretArn"), {"sid": API_KEY[0], "secret": API_KEY[1]})
        self.assertEqual(self.secret("AuthTokenSecretArn"), {"primary": AUTH_TOKEN})
        webhook = self.stack().output("CallRecordingWebhookUrl")
        self.assertEqual(self.twilio.written, [{"account_sid": ACCOUNT, flex.ENABLED: True, flex.WEBHOOK: webhook}])
        self.assertEqual([check["result"] for check in document["proof"]], ["ok"] * 11)
        self.assertEqual(self.twilio.task_router.names(), [])
        self.assertEqual(self.stack().parameters["TwilioWorkspaceSid"], WORKSPACE)
        self.assertEqual(len(self.service.callbacks), 1)
        self.assertIn("Only a real call shows the rest", printed)
        self.assertIn("default. ", printed)
        self.assertEqual(oct(self.backup.stat().st_mode & 0o777), "0o600")

    def names_the_deployed_resources(self, planned, count):
        [deployed] = self.account.client("cloudformation").get_paginator("list_stack_resources").paginate(
            StackName="recording-vault"
        )
        ids = {one["PhysicalResourceId"].rpartition("/")[2] for one in deployed["StackResourceSummaries"]}
        names = set(re.findall(r"recording-vault-[\w-]+\*", json.dumps(planned)))
        # The emulator names log groups in its own way.
        names = {name for name in names if not name.endswith("Logs-*")}
        self.assertEqual(len(names), count, names)
        for name in names:
            self.assertTrue(fnmatch.filter(ids, name), f"{name} matches none of {ids}")

    def dry_run_of_an_update(self):
        arguments = ("--dry-run", "--parameter", "MediaUrlTtl=600", "--architecture", "x86_64")
        code, document, printed = self.setup_with(*arguments, answers=())
        self.assertEqual((code, len(self.twilio.written)), (0, 1), printed)
        self.assertIn("  - MediaUrlTtl: 3600\n  + MediaUrlTtl: 600\n", printed)
        self.assertIn("~ WebhookFunction (AWS::Lambda::Function): Code", document["resources"])
        self.assertEqual(len(document["resources"]), 6)
        self.assertEqual(self.stack().parameters["MediaUrlTtl"], "3600")
        self.assertEqual(document["secrets"], [])
        arguments = ("--dry-run", "--parameter", "TwilioEncryptionKey=on", "--alarm-email", "")
        _, document, _ = self.setup_with(*arguments, answers=())
        lines = ["- AlarmTopic (AWS::SNS::Topic)", "+ TwilioEncryptionKeyPair (AWS::KMS::Key)"]
        self.assertEqual(document["resources"], lines)
        self.assertIn("Flex's configuration: nothing to change", printed)
        _, document, _ = self.setup_with(*arguments, "--replace-secrets", answers=())
        self.assertEqual(len(document["secrets"]), 2)


class Rights(Emulated):
    def test_the_least_policy_is_printed_when_rights_are_missing(self):
        for status, shown in ((checks.NOTE, True), (checks.GOOD, False), (checks.UNKNOWN, False)):
            finding = checks.Finding(checks.RIGHTS, status, "as IAM says")
            with mock.patch.object(checks, "rights", lambda *_, finding=finding: finding):
                code, _, printed = self.setup_with("--dry-run")
            self.assertEqual((code, '"Action": "iam:PassRole"' in printed), (0, shown), status)


class Refused(Emulated):
    """Faults before the first change. Each leaves nothing behind."""

    def refused(self, code, words, *arguments, **options):
        actual, document, printed = self.setup_with("--consent", flex.CONSENT, *arguments, **options)
        self.assertEqual(actual, code, printed)
        self.assertRegex(document["error"], words)
        self.assertIsNone(self.stack())
        self.assertEqual(self.account.client("s3").list_buckets()["Buckets"], [])
        self.assertEqual(self.twilio.written, [])
        self.assertFalse(self.backup.exists())

    def test_wrong_secrets(self):
        self.refused(1, "Create a standard API key", secrets=SECRETS | {"api_key_secret": "wrong"})
        self.refused(1, "Copy it again from the console", secrets=SECRETS | {"auth_token": "wrong"})
        self.refused(2, "The Account SID is not an API key", secrets=SECRETS | {"api_key_sid": ACCOUNT})
        self.refused(2, "api_key_sid is missing", secrets={})
        self.refused(2, "unknown names: password", secrets={"password": "x"})

    def test_a_wrong_consent_is_refused_before_the_deployment(self):
        self.refused(3, "--consent is not the sentence.*I confirm", "--consent", "I agree")

    def test_wrong_answers(self):
        self.refused(2, "AC and 32 hexadecimal digits", answers=("--account", "AC1"))
        self.refused(2, "no TaskRouter workspace Other.*Flex Task Assignment", "--workspace", "Other")
        self.refused(2, "at least 0", "--retention-days", "-1")
        self.refused(2, "no parameter Color", "--parameter", "Color=blue")
        self.refused(2, "is not NAME=VALUE", "--parameter", "Color")

    def test_a_region_without_function_urls(self):
        self.refused(1, "eu-central-2 has no Lambda function URLs", "--region", "eu-central-2")

    def test_a_damaged_release(self):
        broken = self.folder / "broken"
        release_folder(broken)
        (broken / "template.json").write_text("{}")
        self.refused(2, "template.json of the release is damaged", "--release", str(broken))

    def test_a_self_hosted_flex_without_its_origin(self):
        self.twilio.configuration["runtime_domain"] = "https://flex.example.com"
        self.refused(1, "https://flex.example.com, which is not in FlexOrigins")

    def test_twilio_that_fails(self):
        self.twilio.faults = {("GET", "/v1/Workspaces"): problem(503, 20503, "unavailable")}
        self.refused(1, "list the TaskRouter workspaces: 503.*Run the command again in a minute")
        self.twilio.faults = {("GET", "/v1/Configuration"): problem(404, 20404, "not found")}
        self.refused(1, "Is Flex set up in it")

    def test_a_backup_that_cannot_be_written(self):
        self.refused(2, "cannot be written.*--backup", "--backup", str(self.folder / "missing" / "backup.json"))

    def test_nothing_to_undo(self):
        self.refused(2, "nothing to undo", "--undo")


class Interrupted(Emulated):
    """Faults after the deployment. Flex stays as it was, and another run continues."""

    def test_every_later_step_can_fail_and_the_next_run_continues(self):
        consent = ("--consent", flex.CONSENT)
        with self.subTest("a wrong token in the deployed service"):
            self.service.auth_token = "another"
            code, document, printed = self.setup_with(*consent)
            self.assertEqual(code, 1, printed)
            self.assertRegex(document["error"], "Flex was not changed.*It continues where it stopped")
            failed = [check["check"] for check in document["proof"] if check["result"] != "ok"]
            self.assertEqual(failed, ["a signed callback is accepted"])
            self.service.auth_token = AUTH_TOKEN
        with self.subTest("no consent"):
            code, document, _ = self.setup_with()
            self.assertEqual(code, 3)
            self.assertIn(flex.CONSENT, document["error"])
        with self.subTest("a foreign webhook"):
            self.twilio.configuration[flex.WEBHOOK] = FOREIGN
            code, document, _ = self.setup_with(*consent)
            self.assertEqual(code, 3)
            self.assertIn("--replace", document["error"])
        with self.subTest("a write that fails"):
            self.twilio.faults = {("POST", "/v1/Configuration"): problem(500, 20500, "internal")}
            code, document, _ = self.setup_with(*consent, "--replace")
            self.assertEqual(code, 1)
            self.twilio.faults = {}
        self.assertEqual(self.twilio.written, [])
        with self.subTest("the next run continues"):
            code, document, printed = self.setup_with(*consent, "--replace")
            self.assertEqual((code, document["stackChanged"], document["flexChanged"]), (0, False, True), printed)
        with self.subTest("the plugin needs its settings first"):
            [other] = self.twilio.add_plugin(1, "dialpad", "2.0.0")
            [ours] = self.twilio.add_plugin(2, "recording-vault", "0.2.0")
            self.twilio.plugin_configurations["FJtheirs"] = [
                self.twilio.configured({"plugin_version": other, "phase": 3})
            ]
            self.twilio.releases.append("FJtheirs")
            code, document, _ = self.setup_with(*consent, "--plugin-version", "0.2.0")
            self.assertEqual((code, self.twilio.releases), (3, ["FJtheirs"]))
            self.assertIn("recording_vault.callback_url", document["error"])
        with self.subTest("the plugin is activated beside the others"):
            settings = {"recording_vault": {"callback_url": "https://x.example/"}}
            self.twilio.configuration["ui_attributes"] = settings
            self.assertEqual(self.setup_with("--consent", "yes", "--plugin-version", "0.2.0")[0], 3)
            code, document, printed = self.setup_with(*consent, "--plugin-version", "0.2.0")
            self.assertEqual((code, document["pluginChanged"]), (0, True), printed)
            active = self.twilio.plugin_configurations[self.twilio.releases[-1]]
            self.assertEqual({plugin["plugin_version_sid"] for plugin in active}, {other, ours})
        with self.subTest("the undo needs consent before its first change"):
            writes = len(self.twilio.written)
            code, document, printed = self.setup_with("--undo", "--consent", "no")
            self.assertEqual((code, len(self.twilio.written)), (3, writes), printed)
            self.assertIsNotNone(self.stack())
        with self.subTest("the undo restores the foreign webhook and the other plugins"):
            code, document, printed = self.setup_with("--undo", "--consent", "Delete the stack recording-vault")
            self.assertEqual((code, self.twilio.configuration[flex.WEBHOOK]), (0, FOREIGN), printed)
            self.assertEqual(self.twilio.releases[-1], "FJtheirs")
            self.assertEqual(self.twilio.configuration["ui_attributes"], settings)
            self.assertIsNone(self.stack())


if __name__ == "__main__":
    unittest.main()
