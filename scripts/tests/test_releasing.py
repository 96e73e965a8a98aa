"""The program that makes a release: its checks, its archives, its templates and its lists of libraries."""

import dataclasses
import hashlib
import io
import json
import os
import pathlib
import re
import subprocess
import tarfile
import tempfile
import unittest
import zipfile
from unittest import mock

from releases import ROOT, templates
from support import SCRIPTS

from recording_vault import release
from releasing import archive, checkout, components, contents, licenses
from releasing.archive import File
from releasing.templates import released

CRATE = components.Crate("one", "1.0.0", "MIT", ["A. Author"], pathlib.Path("/nowhere"), "ab" * 32, [])


class Tags(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.folder / "Cargo.toml").write_text('[workspace.package]\nversion = "1.2.3"\n')
        self.git("init", "--quiet")
        self.git("add", ".")
        self.git("commit", "--quiet", "--message", "First")
        self.checkout = checkout.Checkout(self.folder)

    def git(self, *arguments):
        identity = ("-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "tag.gpgSign=false")
        subprocess.run(("git", *identity, *arguments), cwd=self.folder, check=True)

    def test_the_tag_of_another_version_is_refused(self):
        self.git("tag", "v1.2.2")
        with self.assertRaisesRegex(checkout.NotReleasable, "does not have the tag v1.2.3"):
            self.checkout.require_tag()

    def test_a_clean_checkout_of_its_tag_is_taken(self):
        self.git("tag", "v1.2.3")
        self.checkout.require_tag()

    def test_a_changed_checkout_is_refused(self):
        self.git("tag", "v1.2.3")
        (self.folder / "new file").write_text("")
        with self.assertRaisesRegex(checkout.NotReleasable, "differs from its commit: .*new file"):
            self.checkout.require_tag()

    def test_variables_that_change_the_build_are_not_passed_on(self):
        changing = (
            *("RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "CARGO_PROFILE_RELEASE_LTO"),
            *("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS", "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER"),
            *("RUSTC_WRAPPER", "CARGO_BUILD_RUSTC_WRAPPER", "RUSTC_BOOTSTRAP"),
            *("CFLAGS", "CFLAGS_aarch64_unknown_linux_gnu", "TARGET_CFLAGS", "AWS_LC_SYS_CFLAGS"),
        )
        kept = ("PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "CARGO_BUILD_JOBS", "HTTPS_PROXY")
        with mock.patch.dict(os.environ, dict.fromkeys((*changing, *kept), "set"), clear=True):
            self.assertEqual(sorted(self.checkout.environment()), sorted(kept))

    def test_a_missing_or_failing_tool_is_named(self):
        with self.assertRaisesRegex(checkout.NotReleasable, "no-such-tool is not installed"):
            self.checkout.output("no-such-tool")
        with self.assertRaisesRegex(checkout.NotReleasable, "false ended with 1"):
            self.checkout.output("false")


class Archives(unittest.TestCase):
    FILES = {"b/two": File(b"2", executable=True), "a": File(b"1")}

    def test_the_order_of_the_files_does_not_matter(self):
        reversed_files = dict(reversed(self.FILES.items()))
        self.assertEqual(archive.tarred("r", self.FILES, 5), archive.tarred("r", reversed_files, 5))
        self.assertEqual(archive.summed(self.FILES)["SHA256SUMS"], archive.summed(reversed_files)["SHA256SUMS"])

    def test_an_archive_has_one_folder_fixed_times_and_no_owner(self):
        with tarfile.open(fileobj=io.BytesIO(archive.tarred("r", self.FILES, 5))) as opened:
            found = [(one.name, one.mode, one.mtime, one.uid, one.gid, one.uname) for one in opened.getmembers()]
        self.assertEqual(found, [("r/a", 0o644, 5, 0, 0, ""), ("r/b/two", 0o755, 5, 0, 0, "")])

    def test_the_header_of_gzip_has_no_time(self):
        self.assertEqual(archive.tarred("r", self.FILES, 5)[3:8], b"\0\0\0\0\0")

    def test_lambda_may_execute_the_binary_in_a_zip(self):
        with zipfile.ZipFile(io.BytesIO(archive.zipped("bootstrap", b"binary"))) as opened:
            [info] = opened.infolist()
            self.assertEqual(opened.read(info), b"binary")
        self.assertEqual((info.filename, info.external_attr >> 16), ("bootstrap", 0o100755))
        self.assertEqual(info.date_time, archive.ZIP_TIME)

    def test_the_setup_reads_the_checksums(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        files = {"template.json": File(b"{}"), "x86_64/one.zip": File(b"zip")}
        path = folder / "r.tar.gz"
        path.write_bytes(archive.tarred("r", archive.summed(files), 5))
        self.assertEqual(release.opened(path).sums, {"template.json", "x86_64/one.zip"})


class Templates(unittest.TestCase):
    def setUp(self):
        template = json.loads(json.dumps(templates()[0]))
        self.template = released(template, "1.2.3", "x86_64")

    def test_the_version_is_in_the_description(self):
        self.assertTrue(self.template["Description"].endswith(" Version 1.2.3."))

    def test_every_function_names_the_zip_of_its_binary(self):
        functions = {
            name: resource["Properties"]["Code"]
            for name, resource in self.template["Resources"].items()
            if resource["Type"] == "AWS::Lambda::Function"
        }
        self.assertEqual(functions.pop("PlaybackFunction"), "x86_64/recording-playback.zip")
        self.assertEqual(set(functions.values()), {"x86_64/recording-callback.zip"})
        self.assertEqual(len(functions), 5)
        self.assertEqual(self.template["Parameters"]["Architecture"]["Default"], "x86_64")

    def test_nothing_is_built_or_expanded(self):
        self.assertNotIn("Transform", self.template)
        self.assertNotIn("BuildMethod", json.dumps(self.template))
        self.assertEqual(self.template["Resources"]["Monitoring"]["Properties"]["TemplateURL"], "monitoring.json")


class Libraries(unittest.TestCase):
    TREE = (
        "0top v1.0.0 (/source)\n1left v0.1.0\n2low v2.0.0 (*)\n1right v0.2.0\n\n0other v1.0.0 (/source)\n1low v2.0.0\n"
    )

    def test_the_depth_says_who_uses_a_crate(self):
        uses = {}
        for user, used in components.edges(self.TREE):
            uses.setdefault(user, set()).update(used)
        self.assertEqual(uses[("top", "1.0.0")], {("left", "0.1.0"), ("right", "0.2.0")})
        self.assertEqual(uses[("left", "0.1.0")], {("low", "2.0.0")})
        self.assertEqual(uses[("other", "1.0.0")], {("low", "2.0.0")})
        self.assertEqual(uses[("low", "2.0.0")], set())

    def test_each_text_is_printed_once_with_its_crates(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        (folder / "LICENSE-MIT").write_text("The text.\n")
        (folder / "vendored").mkdir()
        (folder / "vendored/LICENSE").write_text("The text.\n")
        crates = [dataclasses.replace(CRATE, name=name, folder=folder) for name in ("one", "two")]
        printed = licenses.text(crates).decode()
        self.assertEqual(printed.count("The text."), 1)
        self.assertIn("\none 1.0.0, two 1.0.0\n", printed)

    def test_a_standard_text_stands_in_for_a_missing_one(self):
        self.assertTrue(licenses.texts(CRATE)[0].startswith("Copyright (c) A. Author\n\nPermission is hereby granted"))
        apache = dataclasses.replace(CRATE, license="Apache-2.0")
        self.assertEqual(licenses.texts(apache), [licenses.APACHE])
        unknown = dataclasses.replace(CRATE, license="Zlib")
        with self.assertRaisesRegex(checkout.NotReleasable, "one 1.0.0 contains no text of its license, Zlib"):
            licenses.texts(unknown)

    def test_the_projects_own_crates_are_not_third_party(self):
        own = dataclasses.replace(CRATE, checksum=None, license="Zlib")
        self.assertNotIn("one 1.0.0", licenses.text([own]).decode())


class Contents(unittest.TestCase):
    def test_the_scripts_are_copied_without_their_tests(self):
        files = contents.of(checkout.Checkout(ROOT))
        for name in ("INSTALL.md", "LICENSE", "scripts/vault.py", "scripts/recording_vault/release.py"):
            self.assertIn(name, files)
        self.assertEqual([name for name in files if name.startswith(contents.LEFT_OUT)], [])
        self.assertTrue(files["scripts/vault.py"].executable)
        self.assertFalse(files["LICENSE"].executable)

    def test_no_link_of_a_document_leads_out_of_the_release(self):
        files = contents.of(checkout.Checkout(ROOT))
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        for name, file in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(file.body)
        pages = {name: file.body.decode() for name, file in files.items() if name.endswith(".md")}
        for name, text in pages.items():
            for target in re.findall(r"\]\(([^)]*)\)", text):
                path = target.partition("#")[0]
                is_there = "://" in path or (folder / name).parent.joinpath(path).exists()
                self.assertTrue(is_there, f"{name}: {target}")
        for name in ("SECURITY.md", "docs/INSTALL.md", "flex-plugin/README.md"):
            self.assertIn(name, pages)
        self.assertIn("[FLEX](docs/FLEX.md)", pages["README.md"])
        self.assertIn("[Turn recording off again](docs/FLEX.md#turn-recording-off-again)", pages["README.md"])

    def test_what_is_copied_is_what_is_in_the_checkout(self):
        files = contents.of(checkout.Checkout(ROOT))
        copied = hashlib.sha256(files["scripts/vault.py"].body).digest()
        self.assertEqual(copied, hashlib.sha256((SCRIPTS / "vault.py").read_bytes()).digest())
