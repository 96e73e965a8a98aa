"""A double of TaskRouter's queues, workflows and tasks."""

import json
import urllib.parse

KEYS = {"TaskQueues": "task_queues", "Workflows": "workflows", "Tasks": "tasks"}
PREFIXES = {"TaskQueues": "WQ", "Workflows": "WW", "Tasks": "WT"}


class TaskRouterDouble:
    """Keeps its resources by kind and SID. It refuses to delete what is in use."""

    def __init__(self):
        self.kept = {kind: {} for kind in KEYS}
        self.created = 0
        # Answers in place of the double's own, by method and kind.
        self.faults = {}

    def names(self):
        """Returns the names of everything, for a test that expects nothing."""
        return [one.get("friendly_name", one["sid"]) for kind in self.kept.values() for one in kind.values()]

    def link(self, task, provider):
        """Adds a link to a task, as the linker does."""
        self._add(task, {"media": [{"type": "VoiceRecording", "url_provider": provider}]})

    def segment_link(self, task, link):
        """The same in the mode segment-link."""
        self._add(task, {"segment_link": link})

    def _add(self, task, conversations):
        kept = self.kept["Tasks"][task]
        kept["attributes"] = json.dumps(json.loads(kept["attributes"]) | {"conversations": conversations})

    def answer(self, method, path, query, body):
        """Answers a request about a path below the workspace."""
        kind, _, sid = path.partition("/")
        if (fault := self.faults.get((method, kind))) is not None:
            return fault
        form = dict(urllib.parse.parse_qsl(body.decode()))
        if kind not in KEYS or (sid and sid not in self.kept[kind]):
            return refusal(404, 20404, "The requested resource was not found")
        match (method, bool(sid)):
            case ("GET", False):
                return 200, {}, {KEYS[kind]: self._listed(kind, dict(urllib.parse.parse_qsl(query)))}
            case ("GET", True):
                return 200, {}, self.kept[kind][sid]
            case ("POST", False):
                return self._create(kind, form)
            case ("POST", True):
                return self._change(self.kept[kind][sid], form)
            case ("DELETE", True):
                return self._delete(kind, sid)
        return refusal(405, 20004, "Method not allowed")

    def _listed(self, kind, query):
        wanted = {"friendly_name": query.get("FriendlyName"), "workflow_sid": query.get("WorkflowSid")}
        wanted = {name: value for name, value in wanted.items() if value is not None}
        return [one for one in self.kept[kind].values() if wanted.items() <= one.items()]

    def _create(self, kind, form):
        self.created += 1
        sid = f"{PREFIXES[kind]}{self.created:032x}"
        if kind == "Tasks":
            made = {"workflow_sid": form["WorkflowSid"], "attributes": form["Attributes"], "assignment_status": "pending"}
        elif kind == "Workflows":
            made = {"friendly_name": form["FriendlyName"], "configuration": form["Configuration"]}
        else:
            made = {"friendly_name": form["FriendlyName"], "target_workers": form["TargetWorkers"]}
        self.kept[kind][sid] = {"sid": sid} | made
        return 201, {}, self.kept[kind][sid]

    def _change(self, task, form):
        if form.get("AssignmentStatus") == "canceled" and task["assignment_status"] == "pending":
            task["assignment_status"] = "canceled"
        elif "Attributes" in form and json.loads(form["Attributes"]) is not None:
            task["attributes"] = form["Attributes"]
        else:
            return refusal(400, 20001, "invalid")
        return 200, {}, task

    def _delete(self, kind, sid):
        used = [one["configuration"] for one in self.kept["Workflows"].values()]
        used += [one["workflow_sid"] for one in self.kept["Tasks"].values()]
        if any(sid in user for user in used):
            return refusal(400, 20001, "in use")
        del self.kept[kind][sid]
        return 204, {}, b""


def refusal(status, code, message):
    """Returns an error as Twilio answers it."""
    return status, {}, {"code": code, "message": message, "status": status}
