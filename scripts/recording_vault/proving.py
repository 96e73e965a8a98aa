"""The steps of `prove`: what is measured from outside, what the functions logged about it, and what Twilio answers."""

import contextlib
import time

from . import function_log, measurements, slow_reader, twilio_answers
from .problems import Problem

# The lines of a recording's link are searched for this long.
CALL_DAYS = 14

# After the function's timeout, its last words and its end are on the way for some time.
MARGIN_S = 5


class Proof:
    """One run. `document` grows with each step."""

    def __init__(self, console, recording):
        self.console, self.recording = console, recording
        self.began = time.time()
        self.slow_links = {}
        self.document = {
            "recording": recording,
            "measuredAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.began)),
        }

    def outside(self, provider, empty_recording=None):
        """Measures playback from outside."""
        with self.console.step("requesting links"):
            self.link, self.link_samples = measurements.links(provider)
        with self.console.step("requesting ranges"):
            self.document["link"] = {"latency": measurements.latency(self.link_samples)}
            self.media_samples = measurements.first_bytes(self.link)
            media = self.document["media"] = measurements.media(self.link)
            media["firstByte"] = measurements.latency(self.media_samples)
            self.probes, self.document["arrival"] = measurements.arrival(self.link, media["length"])
            self.refused = measurements.refused_plus(self.link)
            self.document["bodies"] = measurements.bodies(self.link, media["length"])
            if empty_recording:
                self.document["bodies"]["emptyRecording"] = measurements.empty_recording(provider, empty_recording)

    def slowly(self, provider, seconds, requested, timeout=None):
        """Reads slowly for some seconds, and with a timeout once more until the function's timeout ends the reply."""
        with self.console.step(f"reading slowly for {seconds} s"):
            self._read_slowly("slowReader", provider, seconds, requested)
        if timeout:
            bound = timeout + MARGIN_S
            with self.console.step(f"reading slowly until the function's timeout ends the reply, for {bound} s"):
                self._read_slowly("abort", provider, bound, to_the_end=True)

    def _read_slowly(self, field, provider, seconds, requested=None, to_the_end=False):
        # A link of its own, by which the reply's lines are found.
        link, sample = provider.link()
        self.slow_links[field] = sample.link_id
        self.document[field] = slow_reader.read(link, seconds, requested, to_the_end)

    def logged(self, log):
        """Adds what the playback function logged about these requests."""
        with self._reading(log.name):
            link, media = self.document["link"], self.document["media"]
            found = function_log.temperatures(log, self.began, self.recording, self.link_samples)
            if not found["coldMs"] and not found["warmMs"]:
                self.console.say(f"  The log group {log.name} has no line about these requests.")
                return
            link["cold"] = found
            media["cold"] = function_log.temperatures(log, self.began, self.recording, self.media_samples)
            self._arrived(log)
            for field, link_id in self.slow_links.items():
                self._held(log, field, link_id)

    @contextlib.contextmanager
    def _reading(self, names):
        """A step that reads log groups. If AWS refuses it, the measurements from outside are kept."""
        from . import aws

        try:
            with self.console.step(f"reading the log groups {names}"):
                yield
        except aws.ClientError as error:
            self.console.say(f"  {aws.explained(error)}")

    def _arrived(self, log):
        arrival = self.document["arrival"]
        first = self.probes["secFetchDest"]
        link_id = measurements.link_id(self.link)
        logged = function_log.fetch_destination(log, self.began, self.recording, link_id, first)
        if logged:
            sent = measurements.AUDIO["Sec-Fetch-Dest"]
            arrival["secFetchDest"] = {"unchanged": logged == sent, "sent": sent, "logged": logged}
        if self.refused:
            arrival["plus"]["arrivedAs"] = function_log.plus(log, self.began, self.refused)

    def _held(self, log, field, link_id):
        function, begin, end = function_log.held(log, self.began, self.recording, link_id)
        self.document[field]["function"] = function
        if field == "abort" and end:
            lines = function_log.last_metrics(log, begin, end)
            self.document["emf"] = {"lines": lines, "outcome": function["outcome"]}

    def called(self, groups):
        """Adds whether the callback of the recording named its task."""
        since = self.began - CALL_DAYS * 24 * 3600
        with self._reading(", ".join(group.name for group in groups)):
            found = [function_log.task_from(group, since, self.recording) for group in groups]
            self.document["callbacks"] = {"taskFrom": next((one for one in found if one), None)}

    def twilio_media(self, bases, account, api_key):
        """Adds how Twilio serves the recording."""
        with self.console.step("requesting Twilio's media"):
            self.document["twilioMedia"] = twilio_answers.media(bases.api, account, api_key, self.recording)

    def tokens(self, places, secrets):
        """Adds which of Twilio's endpoints accept the Flex token, with which credential."""
        with self.console.step("asking Twilio about the Flex token"):
            self.document["tokens"] = twilio_answers.tokens(places, secrets)

    def flex_configuration(self, client, webhook_url):
        """Adds whether Flex has the stack's webhook."""
        with self.console.step("reading Flex's configuration"):
            try:
                found = twilio_answers.flex_configuration(client, webhook_url)
            except Problem as problem:
                # What was measured before is kept.
                found = {"error": str(problem)}
        self.document["flexConfiguration"] = found
