"""The checks that the setup makes before it changes anything."""

from dataclasses import asdict, dataclass

from .aws import ClientError
from .problems import Problem, WrongInput
from .twilio import TwilioError

GOOD, NOTE, BAD, UNKNOWN = "ok", "note", "bad", "not checked"

# Lambda refuses reserved concurrency that leaves less than this to the account.
LEAST_QUOTA = 10

HOSTED = "flex.twilio.com"


@dataclass
class Finding:
    """The result of one check."""

    subject: str
    status: str
    text: str

    def line(self):
        """Returns the finding as one line."""
        return f"  {self.status:<11}  {self.subject}: {self.text}"


def aws_findings(account, account_id, arn, policy):
    """Checks the AWS account. Returns the findings and Lambda's quota, or None."""
    findings = [Finding("AWS identity", GOOD, f"{arn} in the account {account_id}")]
    quota, finding = concurrency(account)
    return [*findings, finding, rights(account, arn, policy)], quota


def region(name, without_urls):
    """Checks that the Region has function URLs."""
    if name in without_urls:
        text = f"{name} has no Lambda function URLs, which playback needs. Choose another Region with --region"
        return Finding("Region", BAD, text)
    return Finding("Region", GOOD, f"{name} has Lambda function URLs")


def concurrency(account):
    """Checks Lambda's quota."""
    try:
        limit = account.client("lambda").get_account_settings()["AccountLimit"]
    except ClientError as error:
        return None, Finding(
            "Lambda's concurrency", UNKNOWN, f"{error.response['Error']['Code']}. The usual 1,000 are assumed"
        )
    quota = limit["ConcurrentExecutions"]
    free = limit.get("UnreservedConcurrentExecutions", quota)
    text = f"{quota}, of which {free} are not reserved by other functions"
    if free < LEAST_QUOTA:
        return quota, Finding("Lambda's concurrency", BAD, f"{text}. Ask AWS for more (Service Quotas, Lambda)")
    if quota < 100:
        return quota, Finding("Lambda's concurrency", NOTE, f"{text}. Ask AWS for 1,000 before many agents use it")
    return quota, Finding("Lambda's concurrency", GOOD, text)


def rights(account, arn, policy):
    """Asks IAM whether the identity may do what the deployer's policy lists, on resources of this stack."""
    denied, asked = [], 0
    try:
        for actions, resources in _simulated(policy):
            asked += len(actions)
            request = {"PolicySourceArn": principal(arn), "ActionNames": actions, "ResourceArns": resources}
            for page in account.client("iam").get_paginator("simulate_principal_policy").paginate(**request):
                results = page["EvaluationResults"]
                denied += [result["EvalActionName"] for result in results if result["EvalDecision"] != "allowed"]
    except ClientError as error:
        text = f"IAM did not simulate them ({error.response['Error']['Code']}). `--policies` prints the least policy"
        return Finding("AWS rights", UNKNOWN, text)
    if denied:
        text = f"{len(denied)} of {asked} may be missing, for example {', '.join(sorted(denied)[:3])}"
        # A simulation does not know the conditions of all policies. The deployment is therefore tried in any case.
        return Finding("AWS rights", NOTE, f"{text}. `--policies` prints the least policy")
    return Finding("AWS rights", GOOD, f"all {asked}, as IAM simulates them")


def _simulated(policy):
    """Returns actions with an example of a resource. Statements with a condition cannot be simulated without a request."""
    for statement in policy["Statement"]:
        if "Condition" in statement:
            continue
        actions, resources = statement["Action"], statement["Resource"]
        actions = [action for action in ([actions] if isinstance(actions, str) else actions) if "*" not in action]
        resources = [resources] if isinstance(resources, str) else resources
        yield actions, [one if one == "*" else one.replace("*", "x") for one in resources]


def principal(arn):
    """Returns the role of a session, which is what IAM simulates."""
    parts = arn.split(":", 5)
    kind, _, rest = parts[5].partition("/")
    if kind != "assumed-role":
        return arn
    return f"{parts[0]}:{parts[1]}:iam::{parts[4]}:role/{rest.split('/')[0]}"


def api_key_kind(client):
    """Says whether the API key can do more than it needs."""
    try:
        client.fetch_account()
    except TwilioError as error:
        if error.status in (401, 403):
            return Finding("Twilio API key", GOOD, "accepted. It cannot administer the account")
        raise
    text = "accepted, but it is a main key, which can administer the account. A standard key is enough"
    return Finding("Twilio API key", NOTE, text)


def workspace(client, wanted):
    """Finds the workspace by its SID or its name. Returns its SID and the finding."""
    workspaces = client.workspaces()
    matching = [one for one in workspaces if wanted in (one["sid"], one["friendly_name"])]
    if not wanted and len(workspaces) == 1:
        matching = workspaces
    if len(matching) != 1:
        names = ", ".join(f"{one['friendly_name']} ({one['sid']})" for one in workspaces) or "none"
        found = f"no TaskRouter workspace {wanted}" if wanted else "no workspace was named"
        advice = "Name one with --workspace"
        if len(matching) > 1:
            found, advice = f"{len(matching)} workspaces are named {wanted}", "Name one by its SID with --workspace"
        raise WrongInput(f"{found}. The account has: {names}. {advice}")
    [one] = matching
    return one["sid"], Finding("TaskRouter workspace", GOOD, f"{one['friendly_name']} ({one['sid']})")


def recording(client):
    """Returns the newest completed recording, or None, and the finding."""
    completed = [one["sid"] for one in client.recordings(20) if one.get("status") == "completed"]
    if not completed:
        text = "the account has none yet, so that the proof without a real call is not possible"
        return None, Finding("Test recording", NOTE, text)
    return completed[0], Finding("Test recording", GOOD, f"{completed[0]}, the newest one")


def flex(client, origins):
    """Checks Flex with the Auth Token. `origins` are the stack's FlexOrigins."""
    configuration = client.flex_configuration()
    findings = [Finding("Flex", GOOD, f"set up, Flex UI {configuration.get('ui_version') or 'unpinned'}")]
    enabled = configuration.get("call_recording_enabled")
    findings.append(Finding("Call Recording in the console", GOOD, "on" if enabled else "off"))
    host = (configuration.get("runtime_domain") or f"https://{HOSTED}").removeprefix("https://").rstrip("/")
    if f"https://{host}" in origins.split(","):
        findings.append(Finding("Flex's origin", GOOD, f"https://{host}"))
    else:
        text = f"Flex is served from https://{host}, which is not in FlexOrigins ({origins}). Its Player would get no reply"
        findings.append(Finding("Flex's origin", BAD, f"{text}. Set FlexOrigins in the answers file"))
    # The API has no field that says whether Insights is on.
    text = "open Flex in the browser and look for Insights. Twilio's API does not say whether it is on"
    findings.append(Finding("Flex Insights", UNKNOWN, text))
    findings.append(_plugins(client))
    return findings


def _plugins(client):
    from .flex_plugins import active

    try:
        _, plugins = active(client)
    except Problem as problem:
        return Finding("Flex plugins", UNKNOWN, str(problem))
    names = ", ".join(f"{plugin['unique_name']}@{plugin['version']}" for plugin in plugins) or "none"
    return Finding("Flex plugins", GOOD, f"active: {names}")


def require(findings, console):
    """Prints the findings, and ends if one of them is bad."""
    for finding in findings:
        console.say(finding.line())
    bad = [finding for finding in findings if finding.status == BAD]
    if bad:
        raise Problem("; ".join(f"{finding.subject}: {finding.text}" for finding in bad))


def documents(findings):
    """Returns the findings for --json."""
    return [asdict(finding) for finding in findings]
