"""Call Recording in Flex's configuration: two scalars, changed only when the administrator has seen the difference."""

import re
import urllib.parse

from .problems import Problem, Refusal

ENABLED = "call_recording_enabled"
WEBHOOK = "call_recording_webhook_url"
OURS = (ENABLED, WEBHOOK)

# The parts of a webhook's URL that are shown, and the one that is not.
PLACEHOLDER = re.compile(r"\w+=\{\w+\}")
SETTINGS = re.compile(r"(\w\w=\w{1,5}(&|$))*")
CREDENTIALS = re.compile(r"//[^/@]*@")

# Twilio changes it with every write.
TIMES = ("date_updated",)

CONSENT = "I confirm that these calls may be recorded under the laws that apply to them"

AFTER = """Agents get the setting at their next sign-in. Ask them to sign out and in again.
Make a test call, accept it in Flex, and listen to it in Flex Insights."""


def wanted(webhook_url):
    """Returns the values that this project needs."""
    return {ENABLED: True, WEBHOOK: webhook_url}


def change(before, values):
    """Returns what is sent to Twilio, or None if the configuration has the values already."""
    if all(_same(before.get(name), values[name]) for name in OURS):
        return None
    return {"account_sid": before["account_sid"], **{name: values[name] for name in OURS}}


def difference(before, values):
    """Returns the lines that show the change."""
    lines = []
    for name in OURS:
        old, new = before.get(name), values[name]
        if not _same(old, new):
            lines += [f"- {name}: {shown(old)}", f"+ {name}: {shown(new)}"]
    return lines


def shown(value):
    """Returns a value without the parts of a URL that may have a secret of somebody else: credentials and parameters.

    The placeholders that Flex fills, and Twilio's settings for a webhook after `#`, stay.
    """
    if value in (None, ""):
        return "not set"
    if not isinstance(value, str):
        return str(value).lower()
    address, sharp, settings = value.partition("#")
    head, mark, query = address.partition("?")
    settings = settings if SETTINGS.fullmatch(settings) else "..."
    parts = [part if PLACEHOLDER.fullmatch(part) else "..." for part in query.split("&")]
    shown_query = f"?{'&'.join(parts)}" if mark else ""
    return CREDENTIALS.sub("//...@", head, count=1) + shown_query + (f"#{settings}" if sharp else "")


def is_foreign(before, webhook_url):
    """Whether another address receives the callbacks. An earlier URL of the same stack is not foreign."""
    current = before.get(WEBHOOK)
    return bool(current) and _address(current) != _address(webhook_url)


def check_webhook(before, webhook_url, replace):
    """Refuses to overwrite a foreign webhook without `--replace`."""
    if is_foreign(before, webhook_url) and not replace:
        raise Refusal(
            f"Flex already sends recording callbacks to {shown(before[WEBHOOK])}. That address would get none any more."
            " If nothing needs it, run the command again with --replace. `vault.py setup --undo` restores it"
        )


def configure(twilio, console, webhook_url, *, replace, consent, journal, dry_run=False):
    """Turns Call Recording on with our webhook. Returns whether something was changed.

    `journal(before)` keeps the earlier values before the write.
    """
    values = wanted(webhook_url)
    before = twilio.flex_configuration()
    check_account(before, twilio.account)
    check_webhook(before, webhook_url, replace)
    if not _show(console, before, values, "nothing to change") or dry_run:
        return False
    console.consent(CONSENT, consent)
    journal({name: before.get(name) for name in OURS})
    _write(twilio, before, values)
    console.say(AFTER)
    return True


def undo(twilio, console, webhook_url, earlier, dry_run=False):
    """Restores the earlier values where ours are still present. Returns whether something was changed."""
    before = twilio.flex_configuration()
    check_account(before, twilio.account)
    if not _same(before.get(WEBHOOK), webhook_url):
        if _same(before.get(WEBHOOK), earlier[WEBHOOK]):
            console.say("Flex's configuration: nothing to restore")
            return False
        # The owner of the new address relies on Call Recording too.
        console.say(f"Flex's configuration: kept, because the webhook was changed to {shown(before.get(WEBHOOK))}")
        return False
    values = {WEBHOOK: earlier[WEBHOOK], ENABLED: before.get(ENABLED)}
    if before.get(ENABLED) is True:
        values[ENABLED] = earlier[ENABLED]
    if not _show(console, before, values, "nothing to restore") or dry_run:
        return False
    _write(twilio, before, values)
    return True


def check_account(configuration, account):
    """Refuses the configuration of another account."""
    if configuration.get("account_sid") != account:
        raise Problem("Flex's configuration belongs to another account than the credential. Check the Account SID")


def _show(console, before, values, without_one):
    """Prints the difference that the values make, or `without_one`. Returns whether there is a difference."""
    if change(before, values) is None:
        console.say(f"Flex's configuration: {without_one}")
        return False
    console.say("Flex's configuration:")
    for line in difference(before, values):
        console.say(f"  {line}")
    return True


def _write(twilio, before, values):
    """Writes the values if nobody has changed the configuration since it was shown, and checks what Twilio has kept."""
    now = twilio.flex_configuration()
    if now != before:
        raise Refusal("Flex's configuration was changed while this command ran. Run it again to see the new difference")
    twilio.change_flex_configuration(change(before, values))
    after = twilio.flex_configuration()
    wrong = [name for name in OURS if not _same(after.get(name), values[name])]
    if wrong:
        # Nothing is left half done.
        if restore := change(after, {name: before.get(name) for name in OURS}):
            twilio.change_flex_configuration(restore)
        raise Problem(
            f"Twilio did not keep {' and '.join(wrong)} as sent. The earlier values were restored. If the braces of the"
            " webhook were changed, put the URL into ui_attributes.callRecordingCallbackUrl, as docs/FLEX.md describes"
            ' under "Have calls recorded"'
        )
    others = changed_elsewhere(before, after)
    if others:
        raise Problem(
            f"Call Recording was set. Flex's configuration also changed in {', '.join(others)}. This command did not"
            " send these properties. Ask the other administrators whether they changed them at the same time"
        )


def changed_elsewhere(before, after):
    """Returns the names of other properties that differ."""
    names = sorted(before.keys() | after.keys())
    return [name for name in names if name not in OURS + TIMES and before.get(name) != after.get(name)]


def _same(one, other):
    """Twilio shows a value that is not set as null, or as an empty text."""
    return one == other or (one in (None, "") and other in (None, ""))


def _address(url):
    """Returns scheme, host and path."""
    parts = urllib.parse.urlsplit(url)
    return parts.scheme, parts.netloc, parts.path.rstrip("/")
