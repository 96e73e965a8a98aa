"""The evaluator of queries, compared with a naive model of the documented query."""

import random
import unittest
from unittest import mock

import support  # noqa: F401  It sets the import path.
from audit_lines import MAY, OTHER, RECORDING, made, played, refused, requested

from recording_vault import audit_queries, listening, query_language

SPAN_MS = 1_000_000
EVALUATED = audit_queries.bounded(audit_queries.of_all_recordings(), MAY, MAY + SPAN_MS)


def generated(chance):
    """Returns a random audit trail, with lines before, in and after the period."""
    lines = []
    for _ in range(chance.randrange(40)):
        time = MAY + chance.randrange(-SPAN_MS // 4, SPAN_MS + SPAN_MS // 4)
        link, recording = chance.choice("abcde"), chance.choice([RECORDING, OTHER])
        first = chance.choice([0, 0, 1, 5_000_000])
        destination = chance.choice(["audio", "video", "empty", None])
        lines += chance.choice(
            [
                [requested(time, link, chance.choice(["ada", "bob"]), recording)],
                [made(time, link, chance.choice(["Jane", "Zoe"]), recording)],
                [refused(time, recording)],
                # A reply may still run, or have sent nothing.
                played(time, link, first, chance.randrange(3) * 700_000, destination, recording)[: chance.randrange(1, 3)],
                [{"@timestamp": time, "target": "service", "linkId": link}],
            ]
        )
    return lines


def naive(lines):
    """Returns what the documented query should compute, written without it."""
    expected = {}
    for line in lines:
        if line["target"] != "audit" or "linkId" not in line or not MAY <= line["@timestamp"] < MAY + SPAN_MS:
            continue
        row = expected.setdefault((line["recordingSid"], line["linkId"]), {})
        element = line.get("secFetchDest") in ("audio", "video")
        begins, sent = line["event"] == "playback_begin", line.get("bytesSent")
        row["first"] = min(row.get("first", line["@timestamp"]), line["@timestamp"])
        row["last"] = max(row.get("last", 0), line["@timestamp"])
        for name, field in (("user", "identity"), ("worker", "workerSid"), ("person", "listener"), ("requester", "requestedBy")):
            if field in line:
                row[name] = max(row.get(name, ""), line[field])
        row["requests"] = row.get("requests", 0) + begins
        row["plays"] = row.get("plays", 0) + (begins and element)
        if sent is not None:
            row["bytes"] = row.get("bytes", 0) + sent
            row["played"] = row.get("played", 0) + (sent if element else 0)
        if "firstByte" in line:
            row["furthest"] = max(row.get("furthest", 0), line["firstByte"] if element else 0)
        if "bytesPerSecond" in line:
            row["rate"] = line["bytesPerSecond"]
        if "rate" in row and "played" in row:
            row["seconds"] = row["played"] / row["rate"]
    return expected


def uses(rows):
    return listening.found(rows, lambda value: None if value is None else int(value))


class Evaluator(unittest.TestCase):
    def test_it_computes_what_a_naive_model_computes(self):
        for seed in range(400):
            lines = generated(random.Random(seed))
            rows = query_language.run(EVALUATED, lines)
            self.assertEqual([row["first"] for row in rows], sorted(row["first"] for row in rows))
            keyed = {(row.pop("recordingSid"), row.pop("linkId")): row for row in rows}
            self.assertEqual(keyed, naive(lines), seed)

    def test_parts_of_a_period_add_up_to_the_whole(self):
        for seed in range(200):
            chance = random.Random(seed)
            lines = generated(chance)
            cut = MAY + chance.randrange(1, SPAN_MS)
            query = audit_queries.of_all_recordings()
            parts = [(MAY, cut), (cut, MAY + SPAN_MS)]
            rows = [row for part in parts for row in query_language.run(audit_queries.bounded(query, *part), lines)]
            self.assertEqual(uses(rows), uses(query_language.run(EVALUATED, lines)), seed)

    def test_what_a_function_gives_for_a_missing_field_changes_no_document(self):
        """AWS does not document it. Without a value, the sums have none either."""

        def strcontains(text, part):
            return None if text is None else int(part in text)

        for seed in range(200):
            lines = generated(random.Random(seed))
            documents = [listening.document(use) for use in uses(query_language.run(EVALUATED, lines))]
            with mock.patch.dict(query_language.FUNCTIONS, {"strcontains": strcontains}):
                others = [listening.document(use) for use in uses(query_language.run(EVALUATED, lines))]
            self.assertEqual(documents, others, seed)

    def test_missing_values_and_other_types_give_nothing(self):
        lines = [{"@timestamp": 1, "a": "x", "n": 0, "t": "7"}, {"@timestamp": 2, "n": 4}]
        query = 'filter ispresent(n)\n| stats sum(n * b) as none, n / n as x, max(n / n) as one, max(n) as most by c'
        self.assertEqual(query_language.run(query, lines), [{"one": 1.0, "most": 4}])
        self.assertEqual(query_language.run("filter a < 5", lines), [])
        self.assertEqual(query_language.run("filter t >= 5", lines), [])
        self.assertEqual(query_language.run('filter a in ["y", "x"] | fields n + 1 as m', lines)[0]["m"], 1)

    def test_anything_else_of_the_language_is_refused(self):
        for query in (
            "parse @message /x/",
            'filter a like "x"',
            'filter a = "x" or b = "y"',
            "stats count(*) as n by a",
            "stats sum(a) by b",
            "fields a",
            "sort a desc",
            "filter a = ",
            "filter avg(a) = 1",
            "filter a = 'x'",
            "limit many",
        ):
            with self.assertRaises(query_language.Unsupported, msg=query):
                query_language.run(query, [])


if __name__ == "__main__":
    unittest.main()
