"""The command `link`: makes a link that plays a recording in any browser until it expires."""

import json

from . import sids
from .problems import DONE, Problem, Refusal, WrongInput
from .stack_commands import new

# A week. The function has the same bound.
MOST_MINUTES = 7 * 24 * 60

# The longest reply of playback. A browser requests a link without a range when it opens or saves it.
LONGEST_REPLY_BYTES = 190_000_000

# The function may open the recording for the first time. A retry would make a second link.
PATIENT = {"read_timeout": 60, "retries": {"max_attempts": 0}}

# The refusals that another command line avoids, and the one that a decision ends.
WRONG = ("minutes_not_valid", "name_not_valid", "requested_by_not_valid")
OFF = "links_off"

DESCRIPTION = """Make a link for a person without Flex. Whoever has it can listen to the recording until it expires.

The stack must allow it with the parameter OperatorLinks=true. The operator function's log names the person and you. Playback's
log shows each use of the link. A single link cannot be revoked, so choose few minutes.
"""


def add(commands, common):
    """Adds the command to the command line."""
    parser = new(commands, common, "link", "make a link that plays a recording until it expires", DESCRIPTION)
    parser.add_argument("recording", metavar="RE...", help="a stored recording")
    parser.add_argument(
        "--minutes", type=int, required=True, metavar="N", help=f"how long it plays, 1 to {MOST_MINUTES} (a week)"
    )
    parser.add_argument(
        "--for", dest="listener", required=True, metavar="NAME", help="whom the link is for; no telephone number"
    )
    parser.add_argument("--download", action="store_true", help="a browser saves the recording instead of playing it")
    parser.add_argument("--function", metavar="NAME", help="the operator's function, instead of --stack")
    parser.set_defaults(run=_run)


def _run(chosen, console):
    sids.checked(chosen.recording, "RE")
    if not 1 <= chosen.minutes <= MOST_MINUTES:
        raise WrongInput(f"--minutes must be from 1 to {MOST_MINUTES} (a week)")
    from . import aws

    account = aws.Account(chosen.region, chosen.profile, chosen.endpoint_url)
    function = chosen.function
    if not function:
        with console.step(f"looking for the stack {chosen.stack}"):
            function = aws.require_stack(account, chosen.stack).output("OperatorFunctionName")
    request = {
        "recordingSid": chosen.recording,
        "minutes": chosen.minutes,
        "for": chosen.listener,
        "requestedBy": account.identity()[1],
        "download": chosen.download,
    }
    with console.step("waiting for the operator function"):
        made = _invoke(account, function, request)
    if "refused" in made:
        raise _refused(made, chosen.stack)
    long = made["length"] > LONGEST_REPLY_BYTES
    if not console.as_json:
        console.say(made["url"])
        for line in advice(made, chosen, long):
            console.say(line)
    console.result({"link": made, "opensInBrowser": not long, "exitCode": DONE})
    return DONE


def _invoke(account, function, request):
    """Returns the function's answer to the request."""
    from botocore.config import Config

    client = account.client("lambda", config=Config(**PATIENT))
    answer = client.invoke(FunctionName=function, Payload=json.dumps({"link": request}))
    payload = json.load(answer["Payload"])
    if "FunctionError" in answer:
        raise Problem(str(payload.get("errorMessage", "the operator function failed. See its log")))
    return payload["link"]


def _refused(made, stack):
    """Returns the refusal as a problem."""
    if made["refused"] == OFF:
        return Refusal(f"{made['problem']}: vault.py setup --stack {stack} --release PATH --parameter OperatorLinks=true")
    return (WrongInput if made["refused"] in WRONG else Problem)(made["problem"])


def advice(made, chosen, long):
    """Returns the lines that say what to do with the link."""
    file = f"{made['recordingSid']}.{made['mediaType']}"
    lines = [f"It plays until {made['expiresAt']}. Whoever has it can listen until then, so send it only to {chosen.listener}."]
    if long:
        lines += [
            f"The recording has {made['length']:,} bytes. A browser cannot open a link to more than {LONGEST_REPLY_BYTES:,}:",
            f"it shows range_required. Use python3 scripts/vault.py download URL {file}, or a player such as VLC or mpv.",
        ]
    elif chosen.download:
        lines.append(f"A browser saves it as {file}.")
    else:
        lines.append(f"A browser plays it. To save it: python3 scripts/vault.py download URL {file}")
    lines.append(f"The audit lines have its id: {made['linkId']}")
    return lines
