"""Activation of the Flex plugin. A release of Flex plugins names every active plugin, so all others are carried over."""

import time

from .problems import Problem, Refusal, WrongInput

PLUGIN = "recording-vault"

# The phase in which Flex loads a plugin. It is the only one that Twilio documents.
PHASE = 3

SETTINGS = "recording_vault"

CONSENT = f"Activate {PLUGIN} for all users of Flex"


def find_version(twilio, version):
    """Returns the SID of an uploaded version of our plugin."""
    named = [plugin for plugin in twilio.plugins() if plugin["unique_name"] == PLUGIN]
    upload = "Upload it first: `twilio flex:plugins:deploy`, as flex-plugin/README.md describes"
    if not named:
        raise WrongInput(f"the account has no Flex plugin {PLUGIN}. {upload}")
    versions = twilio.plugin_versions(named[0]["sid"])
    for known in versions:
        if known["version"] == version and not known.get("archived"):
            return known["sid"]
    names = ", ".join(known["version"] + " (archived)" * bool(known.get("archived")) for known in versions) or "none"
    raise WrongInput(f"the plugin {PLUGIN} has no version {version} (uploaded: {names}). {upload}")


def active(twilio):
    """Returns the active plugin configuration and its plugins, or None and an empty list."""
    release = twilio.active_release()
    if release is None:
        return None, []
    configuration = release["configuration_sid"]
    return configuration, twilio.configured_plugins(configuration)


def plan(plugins, version_sid):
    """Returns the pairs of version and phase for the new configuration: all active plugins, with ours added or replaced."""
    carried = [
        (plugin["plugin_version_sid"], plugin.get("phase") or PHASE)
        for plugin in plugins
        if plugin["unique_name"] != PLUGIN and plugin["plugin_version_sid"] != version_sid
    ]
    return [*carried, (version_sid, PHASE)]


def activate(twilio, console, version, *, consent, journal, dry_run=False):
    """Activates a version of our plugin beside the others. Returns whether something was changed.

    `journal(configuration, earlier)` keeps the new and the earlier configuration's SID before the release.
    """
    check_settings(twilio.flex_configuration())
    version_sid = find_version(twilio, version)
    earlier, plugins = active(twilio)
    if any(plugin["plugin_version_sid"] == version_sid for plugin in plugins):
        console.say("Flex plugins: nothing to change")
        return False
    console.say("Flex plugins:")
    for plugin in plugins:
        kept = plugin["unique_name"] != PLUGIN
        console.say(f"  {' ' if kept else '-'} {plugin['unique_name']}@{plugin['version']}")
    console.say(f"  + {PLUGIN}@{version}")
    if dry_run:
        return False
    console.consent(CONSENT, consent)
    chosen = plan(plugins, version_sid)
    name = f"{PLUGIN} {version} {time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime())}"
    configuration = twilio.create_plugin_configuration(name, chosen)["sid"]
    _check_carried_over(twilio, configuration, chosen)
    if active(twilio) != (earlier, plugins):
        raise Refusal("other Flex plugins were released while this command ran. Run it again")
    journal(configuration, earlier)
    twilio.release(configuration)
    _check_released(twilio, configuration)
    return True


def undo(twilio, console, configuration, earlier, dry_run=False):
    """Releases the earlier configuration if ours is still the active one. Returns whether something was changed."""
    current, _ = active(twilio)
    if current != configuration:
        console.say("Flex plugins: kept, because other plugins were released since")
        return False
    console.say(f"Flex plugins: back to the configuration before ({earlier or 'no plugins'})")
    if dry_run:
        return False
    if earlier is None:
        earlier = twilio.create_plugin_configuration(f"without {PLUGIN}", [])["sid"]
    twilio.release(earlier)
    _check_released(twilio, earlier)
    return True


def check_settings(configuration):
    """Refuses to activate the plugin without its settings. It would then do nothing and show a warning."""
    settings = (configuration.get("ui_attributes") or {}).get(SETTINGS) or {}
    if not settings.get("callback_url"):
        raise Refusal(
            f"the plugin has no settings yet. Set ui_attributes.{SETTINGS}.callback_url first, as flex-plugin/README.md"
            ' describes under "Settings". This command does not write ui_attributes'
        )


def _check_carried_over(twilio, configuration, chosen):
    there = {plugin["plugin_version_sid"] for plugin in twilio.configured_plugins(configuration)}
    missing = [version for version, _ in chosen if version not in there]
    if missing:
        raise Problem(
            f"Twilio's new plugin configuration lacks {', '.join(missing)}. It was not released, so Flex is unchanged."
            " Run the command again, or release the plugin with Twilio's CLI"
        )


def _check_released(twilio, configuration):
    current, _ = active(twilio)
    if current != configuration:
        raise Problem(
            "Twilio did not make the plugin configuration the active one. Check Flex's plugins in the console"
        )
