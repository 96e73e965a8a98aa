"""The command line: one help, one way to name a stack, and the exit codes."""

import argparse
import sys

from . import streams
from .console import Console
from .problems import EXIT_CODES, FAILED, INTERRUPTED, USAGE, Problem, unexpected

STACK = "recording-vault"

DESCRIPTION = """Set up, test and operate Recording Vault.

Every command names the stack in the same way: --stack, --region and --profile. Without --region, the Region comes
from AWS_REGION, AWS_DEFAULT_REGION or the profile. Secrets are asked for without echo. `setup` can also read them from
standard input, and the other commands from the environment. They are never arguments. An answer in JSON (--json) is the only thing on standard output.
"""


def main(arguments=None):
    """Runs a command. Returns the exit code."""
    streams.prepare()
    given = sys.argv[1:] if arguments is None else arguments
    try:
        chosen = parser().parse_args(given)
    except SystemExit as ended:
        _usage_shown(Console(as_json=bool(ended.code) and "--json" in given))
        raise
    console = Console(as_json=chosen.json)
    try:
        with console.step("still working", idle=True):
            return chosen.run(chosen, console)
    except SystemExit as ended:
        # The usage message of an operation has been printed.
        _usage_shown(console)
        raise
    except Problem as problem:
        return _failed(console, str(problem), problem.code, problem.report)
    except (KeyboardInterrupt, BrokenPipeError):
        return _failed(console, "interrupted", INTERRUPTED)
    except Exception as error:
        return _failed(console, _explained(error), FAILED)


def parser():
    """Returns the parser of all commands."""
    from . import find_command, link_command, listen_command, prove_command, setup_command, stack_commands, who_command

    root = argparse.ArgumentParser(
        prog="vault.py",
        description=DESCRIPTION,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = root.add_subparsers(dest="front_command", required=True, metavar="COMMAND")
    setup_command.add(commands, _common())
    stack_commands.add(commands, _common)
    find_command.add(commands, _common)
    listen_command.add(commands, _common)
    link_command.add(commands, _common)
    who_command.add(commands, _common)
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


def _explained(error):
    """Describes a failure that no step has explained."""
    # boto3 is only imported where it is needed.
    if type(error).__module__.startswith("botocore."):
        from . import aws

        return aws.explained(error)
    return unexpected(error)


def _usage_shown(console):
    """Ends a command after its help or its usage message."""
    streams.say_last(lambda: console.result({"error": "the command line is wrong", "exitCode": USAGE}))


def _failed(console, message, code, report=None):
    document = console.findings | (report or {}) | {"error": message, "exitCode": code}
    streams.say_last(
        lambda: print(f"vault.py: {message}", file=console.errors, flush=True),
        lambda: console.result(document),
    )
    return code
