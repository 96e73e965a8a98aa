"""The task of the proof: what is made, what the callback names, and that nothing is left."""

import unittest
from unittest import mock

from service_double import FLEX_TOKEN, ServiceDouble
from support import ACCOUNT, AUTH_TOKEN, RECORDING, WORKSPACE, RecordingConsole
from task_router_double import refusal
from twilio_double import TwilioDouble, key_client

from recording_vault import proof, proof_task
from recording_vault.problems import Problem
from recording_vault.task_router import TaskRouter

PLAYBACK = "https://play.example/"
OUTPUTS = {
    "CallbackUrl": "https://callback.example/recording-status-callback#rc=3&rp=all",
    "CallRecordingWebhookUrl": "https://callback.example/recording-status-callback?taskSid={taskSid}#rc=3&rp=all",
    "PlaybackBaseUrl": PLAYBACK,
}
PROVIDER = f"{PLAYBACK}media-url?recordingSid={RECORDING}"
ALL_CHECKS = 11


class Stack:
    """A deployed stack with these parameters."""

    def __init__(self, **parameters):
        self.parameters = {"TwilioAccountSid": ACCOUNT} | parameters

    def output(self, name):
        return OUTPUTS[name]


class Proof(unittest.TestCase):
    def setUp(self):
        self.twilio = TwilioDouble()
        self.routing = self.twilio.task_router
        self.router = TaskRouter(key_client(self.enterContext(self.twilio.served())), WORKSPACE)
        self.service = ServiceDouble()
        self.service.link = self.linked_to(PROVIDER)
        self.console = RecordingConsole()
        self.enterContext(mock.patch("smoke_test.ask", self.service.ask))
        for module in (proof, proof_task):
            self.enterContext(mock.patch.object(module, "PAUSE_S", 0.01))

    def linked_to(self, provider):
        """Returns what the linker does: it links a task that has ended, and no other one."""

        def link(task, _):
            self.assertEqual(self.routing.kept["Tasks"][task]["assignment_status"], "canceled")
            self.routing.link(task, provider)

        return link

    def prove(self, recording=RECORDING, flex_token=FLEX_TOKEN, signed_url=None, **parameters):
        """Returns the results by check. Afterwards, nothing of the proof may be left."""
        results, failed = proof.prove(
            self.console, Stack(**parameters), recording, AUTH_TOKEN, flex_token, self.router, signed_url
        )
        self.assertEqual(self.routing.names(), [])
        verdicts = {one["check"]: one["result"] for one in results}
        self.assertEqual(failed, sum(verdict.startswith("FAILED") for verdict in verdicts.values()))
        return verdicts

    def test_a_task_gets_the_link_and_is_removed(self):
        verdicts = self.prove()
        self.assertEqual(list(verdicts.values()), ["ok"] * ALL_CHECKS)
        self.assertIn(proof.LINKED, verdicts)
        self.assertIn("No agent is offered it", self.console.printed)
        self.assertIn(proof_task.REMOVED, self.console.printed)
        self.assertEqual(len(self.service.callbacks), 1)

    def test_no_worker_can_be_offered_the_task(self):
        seen = []
        self.service.link = lambda task, _: seen.append({kind: dict(kept) for kind, kept in self.routing.kept.items()})
        self.enterContext(mock.patch.object(proof_task, "LINK_BOUND_S", 0))
        self.prove()
        [kept] = seen
        ([queue], [workflow], [task]) = (list(kept[kind].values()) for kind in ("TaskQueues", "Workflows", "Tasks"))
        self.assertEqual((queue["target_workers"], queue["friendly_name"]), ("1==2", proof_task.NAME))
        self.assertIn(queue["sid"], workflow["configuration"])
        self.assertEqual((task["workflow_sid"], task["attributes"]), (workflow["sid"], '{"recording_vault_proof": true}'))

    def test_the_signature_covers_the_url_with_the_task(self):
        signed = "https://proxied.example/recording-status-callback"
        with mock.patch("smoke_test.Signer.headers", return_value={"X-Twilio-Signature": ""}) as headers:
            self.prove(signed_url=signed)
        [url] = {call.args[0] for call in headers.call_args_list}
        self.assertRegex(url, rf"^{signed}\?taskSid=WT[0-9a-f]{{32}}$")

    def test_without_a_flex_token_the_link_is_still_checked(self):
        verdicts = self.prove(flex_token=None)
        self.assertEqual(verdicts[proof.LINKED], "ok")
        self.assertEqual(len(verdicts), 4)

    def test_segment_links(self):
        link = f"{PLAYBACK}recordings/{RECORDING}?signature=Zz"
        self.service.link = lambda task, _: self.routing.segment_link(task, link)
        self.assertEqual(self.prove(LinkMode="segment-link")[proof.LINKED], "ok")
        for other in (link.replace("play.example", "elsewhere.example"), link.replace(RECORDING, "RE" + "f" * 32)):
            self.service.link = lambda task, _, other=other: self.routing.segment_link(task, other)
            self.assertRegex(self.prove(LinkMode="segment-link")[proof.LINKED], "FAILED: the link leads elsewhere")
        self.assertNotIn("signature=", self.console.printed)

    def test_a_link_to_another_stack_fails(self):
        self.service.link = self.linked_to(PROVIDER.replace("play.example", "elsewhere.example"))
        self.assertRegex(self.prove()[proof.LINKED], "FAILED: the link leads elsewhere")

    def test_a_link_that_never_arrives_fails_and_everything_is_removed(self):
        self.service.link = lambda task, recording: None
        self.enterContext(mock.patch.object(proof_task, "LINK_BOUND_S", 0.05))
        verdicts = self.prove()
        self.assertRegex(verdicts[proof.LINKED], "FAILED: no link after .* The log of the linker function")
        self.assertEqual(list(verdicts.values()).count("ok"), ALL_CHECKS - 1)

    def test_after_a_refused_callback_no_link_is_awaited(self):
        self.service.auth_token = "another"
        self.assertNotIn(proof.LINKED, self.prove(flex_token=None))

    def test_a_key_without_the_rights_is_no_failure(self):
        for method, kind in (("GET", "Workflows"), ("POST", "TaskQueues"), ("POST", "Workflows"), ("POST", "Tasks")):
            for status in (401, 403):
                with self.subTest(method=method, kind=kind, status=status):
                    self.routing.faults = {(method, kind): refusal(status, 20003, "no")}
                    verdicts = self.prove()
                    self.assertRegex(verdicts[proof.LINKED], "not checked: the API key may not create.*Standard key")
                    self.assertEqual(len(verdicts), ALL_CHECKS)
        self.routing.faults = {("POST", "Tasks"): refusal(400, 20001, "invalid")}
        self.assertRegex(self.prove()[proof.LINKED], "not checked: Twilio refused to create a task: 400")

    def test_a_twilio_that_fails_ends_the_proof(self):
        self.routing.faults = {("POST", "Tasks"): refusal(503, 20503, "unavailable")}
        with self.assertRaisesRegex(Problem, "create a task: 503.*again in a minute"):
            self.prove()
        self.assertEqual(self.routing.names(), [])

    def test_an_original_that_a_link_would_delete_gets_none(self):
        verdicts = self.prove(DeleteOriginalAfter="7200")
        self.assertRegex(verdicts[proof.LINKED], "not checked: DeleteOriginalAfter is set")
        self.assertEqual(self.routing.created, 0)
        self.assertEqual(list(verdicts.values()).count("ok"), ALL_CHECKS - 1)

    def test_without_a_recording_nothing_is_made(self):
        self.assertNotIn(proof.LINKED, self.prove(recording=None, flex_token=None))
        self.assertEqual(self.routing.created, 0)

    def test_ctrl_c_removes_everything(self):
        def interrupt(*_):
            raise KeyboardInterrupt

        with self.subTest("while the link is awaited"):
            with mock.patch.object(self.router, "attributes", interrupt), self.assertRaises(KeyboardInterrupt):
                self.prove()
            self.assertEqual((self.routing.names(), self.routing.created), ([], 3))
        with self.subTest("after Twilio has made something, and before the answer is read"):
            made = self.router.create_workflow
            with mock.patch.object(self.router, "create_workflow", lambda *given: interrupt(made(*given))):
                with self.assertRaises(KeyboardInterrupt):
                    self.prove()
            self.assertEqual((self.routing.names(), self.routing.created), ([], 5))
        self.assertIn(proof_task.REMOVED, self.console.printed)

    def test_the_next_proof_removes_what_a_killed_one_left(self):
        left = self.router.create_workflow(proof_task.NAME, self.router.create_queue(proof_task.NAME))
        self.router.create_task(left, {})
        theirs = self.router.create_workflow("Theirs", self.router.create_queue("Their queue"))
        kept = {"TaskQueues": 1, "Workflows": 1, "Tasks": 1}
        self.router.create_task(theirs, {})
        proof.prove(self.console, Stack(), RECORDING, AUTH_TOKEN, FLEX_TOKEN, self.router)
        self.assertEqual({kind: len(found) for kind, found in self.routing.kept.items()}, kept)
        self.assertEqual(next(iter(self.routing.kept["Workflows"])), theirs)

    def test_what_cannot_be_removed_is_named(self):
        def refuse_deletions(task, _):
            self.routing.link(task, PROVIDER)
            self.routing.faults = {("DELETE", "Workflows"): refusal(403, 20003, "no")}

        self.service.link = refuse_deletions
        results, failed = proof.prove(self.console, Stack(), RECORDING, AUTH_TOKEN, FLEX_TOKEN, self.router)
        self.assertEqual((failed, len(results)), (0, ALL_CHECKS))
        self.assertRegex(self.console.printed, "refused to delete WW.*delete the workflow and the task queue named")
        self.assertNotIn(proof_task.REMOVED, self.console.printed)


if __name__ == "__main__":
    unittest.main()
