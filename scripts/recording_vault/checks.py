"""The checks that the setup makes before it changes anything."""

from dataclasses import asdict, dataclass

from .aws import ClientError
from .flex_configuration import shown
from .problems import Problem, WrongInput
from .twilio import TwilioError

GOOD, NOTE, BAD, UNKNOWN = "ok", "note", "bad", "not checked"

# Lambda refuses reserved concurrency that leaves less than this to the account.
LEAST_QUOTA = 10

HOSTED = "flex.twilio.com"

RIGHTS = "AWS rights"


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
        source = _with_path(account, principal(arn))
        for actions, resources in _simulated(policy):
            asked += len(actions)
            request = {"PolicySourceArn": source, "ActionNames": actions, "ResourceArns": resources}
            for page in account.client("iam").get_paginator("simulate_principal_policy").paginate(**request):
                results = page["EvaluationResults"]
                denied += [result["EvalActionName"] for result in results if result["EvalDecision"] != "allowed"]
    except ClientError as error:
        code = error.response["Error"]["Code"]
        text = f"IAM did not simulate them ({code}; it needs iam:SimulatePrincipalPolicy). `--policies` prints the least policy"
        return Finding(RIGHTS, UNKNOWN, text)
    if denied:
        text = f"{len(denied)} of {asked} may be missing, for example {', '.join(sorted(denied)[:3])}"
        # A simulation does not know the conditions of all policies. The deployment is therefore tried in any case.
        return Finding(RIGHTS, NOTE, f"{text}. `--policies` prints the least policy")
    return Finding(RIGHTS, GOOD, f"all {asked}, as IAM simulates them")


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


def _with_path(account, arn):
    """Returns the ARN of a role with its path, which a session's ARN lacks. Roles of AWS's single sign-on have one."""
    _, _, name = arn.partition(":role/")
    if not name:
        return arn
    try:
        return account.client("iam").get_role(RoleName=name)["Role"]["Arn"]
    except ClientError:
        # Most other roles have no path.
        return arn


def api_key_kind(client):
    """Says whether the API key can do more than it needs."""
    try:
        client.fetch_account()
    except TwilioError as error:
        if error.status in (401, 403):
            text = "accepted. It cannot administer the account, so it is a Standard or a Restricted key"
            return Finding("Twilio API key", GOOD, text)
        raise
    text = "accepted, but it is a Main key, which can administer the account. A Standard key is enough"
    return Finding("Twilio API key", NOTE, text)


def api_key_reads(client, workspace_sid, recording_sid):
    """Tries what the functions read with the API key. What they write cannot be tried without a change."""
    refused, answered = [], {}
    attempts = {"tasks": lambda: client.tasks(workspace_sid)}
    if recording_sid:
        attempts["audio of recordings"] = lambda: client.check_media(recording_sid)
    for name, attempt in attempts.items():
        try:
            answered[name] = attempt()
        except TwilioError as error:
            if error.status not in (401, 403):
                raise
            refused.append(name)
    if refused:
        text = f"it may not read the {' and the '.join(refused)}. Use a Standard key, or add these permissions to the key"
        return Finding("API key's permissions", BAD, text)
    if (status := answered.get("audio of recordings", 0)) and status >= 400:
        text = f"Twilio answered {status} to the request for the audio of {recording_sid}, so that it was not tried"
        return Finding("API key's permissions", NOTE, text)
    names = ", ".join(["recordings", "workspaces", *attempts])
    text = f"reads {names}. Its right to change tasks is not tried, because that would change one"
    return Finding("API key's permissions", GOOD, text)


def api_key_policy(client, sid):
    """Says with the Auth Token whether the API key is a Restricted one, and what it may do."""
    try:
        policy = client.key(sid).get("policy")
    except Problem:
        text = "Twilio did not say whether it is Standard or Restricted. The console shows it (Account, API keys)"
        return Finding("API key's kind", UNKNOWN, text)
    if not policy:
        return Finding("API key's kind", GOOD, "Twilio names no restrictions for it")
    allowed = policy.get("allow") if isinstance(policy, dict) else None
    listed = ", ".join(map(str, allowed)) if isinstance(allowed, list) else "permissions that this command cannot read"
    text = f"Restricted to {listed}. It also needs to update tasks, and to delete recordings if DeleteOriginalAfter is set"
    return Finding("API key's kind", NOTE, text)


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
    findings.append(_call_recording(configuration))
    # An origin has no path.
    host = (configuration.get("runtime_domain") or HOSTED).removeprefix("https://").partition("/")[0]
    if f"https://{host}" in origins.split(","):
        findings.append(Finding("Flex's origin", GOOD, f"https://{host}"))
    else:
        text = f"Flex is served from https://{host}, which is not in FlexOrigins ({origins}). Its Player would get no reply"
        flag = f"--parameter FlexOrigins={origins},https://{host}"
        findings.append(Finding("Flex's origin", BAD, f"{text}. Add {flag}, or set it in the answers file"))
    findings += [_insights(configuration), _plugins(client)]
    return findings


def without_auth_token():
    """Returns the finding about Flex if the Auth Token is not asked for before the deployment."""
    text = "only the Auth Token may read it. It is checked before the step that configures Flex"
    return Finding("Flex", UNKNOWN, text)


def _call_recording(configuration):
    enabled, webhook = configuration.get("call_recording_enabled"), configuration.get("call_recording_webhook_url")
    state = "on" if enabled else "off. The last step turns it on"
    to = f", callbacks go to {shown(webhook)}" if webhook else ""
    return Finding("Call Recording in the console", GOOD, f"{state}{to}")


def _insights(configuration):
    """Describes what Flex's configuration says about Insights. Twilio does not document flex_insights_hr in detail."""
    reporting = configuration.get("flex_insights_hr")
    enabled = reporting.get("enabled") if isinstance(reporting, dict) else None
    if enabled is True:
        return Finding("Flex Insights", GOOD, "on, as flex_insights_hr in Flex's configuration says")
    look = "Sign in to Flex and look for Insights in the side bar. Without it, there is no Player"
    if enabled is False:
        return Finding("Flex Insights", NOTE, f"off, as flex_insights_hr in Flex's configuration says. {look}")
    return Finding("Flex Insights", UNKNOWN, f"Flex's configuration does not say whether it is on. {look}")


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
