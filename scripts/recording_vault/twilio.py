"""Twilio's APIs, as far as the setup needs them."""

import http.client
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request

from .http_basic import WITHOUT_REDIRECTS, basic
from .problems import Problem, WrongInput, unreachable

TIMEOUT_S = 30

# The most entries of one list. An account has fewer workspaces and plugins.
PAGE = 1000

# The variables of the functions, the parameters of the template, and the hosts of US1.
BASES = {
    "api": ("TWILIO_API_BASE", "TwilioApiBase", "https://api.twilio.com"),
    "taskrouter": ("TWILIO_TASKROUTER_BASE", "TwilioTaskRouterBase", "https://taskrouter.twilio.com"),
    "flex_api": ("TWILIO_FLEX_API_BASE", "TwilioFlexApiBase", "https://flex-api.twilio.com"),
    "iam": ("TWILIO_IAM_BASE", "TwilioIamBase", "https://iam.twilio.com"),
}

# Credentials go only to Twilio, or to a local stack.
ALLOWED_BASE = re.compile(r"https://[a-z0-9.-]+\.twilio\.com|http://(127\.0\.0\.1|localhost)(:\d+)?")


class TwilioError(Problem):
    """An answer of Twilio that is not a success."""

    def __init__(self, operation, status, answer):
        self.status = status
        code = answer.get("code") if isinstance(answer, dict) else None
        message = answer.get("message") if isinstance(answer, dict) else None
        # Twilio's messages name fields and resources. A URL in one could have a query string.
        message = re.sub(r"\?\S*", "?...", message) if isinstance(message, str) else "no message"
        super().__init__(f"Twilio refused to {operation}: {status}, code {code}: {message}. {_advice(status)}")


class Bases:
    """The base URLs of Twilio's APIs: from flags, the environment, the deployed stack, or the hosts of US1."""

    def __init__(self, deployed=None, **given):
        for name, (variable, parameter, default) in BASES.items():
            found = given.get(name) or os.environ.get(variable)
            # A local stack has one address for all APIs. Nothing of it goes to Twilio, whose hosts are in the parameters.
            local = getattr(self, "api", "").startswith("http://")
            if not local:
                found = found or (deployed or {}).get(parameter)
            setattr(self, name, checked_base(found or (self.api if local else default)))

    def parameters(self):
        """Returns the bases as parameters of the template, which accepts only hosts of Twilio."""
        bases = {parameter: getattr(self, name) for name, (_, parameter, _) in BASES.items()}
        return {parameter: base for parameter, base in bases.items() if base.startswith("https://")}


def checked_base(base):
    """Returns a base URL without a slash at its end, if credentials may be sent there."""
    base = base.rstrip("/")
    if not ALLOWED_BASE.fullmatch(base):
        raise WrongInput(f"{base} is not a base URL of Twilio: https://, a host under twilio.com, and no path")
    return base


class Client:
    """Twilio's API under one credential: an API key, or the Account SID with the Auth Token."""

    def __init__(self, bases, account, user, password):
        self.bases, self.account = bases, account
        self._credential = basic(user, password)

    def fetch_account(self):
        """Returns the account. Only the Auth Token or a main API key may read it."""
        return self._ask("read the account", f"{self.bases.api}/2010-04-01/Accounts/{self.account}.json")

    def recordings(self, limit):
        """Returns the newest recordings of the account."""
        url = f"{self.bases.api}/2010-04-01/Accounts/{self.account}/Recordings.json?PageSize={limit}"
        return listed("list recordings", self._ask("list recordings", url), "recordings", "sid")

    def workspaces(self):
        """Returns the TaskRouter workspaces of the account."""
        url = f"{self.bases.taskrouter}/v1/Workspaces?PageSize={PAGE}"
        operation = "list the TaskRouter workspaces"
        return listed(operation, self._ask(operation, url), "workspaces", "sid", "friendly_name")

    def tasks(self, workspace):
        """Returns the first task of a workspace in a list, or an empty list."""
        url = f"{self.bases.taskrouter}/v1/Workspaces/{workspace}/Tasks?PageSize=1"
        return listed("list tasks", self._ask("list tasks", url), "tasks")

    def taskrouter(self, operation, path, form=None, method=None):
        """Sends a request about the workspace that begins the path. Returns the answer, which is empty after a deletion."""
        return self._ask(operation, f"{self.bases.taskrouter}/v1/Workspaces/{path}", form=form, method=method)

    def check_media(self, recording):
        """Asks for the length of a recording's audio, without the audio. Returns the status of the answer."""
        url = f"{self.bases.api}/2010-04-01/Accounts/{self.account}/Recordings/{recording}.wav"
        request = urllib.request.Request(url, headers=self._credential, method="HEAD")
        status, _ = _send("read a recording", request)
        if status in (401, 403):
            raise TwilioError("read a recording", status, None)
        return status

    def key(self, sid):
        """Returns the description of an API key. Only the Auth Token may read it."""
        return self._ask("read the API key's description", f"{self.bases.iam}/v1/Keys/{sid}")

    def flex_configuration(self):
        """Returns the configuration of Flex."""
        return self._ask("read Flex's configuration", f"{self.bases.flex_api}/v1/Configuration")

    def change_flex_configuration(self, change):
        """Sends some properties of Flex's configuration. Twilio leaves the others as they are."""
        url = f"{self.bases.flex_api}/v1/Configuration"
        return self._ask("change Flex's configuration", url, document=change)

    def plugins(self):
        """Returns the Flex plugins of the account."""
        operation = "list the Flex plugins"
        return listed(operation, self._plugin_service(operation, f"Plugins?PageSize={PAGE}"), "plugins", "sid", "unique_name")

    def plugin_versions(self, plugin):
        """Returns the versions of a plugin."""
        path = f"Plugins/{plugin}/Versions?PageSize={PAGE}"
        operation = "list the plugin's versions"
        return listed(operation, self._plugin_service(operation, path), "plugin_versions", "sid", "version")

    def active_release(self):
        """Returns the active release of Flex plugins, or None if no plugin was ever released."""
        operation = "read the active plugin release"
        try:
            return with_key("configuration_sid", operation, self._plugin_service(operation, "Releases/active"))
        except TwilioError as error:
            if error.status == 404:
                return None
            raise

    def configured_plugins(self, configuration):
        """Returns the plugin versions of a plugin configuration."""
        path = f"Configurations/{configuration}/Plugins?PageSize={PAGE}"
        operation = "read the active plugins"
        answer = self._plugin_service(operation, path)
        if (answer.get("meta") or {}).get("next_page_url"):
            raise Problem(
                f"the plugin configuration has more than {PAGE} plugins, which this command cannot carry over"
            )
        return listed(operation, answer, "plugins", "plugin_version_sid", "unique_name", "version")

    def create_plugin_configuration(self, name, plugins):
        """Creates a plugin configuration. `plugins` are pairs of a plugin version's SID and its phase."""
        entries = [json.dumps({"plugin_version": version, "phase": phase}) for version, phase in plugins]
        form = [("Name", name), *(("Plugins", entry) for entry in entries)]
        operation = "create a plugin configuration"
        return with_key("sid", operation, self._plugin_service(operation, "Configurations", form))

    def release(self, configuration):
        """Makes a plugin configuration the active one."""
        form = [("ConfigurationId", configuration)]
        return self._plugin_service("release the plugin configuration", "Releases", form)

    def _plugin_service(self, operation, path, form=None):
        return self._ask(operation, f"{self.bases.flex_api}/v1/PluginService/{path}", form=form)

    def _ask(self, operation, url, document=None, form=None, method=None):
        headers = self._credential | {"Accept": "application/json"}
        body = None
        if document is not None:
            headers["Content-Type"], body = "application/json", json.dumps(document).encode()
        elif form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urllib.parse.urlencode(form).encode()
        status, answer = _send(operation, urllib.request.Request(url, data=body, headers=headers, method=method))
        if not 200 <= status < 300:
            raise TwilioError(operation, status, answer)
        if status == 204:
            return {}
        if not isinstance(answer, dict):
            raise _not_described(operation, "not JSON")
        return answer


def listed(operation, answer, name, *keys):
    """Returns a list of the answer whose entries have these keys."""
    entries = answer.get(name)
    if not isinstance(entries, list) or not all(isinstance(one, dict) and one.keys() >= set(keys) for one in entries):
        raise _not_described(operation)
    return entries


def with_key(key, operation, answer):
    """Returns the answer if it has this key."""
    if key not in answer:
        raise _not_described(operation)
    return answer


def _not_described(operation, words="not what its documentation describes"):
    return Problem(
        f"Twilio's answer to the request to {operation} is {words}. A proxy may have answered in its place. Try again later"
    )


def _send(operation, request):
    try:
        try:
            reply = WITHOUT_REDIRECTS.open(request, timeout=TIMEOUT_S)
        except urllib.error.HTTPError as refusal:
            reply = refusal
        with reply:
            return reply.status, _json(reply.read())
    except (OSError, http.client.HTTPException) as error:
        raise Problem(f"Twilio at {request.host} could not be reached to {operation}: {unreachable(error)}") from None


def _json(body):
    try:
        return json.loads(body)
    except ValueError:
        return None


def _advice(status):
    if status == 401:
        return "Check the SID and the secret, and that both belong to this account and region"
    if status == 403:
        return "The credential lacks this permission"
    if status == 404:
        return "Check the account. Is Flex set up in it?"
    if status == 429 or status >= 500:
        return "Run the command again in a minute"
    return "See Twilio's error code at https://www.twilio.com/docs/api/errors"
