"""Questions, secrets, consent and progress."""

import time
import unittest
from unittest import mock

from support import RecordingConsole

from recording_vault import console as module
from recording_vault.problems import Refusal, WrongInput


class Questions(unittest.TestCase):
    def test_a_wrong_answer_is_asked_again(self):
        console = RecordingConsole(["x", "7"])
        answer = console.ask("Days", check=lambda text: None if text.isdigit() else "a number, please")
        self.assertEqual(answer, "7")
        self.assertIn("a number, please", console.printed)

    def test_three_wrong_answers_end_it(self):
        console = RecordingConsole(["x", "y", "z"])
        with self.assertRaisesRegex(WrongInput, "no usable answer to: Days"):
            console.ask("Days", check=lambda _: "no")

    def test_an_empty_answer_is_the_default(self):
        self.assertEqual(RecordingConsole([""]).ask("Region", "eu-central-1"), "eu-central-1")

    def test_without_a_terminal_nothing_is_asked(self):
        console = RecordingConsole(interactive=False)
        with self.assertRaisesRegex(WrongInput, "as a flag or in the answers file"):
            console.ask("Days")
        with self.assertRaisesRegex(WrongInput, "--secrets-from-stdin"):
            module.Console.secret(console, "The API key's secret")
        self.assertFalse(console.confirm("Sure?"))

    def test_only_yes_is_yes(self):
        console = RecordingConsole(["y", "", "no", "Yes"])
        self.assertEqual([console.confirm("Sure?") for _ in range(4)], [False, False, False, True])


class Consent(unittest.TestCase):
    SENTENCE = "I may record these calls"

    def test_the_sentence_must_be_typed_as_shown(self):
        RecordingConsole([self.SENTENCE]).consent(self.SENTENCE)
        for typed in ("", "yes", "i may record these calls"):
            with self.assertRaisesRegex(Refusal, "Nothing was changed"):
                RecordingConsole([typed]).consent(self.SENTENCE)

    def test_without_a_terminal_it_is_a_flag(self):
        console = RecordingConsole(interactive=False)
        console.consent(self.SENTENCE, self.SENTENCE)
        with self.assertRaisesRegex(Refusal, "--consent"):
            console.consent(self.SENTENCE)


class Progress(unittest.TestCase):
    def test_a_long_step_shows_that_it_is_running(self):
        console = RecordingConsole()
        with mock.patch.object(module, "SILENT_SECONDS", 0.02), mock.patch.object(module, "INTERVAL_SECONDS", 0.02):
            with console.step("downloading", lambda: " 7 bytes"):
                time.sleep(0.2)
        self.assertIn("downloading (0 s) 7 bytes", console.errors.getvalue())

    def test_a_short_step_is_silent(self):
        console = RecordingConsole()
        with console.step("deploying"):
            pass
        self.assertEqual(console.printed, "")


class Json(unittest.TestCase):
    def test_messages_leave_standard_output_to_the_document(self):
        console = RecordingConsole(as_json=True)
        console.say("hello")
        with console.messages():
            print("from another script")
        console.result({"a": 1})
        self.assertEqual(console.output.getvalue(), '{\n  "a": 1\n}\n')
        self.assertEqual(console.errors.getvalue(), "hello\nfrom another script\n")


if __name__ == "__main__":
    unittest.main()
