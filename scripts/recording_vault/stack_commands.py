"""The commands for a deployed stack: operate, smoke-test and download. The scripts of these names do the work."""

import argparse
import os

import operate
import smoke_test

from . import playback, sids
from .problems import DONE, EXIT_CODES, FAILED, Problem, Refusal, WrongInput


def add(commands, common):
    """Adds the commands to the command line."""
    _add_operate(commands, common)
    _add_smoke_test(commands, common)
    _add_download(commands, common)


def new(commands, common, name, summary, description):
    """Adds a command with the options and the help that every command has."""
    return commands.add_parser(
        name,
        parents=[common()],
        help=summary,
        description=description,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_operate(commands, common):
    summary = "copy old recordings, find missing ones, verify stored ones, erase"
    parser = new(
        commands,
        common,
        "operate",
        summary,
        "Operate the stack. `vault.py operate OPERATION --help` describes an operation.\n"
        "The same command continues an unfinished or failed run; --restart starts a new one.",
    )
    operate.add_commands(parser, EXIT_CODES, [common(again=True)])
    parser.set_defaults(run=lambda chosen, console: _operate(parser, chosen, console))


def _operate(parser, chosen, console):
    from . import aws

    operate.check(parser, chosen)
    account = aws.Account(chosen.region, chosen.profile, chosen.endpoint_url)
    account.use_for_scripts()
    with console.step(f"looking for the stack {chosen.stack}"):
        stack = aws.require_stack(account, chosen.stack)
    vault = operate.Vault(stack.output("OperatorFunctionName"), stack.output("Bucket"), chosen.endpoint_url)
    try:
        with console.messages():
            with console.step("waiting for the operator function"):
                status = operate.run(vault, chosen, console.asking)
    except SystemExit as ended:
        raise (Refusal if ended.code == operate.NOT_ERASED else Problem)(str(ended.code)) from None
    finally:
        console.findings = {"stack": stack.name, "operation": vault.last}
    console.result({"stack": stack.name, "operation": vault.last, "exitCode": status})
    return status


def _add_smoke_test(commands, common):
    parser = new(
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


def _smoke_test(chosen, console):
    sids.checked(chosen.recording, "RE")
    if not (chosen.account and chosen.callback_url and chosen.playback_url):
        stack = playback.stack_of(chosen, console)
        chosen.account = chosen.account or stack.parameters["TwilioAccountSid"]
        chosen.callback_url = chosen.callback_url or stack.output("CallbackUrl")
        chosen.playback_url = chosen.playback_url or stack.output("PlaybackBaseUrl")
    playback.checked_address(chosen.callback_url, "--callback-url")
    playback.checked_address(chosen.playback_url, "--playback-url")
    shared_key = os.environ.get("TWILIO_SHARED_KEY_SID")
    variable = "TWILIO_SHARED_KEY_SECRET" if shared_key else "TWILIO_AUTH_TOKEN"
    words = f"Secret of the SharedKey {shared_key}" if shared_key else "Twilio's Auth Token"
    secret = os.environ.get(variable) or console.secret(words, variable)
    trial = smoke_test.Trial(chosen, smoke_test.Signer(secret, shared_key), playback.flex_token(console))
    with console.messages(), console.step("sending the recording through the service"):
        failed = trial.run()
    console.say("all checks passed" if not failed else f"{failed} failed")
    status = FAILED if failed else DONE
    console.result({"checks": trial.results, "exitCode": status})
    return status


def _add_download(commands, common):
    parser = new(
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
    if not url.startswith(("https://", "http://")):
        problem = sids.problem(url, "RE")
        if problem:
            # It is not shown, because a URL has a signature.
            raise WrongInput(f"this is neither a RecordingSid ({problem}) nor a URL")
        url = playback.link_of(chosen, console)
    length = playback.save(url, chosen.file, console)
    console.say(f"{length} bytes in {chosen.file}")
    console.result({"file": chosen.file, "bytes": length, "exitCode": DONE})
    return DONE
