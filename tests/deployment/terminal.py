"""Runs a command at a pseudo-terminal and types the answers to its questions. Prints what the terminal showed.

Arguments: a JSON list of pairs (the end of a question, the answer), then the command. A question without a pair gets an
empty line, which takes the default. The exit status is the command's.
"""

import json
import os
import pty
import re
import select
import sys

ANSWERS = json.loads(sys.argv[1])
# A prompt of click ends with a colon and a space, and is not followed by a new line.
PROMPT = re.compile(r"([^\n]*): $")
# Longer than any step between two questions.
SILENCE = 120


def plain(text):
    """The text without colors."""
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text).replace("\r", "")


def answer_to(question):
    """The line to type."""
    return next((answer for end, answer in ANSWERS if end in question), "")


def run(command):
    """Runs the command. Returns what it showed, and its exit status."""
    child, terminal = pty.fork()
    if child == 0:
        os.execvp(command[0], command)
    shown, answered = "", 0
    while True:
        ready, _, _ = select.select([terminal], [], [], SILENCE)
        if not ready:
            raise SystemExit(f"nothing happens:\n{shown}")
        try:
            output = os.read(terminal, 65536)
        except OSError:
            output = b""
        if not output:
            break
        shown += plain(output.decode(errors="replace"))
        question = PROMPT.search(shown, answered)
        if question:
            answered = len(shown)
            os.write(terminal, answer_to(question.group(1)).encode() + b"\n")
    _, status = os.waitpid(child, 0)
    return shown, os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    text, code = run(sys.argv[2:])
    print(text)
    sys.exit(code)
