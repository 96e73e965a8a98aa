"""The scripts as an administrator starts them: each help in a process of its own, also without boto3."""

import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from support import SCRIPTS

COMMANDS = ("setup", "operate", "smoke-test", "prove", "download")

# The entries beside vault.py, and their commands.
ENTRIES = {"setup.py": "setup", "prove_live.py": "prove"}


def start(script, *arguments, **environment):
    """Runs a script. Returns the exit code, standard output and standard error."""
    process = subprocess.run(
        [sys.executable, SCRIPTS / script, *arguments],
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "100"} | environment,
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
    def test_every_command_has_one_help(self):
        for command in COMMANDS:
            code, text, errors = start("vault.py", command, "--help")
            self.assertEqual((code, errors), (0, ""), command)
            for part in ("--stack", "--region", "--profile", "--json", "exit codes:"):
                self.assertIn(part, text, command)

    def test_the_other_entries_have_the_same_help(self):
        for script, command in ENTRIES.items():
            self.assertEqual(start(script, "--help"), start("vault.py", command, "--help"))

    def test_the_help_needs_no_boto3(self):
        with without_boto3() as path:
            for command in COMMANDS:
                code, text, errors = start("vault.py", command, "--help", PYTHONPATH=path)
                self.assertEqual((code, errors), (0, ""), command)
                self.assertIn("exit codes:", text)

    def test_a_command_that_needs_boto3_says_how_to_install_it(self):
        with without_boto3() as path:
            code, _, errors = start("vault.py", "operate", "verify", "--all", PYTHONPATH=path)
        self.assertEqual(code, 2)
        self.assertIn("python3 -m pip install boto3", errors)


if __name__ == "__main__":
    unittest.main()
