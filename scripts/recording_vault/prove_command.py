"""The command `prove`: measures on a real account what no local test can check, and writes it as JSON and as a page."""

import argparse
import json
import os
import pathlib

from . import sids
from .measurements import Provider
from .places import Places
from .problems import DONE, EXIT_CODES, FAILED
from .proving import Proof
from .questions import answers, page
from .twilio import Client

DESCRIPTION = """Measure the deployed service from outside, with a stored recording.

The command changes nothing. It writes one JSON file and a page in Markdown. Its requests are in the audit trail under
the name of the token's user. A recording of 16 MiB or more shows the most. Rows that need another option say so.

What the functions received and how long they were held is read from their log groups. This needs boto3 and the rights
logs:FilterLogEvents and logs:GetLogEvents, also for the output AuditLogGroup. The policy of OperatorPolicyArn does not
include that group, because it shows who listened.

The Flex token comes from FLEX_TOKEN or a prompt. The API key comes from TWILIO_API_KEY_SID and
TWILIO_API_KEY_SECRET, and the Auth Token from TWILIO_AUTH_TOKEN, or each from a prompt. Neither is stored.
"""

# The template's timeout of the playback function.
PLAYBACK_TIMEOUT_S = 130

# More than the buffers on the way hold, and little enough for Lambda, which sends 6 MB at once and then 2 MB/s (AWS Lambda
# Developer Guide, "Response streaming"): it would take 22 s, even without a slow reader.
SLOW_BYTES = 50_000_000


def add(commands, common):
    """Adds the command to the command line."""
    parser = commands.add_parser(
        "prove",
        parents=[common],
        help="measure the deployed service: ranges, headers, latencies, a slow reader, Twilio's answers",
        description=DESCRIPTION,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--recording", required=True, metavar="RE...", help="a stored recording")
    parser.add_argument("--empty-recording", metavar="RE...", help="also request a stored recording of no bytes")
    parser.add_argument(
        "--output", default="proof", metavar="NAME", help="writes NAME.json and NAME.md (default: proof)"
    )
    parser.add_argument(
        "--slow-seconds",
        type=int,
        default=60,
        metavar="S",
        help="how long the slow reader reads (60). Lambda itself may hold a function for 22 s",
    )
    parser.add_argument(
        "--slow-bytes",
        type=int,
        default=SLOW_BYTES,
        metavar="N",
        help=f"how much the slow reader requests ({SLOW_BYTES}): more than the buffers on the way hold",
    )
    parser.add_argument(
        "--until-timeout",
        type=int,
        nargs="?",
        const=PLAYBACK_TIMEOUT_S,
        metavar="S",
        help=f"also read slowly until the function's timeout of S seconds ({PLAYBACK_TIMEOUT_S}) ends the reply",
    )
    parser.add_argument(
        "--tokens", action="store_true", help="also ask each of Twilio's token endpoints about the Flex token"
    )
    parser.add_argument(
        "--flex-configuration", action="store_true", help="also read Flex's configuration (asks for the Auth Token)"
    )
    parser.add_argument("--twilio-media", action="store_true", help="also measure Twilio's media of the recording")
    _add_places(parser)
    parser.set_defaults(run=_run)


def _add_places(parser):
    """Adds the options for what the stack's outputs and parameters otherwise say."""
    group = parser.add_argument_group("instead of the stack's own outputs and parameters")
    group.add_argument("--playback-url", metavar="URL", help="instead of PlaybackBaseUrl")
    group.add_argument("--account", metavar="AC...", help="instead of TwilioAccountSid")
    group.add_argument("--webhook-url", metavar="URL", help="instead of CallRecordingWebhookUrl")
    group.add_argument("--log-group", metavar="NAME", help="instead of AuditLogGroup")
    group.add_argument("--jobs-log-groups", metavar="NAMES", help="instead of JobsAuditLogGroups, with commas")
    group.add_argument("--twilio-api-base", metavar="URL", help="host of another Twilio region; also TWILIO_API_BASE")
    group.add_argument("--twilio-flex-api-base", metavar="URL", help="likewise; also TWILIO_FLEX_API_BASE")
    group.add_argument("--twilio-iam-base", metavar="URL", help="likewise; also TWILIO_IAM_BASE")


def _run(chosen, console):
    for recording in filter(None, (chosen.recording, chosen.empty_recording)):
        sids.checked(recording, "RE")
    places = Places(chosen)
    # All questions are asked before the measurements, some of which take minutes.
    secrets = _Secrets(chosen, console)
    proof = Proof(console, chosen.recording)
    _measure_service(proof, places, chosen, secrets)
    _measure_twilio(proof, places, chosen, secrets)
    return _written(proof.document, chosen.output, console)


class _Secrets:
    """The credentials that the chosen measurements need. Each comes from the environment or a prompt."""

    def __init__(self, chosen, console):
        def secret(name, prompt, needed):
            return os.environ.get(name) or (console.secret(prompt) if needed else None)

        self.flex_token = secret("FLEX_TOKEN", "The Flex token of a signed-in supervisor", True)
        sid = os.environ.get("TWILIO_API_KEY_SID")
        if not sid and chosen.twilio_media:
            sid = console.ask("SID of a Twilio API key (SK...)")
        key = secret("TWILIO_API_KEY_SECRET", "Secret of the API key", chosen.twilio_media)
        self.api_key = (sid, key) if sid and key else None
        self.auth_token = secret("TWILIO_AUTH_TOKEN", "The account's Auth Token", chosen.flex_configuration)


def _measure_service(proof, places, chosen, secrets):
    provider = Provider(places.playback_url, chosen.recording, secrets.flex_token)
    proof.outside(provider, chosen.empty_recording)
    proof.slowly(provider, chosen.slow_seconds, chosen.slow_bytes, chosen.until_timeout)
    if places.log_group:
        proof.logged(places.log_group)
    if places.jobs_log_groups:
        proof.called(places.jobs_log_groups)


def _measure_twilio(proof, places, chosen, secrets):
    if chosen.twilio_media:
        proof.twilio_media(places.bases, places.account, secrets.api_key)
    if chosen.tokens:
        proof.tokens(places, secrets)
    if chosen.flex_configuration:
        # Only the account's own credential may read it.
        client = Client(places.bases, places.account, places.account, secrets.auth_token)
        proof.flex_configuration(client, places.webhook_url)


def _written(document, output, console):
    """Writes both files. Returns the exit code."""
    found = answers(document)
    document["answers"] = [
        {"field": field, "question": question, "answer": answer, "asExpected": good}
        for field, question, answer, good in found
    ]
    text = page(document, found)
    pathlib.Path(f"{output}.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    pathlib.Path(f"{output}.md").write_text(text + "\n", encoding="utf-8")
    console.say(text)
    console.say(f"Written to {output}.json and {output}.md")
    code = FAILED if any(good is False for *_, good in found) else DONE
    console.result(document | {"exitCode": code})
    return code
