"""The commands for a deployed stack: operate, smoke-test and download. The scripts of these names do the work."""

import argparse
import base64
import contextlib
import json
import os
import pathlib
import re

import download
import smoke_test

from .console import Console
from .problems import DONE, EXIT_CODES, FAILED, Problem, WrongInput

RECORDING = re.compile(r"RE[0-9a-fA-F]{32}")


def add(commands, common):
    """Adds the commands to the command line."""
    _add_operate(commands, common)
    _add_smoke_test(commands, common)
    _add_download(commands, common)


def _new(commands, common, name, summary, description):
    return commands.add_parser(
        name,
        parents=[common],
        help=summary,
        description=description,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_operate(commands, common):
    summary = "copy old recordings, find missing ones, verify stored ones, erase"
    parser = _new(
        commands,
        common,
        "operate",
        summary,
        "Operate the stack. Name the stack before the operation:\n  vault.py operate --stack NAME verify --all",
    )
    # operate.py imports boto3. The other commands and the help must work without it.
    try:
        import operate
    except ImportError:
        parser.add_argument("operation", nargs=argparse.REMAINDER, help="needs boto3: python3 -m pip install boto3")
        parser.set_defaults(run=_without_boto3)
        return
    operate.add_commands(parser)
    parser.set_defaults(run=lambda chosen, console: _operate(operate, parser, chosen, console))


def _without_boto3(chosen, console):
    raise WrongInput("the Python package boto3 is missing. Install it: python3 -m pip install boto3")


def _operate(operate, parser, chosen, console):
    from . import aws

    operate.check(parser, chosen)
    account = aws.Account(chosen.region, chosen.profile, chosen.endpoint_url)
    account.use_for_scripts()
    stack = aws.require_stack(account, chosen.stack)

    class Recorded(operate.Vault):
        """Keeps the last answer, for --json."""

        last = None

        def call(self, event):
            self.last = super().call(event)
            return self.last

        def state(self, operation):
            self.last = super().state(operation)
            return self.last

    vault = Recorded(stack.output("OperatorFunctionName"), stack.output("Bucket"), chosen.endpoint_url)
    try:
        with console.messages(), _progress(chosen, console):
            status = operate.run(vault, chosen)
    except SystemExit as ended:
        raise Problem(str(ended.code)) from None
    console.result({"stack": stack.name, "operation": vault.last, "exitCode": status})
    return status


def _progress(chosen, console):
    """Shows that an operation is running. An erasure asks for a confirmation, which progress would interrupt."""
    if chosen.command == "erase":
        return contextlib.nullcontext()
    return console.step("waiting for the operator function")


def _add_smoke_test(commands, common):
    parser = _new(
        commands,
        common,
        "smoke-test",
        "send one recording through the deployed service",
        smoke_test.__doc__.partition("\n\n")[2],
    )
    parser.add_argument("--recording", required=True, metavar="RE...", help="a completed recording of the account")
    parser.add_argument("--account", metavar="AC...", help="the Twilio account (default: the stack's)")
    parser.add_argument("--callback-url", metavar="URL", help="default: the stack's output CallbackUrl")
    parser.add_argument("--playback-url", metavar="URL", help="default: the stack's output PlaybackBaseUrl")
    parser.add_argument("--signed-url", metavar="URL", help="the URL that Twilio signs, if it is not the callback URL")
    parser.set_defaults(run=_smoke_test)


def _smoke_test(chosen, console: Console):
    if not RECORDING.fullmatch(chosen.recording):
        raise WrongInput(f"{chosen.recording} is not a RecordingSid: RE and 32 hexadecimal digits")
    if not (chosen.account and chosen.callback_url and chosen.playback_url):
        from . import aws

        stack = _stack(chosen)
        chosen.account = chosen.account or stack.parameters["TwilioAccountSid"]
        chosen.callback_url = chosen.callback_url or stack.output("CallbackUrl")
        chosen.playback_url = chosen.playback_url or stack.output("PlaybackBaseUrl")
    shared_key = os.environ.get("TWILIO_SHARED_KEY_SID")
    variable = "TWILIO_SHARED_KEY_SECRET" if shared_key else "TWILIO_AUTH_TOKEN"
    secret = os.environ.get(variable) or console.secret("Twilio's Auth Token")
    trial = smoke_test.Trial(chosen, smoke_test.Signer(secret, shared_key), _flex_token(console))
    with console.messages():
        failed = trial.run()
    console.say("all checks passed" if not failed else f"{failed} failed")
    status = FAILED if failed else DONE
    console.result({"checks": trial.results, "exitCode": status})
    return status


def _add_download(commands, common):
    parser = _new(
        commands,
        common,
        "download",
        "download a recording of any length",
        "Download a recording by ranges. Every byte is verified before it is sent.\n"
        "A RecordingSid needs a Flex token of a supervisor, in FLEX_TOKEN or at the prompt.",
    )
    parser.add_argument("recording", metavar="RE...|URL", help="a RecordingSid, or a media URL that you already have")
    parser.add_argument("file", help="the file to write")
    parser.add_argument("--playback-url", metavar="URL", help="default: the stack's output PlaybackBaseUrl")
    parser.set_defaults(run=_download)


def _download(chosen, console):
    url = chosen.recording
    if RECORDING.fullmatch(url):
        base = chosen.playback_url or _stack(chosen).output("PlaybackBaseUrl")
        url = media_link(base, chosen.recording, _flex_token(console))
    elif not url.startswith(("https://", "http://")):
        raise WrongInput(f"{url} is neither a RecordingSid (RE and 32 hexadecimal digits) nor a URL")
    part = pathlib.Path(f"{chosen.file}.part")
    try:
        with open(part, "wb") as file, console.step(f"downloading to {chosen.file}", lambda: f" {file.tell():,} bytes"):
            length = download.download(url, file)
        os.replace(part, chosen.file)
    except download.Refused as refusal:
        raise Problem(f"the recording could not be downloaded: {refusal}") from None
    except OSError as error:
        raise Problem(f"the file {chosen.file} could not be written: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)
    console.say(f"{length} bytes in {chosen.file}")
    console.result({"file": chosen.file, "bytes": length, "exitCode": DONE})
    return DONE


def media_link(playback_url, recording, flex_token):
    """Returns the signed media URL of a recording, as the Insights Player requests it."""
    basic = base64.b64encode(f"token:{flex_token}".encode()).decode()
    provider = f"{playback_url.rstrip('/')}/media-url?recordingSid={recording}"
    try:
        status, _, body = smoke_test.ask(provider, headers={"Authorization": f"Basic {basic}"})
    except OSError as error:
        raise Problem(f"playback at {playback_url} could not be reached ({type(error).__name__})") from None
    meanings = {
        401: "the Flex token is not valid. Copy a new one; tokens expire",
        403: "the Flex token's roles may not listen. AllowedRoles of the stack names the roles",
        404: f"{recording} is not stored. `vault.py operate backfill` copies old recordings",
    }
    if status != 200:
        raise Problem(meanings.get(status, f"playback answered {status}. See the playback function's log"))
    return json.loads(body)["media_url"]


def _stack(chosen):
    from . import aws

    return aws.require_stack(aws.Account(chosen.region, chosen.profile, chosen.endpoint_url), chosen.stack)


def _flex_token(console):
    prompt = "The Flex token of a signed-in supervisor"
    return os.environ.get("FLEX_TOKEN") or console.secret(prompt)
