#!/usr/bin/env python3
"""Operate a deployed Recording Vault: copy old recordings, find missing ones, verify stored ones, erase.

  operate.py --stack recording-vault backfill --from 2026-05-01 --to 2026-05-31 --dry-run --follow
  operate.py --stack recording-vault status backfill-2026-05-01-2026-05-31 --follow
  operate.py --stack recording-vault verify RE... RE...
  operate.py --stack recording-vault erase RE...

Needs boto3 and these rights: lambda:InvokeFunction on the operator's function, s3:GetObject on operations/* and s3:ListBucket
on the bucket, kms:Decrypt with its key, and cloudformation:DescribeStacks for --stack. boto3 reads the Region, credentials and
endpoints (AWS_DEFAULT_REGION, AWS_PROFILE, AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_LAMBDA).
The same command continues an unfinished or failed run; --restart starts a new one.
Exits with 0 on success, and with 1 if something failed, or if a recording is bad or could not be read.
"""
import argparse
import json
import sys
import time
from datetime import date, datetime, timezone

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

# An answer may take as long as Lambda lets a function run. A retry would do the work twice.
PATIENT = Config(read_timeout=15 * 60 + 10, retries={"max_attempts": 0})

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
        self.functions = boto3.client("lambda", config=PATIENT)
        self.objects = boto3.client("s3", endpoint_url=endpoint)

    def call(self, event):
        """Invokes the function and returns its answer."""
        answer = self.functions.invoke(FunctionName=self.function, Payload=json.dumps(event))
        payload = json.load(answer["Payload"])
        if "FunctionError" in answer:
            sys.exit(f"failed: {payload.get('errorMessage', payload)}")
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
        return json.load(found["Body"])


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


def erase(vault, recording, keep_original, sure):
    if not sure:
        there = "here. The original at Twilio is kept" if keep_original else "here and at Twilio"
        if input(f"{recording} will be permanently erased {there}. Enter its SID again to confirm: ") != recording:
            sys.exit("not erased")
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stack", help="the CloudFormation stack; its outputs name the function and the bucket")
    parser.add_argument("--function", help="the operator's function, instead of --stack")
    parser.add_argument("--bucket", help="the bucket, instead of --stack")
    parser.add_argument("--endpoint-url", help="endpoint of S3, for a local stack")
    add_commands(parser)
    chosen = parser.parse_args()
    if not chosen.stack and not (chosen.function and chosen.bucket):
        parser.error("give --stack, or --function and --bucket")
    check(parser, chosen)
    return chosen


def add_commands(parser):
    """Adds the commands and their options."""
    commands = parser.add_subparsers(dest="command", required=True)
    following = argparse.ArgumentParser(add_help=False)
    following.add_argument("--follow", action="store_true", help="show progress until the end")
    running = argparse.ArgumentParser(add_help=False, parents=[following])
    running.add_argument("--restart", action="store_true", help="start a new run, even if one is unfinished")

    command = commands.add_parser("backfill", parents=[running], help="queue copies of missing recordings of these days")
    command.add_argument("--from", dest="first", type=date.fromisoformat, required=True, help="2026-05-01, UTC")
    command.add_argument("--to", dest="last", type=date.fromisoformat, required=True, help="the last day, inclusive")
    command.add_argument("--dry-run", action="store_true", help="only count")
    commands.add_parser("reconcile", parents=[running], help="queue copies of missing recordings of the last 3 days")
    commands.add_parser("sweep", parents=[running], help="queue overdue deletions of originals again")
    command = commands.add_parser("verify", parents=[running], help="read stored recordings in full and verify them")
    command.add_argument("--all", action="store_true", help="every recording in the bucket")
    command.add_argument("recordings", nargs="*", metavar="RE...")
    command = commands.add_parser("erase", help="erase a recording permanently")
    command.add_argument("recording", metavar="RE...")
    command.add_argument("--keep-original", action="store_true", help="erase only here, not at Twilio")
    command.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    command = commands.add_parser("status", parents=[following], help="show an operation")
    command.add_argument("operation")


def check(parser, chosen):
    """Ends with a usage message if the options contradict each other."""
    if chosen.command == "verify" and chosen.all == bool(chosen.recordings):
        parser.error("verify either --all or the recordings that you name")


def main():
    chosen = arguments()
    function, bucket = from_stack(chosen.stack) if chosen.stack else (chosen.function, chosen.bucket)
    return run(Vault(function, bucket, chosen.endpoint_url), chosen)


def run(vault, chosen):
    """Runs the chosen command. Returns the exit status."""
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
            return erase(vault, chosen.recording, chosen.keep_original, chosen.yes)
        case "status":
            return show(vault, chosen.operation, chosen.follow)


def explained(error):
    """Describes an AWS error: the refused call, and the missing right."""
    code, operation = error.response["Error"].get("Code", ""), error.operation_name
    hint = f"; this needs {RIGHTS[operation]}" if code in REFUSALS and operation in RIGHTS else ""
    return f"{operation}: {code}: {error.response['Error'].get('Message', 'no message')}{hint}"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ClientError as error:
        sys.exit(explained(error))
    except BotoCoreError as error:
        # No credentials, no Region, no connection, or no answer in time.
        sys.exit(str(error))
