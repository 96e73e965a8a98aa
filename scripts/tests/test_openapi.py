"""The requests of the client and the answers of the double, against Twilio's OpenAPI descriptions."""

import unittest
import urllib.parse

import openapi
from support import WORKSPACE, server
from twilio_double import TwilioDouble, master_client

from recording_vault.task_router import QUEUES, TASKS, WORKFLOWS, TaskRouter

# They are in Twilio's documentation and in its other clients, but not in these descriptions.
UNDESCRIBED = (
    "/v1/PluginService/Releases/active",
    "/v1/PluginService/Configurations/",
    f"/v1/Workspaces/{WORKSPACE}/TaskQueues",
    f"/v1/Workspaces/{WORKSPACE}/Workflows",
)


class Descriptions(unittest.TestCase):
    def setUp(self):
        self.seen = []
        self.double = TwilioDouble()
        [version] = self.double.add_plugin(1, "recording-vault", "0.1.0")
        client = master_client(self.enterContext(server(self.answer)))
        self.calls = [
            client.fetch_account,
            lambda: client.recordings(20),
            client.workspaces,
            client.flex_configuration,
            lambda: client.change_flex_configuration({"account_sid": "AC1", "call_recording_enabled": True}),
            client.plugins,
            lambda: client.plugin_versions("FP" + "0" * 31 + "1"),
            lambda: client.create_plugin_configuration("name", [(version, 3)]),
            lambda: client.release(next(iter(self.double.plugin_configurations))),
            client.active_release,
            lambda: client.configured_plugins(next(iter(self.double.plugin_configurations))),
            *self.calls_of_the_task_router(TaskRouter(client, WORKSPACE)),
        ]

    def calls_of_the_task_router(self, router):
        """The calls in an order in which each succeeds. The double counts the SIDs from 1."""
        queue, workflow, task = (f"{prefix}{number:032x}" for number, prefix in enumerate(("WQ", "WW", "WT"), start=1))
        return [
            lambda: router.create_queue("name"),
            lambda: router.create_workflow("name", queue),
            lambda: router.create_task(workflow, {}),
            lambda: router.cancel(task, "reason"),
            lambda: router.change_attributes(task, {"a": 1}),
            lambda: router.attributes(task),
            lambda: router.named(QUEUES, "name"),
            lambda: router.named(WORKFLOWS, "name"),
            lambda: router.tasks_of(workflow),
            lambda: router.delete(TASKS, task),
            lambda: router.delete(WORKFLOWS, workflow),
            lambda: router.delete(QUEUES, queue),
        ]

    def answer(self, method, path, headers, body):
        answered = self.double.answer(method, path, headers, body)
        self.seen.append((method, path, headers["Content-Type"], body.decode(), answered))
        return answered

    def test_requests_and_answers_are_as_described(self):
        if not openapi.available():
            return
        for call in self.calls:
            call()
        self.assertEqual(len(self.seen), len(self.calls))
        described = [self.check(*exchange) for exchange in self.seen]
        self.assertEqual(described.count(False), 8)

    def check(self, method, path, content_type, body, answered):
        """Checks one exchange. Returns whether it is described."""
        parts = urllib.parse.urlsplit(path)
        found = openapi.operation(method, parts.path)
        if found is None:
            self.assertTrue(parts.path.startswith(UNDESCRIBED), path)
            return False
        name, operation = found
        parameters = {one["name"] for one in operation.get("parameters", []) if one["in"] == "query"}
        self.assertLessEqual(set(urllib.parse.parse_qs(parts.query)), parameters)
        if body:
            schema = operation["requestBody"]["content"][content_type]["schema"]
            if content_type.endswith("urlencoded"):
                names = set(urllib.parse.parse_qs(body))
                self.assertLessEqual(names, set(schema["properties"]))
                self.assertLessEqual(set(schema.get("required", [])), names)
        status, _, document = answered
        if status == 204:
            self.assertEqual(document, b"")
            self.assertNotIn("content", operation["responses"]["204"])
            return True
        content = operation["responses"][str(status)]["content"]["application/json"]
        self.check_document(name, content["schema"], document)
        return True

    def check_document(self, name, schema, document):
        schema = openapi.resolved(name, schema)
        for key, value in document.items():
            self.assertIn(key, schema["properties"], document)
            inner = openapi.resolved(name, schema["properties"][key])
            items = openapi.resolved(name, inner.get("items", {}))
            for entry in value if isinstance(value, list) and "properties" in items else []:
                self.check_document(name, items, entry)


if __name__ == "__main__":
    unittest.main()
