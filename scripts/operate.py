#!/usr/bin/env python3
"""Operate a deployed Recording Vault: copy old recordings, find missing ones, verify stored ones, write the catalog, erase.

  operate.py --stack recording-vault backfill --from 2026-05-01 --to 2026-05-31 --dry-run --follow
  operate.py --stack recording-vault status backfill-2026-05-01-2026-05-31 --follow
  operate.py --stack recording-vault verify RE... RE...
  operate.py --stack recording-vault erase RE...
  operate.py --stack recording-vault erase --from-file recordings.txt
  operate.py --stack recording-vault erase --call CA... --dry-run

Needs boto3 and these rights: lambda:InvokeFunction on the operator's function, s3:GetObject on operations/* and s3:ListBucket
on the bucket, kms:Decrypt with its key, and cloudformation:DescribeStacks for --stack. Without --region, the Region comes from
AWS_REGION, AWS_DEFAULT_REGION or the profile. boto3 also reads AWS_PROFILE, AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_LAMBDA.
The same command continues an unfinished or failed run; --restart starts a new one. `vault.py operate` is the same command.
"""
import argparse
import contextlib
import json
import os
import sys
import time
from datetime import date, datetime, timezone

try:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:
    # The help needs no boto3.
    boto3, BotoCoreError, ClientError = None, (), ()

from recording_vault import erasing, following, sids, streams
from recording_vault.problems import unexpected

STACK = "recording-vault"

EXIT_CODES = """exit codes:
  0    done
  1    something failed, or a recording is bad, could not be read, or is kept by Object Lock
  2    the command line or the file is wrong, or boto3 is missing
  130  interrupted
"""

# An answer may take as long as Lambda lets a function run. A retry would do the work twice.
PATIENT = {"read_timeout": 15 * 60 + 10, "retries": {"max_attempts": 0}}

# What the operator reads if the erasure was not confirmed.
NOT_ERASED = "not erased"

# A question is repeated while Lambda throttles or fails, or the connection breaks: for a minute, with growing pauses.
PATIENCE_SECONDS = 60
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1, 15
BUSY = ("TooManyRequestsException", "ServiceException", "EC2ThrottledException")

# botocore's names for a connection that breaks or is refused. An answer that takes too long is not waited for again.
BROKEN = (
    "ConnectionClosedError",
    "ConnectTimeoutError",
    "EndpointConnectionError",
    "IncompleteReadError",
    "ProxyConnectionError",
    "ResponseStreamingError",
)

# AWS's error codes for a missing right, and the right that each call needs.
REFUSALS = ("AccessDenied", "AccessDeniedException", "403")
RIGHTS = {
    "DescribeStacks": "cloudformation:DescribeStacks on the stack, or --function and --bucket instead of --stack",
    "Invoke": "lambda:InvokeFunction on the operator's function",
    "GetObject": "s3:GetObject on operations/*, s3:ListBucket on the bucket, and kms:Decrypt with its key",
}


class Vault:
    """The operator function of a deployment, and the states of its operations in the bucket."""

    def __init__(self, function, bucket, endpoint):
        self.function, self.bucket = function, bucket
        self.functions = boto3.client("lambda", config=Config(**PATIENT))
        self.objects = boto3.client("s3", endpoint_url=endpoint)
        # The last answer or state, for --json.
        self.last = None

    def call(self, event):
        """Invokes the function and returns its answer."""
        answer = self.functions.invoke(FunctionName=self.function, Payload=json.dumps(event))
        payload = json.load(answer["Payload"])
        if "FunctionError" in answer:
            sys.exit(f"failed: {payload.get('errorMessage', payload)}")
        self.last = payload
        return payload

    def ask(self, event):
        """Asks the function what changes nothing, and returns its answer. Waits for what may pass by itself."""
        pause, until = FIRST_PAUSE_SECONDS, None
        while True:
            try:
                return self.call(event)
            except (ClientError, BotoCoreError) as error:
                until = until or time.monotonic() + PATIENCE_SECONDS
                if not passes(error) or time.monotonic() + pause > until:
                    raise
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def start(self, event):
        """Invokes the function and does not wait."""
        self.functions.invoke(FunctionName=self.function, Payload=json.dumps(event), InvocationType="Event")

    def state(self, operation):
        """Returns the operation's state, or None if it was never started."""
        try:
            found = self.objects.get_object(Bucket=self.bucket, Key=f"operations/{operation}.json")
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise
        self.last = json.load(found["Body"])
        return self.last


def passes(error):
    """Whether an invocation failed for a reason that may pass by itself."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return error.response["Error"].get("Code") in BUSY or status >= 500
    return type(error).__name__ in BROKEN


def begin(vault, operation, event, follow):
    """Starts or continues an operation whose name is known beforehand, and shows its progress."""
    return show(vault, operation, follow, following.start(vault, operation, event))


def show(vault, operation, follow, run=None):
    """Prints an operation's state, with `follow` until it ends. Returns the exit status."""
    state = following.watch(vault, operation, follow, run)
    if state["status"] == "running":
        print(f"still running. To follow it: status {operation} --follow")
        return 0
    return verdict(state)


def verdict(state):
    if "eraseList" in state["work"]:
        return erasing.print_report(erasing.merged([state]))
    work = following.work_of(state)
    unfinished = work.get("unfinishedErasures", [])
    for recording in unfinished:
        print(f"erasure not finished: {recording}. Erase it again")
    for kind in ("bad", "unreadable"):
        for named in work.get(f"{kind}Recordings", []):
            print(f"{kind}: {named['recordingSid']}: {named['problem']}")
    troubles = ("failed", "skipped", "bad", "unreadable", "unfinishedErasures")
    has_trouble = bool(unfinished) or any(work["counts"].get(trouble) for trouble in troubles)
    return int(state["status"] != "done" or has_trouble)


def verification(recordings, receipts, restart):
    """Returns the event that verifies recordings. A function before 0.3.0 does not know `receipts`."""
    return {"verify": recordings | ({"receipts": True} if receipts else {}) | {"restart": restart}}


def verify_listed(vault, recordings, receipts, restart):
    state = vault.call(verification({"recordings": recordings}, receipts, restart))
    return show(vault, state["operation"], True, state.get("run"))


def confirm_erasure(recording, keep_original):
    """Ends unless the operator enters the recording's SID again."""
    there = "here. The original at Twilio is kept" if keep_original else "here and at Twilio"
    try:
        entered = input(f"{recording} will be permanently erased {there}. Enter its SID again to confirm: ")
    except EOFError:
        entered = None
    if entered != recording:
        sys.exit(NOT_ERASED)


def erase(vault, chosen, asking):
    """Erases what the command line names, once the operator has confirmed it. Returns the exit status."""
    if not erasing.is_many(chosen):
        if not chosen.yes:
            with asking():
                confirm_erasure(chosen.recording, chosen.keep_original)
        return erase_one(vault, chosen.recording, chosen.keep_original)

    return erasing.run(vault, chosen, asking, NOT_ERASED)


def erase_one(vault, recording, keep_original):
    erased = vault.call({"erase": {"recordingSid": recording, "keepOriginal": keep_original}})["erased"]
    print(f"erased {recording}: versions {erased['versions']}, original {erased['original']}")
    if erased["original"] == "deletionUnderWay":
        print("a job had begun to delete the original at Twilio. Erase again after 20 minutes to see the result")
    for version in erased["held"]:
        print(f"retained by Object Lock: version {version}. Erase again after the lock has expired")
    return int(bool(erased["held"]) or erased["original"] == "deletionUnderWay")


def from_stack(name):
    """Returns the function and the bucket of a CloudFormation stack."""
    [stack] = boto3.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    try:
        return outputs["OperatorFunctionName"], outputs["Bucket"]
    except KeyError as missing:
        sys.exit(f"the stack {name} has no output {missing}: is it Recording Vault's, and was it deployed to the end?")


def arguments():
    parser = argparse.ArgumentParser(
        parents=[options()],
        description=__doc__,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_commands(parser, EXIT_CODES, [options(again=True)])
    chosen = parser.parse_args()
    if bool(chosen.function) != bool(chosen.bucket) or (chosen.stack and chosen.function):
        parser.error("give --stack, or --function and --bucket")
    check(parser, chosen)
    return chosen


def options(again=False):
    """Returns the options that stand before or after the command. Those after it keep the values of those before it."""
    parser = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS if again else None)
    parser.add_argument("--stack", metavar="NAME", help=f"the CloudFormation stack (default: {STACK})")
    parser.add_argument("--region", help="its AWS Region")
    parser.add_argument("--profile", help="the AWS profile with your credentials")
    parser.add_argument("--endpoint-url", metavar="URL", help="endpoint of all AWS services, for a local stack")
    parser.add_argument(
        "--json", action="store_const", const=True, help="print one JSON document; messages go to standard error"
    )
    parser.add_argument("--function", help="the operator's function, with --bucket instead of --stack")
    parser.add_argument("--bucket", help="the bucket, with --function instead of --stack")
    return parser


def add_commands(parser, epilog, parents):
    """Adds the commands and their options. `parents` have the options of every command."""
    commands = parser.add_subparsers(dest="command", required=True, metavar="OPERATION")
    followed = argparse.ArgumentParser(add_help=False)
    followed.add_argument("--follow", action="store_true", help="show progress until the end")
    running = argparse.ArgumentParser(add_help=False, parents=[followed])
    running.add_argument("--restart", action="store_true", help="start a new run, even if one is unfinished")

    def new(name, summary, *own):
        return commands.add_parser(
            name,
            parents=[*parents, *own],
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    command = new("backfill", "queue copies of missing recordings of these days", running)
    command.add_argument("--from", dest="first", type=date.fromisoformat, required=True, help="2026-05-01, UTC")
    command.add_argument("--to", dest="last", type=date.fromisoformat, required=True, help="the last day, inclusive")
    command.add_argument("--dry-run", action="store_true", help="only count")
    new("reconcile", "queue copies of missing recordings of the last 3 days", running)
    new("sweep", "queue overdue deletions of originals again", running)
    new("catalog", "write the files of the catalog that are missing or out of date", running)
    command = new("verify", "read stored recordings in full and verify them", running)
    command.add_argument("--all", action="store_true", help="every recording in the bucket")
    command.add_argument("--receipts", action="store_true", help="read only recordings without a receipt, and write it")
    command.add_argument("recordings", nargs="*", metavar="RE...")
    command = new("index", "rebuild the index that `vault.py find` reads", running)
    command.add_argument("--rebuild", action="store_true", help="write missing entries, remove those without a receipt")
    erasing.add_options(new("erase", "erase recordings permanently"))
    command = new("status", "show an operation", followed)
    command.add_argument("operation")


def check(parser, chosen):
    """Ends with a usage message if the options contradict each other."""
    if chosen.command == "verify" and chosen.all == bool(chosen.recordings):
        parser.error("verify either --all or the recordings that you name")
    if chosen.command == "verify":
        for problem in filter(None, [sids.refusal(recording, "RE") for recording in chosen.recordings]):
            parser.error(problem)
    if chosen.command == "index" and not chosen.rebuild:
        parser.error("the only thing to do with the index is to --rebuild it")
    if chosen.command == "erase":
        problem = erasing.check(chosen)
        if problem:
            parser.error(problem)


def main():
    """Runs the command line. Returns the exit status."""
    streams.prepare()
    try:
        chosen = arguments()
    except SystemExit:
        # The help or a usage message has been printed.
        streams.say_last()
        raise
    if boto3 is None:
        print("The Python package boto3 is missing. Install it: python3 -m pip install boto3", file=sys.stderr)
        return 2
    answered = {}
    with contextlib.redirect_stdout(sys.stderr if chosen.json else sys.stdout):
        status, trouble = attempt(chosen, answered)
    if chosen.json:
        document = answered | ({"error": trouble} if trouble else {}) | {"exitCode": status}
        try:
            print(json.dumps(document, indent=2), flush=True)
        except OSError as error:
            status, trouble = (status, trouble) if trouble else of_system(error)
    streams.say_last(lambda: trouble and print(trouble, file=sys.stderr, flush=True))
    return status


def of_system(error):
    """Returns the exit status and the message for an error of a stream, a file or a connection."""
    if isinstance(error, BrokenPipeError):
        # Nobody reads any more.
        return 130, "interrupted"
    return 1, unexpected(error)


def attempt(chosen, answered):
    """Runs the chosen command. Returns the exit status, and the problem if there was one. `answered` gets its last answer."""
    vault = None
    try:
        use(chosen)
        function, bucket = chosen.function, chosen.bucket
        if not function:
            function, bucket = from_stack(chosen.stack or STACK)
        vault = Vault(function, bucket, chosen.endpoint_url)
        status = run(vault, chosen)
        sys.stdout.flush()
        return status, None
    except SystemExit as ended:
        return 1, ended.code
    except KeyboardInterrupt:
        return 130, "interrupted"
    except ClientError as error:
        return 1, explained(error)
    except BotoCoreError as error:
        # No credentials, no Region, no connection, or no answer in time.
        return 1, str(error)
    except OSError as error:
        return of_system(error)
    except Exception as error:
        return 1, unexpected(error)
    finally:
        answered["operation"] = vault and vault.last


def use(chosen):
    """Lets boto3 work with the profile, in the Region and at the endpoint of the command line."""
    region = chosen.region or os.environ.get("AWS_REGION")
    if region:
        os.environ["AWS_DEFAULT_REGION"] = region
    if chosen.profile:
        # A profile that is named here precedes credentials in the environment.
        boto3.setup_default_session(profile_name=chosen.profile)
    if chosen.endpoint_url:
        os.environ["AWS_ENDPOINT_URL"] = chosen.endpoint_url


def run(vault, chosen, asking=contextlib.nullcontext):
    """Runs the chosen command. `asking()` keeps other output from the terminal. Returns the exit status."""
    match chosen.command:
        case "backfill":
            first, last = chosen.first.isoformat(), chosen.last.isoformat()
            operation = f"backfill-{first}-{last}" + ("-dry-run" if chosen.dry_run else "")
            event = {"backfill": {"from": first, "to": last, "dryRun": chosen.dry_run, "restart": chosen.restart}}
            return begin(vault, operation, event, chosen.follow)
        case "reconcile":
            today = datetime.now(timezone.utc).date().isoformat()
            return begin(vault, f"reconcile-{today}", {"reconcile": {"restart": chosen.restart}}, chosen.follow)
        case "sweep":
            today = datetime.now(timezone.utc).date().isoformat()
            return begin(vault, f"sweep-{today}", {"sweep": {"restart": chosen.restart}}, chosen.follow)
        case "catalog":
            today = datetime.now(timezone.utc).date().isoformat()
            return begin(vault, f"catalog-{today}", {"catalog": {"restart": chosen.restart}}, chosen.follow)
        case "verify" if chosen.all:
            event = verification({"all": True}, chosen.receipts, chosen.restart)
            operation = "receipts-all" if chosen.receipts else "verify-all"
            return begin(vault, operation, event, chosen.follow)
        case "verify":
            return verify_listed(vault, chosen.recordings, chosen.receipts, chosen.restart)
        case "index":
            event = {"index": {"rebuild": True, "restart": chosen.restart}}
            return begin(vault, "index-rebuild", event, chosen.follow)
        case "erase":
            return erase(vault, chosen, asking)
        case "status":
            return show(vault, chosen.operation, chosen.follow)


def explained(error):
    """Describes an AWS error: the refused call, and the missing right."""
    code, operation = error.response["Error"].get("Code", ""), error.operation_name
    hint = f"; this needs {RIGHTS[operation]}" if code in REFUSALS and operation in RIGHTS else ""
    return f"{operation}: {code}: {error.response['Error'].get('Message', 'no message')}{hint}"


if __name__ == "__main__":
    sys.exit(main())
