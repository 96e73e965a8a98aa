"""The dry run: every change of the setup as a difference. It only reads."""

from . import checks, flex_step
from .problems import DONE
from .proof_task import NAME
from .stored_secrets import Store, verified_auth_token

# The stack has no address before it exists.
FUTURE_WEBHOOK = "(the output CallRecordingWebhookUrl of the new stack)"


def show(run, release, account, values, auth_token):
    """Prints the differences. `auth_token` reads Flex's configuration if it was given. Returns the exit code."""
    run.console.say("Dry run: nothing is changed")
    _artifacts(run, release, values["Architecture"])
    _stack(run, release, values)
    _secrets(run, auth_token)
    if auth_token and not run.chosen.skip_proof:
        run.console.say(f"TaskRouter: the proof would make a task, a queue and a workflow named {NAME}, and remove them")
    if run.chosen.skip_flex:
        run.console.say("Flex: not changed, because of --skip-flex")
    else:
        _flex(run, account, values["FlexOrigins"], auth_token)
    return run.ended(DONE)


def _artifacts(run, release, architecture):
    _, files = release.packaged(run.artifacts.url, run.artifacts.name, architecture)
    with run.console.step("comparing the release with the bucket"):
        exists = run.artifacts.exists()
        missing = {key: body for key, body in files.items() if not (exists and run.artifacts.has(key))}
    lines = [] if exists else [f"+ {run.artifacts.name}"]
    lines += [f"+ {key.rpartition('/')[2]}, {len(body):,} bytes" for key, body in missing.items()]
    _lines(run, "artifacts", f"Bucket {run.artifacts.name} for the release", lines)


def _stack(run, release, values):
    with run.console.step("comparing the release with the stack"):
        lines = run.deployment.preview(release, values["Architecture"], values)
    verb = "updated" if run.existing else "created"
    _lines(run, "resources", f"Stack {run.chosen.stack}, which would be {verb}", lines)


def _secrets(run, auth_token):
    store, lines = Store(run.account), []
    names = ["ApiKeySecretArn"] + ["AuthTokenSecretArn"] * bool(auth_token)
    for name in names:
        if run.existing is None or not store.has_value(run.existing.output(name)):
            lines.append(f"+ {name}: a value")
        elif run.chosen.replace_secrets:
            lines.append(f"~ {name}: another value")
    _lines(run, "secrets", "Secrets", lines)


def _flex(run, account, origins, auth_token):
    token = auth_token or run.secrets.get("flex_auth_token", optional=True)
    if not token:
        run.console.say("Flex: its differences were not read, because no Auth Token was given")
        return
    twilio = verified_auth_token(run.bases, account, token)
    if not auth_token:
        checks.require(checks.flex(twilio, origins), run.console)
    webhook = run.existing.output("CallRecordingWebhookUrl") if run.existing else FUTURE_WEBHOOK
    flex_step.change(run, twilio, webhook)


def _lines(run, name, title, lines):
    run.console.say(f"{title}:")
    for line in lines or ["no change"]:
        run.console.say(f"  {line}")
    run.report[name] = lines
