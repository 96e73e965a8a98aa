"""The deployment of a release by CloudFormation, and its undo."""

import hashlib
import json
import time
import uuid

from . import differences
from .aws import BotoCoreError, ClientError, find_stack
from .problems import Problem

POLL_SECONDS = 3

# A stack that was never created to the end. It must be deleted before it can be created again.
NEVER_CREATED = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED")

# From this HTTP status on, an answer does not say whether the change was made.
SERVER_ERROR = 500

# CloudFormation's error codes for a change set that another one has overtaken.
OVERTAKEN = ("ChangeSetNotFound", "InvalidChangeSetStatus")

# What to do in CloudFormation's console about a stack that cannot be updated.
REPAIRS = {
    "UPDATE_ROLLBACK_FAILED": 'choose "Continue update rollback"',
    "DELETE_FAILED": "delete it there. Its events name what is in the way",
}

# Resources that CloudFormation must never replace: the new one would be empty, or have another address.
LASTING_TYPES = (
    "AWS::ApiGatewayV2::Api",
    "AWS::KMS::Key",
    "AWS::Lambda::Url",
    "AWS::S3::Bucket",
    "AWS::SQS::Queue",
    "AWS::SecretsManager::Secret",
)

# CloudFormation's words for a change set without changes.
NO_CHANGES = ("didn't contain changes", "No updates are to be performed", "no changes")


class Deployment:
    """One stack in one account, deployed from an artifact bucket."""

    def __init__(self, account, artifacts, name, console):
        self.account, self.artifacts, self.name, self.console = account, artifacts, name, console
        self.cloudformation = account.client("cloudformation")

    def deploy(self, release, architecture, parameters, *, journal):
        """Creates or updates the stack. Returns whether something was changed.

        `journal(created, earlier, deployed)` keeps what is needed to undo it, before the stack is changed. It returns a
        function that forgets it again.
        """
        template, files = self._packaged(release, architecture)
        if self._is_deployed(template, parameters):
            self.console.say("Stack: nothing to change")
            return False
        with self.console.step("uploading the release"):
            for key, body in files.items():
                self.artifacts.upload(key, body)
        return self.apply(template, parameters, release.uses_macros(), journal)

    def preview(self, release, architecture, parameters):
        """Returns the lines that show which resources would change. Nothing is uploaded."""
        template, _ = self._packaged(release, architecture)
        stack = find_stack(self.account, self.name)
        if stack is None or not stack.was_created():
            return differences.resources(None, template, {}, parameters)
        deployed = self._template()
        if deployed is None:
            return [
                "The deployed template is not JSON and is replaced as a whole. CloudFormation compares the resources"
            ]
        return differences.resources(deployed, template, stack.parameters, parameters) or ["no resource changes by its template"]

    def apply(self, template, parameters, uses_macros, journal):
        """Creates or updates the stack from a packaged template."""
        stack = self._settled()
        body = json.dumps(template, sort_keys=True).encode()
        key = f"{hashlib.sha256(body).hexdigest()}/template.json"
        self.artifacts.upload(key, body)
        change_set = f"setup-{uuid.uuid4()}"
        deployed = {"template": key.partition("/")[0], "parameters": parameters}
        try:
            deployed["stack"] = self._propose(change_set, stack, key, parameters, uses_macros)
            with self.console.step("comparing the template with the stack"):
                changes = self._prepared(change_set, stack)
            if changes is not None:
                _refuse_losses(changes)
                forget = journal(stack is None, self._earlier(stack), deployed)
        except BaseException:
            # Also after Ctrl-C, neither a change set nor an empty stack is left.
            self._discard(change_set, stack)
            raise
        if changes is None:
            self._discard(change_set, stack)
            self.console.say("Stack: nothing to change")
            return False
        for line in _lines(changes):
            self.console.say(f"  {line}")
        began = time.time()
        try:
            self.cloudformation.execute_change_set(StackName=self.name, ChangeSetName=change_set)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] < SERVER_ERROR:
                # Nothing was changed. Another administrator may have changed the stack meanwhile.
                forget()
                self._discard(change_set, stack)
            if error.response["Error"]["Code"] in OVERTAKEN:
                raise Problem(
                    f"somebody else has begun to change the stack {self.name}. Nothing was changed by this run. Run it again"
                    " when that has ended"
                ) from None
            raise
        self._wait("creating" if stack is None else "updating", began)
        return True

    def _propose(self, change_set, stack, key, parameters, uses_macros):
        """Creates a change set. Returns the stack's id."""
        answer = self.cloudformation.create_change_set(
            StackName=self.name,
            ChangeSetName=change_set,
            ChangeSetType="UPDATE" if stack else "CREATE",
            TemplateURL=f"{self.artifacts.url}/{key}",
            Parameters=_listed(parameters),
            Capabilities=["CAPABILITY_IAM"] + ["CAPABILITY_AUTO_EXPAND"] * uses_macros,
        )
        return answer["StackId"]

    def delete(self):
        """Deletes the stack. CloudFormation keeps the bucket, the keys, playback and the audit logs."""
        began = time.time()
        self.cloudformation.delete_stack(StackName=self.name)
        self._wait("deleting", began)

    def _packaged(self, release, architecture):
        return release.packaged(self.artifacts.url, self.artifacts.name, architecture)

    def _is_deployed(self, template, parameters):
        """Whether the stack has this template and these parameters. A change set always names the nested stack."""
        stack = find_stack(self.account, self.name)
        complete = stack is not None and stack.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
        return complete and stack.parameters == parameters and self._template() == template

    def _template(self):
        """Returns the deployed template as it was sent, or None if it is not JSON."""
        found = self.cloudformation.get_template(StackName=self.name, TemplateStage="Original")
        return differences.parsed(found["TemplateBody"])

    def check_settled(self):
        """Returns the stack or None. Refuses one that is being changed or that must be repaired first."""
        stack = find_stack(self.account, self.name)
        if stack is None or stack.status == "REVIEW_IN_PROGRESS" or stack.status in NEVER_CREATED:
            return stack
        if stack.status.endswith("_IN_PROGRESS"):
            raise Problem(
                f"the stack {self.name} is being changed ({stack.status}). Wait until it ends and run this again"
            )
        if stack.status.endswith("_FAILED"):
            repair = REPAIRS.get(stack.status, "roll it back")
            raise Problem(
                f"the stack {self.name} is in the state {stack.status}. Open it in the CloudFormation console and {repair},"
                " then run this again"
            )
        return stack

    def _settled(self):
        """Returns the stack, or None if it must be created. Removes what a failed creation has left."""
        stack = self.check_settled()
        if stack is None or stack.status == "REVIEW_IN_PROGRESS":
            return None
        if stack.status in NEVER_CREATED:
            self.console.say(
                f"The stack {self.name} was never created to the end ({stack.status}). It is deleted first."
            )
            self.delete()
            return None
        return stack

    def _earlier(self, stack):
        """Returns template and parameters before the update. The zips of the template stay in the artifact bucket."""
        if stack is None:
            return None
        text = self._template_text()
        key = _key_before(text)
        self.artifacts.upload(key, text.encode())
        return {"template": key, "parameters": stack.parameters}

    def _template_text(self):
        body = self.cloudformation.get_template(StackName=self.name, TemplateStage="Original")["TemplateBody"]
        return body if isinstance(body, str) else json.dumps(body)

    def uses_bucket(self, name):
        """Whether the deployed template names a bucket."""
        stack = find_stack(self.account, self.name)
        return stack is not None and stack.was_created() and name in self._template_text()

    def is_as_deployed(self, stack, deployed):
        """Whether the stack still has the template and the parameters of a deployment."""
        template = self._template()
        digest = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()
        return stack.parameters == deployed["parameters"] and digest == deployed["template"]

    def is_as_before(self, stack, earlier):
        """Whether the stack has its earlier template and parameters, because the update failed or was reverted."""
        return stack.parameters == earlier["parameters"] and _key_before(self._template_text()) == earlier["template"]

    def restore(self, earlier):
        """Updates the stack to its earlier template and parameters. Returns whether something was changed."""
        began = time.time()
        try:
            self.cloudformation.update_stack(
                StackName=self.name,
                TemplateURL=f"{self.artifacts.url}/{earlier['template']}",
                Parameters=_listed(earlier["parameters"]),
                Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            )
        except ClientError as error:
            if any(words in error.response["Error"]["Message"] for words in NO_CHANGES):
                return False
            raise
        self._wait("restoring", began)
        return True

    def _prepared(self, change_set, stack):
        """Returns the changes of the change set, or None if there is nothing to change."""
        while True:
            described = self.cloudformation.describe_change_set(StackName=self.name, ChangeSetName=change_set)
            if described["Status"] == "CREATE_COMPLETE":
                break
            if described["Status"] == "FAILED":
                reason = described.get("StatusReason", "no reason given")
                if stack and any(words in reason for words in NO_CHANGES):
                    return None
                raise Problem(f"CloudFormation refused the template or a parameter. Nothing was changed. {reason}")
            time.sleep(POLL_SECONDS)
        changes = described.get("Changes", [])
        while token := described.get("NextToken"):
            described = self.cloudformation.describe_change_set(
                StackName=self.name, ChangeSetName=change_set, NextToken=token
            )
            changes = changes + described.get("Changes", [])
        return [change["ResourceChange"] for change in changes]

    def _discard(self, change_set, stack):
        """Deletes a change set, and the empty stack that was made for it."""
        try:
            self.cloudformation.delete_change_set(StackName=self.name, ChangeSetName=change_set)
            if stack is not None:
                return
            # Another administrator may have created the stack meanwhile.
            now = find_stack(self.account, self.name)
            if now is not None and now.status == "REVIEW_IN_PROGRESS":
                self.cloudformation.delete_stack(StackName=self.name)
        except (ClientError, BotoCoreError):
            # The stack that remains has no resources, and the next run uses it again.
            pass

    def _wait(self, verb, began):
        """Waits until the stack has settled."""
        try:
            with self.console.step(f"{verb} the stack {self.name}"):
                while self._is_busy(verb, stack := find_stack(self.account, self.name)):
                    time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            self.console.say(f"AWS goes on with {verb} the stack {self.name}. Wait until it ends before the next command.")
            raise
        status = stack.status if stack else "DELETE_COMPLETE"
        if status == "DELETE_COMPLETE" if verb == "deleting" else status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            return
        reasons = self._reasons(stack, began) if stack else ["Somebody has deleted the stack meanwhile"]
        if status in NEVER_CREATED and verb == "creating":
            # Nothing is left half done: the next run starts from nothing.
            self.cloudformation.delete_stack(StackName=self.name)
        found = "\n  ".join(reasons) or "See the stack's events in the CloudFormation console"
        outcome = " and was rolled back" if status.endswith("ROLLBACK_COMPLETE") else ""
        raise Problem(f"{verb} the stack failed ({status}){outcome}:\n  {found}")

    @staticmethod
    def _is_busy(verb, stack):
        if stack is None:
            return False
        # A deletion that was accepted may not have begun.
        unbegun = verb == "deleting" and not stack.status.startswith("DELETE_")
        return unbegun or stack.status.endswith("_IN_PROGRESS")

    def _reasons(self, stack, began):
        """Returns the first failures. Later ones only say that the resource was cancelled."""
        reasons = []
        for page in self.cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack.id):
            for event in page["StackEvents"]:
                if event["Timestamp"].timestamp() < began - 60:
                    return reasons[::-1][:3]
                reason = event.get("ResourceStatusReason", "")
                if event["ResourceStatus"].endswith("_FAILED") and "cancelled" not in reason:
                    reasons.append(f"{event['LogicalResourceId']}: {reason}")
        return reasons[::-1][:3]


def _listed(parameters):
    """Returns parameters as CloudFormation takes them."""
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]


def _key_before(text):
    """Returns the place of an earlier template in the artifact bucket."""
    return f"{hashlib.sha256(text.encode()).hexdigest()}/template-before"


def _refuse_losses(changes):
    """Refuses an update by which recordings, messages, secrets or addresses would be lost."""
    for change in changes:
        name, kind = change["LogicalResourceId"], change["ResourceType"]
        if _is_replaced(change) and kind in LASTING_TYPES:
            raise Problem(
                f"CloudFormation would replace {name} ({kind}), and what it holds or its address would be lost. Nothing was"
                ' changed. docs/OPERATIONS.md ("Decide on day one") lists what cannot be changed in a deployed stack'
            )


def _lines(changes):
    """Returns the lines that describe the changes."""
    return sorted(
        f"{change['Action']}: {change['LogicalResourceId']}"
        f" ({change['ResourceType']}{', replaced' if _is_replaced(change) else ''})"
        for change in changes
    )


def _is_replaced(change):
    return change.get("Replacement") == "True"
