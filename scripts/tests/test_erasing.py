"""The list of an erasure, its events and its report."""

import argparse
import contextlib
import errno
import io
import pathlib
import tempfile
import unittest
from unittest import mock

from botocore.exceptions import ClientError, EndpointConnectionError
from support import RECORDING
from vault_double import VaultDouble

from recording_vault import erasing, following


def sid(number):
    return f"RE{number:032x}"


class Files(unittest.TestCase):
    def read(self, content):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "list")
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
            return erasing.read_list(str(file))

    def test_each_recording_is_read_once_in_order(self):
        for content in (
            f"{sid(2)}\n\n# first\n  {sid(1)}\r\n{sid(2)}",
            f"\ufeff# found\nstart,recordingSid,state\n2026,{sid(2)},stored\n\n,{sid(1)},erased\n",
            f'"recordingSid"\n"{sid(2)}"\n"{sid(1)}"\n',
            f"\ufeff;;\r\nstart;recordingSid;state\r\n28,11;{sid(2)};stored\r\n;;\r\n;{sid(1)};erased\r\n",
            f"start\trecordingSid\n\t{sid(2)}\n2026,11\t{sid(1)}\t\n\t\n",
        ):
            self.assertEqual(self.read(content), [sid(2), sid(1)], content)

    def test_every_bad_line_is_named_by_its_number_and_never_shown(self):
        content = f"{sid(1)}\n+15550100777\n\nRE1\n{sid(2)} {sid(3)}\nCA{'0' * 32}\n"
        with self.assertRaises(erasing.BadList) as raised:
            self.read(content)
        lines = str(raised.exception).splitlines()[1:]
        self.assertEqual([line.split()[1] for line in lines], ["2", "4", "5", "6"])
        self.assertNotIn("5550100777", str(raised.exception))

    def test_upper_case_digits_name_another_recording_and_are_refused(self):
        with self.assertRaises(erasing.BadList) as raised:
            self.read(f"{sid(10)}\nRE{'A' * 32}\n{sid(1)}\n{sid(11).upper()}\n")
        _, *lines = str(raised.exception).splitlines()
        self.assertEqual([line.split()[1] for line in lines], ["2", "4"])
        self.assertTrue(all("Twilio writes SIDs in lower case" in line for line in lines), lines)

    def test_a_line_that_csv_cannot_read_is_named(self):
        for separator in ",;\t":
            with self.assertRaisesRegex(erasing.BadList, "^[^\\n]*line 3: field larger than field limit[^\\n]*$"):
                self.read(separator.join(["a", "recordingSid"]) + f"\n\nx{separator}{'y' * 131_073}\n")

    def test_a_line_of_csv_without_the_column_is_bad(self):
        with self.assertRaisesRegex(erasing.BadList, "line 3 has no"):
            self.read(f"start,recordingSid\n2026,{sid(1)}\n2026\n")

    def test_a_row_of_a_table_is_no_comment(self):
        self.assertEqual(self.read(f"# of May\nticket,recordingSid\n#4711,{sid(1)}\n"), [sid(1)])
        with self.assertRaisesRegex(erasing.BadList, "line 2 has no RecordingSid"):
            self.read(f"recordingSid\n# {sid(1)}\n{sid(2)}\n")

    def test_a_file_without_recordings_or_of_another_kind_is_refused(self):
        for content in ("", "\n# nothing\n", "recordingSid\n", b"\xff\xfe\x00"):
            with self.assertRaises(erasing.BadList):
                self.read(content)
        with self.assertRaisesRegex(erasing.BadList, "No such file"):
            erasing.read_list("/nonexistent/list")


class Events(unittest.TestCase):
    def test_a_long_list_is_cut_in_the_same_parts_whatever_its_order(self):
        recordings = [sid(number) for number in range(2_001)]
        parts = erasing.parts_of(recordings[::-1])
        self.assertEqual([len(part) for part in parts], [1_000, 1_000, 1])
        self.assertEqual(sum(parts, []), recordings)

    def test_a_long_list_has_one_plan_one_question_and_one_report(self):
        for typed, expected in (("1500", 0), ("1,500", 0), ("1000", None)):
            vault = VaultDouble()
            with mock.patch("builtins.input", return_value=typed):
                if expected is None:
                    with self.assertRaisesRegex(SystemExit, "not erased"):
                        erase(vault, 1_500, yes=False)
                    self.assertEqual(vault.events, [])
                    continue
                status, printed = erase(vault, 1_500, yes=False)
            self.assertEqual((status, len(vault.events)), (0, 2))
            self.assertEqual(vault.last["counts"]["erased"], 1_500)
            self.assertEqual(len(vault.last["recordings"]), 1_500)
            self.assertIn("plan: stored 1,500", printed)

    def test_a_dry_run_that_could_not_look_at_a_recording_is_a_failure(self):
        for unknown in (0, 1):
            vault = VaultDouble(unknown=unknown)
            self.assertEqual((erase(vault, 1, dry_run=True)[0], vault.events), (unknown, []))

    def test_the_last_line_says_to_repeat_the_command_after_locks(self):
        for locked in (0, 1):
            _, printed = erase(VaultDouble(locked=locked), 2)
            last = printed.splitlines()[-1]
            self.assertEqual(last.startswith("repeat the same command after the locks have ended"), bool(locked), last)

    def test_a_lock_or_a_failure_is_the_exit_code(self):
        counts = {"erased": 1, "failed": 0, "locked": 0, "originalsUnderWay": 0, "erasedBefore": 0}
        held = {"recordingSid": RECORDING, "result": "locked", "original": "deleted", "held": ["v1"]}
        for change, recordings, expected in (
            ({}, [], 0),
            ({"failed": 1}, [], 1),
            ({"locked": 1}, [held], 1),
            ({"originalsUnderWay": 1}, [], 1),
        ):
            report = {"counts": counts | change, "recordings": recordings, "failures": [], "operations": []}
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                self.assertEqual(erasing.print_report(report), expected, change)
            if recordings:
                self.assertIn("retained by Object Lock: version v1", printed.getvalue())


class Interruptions(unittest.TestCase):
    """The command ends while a part of 1,000 is followed. The function goes on."""

    ENDS = (
        KeyboardInterrupt(),
        SystemExit("the reason"),
        ClientError({"Error": {"Code": "ExpiredToken"}}, "GetObject"),
        EndpointConnectionError(endpoint_url="https://x.example"),
        BrokenPipeError(),
        OSError(errno.ENOSPC, "No space left on device"),
    )

    def interrupted(self, vault, error, count=2_500, printed=None):
        printed = io.StringIO() if printed is None else printed
        with self.assertRaises(type(error)):
            erase(vault, count, printed=printed)
        return printed.getvalue()

    def test_the_parts_that_are_done_are_reported_and_the_others_named(self):
        for error in self.ENDS:
            vault = VaultDouble("done", error)
            printed = self.interrupted(vault, error)
            second = erasing.operation([sid(number) for number in range(1_000, 2_000)], False)
            self.assertIn(f"{sid(999)}  erased, original deleted\n", printed)
            self.assertNotIn(f"{sid(1_000)}  erased", printed)
            self.assertIn(f"\n{second} goes on. To see its progress and its report: status {second} --", printed)
            self.assertTrue(printed.endswith("500 recordings have not begun. The same command continues with them\n"))
            self.assertEqual((vault.last["counts"]["erased"], len(vault.last["recordings"])), (1_000, 1_000))
            self.assertEqual(vault.last["plan"]["counts"]["stored"], 2_500)
            self.assertEqual(vault.last["unfinished"], {"operation": second, "recordingsNotBegun": 500})

    def test_the_last_part_leaves_nothing_that_has_not_begun(self):
        printed = self.interrupted(VaultDouble(self.ENDS[0]), self.ENDS[0], count=1_000)
        self.assertIn(" goes on. ", printed)
        self.assertNotIn("not begun", printed)

    def test_a_start_that_failed_may_have_begun(self):
        vault = VaultDouble()
        vault.refusal = self.ENDS[2]
        self.assertIn("may have begun, and then it goes on. To see", self.interrupted(vault, vault.refusal))
        self.assertEqual(vault.last["unfinished"]["recordingsNotBegun"], 1_500)

    def test_what_standard_output_does_not_take_goes_to_standard_error(self):
        broken = mock.Mock(write=mock.Mock(side_effect=BrokenPipeError))
        with contextlib.redirect_stderr(io.StringIO()) as errors, self.assertRaises(BrokenPipeError):
            with mock.patch.object(erasing, "_print_plan"):
                erase(VaultDouble(), 1_500, printed=broken)
        self.assertRegex(errors.getvalue(), "^erase-.* goes on.*\\n500 recordings have not begun")

    def test_the_result_of_another_run_is_not_reported_as_this_ones(self):
        vault = VaultDouble("done", "replaced")
        printed = io.StringIO()
        with self.assertRaisesRegex(following.Replaced, "^erase-.* was started again by somebody else") as raised:
            erase(vault, 2_500, printed=printed)
        self.assertEqual(len(str(raised.exception).splitlines()), 1)
        self.assertNotIn("erasedBefore,", printed.getvalue())
        self.assertNotIn(" goes on", printed.getvalue())
        self.assertIn("500 recordings have not begun", printed.getvalue())
        self.assertEqual(vault.last["counts"]["erased"], 1_000)


def erase(vault, count, printed=None, **options):
    """Erases this many recordings of a list. Returns the exit status and what was printed."""
    given = {"task": None, "reservation": None, "dry_run": False, "yes": True, "keep_original": False} | options
    chosen = argparse.Namespace(listed=[sid(number) for number in range(count)], **given)
    printed = io.StringIO() if printed is None else printed
    with contextlib.redirect_stdout(printed), mock.patch.object(following, "POLL_SECONDS", 0):
        return erasing.run(vault, chosen, contextlib.nullcontext, "not erased"), printed.getvalue()


if __name__ == "__main__":
    unittest.main()
