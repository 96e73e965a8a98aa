"""Checks, secrets, answers and the backup file."""

import argparse
import io
import json
import pathlib
import tempfile
import unittest
import urllib.parse
from unittest import mock

import boto3
from aws_emulator import CREDENTIALS
from botocore.stub import Stubber
from releases import templates
from support import ACCOUNT, API_KEY, RECORDING, WORKSPACE, RecordingConsole
from twilio_double import TwilioDouble, key_client, master_client, problem

from recording_vault import answers, backup, checks, policies, proof, stored_secrets, twilio
from recording_vault.aws import Stack
from recording_vault.problems import Problem, WrongInput

ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:ApiKeySecret-x"


class Stubbed(unittest.TestCase):
    """AWS's clients with their answers in order. botocore checks both against AWS's own description."""

    def stubbed(self, service, *expected):
        session = boto3.session.Session(CREDENTIALS["AWS_ACCESS_KEY_ID"], "test", region_name="eu-central-1")
        client = session.client(service)
        stubber = self.enterContext(Stubber(client))
        for method, answer, parameters in expected:
            if isinstance(answer, str):
                stubber.add_client_error(method, answer, expected_params=parameters)
            else:
                stubber.add_response(method, answer, parameters)
        self.addCleanup(stubber.assert_no_pending_responses)
        return mock.Mock(region="eu-central-1", client=lambda _: client)


class Checks(Stubbed):
    def test_the_quota_decides(self):
        for quota, free, status in ((1000, 900, checks.GOOD), (50, 40, checks.NOTE), (1000, 5, checks.BAD)):
            limit = {"AccountLimit": {"ConcurrentExecutions": quota, "UnreservedConcurrentExecutions": free}}
            account = self.stubbed("lambda", ("get_account_settings", limit, {}))
            found, finding = checks.concurrency(account)
            self.assertEqual((found, finding.status), (quota, status))

    def test_a_quota_that_may_not_be_read_is_not_checked(self):
        account = self.stubbed("lambda", ("get_account_settings", "AccessDeniedException", {}))
        found, finding = checks.concurrency(account)
        self.assertEqual((found, finding.status), (None, checks.UNKNOWN))

    def test_missing_rights_are_named(self):
        def simulated(**decisions):
            results = [{"EvalActionName": name, "EvalDecision": decision} for name, decision in decisions.items()]
            return {"EvaluationResults": results, "IsTruncated": False}

        policy = {
            "Statement": [
                {"Action": ["s3:CreateBucket", "s3:Get*"], "Resource": "arn:aws:s3:::vault-*"},
                {"Action": "iam:PassRole", "Resource": "*", "Condition": {}},
            ]
        }
        request = {
            "PolicySourceArn": "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/Deployer",
            "ActionNames": ["s3:CreateBucket"],
            "ResourceArns": ["arn:aws:s3:::vault-x"],
        }
        session = "arn:aws:sts::123456789012:assumed-role/Deployer/me"
        role = {"Path": "/", "RoleName": "Deployer", "RoleId": "A" * 16, "Arn": request["PolicySourceArn"]}
        role["CreateDate"] = "2026-01-01"
        bare = request | {"PolicySourceArn": "arn:aws:iam::123456789012:role/Deployer"}
        for found, asked, answer, status in (
            ({"Role": role}, request, simulated(allowed="allowed"), checks.GOOD),
            ({"Role": role}, request, simulated(allowed="allowed", denied="implicitDeny"), checks.NOTE),
            ("AccessDenied", bare, simulated(allowed="allowed"), checks.GOOD),
            ("AccessDenied", bare, "AccessDenied", checks.UNKNOWN),
        ):
            calls = (("get_role", found, {"RoleName": "Deployer"}), ("simulate_principal_policy", answer, asked))
            account = self.stubbed("iam", *calls)
            self.assertEqual(checks.rights(account, session, policy).status, status)
        self.assertEqual(checks.principal("arn:aws:iam::1:user/me"), "arn:aws:iam::1:user/me")

    def test_a_bad_finding_ends_the_setup(self):
        console = RecordingConsole()
        with self.assertRaisesRegex(Problem, "Region: x has no Lambda function URLs"):
            checks.require([checks.region("x", ["x"]), checks.region("y", ["x"])], console)
        self.assertIn("y has Lambda function URLs", console.printed)


class TwilioChecks(unittest.TestCase):
    def setUp(self):
        self.double = TwilioDouble()
        self.base = self.enterContext(self.double.served())

    def test_a_main_key_is_noted(self):
        self.assertEqual(checks.api_key_kind(key_client(self.base)).status, checks.GOOD)
        self.assertEqual(checks.api_key_kind(master_client(self.base)).status, checks.NOTE)

    def test_the_keys_permissions_are_tried_by_reading(self):
        client = key_client(self.base)
        self.assertEqual(checks.api_key_reads(client, WORKSPACE, RECORDING).status, checks.GOOD)
        self.assertTrue(all(method in ("GET", "HEAD") for method, _ in self.double.requests))
        self.double.faults = {("HEAD", ".wav"): problem(404, 20404, "not found")}
        finding = checks.api_key_reads(client, WORKSPACE, RECORDING)
        self.assertEqual(finding.status, checks.NOTE)
        self.assertIn("Twilio answered 404 to the request for the audio", finding.text)
        self.double.faults = {("GET", "/Tasks"): problem(403, 20003, "Permission denied")}
        finding = checks.api_key_reads(client, WORKSPACE, RECORDING)
        self.assertEqual(finding.status, checks.BAD)
        self.assertIn("may not read the tasks. Use a Standard key", finding.text)
        self.double.faults[("HEAD", ".wav")] = problem(403, 20003, "Permission denied")
        self.assertIn("tasks and the audio of recordings", checks.api_key_reads(client, WORKSPACE, RECORDING).text)
        self.assertIn("may not read the tasks. Use", checks.api_key_reads(client, WORKSPACE, None).text)

    def test_a_restricted_key_is_described_with_the_auth_token(self):
        client = master_client(self.base)
        for policy, status, words in (
            (None, checks.GOOD, "no restrictions"),
            ({"allow": ["/twilio/taskrouter/tasks/read"]}, checks.NOTE, "Restricted to /twilio/taskrouter/tasks/read. It"),
            ({"deny": []}, checks.NOTE, "cannot read"),
        ):
            self.double.key_policy = policy
            finding = checks.api_key_policy(client, API_KEY[0])
            self.assertEqual(finding.status, status)
            self.assertIn(words, finding.text)
        self.double.faults = {("GET", f"/v1/Keys/{API_KEY[0]}"): problem(404, 20404, "not found")}
        self.assertEqual(checks.api_key_policy(client, API_KEY[0]).status, checks.UNKNOWN)

    def test_nothing_of_a_local_stack_goes_to_twilio(self):
        deployed = {parameter: default for _, parameter, default in twilio.BASES.values()}
        for known in (None, deployed):
            bases = twilio.Bases(known, api="http://127.0.0.1:1")
            self.assertEqual({bases.api, bases.taskrouter, bases.flex_api, bases.iam}, {"http://127.0.0.1:1"})

    def test_the_workspace_is_found_by_name_or_sid_or_because_it_is_the_only_one(self):
        client = key_client(self.base)
        for wanted in ("Flex Task Assignment", WORKSPACE, ""):
            self.assertEqual(checks.workspace(client, wanted)[0], WORKSPACE)
        self.double.workspace_list *= 2
        with self.assertRaisesRegex(WrongInput, "2 workspaces are named Flex"):
            checks.workspace(client, "Flex Task Assignment")
        with self.assertRaisesRegex(WrongInput, "no workspace was named"):
            checks.workspace(client, "")

    def test_an_account_without_recordings_is_noted(self):
        self.double.recording_list = [{"sid": "RE1", "status": "processing"}]
        sid, finding = checks.recording(key_client(self.base))
        self.assertEqual((sid, finding.status), (None, checks.NOTE))

    def test_flex_is_described(self):
        self.double.configuration |= {"call_recording_enabled": True, "runtime_domain": "https://flex.twilio.com"}
        findings = {one.subject: one for one in checks.flex(master_client(self.base), "https://flex.twilio.com")}
        self.assertEqual(findings["Call Recording in the console"].text, "on")
        self.assertEqual(findings["Flex's origin"].status, checks.GOOD)
        self.assertEqual(findings["Flex plugins"].text, "active: none")
        self.assertEqual(findings["Flex Insights"].status, checks.UNKNOWN)
        self.double.configuration |= {"call_recording_enabled": False, "runtime_domain": "https://flex.example.com/agents"}
        self.double.configuration["call_recording_webhook_url"] = "https://somebody.example.com/x?secret=1"
        for enabled, status in ((True, checks.GOOD), (False, checks.NOTE), ("?", checks.UNKNOWN)):
            self.double.configuration["flex_insights_hr"] = {"enabled": enabled}
            findings = {one.subject: one for one in checks.flex(master_client(self.base), "https://flex.twilio.com")}
            self.assertEqual(findings["Flex Insights"].status, status)
        self.assertIn("callbacks go to https://somebody.example.com/x", findings["Call Recording in the console"].text)
        self.assertNotIn("secret", findings["Call Recording in the console"].text)
        flag = "--parameter FlexOrigins=https://flex.twilio.com,https://flex.example.com"
        self.assertIn(flag, findings["Flex's origin"].text)

    def test_a_stack_of_another_twilio_region_keeps_its_hosts(self):
        ireland = "https://api.dublin.ie1.twilio.com"
        bases = twilio.Bases({"TwilioApiBase": ireland}, taskrouter="http://127.0.0.1:1")
        self.assertEqual(bases.api, ireland)
        expected = {
            "TwilioApiBase": ireland,
            "TwilioFlexApiBase": "https://flex-api.twilio.com",
            "TwilioIamBase": "https://iam.twilio.com",
        }
        self.assertEqual(bases.parameters(), expected)

    def test_credentials_go_only_to_twilio(self):
        for base in ("http://api.twilio.com", "https://twilio.com.example.com", "https://api.twilio.com/x", "file:///"):
            with self.assertRaisesRegex(WrongInput, "not a base URL of Twilio"):
                twilio.Bases(api=base)


class Secrets(Stubbed):
    def current(self, version):
        return {"VersionIdsToStages": {version: ["AWSCURRENT"]} if version else {}}

    def test_a_secret_is_stored_after_its_versions_are_kept(self):
        kept = []
        with mock.patch("uuid.uuid4", return_value="v" * 32):
            request = {"SecretId": ARN, "ClientRequestToken": "v" * 32, "SecretString": '{"primary": "t"}'}
            account = self.stubbed(
                "secretsmanager",
                ("describe_secret", self.current("e" * 32), {"SecretId": ARN}),
                ("put_secret_value", {}, request),
            )
            stored_secrets.Store(account).put(ARN, {"primary": "t"}, journal=lambda *ids: kept.append(ids))
        self.assertEqual(kept, [("v" * 32, "e" * 32)])

    def test_the_undo_moves_the_current_stage_back(self):
        move = {
            "SecretId": ARN,
            "VersionStage": "AWSCURRENT",
            "MoveToVersionId": "e" * 32,
            "RemoveFromVersionId": "v" * 32,
        }
        account = self.stubbed(
            "secretsmanager",
            ("describe_secret", self.current("v" * 32), {"SecretId": ARN}),
            ("update_secret_version_stage", {}, move),
        )
        self.assertTrue(stored_secrets.Store(account).undo(ARN, "v" * 32, "e" * 32, RecordingConsole()))

    def test_the_undo_keeps_settings_that_are_not_ours(self):
        for now, earlier, words in (("x" * 32, "e" * 32, "changed since"), ("v" * 32, None, "no value before")):
            account = self.stubbed("secretsmanager", ("describe_secret", self.current(now), {"SecretId": ARN}))
            console = RecordingConsole()
            self.assertFalse(stored_secrets.Store(account).undo(ARN, "v" * 32, earlier, console))
            self.assertIn(words, console.printed)
        account = self.stubbed("secretsmanager", ("describe_secret", "ResourceNotFoundException", {"SecretId": ARN}))
        self.assertFalse(stored_secrets.Store(account).undo(ARN, "v", "e", RecordingConsole()))

    def test_a_new_secret_of_a_stack_has_no_value(self):
        account = self.stubbed("secretsmanager", ("describe_secret", {"Name": "x"}, {"SecretId": ARN}))
        self.assertFalse(stored_secrets.Store(account).has_value(ARN))

    def test_secrets_come_from_standard_input_or_the_prompt(self):
        with mock.patch("sys.stdin", io.StringIO('{"api_key_secret": " s\\r\\n"}')):
            secrets = stored_secrets.Secrets(RecordingConsole(), from_stdin=True)
        self.assertEqual(secrets.get("api_key_secret"), "s")
        self.assertEqual(secrets.get("flex_token", optional=True), "")
        self.assertEqual(stored_secrets.Secrets(RecordingConsole(["s"])).get("api_key_secret"), "s")
        with self.assertRaisesRegex(WrongInput, "api_key_secret is missing"):
            stored_secrets.Secrets(RecordingConsole([""])).get("api_key_secret")
        with mock.patch("sys.stdin", io.StringIO("secret")), self.assertRaisesRegex(WrongInput, "one JSON object"):
            stored_secrets.Secrets(RecordingConsole(), from_stdin=True)


class Alarms(Stubbed):
    def stack(self, **parameters):
        parameters = [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]
        return Stack({"StackName": "v", "StackStatus": "CREATE_COMPLETE", "Parameters": parameters})

    def test_an_address_that_was_not_confirmed_needs_attention(self):
        for subscription, attention in (("PendingConfirmation", True), ("arn:aws:sns:x", False)):
            client = mock.Mock()
            client.describe_stack_resource.return_value = {"StackResourceDetail": {"PhysicalResourceId": "topic"}}
            client.list_subscriptions_by_topic.return_value = {"Subscriptions": [{"SubscriptionArn": subscription}]}
            account = mock.Mock(client=lambda _, client=client: client)
            found = proof.alarm_subscription(account, self.stack(AlarmEmail="a@example.com"))
            self.assertEqual(found[1], attention)

    def test_a_topic_of_the_administrator_is_named(self):
        self.assertEqual(proof.alarm_subscription(None, self.stack(AlarmTopicArn="arn:x"))[1], False)
        self.assertEqual(proof.alarm_subscription(None, self.stack())[1], True)


class DeployedPolicies(Stubbed):
    """The emulated account cannot return a policy that its CloudFormation has made."""

    def stack(self, *outputs):
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in outputs]
        return Stack({"StackName": "v", "StackStatus": "CREATE_COMPLETE", "Outputs": outputs})

    def test_the_deployed_version_is_returned(self):
        arn = "arn:aws:iam::123456789012:policy/v-AuditorPolicy-x"
        document = {"Version": "2012-10-17", "Statement": []}
        account = self.stubbed(
            "iam",
            ("get_policy", {"Policy": {"DefaultVersionId": "v3"}}, {"PolicyArn": arn}),
            (
                "get_policy_version",
                # IAM encodes the document for URLs, and botocore decodes it.
                {"PolicyVersion": {"Document": urllib.parse.quote(json.dumps(document))}},
                {"PolicyArn": arn, "VersionId": "v3"},
            ),
        )
        stack = self.stack(("AuditorPolicyArn", arn))
        self.assertEqual(policies.created(account, stack, "AuditorPolicyArn"), (arn, document))

    def test_a_policy_that_may_not_be_read_still_has_its_arn(self):
        arn = "arn:aws:iam::123456789012:policy/v-OperatorPolicy-x"
        account = self.stubbed("iam", ("get_policy", "AccessDenied", {"PolicyArn": arn}))
        self.assertEqual(policies.created(account, self.stack(("OperatorPolicyArn", arn)), "OperatorPolicyArn"), (arn, None))

    def test_an_earlier_version_of_the_stack_has_no_such_policy(self):
        account = self.stubbed("iam")
        self.assertEqual(policies.created(account, self.stack(), "AuditorPolicyArn"), (None, None))


class Answers(unittest.TestCase):
    def chosen(self, **options):
        none = dict.fromkeys(("answers", "parameter", *answers.KEYS[:-1]))
        return argparse.Namespace(**none | options)

    def file(self, name, text):
        path = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()), name)
        path.write_text(text)
        return str(path)

    def test_the_example_in_the_help_is_a_valid_file(self):
        collected = answers.collect(self.chosen(answers=self.file("a.toml", answers.EXAMPLE)))
        self.assertEqual(collected.retention_days, "0")
        self.assertEqual(collected.parameters, {"FlexOrigins": "https://flex.twilio.com"})

    def test_flags_precede_the_file_and_the_file_precedes_the_stack(self):
        path = self.file("a.json", json.dumps({"workspace": "file", "parameters": {"A": True, "B": 1}}))
        deployed = {"TwilioAccountSid": ACCOUNT, "TwilioWorkspaceSid": WORKSPACE}
        collected = answers.collect(self.chosen(answers=path, parameter=["A=x"]), deployed)
        self.assertEqual((collected.account, collected.workspace), (ACCOUNT, "file"))
        expected = {"TwilioAccountSid": ACCOUNT, "TwilioWorkspaceSid": "WS", "A": "x", "B": "1"}
        self.assertEqual(collected.template_parameters("WS"), expected)

    def test_at_most_five_questions_are_asked(self):
        console = RecordingConsole([ACCOUNT, "Flex", "ops", "ops@example.com", "30 days", "365"])
        collected = answers.collect(self.chosen(region="eu-central-1"))
        declared = templates()[0]["Parameters"]
        answers.ask_missing(collected, console, deployed=False, declared=declared)
        self.assertIn("DeleteRecordingsAfterDays must be a whole number", console.printed)
        self.assertEqual(console.answers, [])
        self.assertEqual((collected.alarm_email, collected.retention_days), ("ops@example.com", "365"))

    def test_wrong_files_are_explained(self):
        for name, text, words in (
            ("a.toml", "x", "not valid"),
            ("a.json", "[", "not valid"),
            ("a.toml", 'color = "blue"', "unknown names: color. Known: account"),
            ("a.toml", "parameters = 1", "must be a table"),
        ):
            with self.assertRaisesRegex(WrongInput, words):
                answers.collect(self.chosen(answers=self.file(name, text)))
        with self.assertRaisesRegex(WrongInput, "cannot be read"):
            answers.collect(self.chosen(answers="/nowhere"))


class BackupFile(unittest.TestCase):
    SCOPE = {"stack": "v", "region": "r"}

    def setUp(self):
        self.path = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()), "backup.json")

    def test_entries_are_on_disk_at_once_and_undone_in_reverse(self):
        first = backup.Backup(self.path, self.SCOPE)
        first.add("stack", created=True)
        first.add("secret", arn=ARN)
        again = backup.Backup(self.path, self.SCOPE)
        self.assertEqual([entry["step"] for entry in again.newest_first()], ["secret", "stack"])
        for entry in again.newest_first():
            again.remove(entry)
        self.assertEqual(list(self.path.parent.iterdir()), [])

    def test_two_runs_with_one_file_keep_the_entries_of_both(self):
        def steps():
            return [one["step"] for one in backup.Backup(self.path, self.SCOPE).entries]

        mine, theirs = backup.Backup(self.path, self.SCOPE), backup.Backup(self.path, self.SCOPE)
        forget = mine.add("stack", created=True)
        theirs.add("secret", arn="a")
        mine.add("flex configuration", account="AC")
        self.assertEqual(steps(), ["stack", "secret", "flex configuration"])
        forget()
        self.assertEqual(steps(), ["secret", "flex configuration"])

    def test_a_write_that_fails_keeps_the_file(self):
        kept = backup.Backup(self.path, self.SCOPE)
        kept.add("stack", created=True)
        before = self.path.read_text()
        with mock.patch("os.replace", side_effect=OSError), self.assertRaises(OSError) as raised:
            kept.add("secret")
        self.assertEqual(raised.exception.filename, str(self.path))
        self.assertEqual((self.path.read_text(), list(self.path.parent.iterdir())), (before, [self.path]))

    def test_another_stacks_file_is_refused(self):
        backup.Backup(self.path, self.SCOPE).add("stack")
        with self.assertRaisesRegex(WrongInput, "belongs to stack v, region r, not to stack w, region r"):
            backup.Backup(self.path, self.SCOPE | {"stack": "w"})

    def test_another_file_is_refused(self):
        for text, words in (("{}", "not a backup file"), ("x", "not a backup file"), ("[]", "not a backup file")):
            self.path.write_text(text)
            with self.assertRaisesRegex(WrongInput, words):
                backup.Backup(self.path, self.SCOPE)
        self.path.write_text(json.dumps({"version": 2, "scope": {}, "entries": []}))
        with self.assertRaisesRegex(WrongInput, "another version"):
            backup.Backup(self.path, self.SCOPE)


if __name__ == "__main__":
    unittest.main()
