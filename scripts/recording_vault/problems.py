"""The failures, in words for an administrator, and the exit codes."""

DONE = 0
FAILED = 1
USAGE = 2
REFUSED = 3
INTERRUPTED = 130

EXIT_CODES = """exit codes:
  0    done, and every check passed
  1    something failed, or a recording is bad or could not be read
  2    the command line, the answers file or the release is wrong
  3    refused: the command stopped before a change that needs your decision
  130  interrupted
"""


class Problem(Exception):
    """A failure. Its text says what is wrong and what to do. It contains no secret."""

    code = FAILED

    # The findings before the failure, for --json.
    report = {}


class WrongInput(Problem):
    """A wrong argument, answer or file."""

    code = USAGE


class Interrupted(Problem):
    """The administrator ended a command that can be continued."""

    code = INTERRUPTED


class Refusal(Problem):
    """A change that is not made without a decision of the administrator."""

    code = REFUSED
