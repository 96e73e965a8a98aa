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
        # What the JSON document has if the command fails: the findings so far.
        self.findings = {}
        # The steps that are running. Only the innermost one shows its progress.
        self._steps = []
        # The length of the progress line that is on the terminal.
        self._shown = 0
        self._lock = threading.RLock()
        self._asking = False
        # When something was last printed or answered.
        self._active = time.monotonic()
        # The list of the JSON document that has begun.
        self._list = None

    def say(self, text=""):
        """Prints a message."""
        with self._lock:
            self._clear()
            self._active = time.monotonic()
            print(text, file=self._messages(), flush=True)

    def write(self, text):
        """Writes a part of the command's result to standard output."""
        with self._lock:
            self._clear()
            self._active = time.monotonic()
            self.output.write(text)
            self.output.flush()

    def result(self, document):
        """Prints the JSON document of a command, if it was requested. It also ends a document that `items` has begun."""
        if not self.as_json:
            return
        text = json.dumps(document, indent=2, default=str)
        if self._list is not None:
            text = "\n  ]" + ("," + text[1:] if document else "\n}")
            self._list = None
        self.write(text + "\n")

    def items(self, name, items):
        """Prints more items of the list that begins the command's JSON document, so that none has to be kept."""
        lines = [f"    {json.dumps(item, default=str)}" for item in items]
        if self._list is None:
            self._list = 0
            self.write(f'{{\n  "{name}": [')
        if lines:
            self.write(("," if self._list else "") + "\n" + ",\n".join(lines))
        self._list += len(lines)

    @contextlib.contextmanager
    def messages(self):
        """Sends the `print` calls of other scripts to the place of messages."""
        with contextlib.redirect_stdout(_Messages(self)):
            yield

    @contextlib.contextmanager
    def asking(self):
        """Keeps progress from the terminal while somebody types."""
        with self._lock:
            self._clear()
            self._asking = True
        try:
            yield
        finally:
            with self._lock:
                self._asking = False
                self._active = time.monotonic()

    @contextlib.contextmanager
    def step(self, title, detail=lambda: "", idle=False):
        """Shows that a step is still running. `detail` describes its progress.

        The time is the step's, or with `idle` the time since the last message or answer.
        """
        step = _Step(title, detail, idle)
        self._steps.append(step)
        reporter = threading.Thread(target=self._report, args=(step,), daemon=True)
        reporter.start()
        try:
            yield
        finally:
            step.ended.set()
            reporter.join()
            with self._lock:
                self._steps.remove(step)
                self._clear()
                self._active = time.monotonic()

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
        with self.asking(), warnings.catch_warnings():
            # getpass only warns when it cannot turn the echo off.
            warnings.simplefilter("error", getpass.GetPassWarning)
            try:
                return getpass.getpass(f"{prompt} (not shown): ", stream=self.errors).strip()
            except getpass.GetPassWarning:
                raise WrongInput("this terminal shows what is typed. Use another one") from None
            except EOFError:
                raise WrongInput("the input ended before the question was answered") from None

    def _line(self, prompt):
        with self.asking():
            print(prompt, end="", file=self.errors, flush=True)
            line = sys.stdin.readline()
        if not line:
            raise WrongInput("the input ended before the question was answered")
        return line.strip()

    def _messages(self):
        return self.errors if self.as_json else self.output

    def _report(self, step):
        rewritten = self.errors.isatty()
        while not step.ended.wait(min(SILENT_SECONDS, REWRITE_SECONDS)):
            with self._lock:
                now, since = time.monotonic(), max(step.began, self._active)
                if self._asking or self._steps[-1] is not step or now - since < SILENT_SECONDS:
                    continue
                if rewritten or step.shown < since or now - step.shown >= INTERVAL_SECONDS:
                    self._progress(step.line(now, since), rewritten)
                    step.shown = now

    def _progress(self, text, rewritten):
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


class _Step:
    """A step that is running."""

    def __init__(self, title, detail, idle):
        self.title, self.detail, self.idle = title, detail, idle
        self.ended = threading.Event()
        self.began = time.monotonic()
        # When its progress was last shown.
        self.shown = 0

    def line(self, now, since):
        """Returns its progress as a line."""
        return f"  {self.title} ({now - (since if self.idle else self.began):.0f} s){self.detail()}"


class _Messages:
    """A stream for `print`, which removes the progress line first."""

    def __init__(self, console):
        self._console = console

    def write(self, text):
        with self._console._lock:
            self._console._clear()
            self._console._active = time.monotonic()
            return self._console._messages().write(text)

    def flush(self):
        self._console._messages().flush()
