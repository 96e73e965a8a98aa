"""The command `setup`: its options, and the policies."""

import argparse
import json

from .answers import EXAMPLE
from .problems import DONE, EXIT_CODES
from .release import ARCHITECTURES


DESCRIPTION = """Deploy a release, store the secrets, prove the service, and configure Flex last.

The command checks first, shows what it changes, and writes a backup file before each change. It can be run again at any
time: it keeps what is done and continues with the rest. --dry-run changes nothing. --undo reverts the changes.

Secrets are asked for without echo, and never taken from an argument. With --secrets-from-stdin, they come as one JSON
object on standard input, with the names api_key_sid, api_key_secret, auth_token, flex_auth_token and flex_token.
Twilio's Auth Token is asked for twice. The first one is stored in AWS Secrets Manager, because it verifies callbacks. The
second one changes Flex in the last step. Nothing stores it for this, so that the steps stay apart.

An answers file saves the questions:

"""


def add(commands, common):
    """Adds the command to the command line."""
    parser = commands.add_parser(
        "setup",
        parents=[common],
        help="deploy a release, store the secrets, prove it, and configure Flex",
        description=DESCRIPTION + EXAMPLE,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_modes(parser)
    _add_answers(parser)
    _add_flex(parser)
    _add_places(parser)
    parser.set_defaults(run=_run)


def _add_modes(parser):
    parser.add_argument("--release", metavar="PATH", help="folder or archive of the release (default: the one of this script)")
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument("--dry-run", action="store_true", help="show every change and make none")
    modes.add_argument(
        "--policies", action="store_true", help="print the least policies of deployers and operators, and end"
    )
    parser.add_argument(
        "--undo", action="store_true", help="revert the changes of the backup file; also with --dry-run"
    )
    parser.add_argument(
        "--backup", metavar="FILE", help="default: recording-vault-setup-STACK-REGION.json in this folder"
    )
    parser.add_argument("--secrets-from-stdin", action="store_true", help="read the secrets from standard input")
    parser.add_argument("--replace-secrets", action="store_true", help="replace secrets that have a value already")
    parser.add_argument("--skip-proof", action="store_true", help="do not send a recording through the service")
    parser.add_argument("--signed-url", metavar="URL", help="the URL that Twilio signs, if it is not the callback URL")


def _add_answers(parser):
    group = parser.add_argument_group("answers")
    group.add_argument("--answers", metavar="FILE", help="a file as above, in TOML or JSON; flags have precedence")
    group.add_argument("--account", metavar="AC...", help="the Twilio account")
    group.add_argument("--workspace", help="the TaskRouter workspace of Flex, by its name or SID")
    group.add_argument("--alarm-email", metavar="ADDRESS", help="address for alarms; empty for none")
    group.add_argument("--retention-days", metavar="DAYS", help="days until recordings are deleted; 0 for never")
    group.add_argument(
        "--parameter", action="append", metavar="NAME=VALUE", help="a parameter of the template; repeatable"
    )
    group.add_argument("--architecture", choices=ARCHITECTURES, help="processor of the functions (default: arm64)")


def _add_flex(parser):
    group = parser.add_argument_group("Flex")
    group.add_argument("--skip-flex", action="store_true", help="do not configure Flex; with --undo, leave it as it is")
    group.add_argument("--replace", action="store_true", help="replace a webhook that is not this stack's")
    group.add_argument("--consent", metavar="SENTENCE", help="the sentence that the command asks for, word for word")
    group.add_argument(
        "--plugin-version", metavar="VERSION", help="also activate this uploaded version of the Flex plugin"
    )


def _add_places(parser):
    group = parser.add_argument_group("places")
    group.add_argument(
        "--artifact-bucket", metavar="NAME", help="bucket for the release (default: one for account and Region)"
    )
    for name in ("api", "taskrouter", "flex-api", "iam"):
        variable = f"TWILIO_{name.replace('-', '_').upper()}_BASE"
        group.add_argument(
            f"--twilio-{name}-base", metavar="URL", help=f"host of another Twilio region; also {variable}"
        )


def _run(chosen, console):
    # boto3 is needed from here on.
    from .context import Context
    from .setup import Setup
    from .undo import undo

    if chosen.policies:
        return _policies(Context(chosen, console))
    if chosen.undo:
        return undo(Context(chosen, console))
    return Setup(chosen, console).run()


# Policies that the stack creates for people, by their names in the report.
PEOPLE = {
    "operator": ("the people who operate", "OperatorPolicy"),
    "auditor": ("the people who may see who listened", "AuditorPolicy"),
}


def _policies(run):
    from .artifacts import partition
    from .release import opened, own

    deployer = run.deployer_policy()
    run.console.say(f"For the person who deploys, as an inline policy of the role:\n{json.dumps(deployer, indent=2)}")
    run.report["policies"] = {"deployer": deployer}
    template = place = None
    if not run.existing and (path := run.chosen.release or own()):
        template = opened(path).template
        place = (partition(run.account), run.account.region, run.account_id, run.chosen.stack)
    for name, (words, resource) in PEOPLE.items():
        policy = _policy_for(run, words, resource, template, place)
        if policy:
            run.console.say(json.dumps(policy, indent=2))
            run.report["policies"][name] = policy
    return run.ended(DONE)


def _policy_for(run, words, resource, template, place):
    """Returns the policy for some people, or None if it is not known yet."""
    from . import operator_policy, policies

    output = f"{resource}Arn"
    if run.existing:
        arn, policy = policies.created(run.account, run.existing, output)
        if policy:
            run.console.say(f"For {words}, attach {arn}:")
        elif arn:
            run.console.say(f"For {words}, attach {arn}. You may not read it.")
        else:
            run.console.say(f"For {words}, this version of the stack has no policy.")
        return policy
    if template:
        run.console.say(f"For {words}, the stack will create this policy (output {output}):")
        return operator_policy.planned(template, resource, *place)
    run.console.say(f"For {words}, the stack creates a policy (output {output}). --release shows it.")
    return None
