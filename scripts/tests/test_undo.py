"""The undo reverts only what the setup deployed, and an unfinished stack is no deployed one."""

import json
import unittest
from unittest import mock

from support import ACCOUNT
from test_setup import Emulated

from recording_vault import aws, deploy
from recording_vault import flex_configuration as flex
from recording_vault.setup import Setup

NAME = "recording-vault"
DELETE = ("--undo", "--consent", f"Delete the stack {NAME}")


class Undo(Emulated):
    def setUp(self):
        super().setUp()
        self.addCleanup(self.remove)

    def remove(self):
        """Leaves an empty account to the next test."""
        self.backup.unlink(missing_ok=True)
        self.account.client("cloudformation").delete_stack(StackName=NAME)
        objects = self.account.client("s3")
        for bucket in objects.list_buckets()["Buckets"]:
            for found in objects.list_objects_v2(Bucket=bucket["Name"]).get("Contents", []):
                objects.delete_object(Bucket=bucket["Name"], Key=found["Key"])
            objects.delete_bucket(Bucket=bucket["Name"])

    def deploy(self, *arguments, code=0):
        actual, document, printed = self.setup_with("--skip-flex", "--skip-proof", *arguments)
        self.assertEqual(actual, code, printed)
        return document, printed

    def undo(self, *arguments):
        code, document, printed = self.setup_with(*(arguments or DELETE))
        self.assertEqual(code, 0, printed)
        return printed

    def change_elsewhere(self, **changes):
        stack = self.stack()
        template = deploy.Deployment(self.account, None, NAME, None)._template()
        values = stack.parameters | changes
        self.account.client("cloudformation").update_stack(
            StackName=NAME,
            TemplateBody=json.dumps(template),
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()],
            Capabilities=["CAPABILITY_IAM"],
        )

    def test_an_update_that_somebody_has_changed_since_is_kept(self):
        self.deploy()
        self.backup.unlink()
        self.deploy("--parameter", "MediaUrlTtl=600")
        self.change_elsewhere(MediaUrlTtl="900")
        self.assertIn("Stack: kept, because it was changed since", self.undo("--undo", "--dry-run"))
        self.assertIn("Stack: kept, because it was changed since", self.undo("--undo"))
        self.assertEqual(self.stack().parameters["MediaUrlTtl"], "900")
        self.assertFalse(self.backup.exists())

    def test_playback_that_needs_a_deleted_secret_is_announced(self):
        self.deploy("--parameter", "ValidateTokensAs=api-key")
        code, _, printed = self.setup_with("--undo", "--consent", "no")
        self.assertEqual(code, 3)
        self.assertIn("Playback will give no new links, because ValidateTokensAs=api-key", printed)

    def test_flex_can_be_left_as_it_is(self):
        code, _, printed = self.setup_with("--skip-proof", "--consent", flex.CONSENT)
        self.assertEqual(code, 0, printed)
        printed = self.undo(*DELETE, "--skip-flex")
        self.assertIn("flex configuration: not reverted, because of --skip-flex", printed)
        self.assertEqual((len(self.twilio.written), self.stack()), (1, None))
        self.assertEqual([one["step"] for one in json.loads(self.backup.read_text())["entries"]], ["flex configuration"])
        self.undo("--undo")
        self.assertEqual((self.twilio.configuration[flex.ENABLED], self.backup.exists()), (False, False))

    def test_an_update_is_restored_once(self):
        self.deploy()
        self.backup.unlink()
        self.deploy("--parameter", "MediaUrlTtl=600")
        before = self.backup.read_text()
        self.assertIn("Stack: restored", self.undo("--undo"))
        self.assertEqual(self.stack().parameters["MediaUrlTtl"], "3600")
        self.backup.write_text(before)
        self.assertIn("Stack: nothing to restore", self.undo("--undo"))

    def test_a_backup_of_0_1_0_is_undone(self):
        self.deploy()
        created = json.loads(self.backup.read_text())
        self.deploy("--parameter", "MediaUrlTtl=600")
        document = json.loads(self.backup.read_text())
        document["entries"] = [
            {name: value for name, value in entry.items() if name != "deployed"} for entry in document["entries"]
        ]
        self.assertEqual(len(document["entries"]), len(created["entries"]) + 1)
        self.backup.write_text(json.dumps(document))
        printed = self.undo()
        self.assertRegex(printed, r"(?s)Stack: restored.*Stack: deleted\nArtifact bucket: .* deleted")
        self.assertIsNone(self.stack())

    def test_another_stack_of_the_same_name_is_kept(self):
        self.deploy()
        mine = self.backup.read_text()
        self.undo()
        self.deploy()
        self.backup.write_text(mine)
        printed = self.undo("--undo")
        self.assertIn("Stack: kept, because another one of the same name was created since", printed)
        self.assertRegex(printed, f"Artifact bucket: .* is kept, because it has the releases of {NAME}")
        self.assertIsNotNone(self.stack())

    def test_the_bucket_of_two_stacks_goes_with_the_last_one(self):
        self.deploy()
        bucket = json.loads(self.backup.read_text())["entries"][0]["bucket"]
        self.account.client("s3").put_object(Bucket=bucket, Key="stacks/stage", Body=b"")
        words = f"Artifact bucket: {bucket} is kept, because it has the releases of stage"
        self.assertIn(words, self.undo("--undo", "--dry-run"))
        self.assertIn(words, self.undo())
        left = self.account.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
        self.assertGreater(len(left), 4)
        self.assertEqual([one["Key"] for one in left if one["Key"].startswith("stacks/")], ["stacks/stage"])


class Another(Emulated):
    def test_a_stack_of_another_application_is_not_touched(self):
        topic = {"Resources": {"Theirs": {"Type": "AWS::SNS::Topic"}}}
        self.account.client("cloudformation").create_stack(StackName=NAME, TemplateBody=json.dumps(topic))
        for arguments in (("--dry-run",), ("--skip-flex", "--skip-proof")):
            with mock.patch.object(self, "only_reads", mock.MagicMock()):
                code, document, printed = self.setup_with(*arguments)
            self.assertEqual(code, 3, printed)
            self.assertIn("belongs to another application: it lacks the parameters Twilio", document["error"])
        self.assertEqual(deploy.Deployment(self.account, None, NAME, None)._template(), topic)
        self.assertFalse(self.backup.exists())

    def test_the_policies_are_also_for_a_person_without_rights(self):
        answer = {"Error": {"Code": "AccessDenied", "Message": "not authorized"}}
        denied = aws.ClientError(answer, "DescribeStacks")
        with mock.patch.object(aws, "find_stack", side_effect=denied):
            code, document, printed = self.setup_with("--policies")
            self.assertEqual((code, sorted(document["policies"])), (0, ["auditor", "deployer", "operator"]), printed)
            self.assertIn("You may not read the stack", printed)
            self.assertEqual(self.setup_with("--skip-flex")[0], 1)


class Unfinished(Emulated):
    """A stack that another run has not created to the end."""

    def described_as(self, status):
        parameters = [{"ParameterKey": "TwilioAccountSid", "ParameterValue": "AC" + "9" * 32}]
        stack = aws.Stack({"StackName": NAME, "StackStatus": status, "Parameters": parameters})
        for module in (aws, deploy):
            self.enterContext(mock.patch.object(module, "find_stack", lambda *_: stack))

    def test_it_keeps_no_values_and_is_created_again(self):
        for status in ("ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS"):
            with mock.patch.object(self, "only_reads", mock.MagicMock()):
                self.described_as(status)
                code, document, printed = self.setup_with("--dry-run")
                self.assertEqual(code, 0, printed)
                self.assertIn(f"Stack {NAME}, which would be created", printed)
                self.assertIn("+ RecordingsKey (AWS::KMS::Key)", document["resources"])
                self.assertEqual(document["parameters"]["TwilioAccountSid"]["value"], ACCOUNT)
                code, document, printed = self.setup_with("--policies")
                self.assertEqual((code, sorted(document["policies"])), (0, ["auditor", "deployer", "operator"]), printed)

    def test_a_stack_that_is_being_changed_is_refused_before_the_first_question(self):
        for status, words in (("CREATE_IN_PROGRESS", "is being changed"), ("DELETE_FAILED", "delete it there")):
            self.described_as(status)
            code, document, printed = self.setup_with(secrets={}, answers=())
            self.assertEqual(code, 1, printed)
            self.assertIn(words, document["error"])

    def test_an_interruption_says_how_to_go_on(self):
        for method, words in (("_check", "Nothing was changed."), ("_store_secrets", "To revert it, run `vault.py setup --undo")):
            with mock.patch.object(Setup, method, side_effect=KeyboardInterrupt):
                code, document, printed = self.setup_with("--skip-flex")
            self.assertEqual((code, document["error"]), (130, "interrupted"))
            self.assertIn(words, printed)


if __name__ == "__main__":
    unittest.main()
