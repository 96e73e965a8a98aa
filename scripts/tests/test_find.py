"""The command `find`: its questions, its pages, and its formats."""

import csv
import io
import json
import os
import unittest
from unittest import mock

import test_stack_commands as front
from support import RECORDING

from recording_vault import found

CALL = "CA" + "0" * 31 + "1"

ROW = {
    "recordingSid": RECORDING,
    "start": "2026-11-28T09:05:07Z",
    "durationS": 3723,
    "state": "stored",
    "original": "atTwilio",
    "callSid": CALL,
    "length": 20000,
}


def absent(number):
    return {"recordingSid": f"RE{number:032x}", "state": "absent", "original": "notDeleted"}


class OperatorDouble:
    """The operator function: answers with the given pages, or fails with them, and keeps the events."""

    def __init__(self, *pages):
        self.pages, self.events = list(pages), []

    def invoke(self, FunctionName, Payload):
        self.events.append(json.loads(Payload))
        page = self.pages.pop(0)
        if isinstance(page, Exception):
            raise page
        if isinstance(page, str):
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps({"errorMessage": page}).encode())}
        return {"Payload": io.BytesIO(json.dumps(page).encode())}


def find(double, *arguments, columns=80):
    with mock.patch("boto3.client", return_value=double), mock.patch.dict(os.environ, COLUMNS=str(columns)):
        return front.run("find", "--region", "us-east-1", *arguments, stack=front.Operate.STACK)


class Questions(unittest.TestCase):
    def test_each_question_becomes_an_event(self):
        for arguments, question in (
            (("--from", "2026-11-01", "--to", "2026-11-28"), {"from": "2026-11-01", "to": "2026-11-28"}),
            (("--call", CALL), {"call": CALL}),
            (("--conference", "CF" + "a" * 32), {"conference": "CF" + "a" * 32}),
            (("--task", "WT" + "a" * 32), {"task": "WT" + "a" * 32}),
            (("--reservation", "WR" + "b" * 32), {"reservation": "WR" + "b" * 32}),
            (("--recording", RECORDING, "--originals"), {"recording": RECORDING, "originals": True}),
        ):
            double = OperatorDouble({"found": []})
            self.assertEqual(find(double, *arguments)[0], 0)
            self.assertEqual(double.events, [{"find": question | {"max": 1000}}])

    def test_a_question_that_is_none_is_a_usage_error_and_calls_nobody(self):
        days = ("--from", "2026-11-01", "--to", "2026-11-28")
        for arguments in (
            (),
            ("--from", "2026-11-01"),
            ("--to", "2026-11-01"),
            ("--from", "2026-11-02", "--to", "2026-11-01"),
            ("--from", "yesterday", "--to", "2026-11-01"),
            (*days, "--call", CALL),
            ("--call", CALL, "--recording", RECORDING),
            ("--call", RECORDING),
            ("--call", "CA1"),
            ("--call", f"{CALL}/.."),
            (*days, "--json", "--format", "csv"),
            (*days, "--format", "xml"),
        ):
            double = OperatorDouble()
            code, output, _ = find(double, *arguments)
            self.assertEqual((code, double.events), (2, []), arguments)
            self.assertNotIn("found", output)

    def test_a_usage_error_has_a_document_too(self):
        for form in (("--json",), ("--format", "json")):
            code, output, _ = find(OperatorDouble(), *form)
            self.assertEqual((code, json.loads(output)["exitCode"]), (2, 2))


class Pages(unittest.TestCase):
    PAGES = (
        {"found": [ROW], "next": f"2026-11-28/{RECORDING}"},
        # All entries of this page may be of erased recordings.
        {"found": [], "next": f"2026-11-28/RE{'a' * 32}"},
        {"found": [absent(2), absent(3)]},
    )
    DAYS = ("--from", "2026-11-28", "--to", "2026-11-28")

    def test_pages_are_followed_to_the_end_in_each_format(self):
        for form in ("table", "csv", "json"):
            double = OperatorDouble(*self.PAGES)
            code, output, errors = find(double, *self.DAYS, "--format", form)
            self.assertEqual((code, output.count("RE0")), (0, 3), form)
            after = [event["find"].get("after") for event in double.events]
            self.assertEqual(after, [None, f"2026-11-28/{RECORDING}", f"2026-11-28/RE{'a' * 32}"])
            if form != "json":
                self.assertIn("3 found", output if form == "table" else errors)

    def test_a_failure_in_the_middle_keeps_what_was_printed_and_is_a_failure(self):
        for form in ("table", "csv", "json"):
            double = OperatorDouble(self.PAGES[0], "the vault: S3: SlowDown")
            code, output, errors = find(double, *self.DAYS, "--format", form)
            self.assertEqual(code, 1)
            self.assertIn(RECORDING, output)
            self.assertIn("SlowDown", errors)
            if form == "json":
                document = json.loads(output)
                self.assertEqual((document["found"], document["exitCode"]), ([ROW], 1))
                self.assertIn("SlowDown", document["error"])


class Formats(unittest.TestCase):
    def test_the_table_fits_the_terminal(self):
        for columns, titles in ((20, 5), (80, 5), (120, 6), (250, 9)):
            code, output, _ = find(OperatorDouble({"found": [ROW]}), "--call", CALL, columns=columns)
            head, row, _ = output.splitlines()
            self.assertEqual(len(head.replace("START (UTC)", "START").split()), titles)
            self.assertLessEqual(max(len(head), len(row)), max(columns, 80))
            self.assertTrue(row.startswith(f"{RECORDING} 2026-11-28 09:05:07 1:02:03  stored  Twilio"), row)

    def test_nothing_found_is_said(self):
        self.assertEqual(find(OperatorDouble({"found": []}), "--call", CALL)[:2], (0, "0 found\n"))
        output = find(OperatorDouble({"found": [], "next": "x"}, {"found": []}), "--call", CALL, "--format", "csv")[1]
        self.assertEqual(output, ",".join(found.FIELDS) + "\n")
        output = find(OperatorDouble({"found": []}), "--call", CALL, "--json")[1]
        self.assertEqual(json.loads(output), {"found": [], "stack": "vault", "exitCode": 0})

    def test_csv_has_a_header_times_in_utc_and_no_formulas(self):
        odd = ROW | {"source": '=HYPERLINK("https://x.example")', "track": "@both"}
        code, output, _ = find(OperatorDouble({"found": [odd]}), "--call", CALL, "--format", "csv")
        [row] = csv.DictReader(io.StringIO(output))
        self.assertEqual((row["start"], row["durationS"], row["sha256"]), ("2026-11-28T09:05:07Z", "3723", ""))
        self.assertEqual((row["source"], row["track"]), ('\'=HYPERLINK("https://x.example")', "'@both"))

    def test_every_field_of_an_answer_is_a_column(self):
        self.assertLessEqual(set(ROW), set(found.FIELDS))


if __name__ == "__main__":
    unittest.main()
