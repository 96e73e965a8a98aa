#!/usr/bin/env python3
"""Operate a deployed Recording Vault: copy old recordings, find missing ones, verify stored ones, erase.

  operate.py --stack recording-vault backfill --from 2026-05-01 --to 2026-05-31 --dry-run --follow
  operate.py --stack recording-vault status backfill-2026-05-01-2026-05-31 --follow
  operate.py --stack recording-vault verify RE... RE...
  operate.py --stack recording-vault erase RE...

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

STACK = "recording-vault"

EXIT_CODES = """exit codes:
  0    done
  1    something failed, or a recording is bad or could not be read
  2    the command line is wrong, or boto3 is missing
  130  interrupted
"""

# An answer may take as long as Lambda lets a function run. A retry would do the work twice.
PATIENT = {"read_timeout": 15 * 60 + 10, "retries": {"max_attempts": 0}}

# What the operator reads if the SID was not entered again.
NOT_ERASED = "not erased"

# A function that has started writes its state within seconds.
BEGIN_SECONDS = 60
POLL_SECONDS = 2

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


def begin(vault, operation, event, follow):
    """Starts or continues an operation whose name is known beforehand, and shows its progress."""
    before = taken(vault.state(operation))
    vault.start(event)
    deadline = time.monotonic() + BEGIN_SECONDS
    while taken(vault.state(operation)) == before:
        if time.monotonic() > deadline:
            sys.exit(f"{operation} has not started within {BEGIN_SECONDS} s. See the operator function's log")
        time.sleep(POLL_SECONDS)
    return show(vault, operation, follow)


def taken(state):
    """Returns the values that change with every invocation for an operation, or None if it was never started."""
    return state and (state["run"], state["step"])


def show(vault, operation, follow):
    """Prints an operation's state, with `follow` until it ends. Returns the exit status."""
    shown = None
    while True:
        state = vault.state(operation)
        if state is None:
            sys.exit(f"operation {operation} not found")
        line = summary(state)
        if line != shown:
            print(line, flush=True)
            shown = line
        if state["status"] != "running":
            return verdict(state)
        if not follow:
            print(f"still running. To follow it: status {operation} --follow")
            return 0
        time.sleep(POLL_SECONDS)


def work_of(state):
    [work] = state["work"].values()
    return work


def summary(state):
    counts = ", ".join(f"{name} {count:,}" for name, count in work_of(state)["counts"].items())
    updated = datetime.fromtimestamp(state["updatedAtMs"] / 1000, timezone.utc)
    trouble = f"; {state['error']}" if state.get("error") else ""
    return f"{updated:%H:%M:%S} {state['operation']} {state['status']}: {counts}{trouble}"


def verdict(state):
    work = work_of(state)
    for kind in ("bad", "unreadable"):
        for named in work.get(f"{kind}Recordings", []):
            print(f"{kind}: {named['recordingSid']}: {named['problem']}")
    troubles = ("failed", "skipped", "bad", "unreadable")
    return int(state["status"] != "done" or any(work["counts"].get(trouble) for trouble in troubles))


def verify_listed(vault, recordings, restart):
    state = vault.call({"verify": {"recordings": recordings, "restart": restart}})
    return show(vault, state["operation"], True)


def confirm_erasure(recording, keep_original):
    """Ends unless the operator enters the recording's SID again."""
    there = "here. The original at Twilio is kept" if keep_original else "here and at Twilio"
    try:
        entered = input(f"{recording} will be permanently erased {there}. Enter its SID again to confirm: ")
    except EOFError:
        entered = None
    if entered != recording:
        sys.exit(NOT_ERASED)


def erase(vault, recording, keep_original):
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
    following = argparse.ArgumentParser(add_help=False)
    following.add_argument("--follow", action="store_true", help="show progress until the end")
    running = argparse.ArgumentParser(add_help=False, parents=[following])
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
    command = new("verify", "read stored recordings in full and verify them", running)
    command.add_argument("--all", action="store_true", help="every recording in the bucket")
    command.add_argument("recordings", nargs="*", metavar="RE...")
    command = new("erase", "erase a recording permanently")
    command.add_argument("recording", metavar="RE...")
    command.add_argument("--keep-original", action="store_true", help="erase only here, not at Twilio")
    command.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    command = new("status", "show an operation", following)
    command.add_argument("operation")


def check(parser, chosen):
    """Ends with a usage message if the options contradict each other."""
    if chosen.command == "verify" and chosen.all == bool(chosen.recordings):
        parser.error("verify either --all or the recordings that you name")


def main():
    """Runs the command line. Returns the exit status."""
    chosen = arguments()
    if boto3 is None:
        print("The Python package boto3 is missing. Install it: python3 -m pip install boto3", file=sys.stderr)
        return 2
    answered = {}
    with contextlib.redirect_stdout(sys.stderr if chosen.json else sys.stdout):
        status, trouble = attempt(chosen, answered)
    if trouble:
        print(trouble, file=sys.stderr)
    if chosen.json:
        document = answered | ({"error": trouble} if trouble else {}) | {"exitCode": status}
        print(json.dumps(document, indent=2))
    return status


def attempt(chosen, answered):
    """Runs the chosen command. Returns the exit status, and the problem if there was one. `answered` gets its last answer."""
    vault = None
    try:
        use(chosen)
        function, bucket = chosen.function, chosen.bucket
        if not function:
            function, bucket = from_stack(chosen.stack or STACK)
        vault = Vault(function, bucket, chosen.endpoint_url)
        if chosen.command == "erase" and not chosen.yes:
            confirm_erasure(chosen.recording, chosen.keep_original)
        return run(vault, chosen), None
    except SystemExit as ended:
        return 1, ended.code
    except KeyboardInterrupt:
        return 130, "interrupted"
    except ClientError as error:
        return 1, explained(error)
    except BotoCoreError as error:
        # No credentials, no Region, no connection, or no answer in time.
        return 1, str(error)
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


def run(vault, chosen):
    """Runs the chosen command. An erasure is confirmed already. Returns the exit status."""
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
        case "verify" if chosen.all:
            event = {"verify": {"all": True, "restart": chosen.restart}}
            return begin(vault, "verify-all", event, chosen.follow)
        case "verify":
            return verify_listed(vault, chosen.recordings, chosen.restart)
        case "erase":
            return erase(vault, chosen.recording, chosen.keep_original)
        case "status":
            return show(vault, chosen.operation, chosen.follow)


def explained(error):
    """Describes an AWS error: the refused call, and the missing right."""
    code, operation = error.response["Error"].get("Code", ""), error.operation_name
    hint = f"; this needs {RIGHTS[operation]}" if code in REFUSALS and operation in RIGHTS else ""
    return f"{operation}: {code}: {error.response['Error'].get('Message', 'no message')}{hint}"


if __name__ == "__main__":
    sys.exit(main())
