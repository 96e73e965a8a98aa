"""Messages, questions, and progress of steps that take longer than two seconds."""

import contextlib
import getpass
import json
import sys
import threading
import time

from .problems import Refusal, WrongInput

# A step that takes longer shows its progress, and then again after each interval.
SILENT_SECONDS = 2
INTERVAL_SECONDS = 10

# Wrong answers to one question.
TRIES = 3


class Console:
    """Standard output has the messages, or one JSON document. Standard error has progress and, with JSON, the messages."""

    def __init__(self, as_json=False, interactive=None, output=None, errors=None):
        self.as_json = as_json
        self.interactive = sys.stdin.isatty() if interactive is None else interactive
        self.output = output or sys.stdout
        self.errors = errors or sys.stderr

    def say(self, text=""):
        """Prints a message."""
        print(text, file=self.errors if self.as_json else self.output, flush=True)

    def result(self, document):
        """Prints the JSON document of a command, if it was asked for."""
        if self.as_json:
            print(json.dumps(document, indent=2, default=str), file=self.output, flush=True)

    @contextlib.contextmanager
    def messages(self):
        """Sends the `print` calls of other scripts to the place of messages."""
        with contextlib.redirect_stdout(self.errors if self.as_json else self.output):
            yield

    @contextlib.contextmanager
    def step(self, title, detail=lambda: ""):
        """Shows that a step is still running. `detail` describes its progress."""
        ended = threading.Event()
        began = time.monotonic()

        def report():
            wait = SILENT_SECONDS
            while not ended.wait(wait):
                print(f"  {title} ({time.monotonic() - began:.0f} s){detail()}", file=self.errors, flush=True)
                wait = INTERVAL_SECONDS

        reporter = threading.Thread(target=report, daemon=True)
        reporter.start()
        try:
            yield
        finally:
            ended.set()
            reporter.join()

    def ask(self, question, default="", check=lambda answer: None):
        """Asks until the answer passes `check`, which returns the problem of an answer or None."""
        if not self.interactive:
            raise WrongInput(f"no answer to: {question}. Give it as a flag or in the answers file")
        for _ in range(TRIES):
            shown = f" [{default}]" if default else ""
            answer = self._line(f"{question}{shown}: ") or default
            problem = check(answer)
            if problem is None:
                return answer
            self.say(f"  {problem}")
        raise WrongInput(f"no usable answer to: {question}")

    def confirm(self, question):
        """Asks for yes or no. Only `yes` is yes."""
        return self.interactive and self._line(f"{question} [yes/no]: ").strip().lower() == "yes"

    def consent(self, sentence, given=None):
        """Requires a sentence, word for word, from the administrator."""
        typed = given
        if typed is None:
            if not self.interactive:
                raise Refusal(f'this step needs your consent. Give the sentence as --consent "{sentence}"')
            self.say(f"To go on, type this sentence:\n  {sentence}")
            typed = self._line("> ")
        if " ".join(typed.split()) != sentence:
            raise Refusal("the sentence was not typed as shown. Nothing was changed by this step")

    def secret(self, prompt):
        """Asks for a secret without echo."""
        if not self.interactive:
            raise WrongInput(f"{prompt} is missing. Run the command in a terminal, or use --secrets-from-stdin")
        return getpass.getpass(f"{prompt} (not shown): ", stream=self.errors).strip()

    def _line(self, prompt):
        print(prompt, end="", file=self.errors, flush=True)
        line = sys.stdin.readline()
        if not line:
            raise WrongInput("the input ended before the question was answered")
        return line.strip()
