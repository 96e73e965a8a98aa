"""`vault.py who` and `listened`, against CloudWatch Logs Insights and over log files."""

import contextlib
import csv
import datetime
import io
import itertools
import json
import pathlib
import re
import tempfile
import time
import types
import unittest
from unittest import mock

from audit_lines import DAY_MS, MAY, OTHER, RATE, RECORDING, made, played, refused, requested
from insights_double import JOBS, PLAYBACK, InsightsDouble
from support import SCRIPTS, server
from test_stack_commands import run

from recording_vault import audit_queries, listening, logs_insights, tables

OPERATIONS = SCRIPTS.parent / "docs/OPERATIONS.md"
PERIOD = ("--from", "2026-05-01", "--to", "2026-05-31")

# What a month may contain: each verdict, both kinds of listener, two nobody, and refusals.
LINES = [
    requested(MAY + 1_000, "unused"),
    refused(MAY + 1_500),
    requested(MAY + 2_000, "waveform", "bob"),
    *played(MAY + 3_000, "waveform", destination="empty"),
    requested(MAY + 4_000, "opened", "cyd"),
    *played(MAY + 5_000, "opened", sent=300_000),
    requested(MAY + 6_000, "heard", "dan"),
    *played(MAY + 7_000, "heard", sent=300_000),
    *played(MAY + 9_000, "heard", first=60 * RATE, sent=10 * RATE),
    made(MAY + 10_000, "for-jane"),
    *played(MAY + 20_000, "for-jane", sent=500_000, destination="video"),
    *played(MAY + DAY_MS, "segment", first=5, destination=None, recording=OTHER),
    *played(MAY + DAY_MS + 5, "in-april", recording=OTHER),
    requested(MAY - 3_000_000, "in-april", "eli", recording=OTHER),
    requested(MAY + 31 * DAY_MS, "in-june"),
    {"@timestamp": MAY + 1, "target": "service", "linkId": "not-audit", "recordingSid": RECORDING},
]

VERDICTS = {
    "unused": ("ada", "not_used", 0),
    "waveform": ("bob", "fetched", 0),
    "opened": ("cyd", "opened", 10),
    "heard": ("dan", "listened", 20),
    "for-jane": ("Jane Auditor", "opened", 16),
}


class Command(unittest.TestCase):
    """The command, with a client of boto3 for a double of the service."""

    def setUp(self):
        patches = [mock.patch.object(logs_insights, "FIRST_PAUSE_S", 0), mock.patch.object(logs_insights, "LONGEST_PAUSE_S", 0)]
        for patch in patches:
            patch.start()
            self.addCleanup(patch.stop)
        self.double = InsightsDouble(list(LINES))

    def run_command(self, *arguments, retention="3653"):
        outputs = {"AuditLogGroup": PLAYBACK, "JobsAuditLogGroups": ",".join(JOBS)}
        parameters = {"AuditRetentionDays": retention}
        stack = types.SimpleNamespace(name="vault", parameters=parameters, output=outputs.__getitem__)
        place = ("--region", "us-east-1", "--endpoint-url")
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_CONFIG_FILE": "/dev/null"}
        with server(self.double.answer) as base:
            return run(*arguments, *place, base, stack=stack, environment=keys)

    def report(self, *arguments, **options):
        code, text, errors = self.run_command(*arguments, "--json", **options)
        self.assertEqual(code, 0, errors)
        return json.loads(text)

    def problem(self, *arguments):
        code, _, errors = self.run_command(*arguments)
        self.assertEqual(code, 1)
        self.assertNotIn("Traceback", errors)
        return errors


class Answers(Command):
    def test_who_names_each_listener_and_what_happened(self):
        report = self.report("who", RECORDING, *PERIOD)
        seen = {use["linkId"]: (use["listener"], use["verdict"], use["secondsAtMost"]) for use in report["links"]}
        self.assertEqual(seen, VERDICTS)
        [heard] = [use for use in report["links"] if use["linkId"] == "heard"]
        self.assertEqual(heard["furthestSecond"], 60)
        self.assertEqual((heard["first"], heard["last"]), ("2026-05-01T00:00:06Z", "2026-05-01T00:00:09Z"))
        [jane] = [use for use in report["links"] if use["linkId"] == "for-jane"]
        self.assertEqual(jane["listenerFrom"], "operator")
        self.assertEqual(jane["requestedBy"], "arn:aws:iam::000000000000:role/operator")

    def test_the_queries_are_the_documented_ones_over_the_groups_of_the_stack(self):
        self.report("listened", *PERIOD)
        (groups, start, end, query), (_, _, earlier_end, links) = self.double.started
        self.assertEqual(groups, [PLAYBACK, *JOBS])
        self.assertEqual((start, end, earlier_end), (MAY // 1000, MAY // 1000 + 31 * 86_400, start))
        bounds = re.compile(r"\n\| filter toMillis\(@timestamp\) >= \d+ and toMillis\(@timestamp\) < \d+(?=\n)")
        self.assertEqual(bounds.sub("", query), audit_queries.of_all_recordings())
        self.assertEqual(bounds.sub("", links), audit_queries.of_links(["in-april", "segment"]))

    def test_listened_has_all_recordings_and_finds_who_requested_a_link_before(self):
        report = self.report("listened", *PERIOD)
        seen = {use["linkId"]: (use["listener"], use["recordingSid"]) for use in report["links"]}
        self.assertEqual(seen["in-april"], ("eli", OTHER))
        self.assertEqual(seen["segment"], (None, OTHER))
        self.assertEqual(set(seen), {*VERDICTS, "in-april", "segment"})
        self.assertTrue(any("segment_link" in remark for remark in report["remarks"]), report["remarks"])

    def test_the_table_and_the_csv_have_the_same_and_nothing_that_a_name_could_break(self):
        self.double.lines += [made(MAY + 50_000, "evil", person='=HYPERLINK("x")\x1b[2J')]
        code, table, _ = self.run_command("listened", *PERIOD)
        self.assertEqual(code, 0)
        self.assertNotIn("\x1b", table)
        self.assertIn("Jane Auditor", table)
        for words in listening.WORDS.values():
            self.assertIn(words, table)
        _, text, errors = self.run_command("listened", *PERIOD, "--format", "csv")
        rows = list(csv.DictReader(io.StringIO(text)))
        self.assertEqual(len(rows), 8)
        self.assertTrue(all(not row["listener"].startswith("=") for row in rows))
        self.assertIn("segment_link", errors)
        _, text, _ = self.run_command("listened", *PERIOD, "--format", "json")
        self.assertEqual(len(json.loads(text)["links"]), 8)

    def test_a_link_is_looked_for_in_the_eight_days_before_the_period(self):
        self.double.lines = [
            requested(MAY - 8 * DAY_MS, "a-week-old", "ada"),
            requested(MAY - 8 * DAY_MS - 1, "older", "bob"),
            *played(MAY, "a-week-old"),
            *played(MAY, "older"),
        ]
        seen = {use["linkId"]: use["listener"] for use in self.report("listened", *PERIOD)["links"]}
        self.assertEqual(seen, {"a-week-old": "ada", "older": None})

    def test_lines_that_have_been_removed_are_a_remark(self):
        kept = (int(time.time() * 1000) - MAY) // DAY_MS
        for retention, is_missing in ((kept + 2, False), (kept - 1, True)):
            remarks = self.report("listened", *PERIOD, retention=str(retention))["remarks"]
            shown = [remark for remark in remarks if remark.startswith(f"Lines older than {retention} days")]
            self.assertEqual(len(shown), int(is_missing), remarks)

    def test_dates_at_the_edges_are_the_beginning_and_the_end_of_time(self):
        for arguments, links in (
            (("--from", "0001-01-01", "--to", "9999-12-31"), 8),
            (("--from", "1969-12-31", "--to", "1969-12-31"), 0),
        ):
            report = self.report("listened", *arguments)
            self.assertEqual((len(report["links"]), report["period"]["from"]), (links, "1970-01-01T00:00:00Z"))
            self.assertTrue(all(start >= 0 for _, start, _, _ in self.double.started))
        tomorrow = datetime.datetime.now(datetime.timezone.utc).date() + datetime.timedelta(days=1)
        until = self.report("listened", "--from", "2026-05-01", "--to", "9999-12-31")["period"]["until"]
        self.assertEqual(until, f"{tomorrow + datetime.timedelta(days=1)}T00:00:00Z")

    def test_the_document_has_the_rows_alone(self):
        for form in (("--json",), ("--format", "json")):
            _, text, errors = self.run_command("listened", *PERIOD, *form)
            self.assertIn("Jane Auditor", text)
            self.assertNotIn("Jane Auditor", errors)
            self.assertIn("segment_link", errors)

    def test_nobody_is_an_answer(self):
        self.double.lines = []
        code, text, _ = self.run_command("who", RECORDING)
        self.assertEqual(code, 0)
        self.assertIn("No link was requested or used", text)

    def test_wrong_input_is_refused_before_a_query(self):
        for arguments in (
            ("who", "RE1"),
            ("listened", "--from", "2026-05-02", "--to", "2026-05-01"),
            ("listened", "--from", "2999-05-01", "--to", "2999-05-02"),
            ("listened", "--from", "yesterday", "--to", "2026-05-01"),
            ("listened", "--from", "2026-05-01"),
            ("listened", *PERIOD, "--json", "--format", "csv"),
            ("who", RECORDING, "--json", "--format", "table"),
        ):
            code, _, _ = self.run_command(*arguments)
            self.assertEqual((code, self.double.started), (2, []), arguments)


class Service(Command):
    """What the service may do to a query."""

    def test_a_busy_service_is_waited_for(self):
        busy = ["LimitExceededException", "ThrottlingException", "ServiceUnavailableException"]
        self.double.errors = {"StartQuery": list(busy), "GetQueryResults": list(busy), "StopQuery": []}
        with mock.patch("time.sleep"):
            self.assertEqual(len(self.report("who", RECORDING, *PERIOD)["links"]), len(VERDICTS))

    def test_a_large_answer_is_split_and_nothing_is_lost_or_counted_twice(self):
        whole = self.report("listened", *PERIOD)["links"]
        for most, longest_ms in ((10_000, 5 * DAY_MS), (3, None)):
            self.double.most, self.double.longest_ms = most, longest_ms
            with mock.patch.object(audit_queries, "MOST_ROWS", most):
                self.assertEqual(self.report("listened", *PERIOD)["links"], whole)
        self.assertGreater(len(self.double.started), 15)

    def test_an_answer_that_cannot_be_split_is_a_failure(self):
        self.double.lines = [made(MAY, f"link-{number}") for number in range(5)]
        self.double.most = 3
        with mock.patch.object(audit_queries, "MOST_ROWS", 3):
            self.assertIn("would not be complete", self.problem("listened", *PERIOD))
        self.double.most, self.double.paging = 10_000, True
        self.assertIn("would not be complete", self.problem("listened", *PERIOD))

    def test_a_failed_query_is_tried_once_more(self):
        self.double.endings = ["Failed"]
        self.assertEqual(len(self.report("who", RECORDING, *PERIOD)["links"]), len(VERDICTS))
        for ending in ("Failed", "Cancelled"):
            self.double.endings = [ending] * 2
            self.assertIn(f"ended a query with {ending}", self.problem("who", RECORDING, *PERIOD))

    def test_a_period_without_logs_is_not_an_empty_answer(self):
        self.double.created_ms = MAY + 40 * DAY_MS
        self.assertIn("has no logs of this period", self.problem("listened", *PERIOD))
        # Only the beginning is missing, and with it what came before.
        self.double.created_ms = MAY + 1
        report = self.report("listened", *PERIOD)
        self.assertIn((None, "in-april"), [(use["listener"], use["linkId"]) for use in report["links"]])

    def test_a_query_that_nobody_awaits_is_stopped(self):
        self.double.errors["GetQueryResults"] = ["AccessDeniedException"]
        self.assertIn("lacks this right", self.problem("who", RECORDING, *PERIOD))
        self.assertEqual(self.double.stopped, ["query-0"])
        self.double.errors = {"StartQuery": [], "GetQueryResults": ["AccessDenied"], "StopQuery": ["AccessDenied"]}
        self.assertIn("refused GetQueryResults", self.problem("who", RECORDING, *PERIOD))

    def test_a_group_that_is_gone_is_named(self):
        self.double.errors["StartQuery"] = ["ResourceNotFoundException"]
        self.assertIn(PLAYBACK, self.problem("who", RECORDING, *PERIOD))

    def test_numbers_of_all_forms_are_read(self):
        for text, expected in (("12", 12), ("12.0", 12), ("1.2E1", 12), ("1.777593600000E12", MAY), (None, None), ("", None)):
            self.assertEqual(logs_insights.number(text), expected)


class Files(unittest.TestCase):
    """The local stack's log files."""

    def test_files_give_what_insights_gives(self):
        with tempfile.TemporaryDirectory() as folder:
            _write(folder, LINES)
            code, text, errors = run("listened", *PERIOD, "--log-files", folder, "--json")
            self.assertEqual(code, 0, errors)
            command = Answers("run_command")
            command.setUp()
            self.addCleanup(command.doCleanups)
            self.assertEqual(json.loads(text)["links"], command.report("listened", *PERIOD)["links"])

    def test_files_give_more_links_than_insights_gives_at_once(self):
        with tempfile.TemporaryDirectory() as folder:
            count = audit_queries.MOST_ROWS + 5
            one = {"timestamp": "2026-05-01T00:00:00Z", "target": "audit", "recordingSid": RECORDING}
            lines = (json.dumps(one | {"linkId": str(number)}) for number in range(count))
            pathlib.Path(folder, "a.log").write_text("\n".join(lines), encoding="utf-8")
            code, text, errors = run("who", RECORDING, "--log-files", folder, "--json")
            self.assertEqual((code, len(json.loads(text)["links"])), (0, count), errors)

    def test_a_folder_without_logs_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(run("who", RECORDING, "--log-files", folder)[0], 2)


class Tables(unittest.TestCase):
    def test_columns_are_aligned_in_every_script(self):
        rows = [["田中 太郎", "x"], ["e\u0301ric", "x"], ["Jane", "x"]]
        self.assertEqual(
            tables.text(["name", "end"], rows), ["name       end", "田中 太郎  x", "e\u0301ric       x", "Jane       x"]
        )


class Document(unittest.TestCase):
    def test_the_document_has_the_queries(self):
        text = OPERATIONS.read_text(encoding="utf-8")
        for query in (audit_queries.WHO, audit_queries.GIVEN):
            self.assertIn(f"\n```\n{query}\n```\n", text)
        # The longest query, and the changes for all recordings.
        longest = audit_queries.bounded(audit_queries.of_links(["x" * 43] * audit_queries.LINKS_IN_A_QUERY), MAY, MAY)
        self.assertLessEqual(len(longest), 10_000)
        self.assertNotIn("RE000", audit_queries.of_all_recordings())
        for query in (audit_queries.WHO, audit_queries.GIVEN):
            self.assertTrue(query.endswith(audit_queries.LIMIT))

    def test_the_document_explains_every_verdict(self):
        text = OPERATIONS.read_text(encoding="utf-8")
        for code in listening.WORDS:
            self.assertIn(f"`{code}`", text)


def _write(folder, lines):
    """Writes lines as the functions do, in two files, with other text between them."""
    for number, name in enumerate(("playback", "operator")):
        with open(pathlib.Path(folder, f"{name}.log"), "w", encoding="utf-8") as file:
            file.write('START RequestId\n{"timestamp": 5}\n["x"]\n')
            for line in itertools.islice(lines, number, None, 2):
                moment = datetime.datetime.fromtimestamp(line["@timestamp"] / 1000, datetime.timezone.utc)
                fields = {name: value for name, value in line.items() if name != "@timestamp"}
                file.write(json.dumps({"timestamp": moment.isoformat().replace("+00:00", "Z"), **fields}) + "\n")


if __name__ == "__main__":
    unittest.main()
