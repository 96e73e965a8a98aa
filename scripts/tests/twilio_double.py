"""A double of Twilio's account, TaskRouter, Flex configuration and plugin endpoints."""

import base64
import copy
import json
import urllib.parse

from support import ACCOUNT, API_KEY, AUTH_TOKEN, WORKSPACE, server
from task_router_double import TaskRouterDouble

from recording_vault.twilio import Bases, Client


class TwilioDouble:
    """Keeps its state in plain attributes. `faults` maps a method and the end of a path to an answer of its own."""

    def __init__(self, configuration=None):
        self.configuration = {"account_sid": ACCOUNT, "date_updated": "2026-01-01T00:00:00Z"} | (configuration or {})
        # Every request, as a method and a path.
        self.requests = []
        self.written = []
        self.writes = 0
        self.faults = {}
        self.workspace_list = [{"sid": WORKSPACE, "friendly_name": "Flex Task Assignment"}]
        self.recording_list = [{"sid": "RE" + "0" * 31 + "1", "status": "completed"}]
        # What the Auth Token finds out about the API key, and what the key may not do.
        self.key_policy = None
        self.task_router = TaskRouterDouble()
        self.plugin_list = []
        self.version_list = {}
        self.plugin_configurations = {}
        self.releases = []
        # The values that Twilio keeps of those that it is sent.
        self.keep = lambda sent: sent

    def answer(self, method, path, headers, body):
        """Answers one request."""
        parts = urllib.parse.urlsplit(path)
        self.requests.append((method, parts.path))
        for (on, end), fault in self.faults.items():
            if method == on and parts.path.endswith(end):
                return fault
        credential = base64.b64decode(headers.get("Authorization", "Basic ").removeprefix("Basic ")).decode()
        master = credential == f"{ACCOUNT}:{AUTH_TOKEN}"
        if not master and credential != ":".join(API_KEY):
            return problem(401, 20003, "Authenticate")
        if parts.path in (f"/2010-04-01/Accounts/{ACCOUNT}.json", "/v1/Configuration") and not master:
            return problem(401, 20003, "Authenticate")
        if parts.path == f"/2010-04-01/Accounts/{ACCOUNT}.json":
            return 200, {}, {"sid": ACCOUNT, "friendly_name": "Test", "status": "active"}
        if parts.path == f"/2010-04-01/Accounts/{ACCOUNT}/Recordings.json":
            return 200, {}, {"recordings": self.recording_list}
        if parts.path.startswith(f"/2010-04-01/Accounts/{ACCOUNT}/Recordings/RE"):
            return 200, {"Content-Type": "audio/x-wav"}, b""
        if parts.path == "/v1/Workspaces":
            return 200, {}, {"workspaces": self.workspace_list}
        if parts.path.startswith(f"/v1/Workspaces/{WORKSPACE}/"):
            path = parts.path.removeprefix(f"/v1/Workspaces/{WORKSPACE}/")
            return self.task_router.answer(method, path, parts.query, body)
        if parts.path == f"/v1/Keys/{API_KEY[0]}" and master:
            return 200, {}, {"sid": API_KEY[0], "friendly_name": "vault", "policy": self.key_policy}
        if parts.path == "/v1/Configuration":
            return self._configuration(method, body)
        if parts.path.startswith("/v1/PluginService/"):
            return self._plugin_service(method, parts.path.removeprefix("/v1/PluginService/"), body)
        return problem(404, 20404, "The requested resource was not found")

    def _configuration(self, method, body):
        if method == "POST":
            sent = json.loads(body)
            self.written.append(sent)
            self.writes += 1
            # Twilio replaces the properties that were sent, and changes the time.
            self.configuration |= self.keep(copy.deepcopy(sent)) | {"date_updated": f"write {self.writes}"}
        return 200, {}, self.configuration

    def _plugin_service(self, method, path, body):
        form = urllib.parse.parse_qs(body.decode())
        match (method, path.split("/")):
            case ("GET", ["Plugins"]):
                return 200, {}, {"plugins": self.plugin_list}
            case ("GET", ["Plugins", plugin, "Versions"]):
                return 200, {}, {"plugin_versions": self.version_list.get(plugin, [])}
            case ("GET", ["Releases", "active"]):
                if not self.releases:
                    return problem(404, 20404, "not found")
                return 200, {}, {"sid": f"FK{len(self.releases)}", "configuration_sid": self.releases[-1]}
            case ("GET", ["Configurations", sid, "Plugins"]):
                return 200, {}, {"plugins": self.plugin_configurations[sid], "meta": {"next_page_url": None}}
            case ("POST", ["Configurations"]):
                sid = f"FJ{len(self.plugin_configurations):032x}"
                chosen = [json.loads(entry) for entry in form.get("Plugins", [])]
                self.plugin_configurations[sid] = [self.configured(entry) for entry in chosen]
                return 201, {}, {"sid": sid, "name": form["Name"][0]}
            case ("POST", ["Releases"]):
                self.releases.append(form["ConfigurationId"][0])
                return 201, {}, {"sid": f"FK{len(self.releases)}", "configuration_sid": self.releases[-1]}
        return problem(404, 20404, "not found")

    def configured(self, entry):
        """Returns a plugin version as Twilio lists it in a configuration."""
        versions = ((plugin, version) for plugin, all_of in self.version_list.items() for version in all_of)
        plugin, version = next(pair for pair in versions if pair[1]["sid"] == entry["plugin_version"])
        name = next(known["unique_name"] for known in self.plugin_list if known["sid"] == plugin)
        return {
            "plugin_sid": plugin,
            "plugin_version_sid": version["sid"],
            "unique_name": name,
            "version": version["version"],
            "phase": entry["phase"],
        }

    def add_plugin(self, number, name, *versions):
        """Adds a plugin with versions. Returns the SIDs of the versions."""
        plugin = f"FP{number:032x}"
        self.plugin_list.append({"sid": plugin, "unique_name": name})
        sids = [f"FV{number:030x}{index:02x}" for index, _ in enumerate(versions)]
        self.version_list[plugin] = [
            {"sid": sid, "version": version, "archived": False} for sid, version in zip(sids, versions, strict=True)
        ]
        return sids

    def served(self):
        """Serves the double. Gives its base URL."""
        return server(self.answer)


def problem(status, code, message):
    """Returns an error as Twilio answers it."""
    return status, {}, {"code": code, "message": message, "status": status}


def master_client(base):
    """Returns a client with the Auth Token."""
    return Client(Bases(api=base, taskrouter=base, flex_api=base), ACCOUNT, ACCOUNT, AUTH_TOKEN)


def key_client(base):
    """Returns a client with the API key."""
    return Client(Bases(api=base, taskrouter=base, flex_api=base), ACCOUNT, *API_KEY)
