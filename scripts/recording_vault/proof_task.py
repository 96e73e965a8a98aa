"""The task of the proof: it gets the link of a recording, and is removed with its queue and its workflow.

The service links a task after a worker has accepted it, or when it has ended. No worker is offered this one: its queue has
no workers, and it is canceled at once.
"""

import contextlib
import json
import time

from .problems import Problem
from .task_router import QUEUES, TASKS, WORKFLOWS
from .twilio import TwilioError

# Everything with this name in the workspace belongs to a proof.
NAME = "Recording Vault proof"
ATTRIBUTES = {"recording_vault_proof": True}

# From the callback to the link.
LINK_BOUND_S = 90
PAUSE_S = 2

# Twilio may need a moment until a workflow counts as empty.
DELETIONS = 4

PURPOSE = f"""  A task in the TaskRouter workspace shows whether the service links recordings. No agent is offered it: its queue has no
  workers, and it is canceled at once. Task, queue and workflow are named "{NAME}", and are removed
  afterwards. Flex Insights may count the task as an abandoned conversation."""
REMOVED = "  The task, its queue and its workflow are removed from the workspace."


class NotChecked(Exception):
    """Why the proof goes on without a task."""


def obstacle(parameters):
    """Returns why a recording must not be linked to a task of the proof, or None."""
    if parameters.get("DeleteOriginalAfter"):
        return "DeleteOriginalAfter is set, and the link would schedule the deletion of the recording's original at Twilio"
    return None


@contextlib.contextmanager
def prepared(router, console):
    """Makes a task, and gives its SID. Always removes it, and everything that an earlier proof has left.

    Raises NotChecked if Twilio does not let the API key make it.
    """
    try:
        _remove_everything(router)
    except TwilioError as error:
        raise _not_checked(error) from None
    console.say(PURPOSE)
    try:
        yield _made(router)
    finally:
        # By name, because an interrupted request may have made something whose SID is not known.
        try:
            if _remove_everything(router):
                console.say(REMOVED)
        except Problem as problem:
            console.say(
                f"  {problem}. In Twilio's console, delete the workflow and the task queue named {NAME} (TaskRouter,"
                " Workspaces), or run the setup again, which removes them"
            )


def wait_for_link(router, task, expected):
    """Waits until the task has the link. `expected` are the playback address, the recording and LinkMode."""
    until = time.monotonic() + LINK_BOUND_S
    while True:
        found, problem = None, None
        try:
            found = link_of(router.attributes(task), expected.mode)
        except Problem as error:
            problem = error
        if found or time.monotonic() > until:
            break
        time.sleep(PAUSE_S)
    assert found, f"no link after {LINK_BOUND_S} seconds. {problem or 'The log of the linker function says why'}"
    assert expected.leads_here(found), "the link leads elsewhere than to this stack's playback of the recording"


class Expected:
    """The link that the task must get."""

    def __init__(self, playback_url, recording, mode):
        self.base, self.recording, self.mode = playback_url.rstrip("/"), recording, mode

    def leads_here(self, link):
        """Whether the link is this stack's, and plays the recording."""
        if self.mode == "segment-link":
            return link.startswith(f"{self.base}/") and self.recording in link.partition("?")[0].split("/")
        return link == f"{self.base}/media-url?recordingSid={self.recording}"


def link_of(attributes, mode):
    """Returns the link in a task's attributes, or None. The task is new, so that it has no other one."""
    try:
        conversations = json.loads(attributes)["conversations"]
        link = conversations["segment_link"] if mode == "segment-link" else conversations["media"][0]["url_provider"]
    except (ValueError, TypeError, LookupError):
        return None
    return link if isinstance(link, str) else None


def _made(router):
    try:
        queue = router.create_queue(NAME)
        workflow = router.create_workflow(NAME, queue)
        task = router.create_task(workflow, {})
        router.cancel(task, NAME)
        # The service does the same later.
        router.change_attributes(task, ATTRIBUTES)
    except TwilioError as error:
        raise _not_checked(error) from None
    return task


def _remove_everything(router):
    """Removes everything that proofs have made. Returns whether there was something."""
    found = False
    for workflow in router.named(WORKFLOWS, NAME):
        for task in router.tasks_of(workflow):
            _remove(router, TASKS, task)
        _remove(router, WORKFLOWS, workflow)
        found = True
    for queue in router.named(QUEUES, NAME):
        _remove(router, QUEUES, queue)
        found = True
    return found


def _remove(router, kind, sid):
    for left in reversed(range(DELETIONS)):
        try:
            return router.delete(kind, sid)
        except TwilioError:
            if not left:
                raise
        time.sleep(PAUSE_S)


def _not_checked(error):
    """Returns the reason, unless Twilio may answer otherwise in a minute."""
    if error.status in (401, 403):
        return NotChecked("the API key may not create task queues, workflows and tasks. A Standard key may")
    if 400 <= error.status < 500 and error.status != 429:
        return NotChecked(str(error))
    return error
