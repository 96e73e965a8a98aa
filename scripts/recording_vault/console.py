"""Messages, questions, and progress of steps that take longer than two seconds."""

import contextlib
import getpass
import json
import shutil
import sys
import threading
import time
import warnings

from .problems import Refusal, WrongInput

# A step that takes longer shows its progress, and then again after each interval.
SILENT_SECONDS = 2
INTERVAL_SECONDS = 10
REWRITE_SECONDS = 1

# Wrong answers to one question.
TRIES = 3


class Console:
    """Standard output has the messages, or one JSON document. Standard error has progress and, with JSON, the messages.

    At a terminal, progress is one line that is rewritten. Elsewhere, it is a new line now and then.
    """

    def __init__(self, as_json=False, interactive=None, output=None, errors=None):
        self.as_json = as_json
        self.interactive = sys.stdin.isatty() if interactive is None else interactive
        self.output = output or sys.stdout
        self.errors = errors or sys.stderr
        # The steps that are running. Only the innermost one shows its progress.
        self._steps = []
        # The length of the progress line that is on the terminal.
        self._shown = 0
        self._lock = threading.RLock()

    def say(self, text=""):
        """Prints a message."""
        with self._lock:
            self._clear()
            print(text, file=self._messages(), flush=True)

    def result(self, document):
        """Prints the JSON document of a command, if it was requested."""
        if self.as_json:
            print(json.dumps(document, indent=2, default=str), file=self.output, flush=True)

    @contextlib.contextmanager
    def messages(self):
        """Sends the `print` calls of other scripts to the place of messages."""
        with contextlib.redirect_stdout(_Messages(self)):
            yield

    @contextlib.contextmanager
    def step(self, title, detail=lambda: ""):
        """Shows that a step is still running. `detail` describes its progress."""
        ended = threading.Event()
        began = time.monotonic()
        rewritten = self.errors.isatty()

        def report():
            wait = SILENT_SECONDS
            while not ended.wait(wait):
                if self._steps[-1] is ended:
                    self._progress(f"  {title} ({time.monotonic() - began:.0f} s){detail()}", rewritten)
                wait = REWRITE_SECONDS if rewritten else INTERVAL_SECONDS

        self._steps.append(ended)
        reporter = threading.Thread(target=report, daemon=True)
        reporter.start()
        try:
            yield
        finally:
            ended.set()
            reporter.join()
            self._steps.remove(ended)
            with self._lock:
                self._clear()

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

    def secret(self, prompt, variable=None):
        """Asks for a secret without echo. `variable` names the environment variable that also gives it."""
        if not self.interactive:
            other = f"set {variable}" if variable else "use --secrets-from-stdin"
            raise WrongInput(f"{prompt} is missing. Run the command in a terminal, or {other}")
        with warnings.catch_warnings():
            # getpass only warns when it cannot turn the echo off.
            warnings.simplefilter("error", getpass.GetPassWarning)
            try:
                return getpass.getpass(f"{prompt} (not shown): ", stream=self.errors).strip()
            except getpass.GetPassWarning:
                raise WrongInput("this terminal shows what is typed. Use another one") from None
            except EOFError:
                raise WrongInput("the input ended before the question was answered") from None

    def _line(self, prompt):
        print(prompt, end="", file=self.errors, flush=True)
        line = sys.stdin.readline()
        if not line:
            raise WrongInput("the input ended before the question was answered")
        return line.strip()

    def _messages(self):
        return self.errors if self.as_json else self.output

    def _progress(self, text, rewritten):
        with self._lock:
            if not rewritten:
                print(text, file=self.errors, flush=True)
                return
            # A line of the terminal's width would wrap, and could not be rewritten.
            text = text[: shutil.get_terminal_size().columns - 1]
            self.errors.write("\r" + text.ljust(self._shown))
            self.errors.flush()
            self._shown = len(text)

    def _clear(self):
        """Removes the progress line. Spaces do it on every terminal."""
        if self._shown:
            self.errors.write("\r" + " " * self._shown + "\r")
            self.errors.flush()
            self._shown = 0


class _Messages:
    """A stream for `print`, which removes the progress line first."""

    def __init__(self, console):
        self._console = console

    def write(self, text):
        with self._console._lock:
            self._console._clear()
            return self._console._messages().write(text)

    def flush(self):
        self._console._messages().flush()
