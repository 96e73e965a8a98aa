"""The deployment of a release by CloudFormation, and its undo."""

import hashlib
import json
import time
import uuid

from . import differences
from .aws import ClientError, find_stack
from .problems import Problem

POLL_SECONDS = 3

# A stack that was never created to the end. It must be deleted before it can be created again.
NEVER_CREATED = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED")

# CloudFormation's words for a change set without changes.
NO_CHANGES = ("didn't contain changes", "No updates are to be performed", "no changes")


class Deployment:
    """One stack in one account, deployed from an artifact bucket."""

    def __init__(self, account, artifacts, name, console):
        self.account, self.artifacts, self.name, self.console = account, artifacts, name, console
        self.cloudformation = account.client("cloudformation")

    def deploy(self, release, architecture, parameters, *, journal):
        """Creates or updates the stack. Returns whether something was changed.

        `journal(created, earlier)` keeps what is needed to undo it, before the stack is changed.
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
        if stack is None:
            return differences.resources(None, template, {}, parameters)
        deployed = self._template()
        if deployed is None:
            return [
                "The deployed template is not JSON and is replaced as a whole. CloudFormation compares the resources"
            ]
        return differences.resources(deployed, template, stack.parameters, parameters) or ["no resource changes by its template"]

    def apply(self, template, parameters, uses_macros, journal=lambda *_: None):
        """Creates or updates the stack from a packaged template."""
        stack = self._settled()
        body = json.dumps(template, sort_keys=True).encode()
        key = f"{hashlib.sha256(body).hexdigest()}/template.json"
        self.artifacts.upload(key, body)
        change_set = f"setup-{uuid.uuid4()}"
        self.cloudformation.create_change_set(
            StackName=self.name,
            ChangeSetName=change_set,
            ChangeSetType="UPDATE" if stack else "CREATE",
            TemplateURL=f"{self.artifacts.url}/{key}",
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM"] + ["CAPABILITY_AUTO_EXPAND"] * uses_macros,
        )
        with self.console.step("comparing the template with the stack"):
            changes = self._prepared(change_set, stack)
        if changes is None:
            self.console.say("Stack: nothing to change")
            return False
        journal(stack is None, self._earlier(stack))
        for change in changes:
            self.console.say(f"  {change}")
        began = time.time()
        self.cloudformation.execute_change_set(StackName=self.name, ChangeSetName=change_set)
        self._wait("creating" if stack is None else "updating", began)
        return True

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

    def _settled(self):
        """Returns the stack, or None if it must be created. Removes what a failed creation has left."""
        stack = find_stack(self.account, self.name)
        if stack is None or stack.status == "REVIEW_IN_PROGRESS":
            return None
        if stack.status in NEVER_CREATED:
            self.console.say(
                f"The stack {self.name} was never created to the end ({stack.status}). It is deleted first."
            )
            self.delete()
            return None
        if stack.status.endswith("_IN_PROGRESS"):
            raise Problem(
                f"the stack {self.name} is being changed ({stack.status}). Wait until it ends and run this again"
            )
        if stack.status.endswith("_FAILED"):
            raise Problem(
                f"the stack {self.name} is in the state {stack.status}. Open it in the CloudFormation console and choose"
                ' "Continue update rollback", then run this again'
            )
        return stack

    def _earlier(self, stack):
        """Returns template and parameters before the update. The zips of the template stay in the artifact bucket."""
        if stack is None:
            return None
        body = self.cloudformation.get_template(StackName=self.name, TemplateStage="Original")["TemplateBody"]
        text = body if isinstance(body, str) else json.dumps(body)
        key = f"{hashlib.sha256(text.encode()).hexdigest()}/template-before"
        self.artifacts.upload(key, text.encode())
        return {"template": key, "parameters": stack.parameters}

    def restore(self, earlier):
        """Updates the stack to its earlier template and parameters. Returns whether something was changed."""
        parameters = [{"ParameterKey": name, "ParameterValue": value} for name, value in earlier["parameters"].items()]
        began = time.time()
        try:
            self.cloudformation.update_stack(
                StackName=self.name,
                TemplateURL=f"{self.artifacts.url}/{earlier['template']}",
                Parameters=parameters,
                Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            )
        except ClientError as error:
            if any(words in error.response["Error"]["Message"] for words in NO_CHANGES):
                return False
            raise
        self._wait("restoring", began)
        return True

    def _prepared(self, change_set, stack):
        """Returns the lines that describe the change set, or None if there is nothing to change."""
        while True:
            described = self.cloudformation.describe_change_set(StackName=self.name, ChangeSetName=change_set)
            if described["Status"] == "CREATE_COMPLETE":
                break
            if described["Status"] == "FAILED":
                self._discard(change_set, stack)
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
        lines = []
        for change in changes:
            resource = change["ResourceChange"]
            replaced = ", replaced" if resource.get("Replacement") == "True" else ""
            lines.append(
                f"{resource['Action']}: {resource['LogicalResourceId']} ({resource['ResourceType']}{replaced})"
            )
        return sorted(lines)

    def _discard(self, change_set, stack):
        """Deletes a change set, and the empty stack that was made for it."""
        try:
            if stack is None:
                self.cloudformation.delete_stack(StackName=self.name)
            else:
                self.cloudformation.delete_change_set(StackName=self.name, ChangeSetName=change_set)
        except ClientError:
            # The stack that remains has no resources, and the next run uses it again.
            pass

    def _wait(self, verb, began):
        """Waits until the stack has settled."""
        with self.console.step(f"{verb} the stack {self.name}"):
            while True:
                stack = find_stack(self.account, self.name)
                if stack is None or not stack.status.endswith("_IN_PROGRESS"):
                    break
                time.sleep(POLL_SECONDS)
        status = stack.status if stack else "DELETE_COMPLETE"
        if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE") or (verb == "deleting" and status == "DELETE_COMPLETE"):
            return
        reasons = self._reasons(stack, began) if stack else []
        if status in NEVER_CREATED and verb == "creating":
            # Nothing is left half done: the next run starts from nothing.
            self.cloudformation.delete_stack(StackName=self.name)
        found = "\n  ".join(reasons) or "See the stack's events in the CloudFormation console"
        raise Problem(f"{verb} the stack failed ({status}) and was rolled back:\n  {found}")

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
