"""The command line: one help, one way to name a stack, and the exit codes."""

import argparse
import io
import os
import sys
import traceback

from .console import Console
from .problems import EXIT_CODES, FAILED, INTERRUPTED, USAGE, Problem

STACK = "recording-vault"

DESCRIPTION = """Set up, test and operate Recording Vault.

Every command names the stack in the same way: --stack, --region and --profile. Without --region, the Region comes
from AWS_REGION, AWS_DEFAULT_REGION or the profile. Secrets are asked for without echo. `setup` can also read them from
standard input, and the other commands from the environment. They are never arguments. An answer in JSON (--json) is the only thing on standard output.
"""


def main(arguments=None):
    """Runs a command. Returns the exit code."""
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        # A name at Twilio may have characters that the terminal's encoding lacks.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    given = sys.argv[1:] if arguments is None else arguments
    try:
        chosen = parser().parse_args(given)
    except SystemExit as ended:
        if ended.code and "--json" in given:
            Console(as_json=True).result({"error": "the command line is wrong", "exitCode": USAGE})
        raise
    console = Console(as_json=chosen.json)
    try:
        with console.step("still working", idle=True):
            return chosen.run(chosen, console)
    except Problem as problem:
        return _failed(console, str(problem), problem.code, problem.report)
    except (KeyboardInterrupt, BrokenPipeError):
        return _failed(console, "interrupted", INTERRUPTED)
    except Exception as error:
        return _failed(console, _explained(error), FAILED)


def parser():
    """Returns the parser of all commands."""
    from . import listen_command, prove_command, setup_command, stack_commands

    root = argparse.ArgumentParser(
        prog="vault.py",
        description=DESCRIPTION,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = root.add_subparsers(dest="front_command", required=True, metavar="COMMAND")
    setup_command.add(commands, _common())
    stack_commands.add(commands, _common)
    listen_command.add(commands, _common)
    prove_command.add(commands, _common())
    return root


def _common(again=False):
    """Returns the options of every command. An operation of a command has them `again`, and keeps the command's values."""

    def default(value):
        return argparse.SUPPRESS if again else value

    common = argparse.ArgumentParser(add_help=False, argument_default=default(None))
    group = common.add_argument_group("the stack")
    group.add_argument("--stack", default=default(STACK), metavar="NAME", help=f"its name (default: {STACK})")
    group.add_argument("--region", help="its AWS Region")
    group.add_argument("--profile", help="the AWS profile with your credentials")
    group.add_argument("--endpoint-url", metavar="URL", help="endpoint of all AWS services, for a local stack")
    common.add_argument(
        "--json",
        action="store_true",
        default=default(False),
        help="print one JSON document; messages go to standard error",
    )
    return common


def _open_closed_streams():
    """Python has None for a standard stream that the caller has closed. Nothing comes from it, and it keeps nothing."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))


def _explained(error):
    """Describes a failure that no step has explained. Its own text is left out, because it could contain a secret."""
    # boto3 is only imported where it is needed.
    if type(error).__module__.startswith("botocore."):
        from . import aws

        return aws.explained(error)
    if isinstance(error, OSError) and error.strerror:
        named = f"the file {error.filename}" if error.filename else "a file or a connection"
        return f"{named} could not be used: {error.strerror}"
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{os.path.basename(place.filename)}, line {place.lineno}"
    return (
        f"the command failed in an unexpected way ({type(error).__name__} in {where}). Run it again. If it fails again,"
        " report this line"
    )


def _failed(console, message, code, report=None):
    print(f"vault.py: {message}", file=console.errors)
    console.result((report or {}) | {"error": message, "exitCode": code})
    return code
