"""The answers: from flags, from a file, and from at most five questions."""

import json
import pathlib
import re
import tomllib
from dataclasses import dataclass, field

from .parameters import problem_of
from .problems import WrongInput

ACCOUNT_SID = re.compile(r"AC[0-9a-fA-F]{32}")

# The keys of the answers file. `parameters` is a table of the template's parameters.
KEYS = ("account", "workspace", "alarm_email", "region", "retention_days", "parameters")

EXAMPLE = """# answers.toml. It contains no secrets.
account = "AC..."                 # the Twilio account
workspace = "Flex Task Assignment"  # its name or its SID
alarm_email = "ops@example.com"   # empty for none
region = "eu-central-1"
retention_days = 0                # days until recordings are deleted; 0 for never

[parameters]                      # any parameter of the template
FlexOrigins = "https://flex.twilio.com"
"""


@dataclass
class Answers:
    """The administrator's decisions. None means that there is no decision yet."""

    account: str | None = None
    workspace: str | None = None
    alarm_email: str | None = None
    region: str | None = None
    retention_days: str | None = None
    parameters: dict = field(default_factory=dict)

    def template_parameters(self, workspace_sid):
        """Returns the answers as parameters of the template."""
        chosen = {"TwilioAccountSid": self.account, "TwilioWorkspaceSid": workspace_sid}
        if self.alarm_email is not None:
            chosen["AlarmEmail"] = self.alarm_email
        if self.retention_days is not None:
            chosen["DeleteRecordingsAfterDays"] = self.retention_days
        return chosen | {name: _text(value) for name, value in self.parameters.items()}


def collect(chosen, existing=None):
    """Returns the answers of the flags, of the file, and of the deployed stack, in this order of precedence."""
    from_file = _read(chosen.answers) if chosen.answers else {}
    flags = {name: getattr(chosen, name, None) for name in KEYS if name != "parameters"}
    flags["parameters"] = _pairs(chosen.parameter or [])
    answers = Answers()
    for name in KEYS[:-1]:
        value = flags[name] if flags[name] is not None else from_file.get(name)
        setattr(answers, name, None if value is None else _text(value))
    answers.parameters = from_file.get("parameters", {}) | flags["parameters"]
    deployed = existing or {}
    answers.account = answers.account or deployed.get("TwilioAccountSid")
    answers.workspace = answers.workspace or deployed.get("TwilioWorkspaceSid")
    return answers


def ask_missing(answers, console, deployed, declared):
    """Asks what neither flags nor the file say. A deployed stack keeps its alarm address and its retention.

    `declared` are the template's declarations of the parameters, by which an answer is checked at once.
    """

    def checked(name):
        return lambda text: problem_of(name, declared[name], text)

    if answers.account is None:
        answers.account = console.ask("Twilio Account SID (AC...)", check=_account_problem)
    elif problem := _account_problem(answers.account):
        raise WrongInput(problem)
    if deployed or not console.interactive:
        return
    if answers.workspace is None:
        # The only workspace of an account needs no name.
        answers.workspace = console.ask("TaskRouter workspace of Flex, its name or SID (empty if there is only one)")
    if answers.alarm_email is None:
        answers.alarm_email = console.ask(
            "Email address for alarms (empty for none)", check=checked("AlarmEmail")
        )
    if answers.retention_days is None:
        answers.retention_days = console.ask(
            "Days until recordings are deleted (0 for never)", "0", checked("DeleteRecordingsAfterDays")
        )


def _account_problem(text):
    if ACCOUNT_SID.fullmatch(text):
        return None
    return "the Account SID is AC and 32 hexadecimal digits. The console's first page shows it"


def _read(path):
    try:
        # Editors on Windows write a byte order mark.
        text = pathlib.Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise WrongInput(f"the answers file {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise WrongInput(f"the answers file {path} is not UTF-8 text. Save it as UTF-8") from None
    try:
        document = json.loads(text) if str(path).endswith(".json") else tomllib.loads(text)
    except ValueError as error:
        raise WrongInput(f"the answers file {path} is not valid: {error}") from None
    if not isinstance(document, dict):
        raise WrongInput(f"the answers file {path} must have names and values")
    unknown = sorted(document.keys() - set(KEYS))
    if unknown:
        raise WrongInput(f"the answers file {path} has unknown names: {', '.join(unknown)}. Known: {', '.join(KEYS)}")
    if not isinstance(document.get("parameters", {}), dict):
        raise WrongInput(f"`parameters` of {path} must be a table of names and values")
    answers = {name: value for name, value in document.items() if name != "parameters" and value is not None}
    values = answers | document.get("parameters", {})
    wrong = sorted(name for name, value in values.items() if not isinstance(value, (str, int, float)))
    if wrong:
        raise WrongInput(f"the answers file {path} must have a text or a number for {', '.join(wrong)}")
    return document


def _pairs(texts):
    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise WrongInput(f"--parameter {text} is not NAME=VALUE")
        pairs[name] = value
    return pairs


def _text(value):
    """Returns a value as CloudFormation has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
