"""The proof without a real call: the smoke test with a recording and a task, and the alarms' subscription."""

import argparse
import contextlib
import time

import smoke_test

from . import proof_task
from .aws import ClientError

# New secrets reach the functions within this time.
SECRETS_BOUND_S = 90
PAUSE_S = 3

# Functions that run use an earlier secret for this long: they read a secret again ten seconds after the last time.
REPLACED_BOUND_S = 20

ONLY_A_CALL = """Only a real call shows the rest. Make one, accept it in Flex, end it, and wait two minutes. Then check that
  - the conversation in Flex Insights has a recording, and the Player plays it and seeks;
  - the task's agent and customer are on the channels that the Player names;
  - a pause in Flex is silent in the recording, if your agents use the pause button.
docs/FLEX.md describes each of them."""


NO_RECORDING = "RE" + "0" * 32

LINKED = "the task gets the link"


class PatientTrial(smoke_test.Trial):
    """The smoke test for a stack whose secrets were stored a moment ago, with a task if there is one."""

    task_link = None
    patience_s = 0

    def for_task(self, task, webhook_url, attempt):
        """Names the task in the callback, as Flex does. `attempt` checks the task's link."""
        given = None if self.signed_url == self.callback_url else self.signed_url
        self.callback_url = webhook_url.partition("#")[0].replace("{taskSid}", task)
        self.signed_url = f"{given}?taskSid={task}" if given else self.callback_url
        self.task_link = attempt

    def callbacks(self):
        failed = self.failed
        super().callbacks()
        if self.task_link and self.failed == failed:
            self.check(LINKED, self.task_link)

    def not_checked(self, what, reason):
        """Prints why a check is not made. It is no failure."""
        verdict = f"not checked: {reason}"
        self.results.append({"check": what, "result": verdict, "milliseconds": 0})
        print(f"{'-':>8}     {what}: {verdict}", flush=True)

    def post(self, signer):
        until = time.monotonic() + SECRETS_BOUND_S
        while (status := super().post(signer)) == 503 and time.monotonic() < until:
            time.sleep(PAUSE_S)
        return status

    def signed_callback(self):
        until = time.monotonic() + self.patience_s
        while True:
            try:
                return super().signed_callback()
            except AssertionError:
                if time.monotonic() > until:
                    raise
            time.sleep(PAUSE_S)


def prove(console, stack, recording, auth_token, flex_token, router, signed_url=None, stored=False):
    """Runs the checks. `router` is the TaskRouter of the workspace, and `stored` says whether this run stored secrets.

    Returns the results and the number of failures.
    """
    arguments = argparse.Namespace(
        callback_url=stack.output("CallbackUrl"),
        signed_url=signed_url,
        playback_url=stack.output("PlaybackBaseUrl"),
        account=stack.parameters["TwilioAccountSid"],
        recording=recording or NO_RECORDING,
    )
    trial = PatientTrial(arguments, smoke_test.Signer(auth_token), flex_token)
    trial.patience_s = REPLACED_BOUND_S if stored else 0
    with console.messages(), console.step("sending a recording through the service"), contextlib.ExitStack() as cleanup:
        if recording:
            _add_task(trial, stack, recording, router, cleanup, console)
        if flex_token:
            trial.run()
        else:
            # A callback for a recording that does not exist would end in the dead letters.
            if recording:
                trial.callbacks()
            else:
                trial.check("a forged callback is refused", trial.forged_callback)
            trial.check("a link is refused without a token", trial.no_token)
    if not flex_token:
        missing = "no Flex token was given" if recording else "the account has no recording yet"
        console.say(f"  Playback was not checked, because {missing}. `vault.py smoke-test` does it later.")
    return trial.results, trial.failed


def _add_task(trial, stack, recording, router, cleanup, console):
    """Makes the task that gets the link. `cleanup` removes it."""
    reason = proof_task.obstacle(stack.parameters)
    if not reason:
        try:
            task = cleanup.enter_context(proof_task.prepared(router, console))
        except proof_task.NotChecked as why:
            reason = str(why)
    if reason:
        trial.not_checked(LINKED, reason)
        return
    mode = stack.parameters.get("LinkMode", "media")
    expected = proof_task.Expected(stack.output("PlaybackBaseUrl"), recording, mode)
    webhook_url = stack.output("CallRecordingWebhookUrl")
    trial.for_task(task, webhook_url, lambda: proof_task.wait_for_link(router, task, expected))


def alarm_subscription(account, stack):
    """Returns a sentence about the address of the alarms, and whether it needs attention."""
    if stack.parameters.get("AlarmTopicArn"):
        return f"Alarms go to {stack.parameters['AlarmTopicArn']}.", False
    address = stack.parameters.get("AlarmEmail")
    if not address:
        return "Alarms notify nobody. Set AlarmEmail or AlarmTopicArn.", True
    try:
        resource = account.client("cloudformation").describe_stack_resource(
            StackName=stack.name, LogicalResourceId="AlarmTopic"
        )
        topic = resource["StackResourceDetail"]["PhysicalResourceId"]
        found = account.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    except ClientError as error:
        return f"The subscription of {address} could not be checked ({error.response['Error']['Code']}).", True
    pending = [one for one in found if one["SubscriptionArn"] == "PendingConfirmation"]
    if pending or not found:
        return f"{address} gets no alarms until the link in AWS's mail is opened.", True
    return f"{address} gets the alarms.", False
