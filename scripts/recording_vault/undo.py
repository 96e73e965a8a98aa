"""The undo: reverts what the setup did, the last change first, from its own backup file."""

from . import aws, flex_configuration, flex_plugins
from .problems import DONE, WrongInput
from .stored_secrets import Store, verified_auth_token

# The values of ValidateTokensAs with which playback reads a secret that is deleted with the stack.
NEED_SECRETS = ("account", "api-key")


def undo(run):
    """Reverts the changes of the backup file, the last one first. Returns the exit code."""
    if not run.backup.entries:
        raise WrongInput(f"{run.backup.path} does not exist or is empty: nothing to undo. Name the file with --backup")
    _require_consent(run)
    twilio = None
    for entry in run.backup.newest_first():
        of_flex = entry["step"].startswith("flex")
        if of_flex and run.chosen.skip_flex:
            run.console.say(f"{entry['step']}: not reverted, because of --skip-flex. It stays in the backup file")
            continue
        if of_flex and twilio is None:
            account = entry["account"]
            twilio = verified_auth_token(run.bases, account, run.secrets.get("flex_auth_token"))
        _undo_one(run, entry, twilio)
        if not run.chosen.dry_run:
            run.backup.remove(entry)
    return run.ended(DONE)


def _require_consent(run):
    """Asks before the first change whether the stack may be deleted."""
    created = [entry for entry in run.backup.entries if entry["step"] == "stack" and entry["created"]]
    stack = aws.find_stack(run.account, run.chosen.stack) if created and not run.chosen.dry_run else None
    if stack and not all(_is_another(entry, stack) for entry in created):
        run.console.say(
            f"The stack {stack.name} will be deleted. AWS keeps the recordings, the keys, playback and the audit logs."
            " Messages that wait in queues are lost."
        )
        validation = stack.parameters.get("ValidateTokensAs")
        if validation in NEED_SECRETS:
            run.console.say(
                f"Playback will give no new links, because ValidateTokensAs={validation} needs a secret that goes with the"
                " stack. To avoid this, deploy with ValidateTokensAs=flex first."
            )
        run.console.consent(f"Delete the stack {stack.name}", run.chosen.consent)


def _undo_one(run, entry, twilio):
    dry_run, say = run.chosen.dry_run, run.console.say
    match entry["step"]:
        case "flex configuration":
            flex_configuration.undo(twilio, run.console, entry["webhook"], entry["earlier"], dry_run)
        case "flex plugin":
            flex_plugins.undo(twilio, run.console, entry["configuration"], entry["earlier"], dry_run)
        case "secret" if not dry_run:
            Store(run.account).undo(entry["arn"], entry["version"], entry["earlier"], run.console)
        case "stack":
            _undo_stack(run, entry, dry_run)
        case "artifact bucket":
            _undo_bucket(run, entry["bucket"], dry_run)
        case step:
            say(f"{step}: would be reverted")


def _undo_bucket(run, name, dry_run):
    bucket = run.bucket(name)
    users = bucket.other_stacks(run.chosen.stack)
    if not dry_run and run.deployment.uses_bucket(name):
        users.append(run.chosen.stack)
    if users:
        run.console.say(f"Artifact bucket: {name} is kept, because it has the releases of {', '.join(users)}")
    elif dry_run:
        run.console.say(f"Artifact bucket: {name} would be deleted")
    else:
        bucket.delete()
        run.console.say(f"Artifact bucket: {name} deleted")


def _undo_stack(run, entry, dry_run):
    stack = aws.find_stack(run.account, run.chosen.stack)
    reason = _kept(run, entry, stack) if stack else "it is gone already"
    if reason:
        run.console.say(f"Stack: {reason}")
    elif dry_run:
        run.console.say(f"Stack: would be {'deleted' if entry['created'] else 'restored'}")
    elif entry["created"]:
        run.deployment.delete()
        run.console.say("Stack: deleted")
    else:
        run.deployment.artifacts = run.bucket(entry["bucket"])
        changed = run.deployment.restore(entry["earlier"])
        run.console.say(f"Stack: {'restored' if changed else 'nothing to restore'}")
    if entry["created"] and not dry_run and not _is_another(entry, stack):
        run.bucket(entry["bucket"]).disclaim(run.chosen.stack)


def _is_another(entry, stack):
    """Whether the stack is another one of the same name. The setup of 0.1.0 did not keep what it had deployed."""
    return stack is not None and "deployed" in entry and stack.id != entry["deployed"]["stack"]


def _kept(run, entry, stack):
    """Returns why the stack is not reverted, or None. Only what the setup deployed is."""
    if _is_another(entry, stack):
        return "kept, because another one of the same name was created since"
    if entry["created"]:
        return None
    if run.deployment.is_as_before(stack, entry["earlier"]):
        return "nothing to restore"
    if "deployed" in entry and not run.deployment.is_as_deployed(stack, entry["deployed"]):
        return "kept, because it was changed since"
    return None
