"""Activation of the plugin beside others."""

import random
import unittest

from support import RecordingConsole
from twilio_double import TwilioDouble, master_client

from recording_vault import flex_plugins
from recording_vault.problems import Problem, Refusal, WrongInput

CONSENT = "Activate recording-vault for all users of Flex"
SETTINGS = {"ui_attributes": {"recording_vault": {"callback_url": "https://x.example/"}}}


class Plan(unittest.TestCase):
    def test_every_other_active_version_is_carried_over(self):
        for seed in range(200):
            chance = random.Random(seed)
            names = chance.sample(["a", "b", "c", "d", flex_plugins.PLUGIN], chance.randrange(6))
            plugins = [
                {"unique_name": name, "plugin_version_sid": f"FV{name}", "phase": chance.choice([3, 4, None])}
                for name in names
            ]
            planned = flex_plugins.plan(plugins, "FVnew")
            expected = {
                (p["plugin_version_sid"], p["phase"] or 3) for p in plugins if p["unique_name"] != flex_plugins.PLUGIN
            }
            self.assertEqual(set(planned), expected | {("FVnew", 3)})
            self.assertEqual(len(planned), len(expected) + 1)


class Activate(unittest.TestCase):
    def setUp(self):
        self.double = TwilioDouble(SETTINGS)
        [self.other] = self.double.add_plugin(1, "dialpad", "2.0.0")
        self.old, self.new = self.double.add_plugin(2, flex_plugins.PLUGIN, "0.1.0", "0.2.0")
        self.twilio = master_client(self.enterContext(self.double.served()))
        self.console = RecordingConsole()
        self.kept = []

    def release(self, *versions):
        self.twilio.release(self.twilio.create_plugin_configuration("n", [(version, 3) for version in versions])["sid"])

    def activate(self, version="0.2.0", **options):
        options = {"consent": CONSENT, "journal": lambda *kept: self.kept.append(kept)} | options
        return flex_plugins.activate(self.twilio, self.console, version, **options)

    def versions(self):
        _, plugins = flex_plugins.active(self.twilio)
        return {plugin["plugin_version_sid"] for plugin in plugins}

    def test_the_others_stay_and_the_undo_releases_the_earlier_configuration(self):
        self.release(self.other, self.old)
        earlier = self.double.releases[-1]
        self.assertTrue(self.activate())
        self.assertEqual(self.versions(), {self.other, self.new})
        self.assertIn("    dialpad@2.0.0\n  - recording-vault@0.1.0\n  + recording-vault@0.2.0\n", self.console.printed)
        self.assertFalse(self.activate())

        [(ours, before)] = self.kept
        self.assertEqual(before, earlier)
        self.assertTrue(flex_plugins.undo(self.twilio, self.console, ours, before))
        self.assertEqual(self.versions(), {self.other, self.old})
        self.assertFalse(flex_plugins.undo(self.twilio, self.console, ours, before))

    def test_the_first_plugin_of_an_account(self):
        self.assertTrue(self.activate())
        self.assertEqual(self.versions(), {self.new})
        self.assertTrue(flex_plugins.undo(self.twilio, self.console, *self.kept[0]))
        self.assertEqual(self.versions(), set())

    def test_a_dry_run_creates_nothing(self):
        self.assertFalse(self.activate(dry_run=True, consent=None))
        self.assertEqual((self.double.plugin_configurations, self.double.releases), ({}, []))

    def test_a_configuration_that_lacks_a_plugin_is_not_released(self):
        self.release(self.other)
        self.double.plugin_configurations = Losing(self.double.plugin_configurations, self.other)
        with self.assertRaisesRegex(Problem, "Flex is unchanged"):
            self.activate()
        self.assertEqual(len(self.double.releases), 1)

    def test_a_release_by_somebody_else_meanwhile_is_kept(self):
        create = self.twilio.create_plugin_configuration

        def somebody_else_releases_too(name, plugins):
            created = create(name, plugins)
            self.twilio.release(create("theirs", [(self.other, 3)])["sid"])
            return created

        self.twilio.create_plugin_configuration = somebody_else_releases_too
        with self.assertRaisesRegex(Refusal, "Run it again"):
            self.activate()
        self.assertEqual(self.kept, [])
        self.assertEqual(self.versions(), {self.other})

    def test_without_settings_the_plugin_is_not_activated(self):
        self.double.configuration["ui_attributes"] = None
        with self.assertRaisesRegex(Refusal, "recording_vault.callback_url"):
            self.activate()

    def test_an_unknown_version_is_explained(self):
        with self.assertRaisesRegex(WrongInput, r"uploaded: 0\.1\.0, 0\.2\.0"):
            self.activate("9.9.9")
        for versions in self.double.version_list.values():
            for version in versions:
                version["archived"] = True
        with self.assertRaisesRegex(WrongInput, r"uploaded: 0\.1\.0 \(archived\), 0\.2\.0 \(archived\)"):
            self.activate()
        self.double.plugin_list.clear()
        with self.assertRaisesRegex(WrongInput, "twilio flex:plugins:deploy"):
            self.activate()

    def test_without_consent_nothing_is_created(self):
        with self.assertRaises(Refusal):
            self.activate(consent="no")
        self.assertEqual(self.double.plugin_configurations, {})


class Losing(dict):
    """Plugin configurations that lose a version when they are created."""

    def __init__(self, known, lost):
        super().__init__(known)
        self.lost = lost

    def __setitem__(self, sid, plugins):
        super().__setitem__(sid, [plugin for plugin in plugins if plugin["plugin_version_sid"] != self.lost])


if __name__ == "__main__":
    unittest.main()
