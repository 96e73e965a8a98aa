"""Call Recording in Flex's configuration. Documents are generated from Twilio's OpenAPI description (OPENAPI_DIR)."""

import copy
import json
import random
import unittest

import openapi
from support import ACCOUNT, RecordingConsole
from twilio_double import TwilioDouble, key_client, master_client, problem

from recording_vault import checks
from recording_vault import flex_configuration as flex
from recording_vault.problems import Problem, Refusal
from recording_vault.twilio import TwilioError

URL = "https://abc.execute-api.eu-central-1.amazonaws.com/recording-status-callback?taskSid={taskSid}#rc=3&rp=all"
FOREIGN = "https://somebody.example.com/callback?secret=not-for-the-screen"

# Enough of the description for a machine without it.
FEW_PROPERTIES = {
    "account_sid": {"type": "string"},
    "ui_attributes": {},
    "integrations": {"type": "array", "items": {}},
    "flex_insights_drilldown": {"type": "boolean"},
    "call_recording_enabled": {"type": "boolean"},
    "call_recording_webhook_url": {"type": "string"},
    "date_updated": {"type": "string"},
}


def properties():
    """Returns the properties of Flex's configuration."""
    if not openapi.available():
        return FEW_PROPERTIES
    return openapi.description("flex_v1")["components"]["schemas"]["flex.v1.configuration"]["properties"]


def text(chance):
    return "".join(chance.choice('aé "\\{}<&ß漢0') for _ in range(chance.randrange(12)))


def anything(chance, depth=0):
    """Returns any JSON value."""
    kinds = ["null", "boolean", "integer", "string"] + ["array", "object"] * (depth < 3)
    match chance.choice(kinds):
        case "null":
            return None
        case "boolean":
            return chance.random() < 0.5
        case "integer":
            return chance.randrange(-(10**12), 10**12)
        case "string":
            return text(chance)
        case "array":
            return [anything(chance, depth + 1) for _ in range(chance.randrange(4))]
        case "object":
            return {text(chance): anything(chance, depth + 1) for _ in range(chance.randrange(4))}


def generated(chance):
    """Returns a configuration. Some properties are null or missing."""
    document = {}
    for name, schema in properties().items():
        if chance.random() < 0.1:
            continue
        match schema.get("type"):
            case _ if chance.random() < 0.1:
                document[name] = None
            case "boolean":
                document[name] = chance.random() < 0.5
            case "string":
                document[name] = text(chance)
            case "array":
                document[name] = [anything(chance) for _ in range(chance.randrange(4))]
            case _:
                document[name] = anything(chance)
    document["account_sid"] = ACCOUNT
    document[flex.WEBHOOK] = chance.choice([None, "", FOREIGN, URL, URL.replace("#", "&old=1#")])
    return document


class Properties(unittest.TestCase):
    """For many generated configurations."""

    def test_only_two_scalars_change_and_the_undo_restores_them(self):
        for seed in range(200):
            with self.subTest(seed=seed):
                before = generated(random.Random(seed))
                double = TwilioDouble(before)
                original = copy.deepcopy(double.configuration)
                twilio = InProcess(double)
                kept = []
                options = {"replace": True, "consent": flex.CONSENT, "journal": kept.append}
                changed = flex.configure(twilio, RecordingConsole(), URL, **options)

                self.assertIs(double.configuration[flex.ENABLED], True)
                self.assertEqual(double.configuration[flex.WEBHOOK], URL)
                for sent in double.written:
                    self.assertEqual(sent.keys(), {"account_sid", *flex.OURS})
                self.assertEqual(others(double.configuration), others(original))
                self.assertEqual(changed, bool(double.written))
                self.assertEqual(len(kept), int(changed))
                # A second run changes nothing.
                writes = len(double.written)
                flex.configure(twilio, RecordingConsole(), URL, **options)
                self.assertEqual(len(double.written), writes)

                if changed:
                    flex.undo(twilio, RecordingConsole(), URL, kept[0])
                    for name in flex.OURS:
                        self.assertTrue(flex._same(double.configuration.get(name), original.get(name)), name)
                    self.assertEqual(others(double.configuration), others(original))


class InProcess:
    """The client without HTTP, for the many runs."""

    account = ACCOUNT

    def __init__(self, double):
        self.double = double

    def flex_configuration(self):
        return copy.deepcopy(self.double.configuration)

    def change_flex_configuration(self, change):
        return self.double._configuration("POST", json.dumps(change))


def others(document):
    return {name: value for name, value in document.items() if name not in flex.OURS + flex.TIMES}


class Configure(unittest.TestCase):
    """Over HTTP."""

    def setUp(self):
        self.double = TwilioDouble({"ui_attributes": {"a": 1}, flex.ENABLED: False, flex.WEBHOOK: None})
        base = self.enterContext(self.double.served())
        self.twilio = master_client(base)
        self.base = base
        self.console = RecordingConsole()
        self.kept = []

    def configure(self, **options):
        options = {"replace": False, "consent": flex.CONSENT, "journal": self.kept.append} | options
        return flex.configure(self.twilio, self.console, URL, **options)

    def test_the_difference_is_shown_and_the_earlier_values_are_kept_first(self):
        def journal(before):
            self.assertEqual(self.double.written, [])
            self.kept.append(before)

        self.assertTrue(self.configure(journal=journal))
        self.assertEqual(self.kept, [{flex.ENABLED: False, flex.WEBHOOK: None}])
        self.assertIn("- call_recording_enabled: false\n  + call_recording_enabled: true", self.console.printed)
        self.assertIn(f"+ call_recording_webhook_url: {URL}", self.console.printed)
        self.assertIn("next sign-in", self.console.printed)

    def test_a_dry_run_shows_the_difference_and_writes_nothing(self):
        self.assertFalse(self.configure(dry_run=True, consent=None))
        self.assertIn("+ call_recording_enabled: true", self.console.printed)
        self.assertEqual((self.double.written, self.kept), ([], []))

    def test_without_consent_nothing_is_written(self):
        with self.assertRaises(Refusal):
            self.configure(consent="yes")
        self.assertEqual((self.double.written, self.kept), ([], []))

    def test_a_foreign_webhook_is_refused_without_its_query(self):
        self.double.configuration[flex.WEBHOOK] = FOREIGN
        with self.assertRaisesRegex(Refusal, "--replace") as raised:
            self.configure()
        self.assertEqual(self.double.written, [])
        self.assertTrue(self.configure(replace=True))
        self.assertNotIn("not-for-the-screen", str(raised.exception) + self.console.printed)
        self.assertEqual(self.kept[0][flex.WEBHOOK], FOREIGN)

    def test_secrets_of_somebody_elses_webhook_are_not_shown(self):
        ours = "https://x.example/recording-status-callback?taskSid={taskSid}#rc=3&rp=all"
        for url, words in (
            (ours, ours),
            ("https://user:secret@x.example/a?key=secret&task={taskSid}", "https://...@x.example/a?...&task={taskSid}"),
            ("https://x.example/a?task={taskSid}&secret#secret-token", "https://x.example/a?task={taskSid}&...#..."),
            ("https://x.example/a?key=secret", "https://x.example/a?..."),
        ):
            self.assertEqual(flex.shown(url), words)
            self.double.configuration[flex.WEBHOOK] = url
            self.assertIn(words, checks.flex(self.twilio, "")[1].text)

    def test_a_change_between_the_difference_and_the_write_is_refused(self):
        def journal(_):
            self.double.configuration["ui_attributes"] = {"a": 2}

        with self.assertRaisesRegex(Refusal, "while this command ran"):
            self.configure(journal=journal)
        self.assertEqual(self.double.written, [])

    def test_a_webhook_that_twilio_changes_is_put_back(self):
        self.double.keep = lambda sent: {
            name: value.replace("{taskSid}", "%7BtaskSid%7D") if isinstance(value, str) else value
            for name, value in sent.items()
        }
        with self.assertRaisesRegex(Problem, "callRecordingCallbackUrl"):
            self.configure()
        self.assertEqual(self.double.configuration[flex.ENABLED], False)
        self.assertEqual(self.double.configuration[flex.WEBHOOK], None)

    def test_a_property_that_changes_elsewhere_is_reported(self):
        self.double.keep = lambda sent: sent | {"ui_attributes": {}}
        with self.assertRaisesRegex(Problem, "also changed in ui_attributes"):
            self.configure()

    def test_another_account_is_refused(self):
        self.double.configuration["account_sid"] = "AC" + "9" * 32
        with self.assertRaisesRegex(Problem, "another account"):
            self.configure()

    def test_an_api_key_is_explained(self):
        self.twilio = key_client(self.base)
        with self.assertRaisesRegex(TwilioError, "Check the SID and the secret"):
            self.configure()

    def test_faults_of_twilio_are_explained_without_query_strings(self):
        for status, words in ((403, "lacks this permission"), (404, "Is Flex set up"), (503, "in a minute")):
            self.double.faults = {("GET", "/Configuration"): problem(status, 1, "see https://x.example/?token=secret")}
            with self.assertRaisesRegex(Problem, words) as raised:
                self.configure()
            self.assertNotIn("secret.", str(raised.exception))
        self.double.faults = {("GET", "/Configuration"): (200, {}, b"<html>")}
        with self.assertRaisesRegex(Problem, "not JSON"):
            self.configure()
        self.double.faults = {("GET", "/Configuration"): (302, {"Location": "http://127.0.0.1:1/"}, b"")}
        with self.assertRaisesRegex(TwilioError, "302"):
            self.configure()

    def test_twilio_that_is_away_is_named(self):
        with self.assertRaisesRegex(Problem, "could not be reached to read Flex's configuration"):
            flex.configure(
                master_client("http://127.0.0.1:1"), self.console, URL, replace=False, consent=None, journal=None
            )


class Undo(unittest.TestCase):
    EARLIER = {flex.ENABLED: False, flex.WEBHOOK: FOREIGN}

    def undo(self, **now):
        self.double = TwilioDouble({"ui_attributes": {"a": 1}} | now)
        self.console = RecordingConsole()
        with self.double.served() as base:
            return flex.undo(master_client(base), self.console, URL, self.EARLIER)

    def test_our_values_are_replaced_by_the_earlier_ones(self):
        self.assertTrue(self.undo(**flex.wanted(URL)))
        sent = {"account_sid": ACCOUNT, flex.ENABLED: False, flex.WEBHOOK: FOREIGN}
        self.assertEqual(self.double.written, [sent])

    def test_a_write_that_was_never_made_has_nothing_to_restore(self):
        for now in ({flex.ENABLED: True, flex.WEBHOOK: FOREIGN}, {flex.ENABLED: False, flex.WEBHOOK: FOREIGN}):
            self.assertFalse(self.undo(**now))
            self.assertEqual(self.double.written, [])
            self.assertIn("nothing to restore", self.console.printed)

    def test_a_webhook_that_was_changed_since_is_kept_with_call_recording(self):
        self.assertFalse(self.undo(**flex.wanted("https://third.example.com/?a=secret")))
        self.assertEqual(self.double.written, [])
        self.assertIn("kept, because the webhook was changed to https://third.example.com/?...", self.console.printed)

    def test_call_recording_that_was_turned_off_since_stays_off(self):
        self.EARLIER = {flex.ENABLED: True, flex.WEBHOOK: FOREIGN}
        self.assertTrue(self.undo(**{flex.ENABLED: False, flex.WEBHOOK: URL}))
        self.assertIs(self.double.configuration[flex.ENABLED], False)
        self.assertEqual(self.double.configuration[flex.WEBHOOK], FOREIGN)


if __name__ == "__main__":
    unittest.main()
