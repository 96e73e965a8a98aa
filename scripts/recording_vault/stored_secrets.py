"""The secrets: asked for without echo or read from standard input, verified by one harmless call, and stored in AWS."""

import json
import re
import sys
import uuid

from .problems import Problem, WrongInput
from .twilio import Client, TwilioError

CURRENT = "AWSCURRENT"

# The names of the secrets on standard input, and their prompts.
PROMPTS = {
    "api_key_sid": "SID of a Twilio API key (SK...; Twilio's console creates one: Account, API keys, type Standard)",
    "api_key_secret": "Secret of the API key",
    "auth_token": "Twilio's Auth Token. AWS Secrets Manager stores it, to verify that callbacks come from Twilio",
    "flex_auth_token": "Twilio's Auth Token once more, to change Flex. Nothing stores it for this",
    "flex_token": "Flex token of a signed-in supervisor (empty to skip the playback checks)",
}

# A SID is no secret, and is shown while it is typed.
PUBLIC = ("api_key_sid",)

API_KEY_SID = re.compile(r"SK[0-9a-fA-F]{32}")


class Secrets:
    """Secrets of this run. They are kept in memory only as long as the step needs them."""

    def __init__(self, console, from_stdin=False):
        self.console = console
        self._given = _read(sys.stdin) if from_stdin else {}
        self._from_stdin = from_stdin

    def get(self, name, optional=False):
        """Returns a secret from standard input or from a prompt without echo."""
        if name in self._given or self._from_stdin:
            value = self._given.get(name, "")
        elif optional and not self.console.interactive:
            value = ""
        elif name in PUBLIC and self.console.interactive:
            value = self.console.ask(PROMPTS[name])
        else:
            value = self.console.secret(PROMPTS[name])
        if not value and not optional:
            raise WrongInput(f"{name} is missing: {PROMPTS[name]}")
        return value


def _read(stream):
    try:
        document = json.load(stream)
    except ValueError:
        document = None
    if not isinstance(document, dict) or not all(isinstance(value, str) for value in document.values()):
        raise WrongInput(f"standard input must be one JSON object with texts: {', '.join(PROMPTS)}")
    unknown = sorted(document.keys() - PROMPTS.keys())
    if unknown:
        raise WrongInput(f"standard input has unknown names: {', '.join(unknown)}. Known: {', '.join(PROMPTS)}")
    # A secret from a file often ends with a newline. Twilio's have no spaces.
    return {name: value.strip() for name, value in document.items()}


def verified_api_key(bases, account, secrets):
    """Returns the API key and a client with it, after one call that only reads."""
    sid, secret = secrets.get("api_key_sid"), secrets.get("api_key_secret")
    if not API_KEY_SID.fullmatch(sid):
        raise WrongInput("the SID of an API key is SK and 32 hexadecimal digits. The Account SID is not an API key")
    client = Client(bases, account, sid, secret)
    try:
        with secrets.console.step("verifying the API key"):
            client.recordings(1)
    except TwilioError as error:
        raise Problem(
            f"Twilio did not accept the API key for the recordings of {account}. Create a standard API key in this account"
            f" and region (console, Account, API keys). {error}"
        ) from None
    return {"sid": sid, "secret": secret}, client


def verified_auth_token(bases, account, token):
    """Returns a client with the Account SID and the Auth Token, after one call that only reads."""
    client = Client(bases, account, account, token)
    try:
        client.fetch_account()
    except TwilioError as error:
        raise Problem(
            f"Twilio did not accept the Auth Token of {account}. Copy it again from the console. {error}"
        ) from None
    return client


class Store:
    """Secrets Manager."""

    def __init__(self, account):
        self.client = account.client("secretsmanager")

    def has_value(self, arn):
        """Whether the secret has a value. The value itself is not read."""
        return self._current(arn) is not None

    def put(self, arn, value, *, journal):
        """Stores a new value. `journal(version, earlier)` keeps the versions' ids before the write."""
        version = str(uuid.uuid4())
        journal(version, self._current(arn))
        self.client.put_secret_value(SecretId=arn, ClientRequestToken=version, SecretString=json.dumps(value))

    def undo(self, arn, version, earlier, console):
        """Makes the earlier value the current one if ours still is. Returns whether something was changed."""
        try:
            current = self._current(arn)
        except self.client.exceptions.ResourceNotFoundException:
            return False
        if current != version:
            console.say("Secret: kept, because it was changed since")
            return False
        if earlier is None:
            console.say(
                "Secret: kept. It had no value before, and AWS cannot remove the only one. It goes with the stack"
            )
            return False
        self.client.update_secret_version_stage(
            SecretId=arn, VersionStage=CURRENT, MoveToVersionId=earlier, RemoveFromVersionId=version
        )
        console.say("Secret: back to the earlier value")
        return True

    def _current(self, arn):
        versions = self.client.describe_secret(SecretId=arn).get("VersionIdsToStages", {})
        return next((version for version, stages in versions.items() if CURRENT in stages), None)
