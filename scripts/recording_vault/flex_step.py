"""The last step of the setup: Flex's configuration, and the plugin if it was requested."""

from . import checks, flex_configuration, flex_plugins
from .problems import Refusal
from .stored_secrets import verified_auth_token


def check_consent(chosen):
    """Refuses a wrong --consent before the first change, and not only at the last step."""
    sentences = (flex_configuration.CONSENT, flex_plugins.CONSENT)
    if chosen.consent is not None and not chosen.skip_flex and " ".join(chosen.consent.split()) not in sentences:
        raise Refusal(f'--consent is not the sentence that this step needs: --consent "{flex_configuration.CONSENT}"')


def configure(run, account, webhook, origins):
    """Asks for the Auth Token for this step alone, and changes Flex."""
    if run.chosen.skip_flex:
        run.console.say("Flex: not changed, because of --skip-flex")
        return
    run.console.say("Flex")
    token = run.secrets.get("flex_auth_token")
    with run.console.step("checking Flex"):
        twilio = verified_auth_token(run.bases, account, token)
        findings = checks.flex(twilio, origins)
    # Most were shown at the beginning.
    checks.require([one for one in findings if one not in run.findings], run.console)
    change(run, twilio, webhook)


def change(run, twilio, webhook):
    """Turns Call Recording on and activates the plugin, or shows what would change."""
    dry_run, consent = run.chosen.dry_run, run.chosen.consent

    def journal(before):
        run.backup.add("flex configuration", account=twilio.account, webhook=webhook, earlier=before)

    run.report["flexChanged"] = flex_configuration.configure(
        twilio, run.console, webhook, replace=run.chosen.replace, consent=consent, journal=journal, dry_run=dry_run
    )
    if not run.chosen.plugin_version:
        return

    def journal_plugin(configuration, earlier):
        run.backup.add("flex plugin", account=twilio.account, configuration=configuration, earlier=earlier)

    run.report["pluginChanged"] = flex_plugins.activate(
        twilio,
        run.console,
        run.chosen.plugin_version,
        # With --consent, nobody is at the prompt. --plugin-version is then the request for the plugin.
        consent=flex_plugins.CONSENT if consent == flex_configuration.CONSENT else consent,
        journal=journal_plugin,
        dry_run=dry_run,
    )
