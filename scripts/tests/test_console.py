"""Questions, secrets, consent and progress."""

import getpass
import io
import re
import time
import types
import unittest
import warnings
from unittest import mock

from support import RecordingConsole

from recording_vault import console as module
from recording_vault.problems import Refusal, WrongInput


def until(happened):
    """Waits for something that another thread does."""
    bound = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < bound, "nothing was shown"
        time.sleep(0.005)


class Terminal(io.StringIO):
    """Standard error at a terminal."""

    read = 0

    def isatty(self):
        return True

    def wait_for(self, text):
        """Waits until the text is written again."""
        until(lambda: text in self.getvalue()[self.read :])
        self.read = len(self.getvalue())

    @staticmethod
    def screen(written):
        """Returns the lines that a terminal shows at the end."""
        lines = []
        for line in written.split("\n"):
            shown = ""
            for part in line.split("\r"):
                shown = part + shown[len(part) :]
            lines.append(shown.rstrip())
        return lines


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


class Secrets(unittest.TestCase):
    def test_a_terminal_that_would_show_the_secret_is_refused(self):
        def shows(*_, **__):
            warnings.warn("Can not control echo on the terminal.", getpass.GetPassWarning, stacklevel=2)
            return "seen by everybody"

        with mock.patch("getpass.getpass", shows), self.assertRaisesRegex(WrongInput, "shows what is typed"):
            module.Console(interactive=True).secret("Secret of the API key")

    def test_an_input_that_ends_is_explained(self):
        with mock.patch("getpass.getpass", side_effect=EOFError), self.assertRaisesRegex(WrongInput, "input ended"):
            module.Console(interactive=True).secret("Secret of the API key")


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

    def test_at_a_terminal_one_line_is_rewritten_and_makes_room_for_messages(self):
        console = RecordingConsole()
        console.errors = console.output = Terminal()
        with mock.patch.multiple(module, SILENT_SECONDS=0.01, REWRITE_SECONDS=0.01):
            with mock.patch.dict("os.environ", {"COLUMNS": "30"}), console.step("uploading " + "x" * 60):
                console.errors.wait_for("\r  uploading")
                console.say("a message")
                with console.messages():
                    console.errors.wait_for("\r  uploading")
                    print("from another script")
        shown = console.errors.getvalue()
        self.assertNotIn("x\n", shown)
        self.assertEqual(Terminal.screen(shown), ["a message", "from another script", ""])
        self.assertLess(max(map(len, re.split(r"[\r\n]", shown))), 30)

    def test_only_the_innermost_step_shows_its_progress(self):
        console = RecordingConsole()
        with mock.patch.multiple(module, SILENT_SECONDS=0.01, INTERVAL_SECONDS=0.01):
            with console.step("the whole"):
                with console.step("a part"):
                    seen = len(console.errors.getvalue())
                    until(lambda: "a part" in console.errors.getvalue()[seen:])
                    self.assertNotIn("the whole", console.errors.getvalue()[seen:].partition("a part")[2])

    def test_a_silence_is_shown_with_its_own_time_and_never_at_a_question(self):
        clock = [0]
        ticking = types.SimpleNamespace(monotonic=lambda: clock[0])
        with mock.patch.multiple(module, SILENT_SECONDS=0.01, INTERVAL_SECONDS=0, time=ticking):
            console = RecordingConsole()
            with console.step("still working", idle=True):
                clock[0] = 100
                until(lambda: "still working (100 s)" in console.errors.getvalue())
                console.say("a message")
                clock[0] = 107
                until(lambda: "still working (7 s)" in console.errors.getvalue())
                with console.asking():
                    seen = console.errors.getvalue()
                    clock[0] = 300
                    time.sleep(0.1)
                    self.assertEqual(console.errors.getvalue(), seen)

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
