"""TaskRouter's queues, workflows and tasks of one workspace, as far as the proof needs them."""

import json

from .twilio import PAGE, TwilioError, listed, with_key

# The workers of a queue are those for whom the expression is true.
NOBODY = "1==2"

# Each kind, and its key in lists.
QUEUES, WORKFLOWS, TASKS = ("TaskQueues", "task_queues"), ("Workflows", "workflows"), ("Tasks", "tasks")


class TaskRouter:
    """The workspace under one credential."""

    def __init__(self, client, workspace):
        self._client, self._workspace = client, workspace

    def create_queue(self, name):
        """Creates a queue without workers. Returns its SID."""
        form = [("FriendlyName", name), ("TargetWorkers", NOBODY)]
        return self._created("create a task queue", QUEUES, form)

    def create_workflow(self, name, queue):
        """Creates a workflow whose tasks all go to this queue. Returns its SID."""
        configuration = {"task_routing": {"filters": [], "default_filter": {"queue": queue}}}
        form = [("FriendlyName", name), ("Configuration", json.dumps(configuration))]
        return self._created("create a workflow", WORKFLOWS, form)

    def create_task(self, workflow, attributes):
        """Creates a task in a workflow. Returns its SID."""
        form = [("WorkflowSid", workflow), ("Attributes", json.dumps(attributes))]
        return self._created("create a task", TASKS, form)

    def cancel(self, task, reason):
        """Cancels a task that no worker has accepted."""
        self._ask("cancel a task", TASKS, f"/{task}", [("AssignmentStatus", "canceled"), ("Reason", reason)])

    def change_attributes(self, task, attributes):
        """Replaces the attributes of a task."""
        self._ask("change a task", TASKS, f"/{task}", [("Attributes", json.dumps(attributes))])

    def attributes(self, task):
        """Returns the attributes of a task as text."""
        operation = "read a task"
        return with_key("attributes", operation, self._ask(operation, TASKS, f"/{task}"))["attributes"]

    def named(self, kind, name):
        """Returns the SIDs of the queues or workflows with this name."""
        return self._sids(kind, f"?FriendlyName={name.replace(' ', '%20')}&PageSize={PAGE}")

    def tasks_of(self, workflow):
        """Returns the SIDs of the tasks in a workflow."""
        return self._sids(TASKS, f"?WorkflowSid={workflow}&PageSize={PAGE}")

    def delete(self, kind, sid):
        """Deletes a queue, workflow or task, unless it is gone."""
        try:
            self._ask(f"delete {sid}", kind, f"/{sid}", method="DELETE")
        except TwilioError as error:
            if error.status != 404:
                raise

    def _created(self, operation, kind, form):
        return with_key("sid", operation, self._ask(operation, kind, "", form))["sid"]

    def _sids(self, kind, query):
        path, key = kind
        operation = f"list {path}"
        return [one["sid"] for one in listed(operation, self._ask(operation, kind, query), key, "sid")]

    def _ask(self, operation, kind, rest, form=None, method=None):
        return self._client.taskrouter(operation, f"{self._workspace}/{kind[0]}{rest}", form, method)
