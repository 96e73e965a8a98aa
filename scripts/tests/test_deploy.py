"""The deployment to the emulator, and the failures that the emulator does not have."""

import datetime
import pathlib
import tempfile
import unittest
from unittest import mock

from aws_emulator import ACCOUNT_ID, REGION, account, emulator
from releases import release_folder
from support import RecordingConsole

from botocore.exceptions import ClientError
from recording_vault import artifacts, deploy, parameters, release
from recording_vault.aws import find_stack
from recording_vault.problems import Problem

NAME = "recording-vault"
ANSWERS = {"TwilioAccountSid": "AC" + "0" * 32, "TwilioWorkspaceSid": "WS" + "0" * 32}


class Emulated(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        release_folder(cls.folder)
        cls.account = account(cls.enterClassContext(emulator()))
        cls.release = release.opened(cls.folder)
        cls.bucket = artifacts.Artifacts(cls.account, ACCOUNT_ID, artifacts.default_bucket(ACCOUNT_ID, REGION))

    def deploy(self, **answers):
        resolved = parameters.resolve(self.release.parameters(), ANSWERS | answers, parameters.from_quota(1000))
        values = {name: value for name, value, _ in resolved}
        console = RecordingConsole()
        deployment = deploy.Deployment(self.account, self.bucket, NAME, console)
        kept = []
        with mock.patch.object(deploy, "POLL_SECONDS", 0.05):
            changed = deployment.deploy(self.release, "arm64", values, journal=lambda *entry: kept.append(entry))
        return deployment, changed, kept, console.printed

    def test_a_stack_is_created_updated_restored_and_deleted(self):
        self.assertTrue(self.bucket.ensure())
        self.assertFalse(self.bucket.ensure())
        deployment, changed, kept, printed = self.deploy()
        stack = find_stack(self.account, NAME)
        [(created, earlier, deployed)] = kept
        self.assertEqual((changed, created, earlier, deployed["stack"]), (True, True, None, stack.id))
        self.assertEqual(stack.status, "CREATE_COMPLETE")
        self.assertTrue(stack.output("CallRecordingWebhookUrl").endswith("?taskSid={taskSid}#rc=3&rp=all"))

        _, changed, kept, printed = self.deploy(MediaUrlTtl="600")
        [(created, earlier, deployed)] = kept
        self.assertFalse(created)
        self.assertEqual(earlier["parameters"]["MediaUrlTtl"], "3600")
        stack = find_stack(self.account, NAME)
        self.assertEqual(stack.parameters["MediaUrlTtl"], "600")
        self.assertTrue(deployment.is_as_deployed(stack, deployed))
        self.assertFalse(deployment.is_as_before(stack, earlier))
        with mock.patch.object(deploy, "POLL_SECONDS", 0.05):
            deployment.restore(earlier)
            stack = find_stack(self.account, NAME)
            self.assertEqual(stack.parameters["MediaUrlTtl"], "3600")
            self.assertTrue(deployment.is_as_before(stack, earlier))
            self.assertFalse(deployment.is_as_deployed(stack, deployed))
            deployment.delete()
        self.assertIsNone(find_stack(self.account, NAME))


class Scripted(unittest.TestCase):
    """Answers of CloudFormation that the emulator never gives."""

    def setUp(self):
        self.client = mock.Mock()
        self.client.exceptions = mock.Mock()
        self.client.create_change_set.return_value = {"StackId": "arn"}
        self.objects = mock.Mock(name="artifacts", url="https://s3.example/b")
        self.console = RecordingConsole()
        self.enterContext(mock.patch.object(deploy, "POLL_SECONDS", 0))
        account_of = mock.Mock()
        account_of.client.return_value = self.client
        self.deployment = deploy.Deployment(account_of, self.objects, NAME, self.console)
        self.events = []
        self.client.get_paginator.return_value.paginate.return_value = [{"StackEvents": self.events}]
        self.kept = []

    def statuses(self, *statuses):
        """The stack has these states one after the other. None means that it does not exist."""
        missing = ClientError({"Error": {"Code": "ValidationError", "Message": "x does not exist"}}, "DescribeStacks")
        answers = [
            (missing if one is None else one)
            if not isinstance(one, str)
            else {"Stacks": [{"StackName": NAME, "StackId": "arn", "StackStatus": one}]}
            for one in statuses
        ]
        self.client.describe_stacks.side_effect = answers

    def change_set(self, *answers):
        self.client.describe_change_set.side_effect = list(answers)

    def event(self, resource, reason, age=0):
        when = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=age)
        entry = {
            "Timestamp": when,
            "ResourceStatus": "CREATE_FAILED",
            "LogicalResourceId": resource,
            "ResourceStatusReason": reason,
        }
        # CloudFormation lists the newest first.
        self.events.insert(0, entry)

    def apply(self):
        return self.deployment.apply({}, {"A": "1"}, True, self.journal)

    def journal(self, *entry):
        self.kept.append(entry)
        return lambda: self.kept.remove(entry)

    def test_a_failed_creation_names_the_first_reasons_and_leaves_no_stack(self):
        self.statuses(None, "CREATE_IN_PROGRESS", "ROLLBACK_COMPLETE")
        self.change_set({"Status": "CREATE_IN_PROGRESS"}, {"Status": "CREATE_COMPLETE", "Changes": []})
        self.event("Old", "of an earlier run", age=3600)
        self.event("RecordingsKey", "no right for kms:CreateKey")
        self.event("CopiesQueue", "Resource creation cancelled")
        with self.assertRaisesRegex(Problem, "rolled back:\n  RecordingsKey: no right for kms:CreateKey$"):
            self.apply()
        self.client.delete_stack.assert_called_once_with(StackName=NAME)
        self.assertEqual([entry[:2] for entry in self.kept], [(True, None)])

    def test_a_failed_update_is_reported_and_the_stack_stays(self):
        self.statuses("CREATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE")
        self.client.get_template.return_value = {"TemplateBody": "text of before"}
        change = {
            "Action": "Modify",
            "LogicalResourceId": "CopierRole",
            "ResourceType": "AWS::IAM::Role",
            "Replacement": "True",
        }
        self.change_set({"Status": "CREATE_COMPLETE", "Changes": [{"ResourceChange": change}]})
        with self.assertRaisesRegex(Problem, "updating the stack failed.*UPDATE_ROLLBACK_COMPLETE"):
            self.apply()
        self.client.delete_stack.assert_not_called()
        self.assertIn("Modify: CopierRole (AWS::IAM::Role, replaced)", self.console.printed)
        self.objects.upload.assert_called_with(self.kept[0][1]["template"], b"text of before")

    def test_what_cannot_be_replaced_without_a_loss_is_not_replaced(self):
        self.client.get_template.return_value = {"TemplateBody": "text of before"}
        for kind in deploy.LASTING_TYPES:
            with self.subTest(kind):
                self.statuses("CREATE_COMPLETE")
                self.client.delete_change_set.reset_mock()
                change = {"Action": "Modify", "LogicalResourceId": "One", "ResourceType": kind, "Replacement": "True"}
                self.change_set({"Status": "CREATE_COMPLETE", "Changes": [{"ResourceChange": change}]})
                with self.assertRaisesRegex(Problem, f"would replace One .{kind}.*Nothing was changed"):
                    self.apply()
                self.client.delete_change_set.assert_called_once()
        self.client.execute_change_set.assert_not_called()
        self.assertEqual(self.kept, [])

    def test_a_template_that_is_refused_changes_nothing(self):
        self.statuses(None, "REVIEW_IN_PROGRESS")
        self.change_set({"Status": "FAILED", "StatusReason": "Parameter X is wrong"})
        with self.assertRaisesRegex(Problem, "Nothing was changed. Parameter X is wrong"):
            self.apply()
        self.client.execute_change_set.assert_not_called()
        self.client.delete_stack.assert_called_once_with(StackName=NAME)
        self.assertEqual(self.kept, [])

    def test_an_update_without_changes_is_discarded(self):
        self.statuses("CREATE_COMPLETE")
        reason = "The submitted information didn't contain changes."
        self.change_set({"Status": "FAILED", "StatusReason": reason})
        self.assertFalse(self.apply())
        self.client.delete_change_set.assert_called_once()
        self.client.delete_stack.assert_not_called()

    def test_a_stack_that_was_never_created_is_deleted_first(self):
        self.statuses("ROLLBACK_COMPLETE", "DELETE_IN_PROGRESS", None, "CREATE_COMPLETE")
        self.change_set({"Status": "CREATE_COMPLETE"})
        self.assertTrue(self.apply())
        self.assertEqual(self.client.create_change_set.call_args.kwargs["ChangeSetType"], "CREATE")

    def test_a_stack_that_another_run_changes_is_left_alone(self):
        for status, words in (
            ("UPDATE_IN_PROGRESS", "Wait until it ends"),
            ("UPDATE_ROLLBACK_FAILED", "Continue update rollback"),
            ("UPDATE_FAILED", "roll it back"),
            ("DELETE_FAILED", "delete it there. Its events name what is in the way"),
            ("DELETE_IN_PROGRESS", "Wait until it ends"),
        ):
            self.statuses(status)
            with self.assertRaisesRegex(Problem, words):
                self.apply()
        self.client.create_change_set.assert_not_called()

    def test_a_stack_that_somebody_else_creates_meanwhile_is_not_deleted(self):
        self.statuses(None, "CREATE_IN_PROGRESS")
        self.change_set({"Status": "FAILED", "StatusReason": "Parameter X is wrong"})
        with self.assertRaisesRegex(Problem, "Parameter X is wrong"):
            self.apply()
        self.client.delete_change_set.assert_called_once()
        self.client.delete_stack.assert_not_called()

    def test_a_change_that_was_refused_is_forgotten(self):
        for status, kept in ((400, 0), (503, 1)):
            self.statuses(None, "CREATE_IN_PROGRESS")
            self.change_set({"Status": "CREATE_COMPLETE", "Changes": []})
            answer = {"Error": {"Code": "x", "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}}
            self.client.execute_change_set.side_effect = ClientError(answer, "ExecuteChangeSet")
            with self.assertRaises(ClientError):
                self.apply()
            self.assertEqual(len(self.kept), kept)
        self.client.delete_stack.assert_not_called()

    def test_a_change_that_another_one_overtakes_is_explained(self):
        self.statuses(None, "CREATE_IN_PROGRESS")
        self.change_set({"Status": "CREATE_COMPLETE", "Changes": []})
        answer = {"Error": {"Code": "InvalidChangeSetStatus", "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
        self.client.execute_change_set.side_effect = ClientError(answer, "ExecuteChangeSet")
        with self.assertRaisesRegex(Problem, "somebody else has begun to change the stack"):
            self.apply()
        self.assertEqual(self.kept, [])

    def test_an_interruption_before_the_change_leaves_no_empty_stack(self):
        self.statuses(None, "REVIEW_IN_PROGRESS")
        self.change_set(KeyboardInterrupt())
        with self.assertRaises(KeyboardInterrupt):
            self.apply()
        self.client.delete_stack.assert_called_once_with(StackName=NAME)
        self.assertEqual(self.kept, [])

    def test_an_interruption_of_the_change_says_that_aws_goes_on(self):
        self.statuses(None)
        self.change_set({"Status": "CREATE_COMPLETE", "Changes": []})
        self.client.execute_change_set.side_effect = lambda **_: self.statuses(KeyboardInterrupt())
        with self.assertRaises(KeyboardInterrupt):
            self.apply()
        self.assertIn(f"AWS goes on with creating the stack {NAME}", self.console.printed)
        self.client.delete_stack.assert_not_called()
        self.assertEqual(len(self.kept), 1)

    def test_a_deletion_ends_only_when_the_stack_is_gone(self):
        self.statuses("CREATE_COMPLETE", "DELETE_IN_PROGRESS", None)
        self.deployment.delete()
        self.statuses("DELETE_IN_PROGRESS", "DELETE_FAILED")
        self.event("RecordingsBucket", "The bucket is not empty")
        with self.assertRaisesRegex(Problem, r"deleting the stack failed \(DELETE_FAILED\):\n  RecordingsBucket"):
            self.deployment.delete()

    def test_a_stack_that_somebody_deletes_meanwhile_is_explained(self):
        self.statuses(None, "CREATE_IN_PROGRESS", None)
        self.change_set({"Status": "CREATE_COMPLETE", "Changes": []})
        with self.assertRaisesRegex(Problem, "Somebody has deleted the stack meanwhile"):
            self.apply()

    def test_nothing_to_restore_is_not_a_failure(self):
        message = "No updates are to be performed."
        error = ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "UpdateStack")
        self.client.update_stack.side_effect = error
        self.assertFalse(self.deployment.restore({"template": "key", "parameters": {}}))


class Buckets(unittest.TestCase):
    def bucket(self, **client):
        account_of = mock.Mock(region="eu-central-1")
        account_of.session.get_partition_for_region.return_value = "aws"
        account_of.client.return_value = mock.Mock(**client)
        return artifacts.Artifacts(account_of, ACCOUNT_ID, "b")

    def test_a_bucket_of_another_account_is_not_used(self):
        forbidden = ClientError({"Error": {"Code": "403", "Message": "Forbidden"}}, "HeadBucket")
        with self.assertRaisesRegex(Problem, "--artifact-bucket"):
            self.bucket(**{"head_bucket.side_effect": forbidden}).ensure()

    def test_a_new_bucket_is_not_public(self):
        missing = ClientError({"Error": {"Code": "404", "Message": "Not Found"}}, "HeadBucket")
        bucket = self.bucket(**{"head_bucket.side_effect": missing})
        self.assertTrue(bucket.ensure())
        blocked = bucket.objects.put_public_access_block.call_args.kwargs["PublicAccessBlockConfiguration"]
        self.assertEqual(set(blocked.values()), {True})

    def test_a_file_that_is_there_is_not_uploaded_again(self):
        bucket = self.bucket()
        bucket.upload("key", b"body")
        bucket.objects.put_object.assert_not_called()


if __name__ == "__main__":
    unittest.main()
