"""The release, the parameters and the policies, made from the templates of this checkout."""

import hashlib
import io
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
import zipfile

from releases import release_folder, templates
from support import SCRIPTS

from recording_vault import parameters, policies, release
from recording_vault.artifacts import default_bucket
from recording_vault.problems import Refusal, WrongInput

URL = "https://artifacts.s3.eu-central-1.amazonaws.com"


class Opening(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        release_folder(self.folder / "recording-vault-1.0.0")
        self.release = self.folder / "recording-vault-1.0.0"

    def archive(self):
        path = self.folder / "recording-vault-1.0.0.tar.gz"
        with tarfile.open(path, "w:gz") as archive:
            archive.add(self.release, self.release.name)
        return path

    def test_a_folder_and_its_archive_are_the_same_release(self):
        folder, archive = release.opened(self.release), release.opened(self.archive())
        self.assertEqual(folder.template, archive.template)
        self.assertEqual(folder.packaged(URL, "b", "arm64"), archive.packaged(URL, "b", "arm64"))

    def test_a_damaged_or_missing_file_is_named(self):
        zip_file = self.release / "arm64/recording-callback.zip"
        zip_file.write_bytes(b"something else")
        with self.assertRaisesRegex(WrongInput, "arm64/recording-callback.zip of the release is damaged"):
            release.opened(self.release)
        zip_file.unlink()
        with self.assertRaisesRegex(WrongInput, "lacks arm64/recording-callback.zip"):
            release.opened(self.release)

    def test_other_files_are_not_releases(self):
        with self.assertRaisesRegex(WrongInput, "does not exist"):
            release.opened(self.folder / "nothing")
        with self.assertRaisesRegex(WrongInput, "no SHA256SUMS"):
            release.opened(self.folder)
        truncated = self.archive()
        truncated.write_bytes(truncated.read_bytes()[:200])
        with self.assertRaisesRegex(WrongInput, "not a complete archive"):
            release.opened(truncated)

    def test_the_scripts_of_a_release_know_their_release(self):
        def own(scripts):
            code = "from recording_vault.release import own; print(own())"
            environment = os.environ | {"PYTHONPATH": str(scripts), "PYTHONDONTWRITEBYTECODE": "1"}
            started = [sys.executable, "-c", code]
            return subprocess.run(started, cwd=self.folder, env=environment, check=True, capture_output=True, text=True)

        shutil.copytree(SCRIPTS / "recording_vault", self.release / "scripts/recording_vault")
        self.assertEqual(own(self.release / "scripts").stdout.strip(), str(self.release.resolve()))
        self.assertEqual(own(SCRIPTS).stdout.strip(), "None")

    def test_a_checksum_outside_the_folder_is_refused(self):
        (self.release / release.SUMS).write_text(f"{hashlib.sha256(b'').hexdigest()}  ../../../../dev/null\n")
        with self.assertRaisesRegex(WrongInput, "names no file of the release"):
            release.opened(self.release)


class Packaging(unittest.TestCase):
    def setUp(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        release_folder(pathlib.Path(folder))
        self.release = release.opened(folder)

    def test_no_local_file_is_left_in_the_templates(self):
        for architecture in release.ARCHITECTURES:
            template, files = self.release.packaged(URL, "artifacts", architecture)
            functions = [r for r in template["Resources"].values() if r["Type"] == "AWS::Lambda::Function"]
            self.assertEqual(len(functions), 6)
            for function in functions:
                code = function["Properties"]["Code"]
                self.assertEqual(code["S3Bucket"], "artifacts")
                with zipfile.ZipFile(io.BytesIO(files[code["S3Key"]])) as function_zip:
                    self.assertIn(architecture.encode(), function_zip.read("bootstrap"))
            nested = template["Resources"]["Monitoring"]["Properties"]["TemplateURL"]
            self.assertIn(nested.removeprefix(f"{URL}/"), files)
            # Both binaries once, and the nested template.
            self.assertEqual(len(files), 3)
            for key, body in files.items():
                self.assertTrue(key.startswith(hashlib.sha256(body).hexdigest()))

    def test_a_template_with_sams_macro_is_packaged_too(self):
        self.release.template = {
            "Transform": "AWS::Serverless-2016-10-31",
            "Globals": {"Function": {"CodeUri": "arm64/recording-callback.zip"}},
            "Resources": {"F": {"Type": "AWS::Serverless::Function", "Properties": {}}},
        }
        template, files = self.release.packaged(URL, "artifacts", "arm64")
        self.assertEqual(template["Globals"]["Function"]["CodeUri"], {"Bucket": "artifacts", "Key": next(iter(files))})
        self.assertTrue(self.release.uses_macros())

    def test_the_regions_are_those_of_the_templates_rule(self):
        regions = self.release.regions_without_function_urls()
        self.assertIn("eu-central-2", regions)
        self.assertNotIn("eu-central-1", regions)


class Parameters(unittest.TestCase):
    DECLARED = templates()[0]["Parameters"]
    ANSWERS = {"TwilioAccountSid": "AC" + "0" * 32, "TwilioWorkspaceSid": "WS" + "0" * 32}

    def test_two_answers_are_enough_and_every_value_has_a_reason(self):
        resolved = parameters.resolve(self.DECLARED, self.ANSWERS, {})
        self.assertEqual([name for name, _, _ in resolved], list(self.DECLARED))
        for name, _, reason in resolved:
            self.assertTrue(reason, name)

    def test_without_them_the_missing_one_is_named(self):
        with self.assertRaisesRegex(WrongInput, "TwilioWorkspaceSid has no value. The TaskRouter workspace"):
            parameters.resolve(self.DECLARED, {"TwilioAccountSid": "AC" + "0" * 32}, {})

    def test_an_answer_precedes_the_deployed_value_the_derived_one_and_the_default(self):
        def value(answers, existing):
            derived = parameters.from_quota(1000)
            resolved = parameters.resolve(self.DECLARED, self.ANSWERS | answers, derived, existing)
            return next(entry[1:] for entry in resolved if entry[0] == "ConcurrencyAlarmAt")

        self.assertEqual(value({"ConcurrencyAlarmAt": 7}, {"ConcurrencyAlarmAt": "8"}), ("7", "your answer"))
        self.assertEqual(value({}, {"ConcurrencyAlarmAt": "8"}), ("8", "as deployed"))
        self.assertEqual(value({}, {})[0], "800")

    def test_a_small_quota_reduces_the_concurrency(self):
        self.assertEqual(
            {name: value for name, (value, _) in parameters.from_quota(10).items()},
            {"ConcurrencyAlarmAt": "8", "LinkerConcurrency": "2", "CopierConcurrency": "2"},
        )

    def test_wrong_values_are_refused_in_the_templates_words(self):
        for name, value, words in (
            ("TwilioAccountSid", "AC1", "expected form"),
            ("DeleteRecordingsAfterDays", "-1", "at least 0"),
            ("DeleteRecordingsAfterDays", "x", "whole number"),
            ("MediaUrlTtl", "90000", "at most 86400"),
            ("LinkMode", "other", "one of media, segment-link"),
            ("PlaybackBaseUrl", "http://x", "https:// and a domain"),
        ):
            with self.assertRaisesRegex(WrongInput, words):
                parameters.resolve(self.DECLARED, self.ANSWERS | {name: value}, {})
        with self.assertRaisesRegex(WrongInput, "no parameter Retention"):
            parameters.resolve(self.DECLARED, self.ANSWERS | {"Retention": 1}, {})

    def test_a_change_that_cannot_be_made_later_is_refused(self):
        resolved = parameters.resolve(self.DECLARED, self.ANSWERS, {})
        deployed = {name: value for name, value, _ in resolved}
        parameters.check_lasting("vault", resolved, deployed)
        parameters.check_lasting("vault", resolved, {})
        for name, old in (("TwilioAccountSid", "AC1"), ("MultiRegionKey", "true"), ("ObjectLockDays", "30")):
            with self.assertRaisesRegex(Refusal, f"{name} cannot be changed from {old}"):
                parameters.check_lasting("vault", resolved, deployed | {name: old})
        restricted = parameters.resolve(self.DECLARED, self.ANSWERS | {"RestrictKeyUse": "true"}, {})
        with self.assertRaisesRegex(Refusal, "at most 36 characters"):
            parameters.check_lasting("v" * 37, restricted, {})

    def test_the_difference_to_the_deployed_stack(self):
        resolved = parameters.resolve(self.DECLARED, self.ANSWERS, {})
        existing = {name: value for name, value, _ in resolved}
        self.assertEqual(parameters.changes(resolved, existing), [])
        changed = random.Random(1).choice(sorted(existing))
        lines = parameters.changes(resolved, existing | {changed: "old"})
        self.assertEqual(lines, [f"- {changed}: old", f"+ {changed}: {existing[changed] or '(empty)'}"])


class Policies(unittest.TestCase):
    POLICY = policies.deployer("aws", "eu-central-1", "123456789012", "Vault", "artifacts")

    def test_every_type_of_the_templates_has_rights(self):
        types = {resource["Type"] for template in templates() for resource in template["Resources"].values()}
        self.assertEqual(types - policies.RIGHTS.keys(), set())

    def test_it_fits_into_a_managed_policy(self):
        bucket = default_bucket("123456789012", "ap-southeast-1")
        policy = policies.deployer("aws", "ap-southeast-1", "123456789012", "v" * 25, bucket)
        self.assertLess(len(json.dumps(policy, separators=(",", ":"))), 6144)

    def test_only_rights_without_a_narrower_resource_are_for_every_resource(self):
        wide = [statement for statement in self.POLICY["Statement"] if statement["Resource"] == "*"]
        actions = {action for statement in wide for action in statement["Action"]}
        services = {action.split(":")[0] for action in actions}
        self.assertEqual(services, {"kms", "lambda", "logs", "secretsmanager"})
        self.assertFalse([action for action in actions if action.endswith("*")])
        self.assertNotIn("secretsmanager:GetSecretValue", json.dumps(self.POLICY))

    def test_names_have_the_stacks_prefix(self):
        text = json.dumps(self.POLICY)
        for arn in (
            "arn:aws:iam::123456789012:role/Vault-*",
            "arn:aws:s3:::vault-*",
            "arn:aws:cloudformation:eu-central-1:123456789012:stack/Vault/*",
            "arn:aws:apigateway:eu-central-1::/apis",
            "arn:aws:cloudwatch::123456789012:dashboard/Vault-*",
        ):
            self.assertIn(f'"{arn}"', text)


if __name__ == "__main__":
    unittest.main()
